"""The demo's secrets file: connections in Airflow's JSON form, read alike by the command line, the gateway, Airflow.

What the sandbox's accounts and systems ask for is read from the sandbox; what only this deployment knows (callback
token, AES key, the ledger's master key) is made once and kept.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import string
from typing import Any

from ops.clients import Sandbox
from ops.home import Home

ACCOUNT = "city"  # the account's name in mappings/demo/site.yaml


def write(home: Home, sandbox: Sandbox) -> None:
    """Write var/secrets.json, readable by its owner only. Secrets made before stay."""
    before = read(home)
    account = sandbox.get("/wechat/accounts")[0]
    login = {name: sandbox.get(f"/{name}/state")["credentials"] for name in ("cms", "cases", "qa")}
    kept = before.get("wechat_city", {}).get("extra", {})
    connections: dict[str, Any] = {
        "wechat_city": {
            "conn_type": "wechat_account",
            "host": home.sandbox_url,
            "login": account["appid"],
            "password": account["secret"],
            "extra": {
                "token": kept.get("token") or _letters(16),
                "encoding_aes_key": kept.get("encoding_aes_key") or _letters(43),
            },
        },
        "cms": {
            "conn_type": "gov_rest",
            "host": home.sandbox_url,
            "login": login["cms"]["appId"],
            "password": login["cms"]["appSecret"],
        },
        "cases": {
            "conn_type": "gov_soap",
            "host": f"{home.sandbox_url}/cases/services/CaseService",
            "login": login["cases"]["userName"],
            "password": login["cases"]["password"],
        },
        "qa": {"conn_type": "gov_rest", "host": home.sandbox_url, "password": login["qa"]["api_key"]},
        "weigov_master_key": before.get("weigov_master_key")
        or {"conn_type": "generic", "password": base64.b64encode(os.urandom(32)).decode()},
    }
    descriptor = os.open(home.secrets_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
        json.dump({**before, **connections}, sink, indent=2)


def read(home: Home) -> dict[str, Any]:
    if not home.secrets_file.exists():
        return {}
    found: dict[str, Any] = json.loads(home.secrets_file.read_text(encoding="utf-8"))
    return found


def appid(home: Home) -> str:
    return str(read(home)["wechat_city"]["login"])


def register_callback(home: Home, sandbox: Sandbox) -> None:
    """Tell the sandbox's WeChat where events go; it proves the address with an echostr first."""
    account = read(home)["wechat_city"]
    sandbox.put(
        f"/wechat/accounts/{account['login']}/callback",
        {
            "url": f"{home.gateway_url}/wechat/{ACCOUNT}",
            "token": account["extra"]["token"],
            "encoding_aes_key": account["extra"]["encoding_aes_key"],
        },
    )


def _letters(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))
