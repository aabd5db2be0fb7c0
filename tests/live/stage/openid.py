"""OpenID providers of others, and a browser that logs in there.

oidc-provider (JavaScript) and the example server of zitadel/oidc (Go); `tests/run` installs both.
"""

import os
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from .kisee import password
from .pasee import Pasee, claims_of
from .process import Process, free_port

CLIENT_SECRET = "a secret & more: 100 %"
JAVASCRIPT = os.environ.get("OIDC_PROVIDER", "")
GO = os.environ.get("ZITADEL_SERVER", "")


class OpenIdProvider(Process):
    """What both have in common."""

    issuer: str

    def start(self) -> "OpenIdProvider":
        """Starts it and waits until it answers."""
        self.spawn()
        self.wait_ready(self._answers)
        return self

    def _answers(self) -> bool:
        place = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            return requests.get(place, timeout=2).ok
        except requests.ConnectionError:
            return False


class JavaScriptProvider(OpenIdProvider):
    """The certified oidc-provider of npm. Its keys are new at every start."""

    def __init__(self, folder: Path, callback: str, keys: str, signs: str) -> None:
        super().__init__("oidc-provider", ["node", JAVASCRIPT], folder)
        port = free_port()
        self.issuer = f"http://127.0.0.1:{port}"
        self.environment = {"PORT": str(port), "CALLBACK": callback, "KEYS": keys, "SIGNS": signs}


class GoProvider(OpenIdProvider):
    """The example server of the certified zitadel/oidc. It knows test-user2 with the password verysecure, as id2."""

    def __init__(self, folder: Path, callback: str) -> None:
        super().__init__("zitadel", [GO], folder)
        port = free_port()
        self.issuer = f"http://localhost:{port}/"
        self.environment = {"PORT": str(port), "REDIRECT_URI": callback}


def openid(issuer: str, client_id: str, name: str, **more: Any) -> dict[str, Any]:
    """The settings of an OpenID provider."""
    return {
        "name": name,
        "protocol": "oidc",
        "claims": ["email", "name"],
        "settings": {"issuer": issuer, "client_id": client_id, **more},
    }


def callback_of(pasee: Pasee, name: str) -> str:
    """Where a provider of that name sends browsers back to."""
    return f"{pasee.url}/tokens/?idp={name}"


class Browser:
    """Somebody's browser, with their cookies."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.visited: list[str] = []

    def open(self, url: str, stop_at: str | None = None) -> requests.Response:
        """Opens a page and goes where it leads; not to what starts with `stop_at`, which is what comes next then."""
        return self._follow(self.session.get(url, allow_redirects=False, timeout=30), stop_at)

    def fill(self, page: requests.Response, stop_at: str | None = None, **fields: str) -> requests.Response:
        """Fills in the form on a page and sends it."""
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
        place = urljoin(page.url, unescape(action.group(1))) if action else page.url
        data = {name: unescape(value) for name, value in hidden} | fields
        answer = self.session.post(place, data=data, allow_redirects=False, timeout=30)
        return self._follow(answer, stop_at)

    def log_in(
        self, pasee: Pasee, idp: str, login: str, secret: str | None = None, stop_at: str | None = None
    ) -> requests.Response:
        """A whole login, from Pasee over the provider's forms and back; returns Pasee's answer."""
        page = self.open(callback_of(pasee, idp), stop_at)
        secret = password(login) if secret is None else secret
        for _ in range(3):
            if "<form" not in page.text:
                break
            page = self.fill(page, stop_at, login=login, username=login, password=secret)
        return page

    def _follow(self, answer: requests.Response, stop_at: str | None) -> requests.Response:
        for _ in range(20):
            self.visited.append(answer.url)
            if not answer.is_redirect:
                return answer
            place = urljoin(answer.url, answer.headers["Location"])
            if stop_at is not None and place.startswith(stop_at):
                return answer
            answer = self.session.get(place, allow_redirects=False, timeout=30)
        raise AssertionError(f"redirected without end: {self.visited}")


def claims(answer: requests.Response) -> dict[str, Any]:
    """What the access token of a login says."""
    assert answer.status_code == 200, answer.text
    assert answer.json()["refresh_token"]
    return claims_of(answer.json()["access_token"])
