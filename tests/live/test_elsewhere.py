"""Other people's libraries verify access tokens of every algorithm with nothing but Pasee's published keys.

And no refresh token: test_verifiers.py has more ways to try that, by ES256.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
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
from stage.pasee import Pasee, Person, claims_of, provider

AUDIENCE = "articles.example.com"
JWKS = {"ES256": "/.well-known/jwks.json", "ES256K": "/.well-known/jwks-es256k.json"}


@dataclass(frozen=True)
class Signed:
    """Somebody with tokens, and how their access tokens are signed."""

    person: Person
    algorithm: str

    @property
    def url(self) -> str:
        return self.person.pasee.url

    @property
    def token(self) -> str:
        """The access token."""
        return self.person.access_token


@pytest.fixture(scope="module", params=["ES256", "ES256K", "made by itself"])
def ada(
    request: pytest.FixtureRequest, stage: Callable[..., Any], folder: Path, kisee: Kisee
) -> Signed:
    """Ada, logged in at a Pasee that signs with that algorithm."""
    settings: dict[str, Any] = {"jwt": {"iss": "pasee.example.com", "audience": AUDIENCE}}
    makers = {"ES256": keys.p256, "ES256K": keys.secp256k1}
    if request.param in makers:
        settings["private_key"] = makers[request.param]().private
    label = request.param.replace(" ", "-").lower()
    pasee = stage(Pasee(folder / label, provider(kisee), **settings)).start()
    kisee.register(f"ada-{label}")
    algorithm = request.param if request.param in makers else "ES256"
    return Signed(pasee.person(f"ada-{label}"), algorithm)


def forged(token: str) -> str:
    """The token with another group in it, under its old signature."""
    head, body, signature = token.split(".")
    claims = claims_of(token) | {"groups": ["staff"]}
    other = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    assert other != body
    return f"{head}.{other}.{signature}"


def test_pyjwt_finds_the_key_by_its_kid(ada: Signed) -> None:
    client = jwt.PyJWKClient(ada.url + JWKS[ada.algorithm])
    assert jwt.get_unverified_header(ada.token)["typ"] == "at+jwt"
    key = client.get_signing_key_from_jwt(ada.token)
    expected: dict[str, Any] = {"issuer": "pasee.example.com", "audience": AUDIENCE}
    claims = jwt.decode(ada.token, key, algorithms=[ada.algorithm], **expected)
    assert claims["sub"] == ada.person.id
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(ada.token, key, algorithms=[ada.algorithm], audience="other.example.com")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(forged(ada.token), key, algorithms=[ada.algorithm], **expected)
    with pytest.raises(jwt.PyJWKClientError):
        client.get_signing_key_from_jwt(ada.person.refresh_token)


def test_pyjwt_takes_the_pem_of_the_signing_key(ada: Signed) -> None:
    published = requests.get(f"{ada.url}/public-key/", timeout=30).json()
    assert published["algorithm"] == ada.algorithm
    assert jwt.get_unverified_header(ada.token)["kid"] == published["kid"]

    def believed(token: str) -> dict[str, Any]:
        accepted = [ada.algorithm, "HS256"]
        anybody = {"verify_aud": False}
        return jwt.decode(token, published["public_key"], algorithms=accepted, options=anybody)

    assert believed(ada.token)["sub"] == ada.person.id
    with pytest.raises(jwt.InvalidKeyError):
        believed(ada.person.refresh_token)


def test_joserfc_takes_the_key_set(ada: Signed) -> None:
    answer = requests.get(ada.url + JWKS[ada.algorithm], timeout=30)
    assert answer.headers["Cache-Control"] == "max-age=60"
    key_set = joserfc.jwk.KeySet.import_key_set(answer.json())
    for key in key_set.keys:
        assert key.kid == key.thumbprint(), "kid is the RFC 7638 thumbprint"
        assert not key.is_private
    rule = joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": "pasee.example.com"},
        aud={"essential": True, "value": AUDIENCE},
        sub={"essential": True, "value": ada.person.id},
        exp={"essential": True},
        jti={"essential": True},
    )
    other = joserfc.jwt.JWTClaimsRegistry(aud={"essential": True, "value": "other.example.com"})
    token = joserfc.jwt.decode(ada.token, key_set, algorithms=[ada.algorithm])
    assert token.header["typ"] == "at+jwt"
    rule.validate(token.claims)
    with pytest.raises(joserfc.errors.InvalidClaimError):
        other.validate(token.claims)
    for algorithms in ([ada.algorithm], [ada.algorithm, "HS256"]):
        with pytest.raises(joserfc.errors.JoseError):
            joserfc.jwt.decode(ada.person.refresh_token, key_set, algorithms=algorithms)


def test_the_default_key_set_holds_no_curve_that_breaks_others(ada: Signed) -> None:
    default = requests.get(ada.url + JWKS["ES256"], timeout=30).json()
    es256k = requests.get(ada.url + JWKS["ES256K"], timeout=30).json()
    assert {key["kty"] for key in default["keys"]} <= {"EC", "RSA"}
    curves = [key["crv"] for key in default["keys"] if key["kty"] == "EC"]
    assert set(curves) <= {"P-256"}
    assert {key["crv"] for key in es256k["keys"]} <= {"secp256k1"}
    assert len(curves) + len(es256k["keys"]) == 1
