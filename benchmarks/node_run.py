"""A real node as a process: its node.toml, its sound through standard input, what it says, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from scipy import signal as filters

RATE_HZ = 16_000
"""Of the sound that is fed: the lowest rate that a node takes, so that many runs fit into minutes."""

_PULSE = re.compile(r"^pulse (\S+),")

PIECE_S = 0.1
"""Sound that is handed over at a time."""


def popping(seconds: float, a_second: float, seed: int) -> NDArray[np.int16]:
    """Sound with so many impulses a second over the noise of a street, (n,) int16 at `RATE_HZ`.

    Impulses are at least 0.15 s apart: the detector's clutter is for machines that pop faster.
    """
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE_HZ)
    noise = filters.lfilter([1.0], [1.0, -0.9], rng.standard_normal(n))
    sound = 0.002 * noise / noise.std()
    length = round(0.08 * RATE_HZ)
    t = np.arange(length) / RATE_HZ
    spaces_s = 0.15 + rng.exponential(max(1.0 / a_second - 0.15, 1e-3), round(seconds * a_second * 2))
    starts = np.cumsum(spaces_s)
    for start_s in starts[starts < seconds - 0.2]:
        tail = np.where(t > 0.003, rng.standard_normal(length) * np.exp(-t / 0.015), 0.0)
        wave = (1.0 - t / 0.002) * np.exp(-t / 0.002) + 0.15 * tail
        at = round(start_s * RATE_HZ)
        sound[at : at + length] += rng.uniform(0.05, 0.5) * wave
    return np.asarray(np.clip(sound, -1.0, 1.0) * 32767.0, dtype="<i2")


@dataclass(slots=True)
class NodeFiles:
    """Where one node of a benchmark lives.

    folder : of its node.toml, status and logs.  spool : of its spool; another file system where disks are filled.
    server : URL of the bus; None for none.
    seed_file : of its identity; extra : TOML that is added to node.toml.
    """

    folder: Path
    spool: Path
    sensor: str
    server: str | None
    seed_file: Path | None = None
    ca_file: Path | None = None
    clock: str = 'source = "none"'
    extra: str = ""

    @property
    def config(self) -> Path:
        return self.folder / "node.toml"

    def write(self) -> None:
        """Write node.toml."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f'sensor = "{self.sensor}"',
            "[place]\nlongitude = 6.1466\nlatitude = 46.2044",
            f"[capture]\nstdin = true\nrate_hz = {RATE_HZ}\nstall_s = 60",
            f"[clock]\n{self.clock}",
            "[detect]\nmost_per_minute = 100000",
            f'[spool]\nfolder = "{self.spool}"\nkeep_free_mib = 0',
            f'[run]\nstatus_file = "{self.folder / "status.json"}"\nlog_format = "json"\nlog_level = "debug"\n'
            "heartbeat_s = 1",
        ]
        if self.server is not None:
            lines.append(f'[uplink]\nservers = ["{self.server}"]\nreceipt_s = 5\nreconnect_s = 1')
            lines += [] if self.seed_file is None else [f'seed_file = "{self.seed_file}"']
            lines += [] if self.ca_file is None else [f'ca_file = "{self.ca_file}"']
        self.config.write_text("\n".join([*lines, self.extra]) + "\n", encoding="utf-8")


@dataclass(slots=True)
class NodeRun:
    """One run of `tocsin node`, fed with sound.

    sound : (n,) int16, played over and over from sample ``begin`` on.
    speed : seconds of sound a second; 0 for as fast as it is taken.
    before : words before the command, such as ``ip netns exec NAME``.
    detected : identities of the pulses that the node said it had spooled, and UTC nanoseconds of when.
    logged : whatever else it said.  fed : samples handed over.  started_ns : UTC nanoseconds of the first.
    """

    files: NodeFiles
    sound: NDArray[np.int16]
    speed: float
    begin: int = 0
    before: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    logged: list[dict[str, object]] = field(default_factory=list)
    detected: dict[str, int] = field(default_factory=dict)
    fed: int = 0
    started_ns: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _threads: list[threading.Thread] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start the process; sound flows at once."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **self.environment}
        command = [*self.before, sys.executable, "-m", "tocsin", "node", "--config", str(self.files.config)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
        )
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        self._threads = [
            threading.Thread(target=self._feed, args=(self._process.stdin,), daemon=True),
            threading.Thread(target=self._read, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def kill(self) -> None:
        """kill -9, and whatever it had said before."""
        self.process.send_signal(signal.SIGKILL)
        self._gone()

    def end_sound(self) -> None:
        """No more sound; the node ends by itself."""
        self._ending.set()

    def wait(self, timeout_s: float) -> int:
        """The exit code of a node that ends by itself."""
        code = self.process.wait(timeout_s)
        self._gone()
        return code

    def _gone(self) -> None:
        self._ending.set()
        self.process.wait()
        for thread in self._threads:
            thread.join()

    def _feed(self, pipe: IO[bytes]) -> None:
        piece = round(PIECE_S * RATE_HZ)
        due_s = time.monotonic()
        self.started_ns = time.time_ns()
        try:
            while not self._ending.is_set():
                at = np.arange(self.begin + self.fed, self.begin + self.fed + piece) % len(self.sound)
                pipe.write(self.sound[at].tobytes())
                self.fed += piece
                now_s = time.monotonic()
                # Counted from the piece before, so that the speed may be changed; but time lost is caught up.
                due_s = due_s + piece / RATE_HZ / self.speed if self.speed else now_s
                self._ending.wait(max(0.0, due_s - now_s))
        except OSError:
            pass  # the node was killed: that is the point
        finally:
            with contextlib.suppress(OSError):
                pipe.close()

    def _read(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            try:
                said = json.loads(line)
            except ValueError:
                said = {"message": line.decode(errors="replace").rstrip(), "level": "unparsed"}
            found = _PULSE.match(str(said.get("message", "")))
            if found:
                self.detected[found[1]] = time.time_ns()
            else:
                self.logged.append(said)
        pipe.close()
