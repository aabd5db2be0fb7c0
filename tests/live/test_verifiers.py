"""Nobody but Pasee believes a refresh token: no published key verifies one.

Common verifiers look at neither `typ` nor the claim `refresh_token`. Were a refresh token signed as an access token is,
each of them would take it for an identity, for as long as it lasts. Each way here believes the access token of the same
login, so that it is the refresh token that it refuses and not the configuration that is wrong.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import joserfc.errors
import jwt
import pytest
import requests
from authlib.common.errors import AuthlibBaseError

from stage.https import Https
from stage.kisee import Kisee
from stage.pasee import Pasee, Person, claims_of, provider
from stage.process import free_port
from stage.proxies import OAuth2Proxy, Upstream, usual
from stage.published import Published
from stage.verifiers import (
    AUTHLIB,
    GO,
    HMAC,
    JAVA,
    JOSERFC,
    NODE,
    PYJWT,
    Hmac,
    Way,
    verdicts,
)

AUDIENCE = "articles.example.com"


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path, kisee: Kisee) -> Pasee:
    """A Pasee whose issuer leads to its keys."""
    pasee = Https(folder / "pasee", provider(kisee))
    pasee.words["jwt"] = {"iss": pasee.url, "audience": AUDIENCE}
    return stage(pasee).start()


@pytest.fixture(scope="module")
def published(pasee: Https) -> Published:
    """What everybody knows of it."""
    return Published.of(pasee, AUDIENCE)


@pytest.fixture(scope="module")
def ada(pasee: Pasee, kisee: Kisee) -> Person:
    """Somebody who has just logged in."""
    kisee.register("ada")
    pasee.append("staff", "kisee-ada")
    return pasee.person("ada")


@pytest.mark.parametrize("way", PYJWT.values(), ids=PYJWT)
def test_pyjwt(way: Way, published: Published, ada: Person) -> None:
    assert way(published, ada.access_token) == ada.id
    with pytest.raises((jwt.PyJWTError, TypeError)):
        way(published, ada.refresh_token)


@pytest.mark.parametrize("way", JOSERFC.values(), ids=JOSERFC)
def test_joserfc(way: Way, published: Published, ada: Person) -> None:
    assert way(published, ada.access_token) == ada.id
    with pytest.raises(joserfc.errors.JoseError):
        way(published, ada.refresh_token)


@pytest.mark.parametrize("way", AUTHLIB.values(), ids=AUTHLIB)
def test_authlib(way: Way, published: Published, ada: Person) -> None:
    assert way(published, ada.access_token) == ada.id
    with pytest.raises((AuthlibBaseError, joserfc.errors.JoseError, ValueError)):
        way(published, ada.refresh_token)


# jose and express-oauth2-jwt-bearer; go-oidc; Nimbus.
@pytest.mark.parametrize("command", [NODE, GO, JAVA], ids=["npm", "go", "java"])
def test_libraries_of_other_languages(command: list[str], published: Published, ada: Person) -> None:
    access, refresh = verdicts(command, published, ada.access_token, ada.refresh_token)
    assert {way: said.get("subject") for way, said in access.items()} == dict.fromkeys(access, ada.id)
    assert len(access) >= 5, access
    assert [way for way, said in refresh.items() if "subject" in said] == [], refresh


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """An application behind the proxy."""
    with Upstream() as server:
        yield server
        server.shutdown()


# What it may be told beside its usual options. The last is for who has the tokens of several issuers.
LENIENT = {
    "as documented": [],
    "any issuer, the audience of refresh tokens too": [
        "--insecure-oidc-skip-issuer-verification=true",
        "--oidc-extra-audience={issuer}#refresh",
    ],
    "an issuer more": ["--extra-jwt-issuers={issuer}={audience},{issuer}={issuer}#refresh"],
}


@pytest.mark.parametrize("options", LENIENT.values(), ids=LENIENT)
def test_oauth2_proxy(
    options: list[str],
    stage: Callable[..., Any],
    tmp_path: Path,
    published: Published,
    upstream: Upstream,
    ada: Person,
) -> None:
    words = {"issuer": published.issuer, "audience": published.audience}
    port, bearer = free_port(), ["--skip-jwt-bearer-tokens=true", f"--provider-ca-file={published.authority}"]
    more = usual(*words.values(), port) + bearer + [option.format(**words) for option in options]
    proxy = OAuth2Proxy(tmp_path, "bearer", upstream.url, port, *more)
    proxy.environment = {"SSL_CERT_FILE": published.authority}
    stage(proxy).start()

    def visit(token: str) -> list[int]:
        """As a bearer, and as it takes tokens from programs that know names and passwords alone."""
        basic = base64.b64encode(f"{token}:x-oauth-basic".encode()).decode()
        ways = [{"Authorization": f"Bearer {token}"}, {"Authorization": f"Basic {basic}"}]
        return [
            requests.get(proxy.url, headers=way, allow_redirects=False, timeout=30).status_code for way in ways
        ]

    assert visit(ada.access_token) == [200, 200]
    assert upstream.visitors == [ada.id, ada.id]
    assert set(visit(ada.refresh_token)) <= {302, 401, 403}
    assert upstream.visitors == [ada.id, ada.id], "the application has seen nobody else"


def test_what_is_published_leads_to_no_secret(published: Published, ada: Person) -> None:
    header = jwt.get_unverified_header(ada.refresh_token)
    assert (header["alg"], header["typ"]) == ("HS256", "rt+jwt")
    assert header["kid"] not in [key["kid"] for key in published.key_set["keys"]]
    assert "oct" not in [key["kty"] for key in published.key_set["keys"]]
    assert "HS256" not in published.discovery["id_token_signing_alg_values_supported"]


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("library", HMAC.values(), ids=HMAC)
def test_a_verifier_of_hmacs_finds_no_key(library: Hmac, published: Published, ada: Person) -> None:
    """One that takes whatever it is given for the key of an HMAC, as some do with a PEM."""
    header = jwt.get_unverified_header(ada.refresh_token) | {"alg": "HS256"}
    claims = claims_of(ada.refresh_token)
    forgeries = {name: hs256(key, header, claims) for name, key in published.materials.items()}
    believed = library(published.materials, forgeries)
    assert len(believed) > len(forgeries) / 2, "it takes most of them for keys"
    assert library(published.materials, dict.fromkeys(forgeries, ada.refresh_token)) == []


def hs256(key: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token with an HMAC under that key; the libraries refuse to make some of these."""
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.new(key, signed, hashlib.sha256).digest()).rstrip(b"=")
    return f"{signed.decode()}.{mac.decode()}"


