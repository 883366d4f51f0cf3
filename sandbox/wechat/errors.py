"""WeChat's refusals: HTTP 200 with an errcode, an English errmsg, and a rid to ask about it.

Texts as WeChat answers them where an answer has been recorded, else the short name of its table of return codes.
"""

from sandbox.wire import rid

ERRMSG: dict[int, str] = {
    40001: "invalid credential, access_token is invalid or not latest, could get access_token by "
    "getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40005: "invalid file type",
    40007: "invalid media_id",
    40009: "invalid image size",
    40012: "invalid thumb size",
    40013: "invalid appid",
    40014: "invalid access_token",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40022: "invalid sub button level",
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40032: "invalid openid list size",
    40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
    40035: "invalid args",
    40037: "invalid template_id",
    40054: "invalid sub button url domain",
    40055: "invalid button url domain",
    40060: "invalid article idx",
    40066: "invalid url",
    40114: "invalid index value",
    40118: "invalid media_id size",
    40119: "invalid use button type",
    40120: "invalid use sub button type",
    40125: "invalid appsecret",
    40137: "invalid image format",
    40164: "invalid ip {ip}, not in whitelist",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41005: "media data missing",
    41006: "media_id missing",
    41039: "invalid content_source_url",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    43019: "require remove blacklist",
    44001: "empty media data",
    44002: "empty post data",
    44003: "empty news data",
    44004: "empty content",
    45001: "media size out of limit",
    45002: "content size out of limit",
    45003: "title size out of limit",
    45004: "description size out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45056: "too many tags",
    45064: "no permission to use weapp in menu",
    45103: "This API has been unsupported",
    45110: "author size out of limit",
    45157: "invalid tag name",
    45158: "tag name too long",
    45159: "invalid tag",
    45166: "invalid content",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid! data.{field}.value {why}",
    48001: "api unauthorized",
    48005: "forbid to delete material used by auto-reply or menu",
    48006: "forbid to clear quota because of reaching the limit",
    53502: "publish id invalid",
    53600: "article id invalid",
    65301: "no such menuid",
    65302: "no such user",
    65303: "no default menu",
    65304: "empty matchrule",
    65307: "empty conditional menu",
    65308: "button without action",
    65316: "too many outside domains",
    65320: "privacy matchrule removed",
    76003: "cgi_path empty",
    76021: "cgi_path not found",
    88000: "without comment privilege",
}


class Refused(Exception):
    """WeChat says no; nothing of the call has taken effect."""

    def __init__(self, errcode: int, **details: object) -> None:
        self.errcode = errcode
        self.errmsg = ERRMSG[errcode].format(**details) if details else ERRMSG[errcode]
        super().__init__(f"{errcode} {self.errmsg}")

    def answer(self) -> dict[str, object]:
        return {"errcode": self.errcode, "errmsg": f"{self.errmsg} rid: {rid()}"}
