"""What a process has taken so far, as the kernel counts it: processor time and memory, of that process alone."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """VmRSS and VmHWM, 10^6 bytes."""

    resident_mb: float
    peak_mb: float


def memory_mb(pid: int | str) -> Memory:
    """Memory of a process.

    pid : its number, or "self".

    Raises
    ------
    ProcessLookupError
        It has ended.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        status = ""
    found = dict(re.findall(r"(VmRSS|VmHWM):\s+(\d+) kB", status))
    if len(found) != 2:  # one that has ended and is not waited for has a status, but no memory
        raise ProcessLookupError(f"process {pid} has ended")
    return Memory(int(found["VmRSS"]) * 1024 / 1e6, int(found["VmHWM"]) * 1024 / 1e6)


def cpu_s(pid: int) -> float:
    """Processor time of a process and all its threads, user and system, seconds, to a hundredth.

    Raises
    ------
    ProcessLookupError
        It has ended.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError as error:
        raise ProcessLookupError(f"process {pid} has ended") from error
    fields = stat.rpartition(")")[2].split()  # its name, in parentheses, may hold anything
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
