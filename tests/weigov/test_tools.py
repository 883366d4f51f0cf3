"""The engineer's tools on the command line, against the sandbox's systems: check, sample, and tapes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.descriptor import all_descriptors, load_descriptor
from tests.weigov.command import Typed, command
from tests.weigov.flow.deployment import DEMO, Deployment, OtherSide, other_side

TAPED = {"cms": ["notices", "policies"], "cases": ["case_progress"], "qa": ["answers"]}


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherSide]:
    with other_side(tmp_path_factory.mktemp("sandbox") / "sandbox.db") as it:
        yield it


class Town:
    """The demo's site without a ledger: these tools need none, and make none."""

    def __init__(self, other: OtherSide, home: Path) -> None:
        self.other, self.home = other, home
        self.environ = Deployment.prepare(other, home, f"sqlite:///{home / 'ledger.db'}").environ

    def type(self, *words: object, **environ: str) -> Typed:
        return command(self.environ | environ, *map(str, words))

    def calls(self, system: str) -> int:
        return int(self.other.get(f"/{system}/state").get("calls", 0))


@pytest.fixture
def town(other: OtherSide, tmp_path: Path) -> Iterator[Town]:
    made = Town(other, tmp_path)
    yield made
    assert not (tmp_path / "ledger.db").exists()


# ---- check


@pytest.mark.parametrize("system", TAPED)
def test_the_demos_descriptors_are_contradicted_by_nothing(system: str, town: Town) -> None:
    shown = town.type("check", system)
    assert "nothing contradicts the descriptor" in shown.good() and shown.err == ""


def test_check_shows_what_was_seen_of_each_stream(town: Town) -> None:
    shown = town.type("check", "cms").good()
    for words in (
        "50 on the first page of 50, of", "the second page brings other rows", "id: unique on the page",
        "updateTime: ", "Asia/Shanghai, ascending", "works, and includes the mark itself", "status '1'",
    ):  # fmt: skip
        assert words in shown, words


def test_check_says_the_same_as_json(town: Town) -> None:
    found = json.loads(town.type("check", "cms", "--stream", "columns", "--json").good())
    assert found["unproven"] is False
    assert [one["stream"] for one in found["streams"]] == ["columns"] and not found["streams"][0]["contradictions"]


def test_a_wrong_log_in_is_one_line(town: Town) -> None:
    secrets = json.loads((town.home / "secrets.json").read_text())
    secrets["cms"]["password"] = "not-the-one"
    (town.home / "secrets.json").write_text(json.dumps(secrets))
    shown = town.type("check", "cms")
    assert shown.code == 1 and len(shown.err.splitlines()) == 1 and "connection cms" in shown.err
    assert "not-the-one" not in shown.out + shown.err


def unproven() -> str:
    """A descriptor from documents, whatever others there are."""
    return next(
        name
        for name, path in all_descriptors()
        if "unproven" in path.parts and (it := load_descriptor(path)).engine == "rest" and it.streams
    )


def test_a_descriptor_from_documents_is_labelled(town: Town) -> None:
    site = town.home / "demo"
    shutil.copytree(DEMO, site)
    text = (site / "site.yaml").read_text(encoding="utf-8")
    (site / "site.yaml").write_text(
        text + f"  paper: {{descriptor: {unproven()}, connection: paper}}\n", encoding="utf-8"
    )
    secrets = json.loads((town.home / "secrets.json").read_text())
    extra = {"sm2_private_key": "11" * 32, "sm4_secret_key": "22" * 16}
    secrets["paper"] = {
        "conn_type": "gov_rest",
        "host": f"{town.other.base_url}/elsewhere",
        "login": "x",
        "password": "yyyy",
        "extra": extra,
    }
    (town.home / "secrets.json").write_text(json.dumps(secrets))
    shown = town.type("check", "paper", WEIGOV_SITE=str(site))
    assert shown.code == 1 and "未经实证 unproven" in shown.out and "Traceback" not in shown.err


@pytest.mark.parametrize(
    "words", [["check", "cmss"], ["sample", "cmss", "x"], ["sample", "cms", "x"], ["tape", "record", "cmss", "f"]]
)
def test_what_there_is_none_of_is_one_line_with_what_there_is(words: list[str], town: Town) -> None:
    shown = town.type(*words)
    assert shown.code == 1 and len(shown.err.splitlines()) == 1
    assert ("cases, cms, qa" if "cmss" in words else "articles, columns") in shown.err


# ---- sample


def test_a_sample_says_how_many_of_how_many(town: Town) -> None:
    shown = town.type("sample", "cms", "articles", "--limit", "3")
    total = town.other.get("/cms/state")
    assert "first 3 of 71" in shown.err, total
    assert shown.good().count("https://www.shifan.example") == 3


