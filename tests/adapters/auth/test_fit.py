"""A kind that does not fit its engine is a fault of the descriptor, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.descriptor import load_descriptor
from tests.adapters.upstream import REST, SAMPLES, SOAP
from weigov.errors import ConfigError

LOGIN = REST[REST.index("auth:") : REST.index("time:")]
PARAMS = "auth: {kind: body_params, login: user, password: secret}\n"


def fault(folder: Path, text: str) -> str:
    file = folder / "items.yaml"
    file.write_text(text, encoding="utf-8")
    (folder / "items.wsdl").write_bytes((SAMPLES / "items.wsdl").read_bytes())
    with pytest.raises(ConfigError) as caught:
        load_descriptor(file)
    return "\n".join(str(one).removeprefix(f"{file}:") for one in caught.value.faults)


@pytest.mark.parametrize(
    ("auth", "why"),
    [
        ("{kind: wss_username}", "5: auth.kind: wss_username belongs to soap"),
        ("[{kind: basic}, {kind: wss_x509}]", "5: auth.1.kind: wss_x509 belongs to soap"),
        ("{kind: sealed_body}", "5: auth.kind: sealed_body needs a body, and items is asked for with GET"),
        (
            "[{kind: signed_headers, algorithm: hmac-sm3, text: '{body}', headers: {S: '{signature}'}}, "
            "{kind: sealed_body}]",
            "5: auth.1.kind: sealed_body writes the body anew, behind the signature over it",
        ),
        ("[{kind: sealed_body}, {kind: sealed_body}]", "5: auth.1.kind: a body is sealed once"),
        ("{kind: basik}", "5: auth.kind: 'basik' is not a word here (did you mean basic?)"),
        ("{header: X}", "5: auth.kind: has no kind"),
        ("{kind: api_key, haeder: X}", "5: auth.haeder: is not a word here (did you mean header?)"),
        ("{kind: api_key, prefix: X}", "5: auth: needs one place: header, query, body or cookie"),
        (
            "{kind: login_token, header: X, token: t, request: {path: /l, query: {p: '{pasword}'}}}",
            "5: auth.request.query: {pasword} is unknown here (did you mean password?)",
        ),
        (
            "[{kind: basic}, {kind: signed_params, algorithm: sha256, sign: s, secret: {at: sufix}}]",
            "5: auth.1.secret.at: 'sufix' is not a word here (did you mean suffix?)",
        ),
    ],
)
def test_rest(auth: str, why: str, tmp_path: Path) -> None:
    assert why in fault(tmp_path, REST.replace(LOGIN, f"auth: {auth}\n"))


SEALED = """system: items
title: 例
engine: rest
auth: {kind: sealed_body, signs: SIGNS, plain: out}
outcome: [{when: "code != '0'", is: refuse, message: out.msg}]
streams:
  items:
    kind: article
    schedule: "* * * * *"
    request: {method: POST, path: /}
    records: rows
    key: id
    fields: {title: title}
operations:
  save:
    request: {method: POST, path: /, body: {a: "{a}"}}
    params: [a]
    remote_id: id
    success: "ok == '1'"
    idempotency: query_first
    query: {request: {method: POST, path: /q, body: {k: "{idempotency_key}"}}, found: done}
"""


@pytest.mark.parametrize("signs", ["sealed", "plain"])
def test_rules_may_not_look_beside_a_seal(signs: str, tmp_path: Path) -> None:
    lines = fault(tmp_path, SEALED.replace("SIGNS", signs)).splitlines()
    assert [line.partition(" stands beside")[0] for line in lines] == [
        "5: outcome.0.when: code", "11: streams.items.records: rows", "18: operations.save.remote_id: id",
        "19: operations.save.success: ok",
        "21: operations.save.query.found: done",
    ]  # fmt: skip
    assert "(look into out." in lines[0]
    file = tmp_path / "items.yaml"
    inside = SEALED.replace("SIGNS", signs).replace("code !=", "out.code !=").replace("ok ==", "out.ok ==")
    inside = inside.replace("found: ", "found: out.")
    inside = inside.replace("remote_id: ", "remote_id: out.").replace("records: ", "records: out.")
    taken_out = inside.replace("out.rows", "rows\n    decode: [{text: out.text}, json]")
    for sound in (SEALED.replace("SIGNS", "members"), inside, taken_out):
        file.write_text(sound, encoding="utf-8")
        load_descriptor(file)


@pytest.mark.parametrize(
    ("auth", "why"),
    [
        ("{kind: sealed_body}", "6: auth.kind: sealed_body belongs to rest"),
        ("{kind: login_token, header: X, token: //t, request: {path: /l}}", "6: auth.request: needs `op`"),
    ],
)
def test_soap(auth: str, why: str, tmp_path: Path) -> None:
    assert why in fault(tmp_path, SOAP.replace(PARAMS, f"auth: {auth}\n"))
