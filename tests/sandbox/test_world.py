"""The state that outlives the process, the clock, reset, and the people."""

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
import requests

from sandbox.people import PEOPLE, PERSONAS, SERVICE_APPID
from sandbox.world import World
from tests.sandbox.conftest import Api


def _start(port: int, state: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "sandbox", "--port", str(port), "--state", str(state)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "/phone/" in process.stdout.readline()
    for _ in range(400):
        try:
            requests.get(f"http://127.0.0.1:{port}/_sandbox/health", timeout=5)
            break
        except requests.ConnectionError:
            time.sleep(0.02)
    return process


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_killed_sandbox_goes_on_where_it_was_and_a_taken_port_is_one_line(tmp_path: Path) -> None:
    port, state = _port(), tmp_path / "sandbox.db"
    base = f"http://127.0.0.1:{port}"
    process = _start(port, state)
    try:
        second = subprocess.run(
            [sys.executable, "-m", "sandbox", "--port", str(port), "--state", str(state)],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert second.returncode == 1
        assert second.stderr.count("\n") == 1 and str(port) in second.stderr
        credential = {
            "grant_type": "client_credential",
            "appid": SERVICE_APPID,
            "secret": "3f9a1c5e7b2d48608c6e4a1f0d9b7253",
        }
        token = requests.post(f"{base}/cgi-bin/stable_token", json=credential, timeout=5).json()["access_token"]
        menu = {"button": [{"type": "view", "name": "a", "url": "https://a.cn/"}]}
        requests.post(f"{base}/cgi-bin/menu/create", params={"access_token": token}, json=menu, timeout=5)
        requests.post(f"{base}/_sandbox/clock/advance", json={"seconds": 3600}, timeout=5)
        requests.post(f"{base}/_sandbox/faults", json={"kind": "http_502", "path": "/cms/*"}, timeout=5)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    process = _start(port, state)
    try:
        kept = requests.get(f"{base}/cgi-bin/menu/get", params={"access_token": token}, timeout=5).json()
        assert kept["menu"]["button"][0]["name"] == "a"
        assert requests.get(f"{base}/_sandbox/clock", timeout=5).json()["offset_s"] == 3600
        assert requests.get(f"{base}/cms/anything", timeout=5).status_code == 502
    finally:
        process.terminate()
        process.communicate(timeout=15)


def test_the_clock_moves_stands_still_and_is_set(tmp_path: Path) -> None:
    world = World.open(tmp_path / "a.db")
    world.clock.freeze()
    before = world.clock.timestamp()
    world.clock.advance(90)
    assert world.clock.timestamp() == before + 90
    world.clock.set(datetime.fromisoformat("2027-01-05T09:00:00+08:00"))
    assert world.clock.beijing().isoformat() == "2027-01-05T09:00:00+08:00"
    with pytest.raises(ValueError, match="time zone"):
        world.clock.set(datetime(2027, 1, 5))
    world.close()
    again = World.open(tmp_path / "a.db")
    assert again.clock.beijing().isoformat() == "2027-01-05T09:00:00+08:00"
    again.clock.unfreeze()
    assert again.clock.now().isoformat().startswith("2027-01-05T01:00:0")
    again.close()


def test_a_failed_transaction_leaves_nothing_even_when_an_inner_one_ended_well(tmp_path: Path) -> None:
    world = World.open(tmp_path / "a.db")
    with pytest.raises(RuntimeError), world.transaction():
        world.faults.arm("http_502")
        raise RuntimeError
    assert world.faults.all() == []
    world.close()


def test_reset_puts_wechat_back_to_its_first_day(api: Api) -> None:
    api.publish()
    api.send()
    assert api.client.post("/_sandbox/reset", json={"subsystem": "wechat"}).json() == {"reset": ["wechat"]}
    state = api.client.get("/_sandbox/wechat/state", params={"appid": api.appid}).json()
    assert state["articles"]["published"] == [] and state["materials"] == [] and state["calls"] == {}
    assert sum(citizen["accepted"] for citizen in state["citizens"]) == 0
    assert api.client.post("/_sandbox/reset", json={"subsystem": "weather"}).status_code == 422


def test_the_people_are_always_the_same() -> None:
    assert len(PEOPLE) >= 60
    assert {person.persona for person in PEOPLE} == set(PERSONAS)
    assert all(len(person.openid) == 28 and person.openid[0] == "o" for person in PEOPLE)
    for name in ("openid", "identity", "name"):
        assert len({getattr(person, name) for person in PEOPLE}) == len(PEOPLE)
    assert (PEOPLE[0].identity, PEOPLE[0].openid) == ("P0001", "o3STK5zTDzxTesQO9ii4zoCNJuAt")


def test_the_control_api_is_described_for_people(api: Api) -> None:
    page = api.client.get("/_sandbox/docs")
    described = api.client.get("/_sandbox/openapi.json").json()["paths"]
    assert page.status_code == 200
    for path in described:
        assert f"/_sandbox{path}" in page.text
