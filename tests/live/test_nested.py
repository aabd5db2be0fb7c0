"""A Pasee behind a Pasee: users of a Kisee behind the inner one log in at the outer one, by name and password or with
the inner one's token."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from stage import keys
from stage.kisee import Kisee
from stage.pasee import Pasee, Person, claims_of, log_in, provider
from stage.process import wait_until

ADA = "externals-internals-ada"
INNER, OUTER = "inner.example.com", "outer.example.com"
# Between two fetches of keys that are not known, in seconds.
COOLDOWN = 30


def behind(inner: Pasee, name: str = "externals", issuer: str = INNER, **settings: Any) -> dict[str, Any]:
    """The settings of a Pasee as identity provider of another."""
    return {
        "name": name,
        "protocol": "pasee",
        "endpoint": f"{inner.url}/",
        "settings": {"issuer": issuer, "providers": ["internals"], "timeout": 2, **settings},
    }


def exchange(outer: Pasee, token: str, idp: str = "externals") -> requests.Response:
    """Shows a token of the inner Pasee."""
    return requests.post(
        f"{outer.url}/tokens/", params={"idp": idp}, json={"token": token}, timeout=30
    )


def refresh(pasee: Pasee, token: str) -> requests.Response:
    """Asks for a new pair."""
    return requests.post(
        f"{pasee.url}/tokens/?refresh", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )


def grouped(pasee: Pasee, idp: str, groups: dict[str, list[str]]) -> None:
    """Has root staff make groups with members."""
    pasee.append("staff", f"{idp}-boss")
    boss = Person(pasee, "boss", idp)
    for group, members in groups.items():
        assert boss.create(group) == 201
        assert [boss.add(group, member) for member in members] == [201] * len(members)


@dataclass
class Nest:
    """A Kisee behind a Pasee behind a Pasee; the outer one has a Kisee of its own as well."""

    kisee: Kisee
    inner: Pasee
    outer: Pasee


@pytest.fixture(scope="module", params=["ES256", "ES256K"])
def nest(
    request: pytest.FixtureRequest,
    stage: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Nest:
    folder = tmp_path_factory.mktemp("nest")
    kisee = stage(Kisee(folder / "kisee", keys.secp256k1())).start()
    kisee.register("boss", "ada", "eve")
    key = {"ES256": keys.p256, "ES256K": keys.secp256k1}[request.param]()
    inner = Pasee(
        folder / "inner",
        provider(kisee, "internals"),
        private_key=key.private,
        jwt={"iss": INNER},
    )
    stage(inner).start()
    grouped(inner, "internals", {"writers": ["internals-ada"], "secrets": ["internals-ada", "internals-eve"]})
    externals = behind(inner, idp="internals")
    externals["group_mapping"] = [{"claim": "groups", "value": "writers", "group": "articles"}]
    outer = Pasee(
        folder / "outer", externals, provider(kisee, "kisee"), jwt={"iss": OUTER}
    )
    stage(outer).start()
    grouped(outer, "kisee", {"articles": [], "admin": [], "admin.developers": [ADA]})
    return Nest(kisee, inner, outer)


def test_both_ways_lead_to_the_same_user(nest: Nest) -> None:
    inside = Person(nest.inner, "ada", "internals")
    forwarded = Person(nest.outer, "ada", "externals")
    exchanged = exchange(nest.outer, inside.access_token)
    assert exchanged.status_code == 201, exchanged.text
    for token in (forwarded.access_token, exchanged.json()["access_token"]):
        claims = claims_of(token)
        assert claims["sub"] == ADA
        assert claims["idp"] == "externals"
        assert claims["iss"] == OUTER
        # One by a Membership here, one by the mapping; the other groups of there do not count here.
        assert sorted(claims["groups"]) == ["admin.developers", "articles"]
        assert "email" not in claims
    eve = Person(nest.inner, "eve", "internals")
    assert eve.groups == ["secrets"]
    nobody = exchange(nest.outer, eve.access_token).json()["access_token"]
    assert claims_of(nobody)["groups"] == []
    wrong = log_in(nest.outer, "ada", "wrong", "externals")
    assert wrong.status_code == 403


def test_what_is_said_of_the_login(nest: Nest) -> None:
    document = requests.get(f"{nest.outer.url}/tokens/", timeout=30).json()
    fields = {field["name"]: field.get("required") for field in document["identify_via_externals"]["fields"]}
    assert {"token", "login", "password", "scope"} == set(fields)
    assert not any(fields.values()), "a token alone will do, or a name with a password"


def test_only_its_access_tokens(nest: Nest) -> None:
    ada = Person(nest.inner, "ada", "internals")
    ours = Person(nest.outer, "ada", "externals")
    kisees = requests.post(
        f"{nest.kisee.url}/jwt/",
        json={"login": "ada", "password": "open sesame, ada"},
        timeout=30,
    ).json()["tokens"][0]
    limited = requests.post(
        f"{nest.inner.url}/tokens/",
        params={"idp": "internals", "scope": "writers"},
        json={"login": "ada", "password": "open sesame, ada"},
        timeout=30,
    ).json()["access_token"]
    tokens = [
        ada.refresh_token,
        ours.access_token,
        ours.refresh_token,
        kisees,
        limited,
        ada.access_token[:-4],
        ada.access_token + "AAAA",
        "x",
        "",
    ]
    for token in tokens:
        refused = exchange(nest.outer, token)
        assert refused.status_code == 403, refused.text
        assert "this token is no login here" in refused.text


def test_a_session_counts_from_the_login_inside(nest: Nest) -> None:
    ada = Person(nest.inner, "ada", "internals")
    began = claims_of(ada.access_token)["auth_time"]
    time.sleep(2.1)
    ada.refresh()
    assert claims_of(ada.access_token)["iat"] >= began + 2
    pair = exchange(nest.outer, ada.access_token).json()
    time.sleep(1.1)
    again = refresh(nest.outer, pair["refresh_token"]).json()
    for token in (pair["access_token"], pair["refresh_token"], again["access_token"]):
        assert claims_of(token)["auth_time"] == began


def test_the_inner_one_goes_away(nest: Nest) -> None:
    ada = Person(nest.inner, "ada", "internals")
    outside = Person(nest.outer, "ada", "externals")
    nest.inner.stop()
    try:
        down = log_in(nest.outer, "ada", idp="externals")
        assert down.status_code == 503
        assert int(down.headers["Retry-After"]) >= 1
        assert log_in(nest.outer, "eve").status_code == 201, "other providers work on"
        outside.refresh()
        assert exchange(nest.outer, ada.access_token).status_code == 201, "its keys are known"
    finally:
        nest.inner.start()
    assert log_in(nest.outer, "ada", idp="externals").status_code == 201


def test_bans_on_both_sides(nest: Nest) -> None:
    inside, outside = Person(nest.inner, "boss", "internals"), Person(nest.outer, "boss")
    ada = Person(nest.inner, "ada", "internals")
    here = exchange(nest.outer, ada.access_token).json()

    def ban(staff: Person, user: str, banned: bool) -> None:
        url = f"{staff.pasee.url}/users/{user}"
        answer = staff.session.patch(url, json={"is_banned": banned}, timeout=30)
        assert answer.status_code == 204, answer.text

    ban(inside, "internals-ada", True)
    assert refresh(nest.inner, ada.refresh_token).status_code == 403
    assert log_in(nest.outer, "ada", idp="externals").status_code == 403
    assert refresh(nest.outer, here["refresh_token"]).status_code == 201, "until its session ends"
    assert exchange(nest.outer, ada.access_token).status_code == 201, "until the token expires"
    ban(outside, ADA, True)
    assert refresh(nest.outer, here["refresh_token"]).status_code == 403
    assert exchange(nest.outer, ada.access_token).status_code == 403
    ban(outside, ADA, False)
    ban(inside, "internals-ada", False)
    # Revoked here: a token of a login before that is no login any more, however long it lasts.
    url = f"{nest.outer.url}/users/{ADA}"
    revoked = outside.session.patch(url, json={"not_before": "now"}, timeout=30)
    assert revoked.status_code == 204, revoked.text
    assert exchange(nest.outer, ada.access_token).status_code == 401
    # A login with a password passes at once. One there counts here from a whole second after the revocation.
    assert log_in(nest.outer, "ada", idp="externals").status_code == 201
    time.sleep(4)
    ada.log_in()
    assert exchange(nest.outer, ada.access_token).status_code == 201


def test_the_inner_one_changes_its_key(nest: Nest, report: Callable[[str], None]) -> None:
    before = Person(nest.inner, "ada", "internals")
    assert exchange(nest.outer, before.access_token).status_code == 201
    old = nest.inner.words["private_key"]
    public = keys.public_of(old)
    fresh = keys.p256()
    nest.inner.stop()
    nest.inner.words |= {"private_key": fresh.private, "retired_public_keys": [public]}
    nest.inner.start()
    after = Person(nest.inner, "ada", "internals")
    started = time.monotonic()
    wait_until(
        lambda: exchange(nest.outer, after.access_token).status_code == 201,
        "the new key is known",
        COOLDOWN + 10,
    )
    report(f"a new key of an inner Pasee is believed after {time.monotonic() - started:.1f} s")
    assert exchange(nest.outer, before.access_token).status_code == 201, "the old one still is"
    assert log_in(nest.outer, "ada", idp="externals").status_code == 201


def test_circles_end(stage: Callable[..., Any], tmp_path: Path) -> None:
    """Two that take each other's users, which nobody should set up: a name comes through each once."""
    kisee = stage(Kisee(tmp_path / "kisee", keys.secp256k1())).start()
    kisee.register("ada")
    one = Pasee(tmp_path / "one", provider(kisee, "internals"), jwt={"iss": INNER})
    two = Pasee(tmp_path / "two", behind(one, "one"), jwt={"iss": OUTER})
    two.words["identity_providers"][0]["settings"]["providers"] = ["internals", "two"]
    one.words["identity_providers"].append(behind(two, "two", OUTER, providers=["one"]))
    stage(one).start()
    stage(two).start()
    token = Person(one, "ada", "internals").access_token
    for pasee, idp, expected in [
        (two, "one", "one-internals-ada"),
        (one, "two", "two-one-internals-ada"),
    ]:
        answer = exchange(pasee, token, idp)
        assert answer.status_code == 201, answer.text
        token = answer.json()["access_token"]
        assert claims_of(token)["sub"] == expected
    assert exchange(two, token, "one").status_code == 403
    # One that takes its own tokens does not start.
    three = Pasee(tmp_path / "three", behind(one, "one", "three"), jwt={"iss": "three"})
    refused = three.run("check", "--settings-file", str(three.settings))
    assert refused.returncode != 0
    assert "a token of our own is no login" in refused.stdout + refused.stderr


def test_keys_that_are_pinned(nest: Nest, stage: Callable[..., Any], tmp_path: Path) -> None:
    key = keys.p256()
    inner = Pasee(
        tmp_path / "inner",
        provider(nest.kisee, "internals"),
        private_key=key.private,
        jwt={"iss": INNER, "audience": OUTER},
    )
    stage(inner).start()
    pinned = behind(inner, public_keys=[key.public], audience=OUTER)
    outer = stage(Pasee(tmp_path / "outer", pinned, jwt={"iss": OUTER})).start()
    ada = Person(inner, "ada", "internals")
    assert exchange(outer, ada.access_token).status_code == 201
    assert exchange(outer, Person(nest.inner, "ada", "internals").access_token).status_code == 403
    forwarded = log_in(outer, "ada", idp="externals")
    assert forwarded.status_code == 400, "without idp it takes tokens alone"
    inner.stop()
    assert exchange(outer, ada.access_token).status_code == 201
