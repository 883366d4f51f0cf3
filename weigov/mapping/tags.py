"""Which tags of upstream HTML are written, under which name, and which are left out with what they hold.

Source: rulebook §3, "HTML that survives": no id, class or form; article and its like lose their style, so they become
sections; scripts, frames and players go.
"""

from __future__ import annotations

#: Written as they are, or under the name WeChat leaves alone. Everything else loses its tags and keeps its text.
BLOCKS = {
    **{name: name for name in "p section blockquote pre h1 h2 h3 h4 h5 h6 ul ol dl".split()},
    **dict.fromkeys(
        "div article main header footer nav aside address figure figcaption center details summary dialog hgroup"
        " search form fieldset legend button select optgroup option textarea marquee object applet noscript".split(),
        "section",
    ),
    **dict.fromkeys(("menu", "dir"), "ul"),
    **dict.fromkeys(("plaintext", "xmp", "listing"), "pre"),
}
INLINES = {
    **{name: name for name in "b strong i em u s del ins sub sup small code".split()},
    **{"strike": "s", "tt": "code", "kbd": "code", "samp": "code", "span": "span", "font": "span"},
}
PARENTS = {  # parts that only mean something directly inside another
    **dict.fromkeys(("tbody", "thead", "tfoot", "caption"), ("table",)),
    "tr": ("tbody", "thead", "tfoot"),
    **dict.fromkeys(("td", "th"), ("tr",)),
    "li": ("ul", "ol"),
    **dict.fromkeys(("dt", "dd"), ("dl",)),
}
END = {name: f"</{name}>" for name in (*BLOCKS.values(), *INLINES.values(), *PARENTS, "a", "table")}
TABLE_ROWS = frozenset({"table", "tbody", "thead", "tfoot", "tr"})  # may hold nothing but their parts
SPECIAL = frozenset({"br", "hr", "img", "a", "table"})
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
GONE = frozenset(  # with all they hold, which is no text of the article
    "script style iframe noembed noframes template title head video audio canvas embed frame frameset xml datalist"
    " input param source track link meta base area bgsound basefont colgroup col wbr desc metadata defs"
    " annotation annotation-xml -comment -doctype".split()
)
UNCOUNTED = frozenset(
    "title head xml colgroup col wbr meta base desc metadata defs param source track -comment -doctype".split()
)
#: Their tags go, their text stays, and the reviewer is told.
COUNTED = frozenset("form button select textarea object applet marquee noscript svg math".split())
#: What becomes of them is not in the start tag alone.
ASKED = SPECIAL | COUNTED | HEADINGS | {tag for tag, name in BLOCKS.items() if name == "pre"}
