"""Logins in a real browser, from an https Pasee to a provider of another site and back."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from stage.chromium import browser
from stage.https import Https
from stage.openid import Browser, GoProvider, callback_of, claims, openid
from stage.pasee import Pasee

LOGIN, SESSION = "__Host-pasee-login-", "__Host-pasee-session-"


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path) -> Pasee:
    """A Pasee in front of the example server of zitadel/oidc, which is another site: localhost, not 127.0.0.1."""
    pasee = stage(Https(folder / "pasee"))
    places = [callback_of(pasee, "go"), f"{pasee.url}/tokens/posted/"]
    go = stage(GoProvider(folder / "go", ",".join(places))).start()
    pasee.words["identity_providers"] = [
        openid(go.issuer, "web", "go", client_secret="secret", user_info=True),
        openid(
            go.issuer,
            "web",
            "posted",
            client_secret="secret",
            user_info=True,
            response_mode="form_post",
            callback="path",
        ),
    ]
    return pasee.start()


@pytest.fixture
def open_browser(tmp_path: Path) -> Iterator[Callable[[], Chrome]]:
    """Makes browsers that know nothing of each other."""
    opened: list[Chrome] = []

    def make() -> Chrome:
        opened.append(browser(tmp_path / f"profile-{len(opened)}"))
        return opened[-1]

    yield make
    for one in opened:
        one.quit()


def go_to_the_form(window: Chrome, pasee: Pasee, place: str | None = None) -> None:
    """Follows a link to Pasee, as far as the provider's login page."""
    window.get(place or callback_of(pasee, "go"))
    WebDriverWait(window, 20).until(lambda window: window.find_elements(By.NAME, "password"))


def fill_in(window: Chrome, pasee: Pasee) -> None:
    """Logs in there, and waits until the browser is back."""
    window.find_element(By.NAME, "username").send_keys("test-user2")
    password = window.find_element(By.NAME, "password")
    password.send_keys("verysecure")
    password.submit()
    WebDriverWait(window, 20).until(lambda window: window.current_url.startswith(pasee.url))


def shown(window: Chrome) -> str:
    """What the page of who one is says."""
    assert window.find_element(By.TAG_NAME, "h1").text == "Who you are"
    return window.find_element(By.TAG_NAME, "main").text


def cookies(window: Chrome) -> list[str]:
    """The beginnings of their names, up to what tells one Pasee from another."""
    return [cookie["name"].rpartition("-")[0] + "-" for cookie in window.get_cookies()]


def test_there_and_back(pasee: Pasee, open_browser: Callable[[], Chrome]) -> None:
    window = open_browser()
    go_to_the_form(window, pasee)
    fill_in(window, pasee)
    assert "go-id2" in shown(window) and "test-user2@zitadel.ch" in shown(window)
    assert "access_token" not in window.page_source and "code=" not in window.current_url
    assert cookies(window) == [SESSION], "nothing of the login is kept"
    window.refresh()
    assert "go-id2" in shown(window), "the session goes on"


def test_there_and_back_by_a_form(pasee: Pasee, open_browser: Callable[[], Chrome]) -> None:
    """A form that a page of the provider's site sends comes without the cookie, and what follows it with the cookie."""
    window = open_browser()
    go_to_the_form(window, pasee, f"{pasee.url}/tokens/posted/")
    fill_in(window, pasee)
    assert "posted-id2" in shown(window) and "test-user2@zitadel.ch" in shown(window)
    assert cookies(window) == [SESSION], "nothing of the login is kept"


def test_the_cookie_is_the_servers_alone(pasee: Pasee, open_browser: Callable[[], Chrome]) -> None:
    window = open_browser()
    go_to_the_form(window, pasee)
    away = window.execute_cdp_cmd("Network.getCookies", {"urls": [pasee.url]})["cookies"]
    (cookie,) = [cookie for cookie in away if cookie["name"].startswith(LOGIN)]
    assert cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Lax"
    assert cookie["path"] == "/" and cookie["domain"] == "127.0.0.1"
    window.get(f"{pasee.url}/")
    assert window.execute_script("return document.cookie") == ""


def test_another_browser_ends_nothing(pasee: Pasee, open_browser: Callable[[], Chrome]) -> None:
    """Whoever is made to follow a link that ends a stranger's login is not logged in as the stranger."""
    stranger, victim = Browser(), open_browser()
    stranger.session.trust_env, stranger.session.verify = False, pasee.verify
    last = stranger.log_in(pasee, "go", "test-user2", "verysecure", stop_at=pasee.url)
    link = last.headers["Location"]
    go_to_the_form(victim, pasee)
    victim.get(link)
    assert "This login is not known here any more" in victim.page_source
    assert claims(stranger.open(link))["sub"] == "go-id2", "the link was a good one"
    go_to_the_form(victim, pasee)
    fill_in(victim, pasee)
    assert "go-id2" in shown(victim), "nor is their own login lost"


def test_no_page_shows_it_in_a_frame(pasee: Pasee, open_browser: Callable[[], Chrome]) -> None:
    window = open_browser()
    for path, says in [("/tokens/", "identify_via_go"), ("/", "Log in"), ("/logout", "You are logged out")]:
        window.get(pasee.url + path)
        assert says in window.page_source
        window.get("data:text/html,<iframe id=it></iframe>")
        window.execute_script(f"document.getElementById('it').src = '{pasee.url}{path}'")
        window.switch_to.frame("it")
        refused = "chrome-error://chromewebdata/"
        WebDriverWait(window, 20).until(
            lambda window: window.execute_script("return location.href") == refused
        )
