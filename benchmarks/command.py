"""The command line as a user runs it: a process of its own, with what it cost."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from errors import TocsinError

POLL_S = 0.01  # the end of a run is seen this late at most
TOCSIN = Path(sys.executable).with_name("tocsin")


class CommandError(TocsinError):
    """A command that a benchmark ran ended with an error."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took.

    wall_s : from start to end of the process.
    peak_mb : largest resident set (VmHWM) of the process and of every process that it started, added up, 10^6 bytes:
        never less than what they held at one time.
    """

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
        # The kernel's own peak, read while it runs: what wait4 reports starts from the size of the process that forked.
        peak_kb: dict[int, int] = {}
        while process.poll() is None:
            for pid in _family(process.pid):
                peak_kb[pid] = max(peak_kb.get(pid, 0), _peak_kb(Path(f"/proc/{pid}/status")))
            time.sleep(POLL_S)
        wall_s = time.perf_counter() - start
        if process.returncode != 0:
            said.seek(0)
            last = (said.read().decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise CommandError(f"tocsin {' '.join(map(str, arguments))}: exit code {process.returncode}: {last}")
    return Cost(wall_s, sum(peak_kb.values()) * 1024 / 1e6)


def _peak_kb(status: Path) -> int:
    """VmHWM of a process, kB; 0 when it has ended."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", status.read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(member for child in children for member in _family(int(child)))]
