"""Airflow's settings for one machine: its four processes, LocalExecutor, SQLite, loopback.

Written as ``airflow.cfg`` below ``var/airflow``, so that ``AIRFLOW_HOME`` alone makes every ``airflow`` command agree
with the running services. Only what differs from Airflow's defaults is in it, each with its reason.
"""

from __future__ import annotations

import base64
import configparser
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import IO

from ops.home import HOST, ROOT, Home

USERS = {
    "admin": "admin",
    "bianji": "user",  # 编辑: first reviewer
    "shenhe": "user",  # 审核: second reviewer
    "viewer": "viewer",
}


def settings(home: Home, keys: dict[str, str]) -> dict[str, dict[str, str]]:
    """Section → option → value."""
    return {
        "core": {
            "executor": "LocalExecutor",
            "dags_folder": str(ROOT / "dags"),
            "plugins_folder": str(ROOT / "plugins"),
            "load_examples": "False",
            "dags_are_paused_at_creation": "False",
            # Two cores: more at once only makes each slower.
            "parallelism": "4",
            "max_active_tasks_per_dag": "4",
            # A full name would be looked up in DNS, which takes seconds where there is none.
            "hostname_callable": "socket.gethostname",
            # The fault in a flow file is one line; a traceback of ours would bury it.
            "dagbag_import_error_tracebacks": "False",
            "simple_auth_manager_users": ",".join(f"{name}:{role}" for name, role in USERS.items()),
            "simple_auth_manager_passwords_file": str(passwords_file(home)),
            "fernet_key": keys["fernet_key"],
            "test_connection": "Enabled",
            # Not in Airflow's own list of words it masks.
            "sensitive_var_conn_names": "encoding_aes_key,appsecret,app_secret,weigov_master_key,sm4_iv",
            # Its default is port 8080, whatever [api] port says.
            "execution_api_server_url": f"{home.airflow_url}/execution/",
            "default_timezone": "Asia/Shanghai",
        },
        "database": {
            "sql_alchemy_conn": f"sqlite:///{home.airflow / 'airflow.db'}",
            "sql_alchemy_connect_args": "airflow_local_settings.SQLITE",
            "sql_alchemy_connect_args_async": "airflow_local_settings.SQLITE_ASYNC",
        },
        "logging": {"base_log_folder": str(home.airflow / "logs"), "colored_console_log": "False"},
        "secrets": {
            "backend": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
            "backend_kwargs": json.dumps({"connections_file_path": str(home.secrets_file)}),
        },
        "api": {
            "host": HOST,
            "port": str(home.airflow_port),
            "base_url": home.airflow_url,
            "secret_key": keys["secret_key"],
            "instance_name": "政微通 Weigov",
            "expose_config": "False",
        },
        "api_auth": {"jwt_secret": keys["jwt_secret"]},
        # At the default of 5 s a supervisor may sleep after its task has ended: slots stay busy, and a short
        # deferral fails at random.
        "workers": {
            "min_heartbeat_interval": "1",
            "execution_api_timeout": "30",
            "secrets_backend": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
            "secrets_backend_kwargs": json.dumps({"connections_file_path": str(home.secrets_file)}),
        },
        "dag_processor": {
            "dag_bundle_config_list": json.dumps(
                [
                    {
                        "name": "weigov",
                        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                        "kwargs": {"path": str(ROOT / "dags")},
                    }
                ]
            ),
            # A flow file that was added or mended is a DAG within half a minute.
            "refresh_interval": "20",
            "min_file_process_interval": "15",
            "dag_file_processor_timeout": "120",
        },
        "scheduler": {"enable_health_check": "False"},
    }


def write(home: Home) -> None:
    """Write airflow.cfg and, once, its keys and the passwords: readable by their owner only."""
    local_settings = home.airflow / "config" / "airflow_local_settings.py"
    local_settings.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "ops" / "airflow_home" / local_settings.name, local_settings)
    parser = configparser.ConfigParser(interpolation=None)
    for section, options in settings(home, _keys(home)).items():
        # Airflow interpolates %: a literal one is doubled.
        parser[section] = {option: value.replace("%", "%%") for option, value in options.items()}
    with _private(home.airflow / "airflow.cfg") as sink:
        sink.write("# Written by `make up` from ops/airflow_config.py at every start; changes here are lost.\n")
        parser.write(sink)
    kept = passwords(home)
    missing = USERS.keys() - kept.keys()
    if missing:
        with _private(passwords_file(home)) as sink:
            json.dump(kept | {name: _spoken() for name in missing}, sink)


def passwords(home: Home) -> dict[str, str]:
    """User → password, as `make up` prints them."""
    path = passwords_file(home)
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def passwords_file(home: Home) -> Path:
    return home.airflow / "passwords.json"


def _keys(home: Home) -> dict[str, str]:
    path = home.airflow / "keys.json"
    if not path.exists():
        made = {
            "fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(48),
            "secret_key": secrets.token_urlsafe(24),
        }
        with _private(path) as sink:
            json.dump(made, sink)
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _spoken() -> str:
    """A password that can be read out: three groups without look-alikes."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(3))


def _private(path: Path) -> IO[str]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")
