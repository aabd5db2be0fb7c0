"""Logins at a real Keycloak, as docs/identity-providers/openid-providers.md says to set it up. The tier `release` runs this: it takes minutes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from stage.keycloak import Keycloak, browser
from stage.openid import CLIENT_SECRET, callback_of, claims, openid
from stage.pasee import Pasee

pytestmark = pytest.mark.release

NAMES = ["corp", "public", "wrong", "verified"]
GROUP = "{{apiVersion: pasee.meltylab.fr/v1, kind: Group, metadata: {{name: {}}}, spec: {{}}}}"


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path) -> Pasee:
    """A Pasee whose providers come with the Keycloak."""
    return stage(Pasee(folder / "pasee"))


@pytest.fixture(scope="module", autouse=True)
def keycloak(stage: Callable[..., Any], folder: Path, pasee: Pasee) -> Keycloak:
    """Keycloak, and Pasee in front of it with several ways in."""
    server = stage(Keycloak(folder / "keycloak", [callback_of(pasee, name) for name in NAMES]))
    server.start()
    corp = openid(server.issuer, "pasee", "corp", client_secret=CLIENT_SECRET, user_info=True)
    corp["claims"] = ["email", "name", "preferred_username"]
    corp["group_mapping"] = [
        {"claim": "groups", "value": "/developers/backend", "group": "backend"},
        {"claim": "roles", "value": "boss", "group": "bosses"},
        {"claim": "groups", "value": "/developers", "group": "nobody"},
    ]
    verified = openid(server.issuer, "pasee", "verified", client_secret=CLIENT_SECRET)
    pasee.words["identity_providers"] = [
        corp,
        openid(server.issuer, "public", "public"),
        openid(server.issuer, "pasee", "wrong", client_secret="another secret"),
        verified | {"required_claims": {"email_verified": True}},
    ]
    pasee.start()
    manifest = folder / "groups.yaml"
    manifest.write_text("\n---\n".join(GROUP.format(name) for name in ["backend", "bosses", "nobody"]))
    settings = ["--settings-file", str(pasee.settings), "--allow-no-root-staff"]
    done = pasee.run("apply", *settings, "-f", str(manifest))
    assert done.returncode == 0, done.stdout + done.stderr
    return server


def test_a_login_with_groups_and_roles(pasee: Pasee, keycloak: Keycloak) -> None:
    ada = claims(browser().log_in(pasee, "corp", "ada"))
    [found] = keycloak.of_realm("GET", "/users?exact=true&username=ada")
    assert ada["sub"] == f"corp-{found['id']}"
    assert ada["groups"] == ["backend", "bosses"], "a group of Keycloak is not those above it"
    assert (ada["email"], ada["name"]) == ("ada@example.com", "Ada Example")
    assert ada["preferred_username"] == "ada"
    assert len(ada["sid"]) == 32, "128 bits of our own, whatever Keycloak calls its session"


def test_a_user_of_no_group(pasee: Pasee) -> None:
    assert claims(browser().log_in(pasee, "corp", "alan"))["groups"] == []


def test_a_public_client(pasee: Pasee) -> None:
    assert claims(browser().log_in(pasee, "public", "alan"))["idp"] == "public"


def test_who_has_not_verified_their_address(pasee: Pasee) -> None:
    refused = browser().log_in(pasee, "verified", "mallory")
    assert refused.status_code == 403, refused.text
    assert claims(browser().log_in(pasee, "verified", "ada"))["idp"] == "verified"


def test_a_wrong_client_secret(pasee: Pasee) -> None:
    answer = browser().log_in(pasee, "wrong", "ada")
    assert answer.status_code == 502
    assert "another secret" not in answer.text + pasee.output()


def test_a_wrong_password_comes_to_nothing(pasee: Pasee) -> None:
    answer = browser().log_in(pasee, "corp", "ada", "guess")
    assert not answer.url.startswith(pasee.url), "Keycloak asks again"


def test_somebody_disabled(pasee: Pasee, keycloak: Keycloak) -> None:
    before = browser().log_in(pasee, "corp", "alan")
    keycloak.change_user("alan", enabled=False)
    answer = browser().log_in(pasee, "corp", "alan")
    assert not answer.url.startswith(pasee.url), "Keycloak lets nobody in"
    refreshed = requests.post(
        f"{pasee.url}/tokens/?refresh",
        headers={"Authorization": f"Bearer {before.json()['refresh_token']}"},
        timeout=30,
    )
    assert refreshed.status_code == 201, "until the session of this provider ends, as the documents say"
    keycloak.change_user("alan", enabled=True)
    assert claims(browser().log_in(pasee, "corp", "alan"))["groups"] == []


@pytest.mark.parametrize(
    ("kind", "config", "algorithm"),
    [
        ("rsa-generated", {"algorithm": "RS256", "keySize": "3072"}, "RS256"),
        ("rsa-generated", {"algorithm": "PS256"}, "PS256"),
        ("ecdsa-generated", {"ecdsaEllipticCurveKey": "P-256", "algorithm": "ES256"}, "ES256"),
        ("ecdsa-generated", {"ecdsaEllipticCurveKey": "P-384", "algorithm": "ES384"}, "ES384"),
        ("eddsa-generated", {"eddsaEllipticCurveKey": "Ed25519"}, "EdDSA"),
    ],
)
def test_new_keys_and_other_algorithms(
    pasee: Pasee, keycloak: Keycloak, kind: str, config: dict[str, str], algorithm: str
) -> None:
    """Nobody starts anything anew: a key nobody has seen before has the keys fetched."""
    count = len(keycloak.of_realm("GET", "/components?type=org.keycloak.keys.KeyProvider"))
    keycloak.add_key(kind, 1000 + count, **config)
    keycloak.change_client("pasee", **{"id.token.signed.response.alg": algorithm})
    assert claims(browser().log_in(pasee, "corp", "ada"))["preferred_username"] == "ada"


def test_signed_user_info(pasee: Pasee, keycloak: Keycloak) -> None:
    keycloak.change_client(
        "pasee", **{"user.info.response.signature.alg": "RS256", "id.token.signed.response.alg": "RS256"}
    )
    assert claims(browser().log_in(pasee, "corp", "ada"))["email"] == "ada@example.com"


def test_three_hundred_groups(pasee: Pasee) -> None:
    """An ID token of far more than 16 KiB; the one group that counts is among them."""
    assert claims(browser().log_in(pasee, "corp", "grace"))["groups"] == ["backend"]
