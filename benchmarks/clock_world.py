"""A made-up world of clocks with exact truth: crystals, a system clock that is slewed and stepped, chrony.

True time runs in ticks; within a tick every rate is constant.  The raw clock follows its crystal, the monotonic one is
the raw one bent by chrony, realtime is the monotonic one plus steps and leap seconds; reading a clock takes time, and
sometimes much.  Chrony measures, regresses and steers as chronyd does, in the few lines that matter here: a line
through its last measurements, what it says of it, and what it cannot know (an outside step until it has measured anew).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from errors import ClockError
from sensors.clock.chrony import Leap, Tracking

NS = 1_000_000_000
STUDENT = (636.6, 31.6, 12.9, 8.6, 6.9, 6.0, 5.4, 5.0, 4.8, 4.6, 4.4, 4.3, 4.2, 4.1)
"""Student's t at 99.95 % for 1, 2, ... degrees of freedom: chronyd bounds the frequency with it (regress.c)."""
TICK_NS = NS // 2


@dataclass(slots=True)
class SimulatedClocks:
    """The clocks of the operating system at true time ``now_ns`` since the start of the world."""

    rng: np.random.Generator
    now_ns: int = 0
    raw_ppm: float = 0.0
    bend: float = 0.0  # of the monotonic clock against the raw one, a fraction
    ahead_ns: int = 0  # realtime - monotonic
    slept_ns: int = 0
    preempted: float = 0.002  # chance that a read is followed by a pause of some milliseconds
    _since_ns: int = 0
    _raw_ns: int = 5 * NS
    _monotonic_ns: int = 5 * NS
    _chance: list[float] = field(default_factory=list)

    def raw_at(self, now_ns: int) -> int:
        passed = now_ns - self._since_ns
        return self._raw_ns + passed + round(passed * self.raw_ppm * 1e-6)

    def monotonic_at(self, now_ns: int) -> int:
        passed = self.raw_at(now_ns) - self._raw_ns
        return self._monotonic_ns + passed + round(passed * self.bend)

    def settle(self) -> None:
        """Rates may be changed after this."""
        raw_ns, monotonic_ns = self.raw_at(self.now_ns), self.monotonic_at(self.now_ns)
        self._since_ns, self._raw_ns, self._monotonic_ns = self.now_ns, raw_ns, monotonic_ns

    def sleep(self, duration_ns: int) -> None:
        """The machine sleeps: only true time and realtime go on."""
        self.settle()
        self.now_ns += duration_ns
        self._since_ns = self.now_ns
        self.ahead_ns += duration_ns
        self.slept_ns += duration_ns

    def _reading(self) -> None:
        if not self._chance:
            self._chance = self.rng.random(4096).tolist()
        chance = self._chance.pop()
        self.now_ns += 120 + (round(5e6 * chance / self.preempted) if chance < self.preempted else 0)

    def monotonic_ns(self) -> int:
        self._reading()
        return self.monotonic_at(self.now_ns)

    def raw_ns(self) -> int:
        self._reading()
        return self.raw_at(self.now_ns)

    def realtime_ns(self) -> int:
        self._reading()
        return self.monotonic_at(self.now_ns) + self.ahead_ns

    def boottime_ns(self) -> int:
        self._reading()
        return self.monotonic_at(self.now_ns) + self.slept_ns


@dataclass(slots=True)
class Truth:
    """UTC of true time: ``start_ns`` at 0; a leap second (+1 inserted, -1 deleted) at true time ``leap_at_ns``."""

    start_ns: int
    leap: int = 0
    leap_at_ns: int = 0

    def utc_ns(self, now_ns: int) -> int | None:
        """None inside an inserted second, which POSIX cannot name."""
        if self.leap == 0 or now_ns < self.leap_at_ns:
            return self.start_ns + now_ns
        if self.leap > 0 and now_ns < self.leap_at_ns + NS:
            return None
        return self.start_ns + now_ns - self.leap * NS

    def posix_ns(self, now_ns: int) -> int:
        """As a perfect system clock counts: an inserted second repeats the one before it."""
        return self.start_ns + now_ns - (self.leap * NS if self.leap and now_ns >= self.leap_at_ns else 0)


