"""Keycloak as a broker in front of Pasee, as docs/applications.md says to set it up. The tier `release` runs this: it takes minutes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from stage.keycloak import Broker, browser
from stage.openid import Browser
from stage.pasee import claims_of
from stage.process import free_port
from stage.provider import Provider, client, heading, log_in, query_of

pytestmark = pytest.mark.release

# Where the application behind Keycloak is; nobody listens there.
BACK = "http://127.0.0.1:19999/back"


@pytest.fixture(scope="module")
def port() -> int:
    """Where Keycloak listens."""
    return free_port()


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path, port: int) -> Provider:
    """A Pasee that knows Keycloak by two of its three redirects."""
    broker = f"http://127.0.0.1:{port}/realms/corp/broker"
    redirects = [f"{broker}/pasee/endpoint", f"{broker}/wrong/endpoint"]
    bye = [f"{broker}/pasee/endpoint/logout_response"]
    return stage(Provider(folder / "pasee", client("keycloak", *redirects, post_logout_redirect_uris=bye))).start()


@pytest.fixture(scope="module")
def keycloak(stage: Callable[..., Any], folder: Path, pasee: Provider, port: int) -> Broker:
    """Keycloak in front of it."""
    return stage(Broker(folder / "keycloak", port, BACK, pasee)).start()


class Visit:
    """Somebody's browser on the way to the application behind Keycloak."""

    def __init__(self, keycloak: Broker, name: str) -> None:
        self.keycloak, self.name, self.browser = keycloak, name, browser()

    def begin(self, alias: str = "pasee", stop_at: str = BACK) -> requests.Response:
        """Logs in by that way; as far as the place that is named."""
        asked = {"client_id": "app", "response_type": "code", "scope": "openid", "redirect_uri": BACK, "kc_idp_hint": alias}
        place = f"{self.keycloak.issuer}/protocol/openid-connect/auth?{urlencode(asked)}"
        return log_in(self.browser, place, self.name, stop_at)

    def log_in(self) -> dict[str, Any]:
        """A whole login: the tokens of Keycloak."""
        last = self.begin()
        assert last.is_redirect, last.text
        code = query_of(last.headers["Location"])["code"]
        form = {"grant_type": "authorization_code", "client_id": "app", "code": code, "redirect_uri": BACK}
        answer = requests.post(f"{self.keycloak.issuer}/protocol/openid-connect/token", data=form, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()


def test_a_login(keycloak: Broker) -> None:
    ada = claims_of(Visit(keycloak, "ada").log_in()["id_token"])
    assert (ada["preferred_username"], ada["email"], ada["name"]) == ("local-ada", "ada@example.com", "Ada Example")
    assert ada["groups"] == ["/writers"]
    [linked] = keycloak.of_realm("GET", f"/users/{ada['sub']}/federated-identity")
    assert (linked["identityProvider"], linked["userId"]) == ("pasee", "local-ada")
    again = claims_of(Visit(keycloak, "ada").log_in()["id_token"])
    assert again["sub"] == ada["sub"], "the same user"


def test_groups_follow_at_each_login(pasee: Provider, keycloak: Broker) -> None:
    def groups() -> list[str]:
        return claims_of(Visit(keycloak, "john").log_in()["id_token"]).get("groups", [])

    assert groups() == [], "below the articles is not in the articles"
    assert pasee.boss.add("articles", "local-john") == 201
    assert groups() == ["/writers"]
    assert pasee.boss.delete("/groups/articles/local-john/").status_code == 204
    assert groups() == []


def test_a_logout_there_is_one_here(pasee: Provider, keycloak: Broker) -> None:
    visit = Visit(keycloak, "ada")
    hint = visit.log_in()["id_token"]
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": BACK}
    last = visit.browser.open(f"{keycloak.issuer}/protocol/openid-connect/logout?{urlencode(asked)}", stop_at=BACK)
    assert last.is_redirect and last.headers["Location"].startswith(BACK), last.text
    assert any(place.startswith(f"{pasee.url}/oauth2/logout") for place in visit.browser.visited)
    page = visit.browser.session.get(pasee.url, headers={"Accept": "text/html"}, timeout=30)
    assert 'id="password"' in page.text, "no session is left here"


def test_a_wrong_secret(pasee: Provider, keycloak: Broker) -> None:
    page = Visit(keycloak, "ada").begin("wrong")
    assert page.url.startswith(keycloak.url) and not page.is_redirect
    assert "invalid_client" in keycloak.output()


def test_an_unlisted_redirect(pasee: Provider, keycloak: Broker) -> None:
    page = Visit(keycloak, "ada").begin("unlisted")
    assert page.url.startswith(pasee.url) and page.status_code == 400, heading(page)


def test_what_was_changed_on_the_way(keycloak: Broker) -> None:
    """The code of somebody else, which has another verifier; and another's state."""
    back = f"{keycloak.issuer}/broker/pasee/endpoint"

    def begun() -> tuple[Browser, str]:
        visit = Visit(keycloak, "ada")
        return visit.browser, visit.begin(stop_at=back).headers["Location"]

    for name in ["code", "state"]:
        (own, place), (_, another) = begun(), begun()
        mine, theirs = query_of(place), query_of(another)
        changed = f"{back}?{urlencode(mine | {name: theirs[name]})}"
        page = own.open(changed, stop_at=BACK)
        assert not page.is_redirect and page.url.startswith(keycloak.url), "nobody gets to the application"


def test_somebody_who_was_banned(pasee: Provider, keycloak: Broker) -> None:
    Visit(keycloak, "mallory").log_in()
    pasee.ban("mallory")
    page = Visit(keycloak, "mallory").begin()
    assert page.url.startswith(pasee.url), page.url
