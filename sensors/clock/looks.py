"""Looking at the clocks of the operating system, all at one moment.

Three clocks of Linux (clock_gettime(2)) count nanoseconds:

- CLOCK_MONOTONIC_RAW: the counter of the hardware as it is; nobody bends it, nobody sets it.
- CLOCK_MONOTONIC: the same, bent (slewed) by whoever disciplines the system clock; audio is stamped with it.
- CLOCK_REALTIME: CLOCK_MONOTONIC plus a constant, which only a step of the system clock or a leap second changes.

So a step shows at once, exactly, in realtime - monotonic, whatever slews go on; and the raw clock carries time across
slews and steps.  CLOCK_BOOTTIME - CLOCK_MONOTONIC is the time that the machine slept, when none of them ran on.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import Protocol

TRIES = 4
TIGHT_NS = 2_000
"""A look that took no longer need not be repeated: a read takes some 0.1 us, on a Raspberry Pi 0.3 us."""


class Clocks(Protocol):
    """The clocks, in nanoseconds; the real ones are ``SystemClocks``, simulations bring their own."""

    def monotonic_ns(self) -> int: ...
    def raw_ns(self) -> int: ...
    def realtime_ns(self) -> int: ...
    def boottime_ns(self) -> int: ...


class SystemClocks:
    """Those of this machine."""

    def monotonic_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def raw_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)

    def realtime_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_REALTIME)

    def boottime_ns(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Look:
    """All clocks at one moment.

    monotonic_ns : middle of the moment.  raw_ns, realtime_ns : read within it.
    width_ns : how long the moment was: the others may be off by half of it.
    slept_ns : how long the machine has slept since it was started; coarse.
    """

    monotonic_ns: int
    raw_ns: int
    realtime_ns: int
    width_ns: int
    slept_ns: int

    @property
    def ahead_ns(self) -> int:
        """Realtime - monotonic: changed by steps and leap seconds only."""
        return self.realtime_ns - self.monotonic_ns


def look(clocks: Clocks) -> Look:
    """The tightest of a few looks: a process that loses the processor in between would see clocks of two moments."""
    best: tuple[int, int, int, int] | None = None
    for _ in range(TRIES):
        before = clocks.monotonic_ns()
        raw = clocks.raw_ns()
        real = clocks.realtime_ns()
        after = clocks.monotonic_ns()
        if best is None or after - before < best[0]:
            best = (after - before, (before + after) // 2, raw, real)
        if best[0] <= TIGHT_NS:
            break
    assert best is not None
    return Look(best[1], best[2], best[3], best[0], clocks.boottime_ns() - clocks.monotonic_ns())


class LookHistory:
    """The last looks, to tell the raw time of a monotonic one: exact where the slew between two looks was even.

    keep : looks kept.  apart_ns : least time between two kept ones; in between, the newest one is replaced.
    """

    def __init__(self, keep: int = 64, apart_ns: int = 200_000_000) -> None:
        self._monotonic: deque[int] = deque(maxlen=keep)
        self._raw: deque[int] = deque(maxlen=keep)
        self._apart_ns = apart_ns

    def add(self, look: Look) -> None:
        """Take a look; one that is older than the newest (two threads look) tells nothing new."""
        if self._monotonic and look.monotonic_ns <= self._monotonic[-1]:
            return
        if len(self._monotonic) > 1 and self._monotonic[-1] - self._monotonic[-2] < self._apart_ns:
            self._monotonic[-1], self._raw[-1] = look.monotonic_ns, look.raw_ns
        else:
            self._monotonic.append(look.monotonic_ns)
            self._raw.append(look.raw_ns)

    def raw_ns(self, monotonic_ns: int) -> int:
        """Raw time of a monotonic one: on the line between the looks around it; from the nearest one at one to one."""
        after = bisect_left(self._monotonic, monotonic_ns)
        if after == 0:
            return self._raw[0] + (monotonic_ns - self._monotonic[0])
        if after == len(self._monotonic):
            return self._raw[-1] + (monotonic_ns - self._monotonic[-1])
        left, right = self._monotonic[after - 1], self._monotonic[after]
        span = self._raw[after] - self._raw[after - 1]
        return self._raw[after - 1] + round((monotonic_ns - left) / (right - left) * span)

    def bent_ppm(self) -> float | None:
        """How much faster than the raw clock the monotonic one went over the looks kept, parts in a million.

        None before they span a second.
        """
        if not self._monotonic or self._monotonic[-1] - self._monotonic[0] < 1_000_000_000:
            return None
        raw = self._raw[-1] - self._raw[0]
        return (self._monotonic[-1] - self._monotonic[0] - raw) / raw * 1e6
