"""What Airflow learns of us through the entry point ``apache_airflow_provider``."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Airflow reads this once per process."""
    return {
        "package-name": "weigov",
        "name": "Weigov",
        "description": "Keeps a government's WeChat Official Accounts in step with the systems it already runs.",
    }
