"""What the three control APIs have in common."""

import pytest
import requests

UPSTREAMS = {"cms": "/cms/api/channels", "cases": "/cases/services/CaseService?wsdl", "qa": "/qa/api/answers"}


@pytest.mark.parametrize("name", UPSTREAMS)
def test_a_system_that_is_down_closes_the_connection_and_the_others_go_on(base: str, name: str) -> None:
    requests.post(f"{base}/_sandbox/{name}/outage", json={"down": True}, timeout=5)
    with pytest.raises(requests.ConnectionError):
        requests.get(base + UPSTREAMS[name], timeout=5)
    for other in set(UPSTREAMS) - {name}:
        assert requests.get(base + UPSTREAMS[other], timeout=5).status_code in (200, 401)
    requests.post(f"{base}/_sandbox/{name}/outage", json={"down": False}, timeout=5)
    assert requests.get(base + UPSTREAMS[name], timeout=5).status_code in (200, 401)


@pytest.mark.parametrize("name", UPSTREAMS)
def test_a_system_behind_a_broken_proxy_answers_502(base: str, name: str) -> None:
    requests.post(f"{base}/_sandbox/{name}/outage", json={"down": True, "how": "bad_gateway"}, timeout=5)
    assert requests.get(base + UPSTREAMS[name], timeout=5).status_code == 502


@pytest.mark.parametrize("name", UPSTREAMS)
def test_reset_brings_the_first_day_back(base: str, name: str) -> None:
    requests.post(f"{base}/_sandbox/reset", json={"subsystem": name}, timeout=20)
    first = requests.get(f"{base}/_sandbox/{name}/state", timeout=5).json()
    change = {"cms": "/cms/articles", "cases": "/cases/advance", "qa": "/qa/answer"}[name]
    body = {"title": "新"} if name == "cms" else {"count": 3}
    requests.post(f"{base}/_sandbox{change}", json=body, timeout=5).raise_for_status()
    assert requests.get(f"{base}/_sandbox/{name}/state", timeout=5).json() != first
    requests.post(f"{base}/_sandbox/reset", json={"subsystem": name}, timeout=20)
    assert requests.get(f"{base}/_sandbox/{name}/state", timeout=5).json() == first


def test_a_field_the_control_api_does_not_know_is_refused(base: str) -> None:
    assert requests.post(f"{base}/_sandbox/cases/advance", json={"count": 1, "x": 1}, timeout=5).status_code == 422


def test_the_control_api_describes_itself(base: str) -> None:
    page = requests.get(f"{base}/_sandbox/docs", timeout=5).text
    for path in ("/cms/articles", "/cases/advance", "/qa/answer", "/cases/bindings.csv"):
        assert path in page
