"""Logins at real OpenID providers, through their own forms, by the authorization code flow."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from stage.openid import (
    CLIENT_SECRET,
    Browser,
    GoProvider,
    JavaScriptProvider,
    callback_of,
    claims,
    openid,
)
from stage.pasee import Pasee

NAMES = ["corp", "open", "wrong"]


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path) -> Pasee:
    """A Pasee whose providers the tests add before they start it."""
    return stage(Pasee(folder / "pasee"))


@pytest.fixture(scope="module")
def corp(stage: Callable[..., Any], folder: Path, pasee: Pasee) -> JavaScriptProvider:
    """oidc-provider: three clients of it stand in the settings, one of them with a wrong secret."""
    callbacks = ",".join(callback_of(pasee, name) for name in NAMES)
    # Nobody here can read a P-521 key; that must not spoil the others.
    provider = JavaScriptProvider(folder / "corp", callbacks, "ES512,RS256,ES256", "ES256")
    return stage(provider)


@pytest.fixture(scope="module")
def go(stage: Callable[..., Any], folder: Path, pasee: Pasee) -> GoProvider:
    """The example server of zitadel/oidc."""
    return stage(GoProvider(folder / "go", callback_of(pasee, "go")))


@pytest.fixture(scope="module", autouse=True)
def running(pasee: Pasee, corp: JavaScriptProvider, go: GoProvider) -> None:
    """Pasee starts while no provider is there; they come later."""
    pasee.words["identity_providers"] = [
        openid(corp.issuer, "confidential", "corp", client_secret=CLIENT_SECRET),
        openid(corp.issuer, "public", "open") | {"required_claims": {"email_verified": True}},
        openid(corp.issuer, "confidential", "wrong", client_secret="another secret"),
        openid(go.issuer, "web", "go", client_secret="secret", user_info=True),
    ]
    pasee.start()
    for name in [*NAMES, "go"]:
        answer = requests.get(callback_of(pasee, name), allow_redirects=False, timeout=30)
        assert answer.status_code == 503, "until it is back"
        assert int(answer.headers["Retry-After"]) >= 1
    go.start()
    assert requests.get(callback_of(pasee, "go"), allow_redirects=False, timeout=30).status_code == 303
    assert requests.get(callback_of(pasee, "corp"), allow_redirects=False, timeout=30).status_code == 503
    corp.start()


def test_a_login_from_end_to_end(pasee: Pasee) -> None:
    pasee.append("staff", "corp-ada")
    ada = claims(Browser().log_in(pasee, "corp", "ada"))
    assert ada["sub"] == "corp-ada"
    assert (ada["iss"], ada["idp"]) == ("pasee.example.com", "corp")
    assert ada["groups"] == ["staff"], "what the provider calls groups is none of ours"
    assert (ada["email"], ada["name"]) == ("ada@example.com", "ada")
    assert not {"email_verified", "nonce", "refresh_token", "at_hash"} & set(ada)
    assert len(ada["sid"]) == 32, "128 bits of our own, whatever the provider calls its session"


def test_a_refresh_goes_on_without_the_provider(pasee: Pasee) -> None:
    answer = Browser().log_in(pasee, "corp", "alan")
    refreshed = requests.post(
        f"{pasee.url}/tokens/?refresh",
        headers={"Authorization": f"Bearer {answer.json()['refresh_token']}"},
        timeout=30,
    )
    assert refreshed.status_code == 201


def test_a_public_client(pasee: Pasee) -> None:
    assert claims(Browser().log_in(pasee, "open", "ada"))["sub"] == "open-ada"


def test_somebody_who_may_not(pasee: Pasee) -> None:
    """Mallory's address is not verified there: one of the two clients asks for that."""
    refused = Browser().log_in(pasee, "open", "mallory")
    assert refused.status_code == 403
    assert "may not log in here" in refused.text
    assert claims(Browser().log_in(pasee, "corp", "mallory"))["sub"] == "corp-mallory"


