"""A Kisee server with its own demo backend: it keeps users in memory, so a restart forgets them."""

import re
import sys
from pathlib import Path

import requests
import toml

from .keys import KeyPair
from .process import Process, free_port, wait_until


class Kisee(Process):
    """A Kisee, started with `kisee --settings FILE`."""

    def __init__(self, folder: Path, key: KeyPair, name: str = "kisee") -> None:
        self.settings = folder / f"{name}.toml"
        super().__init__(
            name, [sys.executable, "-m", "kisee", "--settings", str(self.settings)], folder
        )
        self.key = key
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> "Kisee":
        """Starts it and waits until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "server": {"host": "127.0.0.1", "hostname": self.url, "port": self.port},
            "identity_backend": {
                "class": "kisee.providers.demo.DemoBackend",
                "options": {"username_min_length": 1},
            },
            "email": {"host": "localhost", "sender": "sender@example.com"},
            "jwt": {
                "iss": "example.com",
                "private_key": self.key.private,
                "public_key": self.key.public,
            },
        }
        self.settings.write_text(toml.dumps(settings))
        self.spawn()
        self.wait_ready(self._is_healthy)
        return self

    def restart(self, key: KeyPair | None = None) -> None:
        """Stops it and starts it on the same port, perhaps with another key. It knows nobody then."""
        self.stop()
        self.key = key or self.key
        self.start()

    def register(self, *names: str) -> None:
        """Makes users; the password of each is `password(name)`."""
        with requests.Session() as session:
            for name in names:
                answer = session.post(
                    f"{self.url}/users/",
                    json={
                        "username": name,
                        "password": password(name),
                        "email": f"{name}@example.com",
                    },
                )
                assert answer.status_code == 201, answer.text

    def reset_token(self, name: str) -> str:
        """The token that Kisee made for somebody who forgot their password.

        The demo backend prints what another backend would mail: it has no SMTP client.
        """
        pattern = re.compile(rf"reset challenge for user {re.escape(name)} is (\S+)")
        wait_until(lambda: pattern.search(self.output()) is not None, f"a reset token for {name}")
        return pattern.findall(self.output())[-1]

    def _is_healthy(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=2).ok
        except requests.ConnectionError:
            return False


def password(name: str) -> str:
    """The password that the tests give a user."""
    return f"open sesame, {name}"
