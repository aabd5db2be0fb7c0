"""What was acknowledged is kept: over restarts, over a polite end and over a rude one."""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from stage import keys
from stage.kisee import Kisee, password
from stage.pasee import SEEN_WITHIN, Pasee, Person, claims_of, log_in, provider
from stage.process import wait_until

ROUNDS = 5
WRITERS = 4


@pytest.fixture
def own(stage: Callable[..., Any], tmp_path: Path, kisee: Kisee) -> Pasee:
    """A Pasee of the test's own, with the module's Kisee; Ada is root staff."""
    pasee = stage(Pasee(tmp_path / "pasee", provider(kisee), drain_delay=1))
    pasee.append("staff", "kisee-ada")
    return pasee.start()


@pytest.fixture(scope="module", autouse=True)
def people(kisee: Kisee) -> None:
    kisee.register("ada", "alan", "donald")


def test_a_restart_keeps_everything(own: Pasee) -> None:
    ada, alan = own.person("ada"), own.person("alan")
    assert ada.create("admin") == ada.create("admin.developers") == 201
    assert ada.add("admin.developers", alan.id) == 201
    assert ada.add("admin.developers.staff", "kisee-donald") == 201
    banned = ada.session.patch(
        f"{own.url}/users/kisee-mallory", json={"is_banned": True}, timeout=30
    )
    assert banned.status_code == 204
    key = requests.get(f"{own.url}/public-key/", timeout=30).json()

    own.send(signal.SIGTERM)
    assert own.wait() == 0
    own.start()

    assert requests.get(f"{own.url}/public-key/", timeout=30).json() == key
    assert ada.every("/groups/admin.developers/", "members", "username") == [alan.id]
    assert ada.get("/users/kisee-mallory").json()["is_banned"] is True
    alan.refresh()
    assert alan.groups == ["admin.developers"], "the tokens of before the restart hold"
    assert own.person("donald").groups == ["admin.developers.staff"]
    ada.log_in()
    assert ada.groups == ["admin.developers.staff", "admin.staff", "staff"]


def test_a_new_signing_key_ends_no_session(
    stage: Callable[..., Any], tmp_path: Path, kisee: Kisee
) -> None:
    """Refresh tokens hang on a secret beside it. The old key's public half in the settings keeps its access tokens."""
    pasee = stage(Pasee(tmp_path / "pasee", provider(kisee))).start()
    ada = pasee.person("ada")
    pasee.stop()
    kept = pasee.folder / "data" / "private_key.pem"
    pasee.words["retired_public_keys"] = [keys.public_of(kept.read_text())]
    kept.write_text(keys.secp256k1().private)
    pasee.start()
    published = [
        requests.get(f"{pasee.url}/.well-known/{name}.json", timeout=30).json()["keys"]
        for name in ("jwks", "jwks-es256k")
    ]
    curves = [[key["crv"] for key in some if key["kty"] == "EC"] for some in published]
    assert curves == [["P-256"], ["secp256k1"]]
    assert ada.get("/users/kisee-ada").status_code == 200
    pasee.stop()
    del pasee.words["retired_public_keys"]
    pasee.start()
    assert ada.get("/users/kisee-ada").status_code == 401
    ada.refresh()
    assert jwt.get_unverified_header(ada.access_token)["alg"] == "ES256K"


def test_the_key_in_the_settings_is_the_secret_too(
    stage: Callable[..., Any], tmp_path: Path, kisee: Kisee
) -> None:
    """With another one access tokens go on, by the old key's public half, and people log in once more."""
    old, new = keys.p256(), keys.p256()
    pasee = stage(Pasee(tmp_path / "pasee", provider(kisee), private_key=old.private)).start()
    ada = pasee.person("ada")
    pasee.stop()
    pasee.words |= {"private_key": new.private, "retired_public_keys": [old.public]}
    pasee.start()
    assert ada.get("/users/kisee-ada").status_code == 200
    bearer = {"Authorization": f"Bearer {ada.refresh_token}"}
    answer = requests.post(f"{pasee.url}/tokens/?refresh", headers=bearer, timeout=30)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    ada.log_in()
    ada.refresh()


def test_replicas_with_one_key_take_each_others_tokens(
    stage: Callable[..., Any], tmp_path: Path, kisee: Kisee
) -> None:
    """Each has a directory of its own; what they have in common is what stands in their settings."""
    key = keys.p256().private
    one, two, other = (
        stage(Pasee(tmp_path / name, provider(kisee), private_key=key, jwt={"iss": issuer})).start()
        for name, issuer in [("one", "pasee"), ("two", "pasee"), ("other", "another")]
    )
    ada = one.person("ada")
    ada.pasee = two
    ada.refresh()
    assert ada.get("/users/kisee-ada").status_code == 200
    bearer = {"Authorization": f"Bearer {ada.refresh_token}"}
    answer = requests.post(f"{other.url}/tokens/?refresh", headers=bearer, timeout=30)
    assert answer.status_code == 401, "another issuer is another, whatever its key"


