"""passport-openidconnect logs people in through Pasee, once it is told to send a nonce; and refuses what it should."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from stage.openid import Browser
from stage.process import Process, free_port
from stage.provider import Provider, client, heading, log_in, query_of, secret_of

PASSPORT = os.environ.get("PASSPORT", "")


class Application(Process):
    """The application, with a client of each kind."""

    def __init__(self, folder: Path, issuer: str, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        clients = {
            "passport": {"secret": secret_of("passport"), "nonce": True},
            "bare": {"secret": secret_of("bare")},
            "wrong": {"secret": "another secret", "nonce": True},
            "unlisted": {"secret": secret_of("unlisted"), "nonce": True},
        }
        words = {"port": port, "issuer": issuer, "clients": clients}
        super().__init__("passport", ["node", PASSPORT, json.dumps(words)], folder)

    def start(self) -> "Application":
        """Starts it and waits until it answers."""
        self.spawn()
        self.wait_ready(self._answers)
        return self

    def _answers(self) -> bool:
        try:
            return requests.get(self.url, timeout=2).ok
        except requests.ConnectionError:
            return False


@pytest.fixture(scope="module")
def port() -> int:
    """Where it listens."""
    return free_port()


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path, port: int) -> Provider:
    """A Pasee that knows it."""
    callback = f"http://127.0.0.1:{port}/callback"
    clients = [client(name, f"{callback}/{name}") for name in ["passport", "bare", "wrong"]]
    return stage(Provider(folder / "pasee", *clients, client("unlisted", f"{callback}/other"))).start()


@pytest.fixture(scope="module")
def application(stage: Callable[..., Any], folder: Path, pasee: Provider, port: int) -> Application:
    """The application."""
    return stage(Application(folder, pasee.url, port)).start()


def refused(answer: requests.Response) -> str:
    """Why it does not believe it."""
    assert answer.status_code == 400, answer.text
    return answer.text


@pytest.mark.parametrize("name", ["ada", "zoé"])
def test_a_login(application: Application, name: str) -> None:
    answer = log_in(Browser(), f"{application.url}/login/passport", name)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["id"] == said["user"]["sub"] == f"local-{name}"
    assert "articles" in said["user"]["groups"]


def test_without_a_nonce(application: Application) -> None:
    answer = log_in(Browser(), f"{application.url}/login/bare", "ada")
    assert "switch PKCE or the nonce on in the application" in refused(answer)


def test_a_wrong_secret(application: Application) -> None:
    assert "invalid_client" in refused(log_in(Browser(), f"{application.url}/login/wrong", "ada"))


def test_an_unlisted_redirect(pasee: Provider, application: Application) -> None:
    page = Browser().open(f"{application.url}/login/unlisted")
    assert page.status_code == 400 and page.url.startswith(pasee.url), heading(page)


@pytest.mark.parametrize(("name", "why"), [("code", "invalid nonce"), ("state", "state")])
def test_what_was_changed_on_the_way(application: Application, name: str, why: str) -> None:
    """Without PKCE it is the application that refuses somebody else's code, by the nonce in its ID token."""
    own, others = Browser(), Browser()
    callback = f"{application.url}/callback"
    mine, theirs = (
        query_of(log_in(one, f"{application.url}/login/passport", "ada", stop_at=callback).headers["Location"])
        for one in (own, others)
    )
    answer = own.open(f"{callback}/passport?{urlencode(mine | {name: theirs[name]})}")
    assert why in refused(answer)
