"""Fixtures of the live tests, and the figures they measure.

A test that was skipped did not hold: the run fails. Pasee's binary is named by the environment variable PASEE_BIN.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stage import keys
from stage.kisee import Kisee
from stage.pasee import Pasee, provider
from stage.process import Process

FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    binary = os.environ.get("PASEE_BIN", "")
    if not os.access(binary, os.X_OK):
        raise pytest.UsageError(f"PASEE_BIN names no program: {binary!r}; a right one is target/debug/pasee")
    applications = ["OPENID_CLIENT", "AUTHJS", "PASSPORT", "KUBELOGIN", "OAUTH2_PROXY"]
    for name in [*applications, "OIDC_PROVIDER", "ZITADEL_SERVER", "PAGES_JS", "VERIFY_JS", "VERIFY_JAVA", "VERIFY_GO", "DOCUMENTED_GO", "DOCUMENTED_RUST"]:
        if not os.path.exists(os.environ.get(name, "")):
            raise pytest.UsageError(f"{name} names no file; tests/run live installs it and says where it is")
    for name in ["CHROMIUM", "CHROMEDRIVER", "SLAPD", "APACHE"]:
        if not os.access(os.environ.get(name, ""), os.X_OK):
            raise pytest.UsageError(f"{name} names no program; tests/run live finds it and says where it is")
    config.stash[FIGURES] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.stash[FIGURES]:
        terminalreporter.section("figures")
        for line in config.stash[FIGURES]:
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Notes a measured figure for the end of the run."""
    return request.config.stash[FIGURES].append


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Takes processes and stops them after the last test of the file; what they said shows when a test fails."""
    taken: list[Process] = []

    def take(process: Process) -> Process:
        taken.append(process)
        return process

    yield take
    for process in reversed(taken):
        process.stop()
        print(f"--- {process.name} said:\n{process.output()[-6000:]}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder for the processes of one file."""
    return tmp_path_factory.mktemp(request.module.__name__.rpartition(".")[2])


@pytest.fixture(scope="module")
def kisee(stage: Callable[..., Any], folder: Path) -> Kisee:
    """A running Kisee that knows nobody yet."""
    return stage(Kisee(folder / "kisee", keys.secp256k1())).start()


@pytest.fixture(scope="module")
def pasee(stage: Callable[..., Any], folder: Path, kisee: Kisee) -> Pasee:
    """A running Pasee in front of it, with nobody in any group."""
    settings = provider(kisee, capabilities=["register_user"])
    return stage(Pasee(folder / "pasee", settings)).start()
