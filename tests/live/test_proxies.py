"""Proxies log people in through Pasee, by codes and with groups, in front of an application: oauth2-proxy and mod_auth_openidc."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from stage.documented import Documented
from stage.openid import Browser
from stage.process import free_port, wait_until
from stage.provider import Provider, client, heading, log_in, query_of
from stage.proxies import Apache, OAuth2Proxy, Upstream, usual

# What each proxy is called at Pasee. The wrong one has another secret there, the unlisted ones another redirect.
PROXIES = ["open", "bare", "unnamed", "oauth2-proxy", "wrong", "unlisted", "apache", "apache-wrong"]
# Hashes of nothing that anybody here knows.
OTHER, OTHER2 = (f"sha256:{digit * 64}" for digit in "ab")
S256 = "--code-challenge-method=S256"
SCOPE = "--scope=openid profile email groups"


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Where each listens."""
    return {name: free_port() for name in PROXIES}


def documented(name: str, ports: dict[str, int]) -> Documented:
    """What docs/applications.md says of it."""
    heading, example = {
        "oauth2-proxy": ("oauth2-proxy", "https://wiki.example.com"),
        "apache": ("mod_auth_openidc", "https://archive.example.com"),
    }[name]
    return Documented(heading, example, f"http://127.0.0.1:{ports[name]}")


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path, ports: dict[str, int]) -> Provider:
    """A Pasee that knows them all."""

    def known(name: str, path: str, **more: Any) -> dict[str, Any]:
        own = f"http://127.0.0.1:{ports[name]}"
        return client(name, f"{own}{path}", post_logout_redirect_uris=[f"{own}/bye"], **more)

    callback = "/oauth2/callback"
    clients = [
        known("open", callback),
        known("bare", callback),
        known("unnamed", callback, claims=[]),
        documented("oauth2-proxy", ports).client(),
        known("wrong", callback, secret_hashes=[OTHER]),
        known("unlisted", "/elsewhere"),
        documented("apache", ports).client(),
        known("apache-wrong", "/protected/callback", secret_hashes=[OTHER2]),
    ]
    return stage(Provider(folder / "pasee", *clients)).start()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """The application behind them."""
    with Upstream() as server:
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def proxy(
    stage: Callable[..., Any], folder: Path, pasee: Provider, upstream: Upstream, ports: dict[str, int]
) -> Callable[..., OAuth2Proxy]:
    """Starts an oauth2-proxy."""

    def start(name: str, *options: str) -> OAuth2Proxy:
        more = [*usual(pasee.url, name, ports[name]), *options]
        return stage(OAuth2Proxy(folder / name, name, upstream.url, ports[name], *more)).start()

    return start


@pytest.fixture(scope="module")
def open_to_all(pasee: Provider, proxy: Callable[..., OAuth2Proxy]) -> OAuth2Proxy:
    """For everybody who can log in, by a nonce; each request refreshes the session once it is a second old."""
    issuer = pasee.url.removeprefix("http://")
    options = [SCOPE, "--insecure-oidc-skip-nonce=false", "--cookie-refresh=1s", f"--whitelist-domain={issuer}"]
    return proxy("open", *options)


@pytest.fixture(scope="module")
def for_writers(
    stage: Callable[..., Any], folder: Path, pasee: Provider, upstream: Upstream, ports: dict[str, int]
) -> OAuth2Proxy:
    """As it is documented: for one group alone, with PKCE."""
    name = "oauth2-proxy"
    told = folder / "oauth2-proxy.cfg"
    told.write_text(documented(name, ports).settings("ini", pasee.url, name))
    return stage(OAuth2Proxy(folder / name, name, upstream.url, ports[name], f"--config={told}")).start()


def test_oauth2_proxy_tells_the_application_who_it_is(open_to_all: OAuth2Proxy) -> None:
    browser = Browser()
    seen = log_in(browser, f"{open_to_all.url}/some/page?a=b", "ada").json()
    assert (seen["x-forwarded-user"], seen["x-forwarded-email"]) == ("local-ada", "ada@example.com")
    assert seen["x-forwarded-groups"] == "articles,tools"
    assert seen["x-forwarded-preferred-username"] == "local-ada"
    assert browser.visited[-1] == f"{open_to_all.url}/some/page?a=b", "where they wanted to go"
    forged = {"X-Forwarded-User": "local-boss", "X-Forwarded-Groups": "staff"}
    again = browser.session.get(open_to_all.url, headers=forged, allow_redirects=False, timeout=30)
    assert again.json()["x-forwarded-user"] == "local-ada"
    assert again.json()["x-forwarded-groups"] == "articles,tools"


