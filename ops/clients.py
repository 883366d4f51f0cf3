"""Speak to Airflow's REST API and to the sandbox's control API. Errors are one line; nothing is retried but reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

from ops.home import OpsError


def wait_until(check: Callable[[], bool], what: str, timeout_s: float, every_s: float = 0.5) -> None:
    """Raises OpsError ``what did not happen within N s``."""
    deadline = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > deadline:
            raise OpsError(f"{what} within {timeout_s:.0f} s")
        time.sleep(every_s)


class Sandbox:
    """The control API: what the far ends know, and the hand that moves them."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        # Never through a proxy of the environment: this is loopback.
        self._http = httpx.Client(base_url=f"{base_url}/_sandbox", timeout=30, trust_env=False)

    def get(self, path: str, **params: Any) -> Any:
        return self._answer("GET", path, params=params)

    def text(self, path: str) -> str:
        return self._call("GET", path).text

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._answer("POST", path, json=body or {})

    def put(self, path: str, body: dict[str, Any]) -> Any:
        return self._answer("PUT", path, json=body)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        return self._answer("PATCH", path, json=body)

    def close(self) -> None:
        self._http.close()

    def healthy(self) -> bool:
        try:
            return bool(self._http.get("/health").json().get("ok"))
        except (httpx.HTTPError, ValueError):
            return False

    def _answer(self, method: str, path: str, **kwargs: Any) -> Any:
        return self._call(method, path, **kwargs).json()

    def _call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **kwargs)
        except httpx.HTTPError as error:
            raise OpsError(
                f"the sandbox does not answer at {self.base_url} ({type(error).__name__}); make up"
            ) from None
        if response.is_error:
            raise OpsError(f"sandbox {method} {path}: {response.status_code} {response.text[:200]}")
        return response


class Airflow:
    """Airflow's REST API as one user."""

    def __init__(self, base_url: str, user: str, password: str) -> None:
        self.base_url = base_url
        self.user = user
        self._password = password
        self._http = httpx.Client(base_url=base_url, timeout=60, trust_env=False)

    def health(self) -> dict[str, str]:
        """Component → status; empty when the API does not answer. It says 200 in a degraded state too."""
        try:
            answer = self._http.get("/api/v2/monitor/health", timeout=5)
            body = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, ValueError):
            return {}
        return {name: str((part or {}).get("status")) for name, part in body.items()}

    def get(self, path: str, **params: Any) -> Any:
        return self._call("GET", path, params=params)

    def token(self) -> str:
        """What a browser that is logged in carries as its cookie."""
        if "Authorization" not in self._http.headers:
            self._log_in()
        return self._http.headers["Authorization"].removeprefix("Bearer ")

    def write(self, method: str, path: str, body: dict[str, Any]) -> None:
        """A write that may be repeated: its path or body names what is made, so a second one is refused as done.

        On SQLite Airflow fails a write with "Database error", before doing anything, when its audit log could not be
        written in time.
        """
        for patience in (1, 2, 4, 8, None):
            response = self._send(method, path, json=body)
            if response.status_code == 409 or response.is_success:
                return
            if response.status_code < 500 or patience is None:
                raise self._refused(method, path, response)
            time.sleep(patience)

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        response = self._send(method, path, **kwargs)
        if response.is_error:
            raise self._refused(method, path, response)
        return response.json() if response.content else None

    def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        if "Authorization" not in self._http.headers:
            self._log_in()
        try:
            response = self._http.request(method, f"/api/v2{path}", **kwargs)
            if response.status_code == 401:
                self._log_in()
                response = self._http.request(method, f"/api/v2{path}", **kwargs)
        except httpx.HTTPError as error:
            raise self._silent(error) from None
        return response

    def _refused(self, method: str, path: str, response: httpx.Response) -> OpsError:
        return OpsError(f"Airflow {method} {path}: {response.status_code} {response.text[:300]}")

    def _silent(self, error: httpx.HTTPError) -> OpsError:
        return OpsError(f"Airflow does not answer at {self.base_url} ({type(error).__name__}); say make up")

    def _log_in(self) -> None:
        try:
            response = self._http.post("/auth/token", json={"username": self.user, "password": self._password})
        except httpx.HTTPError as error:
            raise OpsError(
                f"Airflow does not answer at {self.base_url} ({type(error).__name__}); say make up"
            ) from None
        if response.is_error:
            raise OpsError(f"Airflow refuses the log-in of {self.user}: {response.status_code}")
        self._http.headers["Authorization"] = f"Bearer {response.json()['access_token']}"
