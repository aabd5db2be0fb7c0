"""Other people's libraries verify Pasee's tokens with nothing but its published keys."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joserfc.errors
import joserfc.jwk
import joserfc.jwt
import jwt
import pytest
import requests

from stage import keys
from stage.kisee import Kisee
from stage.pasee import Pasee, Person, provider

AUDIENCE = "articles.example.com"
JWKS = {"ES256": "/.well-known/jwks.json", "ES256K": "/.well-known/jwks-es256k.json"}


@pytest.fixture(scope="module", params=["ES256", "ES256K", "made by itself"])
def ada(
    request: pytest.FixtureRequest, stage: Callable[..., Any], folder: Path, kisee: Kisee
) -> Person:
    """Ada, logged in at a Pasee that signs with that algorithm."""
    settings: dict[str, Any] = {"jwt": {"iss": "pasee.example.com", "audience": AUDIENCE}}
    if request.param in JWKS:
        settings["private_key"] = {"ES256": keys.p256, "ES256K": keys.secp256k1}[request.param]().private
    place = folder / request.param.replace(" ", "-")
    pasee = stage(Pasee(place, provider(kisee), **settings)).start()
    name = f"ada-{request.param.replace(' ', '-').lower()}"
    kisee.register(name)
    person = pasee.person(name)
    person.algorithm = request.param if request.param in JWKS else "ES256"
    return person


def both_tokens(person: Person) -> list[tuple[str, str]]:
    return [("at+jwt", person.access_token), ("rt+jwt", person.refresh_token)]


def test_pyjwt_finds_the_key_by_its_kid(ada: Person) -> None:
    client = jwt.PyJWKClient(ada.pasee.url + JWKS[ada.algorithm])
    for kind, token in both_tokens(ada):
        assert jwt.get_unverified_header(token)["typ"] == kind
        key = client.get_signing_key_from_jwt(token)
        expected: dict[str, Any] = {"issuer": "pasee.example.com", "audience": AUDIENCE}
        claims = jwt.decode(token, key, algorithms=[ada.algorithm], **expected)
        assert claims["sub"] == ada.id
        with pytest.raises(jwt.InvalidAudienceError):
            jwt.decode(token, key, algorithms=[ada.algorithm], audience="other.example.com")
        with pytest.raises(jwt.InvalidSignatureError):
            head, body, signature = token.split(".")
            forged = ".".join([head, body, signature[::-1].replace("=", "")])
            jwt.decode(forged, key, algorithms=[ada.algorithm], **expected)


def test_pyjwt_takes_the_pem_of_the_signing_key(ada: Person) -> None:
    published = requests.get(f"{ada.pasee.url}/public-key/", timeout=30).json()
    assert published["algorithm"] == ada.algorithm
    for _, token in both_tokens(ada):
        assert jwt.get_unverified_header(token)["kid"] == published["kid"]
        claims = jwt.decode(
            token, published["public_key"], algorithms=[ada.algorithm], audience=AUDIENCE
        )
        assert claims["sub"] == ada.id


def test_joserfc_takes_the_key_set(ada: Person) -> None:
    answer = requests.get(ada.pasee.url + JWKS[ada.algorithm], timeout=30)
    assert answer.headers["Cache-Control"] == "max-age=60"
    key_set = joserfc.jwk.KeySet.import_key_set(answer.json())
    for key in key_set.keys:
        assert key.kid == key.thumbprint(), "kid is the RFC 7638 thumbprint"
        assert not key.is_private
    rule = joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": "pasee.example.com"},
        aud={"essential": True, "value": AUDIENCE},
        sub={"essential": True, "value": ada.id},
        exp={"essential": True},
        jti={"essential": True},
    )
    other = joserfc.jwt.JWTClaimsRegistry(aud={"essential": True, "value": "other.example.com"})
    for kind, text in both_tokens(ada):
        token = joserfc.jwt.decode(text, key_set, algorithms=[ada.algorithm])
        assert token.header["typ"] == kind
        rule.validate(token.claims)
        with pytest.raises(joserfc.errors.InvalidClaimError):
            other.validate(token.claims)


def test_the_default_key_set_holds_no_curve_that_breaks_others(ada: Person) -> None:
    default = requests.get(ada.pasee.url + JWKS["ES256"], timeout=30).json()
    es256k = requests.get(ada.pasee.url + JWKS["ES256K"], timeout=30).json()
    assert {key["crv"] for key in default["keys"]} <= {"P-256"}
    assert {key["crv"] for key in es256k["keys"]} <= {"secp256k1"}
    assert len(default["keys"]) + len(es256k["keys"]) == 1
