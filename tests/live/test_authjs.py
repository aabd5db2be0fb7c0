"""Auth.js logs people in through Pasee, as docs/applications.md says, and refuses what it should."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from stage.documented import Documented
from stage.openid import Browser
from stage.process import Process, free_port
from stage.provider import Provider, client, heading, log_in, query_of, secret_of

AUTHJS = os.environ.get("AUTHJS", "")


class Application(Process):
    """The application, with a client of each kind."""

    def __init__(self, folder: Path, issuer: str, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/api/auth"
        clients = {
            "pasee": {"id": "authjs", "secret": secret_of("authjs")},
            "wrong": {"id": "wrong", "secret": "another secret"},
            "unlisted": {"id": "authjs", "secret": secret_of("authjs")},
        }
        words = {"port": port, "issuer": issuer, "clients": clients}
        super().__init__("authjs", ["node", AUTHJS, json.dumps(words)], folder)

    def start(self) -> "Application":
        """Starts it and waits until it answers."""
        self.spawn()
        self.wait_ready(self._answers)
        return self

    def begin(self, browser: Browser, name: str = "pasee") -> str:
        """Presses its button; where that leads."""
        token = browser.session.get(f"{self.url}/csrf", timeout=30).json()["csrfToken"]
        form = {"csrfToken": token, "callbackUrl": self.url}
        answer = browser.session.post(f"{self.url}/signin/{name}", data=form, allow_redirects=False, timeout=30)
        return answer.headers["Location"]

    def session(self, browser: Browser) -> dict[str, Any]:
        """Who it says that is in the browser."""
        return browser.session.get(f"{self.url}/session", timeout=30).json() or {}

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/csrf", timeout=2).ok
        except requests.ConnectionError:
            return False


@pytest.fixture(scope="module")
def port() -> int:
    """Where it listens."""
    return free_port()


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path, port: int) -> Provider:
    """A Pasee that knows it."""
    own = f"http://127.0.0.1:{port}"
    documented = Documented("Auth.js", "https://shop.example.com", own).client()
    return stage(Provider(folder / "pasee", documented, client("wrong", f"{own}/api/auth/callback/wrong"))).start()


@pytest.fixture(scope="module")
def application(stage: Callable[..., Any], folder: Path, pasee: Provider, port: int) -> Application:
    """The application."""
    return stage(Application(folder, pasee.url, port)).start()


def comes_back(application: Application, browser: Browser, name: str, place: str) -> requests.Response:
    """Logs in at that place, and opens what leads back to the application; not what follows that."""
    callback = f"{application.url}/callback"
    back = log_in(browser, place, name, stop_at=callback).headers["Location"]
    return browser.session.get(back, allow_redirects=False, timeout=30)


def refused(application: Application, browser: Browser, answer: requests.Response) -> str:
    """What the application said, instead of believing it; nobody is in that browser then."""
    assert application.session(browser) == {}
    assert "error=" in answer.headers["Location"], answer.headers
    return application.output()


def test_a_login(application: Application) -> None:
    browser = Browser()
    assert application.session(browser) == {}
    comes_back(application, browser, "ada", application.begin(browser))
    session = application.session(browser)
    assert (session["sub"], session["groups"]) == ("local-ada", ["articles", "tools"])
    assert (session["user"]["name"], session["user"]["email"]) == ("Ada Example", "ada@example.com")


def test_a_name_beyond_ascii(application: Application) -> None:
    browser = Browser()
    comes_back(application, browser, "zoé", application.begin(browser))
    assert application.session(browser)["sub"] == "local-zoé"


def test_a_wrong_secret(application: Application) -> None:
    browser = Browser()
    answer = comes_back(application, browser, "ada", application.begin(browser, "wrong"))
    assert '"realm": "pasee"' in refused(application, browser, answer), "of the challenge that came with the 401"


def test_an_unlisted_redirect(pasee: Provider, application: Application) -> None:
    browser = Browser()
    page = browser.open(application.begin(browser, "unlisted"))
    assert page.status_code == 400 and page.url.startswith(pasee.url), heading(page)


def test_another_nonce(application: Application) -> None:
    browser = Browser()
    place = application.begin(browser)
    changed = place.replace(f"nonce={query_of(place)['nonce']}", "nonce=another")
    assert changed != place
    answer = comes_back(application, browser, "ada", changed)
    assert "nonce" in refused(application, browser, answer)


@pytest.mark.parametrize("name", ["code", "state", "iss"])
def test_what_was_changed_on_the_way(application: Application, name: str) -> None:
    own, others = Browser(), Browser()
    callback = f"{application.url}/callback"
    mine, theirs = (
        query_of(log_in(one, application.begin(one), "ada", stop_at=callback).headers["Location"])
        for one in (own, others)
    )
    theirs["iss"] = "https://evil.example.com"
    place = f"{callback}/pasee?{urlencode(mine | {name: theirs[name]})}"
    refused(application, own, own.session.get(place, allow_redirects=False, timeout=30))
