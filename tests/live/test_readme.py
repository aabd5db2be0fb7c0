"""What README.md tells people to type prints what it says.

Every `console` block is typed into one shell, in order, beside a Pasee with the example settings as they are. Only what
belongs to this machine is replaced: the ports, and the folder of the built command. `…` in an answer stands for
anything within a line, or for any lines where it is a line of its own.
"""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from stage.pasee import BINARY, Pasee
from stage.process import free_port

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
EXAMPLE = (ROOT / "example-settings.toml").read_text()


class Example(Pasee):
    """A Pasee with the example settings, on another port, and with nobody at Kisee's."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.settings = folder / "example-settings.toml"
        self.command = [BINARY, "--settings-file", "example-settings.toml"]
        self.places = {
            "127.0.0.1:8150": f"127.0.0.1:{self.port}",
            "127.0.0.1:8140": f"127.0.0.1:{free_port()}",
        }

    def here(self, text: str) -> str:
        """The text with the ports of this run."""
        for written, real in self.places.items():
            text = text.replace(written, real)
        return text

    def write_settings(self) -> None:
        assert "\n#port = 8150\n" in EXAMPLE
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings.write_text(
            self.here(EXAMPLE).replace("\n#port = 8150\n", f"\nport = {self.port}\n")
        )


def typed(text: str) -> list[tuple[str, str]]:
    """The commands in the `console` blocks, each with what it is said to print."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        assert block.startswith("$ "), block
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = piece.partition("\n")
            found.append((command, output.rstrip("\n")))
    return found


def pattern(expected: str) -> re.Pattern[str]:
    """What the answer must be, `…` aside."""
    lines = [
        "(?:.*\n)*?.*" if line == "…" else ".*".join(map(re.escape, line.split("…")))
        for line in expected.split("\n")
    ]
    return re.compile("\n".join(lines))


@pytest.fixture(scope="module")
def example(stage: Callable[..., Any], folder: Path) -> Example:
    return stage(Example(folder / "example")).start()


def test_the_two_commands_are_what_is_tested_here() -> None:
    assert "cargo run --release -- --settings-file example-settings.toml" in README
    assert "\n./tests/run " in README
    assert os.access(ROOT / "tests" / "run", os.X_OK)


def test_every_command_line_prints_what_it_says(example: Example) -> None:
    commands = typed(README)
    assert len(commands) > 20, "the console blocks were not found"
    mark = "--- end of what a command said ---"
    script = "".join(f"{example.here(command)}\necho; echo '{mark}'\n" for command, _ in commands)
    assert "$PWD/target/release" in script
    script = script.replace("$PWD/target/release", str(Path(BINARY).resolve().parent))
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=example.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    said = [answer.strip("\n") for answer in done.stdout.split(mark)]
    assert len(said) == len(commands) + 1, done.stdout
    for (command, expected), answer in zip(commands, said, strict=False):
        right = example.here(expected)
        assert pattern(right).fullmatch(answer), f"$ {command}\nprinted:\n{answer}\nnot:\n{right}"


def test_every_demo_user_of_the_example_can_log_in(example: Example) -> None:
    names = re.findall(r'^username = "(\w+)"', EXAMPLE, re.MULTILINE)
    assert sorted(names) == ["ada", "alan", "donald", "john", "you"]
    for name in names:
        answer = requests.post(
            f"{example.url}/tokens/?idp=local",
            json={"login": name, "password": f"demo-{name}"},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text


def test_the_patterns_tell_right_from_wrong() -> None:
    assert typed("```console\n$ a\nx\ny\n$ b\n```\n```sh\n$ c\n```\n") == [("a", "x\ny"), ("b", "")]
    assert pattern('{"a":"…"}').fullmatch('{"a":"b.c"}')
    assert not pattern('{"a":"…"}').fullmatch('{"b":"b.c"}')
    assert not pattern('{"a":"…"}').fullmatch('{"a":"\n"}')
    assert pattern("a\n…\nb").fullmatch("a\n1\n2\nb")
    assert not pattern("a\n…\nb").fullmatch("a\n1\n2")
    assert not pattern("").fullmatch("a")
