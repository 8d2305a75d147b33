"""When parcels that were sent are to be sent again.

A receipt mostly comes within a second, so the plan for a parcel lives in memory and hardly ever reaches the disk; only
when the centre is silent for long, and the plan grows, is it written into the rows.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from sensors.delivery.parcels import Kind

LARGE = 4096
"""Plans kept in memory; a row's is written beyond that."""
_MS_BITS = 42
"""Milliseconds of one opening of the file: 139 years.  What is left of 63 bits counts two million openings."""


class Plan(NamedTuple):
    """Tries so far, when to try next, and the arrival (for the order)."""

    tries: int
    at_s: float
    arrival_ns: int


class Schedule:
    """Plans by kind and key, and how times are written into rows.

    A row holds the number of the opening of the file before the time, for a clock that only grows (CLOCK_MONOTONIC)
    begins anew with each boot: what another run had planned is due at once.
    """

    def __init__(self) -> None:
        self.plans: dict[Kind, dict[int, Plan]] = {"pulse": {}, "clip": {}}
        self._opening = 1

    def begin(self, opening: int) -> None:
        """The file was opened for this, the so-manieth, time."""
        self._opening = min(opening, 2 ** (62 - _MS_BITS) - 1)

    def __len__(self) -> int:
        return sum(map(len, self.plans.values()))

    @property
    def is_large(self) -> bool:
        """Whether it should be written into the rows."""
        return len(self) > LARGE

    def encoded(self, at_s: float) -> int:
        """A time as rows hold it, whole milliseconds and never 0; later times and later openings are greater."""
        return (self._opening << _MS_BITS) + max(1, math.ceil(min(2.0**_MS_BITS - 1.0, at_s * 1000.0)))

    def decoded_s(self, value: int) -> float:
        """And back; times of former openings are long past."""
        opening, ms = divmod(value, 2**_MS_BITS)
        return ms / 1000.0 if opening == self._opening else float("-inf")

    def soonest_s(self) -> float | None:
        """The time that comes first of those in memory."""
        return min((plan.at_s for plans in self.plans.values() for plan in plans.values()), default=None)
