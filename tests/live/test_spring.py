"""Applications in Java log people in through Pasee: Spring Boot as docs/applications.md says, which also takes access tokens, and Nimbus'
SDK alone. The tier `release` runs this: it has to be fetched."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from stage.documented import Documented
from stage.openid import Browser
from stage.process import Process, free_port
from stage.provider import Provider, client, heading, log_in, query_of, secret_of

pytestmark = pytest.mark.release

JARS = os.environ.get("SPRING", "")
JAVA = ["java", "-Xmx256m", "-cp", f"{JARS}:{JARS}/*"]
# Where Nimbus' answers go, which are read off the browser: nobody listens there.
BACK = "http://127.0.0.1:19998/back"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class Spring(Process):
    """The application, with the settings of the page."""

    def __init__(self, folder: Path, port: int, told: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.settings, self.told = folder / "application.yaml", told
        command = [*JAVA, "Application", f"--spring.config.location=file:{self.settings}"]
        super().__init__("spring", [*command, f"--server.port={port}", "--server.address=127.0.0.1"], folder)

    def start(self) -> "Spring":
        """Starts it and waits until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings.write_text(self.told)
        self.spawn()
        self.wait_ready(lambda: "Started Application" in self.output(), 120)
        return self


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Where each application listens: as it should, with another secret, and with an unlisted redirect."""
    return {name: free_port() for name in ["spring", "wrong", "unlisted"]}


def documented(port: int) -> Documented:
    """What docs/applications.md says."""
    return Documented("Spring Security", "https://articles.example.com", f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path, ports: dict[str, int]) -> Provider:
    """A Pasee that knows them."""
    clients = [
        documented(ports["spring"]).client(),
        documented(ports["wrong"]).client() | {"id": "wrong", "secret_hashes": [f"sha256:{'a' * 64}"]},
        client("unlisted", "https://elsewhere.example.com/"),
        client("nimbus", BACK, pkce="required"),
        client("nimbus-wrong", BACK, secret_hashes=[f"sha256:{'b' * 64}"]),
    ]
    return stage(Provider(folder / "pasee", *clients)).start()


@pytest.fixture(scope="module")
def start(
    stage: Callable[..., Any], folder: Path, pasee: Provider, ports: dict[str, int]
) -> Callable[[str], Spring]:
    """Starts one of them."""

    def one(name: str) -> Spring:
        told = documented(ports[name]).settings("yaml", pasee.url, name)
        told = told.replace("client-id: spring", f"client-id: {name}")
        return stage(Spring(folder / name, ports[name], told)).start()

    return one


@pytest.fixture(scope="module")
def spring(start: Callable[[str], Spring]) -> Spring:
    """The one as it should be."""
    return start("spring")


def test_spring_logs_people_in(spring: Spring) -> None:
    ada = log_in(Browser(), f"{spring.url}/me", "ada").json()
    assert (ada["sub"], ada["name"], ada["email"]) == ("local-ada", "local-ada", "ada@example.com")
    assert ada["authorities"] == ["articles", "tools"]


def test_spring_and_a_name_beyond_ascii(spring: Spring) -> None:
    assert log_in(Browser(), f"{spring.url}/me", "zoé").json()["name"] == "local-zoé"


def test_spring_lets_groups_decide(spring: Spring) -> None:
    assert log_in(Browser(), f"{spring.url}/articles", "ada").status_code == 200
    for name in ["john", "mallory"]:
        assert log_in(Browser(), f"{spring.url}/articles", name).status_code == 403, name


def test_spring_refreshes(pasee: Provider, spring: Spring) -> None:
    """Its own checks of the new ID token hold, and the groups of now become its authorities."""
    browser = Browser()
    assert log_in(browser, f"{spring.url}/me", "john").json()["authorities"] == ["articles.drafts"]
    first = browser.open(f"{spring.url}/refreshed").json()
    assert pasee.boss.add("tools", "local-john") == 201
    assert browser.open(f"{spring.url}/refreshed").json()["access"] != first["access"]
    assert browser.open(f"{spring.url}/me").json()["authorities"] == ["articles.drafts", "tools"]
    assert pasee.boss.delete("/groups/tools/local-john/").status_code == 204


def test_spring_logs_people_out(spring: Spring) -> None:
    browser = Browser()
    log_in(browser, f"{spring.url}/me", "ada")
    answer = browser.session.post(f"{spring.url}/logout", allow_redirects=False, timeout=30)
    assert browser.open(answer.headers["Location"]).json() == {"bye": True}
    assert 'id="password"' in browser.open(f"{spring.url}/me").text, "nobody is logged in here or there"


def test_spring_with_a_wrong_secret(start: Callable[[str], Spring]) -> None:
    wrong = start("wrong")
    page = log_in(Browser(), f"{wrong.url}/me", "ada")
    assert page.url == f"{wrong.url}/login?error", page.text


def test_spring_with_an_unlisted_redirect(pasee: Provider, start: Callable[[str], Spring]) -> None:
    page = Browser().open(f"{start('unlisted').url}/me")
    assert page.status_code == 400 and page.url.startswith(pasee.url), heading(page)


def test_spring_refuses_what_was_changed_on_the_way(pasee: Provider, spring: Spring) -> None:
    """Another nonce in the request, another's code, another's state."""
    back = f"{spring.url}/login/oauth2/code/"
    refused = f"{spring.url}/login?error"

    def begun() -> tuple[Browser, str]:
        browser = Browser()
        return browser, log_in(browser, f"{spring.url}/me", "ada", stop_at=back).headers["Location"]

    browser = Browser()
    request = browser.open(f"{spring.url}/me", stop_at=pasee.url).headers["Location"]
    changed = request.replace(f"nonce={query_of(request)['nonce']}", "nonce=another")
    assert changed != request
    assert log_in(browser, changed, "ada").url == refused
    for name in ["code", "state"]:
        (own, place), (_, another) = begun(), begun()
        mine, theirs = query_of(place), query_of(another)
        page = own.open(f"{place.partition('?')[0]}?{urlencode(mine | {name: theirs[name]})}")
        assert page.url == refused, page.url


def tokens(pasee: Provider, spring: Spring, name: str, **more: str) -> dict[str, str]:
    """What the application would get for somebody, by hand."""
    back = f"{spring.url}/login/oauth2/code/pasee"
    asked = {"client_id": "spring", "response_type": "code", "scope": "openid groups", "redirect_uri": back}
    asked |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    place = f"{pasee.url}/oauth2/authorize?{urlencode(asked | more)}"
    code = query_of(log_in(Browser(), place, name, stop_at=back).headers["Location"])["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": VERIFIER}
    form |= {"client_id": "spring", "client_secret": secret_of("spring")}
    answer = requests.post(f"{pasee.url}/oauth2/token", data=form, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_resource_server(pasee: Provider, spring: Spring) -> None:
    """It takes access tokens for itself, and neither those for others nor any other kind of token."""

    def call(token: str, path: str = "/api/me") -> requests.Response:
        return requests.get(spring.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def said(token: str, path: str = "/api/me") -> dict[str, Any]:
        answer = call(token, path)
        assert answer.status_code == 200, answer.headers["WWW-Authenticate"]
        return answer.json()

    ada, mallory = (tokens(pasee, spring, name, resource=spring.url) for name in ("ada", "mallory"))
    assert said(ada["access_token"])["authorities"] == ["articles", "tools"]
    assert said(ada["access_token"], "/api/articles")["sub"] == "local-ada"
    assert said(mallory["access_token"])["authorities"] == []
    assert call(mallory["access_token"], "/api/articles").status_code == 403
    for token in [
        ada["id_token"],
        ada["refresh_token"],
        tokens(pasee, spring, "ada")["access_token"],
        ada["access_token"][:-2],
    ]:
        assert call(token).status_code == 401


# --- Nimbus


class Nimbus:
    """One login by Nimbus' SDK, as it runs."""

    def __init__(self, pasee: Provider, client: str = "nimbus", redirect: str = BACK) -> None:
        command = [*JAVA, "Nimbus", pasee.url, client, secret_of(client), redirect]
        pipe = subprocess.PIPE
        self.child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def says(self, line: str | None = None) -> dict[str, Any]:
        """What it says next, when it was told something."""
        assert self.child.stdin is not None and self.child.stdout is not None
        if line is not None:
            print(line, file=self.child.stdin, flush=True)
        said = self.child.stdout.readline()
        assert said, self.child.communicate()
        return json.loads(said)

    def refuses(self, line: str) -> str:
        """Why it ends."""
        _, error = self.child.communicate(f"{line}\n", timeout=120)
        assert self.child.returncode == 1, error
        return error

    def log_in(self, name: str, browser: Browser | None = None) -> str:
        """Where the browser is sent back to."""
        place = self.says()["open"]
        return log_in(browser or Browser(), place, name, stop_at=BACK).headers["Location"]


