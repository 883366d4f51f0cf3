"""``python -m ops.services up | down | status``: the sandbox, the gateway and Airflow's four processes.

Each has a session of its own, a log in ``var/log`` and a pid file in ``var/run``. ``up`` does the set-up that can run
side by side at once, waits until every part says it is well, and leaves nothing running when one does not. Starting
twice starts only what is missing.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.metadata
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from ops import airflow_config, connections, processes
from ops.clients import Airflow, Sandbox, wait_until
from ops.home import HOST, ROOT, Home, OpsError

AIRFLOW_PARTS = {"metadatabase", "scheduler", "triggerer", "dag_processor"}
START_TIMEOUT_S = 180.0


def commands(home: Home) -> dict[str, list[str]]:
    """Service → command, in the order they are shown."""
    python = sys.executable
    airflow = str(Path(python).with_name("airflow"))
    weigov = str(Path(python).with_name("weigov"))
    return {
        "sandbox": [python, "-m", "sandbox", "--port", str(home.sandbox_port),
                    "--state", str(home.var / "sandbox" / "sandbox.db")],
        "gateway": [weigov, "gateway"],
        "airflow-api-server": [airflow, "api-server"],
        # Their log servers would listen on every interface; on one machine the logs are read from the disk.
        "airflow-scheduler": [airflow, "scheduler", "--skip-serve-logs"],
        "airflow-dag-processor": [airflow, "dag-processor"],
        "airflow-triggerer": [airflow, "triggerer", "--skip-serve-logs"],
    }  # fmt: skip


def up(home: Home) -> bool:
    """Start what is not running. True when anything was started. Raises OpsError with nothing of it left running."""
    home.make()
    with _one_at_a_time(home):
        running = {name for name, record in processes.started(home.run).items() if record.alive()}
        missing = [name for name in commands(home) if name not in running]
        if not missing:
            return False
        _check_ports(home, missing)
        try:
            _start(home, missing)
        except BaseException:
            processes.stop(home.run, missing)
            raise
    return True


def down(home: Home) -> None:
    """Stop everything ``up`` ever started here. Raises OpsError naming what would not end."""
    if not home.run.exists():
        return
    left = processes.stop(home.run)
    if left:
        raise OpsError("could not be ended: " + "; ".join(left))


def status(home: Home) -> dict[str, bool]:
    """Service → is its process there."""
    records = processes.started(home.run) if home.run.exists() else {}
    return {name: name in records and records[name].alive() for name in commands(home)}


def weigov(home: Home, *arguments: str, timeout_s: float = 300) -> str:
    """Run the command line as an operator would; its output. Raises OpsError with its last line."""
    command = [str(Path(sys.executable).with_name("weigov")), *arguments]
    return _run(home, f"weigov {' '.join(arguments)}", command, timeout_s)


def _start(home: Home, missing: Sequence[str]) -> None:
    began = time.monotonic()
    airflow_config.write(home)
    sandbox = Sandbox(home.sandbox_url)
    airflow_parts = [name for name in missing if name.startswith("airflow-")]
    with _airflow_migration(home) as migrated:
        _launch(home, missing, ["sandbox"])
        _wait(home, sandbox.healthy, "sandbox")
        connections.write(home, sandbox)
        weigov(home, "migrate")
        _launch(home, missing, ["gateway"])
        migrated()
        _launch(home, missing, airflow_parts)
    _wait(home, lambda: gateway_healthy(home), "gateway")
    connections.register_callback(home, sandbox)
    airflow = admin(home)
    _wait(home, lambda: _airflow_healthy(airflow), "airflow-api-server", *airflow_parts)
    print(f"up: all services answer after {time.monotonic() - began:.0f} s")


def admin(home: Home) -> Airflow:
    return Airflow(home.airflow_url, "admin", airflow_config.passwords(home).get("admin", ""))


def _launch(home: Home, missing: Sequence[str], names: Sequence[str]) -> None:
    for name in names:
        if name in missing:
            command = commands(home)[name]
            processes.start(name, command, cwd=ROOT, env=home.environ(), run=home.run, log=home.log)


@contextmanager
def _airflow_migration(home: Home) -> Iterator[Callable[[], None]]:
    """``airflow db migrate`` in the background, 10 s that the rest need not wait for; yields what waits for it."""
    stamp, log = home.airflow / "migrated", home.log / "airflow-migrate.log"
    version = importlib.metadata.version("apache-airflow")
    if (home.airflow / "airflow.db").exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == version:
        yield lambda: None
        return
    print("up: making Airflow's database")
    command = [str(Path(sys.executable).with_name("airflow")), "db", "migrate"]
    with log.open("wb") as sink:
        child = subprocess.Popen(
            command, cwd=ROOT, env=home.environ(), stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
        )

    def wait_for_it() -> None:
        try:
            code = child.wait(timeout=START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise OpsError(f"airflow db migrate did not end within {START_TIMEOUT_S:.0f} s; see {log}") from None
        if code:
            raise OpsError(f"airflow db migrate failed: {_last_line(log)} (see {log})")
        stamp.write_text(version, encoding="utf-8")

    try:
        yield wait_for_it
    finally:
        child.kill()
        child.wait()


def _run(home: Home, name: str, command: Sequence[str], timeout_s: float) -> str:
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=home.environ(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout_s, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise OpsError(f"{command[0]} is missing; say make setup") from None
    except subprocess.TimeoutExpired:
        raise OpsError(f"{name} did not end within {timeout_s:.0f} s") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise OpsError(f"{name} failed: {said[-1] if said else f'exit code {done.returncode}'}")
    return done.stdout


def _wait(home: Home, well: Callable[[], bool], name: str, *watched: str) -> None:
    """Wait until ``well()``; a watched process that ends first is the error."""
    names = watched or (name,)

    def check() -> bool:
        records = processes.started(home.run)
        for watched_name in names:
            if watched_name not in records or not records[watched_name].alive():
                log = home.log / f"{watched_name}.log"
                raise OpsError(f"{watched_name} ended while starting: {_last_line(log)} (see {log})")
        return well()

    try:
        wait_until(check, f"{name} did not answer", START_TIMEOUT_S)
    except OpsError as error:
        log = home.log / f"{name}.log"
        raise error if "see" in str(error) else OpsError(f"{error}; see {log}") from None


def gateway_healthy(home: Home) -> bool:
    try:
        return httpx.get(f"{home.gateway_url}/healthz", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _airflow_healthy(airflow: Airflow) -> bool:
    health = airflow.health()
    return all(health.get(part) == "healthy" for part in AIRFLOW_PARTS)


def _check_ports(home: Home, missing: Sequence[str]) -> None:
    wanted = {
        "sandbox": (home.sandbox_port, "WEIGOV_SANDBOX_PORT"),
        "gateway": (home.gateway_port, "WEIGOV_GATEWAY_PORT"),
        "airflow-api-server": (home.airflow_port, "WEIGOV_AIRFLOW_PORT"),
    }
    for name in missing:
        if name not in wanted:
            continue
        port, setting = wanted[name]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                owner = processes.who_listens(port)
                raise OpsError(
                    f"port {port} of the {name} is taken{f' by {owner}' if owner else ''};"
                    f" free it, or choose another: make up {setting}={port + 1}"
                ) from None


@contextmanager
def _one_at_a_time(home: Home) -> Iterator[None]:
    with (home.run / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OpsError("another make up is at work here; wait for it") from None
        yield


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1].strip()[:300] if lines else "it said nothing"


def show(home: Home) -> None:
    """Where everything is, and who may log in."""
    print()
    _table(
        ("Phone page", f"{home.sandbox_url}/phone/", "what a citizen sees"),
        ("Airflow", home.airflow_url, "DAGs, assets, Required Actions"),
        ("Sandbox control", f"{home.sandbox_url}/_sandbox/docs", "move its clock, faults and content"),
        ("Gateway", home.gateway_url, "takes WeChat's callbacks"),
        ("Logs", str(home.log), ""),
    )
    print()
    known = airflow_config.passwords(home)
    what = {"bianji": "first reviewer", "shenhe": "second reviewer"}
    _table(
        ("Airflow log-in", "password", "role"),
        *((name, known.get(name, ""), f"{role}{', ' + what[name] if name in what else ''}")
          for name, role in airflow_config.USERS.items()),
    )  # fmt: skip


def _table(*rows: tuple[str, ...]) -> None:
    widths = [max(len(row[column]) for row in rows) + 2 for column in range(len(rows[0]))]
    for row in rows:
        print("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def write_shell_settings(home: Home) -> None:
    """var/weigov.env: for a shell that wants to call ``weigov`` or ``airflow`` by hand."""
    settings = home.weigov_settings() | {"AIRFLOW_HOME": str(home.airflow)}
    lines = [f"export {name}='{value}'" for name, value in settings.items()]
    programs = ROOT / ".venv" / "bin"
    lines.append(f"""case ":$PATH:" in *":{programs}:"*) ;; *) export PATH='{programs}':"$PATH" ;; esac""")
    (home.var / "weigov.env").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.services", description=__doc__)
    parser.add_argument("what", choices=["up", "down", "status"])
    what = parser.parse_args(arguments).what
    try:
        home = Home.from_environ()
        if what == "up":
            if not up(home):
                print("up: already up")
            write_shell_settings(home)
            show(home)
        elif what == "down":
            down(home)
            print("down: nothing is running")
        else:
            for name, there in status(home).items():
                print(f"{name:<24}{'up' if there else 'down'}")
    except OpsError as error:
        print(f"{what}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{what}: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
