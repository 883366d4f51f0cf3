"""A folder as TRS WCM hands articles over: one XML file an article, its pictures and attachments beside it.

A file is ``WCMDOCUMENTS/WCMDOCUMENT[@Version]/PROPERTIES``; HTML and titles stand in CDATA; pictures in the text are
named ``W020…`` and lie in the same folder; ``WCMAPPENDIXS`` lists the attachments. Times are Beijing wall time.
``DOCSTATUS`` 10 is published (已发), 0 is withdrawn. With ``whole=True`` an empty ``NAME.ok`` is written last.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

_FIRST_DAY = datetime(2026, 1, 5, 9, 0)
#: A picture of one grey point.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e366"
    "0000000049454e44ae426082"
)
_TITLES = (
    "示范市人民政府关于印发城市绿化管理办法的通知",
    "示范市住房和城乡建设局关于老旧小区改造的公告",
    "示范市2026年春季学期义务教育入学问答",
    "滨湖大道封闭施工期间交通组织方案",
    "𠮷祥街道便民服务中心迁址公告",
)


class Outbox:
    """The folder, as the CMS fills it."""

    def __init__(self, folder: Path, *, encoding: str = "UTF-8", whole: bool = False, age_s: float = 3600) -> None:
        self.folder, self.encoding, self.whole, self.age_s = folder, encoding, whole, age_s
        folder.mkdir(parents=True, exist_ok=True)

    def publish(self, number: int, *, title: str = "", status: int = 10, name: str = "") -> Path:
        """Write one article with a picture and an attachment; the path of its XML file."""
        picture, paper = f"W0202601050000{number:03d}.png", f"P0202601050000{number:03d}.txt"
        (self.folder / picture).write_bytes(PICTURE)
        (self.folder / paper).write_text(f"附件{number}", encoding="utf-8")
        written = f"{_FIRST_DAY + timedelta(hours=number):%Y-%m-%d %H:%M:%S}"
        title = title or _TITLES[number % len(_TITLES)]
        html = (
            f'<div class="TRS_Editor"><p>{escape(title)}全文。</p>'
            f'<p><img src="{picture}" OLDSRC="{picture}"/></p></div>'
        )
        text = (
            f'<?xml version="1.0" encoding="{self.encoding}"?>\n<WCMDOCUMENTS><WCMDOCUMENT Version="6.0"><PROPERTIES>'
            f"<DOCID>{number}</DOCID><DOCCHANNEL>1024</DOCCHANNEL><DOCTYPE>20</DOCTYPE>"
            f"<DOCTITLE><![CDATA[{title}]]></DOCTITLE><DOCSOURCENAME><![CDATA[市政府办公室]]></DOCSOURCENAME>"
            f"<DOCSTATUS>{status}</DOCSTATUS><DOCHTMLCON><![CDATA[{html}]]></DOCHTMLCON>"
            f"<DOCABSTRACT><![CDATA[{title}]]></DOCABSTRACT><DOCAUTHOR><![CDATA[办公室]]></DOCAUTHOR>"
            f"<DOCRELTIME>{written}</DOCRELTIME><CRTIME>{written}</CRTIME><CRUSER>admin</CRUSER>"
            f"<WCMAPPENDIXS><WCMAPPENDIX><APPDESC>附件{number}</APPDESC><APPFILE>{paper}</APPFILE></WCMAPPENDIX>"
            "</WCMAPPENDIXS></PROPERTIES></WCMDOCUMENT></WCMDOCUMENTS>"
        )
        codec = "gb18030" if self.encoding.upper().startswith("GB") else self.encoding
        path = self.folder / (name or f"{number:06d}.xml")
        path.write_bytes(text.encode(codec))
        long_ago = path.stat().st_mtime - self.age_s
        os.utime(path, (long_ago, long_ago))
        if self.whole:
            path.with_name(path.name + ".ok").touch()
        return path
