"""Kisee changes its key, goes away and comes back; Pasee is not restarted for it."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stage import keys
from stage.kisee import Kisee
from stage.pasee import Pasee, log_in, provider

NAMES = ["ada", "alan", "donald", "grace"]


def statuses_of_logins(pasee: Pasee, count: int) -> Counter[int]:
    return Counter(log_in(pasee, NAMES[turn % len(NAMES)]).status_code for turn in range(count))


def test_a_rotated_key_refuses_nobody(stage: Callable[..., Any], tmp_path: Path) -> None:
    old, new = keys.secp256k1(), keys.secp256k1()
    kisee = stage(Kisee(tmp_path / "kisee", old)).start()
    kisee.register(*NAMES)
    both = provider(kisee, "kisee", new.public, old.public)
    pasee = stage(Pasee(tmp_path / "pasee", both)).start()
    assert statuses_of_logins(pasee, 100) == {201: 100}
    kisee.restart(new)
    kisee.register(*NAMES)
    assert statuses_of_logins(pasee, 100) == {201: 100}


def test_a_key_nobody_announced_is_a_bad_gateway(stage: Callable[..., Any], tmp_path: Path) -> None:
    kisee = stage(Kisee(tmp_path / "kisee", keys.secp256k1())).start()
    kisee.register("ada")
    pasee = stage(Pasee(tmp_path / "pasee", provider(kisee))).start()
    assert log_in(pasee, "ada").status_code == 201
    kisee.restart(keys.secp256k1())
    kisee.register("ada")
    refused = log_in(pasee, "ada")
    assert refused.status_code == 502
    assert refused.json()["_type"] == "error"
    assert "access_token" not in refused.text


def test_a_kisee_that_is_down_stops_logins_only(stage: Callable[..., Any], tmp_path: Path) -> None:
    kisee = stage(Kisee(tmp_path / "kisee", keys.secp256k1())).start()
    other = stage(Kisee(tmp_path / "other", keys.secp256k1(), "other")).start()
    other.register("ada")
    kisee.stop()
    pasee = stage(Pasee(tmp_path / "pasee", provider(kisee), provider(other, "other"))).start()

    down = log_in(pasee, "ada")
    assert down.status_code == 503
    assert int(down.headers["Retry-After"]) >= 1
    assert down.json()["_type"] == "error"
    assert log_in(pasee, "ada", idp="other").status_code == 201, "the other provider works on"

    kisee.start()
    kisee.register("ada")
    assert log_in(pasee, "ada").status_code == 201
    ada = pasee.person("ada")

    kisee.stop()
    assert log_in(pasee, "ada").status_code == 503
    ada.refresh()
    kisee.start()
    kisee.register("ada")
    assert log_in(pasee, "ada").status_code == 201


def test_a_kisee_that_hangs_is_given_up(stage: Callable[..., Any], tmp_path: Path) -> None:
    """Before Pasee has ever spoken to it, and while it is well known."""
    kisee = stage(Kisee(tmp_path / "kisee", keys.secp256k1())).start()
    kisee.register("ada")
    settings = provider(kisee)
    settings["settings"]["timeout"] = 1
    pasee = stage(Pasee(tmp_path / "pasee", settings)).start()
    for _ in range(2):
        kisee.send(signal.SIGSTOP)
        started = time.monotonic()
        hung = log_in(pasee, "ada")
        took = time.monotonic() - started
        kisee.send(signal.SIGCONT)
        assert hung.status_code == 503
        assert int(hung.headers["Retry-After"]) >= 1
        assert 0.4 <= took < 2, "given up neither at once nor late"
        assert log_in(pasee, "ada").status_code == 201