def test_a_sample_says_when_nobody_knows_how_many_there_are(town: Town) -> None:
    shown = town.type("sample", "qa", "answers", "--limit", "2")
    assert "first 2; the system does not say how many there are" in shown.err and shown.code == 0


def test_a_sample_that_could_not_be_read_says_only_why(town: Town) -> None:
    secrets = json.loads((town.home / "secrets.json").read_text())
    secrets["cms"]["password"] = "not-the-one"
    (town.home / "secrets.json").write_text(json.dumps(secrets))
    shown = town.type("sample", "cms", "articles")
    assert shown.code == 1 and len(shown.err.splitlines()) == 1 and "first 0" not in shown.err


def test_a_sample_of_citizens_is_masked_unless_it_is_asked_for_clear(town: Town) -> None:
    def names(*more: str) -> list[str]:
        lines = town.type("sample", "cases", "cases", "--limit", "4", "--json", *more).good().splitlines()
        return [json.loads(line)["fields"]["applicant_name"] for line in lines]

    masked, clear = names(), names("--clear")
    assert len(masked) == 4 and masked != clear
    assert all(a[0] == b[0] and set(a[1:]) == {"*"} for a, b in zip(masked, clear, strict=True))


def test_a_sample_as_json_is_the_record_as_it_would_be_mirrored(town: Town) -> None:
    line = json.loads(town.type("sample", "cms", "columns", "--limit", "1", "--json").good())
    assert set(line) == {"key", "partition", "withdrawn", "fields", "extra"} and line["fields"]["name"]


# ---- tapes


@pytest.fixture(scope="module")
def tapes(other: OtherSide, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tapes")
    town = Town(other, folder)
    for system in TAPED:
        town.type("tape", "record", system, folder / f"{system}.tape").good()
    return folder


@pytest.mark.parametrize("system", TAPED)
def test_a_tape_plays_to_the_same_records_and_every_flow_maps_them(system: str, tapes: Path, tmp_path: Path) -> None:
    environ = {"WEIGOV_SITE": str(DEMO), "WEIGOV_HOME": str(tmp_path)}  # no secrets, no system, no ledger
    shown = command(environ, "tape", "play", str(tapes / f"{system}.tape"), *TAPED[system])
    assert shown.code == 0, shown.err
    for flow in TAPED[system]:
        said = next(line for line in shown.out.splitlines() if line.startswith(f"{flow}: takes"))
        taken, mapped = int(said.split()[2]), int(said.split()[-2])
        assert taken == mapped > 0, said


def test_no_citizen_is_on_a_tape(tapes: Path, town: Town) -> None:
    lines = town.type("sample", "cases", "cases", "--limit", "40", "--json", "--clear").good().splitlines()
    people = {json.loads(line)["fields"].get(name) for line in lines for name in ("applicant", "applicant_name")}
    text = (tapes / "cases.tape").read_text(encoding="utf-8")
    assert len(people) > 10 and [name for name in people if name and name in text] == []


def test_other_records_than_then_are_a_diff_and_exit_code_1_until_they_are_accepted(
    tapes: Path, tmp_path: Path
) -> None:
    tape = tmp_path / "cases.tape"
    text = (tapes / "cases.tape").read_text(encoding="utf-8")
    tape.write_text(text.replace('"stdver": "1.0"', '"stdver": "0.9"', 1), encoding="utf-8")
    environ = {"WEIGOV_SITE": str(DEMO), "WEIGOV_HOME": str(tmp_path)}
    shown = command(environ, "tape", "play", str(tape))
    assert shown.code == 1 and shown.out.splitlines()[1:] == ['- "0.9"', '+ "1.0"'] and "--accept" in shown.err
    assert shown.out.startswith("cases ") and " stdver" in shown.out.splitlines()[0]
    assert command(environ, "tape", "play", str(tape), "--accept").code == 0
    assert command(environ, "tape", "play", str(tape)).code == 0


def test_a_flow_of_another_system_is_refused(tapes: Path, tmp_path: Path) -> None:
    shown = command(
        {"WEIGOV_SITE": str(DEMO), "WEIGOV_HOME": str(tmp_path)}, "tape", "play", str(tapes / "qa.tape"), "notices"
    )
    assert shown.code == 1 and shown.err.splitlines() == ["notices does not read demo_qa, which this tape is of"]


def test_only_the_streams_and_pages_asked_for_are_recorded(town: Town, tmp_path: Path) -> None:
    tape = tmp_path / "cms.tape"
    said = town.type("tape", "record", "cms", tape, "--streams", "articles", "--limit", "1").good()
    assert said.splitlines()[0] == "demo_cms articles: 50 records"
    calls = [json.loads(line)["call"] for line in tape.read_text(encoding="utf-8").splitlines() if '"call"' in line]
    assert calls.count("articles") == 1 and set(calls) == {"articles", "articles detail"}
