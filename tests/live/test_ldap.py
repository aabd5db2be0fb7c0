"""Logins through a real OpenLDAP server, over TLS, with groups within groups and a policy of passwords."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from stage.directory import ACCOUNT_PASSWORD, GROUPS, NAMES, PEOPLE, Directory
from stage.kisee import password
from stage.pasee import Pasee, claims_of, log_in
from stage.process import wait_until

UNKNOWN = "the identity provider does not know this login and password"
# Each kind of comparison that a filter can have.
EVERY = (
    "(&(objectClass=*)(|(uid:caseExactMatch:={login})(cn:dn:={login}-))(mail=*@example.com)(cn=a*d*a)(mail=ada*)"
    "(createTimestamp>=20000101000000Z)(createTimestamp<=29990101000000Z)(cn~=ada)(!(uid=john)))"
)
BY_NAME = {"group_base": GROUPS, "group_name": "cn"}


def rules(*values: str) -> dict[str, Any]:
    """A group here for each name of a group there, called as it is."""
    names = [value.split(",")[0].removeprefix("cn=") for value in values]
    pairs = zip(values, names, strict=True)
    return {"group_mapping": [{"claim": "groups", "value": value, "group": name} for value, name in pairs]}


@pytest.fixture(scope="module")
def directory(stage: Callable[..., Any], folder: Path) -> Directory:
    """The server, which the tests stop and start again."""
    return stage(Directory(folder / "directory")).start()


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path, directory: Directory) -> Pasee:
    """A Pasee that knows the directory in every way there is; Ada is its root staff, and made the groups that rules name."""
    names = ["writers", "editors", "all-staff", "loop", "posix"]
    of_names, of_entries = rules(*names), rules(*(f"cn={name},{GROUPS}" for name in names))
    posix = "(&(objectClass=posixGroup)(memberUid={username}))"
    listed = {"group_attribute": "memberOf"}
    strict = {"required_claims": {"employeeType": "research"}}
    pasee = stage(
        Pasee(
            folder / "pasee",
            directory.provider(of=of_names, **BY_NAME),
            directory.provider("nested", of=of_names, nested_groups=True, **BY_NAME),
            directory.provider("listed", directory.start_tls, of=of_entries, **listed),
            directory.provider("chain", directory.start_tls, of=of_entries, nested_groups=True, **listed),
            directory.provider("posix", of=of_names, group_filter=posix, **BY_NAME),
            directory.provider("strict", of=strict),
            directory.provider("every", filter=EVERY),
            directory.provider("plain", directory.start_tls, plaintext_passwords=True),
            directory.provider("stranger", ca_file=None),
            directory.provider("crossed", directory.tls.replace("ldaps", "ldap")),
            directory.provider("wrong", bind_password="wrong"),
            directory.provider("nobody", bind_dn=None, bind_password=None),
            directory.provider("nowhere", base="ou=nowhere,dc=example,dc=com"),
            directory.provider("asked", of={"recheck": "1m"}),
            directory.provider("loose", filter="(|(uid={login})(objectClass=inetOrgPerson))"),
        )
    )
    pasee.append("staff", f"corp-{directory.id_of('ada')}")
    pasee.start()
    token = log_in(pasee, "ada", idp="corp").json()["access_token"]
    for name in names:
        answer = requests.post(
            f"{pasee.url}/groups/",
            json={"group": name},
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
    return pasee


def claims(answer: requests.Response) -> dict[str, Any]:
    """What the access token of a login says."""
    assert answer.status_code == 201, answer.text
    return claims_of(answer.json()["access_token"])


def title(answer: requests.Response) -> str:
    """What is said of an error."""
    return answer.json()["_meta"]["title"]


def test_who_somebody_is(pasee: Pasee, directory: Directory) -> None:
    """Known by what the directory never gives to anybody else, whatever was typed and on whichever way."""
    for idp in ["corp", "nested", "listed", "chain", "posix"]:
        for login in ["ada", "ADA", " ada "]:
            said = claims(log_in(pasee, login, password("ada"), idp))
            assert said["sub"] == f"{idp}-{directory.id_of('ada')}"
            assert (said["mail"], said["preferred_username"]) == ("ada@example.com", "ada")
    assert claims(log_in(pasee, "ada", idp="strict"))["sub"].startswith("strict-")
    assert log_in(pasee, "john", idp="strict").status_code == 403


def test_every_kind_of_filter(pasee: Pasee) -> None:
    """The directory reads each as it is written; this one tells capital letters apart."""
    assert claims(log_in(pasee, "ada", idp="every"))["mail"] == "ada@example.com"
    for login in ["ADA", "Ada", "john"]:
        assert log_in(pasee, login, password("ada"), "every").status_code == 403


@pytest.mark.parametrize(
    ("idp", "ada", "john"),
    [
        ("nested", {"writers", "editors", "all-staff", "loop"}, {"writers", "editors", "all-staff", "loop"}),
        ("listed", {"writers", "editors"}, {"writers"}),
        ("chain", {"writers", "editors", "all-staff", "loop"}, {"writers", "editors", "all-staff", "loop"}),
        ("posix", set(), {"posix"}),
    ],
)
def test_groups(pasee: Pasee, idp: str, ada: set[str], john: set[str]) -> None:
    """Groups, and groups of groups, also where those go in a circle."""
    for name, expected in [("ada", ada), ("john", john)]:
        assert set(claims(log_in(pasee, name, idp=idp))["groups"]) == expected


def refresh(pasee: Pasee, tokens: dict[str, str]) -> requests.Response:
    """A refresh."""
    shown = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    return requests.post(f"{pasee.url}/tokens/?refresh", headers=shown, timeout=30)


def test_groups_stay_through_a_refresh(pasee: Pasee) -> None:
    """What the directory said at the login counts until the next."""
    tokens = log_in(pasee, "john", idp="corp").json()
    assert claims(refresh(pasee, tokens))["groups"] == ["writers"]


@pytest.mark.parametrize("login", ["ada", "john", "eve", "", "*", "a*", "*)(uid=*", "ada)(|(uid=*", "\\2a", f"uid=ada,{PEOPLE}"])
def test_nobody_else(pasee: Pasee, login: str) -> None:
    """Not by a wrong password, none at all, nor by what would mean another question."""
    for secret in ["", "wrong", password("somebody else"), ACCOUNT_PASSWORD]:
        for idp in ["corp", "listed"]:
            answer = log_in(pasee, login, secret, idp)
            assert (answer.status_code, title(answer)) == (403, UNKNOWN), (login, secret)


def test_a_name_that_looks_like_a_filter(pasee: Pasee, directory: Directory) -> None:
    """It is a name like any other."""
    odd = NAMES[-1]
    assert claims(log_in(pasee, odd, idp="corp"))["preferred_username"] == odd
    assert claims(log_in(pasee, odd, idp="nested"))["groups"] == []


def test_accounts_that_are_closed(pasee: Pasee) -> None:
    """Whoever knows the password is told why; of one that is locked nobody learns anything."""
    for name, says in [("expired", "the password has expired"), ("reset", "has to be changed there first")]:
        answer = log_in(pasee, name, idp="corp")
        assert answer.status_code == 403, answer.text
        assert says in title(answer)
        answer = log_in(pasee, name, "wrong", "corp")
        assert (answer.status_code, title(answer)) == (403, UNKNOWN)
    answer = log_in(pasee, "locked", idp="corp")
    assert (answer.status_code, title(answer)) == (403, UNKNOWN)


@pytest.mark.parametrize(
    ("idp", "status", "logged"),
    [
        ("plain", 502, "it wants TLS, which the settings leave out"),
        ("stranger", 503, "UnknownIssuer"),
        ("crossed", 503, "it closed the connection"),
        ("wrong", 502, "it does not take our bind_dn and bind_password"),
        ("nobody", 502, "it has no such base"),
        ("nowhere", 502, "it has no such base"),
        ("loose", 502, "more than one user by this login"),
    ],
)
def test_settings_that_are_wrong(pasee: Pasee, idp: str, status: int, logged: str) -> None:
    """The log says what is wrong, and with which provider."""
    before = len(pasee.output())
    answer = log_in(pasee, "ada", idp=idp)
    assert answer.status_code == status, answer.text
    said = [line for line in pasee.output()[before:].splitlines() if logged in line]
    assert any(f"provider={idp}" in line for line in said), pasee.output()[before:]


def test_one_that_goes_and_comes_back(pasee: Pasee, directory: Directory) -> None:
    """Logins are told so meanwhile, and go on by themselves."""
    directory.stop()
    assert log_in(pasee, "ada", idp="corp").status_code == 503
    directory.start()
    wait_until(lambda: log_in(pasee, "ada", idp="corp").status_code == 201, "logins go on")


def test_who_leaves(pasee: Pasee, directory: Directory) -> None:
    """Whoever is deleted there, or locked by its administrator, is out soon after the next refresh; nobody else is."""
    sessions = {name: log_in(pasee, name, idp="asked").json() for name in ["ada", "john", NAMES[-1]]}
    locked = f"dn: uid=ada,{PEOPLE}\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n"
    directory.change(f"dn: uid=john,{PEOPLE}\nchangetype: delete\n", locked)
    for tokens in sessions.values():
        assert refresh(pasee, tokens).status_code == 201, "nobody waits for the directory"
    for name in ["ada", "john"]:
        wait_until(lambda name=name: refresh(pasee, sessions[name]).status_code == 401, f"{name} is out")
    assert refresh(pasee, sessions[NAMES[-1]]).status_code == 201


def test_no_password_is_written_down(pasee: Pasee) -> None:
    """Neither anybody's nor our own, in a log of all that was above."""
    said = pasee.output()
    assert "the directory does not let this user in" in said
    for secret in [ACCOUNT_PASSWORD, *(password(name) for name in NAMES)]:
        assert secret not in said
