"""A child process with its output in a file, and a port for it to listen on."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

# Below what Linux hands out for outgoing connections (32768 on), so that none of those takes a port in between.
PORTS = range(20000, 32000)


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port of 200 tried")


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Returns as soon as it is so; fails when it is not in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class Process:
    """A program that is started, stopped and started again, always with the same command line."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.name = name
        self.command = command
        self.folder = folder
        self.log = folder / f"{name}.log"
        self.child: subprocess.Popen[bytes] | None = None
        self.environment: dict[str, str] = {}

    def spawn(self) -> None:
        """Starts the program, without waiting for it to be ready."""
        assert self.child is None, f"{self.name} runs already"
        self.folder.mkdir(parents=True, exist_ok=True)
        own = {"PYTHONUNBUFFERED": "1", "HOME": str(self.folder)}
        environment = os.environ | own | self.environment
        with self.log.open("ab") as output:
            self.child = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self, is_ready: Callable[[], bool], seconds: float = 20) -> None:
        """Waits until it is ready; a program that ends before is an error with its last words."""

        def ready_or_gone() -> bool:
            return self.exit_code() is not None or is_ready()

        try:
            wait_until(ready_or_gone, f"{self.name} is ready", seconds)
        except TimeoutError as error:
            raise RuntimeError(f"{error}; it said:\n{self.output()[-4000:]}") from error
        if self.exit_code() is not None:
            raise RuntimeError(f"{self.name} ended at its start:\n{self.output()[-4000:]}")

    def exit_code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self.child.poll() if self.child else None

    def send(self, what: signal.Signals) -> None:
        """Sends it a signal."""
        assert self.child is not None
        self.child.send_signal(what)

    def wait(self, seconds: float = 20) -> int:
        """Waits for its end and returns its exit code; negative when a signal ended it."""
        assert self.child is not None
        code = self.child.wait(seconds)
        self.child = None
        return code

    def stop(self) -> None:
        """Ends it, however it feels about that."""
        if self.child is None:
            return
        self.child.send_signal(signal.SIGCONT)
        self.child.terminate()
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(15)
        self.child = None

    def output(self) -> str:
        """All it has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""