@contextmanager
def nimbus(pasee: Provider, *more: str) -> Iterator[Nimbus]:
    """Runs it, and ends it where it has not ended."""
    program = Nimbus(pasee, *more)
    try:
        yield program
    finally:
        program.child.kill()
        program.child.communicate()


def test_nimbus(pasee: Provider) -> None:
    with nimbus(pasee) as program:
        said = program.says(program.log_in("ada"))
        assert (said["claims"]["sub"], said["user"]["email"]) == ("local-ada", "ada@example.com")
        assert said["claims"]["groups"] == said["user"]["groups"] == ["articles", "tools"]
        again = program.says("refresh")
        assert again["claims"]["sid"] == said["claims"]["sid"] and "nonce" not in again["claims"]


def test_nimbus_refuses_what_was_changed_on_the_way(pasee: Provider) -> None:
    for changed, why in [
        ({"state": "x"}, "another state"),
        ({"iss": "https://evil.example.com"}, "another issuer"),
        ({"code": "x.y"}, "invalid_grant"),
    ]:
        with nimbus(pasee) as program:
            back = query_of(program.log_in("ada"))
            assert why in program.refuses(f"{BACK}?{urlencode(back | changed)}")


def test_nimbus_with_another_nonce(pasee: Provider) -> None:
    with nimbus(pasee) as program:
        place = program.says()["open"]
        changed = place.replace(f"nonce={query_of(place)['nonce']}", "nonce=another")
        back = log_in(Browser(), changed, "ada", stop_at=BACK).headers["Location"]
        assert "nonce" in program.refuses(back)


def test_nimbus_with_a_wrong_secret_and_an_unlisted_redirect(pasee: Provider) -> None:
    with nimbus(pasee, "nimbus-wrong") as program:
        assert "invalid_client" in program.refuses(program.log_in("ada"))
    with nimbus(pasee, "unlisted") as program:
        page = Browser().open(program.says()["open"])
        assert page.status_code == 400 and page.url.startswith(pasee.url), heading(page)
