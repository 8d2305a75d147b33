"""The real node command on raw sound from a file, with what it takes, as the sound goes by."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.node_sound import RATE_HZ
from benchmarks.process_meter import cpu_s, memory_mb
from errors import TocsinError

POLL_S = 0.2
PIECE_S = 0.1
ENDS_S = 90.0
"""A node whose sound has ended delivers what it has, and ends, within this."""


class NodeFailed(TocsinError):
    """The node did not run as it should have."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a node had taken when so much sound had been handed over.

    sound_s : handed over; the node is at most the pipe and its own buffer, some ten seconds, behind.
    cpu_s : processor time since its start.  resident_mb, peak_mb : VmRSS, VmHWM.
    yardstick_s : processor time that a fixed piece of work took at that moment; 0 without one.
    """

    sound_s: float
    cpu_s: float
    resident_mb: float
    peak_mb: float
    yardstick_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run.

    cpu_s : of the process from start to end.  wall_s : likewise.
    peak_mb : largest resident set ever.  looks : on the way.  said : its log.
    """

    cpu_s: float
    wall_s: float
    peak_mb: float
    looks: tuple[Look, ...]
    said: str


def run_node(
    config: Path,
    sound: Path,
    seconds: float,
    *,
    every_s: float,
    pace: float = 0.0,
    yardstick: Callable[[], float] = lambda: 0.0,
) -> Run:
    """Run ``tocsin node`` on so much sound, from its standard input; it must end by itself, with exit code 0.

    Parameters
    ----------
    config : node.toml, with ``capture.stdin`` and the rate of `benchmarks.node_sound`.
    sound : raw 16-bit file, played over and over.
    every_s : seconds of sound between two looks.
    pace : seconds of sound a second; 0 is as fast as it is taken.
    yardstick : does a fixed piece of work and tells its processor time; asked at each look.

    Raises
    ------
    NodeFailed
        Another exit code, no end, or an end before the sound's.
    """
    command = [sys.executable, "-m", "tocsin", "node", "--config", str(config)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as log:
        start_s = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, env=environment
        )
        looks: list[Look] = []
        feeding = (process, sound, seconds, every_s, pace, yardstick, looks)
        feeder = threading.Thread(target=_feed, args=feeding, daemon=True)
        feeder.start()
        peak_mb, ended_s = 0.0, float("inf")
        # Waited for by hand: wait4 gives the processor time of this one process, to the microsecond.
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            try:
                peak_mb = memory_mb(process.pid).peak_mb
            except ProcessLookupError:
                continue
            if not feeder.is_alive():
                ended_s = min(ended_s, time.monotonic())
            if time.monotonic() - ended_s > ENDS_S:
                process.kill()
            time.sleep(POLL_S)
        process.returncode = os.waitstatus_to_exitcode(status)
        feeder.join()
        wall_s = time.monotonic() - start_s
        log.seek(0)
        said = log.read().decode(errors="replace")
    if process.returncode != 0:
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        raise NodeFailed(f"tocsin node: exit code {process.returncode}: {last}")
    return Run(used.ru_utime + used.ru_stime, wall_s, peak_mb, tuple(looks), said)


def _feed(
    process: subprocess.Popen[bytes],
    path: Path,
    seconds: float,
    every_s: float,
    pace: float,
    yardstick: Callable[[], float],
    looks: list[Look],
) -> None:
    """Hand sound over, look now and then, and close the pipe at the end."""
    assert process.stdin is not None
    piece_s = PIECE_S if pace else 10 * PIECE_S
    piece, handed, look_at_s = 2 * round(piece_s * RATE_HZ), 0, every_s
    start_s = time.monotonic()
    with path.open("rb") as file:
        try:
            while (done_s := handed / (2 * RATE_HZ)) < seconds:
                sound = file.read(piece)
                if not sound:
                    file.seek(0)
                    continue
                process.stdin.write(sound)
                handed += len(sound)
                if done_s + piece_s >= look_at_s:
                    used_s, memory = cpu_s(process.pid), memory_mb(process.pid)
                    sound_s = handed / (2 * RATE_HZ)
                    looks.append(Look(sound_s, used_s, memory.resident_mb, memory.peak_mb, yardstick()))
                    look_at_s += every_s
                if pace:
                    time.sleep(max(0.0, start_s + handed / (2 * RATE_HZ) / pace - time.monotonic()))
        except (OSError, ProcessLookupError):
            pass  # it ended early: its exit code and its last words tell why
        finally:
            with contextlib.suppress(OSError):
                process.stdin.close()
