"""A program on go-oidc logs people in as kubelogin does: by a loopback redirect, by a device code, by a refresh with an ID token; and by
the library of Vault, as `vault login` does."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jwt import get_unverified_header

from stage.documented import Documented
from stage.openid import Browser
from stage.provider import CODE, DEVICE, Provider, client, heading, log_in, query_of, secret_of

PROGRAM = os.environ.get("KUBELOGIN", "")
# As kubelogin registers it: without a path. The port may be any.
LOOPBACK = ["http://localhost:8000", "http://127.0.0.1:8000"]


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path) -> Provider:
    """A Pasee that knows the program with and without a secret."""
    grants = {"grant_types": [*CODE, DEVICE]}
    clients = [
        client("kubernetes", *LOOPBACK, public=True, **grants),
        client("es256", *LOOPBACK, public=True, id_token_alg="ES256", **grants),
        client("secret", *LOOPBACK, **grants),
        client("codes-alone", *LOOPBACK, public=True, grant_types=["authorization_code"]),
        Documented("Vault and OpenBao", "https://vault.example.com", "https://vault.example.com").client(),
        client("elsewhere", "https://elsewhere.example.com/callback", public=True),
    ]
    return stage(Provider(folder / "pasee", *clients)).start()


class Run:
    """The program, as it runs."""

    def __init__(self, pasee: Provider, step: str, client: str, **more: str) -> None:
        options = {"issuer": pasee.url, "client": client} | more
        command = [PROGRAM, *(f"-{name}={value}" for name, value in options.items()), step]
        pipe = subprocess.PIPE
        self.child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def line(self) -> dict[str, Any]:
        """What it says next."""
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        assert line, self.fails()
        return json.loads(line)

    def fails(self) -> str:
        """Why it ends without a login."""
        _, error = self.child.communicate(timeout=60)
        assert self.child.returncode == 1, error
        return error

    def says(self) -> dict[str, Any]:
        """What it knows when it is done."""
        said, error = self.child.communicate(timeout=60)
        assert self.child.returncode == 0, error
        return json.loads(said.splitlines()[-1])


@contextmanager
def run(pasee: Provider, step: str, client: str = "kubernetes", **options: str) -> Iterator[Run]:
    """Runs it, and ends it where it has not ended."""
    program = Run(pasee, step, client, **options)
    try:
        yield program
    finally:
        program.child.kill()
        program.child.communicate()


def by_browser(pasee: Provider, name: str, client: str = "kubernetes", **options: str) -> dict[str, Any]:
    """A whole login through a browser."""
    return by_program(pasee, "browser", name, client, **options)


def by_program(pasee: Provider, step: str, name: str, client: str, **options: str) -> dict[str, Any]:
    """The same, by that step of the program."""
    with run(pasee, step, client, **options) as program:
        page = log_in(Browser(), program.line()["open"], name)
        assert page.text == "You can close this page.", page.text
        return program.says()


def refreshed(pasee: Provider, token: str, client: str = "kubernetes", **options: str) -> dict[str, Any]:
    """What a refresh leads to."""
    with run(pasee, "refresh", client, **options) as program:
        assert program.child.stdin is not None
        program.child.stdin.write(token)
        return program.says()


@pytest.mark.parametrize(
    ("name", "options", "algorithm"),
    [
        ("kubernetes", {}, "RS256"),
        ("kubernetes", {"host": "127.0.0.1"}, "RS256"),
        ("es256", {}, "ES256"),
        ("secret", {"secret": secret_of("secret")}, "RS256"),
    ],
)
def test_a_login_and_refreshes(
    pasee: Provider, name: str, options: dict[str, str], algorithm: str
) -> None:
    said = by_browser(pasee, "ada", name, **options)
    claims = said["claims"]
    assert (claims["iss"], claims["sub"], claims["aud"]) == (pasee.url, "local-ada", name)
    assert claims["groups"] == said["user"]["groups"] == ["articles", "tools"]
    assert said["user"]["email"] == "ada@example.com"
    assert get_unverified_header(said["id_token"])["alg"] == algorithm
    options.pop("host", None)
    for _ in range(2):
        said = refreshed(pasee, said["refresh_token"], name, **options)
        assert said["claims"]["groups"] == ["articles", "tools"]
        assert said["claims"]["auth_time"] == claims["auth_time"]


def test_a_name_beyond_ascii(pasee: Provider) -> None:
    assert by_browser(pasee, "zoé")["user"]["sub"] == "local-zoé"


def test_a_device(pasee: Provider) -> None:
    with run(pasee, "device") as program:
        asked = program.line()
        assert asked["verification_uri"] == f"{pasee.url}/device"
        page = log_in(Browser(), asked["verification_uri_complete"], "ada")
        assert page.status_code == 200, page.text
        said = program.says()
    assert said["claims"]["sub"] == "local-ada" and "nonce" not in said["claims"]
    assert refreshed(pasee, said["refresh_token"])["claims"]["sub"] == "local-ada"


def test_two_at_once_refresh_with_the_same_token(pasee: Provider) -> None:
    """As parallel kubectl does: nobody is logged out for it."""
    token = by_browser(pasee, "ada")["refresh_token"]
    with run(pasee, "refresh") as one, run(pasee, "refresh") as other:
        for program in (one, other):
            assert program.child.stdin is not None
            program.child.stdin.write(token)
            program.child.stdin.flush()
        said = [program.says() for program in (one, other)]
    for each in said:
        assert refreshed(pasee, each["refresh_token"])["claims"]["sub"] == "local-ada"


VAULT = {"secret": secret_of("vault"), "scope": "profile email groups"}


def test_vault(pasee: Provider) -> None:
    said = by_program(pasee, "vault", "boss", "vault", **VAULT)
    assert (said["claims"]["sub"], said["claims"]["aud"]) == ("local-boss", "vault")
    assert said["claims"]["groups"] == said["user"]["groups"]
    assert {"operations", "staff", "articles.staff"} <= set(said["claims"]["groups"]), "who runs a group, too"
    with run(pasee, "vault", "vault", **VAULT) as program:
        log_in(Browser(), program.line()["open"], "ada")
        assert "access_denied" in program.fails(), "nobody else is in the group that the client wants"


def test_vault_refuses_what_was_changed_on_the_way(pasee: Provider) -> None:
    with run(pasee, "vault", "vault", **VAULT) as program:
        place = program.line()["open"]
        changed = place.replace(f"nonce={query_of(place)['nonce']}", "nonce=another")
        assert changed != place
        log_in(Browser(), changed, "boss")
        assert "nonce" in program.fails()
    with run(pasee, "vault", "vault", **(VAULT | {"secret": "a wrong one"})) as program:
        log_in(Browser(), program.line()["open"], "boss")
        assert "invalid_client" in program.fails()


def test_somebody_says_no(pasee: Provider) -> None:
    with run(pasee, "device") as program:
        browser, asked = Browser(), program.line()
        page = log_in(browser, f"{pasee.url}/device", "ada")
        page = browser.open(asked["verification_uri_complete"])
        browser.fill(page, answer="no")
        assert "access_denied" in program.fails()


def test_another_nonce(pasee: Provider) -> None:
    with run(pasee, "browser", nonce="another") as program:
        log_in(Browser(), program.line()["open"], "ada")
        assert "another nonce" in program.fails()


def test_a_wrong_secret(pasee: Provider) -> None:
    with run(pasee, "browser", "secret", secret="a wrong one") as program:
        log_in(Browser(), program.line()["open"], "ada")
        assert "invalid_client" in program.fails()
    with run(pasee, "device", "secret", secret="a wrong one") as program:
        assert "invalid_client" in program.fails()


def test_an_unlisted_redirect(pasee: Provider) -> None:
    with run(pasee, "browser", "elsewhere") as program:
        browser = Browser()
        page = browser.open(program.line()["open"])
        assert page.status_code == 400 and len(browser.visited) == 1, heading(page)


def test_a_device_of_a_client_that_may_not(pasee: Provider) -> None:
    with run(pasee, "device", "codes-alone") as program:
        assert "unauthorized_client" in program.fails()


def test_a_code_that_was_listened_in_on(pasee: Provider) -> None:
    """Another program that asks for the same client cannot redeem it: it has another verifier."""
    with run(pasee, "browser") as victim, run(pasee, "browser") as thief:
        places = [program.line()["open"] for program in (victim, thief)]
        back = [query_of(place)["redirect_uri"] for place in places]
        caught = log_in(Browser(), places[0], "ada", stop_at=back[0]).headers["Location"]
        own = query_of(places[1])["state"]
        code = query_of(caught)
        page = Browser().open(f"{back[1]}/?code={code['code']}&state={own}&iss={pasee.url}")
        assert page.status_code == 200
        assert "invalid_grant" in thief.fails()


def test_below_a_path(stage: Callable[..., Any], tmp_path: Path) -> None:
    """Discovery, keys, pages, cookies, refreshes and devices are all below it."""
    known = client("kubernetes", *LOOPBACK, public=True, grant_types=[*CODE, DEVICE])
    below = stage(Provider(tmp_path, known, path="/sso")).start()
    said = by_browser(below, "ada")
    assert said["claims"]["iss"] == below.url and below.url.endswith("/sso")
    assert refreshed(below, said["refresh_token"])["user"]["groups"] == ["articles", "tools"]
    with run(below, "device") as program:
        asked = program.line()
        assert asked["verification_uri"] == f"{below.url}/device"
        log_in(Browser(), asked["verification_uri_complete"], "ada")
        assert program.says()["claims"]["sub"] == "local-ada"


def test_somebody_who_was_banned(pasee: Provider) -> None:
    token = by_browser(pasee, "mallory")["refresh_token"]
    pasee.ban("mallory")
    with run(pasee, "refresh") as program:
        assert program.child.stdin is not None
        program.child.stdin.write(token)
        assert "invalid_grant" in program.fails()