def test_oauth2_proxy_refreshes(pasee: Provider, open_to_all: OAuth2Proxy) -> None:
    """Groups are those of the latest refresh."""
    browser = Browser()

    def groups() -> list[str]:
        page = browser.session.get(open_to_all.url, allow_redirects=False, timeout=30)
        assert page.status_code == 200, page.text
        return [name for name in page.json().get("x-forwarded-groups", "").split(",") if name]

    log_in(browser, open_to_all.url, "john")
    assert groups() == ["articles.drafts"]
    assert pasee.boss.add("tools", "local-john") == 201
    wait_until(lambda: groups() == ["articles.drafts", "tools"], "the new group is known")
    assert pasee.boss.delete("/groups/tools/local-john/").status_code == 204
    wait_until(lambda: groups() == ["articles.drafts"], "and it is gone again")


def test_oauth2_proxy_lets_no_others_in(for_writers: OAuth2Proxy) -> None:
    """By the claim `groups`, in which being below a group is not being in it."""
    assert log_in(Browser(), for_writers.url, "ada").json()["x-forwarded-user"] == "local-ada"
    for name in ["john", "mallory"]:
        browser = Browser()
        page = log_in(browser, for_writers.url, name)
        assert page.status_code == 403, page.text
        again = browser.session.get(for_writers.url, allow_redirects=False, timeout=30)
        assert again.status_code in (302, 403)


def test_oauth2_proxy_with_a_wrong_secret(pasee: Provider, proxy: Callable[..., OAuth2Proxy]) -> None:
    wrong = proxy("wrong", S256)
    page = log_in(Browser(), wrong.url, "ada")
    assert page.status_code == 500 and page.url.startswith(wrong.url), page.text
    assert "invalid_client" in wrong.output()


def test_oauth2_proxy_with_an_unlisted_redirect(pasee: Provider, proxy: Callable[..., OAuth2Proxy]) -> None:
    page = Browser().open(proxy("unlisted", S256).url)
    assert page.status_code == 400 and page.url.startswith(pasee.url), heading(page)


def test_oauth2_proxy_takes_no_code_of_somebody_else(for_writers: OAuth2Proxy) -> None:
    """A login that is under way, ended with another's code: it has another verifier."""
    back = f"{for_writers.url}/oauth2/callback"
    own, others = Browser(), Browser()
    places = [log_in(one, for_writers.url, "ada", stop_at=back).headers["Location"] for one in (own, others)]
    [mine, theirs] = [query_of(place) for place in places]
    page = own.open(places[0].replace(mine["code"], theirs["code"]))
    assert page.status_code == 500, page.text
    assert "invalid_grant" in for_writers.output()


def test_oauth2_proxy_as_it_is_without_options(pasee: Provider, proxy: Callable[..., OAuth2Proxy]) -> None:
    """It sends neither a challenge nor a nonce then, and is told what to do."""
    bare = proxy("bare")
    page = log_in(Browser(), bare.url, "ada")
    assert page.status_code == 403 and page.url.startswith(bare.url), page.text
    assert "switch+PKCE+or+the+nonce+on+in+the+application" in bare.output()


def test_oauth2_proxy_and_addresses(proxy: Callable[..., OAuth2Proxy], for_writers: OAuth2Proxy) -> None:
    """Somebody whose address nobody has looked at is refused; and where none passes, `sub` does in its place."""
    page = log_in(Browser(), for_writers.url, "eve")
    assert page.status_code == 403 and "isn't verified" in for_writers.output(), page.text
    unnamed = proxy("unnamed", S256, "--oidc-email-claim=sub")
    assert log_in(Browser(), unnamed.url, "ada").json()["x-forwarded-email"] == "local-ada"


def test_names_beyond_ascii(for_writers: OAuth2Proxy, apache: Apache) -> None:
    """Both let them in, and give the application the bytes of UTF-8."""
    seen = log_in(Browser(), for_writers.url, "zoé").json()
    assert seen["x-forwarded-user"].encode("latin-1").decode() == "local-zoé"
    seen = log_in(Browser(), f"{apache.url}/protected/articles", "zoé").json()
    assert seen["oidc_claim_sub"].encode("latin-1").decode() == "local-zoé"


def test_oauth2_proxy_and_a_logout(pasee: Provider, open_to_all: OAuth2Proxy) -> None:
    """By a link to its own sign_out, which leads on to Pasee. There people are asked, and come back."""
    browser = Browser()
    log_in(browser, open_to_all.url, "ada")
    bye = {"client_id": "open", "post_logout_redirect_uri": f"{open_to_all.url}/bye"}
    onwards = urlencode({"rd": f"{pasee.url}/oauth2/logout?{urlencode(bye)}"})
    page = browser.open(f"{open_to_all.url}/oauth2/sign_out?{onwards}")
    assert page.url.startswith(pasee.url) and heading(page) == "Do you want to log out?"
    page = browser.fill(page, stop_at=f"{open_to_all.url}/bye")
    page = browser.open(open_to_all.url)
    assert 'id="password"' in page.text, "nobody is logged in here or there"


