"""A real chronyd that follows a made-up pulse per second and never touches this machine's clock (``chronyd -x``).

The reference comes over a socket (chrony.conf(5), ``refclock SOCK``; struct sock_sample of refclock_sock.c).  The clock
that chronyd and the node see can be stepped: chronyd runs under libfaketime, which reads its offset from a file, and
``SteppedClocks`` adds the same offset for the node.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from sensors.clock.looks import SystemClocks

MAGIC = 0x534F434B
FAKETIME = tuple(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def missing() -> str | None:
    """Why it cannot be run here; None when it can."""
    for program in ("chronyd", "chronyc"):
        if shutil.which(program, path=PATH) is None:
            return f"{program} is not installed"
    if os.geteuid() != 0:
        return "chronyd -x with a socket of its own needs root"
    return None


class SteppedClocks(SystemClocks):
    """The machine's clocks, with realtime ahead by ``step_ns``: what the node sees of a stepped system clock."""

    step_ns = 0

    def realtime_ns(self) -> int:
        return super().realtime_ns() + self.step_ns


class RealChrony:
    """chronyd in a folder of its own.

    folder : must be short, since socket paths are.
    offset_s : UTC - the machine's clock, as the reference says, at a monotonic time in seconds since the start.
    noise_s : of each sample, called for every one.
    poll : log2 seconds of chronyd's polling interval.
    steppable : run under libfaketime, so that ``step`` works.
    """

    def __init__(
        self,
        folder: Path,
        offset_s: Callable[[float], float],
        noise_s: Callable[[], float] = lambda: 0.0,
        poll: int = 0,
        steppable: bool = False,
    ) -> None:
        self.folder = folder
        self.clocks = SteppedClocks()
        self.feeding = threading.Event()
        self.feeding.set()
        self._offset_s, self._noise_s = offset_s, noise_s
        self._socket = folder / "pps.sock"
        self._steps = folder / "faketime"
        self._began_s = time.monotonic()
        self._stop = threading.Event()
        run = folder / "run"
        run.mkdir(mode=0o700)
        configuration = folder / "chrony.conf"
        configuration.write_text(
            f"refclock SOCK {self._socket} refid PPS poll {poll} filter 4 delay 1e-6 precision 1e-7\n"
            f"cmdport 0\nport 0\nbindcmdaddress {run / 'd.sock'}\npidfile {run / 'd.pid'}\n"
        )
        self.chronyc = f"{shutil.which('chronyc', path=PATH)} -h '{run / 'd.sock'}'"
        environment = {"PATH": PATH, "TZ": "UTC"}
        if steppable:
            self._steps.write_text("+0\n")
            environment |= {
                "LD_PRELOAD": str(FAKETIME[0]),
                "FAKETIME_TIMESTAMP_FILE": str(self._steps),
                "FAKETIME_NO_CACHE": "1",
                "DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [str(shutil.which("chronyd", path=PATH)), "-x", "-d", "-u", "root", "-f", str(configuration)],
            stdout=self._log, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._feed, name="reference clock", daemon=True)
        self._thread.start()

    def __enter__(self) -> RealChrony:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def true_offset_s(self, monotonic_s: float) -> float:
        """UTC - the machine's unstepped clock."""
        return self._offset_s(monotonic_s - self._began_s)

    def true_utc_ns(self, monotonic_ns: int) -> int:
        """UTC of a monotonic time of the last seconds."""
        ahead_ns = time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        return monotonic_ns + ahead_ns + round(self.true_offset_s(monotonic_ns * 1e-9) * 1e9)

    def step(self, by_s: float) -> None:
        """Step the clock that chronyd and the node see.  They see it within a millisecond of one another."""
        self.clocks.step_ns += round(by_s * 1e9)
        written = self.folder / "faketime.new"
        written.write_text(f"{self.clocks.step_ns * 1e-9:+.9f}\n")
        written.replace(self._steps)

    def log(self) -> str:
        """What chronyd said."""
        return (self.folder / "log").read_text()

    def _feed(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            while not self._stop.wait(0.25):
                if self.feeding.is_set() and self._socket.exists():
                    try:
                        sender.sendto(self._sample(), str(self._socket))
                    except OSError:
                        continue  # chronyd is not there yet, or not any more

    def _sample(self) -> bytes:
        """struct sock_sample: timeval of the system clock, offset of the reference, pulse, leap, padding, magic."""
        system_ns = self.clocks.realtime_ns()
        micros = system_ns // 1000
        offset_s = self.true_offset_s(time.monotonic()) - self.clocks.step_ns * 1e-9 + self._noise_s()
        offset_s += (system_ns - micros * 1000) * 1e-9
        return struct.pack("@qqdiiii", micros // 1_000_000, micros % 1_000_000, offset_s, 0, 0, 0, MAGIC)
