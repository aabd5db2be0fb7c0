"""The certified openid-client logs people in through Pasee, with all that it can, and refuses what it should."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from stage.openid import Browser
from stage.pasee import claims_of
from stage.process import Process, free_port
from stage.provider import CODE, DEVICE, Provider, client, heading, log_in, query_of, secret_of

API = "https://api.example.com"
OPENID_CLIENT = os.environ.get("OPENID_CLIENT", "")


class Application(Process):
    """An application with several clients, which says in JSON what it was told."""

    def __init__(self, folder: Path, issuer: str, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.callback = f"{self.url}/callback"
        clients: dict[str, Any] = {name: {"secret": secret_of(name)} for name in ["app", "posting", "machine", "narrow"]}
        clients["posting"]["method"] = "ClientSecretPost"
        clients |= {"bound": {}, "tool": {}, "wrong": {"secret": "another secret"}}
        words = {"port": port, "issuer": issuer, "clients": clients}
        super().__init__("openid-client", ["node", OPENID_CLIENT, json.dumps(words)], folder)

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


class Visitor(Browser):
    """Somebody's browser at the application."""

    def __init__(self, application: Application, name: str = "ada") -> None:
        super().__init__()
        self.application, self.name = application, name

    def log_in(self, **more: str) -> requests.Response:
        """A whole login, which begins at the application."""
        return log_in(self, self._place("/login", more), self.name)

    def as_far_as_the_callback(self, **more: str) -> str:
        """The URL that brings the code to the application, which is not opened."""
        last = log_in(self, self._place("/login", more), self.name, stop_at=self.application.callback)
        return last.headers["Location"]

    def ask(self, path: str, **more: str) -> requests.Response:
        """A page of the application."""
        return self.open(self._place(path, more))

    def _place(self, path: str, query: dict[str, str]) -> str:
        return requests.Request("GET", self.application.url + path, params=query).prepare().url or ""


def told(answer: requests.Response) -> dict[str, Any]:
    """What the application says of a login that it believes."""
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: requests.Response) -> dict[str, Any]:
    """Why the application does not believe it."""
    assert answer.status_code == 400, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def port() -> int:
    """Where the application listens."""
    return free_port()


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path, port: int) -> Provider:
    """A Pasee that knows the clients of the application."""
    own = f"http://127.0.0.1:{port}"
    names = ["app", "posting", "wrong"]
    usual = [client(name, f"{own}/callback", post_logout_redirect_uris=[f"{own}/bye"]) for name in names]
    more = [
        client("bound", f"{own}/callback", public=True, dpop="required"),
        client("tool", f"{own}/callback", public=True, grant_types=[*CODE, DEVICE]),
        client("machine", grant_types=["client_credentials"], audiences=[API]),
        client("narrow", f"{own}/callback", groups=["tools"], require_groups=["articles"], id_token_alg="ES256"),
    ]
    return stage(Provider(folder / "pasee", *usual, *more)).start()


@pytest.fixture(scope="module")
def application(stage: Callable[..., Any], folder: Path, pasee: Provider, port: int) -> Application:
    """The application itself."""
    return stage(Application(folder, pasee.url, port)).start()


