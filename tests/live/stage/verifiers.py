"""What applications verify tokens with: other people's libraries.

Each library in every way that its users commonly configure it, from the strictest to the most lenient: without a look
at the audience, with the algorithm that the token's own header names, with HS256 allowed. A way takes a token and
returns the subject it believes; or it raises.
"""

import base64
import contextlib
import json
import os
import ssl
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import joserfc.errors
import joserfc.jwk
import joserfc.jws
import joserfc.jwt
import jwt
from authlib.jose import JsonWebKey, JsonWebToken, OctKey
from authlib.jose import jwt as authlib_jwt
from authlib.jose.errors import JoseError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator

from .published import Published

NODE = ["node", os.environ.get("VERIFY_JS", "")]
GO = [os.environ.get("VERIFY_GO", "")]
JAVA = ["java", "-cp", "{0}:{0}/*".format(os.environ.get("VERIFY_JAVA", "")), "Verify"]

Way = Callable[[Published, str], str]


def algorithm(token: str) -> str:
    """What the token says it is signed with."""
    return jwt.get_unverified_header(token)["alg"]


# --- PyJWT

ANYBODY = {"verify_aud": False}


def _pyjwk(published: Published, token: str) -> jwt.PyJWK:
    trusted = ssl.create_default_context(cafile=published.authority)
    client = jwt.PyJWKClient(published.discovery["jwks_uri"], ssl_context=trusted)
    return client.get_signing_key_from_jwt(token)


def _pyjwt_any_key(published: Published, token: str) -> str:
    error: Exception = AssertionError("no key is published")
    for key in jwt.PyJWKSet.from_dict(published.key_set).keys:
        try:
            return jwt.decode(token, key.key, algorithms=[algorithm(token)], options=ANYBODY)["sub"]
        except (jwt.PyJWTError, TypeError) as another:
            error = another
    raise error


PYJWT: dict[str, Way] = {
    "strict": lambda published, token: jwt.decode(
        token,
        _pyjwk(published, token),
        algorithms=["ES256"],
        audience=published.audience,
        issuer=published.issuer,
    )["sub"],
    "any audience": lambda published, token: jwt.decode(
        token, _pyjwk(published, token), algorithms=["ES256"], options=ANYBODY
    )["sub"],
    "the key's algorithm": lambda published, token: jwt.decode(
        token, _pyjwk(published, token), options=ANYBODY
    )["sub"],
    "any key": _pyjwt_any_key,
    "PEM": lambda published, token: jwt.decode(
        token, published.pem, algorithms=[algorithm(token)], options=ANYBODY
    )["sub"],
}

# --- joserfc

ANY_ALGORITHM = ["ES256", "RS256", "HS256", "HS384", "HS512"]


def _joserfc(published: Published, token: str, algorithms: list[str]) -> joserfc.jwt.Token:
    key_set = joserfc.jwk.KeySet.import_key_set(published.key_set)
    return joserfc.jwt.decode(token, key_set, algorithms=algorithms)


def _joserfc_strict(published: Published, token: str) -> str:
    read = _joserfc(published, token, ["ES256"])
    joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": published.issuer},
        aud={"essential": True, "value": published.audience},
    ).validate(read.claims)
    return read.claims["sub"]


JOSERFC: dict[str, Way] = {
    "strict": _joserfc_strict,
    "signature alone": lambda published, token: _joserfc(published, token, ANY_ALGORITHM).claims["sub"],
    "algorithm of the header": lambda published, token: _joserfc(
        published, token, [algorithm(token)]
    ).claims["sub"],
    "PEM": lambda published, token: joserfc.jwt.decode(
        token, joserfc.jwk.ECKey.import_key(published.pem), algorithms=ANY_ALGORITHM
    ).claims["sub"],
    "without a look at the header": lambda published, token: joserfc.jwt.decode(
        token,
        joserfc.jwk.import_key(published.key_set["keys"][0]),
        registry=joserfc.jws.JWSRegistry(algorithms=ANY_ALGORITHM, strict_check_header=False),
    ).claims["sub"],
}

