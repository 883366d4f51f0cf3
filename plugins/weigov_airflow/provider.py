"""What Airflow learns of us through the entry point ``apache_airflow_provider``: three types of connection.

The forms are declared here and nowhere else; the hooks only test a connection. Which part means what is read by
``weigov.wechat.account`` and by ``adapters.auth``.
"""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Airflow reads this once per process."""
    return {
        "package-name": "weigov",
        "name": "政微通 Weigov",
        "description": "Keeps a government's WeChat Official Accounts in step with the systems it already runs.",
        "connection-types": [_WECHAT_ACCOUNT, _GOV_REST, _GOV_SOAP],
    }


def _secret(label: str, description: str) -> dict[str, Any]:
    schema = {"type": ["string", "null"], "format": "password"}
    return {"label": label, "description": description, "schema": schema}


_CA_FILE: dict[str, Any] = {
    "ca_file": {
        "label": "CA 证书文件 CA file",
        "description": "系统用自建证书时，填证书文件在本机的路径 (path of its own CA's certificate)",
        "schema": {"type": ["string", "null"]},
    }
}

_WECHAT_ACCOUNT: dict[str, Any] = {
    "connection-type": "wechat_account",
    "hook-class-name": "weigov_airflow.hooks.WeChatAccountHook",
    "hook-name": "微信公众号 WeChat Official Account",
    "ui-field-behaviour": {
        "hidden-fields": ["schema"],
        "relabeling": {
            "host": "接口地址 API address",
            "login": "AppID",
            "password": "AppSecret",
        },
        "placeholders": {"host": "https://api.weixin.qq.com", "login": "wx…", "port": "443"},
    },
    "conn-fields": {
        "token": _secret("消息校验 Token", "公众平台“服务器配置”中的 Token；只有接收回调时需要 (callbacks only)"),
        "encoding_aes_key": _secret("EncodingAESKey", "43 位；只有接收回调时需要 (callbacks only)"),
        "previous_encoding_aes_key": _secret("旧的 EncodingAESKey", "更换密钥期间填写旧值 (while keys are changed)"),
    },
}

_GOV_REST: dict[str, Any] = {
    "connection-type": "gov_rest",
    "hook-class-name": "weigov_airflow.hooks.GovRestHook",
    "hook-name": "政务系统 REST Government system (REST)",
    "ui-field-behaviour": {
        "hidden-fields": ["schema"],
        "relabeling": {
            "host": "接口地址 base address",
            "login": "账号 / AppId",
            "password": "密码 / 密钥 password or key",
        },
        "placeholders": {"host": "https://cms.example.gov.cn/api", "port": "443"},
    },
    "conn-fields": _CA_FILE,
}

_GOV_SOAP: dict[str, Any] = {
    "connection-type": "gov_soap",
    "hook-class-name": "weigov_airflow.hooks.GovSoapHook",
    "hook-name": "政务系统 SOAP Government system (SOAP)",
    "ui-field-behaviour": {
        "hidden-fields": ["schema"],
        "relabeling": {
            "host": "服务地址 service address",
            "login": "账号 user",
            "password": "密码 password",
        },
        "placeholders": {"host": "https://cases.example.gov.cn/Service.asmx", "port": "443"},
    },
    "conn-fields": _CA_FILE,
}