@dataclass(slots=True)
class SimulatedChrony:
    """chronyd with one source.

    pps : the source is a pulse per second, else a network server.  steers : as usual; else ``chronyd -x``.
    interval_s : between measurements.  noise_s : of one.  delay_s : of the network; its asymmetry is ``bias_s``.
    """

    rng: np.random.Generator
    clocks: SimulatedClocks
    truth: Truth
    pps: bool
    steers: bool
    interval_s: float
    noise_s: float
    delay_s: float = 0.0
    bias_s: float = 0.0
    most_slew: float = 0.08
    makestep_s: float = math.inf
    running: bool = True
    source_lost: bool = False
    _next_ns: int = 0
    _points: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=16))
    _applied_ns: int = 0  # steps that chrony made itself
    _slope: float = 0.0
    _value_ns: float = 0.0
    _at_ns: int = 0
    _skew_ppm: float = 0.0
    _dispersion_s: float = 0.0
    _last_s: float = 0.0
    _rms_s: float = 0.0
    _moving: bool = False
    _reference_ns: int = 0
    _interval_seen_s: float = 0.0
    _updates: int = 0
    leap: Leap = "normal"

    def restart(self) -> None:
        """chronyd is started anew: it knows nothing."""
        self._points.clear()
        self._updates, self._moving, self._rms_s, self._interval_seen_s = 0, False, 0.0, 0.0
        self._next_ns = self.clocks.now_ns + round(4 * self.interval_s * NS)

    def _local_ns(self, now_ns: int) -> int:
        """The clock as chrony would see it had it never steered: steps by others are in it."""
        running_ns = self.clocks.raw_at(now_ns) if self.steers else self.clocks.monotonic_at(now_ns)
        return running_ns + self.clocks.ahead_ns - self._applied_ns

    def _offset_ns(self, now_ns: int) -> float:
        """UTC - realtime, as chrony estimates it."""
        local_ns = self._local_ns(now_ns)
        ahead_ns = local_ns - self.clocks.monotonic_at(now_ns) - self.clocks.ahead_ns
        return ahead_ns + self._value_ns + (local_ns - self._at_ns) * self._slope

    def tick(self) -> None:
        """Measure when it is time to, and steer."""
        now_ns = self.clocks.now_ns
        if self.running and not self.source_lost and now_ns >= self._next_ns:
            self._measure(now_ns)
            self._next_ns = now_ns + round(self.interval_s * NS * self.rng.uniform(0.95, 1.05))
        if self.running and self.steers and self._updates:
            offset_ns = self._offset_ns(now_ns)
            if abs(offset_ns) > self.makestep_s * 1e9 and self._updates <= 3:
                self.clocks.ahead_ns += round(offset_ns)
                self._applied_ns += round(offset_ns)
                offset_ns = 0.0
            slew = max(-self.most_slew, min(self.most_slew, offset_ns / TICK_NS))
            self.clocks.bend = (1 + self._slope) * (1 + slew) - 1

    def _measure(self, now_ns: int) -> None:
        spread = self.noise_s if self.pps else self.noise_s * float(self.rng.exponential())
        error_s = self.bias_s + float(self.rng.normal()) * spread
        local_ns = self._local_ns(now_ns)
        measured = self.truth.posix_ns(now_ns) - local_ns + error_s * 1e9
        before_ns = self._offset_ns(now_ns) if self._updates else 0.0
        if self._points:
            predicted = self._value_ns + (local_ns - self._at_ns) * self._slope
            limit_ns = 8e9 * self._dispersion_s + 8e9 * self.noise_s + 1e-6 * self.interval_s * 1e9
            if abs(measured - predicted) > limit_ns:
                # chronyd finds by its test of runs that older measurements do not fit, one or two updates later.
                keep = int(self.rng.integers(0, 3))
                while len(self._points) > keep:
                    self._points.popleft()
        self._points.append((float(local_ns), measured))
        x = np.array([p[0] for p in self._points]) - local_ns
        y = np.array([p[1] for p in self._points])
        n = len(x)
        if n < 3:
            self._value_ns, self._skew_ppm = measured, max(self._skew_ppm, 50.0 / n)
            deviation_s = float(np.ptp(y)) * 1e-9
        else:
            slope, value = np.polyfit(x * 1e-9, y, 1)
            residual = y - (value + slope * x * 1e-9)
            deviation_s = float(np.sqrt((residual @ residual) / (n - 2))) * 1e-9
            if abs(slope) < 500e3:
                self._slope, self._value_ns = float(slope) * 1e-9, float(value)
            else:  # no crystal is so far off: chronyd refuses it
                self._value_ns = measured
            spread_s = math.sqrt(float(np.sum((x - x.mean()) ** 2))) * 1e-9
            self._skew_ppm = 1e6 * STUDENT[min(n - 3, len(STUDENT) - 1)] * (deviation_s + 1e-8) / max(spread_s, 1.0)
        self._at_ns = local_ns
        self._dispersion_s = deviation_s + self.noise_s
        if self._updates:
            self._last_s = -(self._offset_ns(now_ns) - before_ns) * 1e-9
            square = self._last_s**2
            if self._moving:
                self._rms_s = math.sqrt(self._rms_s**2 + 0.1 * (square - self._rms_s**2))
            else:
                self._moving = 0 < self._rms_s**2 < square
                self._rms_s = abs(self._last_s)
            self._interval_seen_s = self.interval_s
        else:
            self._last_s = self._rms_s = abs(self._offset_ns(now_ns)) * 1e-9 if self.steers else deviation_s
        self._updates += 1
        self._reference_ns = now_ns
        if self._updates == 1 and n < 3:
            self._skew_ppm = 100.0

    def leap_second(self, change_ns: int, *, by_kernel: bool) -> None:
        """UTC has just changed by a leap second, and chrony knew: measurements of before are carried over."""
        if by_kernel:
            self._at_ns += change_ns
            self._points = deque(((x + change_ns, y) for x, y in self._points), maxlen=16)
        else:
            self._value_ns += change_ns
            self._points = deque(((x, y + change_ns) for x, y in self._points), maxlen=16)
        self.leap = "normal"

    def ask(self) -> Tracking:
        """What ``chronyc tracking`` says; takes some milliseconds."""
        self.clocks.now_ns += int(self.rng.integers(1_000_000, 6_000_000))
        if not self.running:
            raise ClockError("chronyc", "cannot talk to the daemon")
        now_ns = self.clocks.now_ns
        self.clocks.now_ns += int(self.rng.integers(200_000, 3_000_000))
        if self._updates == 0:
            return Tracking(0, "", 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, "unsynchronised")
        age_s = (now_ns - self._reference_ns) * 1e-9
        offset_ns = self._offset_ns(now_ns)
        cooked_ns = self.clocks.monotonic_at(now_ns) + self.clocks.ahead_ns + round(offset_ns)
        return Tracking(
            refid=0x50505300 if self.pps else 0xC0000201,
            name="PPS" if self.pps else "192.0.2.1",
            stratum=1 if self.pps else 3,
            reference_ns=max(0, cooked_ns - round(age_s * 1e9)),
            offset_s=round(offset_ns) * 1e-9,
            last_offset_s=self._last_s,
            rms_offset_s=self._rms_s,
            frequency_ppm=-self._slope * 1e6,
            residual_ppm=0.0,
            skew_ppm=self._skew_ppm,
            root_delay_s=self.delay_s,
            root_dispersion_s=self._dispersion_s + (self._skew_ppm + 1.0) * 1e-6 * age_s,
            update_interval_s=self._interval_seen_s,
            leap=self.leap,
        )
