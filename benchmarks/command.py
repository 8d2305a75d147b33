"""The command line as a user runs it: a process of its own, with what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from errors import TocsinError

TOCSIN = Path(sys.executable).with_name("tocsin")


class CommandError(TocsinError):
    """A command that a benchmark ran ended with an error."""


@dataclass(frozen=True, slots=True)
class Cost:
    """wall_s : from start to end of the process; peak_mb : largest resident set, 10^6 bytes."""

    wall_s: float
    peak_mb: float


def run(*arguments: str | Path) -> Cost:
    """Run ``tocsin`` with these arguments.

    Raises
    ------
    CommandError
        When it does not end with exit code 0; the message is its last line.
    """
    command = [str(TOCSIN), *map(str, arguments)]
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        # wait4 gives this child's own peak; getrusage would give the largest of all children so far.
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            last = (said.read().decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise CommandError(f"tocsin {' '.join(map(str, arguments))}: exit code {process.returncode}: {last}")
    return Cost(wall_s, usage.ru_maxrss * 1024 / 1e6)
