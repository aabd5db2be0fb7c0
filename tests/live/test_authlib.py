"""Authlib logs people in to an application of Flask through Pasee, as its documents say, and refuses what it should."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from joserfc.errors import JoseError
from werkzeug.serving import make_server

from stage.openid import Browser
from stage.process import free_port
from stage.provider import Provider, client, heading, log_in, query_of, secret_of

SCOPE = "openid profile email groups"
# How the application shows its secret, or that it has none.
METHODS = {"app": "client_secret_basic", "posting": "client_secret_post", "tool": "none", "wrong": "client_secret_basic"}


def application(issuer: str, url: str) -> flask.Flask:
    """An application that says in JSON what it was told of somebody; what Authlib refuses is a 400."""
    app = flask.Flask("application")
    app.secret_key = "throw-away"
    oauth = OAuth(app)
    for name, method in METHODS.items():
        oauth.register(
            name,
            client_id=name,
            client_secret=None if method == "none" else secret_of("app" if name == "wrong" else name),
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": SCOPE,
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": method,
            },
        )
    kept: dict[str, Any] = {}

    def told(name: str, token: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
        user = oauth.create_client(name).userinfo(token=token)
        return {"claims": dict(claims), "user": dict(user), "refresh": token["refresh_token"]}

    @app.get("/login/<name>")
    def login(name: str) -> Any:
        more = dict(flask.request.args)
        back = more.pop("redirect", flask.url_for("callback", name=name, _external=True))
        return oauth.create_client(name).authorize_redirect(back, **more)

    @app.get("/callback/<name>")
    def callback(name: str) -> Any:
        kept[name] = token = oauth.create_client(name).authorize_access_token()
        return told(name, token, token["userinfo"])

    @app.get("/refresh/<name>")
    def refresh(name: str) -> Any:
        client = oauth.create_client(name)
        metadata = client.load_server_metadata()
        with client._get_oauth_client(**metadata) as session:
            token = session.refresh_token(metadata["token_endpoint"], kept[name]["refresh_token"])
        claims = client.parse_id_token(token, nonce=None)
        return told(name, kept[name] | token, claims)

    @app.get("/logout/<name>")
    def logout(name: str) -> Any:
        back = flask.url_for("bye", name=name, _external=True)
        return oauth.create_client(name).logout_redirect(back, id_token_hint=kept[name]["id_token"])

    @app.get("/bye/<name>")
    def bye(name: str) -> Any:
        oauth.create_client(name).validate_logout_response()
        return {"bye": name}

    @app.errorhandler(AuthlibBaseError)
    @app.errorhandler(JoseError)
    def refused(error: Exception) -> Any:
        return {"error": getattr(error, "error", type(error).__name__), "why": str(error)}, 400

    return app


@pytest.fixture(scope="module")
def port() -> int:
    """Where the application listens."""
    return free_port()


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path, port: int) -> Provider:
    """A Pasee that knows the application by several names."""

    def known(name: str, **more: Any) -> dict[str, Any]:
        own = f"http://127.0.0.1:{port}"
        return client(name, f"{own}/callback/{name}", post_logout_redirect_uris=[f"{own}/bye/{name}"], **more)

    clients = [known(name, public=method == "none") for name, method in METHODS.items()]
    return stage(Provider(folder / "pasee", *clients)).start()


@pytest.fixture(scope="module")
def url(pasee: Provider, port: int) -> Iterator[str]:
    """The application, which is served."""
    url = f"http://127.0.0.1:{port}"
    server = make_server("127.0.0.1", port, application(pasee.url, url), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield url
    server.shutdown()


def told(answer: requests.Response) -> dict[str, Any]:
    """What the application says of a login that it believes."""
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: requests.Response) -> str:
    """Why it does not believe it."""
    assert answer.status_code == 400, answer.text
    return f"{answer.json()['error']}: {answer.json()['why']}"


@pytest.mark.parametrize("name", ["app", "posting", "tool"])
def test_a_login_and_a_refresh(pasee: Provider, url: str, name: str) -> None:
    browser = Browser()
    said = told(log_in(browser, f"{url}/login/{name}", "ada"))
    claims, user = said["claims"], said["user"]
    assert (claims["iss"], claims["sub"], claims["aud"]) == (pasee.url, "local-ada", name)
    assert claims["groups"] == user["groups"] == ["articles", "tools"]
    assert (claims["email"], user["name"]) == ("ada@example.com", "Ada Example")
    again = told(browser.open(f"{url}/refresh/{name}"))
    assert [again["claims"][claim] for claim in ("sub", "sid")] == [claims[claim] for claim in ("sub", "sid")]
    assert again["user"]["groups"] == ["articles", "tools"]


def test_a_name_beyond_ascii(url: str) -> None:
    assert told(log_in(Browser(), f"{url}/login/app", "zoé"))["user"]["sub"] == "local-zoé"


def test_a_logout(pasee: Provider, url: str) -> None:
    browser = Browser()
    told(log_in(browser, f"{url}/login/app", "ada"))
    assert told(browser.open(f"{url}/logout/app")) == {"bye": "app"}
    assert refused(browser.open(f"{url}/refresh/app")).startswith("invalid_grant")
    assert 'id="password"' in browser.open(f"{url}/login/app").text


def test_a_wrong_secret(pasee: Provider, url: str) -> None:
    assert refused(log_in(Browser(), f"{url}/login/wrong", "ada")).startswith("invalid_client")


def test_an_unlisted_redirect(pasee: Provider, url: str) -> None:
    browser = Browser()
    page = browser.open(f"{url}/login/app?redirect={url}/callback/posting")
    assert page.url.startswith(pasee.url) and page.status_code == 400, heading(page)
    assert len(browser.visited) == 2


def test_answers_that_were_changed_on_the_way(pasee: Provider, url: str) -> None:
    """Another state; and the code of somebody else, which has another verifier."""
    own, others = Browser(), Browser()
    back = f"{url}/callback/app"
    place, another = (
        log_in(browser, f"{url}/login/app", name, stop_at=back).headers["Location"]
        for browser, name in ((own, "ada"), (others, "mallory"))
    )
    mine, theirs = query_of(place), query_of(another)
    assert "mismatching_state" in refused(own.open(place.replace(mine["state"], theirs["state"])))
    assert refused(own.open(place.replace(mine["code"], theirs["code"]))).startswith("invalid_grant")


def test_another_nonce(pasee: Provider, url: str) -> None:
    """The request is changed in the browser on its way to Pasee."""
    browser = Browser()
    request = browser.open(f"{url}/login/app", stop_at=pasee.url).headers["Location"]
    changed = request.replace(f"nonce={query_of(request)['nonce']}", "nonce=another")
    assert changed != request
    assert "nonce" in refused(log_in(browser, changed, "ada"))


def test_somebody_who_was_banned(pasee: Provider, url: str) -> None:
    browser = Browser()
    told(log_in(browser, f"{url}/login/app", "mallory"))
    pasee.ban("mallory")
    assert refused(browser.open(f"{url}/refresh/app")).startswith("invalid_grant")