# How a login may begin, and what of it: with a secret shown either way, pushed first, bound to a key.
WAYS = {
    "Basic": {},
    "POST": {"client": "posting"},
    "pushed": {"par": "yes"},
    "bound to a key": {"client": "bound", "dpop": "yes"},
    "pushed and bound": {"client": "bound", "dpop": "yes", "par": "yes"},
    "a secret and a key": {"dpop": "yes"},
    "no PKCE, by a nonce alone": {"pkce": "no"},
    "asked for again": {"prompt": "login"},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_login_a_refresh_and_what_is_told(
    pasee: Provider, application: Application, way: dict[str, str]
) -> None:
    visitor = Visitor(application)
    said = told(visitor.log_in(**way))
    ada, user = said["claims"], said["user"]
    assert (ada["iss"], ada["sub"], ada["aud"]) == (pasee.url, "local-ada", way.get("client", "app"))
    assert ada["groups"] == user["groups"] == ["articles", "tools"]
    assert (ada["email"], ada["name"]) == (user["email"], user["name"]) == ("ada@example.com", "Ada Example")
    assert said["scope"] == "openid profile email groups"
    assert claims_of(said["access"])["sub"] == "local-ada"
    assert said["type"] == ("dpop" if way.get("client") == "bound" else "bearer")
    again = told(visitor.ask("/refresh"))
    for name in ["sub", "aud", "auth_time", "sid"]:
        assert again["claims"][name] == ada[name]
    assert "nonce" not in again["claims"]
    assert again["user"]["groups"] == ["articles", "tools"]


def test_a_second_application_asks_for_no_password(application: Application) -> None:
    visitor = Visitor(application)
    told(visitor.log_in())
    visited = len(visitor.visited)
    second = told(visitor.open(f"{application.url}/login?client=posting"))
    assert second["claims"]["aud"] == "posting"
    assert len(visitor.visited) - visited == 3, "the application, Pasee, and the application again"


def test_groups_of_the_application(application: Application) -> None:
    """It sees the groups that it was given, and others are not let in to it."""
    said = told(Visitor(application).log_in(client="narrow"))
    assert said["claims"]["groups"] == said["user"]["groups"] == ["tools"]
    for name in ["mallory", "john"]:
        answer = refused(Visitor(application, name).log_in(client="narrow"))
        assert answer["error"] == "access_denied", answer
    assert told(Visitor(application, "mallory").log_in())["claims"]["groups"] == []


def test_a_refresh_knows_what_has_changed(pasee: Provider, application: Application) -> None:
    visitor = Visitor(application, "john")
    assert told(visitor.log_in())["claims"]["groups"] == ["articles.drafts"]
    assert pasee.boss.add("tools", "local-john") == 201
    assert told(visitor.ask("/refresh"))["claims"]["groups"] == ["articles.drafts", "tools"]
    assert pasee.boss.delete("/groups/tools/local-john/").status_code == 204
    assert told(visitor.ask("/refresh"))["claims"]["groups"] == ["articles.drafts"]


def test_a_name_beyond_ascii(application: Application) -> None:
    said = told(Visitor(application, "zoé").log_in())
    assert said["claims"]["sub"] == said["user"]["sub"] == "local-zoé"


def test_introspection(application: Application) -> None:
    visitor = Visitor(application)
    said = told(visitor.log_in())
    known = told(visitor.ask("/introspect"))
    assert (known["active"], known["sub"], known["client_id"]) == (True, "local-ada", "app")
    assert told(visitor.ask("/introspect", client="posting", token=said["access"])) == {"active": False}
    assert refused(visitor.ask("/introspect", client="wrong", token=said["access"]))["status"] == 401


def test_a_revocation_ends_the_session(application: Application) -> None:
    visitor = Visitor(application)
    told(visitor.log_in())
    told(visitor.ask("/revoke"))
    assert refused(visitor.ask("/refresh"))["error"] == "invalid_grant"
    assert told(visitor.ask("/introspect")) == {"active": False}


def test_a_logout(pasee: Provider, application: Application) -> None:
    visitor = Visitor(application)
    told(visitor.log_in())
    assert told(visitor.ask("/logout")) == {"bye": "bye"}
    assert refused(visitor.ask("/refresh"))["error"] == "invalid_grant"
    page = visitor.open(f"{application.url}/login")
    assert 'id="password"' in page.text, "the browser has no session any more"


def test_a_logout_without_a_hint_asks(pasee: Provider, application: Application) -> None:
    visitor = Visitor(application)
    told(visitor.log_in())
    page = visitor.ask("/logout", hint="no")
    assert page.url.startswith(pasee.url) and "<form" in page.text, page.text
    told(visitor.ask("/refresh"))


def test_a_logout_to_an_unlisted_place(pasee: Provider, application: Application) -> None:
    visitor = Visitor(application)
    told(visitor.log_in())
    page = visitor.ask("/logout", post_logout_redirect_uri="https://evil.example.com/")
    assert page.url.startswith(pasee.url) and not page.is_redirect
    assert not [place for place in visitor.visited if place.startswith("https://evil")]


def test_a_device(pasee: Provider, application: Application) -> None:
    device, person = Visitor(application), Browser()
    asked = told(device.ask("/device", client="tool"))
    assert asked["verification_uri"] == f"{pasee.url}/device"
    page = log_in(person, asked["verification_uri_complete"], "ada")
    assert page.status_code == 200, page.text
    said = told(device.ask("/device/ends"))
    assert (said["claims"]["sub"], said["claims"]["aud"]) == ("local-ada", "tool")
    assert said["user"]["groups"] == ["articles", "tools"]


def test_a_device_to_which_somebody_says_no(application: Application) -> None:
    device, person = Visitor(application), Browser()
    asked = told(device.ask("/device", client="tool"))
    page = log_in(person, asked["verification_uri"], "ada")
    page = person.open(asked["verification_uri_complete"])
    person.fill(log_in(person, page.url, "nobody", stop_at=None) if 'id="password"' in page.text else page, answer="no")
    assert refused(device.ask("/device/ends"))["error"] == "access_denied"


def test_the_application_itself(application: Application) -> None:
    visitor = Visitor(application)
    said = told(visitor.ask("/machine", client="machine", resource=API))
    claims = claims_of(said["access_token"])
    assert (claims["sub"], claims["aud"]) == ("client-machine", [API])
    assert not {"refresh_token", "id_token"} & set(said)
    other = "https://other.example.com"
    assert refused(visitor.ask("/machine", client="machine", resource=other))["error"] == "invalid_target"
    assert refused(visitor.ask("/machine", client="app"))["error"] == "unauthorized_client"


# --- What is refused, here or there.


def test_a_wrong_secret(pasee: Provider, application: Application) -> None:
    answer = refused(Visitor(application).log_in(client="wrong"))
    assert answer["status"] == 401, answer
    assert "another secret" not in pasee.output()


def test_an_unlisted_redirect(pasee: Provider, application: Application) -> None:
    for place in ["/elsewhere", "/callback/", "/callback?a=b", "/callback#x"]:
        visitor = Visitor(application)
        page = visitor.ask("/login", redirect_uri=application.url + place)
        assert page.url.startswith(pasee.url) and page.status_code == 400, heading(page)
        assert [there for there in visitor.visited if there.startswith(application.url)] == visitor.visited[:1]


def test_answers_that_were_changed_on_the_way(pasee: Provider, application: Application) -> None:
    """Of another issuer (RFC 9207), of none, for another state: openid-client refuses each before it shows the code."""
    for wrong in [
        lambda place: place.replace("&iss=", "&iss=https%3A%2F%2Fevil.example.com%2F"),
        lambda place: "&".join(part for part in place.split("&") if not part.startswith("iss=")),
        lambda place: place.replace("state=", "state=x"),
    ]:
        visitor = Visitor(application)
        place = visitor.as_far_as_the_callback()
        assert {"code", "state", "iss"} <= set(query_of(place))
        assert wrong(place) != place
        refusal = refused(visitor.open(wrong(place)))
        assert refusal["code"] == "OAUTH_INVALID_RESPONSE" or "error" not in refusal, refusal
        told(visitor.open(place)), "the code was not shown to anybody"


def code_into(victim: Visitor, thief: Visitor, **how: str) -> dict[str, Any]:
    """The victim's login, with the code of the thief's in the place of their own."""
    own, others = (query_of(one.as_far_as_the_callback(**how)) for one in (victim, thief))
    return refused(victim.ask("/callback", **(own | {"code": others["code"]})))


def test_a_code_of_somebody_else(application: Application) -> None:
    """By PKCE it is Pasee that refuses it; without, openid-client finds another nonce than it sent."""
    visitors = Visitor(application), Visitor(application, "mallory")
    assert code_into(*visitors)["error"] == "invalid_grant"
    refusal = code_into(Visitor(application), Visitor(application, "mallory"), pkce="no")
    assert "nonce" in json.dumps(refusal), refusal


def test_a_code_that_is_shown_twice(application: Application) -> None:
    visitor = Visitor(application)
    place = visitor.as_far_as_the_callback()
    told(visitor.open(place))
    assert refused(visitor.open(place))["error"] == "invalid_grant"
    assert refused(visitor.ask("/refresh"))["error"] == "invalid_grant", "it ends what it began"


def test_a_refresh_token_of_another_key_and_client(application: Application) -> None:
    visitor, thief = Visitor(application), Visitor(application)
    said = told(visitor.log_in(client="bound", dpop="yes"))
    told(thief.log_in(client="bound", dpop="yes"))
    assert refused(thief.ask("/refresh", token=said["refresh"]))["error"] == "invalid_dpop_proof"
    told(thief.log_in(client="posting"))
    assert refused(thief.ask("/refresh", token=said["refresh"]))["error"] == "invalid_grant"


def test_a_public_client_without_a_challenge(application: Application) -> None:
    answer = refused(Visitor(application).log_in(client="tool", pkce="no"))
    assert answer["error"] == "invalid_request", answer


def test_somebody_who_was_banned(pasee: Provider, application: Application) -> None:
    visitor = Visitor(application, "mallory")
    told(visitor.log_in())
    pasee.ban("mallory")
    assert refused(visitor.ask("/refresh"))["error"] == "invalid_grant"
    assert told(visitor.ask("/introspect")) == {"active": False}
    page = visitor.log_in()
    assert page.url.startswith(pasee.url), "nor is there a way in"
