"""TRS 海云's forms and sessions, and the OpenAI-compatible service: everything HTTP 200 where it really is."""

import json
from typing import Any

import pytest

from sandbox.vendors import openai_qa, trs_hycloud
from tests.sandbox.vendors.conftest import Client

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def login(client: Client, password: str = trs_hycloud.PASSWORD) -> Any:
    return client.call(
        "POST", trs_hycloud.LOGIN, data={"username": trs_hycloud.USERNAME, "password": password}
    ).json()


def do(client: Client, method: str, service: str = "gov_webdocument", **more: str) -> Any:
    answer = client.call("POST", trs_hycloud.DO, data={"serviceid": service, "methodname": method, **more})
    assert answer.status_code == 200 and "TRSNotLogin" not in answer.headers
    return answer.json()


def test_without_a_session_a_page_for_people_comes_with_200(client: Client) -> None:
    answer = client.call("POST", trs_hycloud.DO, data={"serviceid": "gov_webdocument"})
    assert answer.status_code == 200 and answer.headers["TRSNotLogin"] == "true" and "<html>" in answer.text
    assert login(client, "wrong")["ISSUCCESS"] == "false"
    assert "TRSNotLogin" in client.call("POST", trs_hycloud.DO, data={}).headers


def test_a_session_ends_after_half_an_hour_or_when_the_tester_says_so(client: Client) -> None:
    login(client)
    do(client, "queryDocumentsInQuanbu")
    client.world.clock.advance(trs_hycloud.SESSION_S + 1)
    assert "TRSNotLogin" in client.call("POST", trs_hycloud.DO, data={}).headers
    login(client)
    client.control("POST", "/trs_hycloud/expire-sessions")
    assert "TRSNotLogin" in client.call("POST", trs_hycloud.DO, data={}).headers


def test_more_than_fifty_rows_a_page_are_lowered_without_a_word(client: Client) -> None:
    login(client)
    pager = do(client, "queryDocumentsInQuanbu", PageSize="500")["PAGER"]
    assert pager == {"PAGESIZE": "50", "CURRPAGE": "1", "ITEMCOUNT": "23", "PAGECOUNT": "1"}
    second = do(client, "queryDocumentsInQuanbu", PageSize="10", PageIndex="3")
    assert len(second["DATA"]) == 3 and second["PAGER"]["PAGECOUNT"] == "3"


def test_refusals_have_two_shapes(client: Client) -> None:
    login(client)
    first = do(client, "queryDocumentInfo", MetaDataId="1")
    assert first["ISSUCCESS"] == "false" and first["DETAIL"] and first["REPORTS"][0]["DETAIL"] == first["DETAIL"]
    assert do(client, "noSuchMethod")["status"] == "-1"


def test_a_body_that_is_no_form_is_not_read(client: Client) -> None:
    login(client)
    answer = client.call("POST", trs_hycloud.DO, json={"serviceid": "gov_site", "methodname": "queryChannelsBySite"})
    assert answer.json()["status"] == "-1"


# questions and answers


def ask(client: Client, body: Any, key: str = openai_qa.KEY) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return client.call("POST", openai_qa.PATH, content=text.encode(), headers={"Authorization": f"Bearer {key}"})


def question(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def test_a_known_question_is_answered_and_an_unknown_one_says_so(client: Client) -> None:
    answer = ask(client, question("公积金贷款最高可以贷多少")).json()
    assert "60万元" in answer["choices"][0]["message"]["content"] and answer["id"].startswith("chatcmpl-")
    assert "12345" in ask(client, question("zzz")).json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("no json", 400, "invalid_messages"),
        ({"messages": []}, 400, "invalid_messages"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 400, "invalid_messages"),
        ({**question("x"), "stream": True}, 400, "unsupported_value"),
    ],
)
def test_what_it_cannot_answer_is_an_error_with_a_code(client: Client, body: Any, status: int, code: str) -> None:
    answer = ask(client, body)
    assert answer.status_code == status and answer.json()["error"]["code"] == code


def test_keys_are_refused_in_two_shapes(client: Client) -> None:
    assert ask(client, question("x"), "fastgpt-other").json()["error"]["code"] == "invalid_api_key"
    assert ask(client, question("x"), "sk-other").json()["code"] == 514


def test_the_eleventh_question_of_a_minute_waits(client: Client) -> None:
    client.world.clock.freeze()
    for _ in range(openai_qa.PER_MINUTE):
        assert ask(client, question("x")).status_code == 200
    answer = ask(client, question("x"))
    assert answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= 61
    client.world.clock.advance(int(answer.headers["Retry-After"]))
    assert ask(client, question("x")).status_code == 200


def test_it_says_no_inside_200_when_told_to(client: Client) -> None:
    client.control(
        "POST", "/faults", {"kind": "says_no", "path": "/openai_qa/completions", "value": "busy", "times": 1}
    )  # fmt: skip
    answer = ask(client, question("x"))
    assert answer.status_code == 200 and answer.json()["error"]["message"] == "busy"
    assert "choices" in ask(client, question("x")).json()
