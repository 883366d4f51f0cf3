"""Every kind of button, conditional menus, and what is wrong with either, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.weigov.site.test_load import faults_of
from tests.weigov.site.town import MENU, NOTICES, shapes, write
from weigov.errors import Fault
from weigov.site.load import load_site_parts

BUTTONS = """\
  - {name: 扫一扫, scancode_push: scan}
  - {name: 拍照, pic_sysphoto: photo}
  - name: 更多
    children:
      - {name: 等待, scancode_waitmsg: wait}
      - {name: 相册, pic_photo_or_album: album}
      - {name: 微信相册, pic_weixin: weixin}
      - {name: 位置, location_select: place}
      - {name: 图片, media_id: MEDIA}
conditional:
  - for: {tag: 企业, platform: ios}
    menu:
      - {name: 文章, article_id: ARTICLE}
      - {name: 旧文章, view_limited: MEDIA}
  - for: {platform: ios}
    menu:
      - {name: 看文章, article_view_limited: ARTICLE}
      - {name: 小程序, miniprogram: {appid: wx01ab, pagepath: pages/index, url: "https://town.example/"}}
  - for: {tag: 老年人}
    menu:
      - {name: 大字版, url: "https://town.example/"}
"""
WHOLE = MENU[: MENU.index("menu:\n") + len("menu:\n")] + BUTTONS
AT = "flows/menu.yaml"


def faults(tmp_path: Path, text: str) -> tuple[Path, list[Fault]]:
    folder = write(tmp_path, {AT: text})
    return folder, load_site_parts(folder, shapes)[1]


def test_every_type_of_button_and_conditional_menus_are_sound(tmp_path: Path) -> None:
    assert faults(tmp_path, WHOLE)[1] == []


BROKEN = [
    (
        "scancode_push: scan",
        f"scancode_push: {'k' * 129}",
        "menu.0.scancode_push",
        "129 bytes; WeChat takes 1 to 128",
    ),
    ("scancode_push: scan", "scancode_pull: scan", "menu.0.scancode_pull", "did you mean scancode_push?"),
    ("scancode_push: scan", "scancode_push: scan, key: k", "menu.0", "says key and scancode_push"),
    ("media_id: MEDIA", 'media_id: " "', "menu.2.children.4.media_id", "is empty"),
    ("    children:", "    key: k\n    children:", "menu.2.key", "does nothing beside children"),
    ("appid: wx01ab", "appid: WX01AB", "conditional.1.menu.1.miniprogram.appid", "write wx01ab"),
    ('url: "https://town.example/"}}', "url: town.example}}", "1.menu.1.miniprogram.url", "begins with https://"),
    (", pagepath: pages/index", "", "miniprogram.pagepath", "is missing"),
    ("{platform: ios}\n", "{platform: iso}\n", "conditional.1.for.platform", "ios"),
    ("{platform: ios}\n", "{}\n", "conditional.1.for", "names nobody"),
    ("{tag: 老年人}", f"{{tag: {'老' * 31}}}", "conditional.2.for.tag", "has 31 characters; WeChat takes 30"),
    ("{tag: 老年人}", "{tag: 企业, platform: ios}", "conditional.2.for", "conditional.0 matches everyone it matches"),
    ("{tag: 老年人}", "{tag: 老年人, platform: ios}", "conditional.2.for", "put the narrower one first"),
    ("{name: 文章, article_id", "{name: 六个汉字文章, article_id", "conditional.0.menu.0.name", "has 18 bytes"),
]


@pytest.mark.parametrize(("old", "new", "path", "words"), BROKEN)
def test_what_is_wrong_is_one_line_that_names_its_place(
    tmp_path: Path, old: str, new: str, path: str, words: str
) -> None:
    assert WHOLE.count(old) == 1
    folder, found = faults(tmp_path, WHOLE.replace(old, new))
    (fault,) = [fault for fault in found if words in str(fault)]
    assert fault.file == str(folder / AT) and fault.path.endswith(path) and fault.line is not None


def test_a_conditional_menu_leads_to_three_outside_hosts_at_most(tmp_path: Path) -> None:
    links = "\n".join(f'          - {{name: 外链, url: "https://{n}.example/"}}' for n in range(4))
    wide = WHOLE.replace('{name: 大字版, url: "https://town.example/"}', f"name: 外链\n        children:\n{links}")
    (fault,) = faults(tmp_path, wide)[1]
    assert fault.path == "conditional.2.menu" and "leads to 4 outside hosts" in str(fault)
    allowed = wide.replace("https://3.example/", "https://mp.weixin.qq.com/s/x")
    assert faults(tmp_path / "allowed", allowed)[1] == []


def test_two_flows_do_not_write_one_menu(tmp_path: Path) -> None:
    folder = write(tmp_path, {"flows/second.yaml": MENU.replace("flow: menu", "flow: second")})
    (fault,) = faults_of(folder)
    assert str(fault).startswith(str(folder / "flows/second.yaml"))
    assert "'city' has its menu from menu.yaml already" in str(fault) and fault.line == 4


def test_menus_mean_nothing_for_articles(tmp_path: Path) -> None:
    conditional = WHOLE[WHOLE.index("conditional:") :]
    found = faults_of(write(tmp_path, {"flows/notices.yaml": NOTICES + conditional}))
    assert any("conditional: means nothing for news" in str(fault) for fault in found)