# --- Authlib


class _Validator(JWTBearerTokenValidator):
    def __init__(self, published: Published) -> None:
        super().__init__(issuer=published.issuer, resource_server=published.audience)
        self.published = published

    def get_jwks(self) -> Any:
        return joserfc.jwk.KeySet.import_key_set(self.published.key_set)


def _authlib_strict(published: Published, token: str) -> str:
    claims = JsonWebToken(["ES256"]).decode(
        token,
        JsonWebKey.import_key_set(published.key_set),
        claims_options={
            "iss": {"essential": True, "value": published.issuer},
            "aud": {"essential": True, "value": published.audience},
        },
    )
    claims.validate()
    return claims["sub"]


def _authlib_rfc9068(published: Published, token: str) -> str:
    """Every claim that an access token has to have. It takes an empty list of groups for none, and refuses it."""
    validator = _Validator(published)
    claims = validator.authenticate_token(token)
    validator.validate_token(claims, None, None)
    return claims["sub"]


AUTHLIB: dict[str, Way] = {
    "strict": _authlib_strict,
    "signature alone": lambda published, token: authlib_jwt.decode(token, published.key_set)["sub"],
    "PEM": lambda published, token: authlib_jwt.decode(token, published.pem)["sub"],
    "first key": lambda published, token: authlib_jwt.decode(token, published.key_set["keys"][0])["sub"],
    "RFC 9068": _authlib_rfc9068,
    "resource protector": lambda published, token: _Validator(published).authenticate_token(token)["sub"],
}

# --- Programs around libraries of other languages


def verdicts(command: list[str], published: Published, *tokens: str) -> list[dict[str, dict[str, str]]]:
    """What the program of a library says of each token: by way, `subject` or `error`."""
    question = {
        "issuer": published.issuer,
        "audience": published.audience,
        "jwks_uri": published.discovery["jwks_uri"],
        "pem": published.pem,
        "tokens": tokens,
    }
    trusted = {"SSL_CERT_FILE": published.authority, "NODE_EXTRA_CA_CERTS": published.authority}
    return _ask(command, question, os.environ | trusted)


def _ask(command: list[str], question: dict[str, Any], environment: Mapping[str, str]) -> Any:
    done = subprocess.run(
        command,
        env=environment,
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- The same libraries as verifiers of HMACs: told the keys and a token for each, they say which they believe.

Hmac = Callable[[dict[str, bytes], dict[str, str]], list[str]]


def _one_by_one(verify: Callable[[bytes, str], Any]) -> Hmac:
    def believed(keys: dict[str, bytes], tokens: dict[str, str]) -> list[str]:
        found = []
        for name, key in keys.items():
            with contextlib.suppress(jwt.PyJWTError, joserfc.errors.JoseError, JoseError, ValueError):
                verify(key, tokens[name])
                found.append(name)
        return found

    return believed


def _jose(keys: dict[str, bytes], tokens: dict[str, str]) -> list[str]:
    secrets = {name: base64.b64encode(key).decode() for name, key in keys.items()}
    question = {"secrets": secrets, "tokens": list(tokens.values())}
    said = _ask(NODE, question, os.environ)
    return [name for name, verdict in zip(tokens, said, strict=True) if "subject" in verdict[name]]


HMAC: dict[str, Hmac] = {
    "pyjwt": _one_by_one(
        lambda key, token: jwt.decode(token, key, algorithms=["HS256"], options=ANYBODY)
    ),
    "joserfc": _one_by_one(
        lambda key, token: joserfc.jwt.decode(
            token, joserfc.jwk.OctKey.import_key(key), algorithms=["HS256"]
        )
    ),
    "authlib": _one_by_one(
        lambda key, token: JsonWebToken(["HS256"]).decode(token, OctKey.import_key(key))
    ),
    "npm-jose": _jose,
}