def test_refresh_tokens_of_before_are_over(
    stage: Callable[..., Any], tmp_path: Path, kisee: Kisee
) -> None:
    """They were signed as access tokens are. Whoever has one logs in once more."""
    key = keys.p256().private
    pasee = stage(Pasee(tmp_path / "pasee", provider(kisee), private_key=key)).start()
    ada = pasee.person("ada")
    claims = claims_of(ada.refresh_token)
    header = jwt.get_unverified_header(ada.access_token) | {"typ": "rt+jwt"}
    without = {name: value for name, value in claims.items() if name != "aud"}
    for body in (claims, without):
        bearer = {"Authorization": f"Bearer {jwt.encode(body, key, 'ES256', header)}"}
        answer = requests.post(f"{pasee.url}/tokens/?refresh", headers=bearer, timeout=30)
        assert answer.status_code == 401, answer.text
    ada.refresh()


def test_sigterm_finishes_what_it_has_begun(own: Pasee, kisee: Kisee) -> None:
    """One login waits for Kisee, one request has sent half of itself: both get their answers."""
    answers: list[requests.Response] = []
    half = socket.create_connection(("127.0.0.1", own.port))
    body = json.dumps({"login": "alan", "password": password("alan")}).encode()
    head = (
        f"POST /tokens/?idp=kisee HTTP/1.1\r\nHost: 127.0.0.1:{own.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    half.sendall(head.encode() + body[:10])
    kisee.send(signal.SIGSTOP)
    try:
        login = threading.Thread(target=lambda: answers.append(log_in(own, "ada")))
        login.start()
        time.sleep(0.5)
        own.send(signal.SIGTERM)
        wait_until(lambda: not _accepts(own), "no new connection is accepted", 5)
        assert own.exit_code() is None, "it waits for what it has begun"
    finally:
        kisee.send(signal.SIGCONT)
    login.join(20)
    assert [answer.status_code for answer in answers] == [201]
    half.sendall(body[10:])
    half.settimeout(10)
    assert half.recv(4096).startswith(b"HTTP/1.1 201")
    half.close()
    assert own.wait(15) == 0


def _accepts(pasee: Pasee) -> bool:
    try:
        socket.create_connection(("127.0.0.1", pasee.port), timeout=1).close()
    except OSError:
        return False
    return True


def test_sigterm_does_not_wait_for_idle_connections(own: Pasee) -> None:
    with requests.Session() as idle, socket.create_connection(("127.0.0.1", own.port)):
        assert idle.get(f"{own.url}/tokens/", timeout=10).status_code == 200
        started = time.monotonic()
        own.send(signal.SIGTERM)
        assert own.wait(15) == 0
        assert time.monotonic() - started < 12


@dataclass
class Acknowledged:
    """What the server said it had stored."""

    groups: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.groups) + len(self.members) + len(self.removed)


def write_until_it_dies(ada: Person, pasee: Pasee, prefix: str, kept: Acknowledged) -> None:
    """Adds groups and members, and removes some again, one after the other, until nobody answers."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {ada.access_token}"
    number = 0
    try:
        while True:
            number += 1
            user, group = f"kisee-{prefix}-{number}", f"crowd.{prefix}-{number}"
            answer = session.post(f"{pasee.url}/groups/crowd/", json={"username": user}, timeout=10)
            assert answer.status_code == 201, answer.text
            kept.members.add(user)
            if number % 3 == 0:
                # Whether a removal that nobody answered was done is open: it is neither here nor there.
                kept.members.discard(user)
                answer = session.delete(f"{pasee.url}/groups/crowd/{user}/", timeout=10)
                assert answer.status_code == 204, answer.text
                kept.removed.add(user)
            answer = session.post(f"{pasee.url}/groups/", json={"group": group}, timeout=10)
            assert answer.status_code == 201, answer.text
            kept.groups.add(group)
    except requests.RequestException:
        return


def test_kill_9_loses_nothing_acknowledged(own: Pasee, report: Callable[[str], None]) -> None:
    ada = own.person("ada")
    assert ada.create("crowd") == 201
    kept = [Acknowledged() for _ in range(ROUNDS * WRITERS)]
    for turn in range(ROUNDS):
        ada.log_in()
        writers = [
            threading.Thread(
                target=write_until_it_dies,
                args=(ada, own, f"r{turn}w{writer}", kept[turn * WRITERS + writer]),
            )
            for writer in range(WRITERS)
        ]
        before = sum(map(len, kept))
        for writer in writers:
            writer.start()
        wait_until(lambda: sum(map(len, kept)) >= before + 100 + 37 * turn, "enough was written")
        own.send(signal.SIGKILL)
        assert own.wait() == -signal.SIGKILL
        for writer in writers:
            writer.join(30)
        own.start()
        ada.log_in()
        members = set(ada.every("/groups/crowd/", "members", "username"))
        groups = set(ada.every("/groups/", "groups", "group"))
        for some in kept:
            assert some.members <= members, "acknowledged members are gone"
            assert not some.removed & members, "acknowledged removals came back"
            assert some.groups <= groups, "acknowledged groups are gone"
            assert {f"{group}.staff" for group in some.groups} <= groups
    report(f"kill -9: {ROUNDS} rounds, {sum(map(len, kept)):,} acknowledged writes, all there")


def test_another_process_s_change_shows_within_a_second(own: Pasee) -> None:
    donald = own.person("donald")
    assert donald.groups == []
    done = own.run("append", "--settings-file", str(own.settings), "--groups", "staff", donald.id)
    assert done.returncode == 0, done.stdout + done.stderr
    appended = time.monotonic()
    while donald.groups != ["staff"]:
        assert time.monotonic() - appended < SEEN_WITHIN, "not seen in time"
        donald.refresh()
        time.sleep(0.05)
