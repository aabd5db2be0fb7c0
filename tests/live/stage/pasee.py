"""A Pasee server, and a client that speaks to it as one person would."""

import base64
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import requests
import toml

from .kisee import Kisee, password
from .process import Process, free_port

# How soon a server sees what another process wrote, in seconds.
SEEN_WITHIN = 1.0

BINARY = os.environ.get("PASEE_BIN", "")


def provider(kisee: Kisee, name: str = "kisee", *public_keys: str, **more: Any) -> dict[str, Any]:
    """The settings of a Kisee as identity provider; its own public key unless others are given."""
    return {
        "name": name,
        "protocol": "kisee",
        "host": "127.0.0.1",
        "port": kisee.port,
        "settings": {"public_keys": list(public_keys) or [kisee.key.public]},
        **more,
    }


class Pasee(Process):
    """A Pasee with its settings and its data in one folder."""

    def __init__(self, folder: Path, *providers: dict[str, Any], **more: Any) -> None:
        self.settings = folder / "settings.toml"
        super().__init__("pasee", [BINARY, "--settings-file", str(self.settings)], folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.verify: bool | str = True
        self.words: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "data_dir": "data",
            "storage_backend": {"kind": "embedded", "options": {"file": "pasee.db"}},
            "jwt": {"iss": "pasee.example.com"},
            "limits": {"login_attempts_per_user": 0, "login_attempts_per_address": 0},
            "identity_providers": list(providers),
        } | more

    def write_settings(self) -> None:
        """Writes what `words` says where Pasee reads it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings.write_text(toml.dumps(self.words))

    def start(self) -> "Pasee":
        """Starts it and waits until it answers."""
        self.write_settings()
        self.spawn()
        self.wait_ready(self._answers)
        return self

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs another `pasee` to its end, in the same folder."""
        self.write_settings()
        command = [BINARY, *arguments]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )

    def append(self, group: str, *users: str) -> None:
        """Puts users into a group from the command line; a server that runs has seen it on return."""
        for user in users:
            done = self.run("append", "--settings-file", str(self.settings), "--groups", group, user)
            assert done.returncode == 0, done.stdout + done.stderr
        if self.child is not None:
            time.sleep(SEEN_WITHIN)

    def person(self, name: str, idp: str = "kisee") -> "Person":
        """Somebody who has just logged in."""
        return Person(self, name, idp)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/", timeout=2).ok
        except requests.ConnectionError:
            return False


def log_in(pasee: Pasee, name: str, secret: str | None = None, idp: str = "kisee") -> requests.Response:
    """Asks for tokens with a name and a password."""
    return requests.post(
        f"{pasee.url}/tokens/",
        params={"idp": idp},
        json={"login": name, "password": password(name) if secret is None else secret},
        verify=pasee.verify,
        timeout=30,
    )


def claims_of(token: str) -> dict[str, Any]:
    """What a token says; its signature is not looked at."""
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


class Person:
    """Somebody with a pair of tokens."""

    def __init__(self, pasee: Pasee, name: str, idp: str = "kisee") -> None:
        self.pasee, self.name, self.idp = pasee, name, idp
        self.id = f"{idp}-{name}"
        self.session = requests.Session()
        if pasee.verify is not True:
            self.session.trust_env, self.session.verify = False, pasee.verify
        self.log_in()

    def log_in(self) -> None:
        """Gets a new pair."""
        answer = log_in(self.pasee, self.name, idp=self.idp)
        assert answer.status_code == 201, answer.text
        self._keep(answer.json())

    def refresh(self) -> None:
        """Gets a new pair for the refresh token."""
        answer = requests.post(
            f"{self.pasee.url}/tokens/?refresh",
            headers={"Authorization": f"Bearer {self.refresh_token}"},
            verify=self.pasee.verify,
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        self._keep(answer.json())

    def _keep(self, document: dict[str, Any]) -> None:
        self.access_token: str = document["access_token"]
        self.refresh_token: str = document["refresh_token"]
        self.session.headers["Authorization"] = f"Bearer {self.access_token}"

    @property
    def groups(self) -> list[str]:
        """The groups in the access token, in order of name."""
        return sorted(claims_of(self.access_token)["groups"])

    def get(self, path: str) -> requests.Response:
        """GET, with the access token."""
        return self.session.get(self.pasee.url + path, timeout=30)

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        """POST of JSON, with the access token."""
        return self.session.post(self.pasee.url + path, json=body, timeout=30)

    def delete(self, path: str) -> requests.Response:
        """DELETE, with the access token."""
        return self.session.delete(self.pasee.url + path, timeout=30)

    def create(self, group: str) -> int:
        """Creates a group; returns the status code."""
        return self.post("/groups/", {"group": group}).status_code

    def add(self, group: str, user: str) -> int:
        """Adds a user to a group; returns the status code."""
        return self.post(f"/groups/{group}/", {"username": user}).status_code

    def every(self, path: str, key: str, name: str) -> list[str]:
        """What stands under `name` in the documents listed under `key`, over all pages."""
        found: list[str] = []
        url: str | None = self.pasee.url + path
        while url:
            answer = self.session.get(url, timeout=30)
            assert answer.status_code == 200, answer.text
            document = answer.json()
            found += [item[name] for item in document[key]]
            url = document["next"]["url"] if "next" in document else None
        return found
