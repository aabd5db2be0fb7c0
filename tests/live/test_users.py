"""People: registration, login, forgotten and changed passwords, all through Pasee and kept by Kisee."""

import base64

import pytest
import requests

from stage.kisee import Kisee, password
from stage.pasee import Pasee, claims_of, log_in


def register(server: str, name: str, **other: str) -> requests.Response:
    body = {"username": name, "password": password(name), "email": f"{name}@example.com"} | other
    return requests.post(f"{server}/users/", json=body, timeout=30)


def change_password(pasee: Pasee, name: str, new: str, authorization: str) -> int:
    """Asks for another password; returns the status code."""
    return requests.patch(
        f"{pasee.url}/users/kisee-{name}",
        json=[{"op": "replace", "path": "/password", "value": new}],
        headers={"Content-Type": "application/json-patch+json", "Authorization": authorization},
        timeout=30,
    ).status_code


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def test_somebody_registers_and_logs_in(pasee: Pasee) -> None:
    assert register(pasee.url, "ada").status_code == 201
    answer = log_in(pasee, "ada")
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    document = answer.json()
    assert document["_type"] == "document"
    access, refresh = (claims_of(document[name]) for name in ("access_token", "refresh_token"))
    assert access["sub"] == refresh["sub"] == "kisee-ada"
    assert access["iss"] == refresh["iss"] == "pasee.example.com"
    assert access["idp"] == "kisee"
    assert access["groups"] == []
    assert "groups" not in refresh
    assert refresh["refresh_token"] is True
    assert access["exp"] - access["iat"] == 15 * 60
    assert refresh["exp"] - refresh["iat"] == 30 * 24 * 60 * 60


@pytest.mark.parametrize(
    ("name", "other"), [("bob", {}), ("carl", {"email": "no address"})], ids=["taken", "no-email"]
)
def test_what_kisee_says_to_a_registration_comes_back(
    pasee: Pasee, kisee: Kisee, name: str, other: dict[str, str]
) -> None:
    if not other:
        kisee.register(name)
    through, direct = register(pasee.url, name, **other), register(kisee.url, name, **other)
    assert through.status_code == direct.status_code
    assert through.status_code in (400, 409)
    assert through.json() == direct.json()


def test_wrong_password_and_unknown_user_look_the_same(pasee: Pasee, kisee: Kisee) -> None:
    kisee.register("carol")
    wrong, unknown = log_in(pasee, "carol", "guess"), log_in(pasee, "nobody", "guess")
    assert wrong.status_code == unknown.status_code == 403
    assert wrong.content == unknown.content
    assert wrong.json()["_type"] == "error"

    def telling(answer: requests.Response) -> dict[str, str]:
        return {name: value for name, value in answer.headers.items() if name.lower() not in ("date", "x-request-id")}

    assert telling(wrong) == telling(unknown)


def test_a_forgotten_password_is_replaced(pasee: Pasee, kisee: Kisee) -> None:
    kisee.register("dora", "eve")
    form = requests.get(f"{pasee.url}/password_recoveries/", timeout=30)
    assert form.status_code == 200
    assert "reset_password" in form.json()
    asked = requests.post(
        f"{pasee.url}/password_recoveries/", json={"email": "dora@example.com"}, timeout=30
    )
    assert asked.status_code == 201
    token = f"Bearer {kisee.reset_token('dora')}"

    assert change_password(pasee, "eve", "taken", token) == 403
    assert log_in(pasee, "eve", "taken").status_code == 403
    assert change_password(pasee, "dora", "fresh", token) == 204
    assert log_in(pasee, "dora").status_code == 403
    assert log_in(pasee, "dora", "fresh").status_code == 201


def test_nobody_learns_by_recovery_who_exists(pasee: Pasee, kisee: Kisee) -> None:
    kisee.register("frida")
    known, unknown = (
        requests.post(f"{pasee.url}/password_recoveries/", json={"login": name}, timeout=30)
        for name in ("frida", "nobody")
    )
    assert known.status_code == unknown.status_code == 201
    assert known.content == unknown.content


def test_a_reset_token_is_no_login(pasee: Pasee, kisee: Kisee) -> None:
    kisee.register("gina")
    requests.post(f"{pasee.url}/password_recoveries/", json={"login": "gina"}, timeout=30)
    token = {"Authorization": f"Bearer {kisee.reset_token('gina')}"}
    assert requests.get(f"{pasee.url}/users/kisee-gina", headers=token, timeout=30).status_code == 401
    assert requests.post(f"{pasee.url}/tokens/?refresh", headers=token, timeout=30).status_code == 401


def test_a_password_is_changed_by_who_knows_it(pasee: Pasee, kisee: Kisee) -> None:
    kisee.register("hedy", "ivan")
    assert change_password(pasee, "hedy", "fresh", basic("hedy", "guess")) == 401
    assert change_password(pasee, "hedy", "fresh", basic("ivan", password("ivan"))) == 403
    assert log_in(pasee, "hedy").status_code == 201
    assert change_password(pasee, "hedy", "fresh", basic("hedy", password("hedy"))) == 204
    assert log_in(pasee, "hedy").status_code == 403
    assert log_in(pasee, "hedy", "fresh").status_code == 201


def test_an_access_token_of_pasee_changes_no_password(pasee: Pasee, kisee: Kisee) -> None:
    kisee.register("joan")
    token = f"Bearer {pasee.person('joan').access_token}"
    assert change_password(pasee, "joan", "fresh", token) in (401, 403, 502)
    assert log_in(pasee, "joan").status_code == 201
