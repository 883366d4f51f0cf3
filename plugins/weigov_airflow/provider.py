"""What Airflow learns of us through the entry point ``apache_airflow_provider``: the types of connection.

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
        "connection-types": [_WECHAT_ACCOUNT, _GOV_REST, _GOV_SOAP, _GOV_TABLE, _GOV_FILES, _ALERT],
    }


def _secret(label: str, description: str) -> dict[str, Any]:
    schema = {"type": ["string", "null"], "format": "password"}
    return {"label": label, "description": description, "schema": schema}


def _text(label: str, description: str) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"]}}


_TLS: dict[str, Any] = {
    "ca_file": _text(
        "CA 证书文件 CA file", "系统用自建证书时，填证书文件在本机的路径 (path of its own CA's certificate)"
    ),
    "client_cert_file": _text(
        "客户端证书 Client certificate", "对方要求双向认证时，本机的 PEM 证书路径 (mutual TLS, PEM)"
    ),
    "client_key_file": _text(
        "客户端私钥 Client key", "与上面证书配套的 PEM 私钥，不带口令 (its key, without a password)"
    ),
}
_SIGNING: dict[str, Any] = {
    "sign_cert_file": _text("签名证书 Signing certificate", "WS-Security X.509 签名用的 PEM 证书路径 (wss_x509)"),
    "sign_key_file": _text("签名私钥 Signing key", "与签名证书配套的 PEM 私钥 (its RSA key)"),
    "sign_key_passphrase": _secret("签名私钥口令 Passphrase", "签名私钥有口令时填写 (when the key has one)"),
}
_TOKENS: dict[str, Any] = {
    "auth_hosts": _text("令牌服务器 Token hosts", "允许向其换取令牌的其他主机名，逗号分隔 (oauth2)"),
}
_SEALING: dict[str, Any] = {
    "sm2_private_key": _secret("SM2 私钥 Our SM2 key", "报文签名用，hex 或 base64 (sealed_body)"),
    "sm2_public_key": _text("对方 SM2 公钥 Their SM2 key", "验签用，hex 或 base64 (sealed_body)"),
    "sm4_secret_key": _secret("SM4 密钥 SM4 key", "报文加密用，16 字节 (sealed_body)"),
    "sm4_iv": _secret("SM4 初始向量 SM4 IV", "仅 CBC 模式，16 字节 (sealed_body, sm4-cbc)"),
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
    "conn-fields": _TLS | _TOKENS | _SEALING,
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
    "conn-fields": _TLS | _SIGNING,
}

_GOV_TABLE: dict[str, Any] = {
    "connection-type": "gov_table",
    "hook-class-name": "weigov_airflow.hooks.GovTableHook",
    "hook-name": "前置库 Exchange tables",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "host", "port"],
        "relabeling": {"host": "数据库 database", "login": "账号 user", "password": "密码 password"},
        "placeholders": {},
    },
    "conn-fields": {
        "url": _text("数据库地址 SQLAlchemy URL", "例如 mysql://HOST:3306/DATABASE，不含账号密码 (without a log-in)"),
    },
}

_GOV_FILES: dict[str, Any] = {
    "connection-type": "gov_files",
    "hook-class-name": "weigov_airflow.hooks.GovFilesHook",
    "hook-name": "文件交换 Exchanged files",
    "ui-field-behaviour": {
        "hidden-fields": ["schema", "host", "port", "login", "password"],
        "relabeling": {"host": "文件夹 folder"},
        "placeholders": {},
    },
    "conn-fields": {
        "folder": _text("交换目录 Folder", "本机上的绝对路径 (absolute path on the machine that collects)"),
    },
}

_ALERT: dict[str, Any] = {
    "connection-type": "weigov_alert",
    "hook-class-name": "weigov_airflow.hooks.AlertHook",
    "hook-name": "值班通知 Alerts",
    "ui-field-behaviour": {
        "hidden-fields": ["schema"],
        "relabeling": {
            "host": "地址 address",
            "login": "邮箱账号 mail user",
            "password": "机器人 key / 令牌 / 邮箱密码",
        },
        "placeholders": {"host": "企业微信机器人可留空；webhook 填 https://…；邮件填 smtps://mail.example.gov.cn"},
    },
    "conn-fields": {
        "from": _text("发件人 From", "邮件的发件地址，空则用账号 (e-mail only)"),
        "ca_file": _text("CA 证书文件 CA file", "邮件服务器用自建证书时填写 (path of its own CA's certificate)"),
    },
}
