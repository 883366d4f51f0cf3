"""Exchange folders: whole files only, put aside once stored, and nothing outside the folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters import open_system
from adapters.descriptor import find_descriptor, load_descriptor
from sandbox.exchange.wcm import PICTURE, Outbox
from tests.adapters.exchange.databases import described, pull
from tests.adapters.upstream import Mirror
from weigov.errors import ConfigError, RemoteRefused, RemoteUnavailable
from weigov.ports import Connection, SourceSystem

JSON = """
system: export
title: 例
engine: files
time: {format: iso}
decode: [json]
streams:
  items:
    kind: article
    schedule: "*/10 * * * *"
    files: {pattern: "*.json", settled_s: 0}
    records: data.rows
    key: id
    fields: {title: title, updated_at: at}
"""


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "出口")


@pytest.fixture
def wcm(outbox: Outbox) -> Iterator[SourceSystem]:
    where = Connection("wcm", "gov_files", extra={"folder": str(outbox.folder)})
    system = open_system("wcm", load_descriptor(find_descriptor("trs_wcm_files")), where)
    yield system
    system.close()


def left(outbox: Outbox) -> list[str]:
    return sorted(path.name for path in outbox.folder.glob("*.xml"))


def test_articles_are_read_with_what_belongs_to_them_and_put_aside(wcm: SourceSystem, outbox: Outbox) -> None:
    for number in range(1, 6):
        outbox.publish(number)
    mirror = pull(wcm, "articles", Mirror())
    assert sorted(mirror.records) == ["1", "2", "3", "4", "5"] and mirror.last.complete and not mirror.rejected
    record = mirror.records["4"]
    assert record.get("title") == "𠮷祥街道便民服务中心迁址公告" and record.get("column") == "1024"
    assert record.get("published_at") == datetime(2026, 1, 5, 5, 0, tzinfo=UTC)
    assert '<img src="W0202601050000004.png"' in record.get("html")
    assert wcm.fetch("W0202601050000004.png", 1000) == (PICTURE, "image/png")
    (attachment,) = record.get("attachments")
    assert attachment["name"] == "附件4" and wcm.fetch(attachment["url"], 1000)[0].decode() == "附件4"
    assert left(outbox) == [] and len(list((outbox.folder / "done").iterdir())) == 5
    assert pull(wcm, "articles", mirror).last.records == []


def test_a_file_handed_over_again_is_read_again_and_overwrites_nothing(wcm: SourceSystem, outbox: Outbox) -> None:
    outbox.publish(1)
    mirror = pull(wcm, "articles", Mirror())
    outbox.publish(1, title="更正后的标题")
    pull(wcm, "articles", mirror)
    assert mirror.records["1"].get("title") == "更正后的标题"
    assert sorted(path.name for path in (outbox.folder / "done").iterdir()) == ["000001.xml", "000001.xml.2"]


def test_of_one_article_in_several_files_the_newest_counts(wcm: SourceSystem, outbox: Outbox) -> None:
    outbox.age_s = 7200
    outbox.publish(1, title="旧", name="b.xml")
    outbox.age_s = 3600
    outbox.publish(1, title="新", name="a.xml")
    assert pull(wcm, "articles", Mirror()).records["1"].get("title") == "新"


def test_killed_between_storing_and_putting_aside_the_file_comes_again(wcm: SourceSystem, outbox: Outbox) -> None:
    outbox.publish(1)
    mirror = pull(wcm, "articles", Mirror(), acknowledging=False)
    before = dict(mirror.records)
    assert left(outbox) == ["000001.xml"]
    assert pull(wcm, "articles", mirror).records == before and left(outbox) == []


def test_a_file_replaced_between_reading_and_putting_aside_stays(wcm: SourceSystem, outbox: Outbox) -> None:
    outbox.publish(1)
    mirror = pull(wcm, "articles", Mirror(), between=lambda _: outbox.publish(1, title="刚刚更正") and None)
    assert left(outbox) == ["000001.xml"]
    assert pull(wcm, "articles", mirror).records["1"].get("title") == "刚刚更正"


@pytest.mark.parametrize("anew", [True, False])
def test_a_file_changed_meanwhile_stays_though_its_size_and_time_are_as_before(
    wcm: SourceSystem, outbox: Outbox, anew: bool
) -> None:
    path = outbox.publish(1)
    text, at = path.read_bytes(), path.stat().st_mtime_ns

    def change(_: object) -> None:
        other = path.with_suffix(".tmp") if anew else path
        other.write_bytes(text.replace(b"<DOCID>1</DOCID>", b"<DOCID>2</DOCID>"))
        os.utime(other, ns=(at, at))
        other.rename(path)

    mirror = pull(wcm, "articles", Mirror(), between=change)
    assert left(outbox) == ["000001.xml"]
    assert sorted(pull(wcm, "articles", mirror).records) == ["1", "2"]


def test_nothing_is_put_aside_through_a_link(wcm: SourceSystem, outbox: Outbox, tmp_path: Path) -> None:
    outbox.publish(1)
    (tmp_path / "elsewhere").mkdir()
    (outbox.folder / "done").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RemoteRefused, match="wcm articles acknowledge: where files are put aside is a symbolic link"):
        pull(wcm, "articles", Mirror())
    assert left(outbox) == ["000001.xml"] and not list((tmp_path / "elsewhere").iterdir())


def test_the_exchange_folder_itself_may_be_reached_by_a_link(tmp_path: Path, outbox: Outbox) -> None:
    (tmp_path / "link").symlink_to(outbox.folder)
    for done, names in (("{move: done}", ["000001.xml"]), ("{rename: .read}", ["000001.xml.read"])):
        text = find_descriptor("trs_wcm_files").read_text().replace("done: {move: done}", f"done: {done}")
        assert f"done: {done}" in text
        outbox.publish(1)
        system = described(text, tmp_path, Connection("c", extra={"folder": str(tmp_path / "link")}))
        pull(system, "articles", Mirror())
        assert left(outbox) == [] and [*outbox.folder.rglob(names[0])]


def test_a_name_that_is_no_utf8_is_told_by_its_bytes_and_its_file_put_aside(
    wcm: SourceSystem, outbox: Outbox
) -> None:
    broken = outbox.publish(1)
    broken.write_bytes(b"<broken>")
    named = os.fsencode(outbox.folder) + b"/\xb9\xab\xb8\xe6\n.xml"
    broken.rename(os.fsdecode(named))
    os.utime(named, (1, 1))
    mirror = pull(wcm, "articles", Mirror())
    assert list(mirror.rejected) == [r"\xb9\xab\xb8\xe6\n.xml"]
    assert os.listdir(os.fsencode(outbox.folder / "failed")) == [b"\xb9\xab\xb8\xe6\n.xml"]


def test_a_file_named_in_gbk_is_fetched_by_its_bytes(wcm: SourceSystem, outbox: Outbox) -> None:
    outbox.publish(1)
    with open(os.fsencode(outbox.folder) + b"/\xb9\xab\xb8\xe6.doc", "wb") as file:
        file.write(b"content")
    assert wcm.fetch("%B9%AB%B8%E6.doc", 100)[0] == b"content"


def test_a_file_that_may_still_grow_waits(wcm: SourceSystem, outbox: Outbox) -> None:
    outbox.age_s = 0
    path = outbox.publish(1)
    assert pull(wcm, "articles", Mirror()).records == {}
    os.utime(path, (time.time() - 31, time.time() - 31))
    assert "1" in pull(wcm, "articles", Mirror()).records


def test_gb2312_is_read_as_what_it_is(tmp_path: Path, wcm: SourceSystem, outbox: Outbox) -> None:
    outbox.encoding = "gb2312"
    outbox.publish(4)
    assert pull(wcm, "articles", Mirror()).records["4"].get("title") == "𠮷祥街道便民服务中心迁址公告"


def test_a_broken_file_costs_only_itself(wcm: SourceSystem, outbox: Outbox) -> None:
    outbox.publish(1)
    broken = outbox.publish(2)
    broken.write_bytes(broken.read_bytes()[:-40])
    os.utime(broken, (1, 1))
    nameless = outbox.publish(3)
    nameless.write_text(nameless.read_text().replace("<DOCID>3</DOCID>", ""))
    os.utime(nameless, (2, 2))
    mirror = pull(wcm, "articles", Mirror())
    assert sorted(mirror.records) == ["1"]
    assert mirror.rejected == {
        "000002.xml": "the file was not read: the answer is no whole XML: it is cut short or broken",
        "000003.xml record 1": "it has no key",
    }
    assert sorted(path.name for path in (outbox.folder / "failed").iterdir()) == ["000002.xml", "000003.xml"]
    assert left(outbox) == []


def test_only_files_with_their_companion_are_whole(tmp_path: Path, outbox: Outbox) -> None:
    text = find_descriptor("trs_wcm_files").read_text().replace("settled_s: 30 ", "companion: .ok")
    system = described(text, tmp_path, Connection("c", extra={"folder": str(outbox.folder)}))
    outbox.publish(1)
    outbox.whole = True
    outbox.publish(2)
    assert sorted(pull(system, "articles", Mirror()).records) == ["2"]
    assert sorted(path.name for path in (outbox.folder / "done").iterdir()) == ["000002.xml", "000002.xml.ok"]


def test_many_records_a_file_in_json_and_nothing_is_touched(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for n in range(3):
        rows = [{"id": n * 10 + i, "title": f"第{i}", "at": "2026-01-05T09:00:00+08:00"} for i in range(10)]
        (folder / f"{n}.json").write_text(json.dumps({"data": {"rows": rows}}), encoding="utf-8")
    system = described(JSON, tmp_path, Connection("c", base_url=f"file://{folder}"))
    for _ in range(2):
        mirror = pull(system, "items", Mirror())
        assert len(mirror.records) == 30 and mirror.last.token is None
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize(
    "url",
    [
        "../secret.txt", "/etc/passwd", "file:///etc/passwd", "%2e%2e/secret.txt", "..\\secret.txt", "link.txt",
        "folder/secret.txt", "http://cms.internal/W0.png", "file://host/W0.png", "", "sub", "pipe", "http://[::1",
    ],
)  # fmt: skip
def test_nothing_outside_the_folder_is_fetched(wcm: SourceSystem, outbox: Outbox, tmp_path: Path, url: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (outbox.folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (outbox.folder / "folder").symlink_to(tmp_path)
    (outbox.folder / "sub").mkdir()
    os.mkfifo(outbox.folder / "pipe")
    with pytest.raises(RemoteRefused):
        wcm.fetch(url, 1000)


def test_links_are_no_files_and_a_file_too_large_is_refused(
    wcm: SourceSystem, outbox: Outbox, tmp_path: Path
) -> None:
    elsewhere = Outbox(tmp_path / "elsewhere").publish(9)
    (outbox.folder / "link.xml").symlink_to(elsewhere)
    assert pull(wcm, "articles", Mirror()).records == {}
    outbox.publish(1)
    with pytest.raises(RemoteRefused, match="is larger than 10 bytes"):
        wcm.fetch("W0202601050000001.png", 10)


def test_a_folder_that_is_not_mounted_is_unavailable(wcm: SourceSystem, outbox: Outbox) -> None:
    outbox.folder.rmdir()
    with pytest.raises(RemoteUnavailable, match="is it mounted"):
        pull(wcm, "articles", Mirror())


def test_a_connection_without_a_folder_is_said() -> None:
    with pytest.raises(ConfigError, match=r"connection c: has no folder: write extra.folder"):
        open_system(
            "x", load_descriptor(find_descriptor("trs_wcm_files")), Connection("c", base_url="https://cms.internal")
        )
