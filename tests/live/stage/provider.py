"""A Pasee that is an OpenID provider: its people have passwords, and applications are known to it."""

import hashlib
import re
import subprocess
from functools import cached_property
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from .kisee import password
from .openid import CLIENT_SECRET, Browser
from .pasee import BINARY, Pasee, Person

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
CLAIMS = ["email", "email_verified", "name"]
CODE = ["authorization_code", "refresh_token"]
# Who is where: ada is in two groups, john is below the articles alone, mallory nowhere. The boss is on the root staff. Nobody has
# looked whether eve's address is hers, and zoé has a name that is not ASCII.
PEOPLE: dict[str, list[str]] = {
    "ada": ["articles", "tools"],
    "john": ["articles.drafts"],
    "mallory": [],
    "boss": ["operations"],
    "eve": ["articles"],
    "zoé": ["articles"],
}


def secret_of(client: str) -> str:
    """What a client proves with that it is the one of that name."""
    return f"{CLIENT_SECRET} of {client}"


def hashed(secret: str) -> str:
    """What stands in the settings in the place of a secret."""
    return f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"


def client(name: str, *redirects: str, public: bool = False, **more: Any) -> dict[str, Any]:
    """An application, with a secret unless it is a public client."""
    proof = {} if public else {"secret_hashes": [hashed(secret_of(name))]}
    return proof | {"id": name, "redirect_uris": list(redirects), "claims": CLAIMS} | more


def person(name: str) -> dict[str, Any]:
    """Somebody, as the settings know them."""
    command = [BINARY, "hash-password"]
    said = subprocess.run(command, input=f"{password(name)}\n", capture_output=True, text=True, check=True)
    claims = {"email": f"{name}@example.com", "email_verified": name != "eve", "name": f"{name.title()} Example"}
    return {"username": name, "password_hash": said.stdout.strip(), "claims": claims}


class Provider(Pasee):
    """A Pasee whose issuer is where it is, below a path if there is one; people are local-ada and so on."""

    def __init__(self, folder: Path, *clients: dict[str, Any], path: str = "", **more: Any) -> None:
        super().__init__(folder, **more)
        self.url += path
        self.words |= {"hostname": self.url, "clients": list(clients), "drain_delay": 0}
        self.words["jwt"] = {"iss": self.url}

    def start(self) -> "Provider":
        """Starts it, with everybody in their groups."""
        users = {"users": [person(name) for name in PEOPLE]}
        local = {"name": "local", "protocol": "local", "claims": CLAIMS, "settings": users}
        self.words["identity_providers"] = [local]
        self.append("staff", "local-boss")
        super().start()
        for group in ["articles", "articles.drafts", "operations", "tools"]:
            assert self.boss.create(group) == 201
        for name, groups in PEOPLE.items():
            for group in groups:
                assert self.boss.add(group, f"local-{name}") == 201
        return self

    @cached_property
    def boss(self) -> Person:
        """Somebody who may do anything."""
        return self.person("boss", "local")

    def ban(self, name: str) -> None:
        """Lets nobody of that name in any more, and ends their sessions."""
        path = f"{self.url}/users/local-{name}"
        answer = self.boss.session.patch(path, json={"is_banned": True}, timeout=30)
        assert answer.status_code == 204, answer.text


def log_in(browser: Browser, place: str, name: str, stop_at: str | None = None) -> requests.Response:
    """Opens a page that leads to Pasee, logs in there where it asks, agrees to what it asks, and returns where that leads."""
    page = browser.open(place, stop_at)
    for _ in range(5):
        onwards = re.search(r'http-equiv="refresh" content="\d+;\s*url=([^"]*)"', page.text)
        if onwards:
            page = browser.open(urljoin(page.url, unescape(onwards.group(1))), stop_at)
        elif 'id="password"' in page.text:
            page = browser.fill(page, stop_at, username=name, password=password(name))
        elif 'name="answer" value="yes"' in page.text:
            page = browser.fill(page, stop_at, answer="yes")
        else:
            break
    return page


def query_of(place: str) -> dict[str, str]:
    """The query of a URL, each name once."""
    return {name: value for name, [value] in parse_qs(urlsplit(place).query).items()}


def heading(page: requests.Response) -> str:
    """What a page of Pasee says first."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page.text)
    return found.group(1) if found else page.text

