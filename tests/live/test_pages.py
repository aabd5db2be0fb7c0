"""Pages in a real browser: without scripts, on a phone, in both languages; and axe, which finds nothing wrong with them."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from stage.https import Https
from stage.pasee import BINARY, Pasee, log_in
from stage.process import free_port

WALK = os.environ.get("PAGES_JS", "")
# Longer than any walk takes, also on a machine that has much else to do.
PATIENCE = 600


def users(name: str, title: str) -> dict[str, Any]:
    """A provider with the user ada."""
    said = subprocess.run([BINARY, "hash-password"], input="pw-ada\n", capture_output=True, text=True, check=True)
    settings = {"users": [{"username": "ada", "password_hash": said.stdout.strip()}]}
    return {"name": name, "protocol": "local", "title": title, "settings": settings}


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path) -> Pasee:
    """A Pasee with providers of each kind that a person can log in through, of which one has a long title."""
    pasee = stage(Https(folder / "pasee"))
    github = {"preset": "github", "client_id": "x", "client_secret": "throw-away"}
    pasee.words["identity_providers"] = [
        users("people", "The people of the institute"),
        users("guests", "Guests, who come for a few days and are known to the desk at the entrance"),
        {"name": "github", "protocol": "oauth2", "settings": github},
    ]
    pasee.append("staff", "guests-ada")
    return pasee.start()


def invitation(pasee: Pasee, group: str) -> str:
    """A link into a new group."""
    token = log_in(pasee, "ada", "pw-ada", idp="guests").json()["access_token"]
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    session.trust_env, session.verify = False, pasee.verify
    for place, body in [("/groups/", {"group": group, "description": "Whoever is here for a while"}), (f"/groups/{group}/invitations", {})]:
        made = session.post(f"{pasee.url}{place}", json=body, timeout=30)
        assert made.status_code == 201, made.text
    return made.json()["url"]


def walk(what: str, **given: str) -> dict[str, Any]:
    """What the program of that name says."""
    given |= {"chromium": os.environ["CHROMIUM"]}
    command = ["node", str(Path(WALK).with_name(what)), json.dumps(given)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def test_every_page_for_everybody(pasee: Pasee, tmp_path: Path) -> None:
    """Thirteen pages, on a phone and at a desk, in light and dark, with and without scripts, in English and French."""
    given = {"name": "ada", "password": "pw-ada", "invitation": invitation(pasee, "visitors"), "group": "visitors"}
    said = walk("walk.js", url=pasee.url, shots=str(tmp_path), **given)
    assert said["findings"] == [], json.dumps(said["findings"], indent=1)
    assert said["looked"] == 13 * 4 * 2


def test_from_applications_and_back(stage: Callable[..., Any], folder: Path, tmp_path: Path) -> None:
    """Logins, consent, devices and logouts, from an application of another origin and back, which the browser's policies let pass."""
    pasee, app, secret = stage(Https(folder / "provider")), f"http://127.0.0.1:{free_port()}", "throw-away"
    pasee.words["jwt"]["iss"] = pasee.url
    pasee.words["identity_providers"] = [users("people", "The people of the institute")]
    device = "urn:ietf:params:oauth:grant-type:device_code"
    client = {"id": "app", "name": "The application", "redirect_uris": [f"{app}/back"], "consent": True}
    client |= {"post_logout_redirect_uris": [f"{app}/bye"], "grant_types": ["authorization_code", "refresh_token", device]}
    client |= {"secret_hashes": [f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"]}
    pasee.words["clients"] = [client]
    pasee.start()
    given = {"url": pasee.url, "app": app, "secret": secret, "name": "ada", "password": "pw-ada"}
    said = walk("apps.js", shots=str(tmp_path), **given)
    assert said["findings"] == [], json.dumps(said["findings"], indent=1)
    # Eleven pages in each view, and one more where a form is not sent by itself.
    assert said["looked"] == 2 * 11 + 2 * 12


def test_what_is_wrong_is_found() -> None:
    """A page with mistakes, so that nothing to find means something."""
    said = walk("wrong.js")
    assert {"color-contrast", "html-has-lang", "image-alt", "label"} <= set(said["rules"]), said
