"""Axis 1.4 of its own for a test: Debian's library, a case service of our own (``axis/``), compiled at set-up.

Axis's ``SimpleAxisServer`` serves one class as two services, rpc/encoded and wrapped/literal.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from lxml import etree

from tests.real.machine import RealSystem, Say, install

PACKAGES = ("libaxis-java", "default-jdk-headless", "libmail-java")
SOURCES = Path(__file__).with_name("axis")
SERVICES = {"rpc": "RpcCases", "wrapped": "WrappedCases"}
_JARS = Path("/usr/share/java")
_LIBRARIES = (
    "axis", "jaxrpc", "axis-saaj", "commons-logging", "commons-discovery", "wsdl4j", "javax.mail", "javax.activation",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What the service itself says of a case."""

    item: str
    applicant: str
    status: str
    live: bool
    office: str
    materials: int
    entries: int


class Axis(RealSystem):
    """``address`` and ``wsdl`` are a style's; ``ledger`` is what the service holds."""

    name = "axis"

    @classmethod
    def install(cls, say: Say) -> None:
        install(PACKAGES, _missing, say)

    def start(self) -> None:
        libraries = ":".join(str(_jar(name)) for name in _LIBRARIES)
        classes = self.folder / "classes"
        classes.mkdir()
        sources = sorted(str(path) for path in (SOURCES / "hall").glob("*.java"))
        # Axis reads names of parameters from the debugging information, in the form of that time.
        compiling = ["javac", "--release", "8", "-g", "-nowarn", "-Xlint:none", "-encoding", "UTF-8"]
        self.run([*compiling, "-cp", libraries, "-d", str(classes), *sources])
        deployed = self.folder / "services.wsdd"
        shutil.copy(SOURCES / "services.wsdd", deployed)
        log = self.folder / "axis.log"
        server = self.spawn(
            ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", f"{classes}:{libraries}", "hall.Server",
             str(self.port), str(deployed)],
            log,
        )  # fmt: skip
        self.until(lambda: self._http.get(self.address("rpc") + "?wsdl", timeout=10).ok, server, log)

    def address(self, style: str, at: str = "") -> str:
        """Where a service is called; ``at`` another address of the same server, a proxy's."""
        return f"{at or self.url}/axis/services/{SERVICES[style]}"

    def wsdl(self, style: str) -> bytes:
        return self._http.get(self.address(style) + "?wsdl", timeout=30).content

    def change(self, key: str, status: str, *, live: bool = True) -> None:
        """One of the staff changes a case."""
        self._call("change", id=key, status=status, dataState="1" if live else "0")

    def ledger(self) -> dict[str, Case]:
        said = self._call("ledger")
        rows = [line.split("|") for line in said.splitlines()]
        return {row[0]: _case([cell.encode().decode("unicode_escape") for cell in row]) for row in rows}

    def _call(self, operation: str, **values: str) -> str:
        inner = "".join(f"<h:{name}>{escape(value)}</h:{name}>" for name, value in values.items())
        envelope = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            f'<h:{operation} xmlns:h="http://hall">{inner}</h:{operation}></e:Body></e:Envelope>'
        )
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
        answer = self._http.post(self.address("wrapped"), data=envelope.encode(), headers=headers, timeout=30)
        assert answer.ok, f"Axis {operation}: {answer.status_code} {answer.text[:300]}"
        return str(etree.fromstring(answer.content).xpath("string(.)"))


def _case(cells: list[str]) -> Case:
    # Its half of a pair is a character by itself in Java's notation.
    _, item, applicant, status, state, office, materials, entries, _ = (
        cell.encode("utf-16", "surrogatepass").decode("utf-16") for cell in cells
    )
    return Case(item, applicant, status, state == "1", office, int(materials), int(entries))


def _jar(name: str) -> Path:
    return _JARS / f"{name}.jar"


def _missing() -> str:
    for program in ("javac", "java"):
        if shutil.which(program) is None:
            return program
    return next((f"{name}.jar" for name in _LIBRARIES if not _jar(name).exists()), "")
