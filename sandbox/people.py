"""The citizens who use the sandbox: the same people every time.

``identity`` is the natural person, as the case and Q&A systems know them; ``openid`` is that person as a follower
of the service account. The list is written by hand so that a name or a persona never moves when somebody is added:
add at the end only.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

Persona = Literal["ordinary", "blocked", "unfollowed", "timeout_after_accept"]
PERSONAS: tuple[Persona, ...] = get_args(Persona)

SERVICE_APPID = "wx5a9d0c17e3b84f26"


@dataclass(frozen=True)
class Person:
    identity: str
    name: str
    openid: str
    persona: Persona


def openid_of(identity: str, appid: str) -> str:
    """28 characters beginning with ``o``; the first six are common to an account, as WeChat's are."""
    account = base64.urlsafe_b64encode(hashlib.sha256(appid.encode()).digest()).decode()
    person = base64.urlsafe_b64encode(hashlib.sha256(f"{appid}/{identity}".encode()).digest()).decode()
    return "o" + account[:5] + person[:22]


def wxname_of(identity: str) -> str:
    """What the person calls themselves in WeChat: ``wx_p0001``."""
    return f"wx_{identity.lower()}"


_NAMES = """
王建国 李秀英 张伟 刘洋 陈静 杨磊 赵敏 黄丽华 周强 吴芳
徐志明 孙丽娟 马超 朱晓红 胡军 林淑珍 郭涛 何雪梅 高峰 罗文静
郑海燕 梁国栋 谢婷婷 宋玉兰 唐伟民 许佳怡 邓安然 韩雪 冯志强 曹桂芳
彭宇 曾庆国 肖丽 田野 董建华 袁媛 潘晓东 于淼 蒋文斌 蔡美玲
余光明 杜鹃 叶青 程浩然 苏慧敏 魏国强 吕思远 丁一 任晓燕 沈文静
姚远 卢志刚 姜雨桐 崔健民 钟秀兰 谭永红 陆子涵 汪洋 范文丽 金鑫
石磊 廖春梅 贾宝忠 夏雨荷 韦国良 付强 方婉清 白雪松 邹容 孟庆芳
欧阳明 司马兰 阿依古丽·买买提 扎西顿珠 乌兰图雅 尼玛次仁
""".split()

_SPECIAL: dict[str, Persona] = {
    "P0007": "blocked", "P0023": "blocked", "P0041": "blocked",
    "P0011": "unfollowed", "P0029": "unfollowed", "P0047": "unfollowed",
    "P0013": "timeout_after_accept", "P0031": "timeout_after_accept", "P0053": "timeout_after_accept",
}  # fmt: skip


def _people() -> list[Person]:
    people = []
    for number, name in enumerate(_NAMES, start=1):
        identity = f"P{number:04d}"
        openid = openid_of(identity, SERVICE_APPID)
        people.append(Person(identity, name, openid, _SPECIAL.get(identity, "ordinary")))
    return people


PEOPLE: list[Person] = _people()