# --- mod_auth_openidc


@pytest.fixture(scope="module")
def apache(
    stage: Callable[..., Any], folder: Path, pasee: Provider, upstream: Upstream, ports: dict[str, int]
) -> Apache:
    """Apache in front of the application, as it is documented."""
    told = documented("apache", ports).settings("apache", pasee.url, "apache")
    return stage(Apache(folder / "apache", upstream.url, ports["apache"], told)).start()


def test_mod_auth_openidc_tells_the_application_who_it_is(apache: Apache) -> None:
    browser = Browser()
    seen = log_in(browser, f"{apache.url}/protected/page", "ada").json()
    assert (seen["oidc_claim_sub"], seen["oidc_claim_email"]) == ("local-ada", "ada@example.com")
    assert seen["oidc_claim_groups"] == "articles tools"
    assert seen["oidc_claim_preferred_username"] == "local-ada"
    forged = {"OIDC_CLAIM_sub": "local-boss", "OIDC-Claim-groups": "staff"}
    again = browser.session.get(f"{apache.url}/protected/page", headers=forged, timeout=30).json()
    assert (again["oidc_claim_sub"], again["oidc_claim_groups"]) == ("local-ada", "articles tools")


def test_mod_auth_openidc_by_group(apache: Apache) -> None:
    assert log_in(Browser(), f"{apache.url}/protected/articles", "ada").status_code == 200
    for name in ["john", "mallory"]:
        assert log_in(Browser(), f"{apache.url}/protected/articles", name).status_code in (401, 403)


def test_mod_auth_openidc_refreshes(pasee: Provider, apache: Apache) -> None:
    browser = Browser()
    log_in(browser, f"{apache.url}/protected/page", "john")
    info = browser.open(f"{apache.url}/protected/callback?info=json").json()
    assert info["userinfo"]["groups"] == ["articles.drafts"]
    assert pasee.boss.add("tools", "local-john") == 201
    place = {"refresh": f"{apache.url}/protected/page", "access_token": info["access_token"]}
    seen = browser.open(f"{apache.url}/protected/callback?{urlencode(place)}")
    assert seen.status_code == 200, seen.text
    after = browser.open(f"{apache.url}/protected/callback?info=json").json()
    assert after["access_token"] != info["access_token"]
    assert pasee.boss.delete("/groups/tools/local-john/").status_code == 204


def test_mod_auth_openidc_and_a_logout(pasee: Provider, apache: Apache) -> None:
    browser = Browser()
    log_in(browser, f"{apache.url}/protected/page", "ada")
    page = browser.open(f"{apache.url}/protected/callback?{urlencode({'logout': f'{apache.url}/bye'})}")
    assert page.url.startswith(f"{apache.url}/bye"), page.text
    page = browser.open(f"{apache.url}/protected/page")
    assert 'id="password"' in page.text, "nobody is logged in here or there"


def test_mod_auth_openidc_with_a_wrong_secret(
    stage: Callable[..., Any], folder: Path, pasee: Provider, upstream: Upstream, ports: dict[str, int]
) -> None:
    name = "apache-wrong"
    documented = Documented("mod_auth_openidc", "https://archive.example.com", f"http://127.0.0.1:{ports[name]}")
    told = documented.settings("apache", pasee.url, name).replace("OIDCClientID apache", f"OIDCClientID {name}")
    server = stage(Apache(folder / name, upstream.url, ports[name], told)).start()
    page = log_in(Browser(), f"{server.url}/protected/page", "ada")
    assert page.url.startswith(server.url) and "Error in handling response type" in page.text, page.text
    assert "invalid_client" in server.output()


def test_mod_auth_openidc_refuses_what_was_changed_on_the_way(pasee: Provider, apache: Apache) -> None:
    """Another state, another issuer, another's code."""
    back = f"{apache.url}/protected/callback"

    def begun() -> tuple[Browser, str]:
        browser = Browser()
        return browser, log_in(browser, f"{apache.url}/protected/page", "ada", stop_at=back).headers["Location"]

    for wrong in [
        lambda place: place.replace("state=", "state=x"),
        lambda place: place.replace("&iss=", "&iss=https%3A%2F%2Fevil.example.com%2F"),
        lambda place: place.replace(query_of(place)["code"], query_of(begun()[1])["code"]),
    ]:
        browser, place = begun()
        page = browser.open(wrong(place))
        assert "Error" in page.text or page.status_code == 400, page.text
        assert page.url.startswith(back)
        page = browser.open(f"{apache.url}/protected/page", stop_at=back)
        assert page.is_redirect, "nobody is logged in there"
