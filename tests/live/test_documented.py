"""The programs of docs/verifying-tokens.md, taken out of it: each believes what is right, and nothing else."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from jwt.algorithms import ECAlgorithm

from stage import keys
from stage.kisee import Kisee
from stage.pasee import Pasee, Person, claims_of, provider
from test_verifiers import hs256

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/verifying-tokens.md"
AUDIENCE = "https://api.example.com"
GROUP = "articles.drafts"


def block(language: str) -> str:
    """The program in a language."""
    specification = importlib.util.spec_from_file_location("block", ROOT / "tests/docs/block.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.block(PAGE, language)


def python(folder: Path) -> list[str]:
    (folder / "verify.py").write_text(block("python"))
    return [sys.executable, str(folder / "verify.py")]


def javascript(folder: Path) -> list[str]:
    (folder / "verify.mjs").write_text(block("js"))
    (folder / "node_modules").symlink_to(Path(os.environ["VERIFY_JS"]).parent / "node_modules")
    return ["node", str(folder / "verify.mjs")]


def go(_folder: Path) -> list[str]:
    # tests/run builds it of the page.
    return [os.environ["DOCUMENTED_GO"]]


def java(folder: Path) -> list[str]:
    (folder / "Verify.java").write_text(block("java"))
    return ["java", "-cp", os.environ["VERIFY_JAVA"] + "/*", str(folder / "Verify.java")]


def rust(_folder: Path) -> list[str]:
    # Cargo builds what is compared here.
    assert (ROOT / "tests/live/documented/verify.rs").read_text() == block("rust"), (
        "python3 -B tests/docs/block.py docs/verifying-tokens.md rust > tests/live/documented/verify.rs"
    )
    return [os.environ["DOCUMENTED_RUST"]]


def public_jwk(private: str) -> dict[str, Any]:
    """The public half of a key, as a header has it."""
    key = serialization.load_pem_private_key(private.encode(), None).public_key()
    return json.loads(ECAlgorithm.to_jwk(key))


@dataclass
class House:
    """A Pasee, somebody in one group, and the key that it signs with."""

    pasee: Pasee
    ada: Person
    key: keys.KeyPair

    def forged(self, change: dict[str, Any], header: dict[str, Any] | None = None, key: str = "") -> str:
        """A token as Pasee signs it, but for these claims and members of the header; None leaves one out."""
        claims = claims_of(self.ada.access_token) | change
        claims = {name: value for name, value in claims.items() if value is not None}
        own = {"typ": "at+jwt", "kid": jwt.get_unverified_header(self.ada.access_token)["kid"]}
        own |= header or {}
        # PyJWT writes a typ of its own where there is none.
        own = {name: value for name, value in own.items() if value is not None or name == "typ"}
        return jwt.encode(claims, key or self.key.private, "ES256", own)

    def refused(self) -> dict[str, str]:
        """Tokens that nobody may believe, by what is wrong."""
        now, right = int(time.time()), self.ada.access_token
        header, claims = jwt.get_unverified_header(right), claims_of(right)
        foreign = keys.p256().private
        pem = requests.get(f"{self.pasee.url}/public-key/", timeout=30).json()["public_key"]
        key_set = requests.get(f"{self.pasee.url}/.well-known/jwks.json", timeout=30).json()["keys"]
        jwk = json.dumps(key_set[0], separators=(",", ":")).encode()
        body = right.split(".")
        other = self.forged({"sub": "kisee-root"}).split(".")
        return {
            "a refresh token": self.ada.refresh_token,
            "a refresh token under the key": self.forged({}, {"typ": "rt+jwt"}),
            "an ID token": self.forged({"aud": AUDIENCE, "nonce": "n"}, {"typ": "JWT"}),
            "no type": self.forged({}, {"typ": None}),
            "another audience": self.forged({"aud": [self.pasee.url, "https://other.example.com"]}),
            "an audience that begins so": self.forged({"aud": f"{AUDIENCE}.example.org"}),
            "an audience that this begins with": self.forged({"aud": AUDIENCE[:-1]}),
            "no audience": self.forged({"aud": None}),
            "another issuer": self.forged({"iss": "https://evil.example.com"}),
            "an issuer with a slash": self.forged({"iss": self.pasee.url + "/"}),
            "over": self.forged({"exp": now - 60}),
            "no end": self.forged({"exp": None}),
            "not yet": self.forged({"nbf": now + 120}),
            "nobody": self.forged({"sub": None}),
            "a foreign key of that name": self.forged({}, key=foreign),
            "a foreign key that comes along": self.forged({}, {"kid": "foreign", "jwk": public_jwk(foreign)}, foreign),
            "a foreign key": self.forged({}, {"kid": "foreign"}, foreign),
            "the algorithm none": jwt.encode(claims, None, "none", header | {"alg": "none"}),
            "HS256 by the public key": hs256(pem.encode(), header | {"alg": "HS256"}, claims),
            "HS256 by the published key": hs256(jwk, header | {"alg": "HS256"}, claims),
            "HS256 by nothing": hs256(b"", header | {"alg": "HS256"}, claims),
            "bound to a key": self.forged({"cnf": {"jkt": "0" * 43}}),
            "another's claims": ".".join([body[0], other[1], body[2]]),
            "no signature": ".".join([*body[:2], ""]),
            "no token": "a.b.c",
            "a word": "token",
        }


@pytest.fixture(scope="module")
def house(stage: Callable[..., Any], folder: Path, kisee: Kisee) -> House:
    kisee.register("ada", "boss")
    pasee, key = Pasee(folder / "pasee", provider(kisee)), keys.p256()
    pasee.words |= {"jwt": {"iss": pasee.url, "audience": AUDIENCE}, "private_key": key.private}
    stage(pasee).start()
    pasee.append("staff", "kisee-boss")
    boss = pasee.person("boss")
    assert [boss.create(group) for group in ["articles", GROUP]] == [201, 201]
    assert boss.add(GROUP, "kisee-ada") == 201
    return House(pasee, pasee.person("ada"), key)


@pytest.mark.parametrize("program", [python, javascript, go, java, rust], ids=lambda it: it.__name__)
def test_program(program: Callable[[Path], list[str]], house: House, tmp_path: Path) -> None:
    command = program(tmp_path)
    url = house.pasee.url

    def answers(group: str, tokens: list[str]) -> list[tuple[int, str]]:
        done = subprocess.run(
            [*command, url, AUDIENCE, group],
            input="\n".join(tokens) + "\n",
            env=os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        lines = [line.partition(" ") for line in done.stdout.splitlines()]
        assert len(lines) == len(tokens), done.stdout
        return [(int(status), said) for status, _, said in lines]

    right = [house.ada.access_token, house.forged({"aud": AUDIENCE}), house.forged({"groups": [GROUP, "staff"]})]
    # Whoever shows what is wrong, as often as they like, is in nobody's way.
    refused = house.refused()
    said = answers(GROUP, [*right, *refused.values(), *right])
    count = len(right)
    assert said[:count] == said[-count:] == [(200, "kisee-ada")] * count
    believed = {
        name: answer for name, answer in zip(refused, said[count:-count], strict=True) if answer[0] != 401
    }
    assert believed == {}
    assert all("kisee-" not in words for _, words in said[count:-count]), said

    # Of a group, what is above and below it and what is spelled like it are others.
    for group in ["articles", "articles.drafts.new", "articles.draft", "articles.drafts.staff", "staff", ""]:
        assert answers(group, [house.ada.access_token]) == [(403, "kisee-ada")], group
    nobodys = house.forged({"groups": None})
    assert answers(GROUP, [nobodys]) == [(403, "kisee-ada")]
