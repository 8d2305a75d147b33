"""Leap seconds: a time that runs on through them, and UTC as POSIX counts it.

*Smooth* time is UTC continued without leap seconds: smooth = UTC + the leap seconds inserted since the node started.
The clocks are mapped to it, and ``utc`` comes last, so that a stamp of before a leap second stays right after it.
POSIX has no name for an inserted second (IEEE 1003.1, "Seconds Since the Epoch"): 23:59:60 is counted like 23:59:59.
"""

from __future__ import annotations

import calendar
import time
from dataclasses import dataclass, field

from sensors.clock.chrony import Leap
from wire.utc import NS_PER_S

CANCEL_S = 10
"""An announcement that ends earlier than this before midnight was none."""


@dataclass(slots=True)
class _Plan:
    inserted: bool
    break_ns: int  # smooth time at which the names change
    confirmed: bool = False


@dataclass(slots=True)
class LeapSeconds:
    """Those announced and those passed."""

    _shift_ns: int = 0
    _plan: _Plan | None = field(default=None)

    def announce(self, leap: Leap, smooth_ns: int) -> None:
        """What chrony says is to come.  It acts at the end of June and December only, whatever month it is told in."""
        if self._plan is not None:
            ahead = smooth_ns < self._plan.break_ns - CANCEL_S * NS_PER_S
            if ahead and leap == "normal" and not self._plan.confirmed:
                self._plan = None
            if not self.long_past(smooth_ns):
                return
        if leap not in ("insert", "delete"):
            return
        now = time.gmtime((smooth_ns - self._shift()) // NS_PER_S)
        if now.tm_mon not in (6, 12):
            return
        midnight = calendar.timegm((now.tm_year + now.tm_mon // 12, now.tm_mon % 12 + 1, 1, 0, 0, 0)) * NS_PER_S
        self._shift_ns, self._plan = self._shift(), None
        inserted = leap == "insert"
        self._plan = _Plan(inserted, midnight + self._shift_ns - (0 if inserted else NS_PER_S))

    def utc(self, smooth_ns: int) -> tuple[int, bool]:
        """UTC nanoseconds, and whether the second has a name."""
        plan = self._plan
        if plan is None or smooth_ns < plan.break_ns:
            return smooth_ns - self._shift_ns, True
        if not plan.inserted:
            return smooth_ns - self._shift_ns + NS_PER_S, True
        return smooth_ns - self._shift_ns - NS_PER_S, smooth_ns >= plan.break_ns + NS_PER_S

    def smooth(self, utc_ns: int, about_ns: int) -> int:
        """Smooth time of UTC that was read when smooth time was ``about_ns``, not near a leap second."""
        named, _ = self.utc(about_ns)
        return utc_ns + about_ns - named

    def unnamed(self, smooth_ns: int, within_ns: int) -> bool:
        """Whether a time that is known to so much may lie in an inserted second, or beside a change of names."""
        plan = self._plan
        if plan is None:
            return False
        lasts_ns = NS_PER_S if plan.inserted else 0
        return plan.break_ns - within_ns <= smooth_ns < plan.break_ns + lasts_ns + within_ns

    def near(self, smooth_ns: int) -> bool:
        """Within two seconds of a change of names, when clocks that change it at their own moment disagree."""
        return self._plan is not None and -2 * NS_PER_S < smooth_ns - self._plan.break_ns < 3 * NS_PER_S

    def long_past(self, smooth_ns: int) -> bool:
        """An hour after: nothing of before is asked for any more."""
        return self._plan is not None and smooth_ns > self._plan.break_ns + 3600 * NS_PER_S

    def unsure(self, smooth_ns: int) -> bool:
        """The leap second should have been, and nothing has confirmed it yet."""
        return self._plan is not None and not self._plan.confirmed and smooth_ns >= self._plan.break_ns

    def explains(self, jump_ns: int, since_ns: int, until_ns: int) -> bool:
        """Whether a jump of the system clock between two smooth times is the one announced; if so it is confirmed."""
        plan = self._plan
        if plan is None or plan.confirmed:
            return False
        expected = -NS_PER_S if plan.inserted else NS_PER_S
        in_time = since_ns - 2 * NS_PER_S < plan.break_ns < until_ns + 2 * NS_PER_S
        if in_time and abs(jump_ns - expected) < 1_000_000:
            plan.confirmed = True
            return True
        return False

    def measured(self, reference_ns: int) -> bool:
        """Whether a measurement of this UTC was made after it: before that, chrony knows only what was announced."""
        return self._plan is None or reference_ns + self._shift_ns >= self._plan.break_ns + 3 * NS_PER_S

    def confirm(self, smooth_ns: int) -> None:
        """Chrony's time agrees after the leap second."""
        if self._plan is not None and smooth_ns >= self._plan.break_ns + 3 * NS_PER_S:
            self._plan.confirmed = True

    def cancel(self) -> None:
        """It was announced, and was not."""
        self._plan = None

    def _shift(self) -> int:
        """Leap seconds up to now, the planned one included."""
        if self._plan is None:
            return self._shift_ns
        return self._shift_ns + (NS_PER_S if self._plan.inserted else -NS_PER_S)


def may_be_leap(jump_ns: int, utc_ns: int) -> bool:
    """Whether an unannounced jump looks like a leap second: one second, within a minute of a month's end."""
    if abs(abs(jump_ns) - NS_PER_S) > 1_000_000:
        return False
    before, after = (time.gmtime(utc_ns // NS_PER_S + s) for s in (-60, 60))
    return before.tm_mon != after.tm_mon