def test_pasee_believes_no_hmac_under_a_published_key(
    pasee: Pasee, published: Published, ada: Person
) -> None:
    def statuses(token: str) -> tuple[int, int]:
        bearer = {"Authorization": f"Bearer {token}"}
        with requests.Session() as session:
            session.trust_env, session.verify = False, pasee.verify
            session.headers.update(bearer)
            groups = session.get(f"{pasee.url}/groups/", timeout=30).status_code
            refreshed = session.post(f"{pasee.url}/tokens/?refresh", timeout=30).status_code
        return groups, refreshed

    assert statuses(ada.access_token) == (200, 401), "each token opens one door only"
    assert statuses(ada.refresh_token) == (401, 201)
    headers = [jwt.get_unverified_header(token) for token in (ada.access_token, ada.refresh_token)]
    kids = [header["kid"] for header in headers]
    materials = published.materials | {"kid of refresh": kids[1].encode()}
    claims = [claims_of(token) for token in (ada.access_token, ada.refresh_token)]
    for (name, key), header, kid, said in product(materials.items(), headers, [*kids, None], claims):
        forged = header | {"alg": "HS256", "kid": kid}
        if kid is None:
            del forged["kid"]
        assert statuses(hs256(key, forged, said)) == (401, 401), f"{name}: {forged} {said}"