def test_the_go_server(pasee: Pasee) -> None:
    """Its ID tokens have RS256, its issuer ends with a slash, and the e-mail stands at its UserInfo endpoint."""
    user = claims(Browser().log_in(pasee, "go", "test-user2", "verysecure"))
    assert user["sub"] == "go-id2"
    assert (user["email"], user["name"]) == ("test-user2@zitadel.ch", "Test User2")


def test_a_wrong_client_secret(pasee: Pasee) -> None:
    answer = Browser().log_in(pasee, "wrong", "ada")
    assert answer.status_code == 502
    assert "it does not know this client or its secret" in pasee.output()
    assert "another secret" not in answer.text + pasee.output()


def test_a_user_who_says_no(pasee: Pasee) -> None:
    browser = Browser()
    page = browser.open(callback_of(pasee, "corp"))
    answer = browser.fill(page, answer="abort")
    assert answer.status_code == 403
    assert "did not confirm" in answer.text
    assert claims(browser.log_in(pasee, "corp", "ada"))["sub"] == "corp-ada", "and may think again"


def test_a_wrong_password_comes_to_nothing(pasee: Pasee) -> None:
    answer = Browser().log_in(pasee, "corp", "ada", "guess")
    assert answer.status_code == 403
    assert not answer.url.startswith(pasee.url)


def test_an_answer_is_good_once_in_one_browser(pasee: Pasee) -> None:
    mine, other = Browser(), Browser()
    last = mine.log_in(pasee, "corp", "ada", stop_at=f"{pasee.url}/tokens/?idp=corp&code=")
    callback = last.headers["Location"]
    assert "code=" in callback and "iss=" in callback
    assert other.open(callback).status_code == 400, "that browser has not begun it"
    other.open(callback_of(pasee, "corp"))
    assert other.open(callback).status_code in (400, 403), "nor has it begun this one"
    assert mine.open(callback.replace("&iss=http", "&iss=https")).status_code == 403
    assert mine.open(callback).status_code == 400, "and now it is over"
    once = mine.log_in(pasee, "corp", "ada", stop_at=f"{pasee.url}/tokens/?idp=corp&code=")
    cookies = mine.session.cookies.copy()
    assert claims(mine.open(once.headers["Location"]))["sub"] == "corp-ada"
    mine.session.cookies = cookies
    assert mine.open(once.headers["Location"]).status_code == 400, "even with the cookie of before"


def test_rotated_keys(pasee: Pasee, corp: JavaScriptProvider) -> None:
    """A token by an unknown key has the keys fetched, and nobody notices; the next within the cooldown likewise."""
    for _ in range(3):
        corp.stop()
        corp.start()
        assert claims(Browser().log_in(pasee, "corp", "ada"))["sub"] == "corp-ada"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "EdDSA"])
def test_other_algorithms(pasee: Pasee, corp: JavaScriptProvider, algorithm: str) -> None:
    corp.stop()
    pasee.stop()
    keys = ",".join({"ES512", "RS256", algorithm})
    corp.environment |= {"KEYS": keys, "SIGNS": algorithm}
    corp.start()
    pasee.start()
    assert claims(Browser().log_in(pasee, "corp", "ada"))["sub"] == "corp-ada"


def test_a_provider_that_is_killed(pasee: Pasee, corp: JavaScriptProvider, go: GoProvider) -> None:
    """Between begin and end of a login, too. Logins through the other go on."""
    browser = Browser()
    last = browser.log_in(pasee, "corp", "ada", stop_at=f"{pasee.url}/tokens/?idp=corp&code=")
    corp.send(signal.SIGKILL)
    corp.wait()
    killed = browser.open(last.headers["Location"])
    assert killed.status_code == 503
    assert int(killed.headers["Retry-After"]) >= 1
    assert claims(Browser().log_in(pasee, "go", "test-user2", "verysecure"))["sub"] == "go-id2"
    corp.start()
    assert claims(Browser().log_in(pasee, "corp", "ada"))["sub"] == "corp-ada", "and it is back"
