from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
import zeep.exceptions
from lxml import etree

from sandbox.people import PEOPLE

WSDL = Path(__file__).parents[3] / "adapters/systems/demo/cases.wsdl"
ME = ("weigov", "demo-cases-secret")
PATH = "/cases/services/CaseService"


@pytest.fixture
def service(base: str) -> Any:
    return zeep.Client(f"{base}{PATH}?wsdl").service


def act(base: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = requests.request(method, f"{base}/_sandbox/cases{path}", json=body, timeout=5)
    answer.raise_for_status()
    return answer.json()


def paras(page: int | str = 1, size: int = 100, after: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="GBK"?><paras><CurrentPageIndex>{page}</CurrentPageIndex>'
        f"<PageSize>{size}</PageSize><UpdatedAfter>{after}</UpdatedAfter></paras>"
    )


def unwrap(text: str) -> Any:
    assert text.startswith('<?xml version="1.0" encoding="GBK"?>')
    return etree.fromstring(text.encode("gbk"))


def every_case(service: Any, after: str = "") -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for page in range(1, 20):
        result = unwrap(service.GetCaseList(*ME, paras(page, after=after)))
        assert result.findtext("Status") == "1"
        cases = [{part.tag: part.text or "" for part in case} for case in result.findall("Cases/Case")]
        if not cases:
            assert int(result.findtext("Total")) == len(found)
            break
        found += cases
    return found


def test_the_wsdl_kept_beside_the_descriptor_is_the_one_served(base: str) -> None:
    served = requests.get(f"{base}{PATH}?wsdl", timeout=5).content

    def same_host(wsdl: bytes) -> bytes:
        tree = etree.fromstring(wsdl, etree.XMLParser(remove_blank_text=True))
        (address,) = tree.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address")
        assert address.get("location", "").startswith("http://127.0.0.1:")
        address.set("location", PATH)
        return bytes(etree.tostring(tree, method="c14n"))

    assert same_host(served) == same_host(WSDL.read_bytes())


def test_the_list_travels_as_a_cdata_section_declared_gbk_in_an_utf8_envelope(base: str) -> None:
    envelope = f"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
      <GetCaseList xmlns="http://cases.shifan.example/services"><userName>weigov</userName>
      <password>demo-cases-secret</password><parasXml><![CDATA[{paras(size=1)}]]></parasXml></GetCaseList>
      </s:Body></s:Envelope>"""
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"GetCaseList"'}
    answer = requests.post(f"{base}{PATH}", data=envelope.encode(), headers=headers, timeout=5)
    assert answer.status_code == 200 and not answer.history
    assert '<![CDATA[<?xml version="1.0" encoding="GBK"?><result>' in answer.content.decode("utf-8")


def test_paging_gives_every_case_once_in_the_order_of_change(service: Any) -> None:
    cases = every_case(service)
    assert len(cases) == len({case["CaseNo"] for case in cases}) >= 200
    order = [(case["UpdateTime"], case["CaseNo"]) for case in cases]
    assert order == sorted(order)


def test_updated_after_is_inclusive(service: Any) -> None:
    cases = every_case(service)
    stamp = cases[150]["UpdateTime"]
    assert every_case(service, after=stamp) == [case for case in cases if case["UpdateTime"] >= stamp]


def test_both_editions_use_the_same_numbers(service: Any) -> None:
    used = {(case["STDVER"], case["Status"]) for case in every_case(service)}
    assert {("1.0", "5"), ("2.0", "5"), ("1.0", "6"), ("2.0", "6"), ("1.0", "11"), ("2.0", "12")} <= used


def test_a_wrong_password_is_said_inside_a_good_answer(service: Any) -> None:
    result = unwrap(service.GetCaseList("weigov", "wrong", paras()))
    assert (result.findtext("Status"), result.findtext("Description")) == ("0", "用户名或密码错误")
    assert result.find("Cases") is None


@pytest.mark.parametrize("text", ["", "x", "<paras/>", paras(0), paras("x"), paras(size=101), paras(after="2026")])
def test_wrong_paras_are_refused(service: Any, text: str) -> None:
    assert unwrap(service.GetCaseList(*ME, text)).findtext("Status") == "-1"


def test_a_name_gbk_cannot_write_arrives_whole(base: str, service: Any) -> None:
    raw = service.GetCaseList(*ME, paras())
    names = {case["ApplicantName"] for case in every_case(service)}
    assert "𠮷田和子" in names
    assert "𠮷" not in raw


def test_the_typed_operation_agrees_with_the_list(service: Any) -> None:
    listed = every_case(service)[77]
    case = service.GetCase(*ME, listed["CaseNo"])
    assert (case.itemName, case.status, case.updateTime) == (
        listed["ItemName"],
        listed["Status"],
        listed["UpdateTime"],
    )
    assert case.promiseDate.isoformat() == listed["PromiseDate"]
    assert case.valid is (listed["DATASTATE"] == "1")
    assert case.steps.CaseStep[-1].status == listed["Status"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (("weigov", "wrong", "SF"), "Client.AuthFailed"),
        (("weigov", "demo-cases-secret", "SF"), "Client.CaseNotFound"),
    ],
)
def test_the_typed_operation_refuses_by_fault(service: Any, call: tuple[str, ...], code: str) -> None:
    with pytest.raises(zeep.exceptions.Fault) as refusal:
        service.GetCase(*call)
    assert refusal.value.code.endswith(code)


def test_only_the_right_query_password_opens_a_case(base: str, service: Any) -> None:
    case = act(base, "GET", "/cases")[0]
    assert service.CheckCasePassword(*ME, case["case_no"], case["query_password"]) is True
    assert service.CheckCasePassword(*ME, case["case_no"], "000") is False
    assert service.CheckCasePassword(*ME, "SF0", case["query_password"]) is False


def test_a_finished_case_is_evaluated_once(base: str, service: Any) -> None:
    cases = act(base, "GET", "/cases")
    done = next(c for c in cases if c["meaning"] == "办结")["case_no"]
    going_on = next(c for c in cases if c["meaning"] == "受理")["case_no"]
    assert service.SaveEvaluation(*ME, done, 5, "很快").success is True
    assert service.SaveEvaluation(*ME, done, 1, "再评").message == "该办件已评价"
    assert service.SaveEvaluation(*ME, going_on, 5, "").success is False
    assert service.SaveEvaluation(*ME, done, 6, "").success is False
    assert service.SaveEvaluation("weigov", "x", done, 5, "").message == "用户名或密码错误"
    kept = [e for e in act(base, "GET", "/evaluations") if e["case_no"] == done]
    assert [(e["score"], e["comment"]) for e in kept] == [(5, "很快")]


def test_a_delivery_result_is_kept_and_seen(base: str, service: Any) -> None:
    case_no = act(base, "GET", "/cases")[0]["case_no"]
    result = service.SaveDeliveryResult(*ME, case_no, "wechat", "confirmed", "", "2026-01-05 09:00:00")
    assert result.success is True
    kept = act(base, "GET", "/write-backs")[-1]
    assert (kept["case_no"], kept["channel"], kept["state"]) == (case_no, "wechat", "confirmed")
    for wrong in [("SF0", "wechat", "x", "", ""), (case_no, "wechat", "", "", ""), (case_no, "", "x", "", "gestern")]:
        assert service.SaveDeliveryResult(*ME, *wrong).success is False
    assert act(base, "GET", "/write-backs")[-1] == kept


def test_the_first_twelve_that_move_are_a_mixture_and_twelve_people(base: str) -> None:
    requests.post(f"{base}/_sandbox/reset", json={"subsystem": "cases"}, timeout=20)
    moved = act(base, "POST", "/advance", {"count": 12})
    people = {person.identity: person.persona for person in PEOPLE}
    personas = [people.get(case["applicant_id"], "no WeChat") for case in moved]
    assert len({case["applicant_id"] for case in moved}) == 12
    assert personas.count("no WeChat") == 3
    assert personas.count("ordinary") == 6
    assert {"blocked", "unfollowed", "timeout_after_accept"} <= set(personas)
    again = requests.post(f"{base}/_sandbox/reset", json={"subsystem": "cases"}, timeout=20)
    assert again.ok
    same = act(base, "POST", "/advance", {"count": 12})
    assert [(c["applicant_id"], c["to"]) for c in same] == [(c["applicant_id"], c["to"]) for c in moved]


def test_a_moved_case_comes_again_and_all_others_do_not(base: str, service: Any) -> None:
    before = {case["CaseNo"]: case for case in every_case(service)}
    moved = act(base, "POST", "/advance", {"count": 5})
    after = {case["CaseNo"]: case for case in every_case(service)}
    changed = {number for number, case in after.items() if case != before[number]}
    assert changed == {case["case_no"] for case in moved}
    for number in changed:
        assert after[number]["UpdateTime"] > before[number]["UpdateTime"]
        assert after[number]["Status"] != before[number]["Status"]


def test_a_case_goes_there_and_back_with_three_stamps(base: str, service: Any) -> None:
    case_no = next(c for c in act(base, "GET", "/cases") if c["meaning"] == "受理" and c["valid"])["case_no"]
    stamps = [
        act(base, "POST", f"/cases/{case_no}/status", {"status": status})["updated_at"]
        for status in ("补正", "11", "受理")
    ]
    assert stamps == sorted(set(stamps))
    assert service.GetCase(*ME, case_no).status == "11"


def test_a_status_of_the_other_edition_is_refused(base: str) -> None:
    case = next(c for c in act(base, "GET", "/cases") if c["stdver"] == "1.0")
    path = f"{base}/_sandbox/cases/cases/{case['case_no']}/status"
    answer = requests.post(path, json={"status": "不予受理"}, timeout=5)
    assert answer.status_code == 422 and "补正不来" in answer.text


def test_a_void_case_stays_in_the_list(base: str, service: Any) -> None:
    case_no = act(base, "GET", "/cases")[3]["case_no"]
    act(base, "POST", f"/cases/{case_no}/void")
    stamp = act(base, "GET", f"/cases/{case_no}")["updated_at"]
    assert [c["DATASTATE"] for c in every_case(service, after=stamp) if c["CaseNo"] == case_no] == ["0"]


def test_every_citizen_with_wechat_is_bound_in_both_systems(base: str) -> None:
    text = requests.get(f"{base}/_sandbox/cases/bindings.csv", timeout=5).text
    head, *rows = text.splitlines()
    assert head == "openid,system,identity"
    assert len(rows) == len(set(rows)) == 2 * len(PEOPLE)
    assert not any(row.split(",")[2].startswith("N") for row in rows)
