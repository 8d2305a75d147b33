"""A node's clock run through a made-up world (``clock_world``): what it says of each pulse, beside the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.clock_world import NS, TICK_NS, SimulatedChrony, SimulatedClocks, Truth
from sensors.clock.model import DisciplinedTime
from sensors.microphone.source import Anchor, Block
from sensors.node.config import Clock
from wire.utc import parse_utc_ns

STATES = ("pps", "ntp", "holdover", "unsynchronised")
EVERY = 1024
"""Frames between two anchors."""
NO_SOUND = np.zeros((0, 1), np.float32)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens at a true time: ``what``, and how much of it."""

    at_s: float
    what: str
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One node's hour, or part of it.

    lateness : of anchors: ``exact``, ``exponential``, ``symmetric``, ``heavy``, ``periods``, ``ticks``.
    wander_ppm : how much the rates walk in a second (crystals and temperature).
    leap, leap_at_s : +1 or -1 and when, 0 for none.  announced : whether chrony told.
    """

    duration_s: float
    pps: bool = True
    steers: bool = True
    interval_s: float = 16.0
    noise_s: float = 1e-6
    delay_s: float = 1e-6
    bias_s: float = 0.0
    most_slew: float = 0.08
    makestep_s: float = math.inf
    first_error_s: float = 0.0
    raw_ppm: float = 10.0
    host_ppm: float = 0.0
    sample_ppm: float = 30.0
    wander_ppm: float = 0.001
    lateness: str = "exponential"
    late_s: float = 50e-6
    pulses_per_s: float = 7.0
    leap: int = 0
    leap_at_s: float = 0.0
    announced: bool = True
    events: tuple[Event, ...] = ()
    config: Clock = field(default_factory=Clock)
    rate_hz: int = 48_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row a stamp: error_s (n,) float64, NaN where truth has no name; sigma_s (n,) float64; state (n,) int8, of
    ``STATES``; at_s (n,) float64, true time of the sound since the start."""

    error_s: NDArray[np.float64]
    sigma_s: NDArray[np.float64]
    state: NDArray[np.int8]
    at_s: NDArray[np.float64]

    @property
    def marked(self) -> NDArray[np.bool_]:
        """Stamps that are said to be unsynchronised."""
        marked: NDArray[np.bool_] = self.state == STATES.index("unsynchronised")
        return marked

    def wrong(self) -> NDArray[np.bool_]:
        """Unmarked and farther than five sigma from the truth, or in a second that has no name."""
        off = np.isnan(self.error_s) | (np.abs(self.error_s) > 5 * self.sigma_s)
        wrong: NDArray[np.bool_] = off & ~self.marked
        return wrong

    def share_within(self, sigmas: float, state: str | None = None) -> float:
        """Share of unmarked stamps (of one state) that lie within so many sigma; NaN when there are none."""
        chosen = ~self.marked if state is None else self.state == STATES.index(state)
        if not chosen.any():
            return math.nan
        with np.errstate(invalid="ignore"):
            return float(np.mean(np.abs(self.error_s[chosen]) <= sigmas * self.sigma_s[chosen]))


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """All stamps of several runs."""
    return Outcome(
        *(np.concatenate([getattr(o, name) for o in outcomes]) for name in ("error_s", "sigma_s", "state", "at_s"))
    )


class Run:
    """One scenario played through."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = s = scenario
        self.rng = rng = np.random.default_rng(seed)
        midnight = parse_utc_ns("2027-01-01T00:00:00Z")
        start_ns = midnight - round(s.leap_at_s * NS) if s.leap else parse_utc_ns("2026-08-14T03:00:00Z")
        leap_at_ns = round(s.leap_at_s * NS) - (NS if s.leap < 0 else 0)
        self.truth = Truth(start_ns, s.leap, leap_at_ns)
        self.clocks = SimulatedClocks(rng, raw_ppm=s.raw_ppm, bend=s.host_ppm * 1e-6)
        self.clocks.ahead_ns = start_ns - self.clocks.monotonic_at(0) + round(s.first_error_s * NS)
        self.chrony = SimulatedChrony(
            rng, self.clocks, self.truth, s.pps, s.steers, s.interval_s, s.noise_s, s.delay_s, s.bias_s, s.most_slew,
            s.makestep_s,
        )  # fmt: skip
        if s.leap and s.announced:
            self.chrony.leap = "insert" if s.leap > 0 else "delete"
        self.time = DisciplinedTime(s.config, s.rate_hz, self.clocks, self.chrony.ask)
        self.segment, self.sample_ppm = 0, s.sample_ppm
        self.frame0, self.frame_at_ns = 0.0, 0
        self.stopped_until_ns = self.late_until_ns = 0
        self.late_more_s = 0.0
        self.filled = False
        self.rows: list[tuple[float, float, int, float]] = []
        self.waiting: list[tuple[int, int, float, int]] = []

    def play(self) -> Outcome:
        """Until the scenario's end."""
        s, clocks = self.scenario, self.clocks
        events = sorted(s.events, key=lambda e: e.at_s)
        leaping = s.leap != 0
        for tick in range(round(s.duration_s * NS / TICK_NS)):
            start_ns = max(tick * TICK_NS, clocks.now_ns)
            clocks.now_ns = start_ns
            clocks.settle()
            walk = self.rng.normal(size=2) * s.wander_ppm * math.sqrt(TICK_NS / NS)
            clocks.raw_ppm += float(walk[0])
            self._settle_frames(start_ns)
            self.sample_ppm += float(walk[1])
            while events and events[0].at_s * NS <= start_ns:
                self._happen(events.pop(0))
            self.chrony.tick()
            end_ns = max((tick + 1) * TICK_NS, clocks.now_ns)
            if leaping and end_ns > self.truth.leap_at_ns:
                # The kernel changes the name of the second when its own clock gets there, at its next tick; when that
                # is far off (a step that chrony is still correcting), the leap second is missed.
                own_error_ns = clocks.monotonic_at(start_ns) + clocks.ahead_ns - self.truth.start_ns - start_ns
                kernel = abs(own_error_ns) < NS
                lag_ns = int(self.rng.integers(0, 10_000_000)) - (own_error_ns if kernel else 0)
                clocks.now_ns = max(start_ns, self.truth.leap_at_ns + lag_ns)
                clocks.settle()
                if s.announced and s.steers and not kernel:
                    self.chrony.leap = "normal"
                elif s.announced and s.steers:
                    clocks.ahead_ns -= s.leap * NS
                    self.chrony.leap_second(-s.leap * NS, by_kernel=True)
                elif s.announced:
                    self.chrony.leap_second(-s.leap * NS, by_kernel=False)
                leaping = False
            if end_ns >= self.stopped_until_ns:
                self._sound(start_ns, end_ns)
                clocks.now_ns = max(clocks.now_ns, end_ns)
                if tick % 2:
                    self.time.poll()
                self._stamp_waiting(start_ns)
        columns = np.array(self.rows, dtype=np.float64).reshape(-1, 4).T
        return Outcome(columns[0], columns[1], columns[2].astype(np.int8), columns[3])

    def _settle_frames(self, now_ns: int) -> None:
        self.frame0 = self._frame(now_ns)
        self.frame_at_ns = now_ns

    def _frame(self, now_ns: int) -> float:
        return self.frame0 + (now_ns - self.frame_at_ns) * 1e-9 * self.scenario.rate_hz * (1 + self.sample_ppm * 1e-6)

    def _when_ns(self, frame: float) -> int:
        rate_hz = self.scenario.rate_hz * (1 + self.sample_ppm * 1e-6)
        return self.frame_at_ns + round((frame - self.frame0) / rate_hz * NS)

    def _happen(self, event: Event) -> None:
        clocks, chrony, amount = self.clocks, self.chrony, event.amount
        match event.what:
            case "step":  # by somebody else than chrony
                clocks.ahead_ns += round(amount * NS)
            case "lose":
                chrony.source_lost = True
            case "find":
                chrony.source_lost = False
            case "kill":
                chrony.running = False
            case "restart":
                chrony.running = True
                chrony.restart()
            case "stop":  # the process stands still
                self.stopped_until_ns = clocks.now_ns + round(amount * NS)
            case "late":  # the whole stretch comes late
                self.late_until_ns = clocks.now_ns + round(amount * NS)
                self.late_more_s = float(self.rng.uniform(0.001, 0.02))
            case "gap":  # samples lost and filled in, wrong by `amount`
                self.frame0 += amount * self.scenario.rate_hz
                self.filled = True
            case "reopen":  # what is late as a whole from its first anchor on cannot be known to be late
                self.segment += 1
                self.late_until_ns = 0
                self.frame0, self.frame_at_ns = 0.0, clocks.now_ns
            case "sleep":
                clocks.sleep(round(amount * NS))
                self.late_until_ns = 0
                self.segment += 1
                self.frame0, self.frame_at_ns = 0.0, clocks.now_ns
            case other:
                raise ValueError(other)

    def _lateness(self, n: int) -> NDArray[np.float64]:
        """(n,) float64 seconds."""
        scale, rng = self.scenario.late_s, self.rng
        match self.scenario.lateness:
            case "exact":
                late = np.zeros(n)
            case "exponential":
                late = rng.exponential(scale, n)
            case "symmetric":
                late = rng.normal(0, scale, n)
            case "heavy":
                late = scale * np.exp(rng.normal(0, 2.0, n))
            case "periods":
                late = (rng.geometric(0.4, n) - 1) * (EVERY / self.scenario.rate_hz) + rng.exponential(10e-6, n)
            case "ticks":
                late = np.zeros(n)
            case other:
                raise ValueError(other)
        if self.clocks.now_ns < self.late_until_ns:
            late = late + self.late_more_s
        return np.asarray(late)

    def _sound(self, start_ns: int, end_ns: int) -> None:
        """One block, with its anchors, and the pulses in it."""
        first, stop = math.ceil(self._frame(start_ns)), math.ceil(self._frame(end_ns))
        frames = np.arange(-(-first // EVERY) * EVERY, stop, EVERY)
        late_ns = np.rint(self._lateness(len(frames)) * 1e6) * 1e3
        anchors = []
        for frame, late in zip(frames.tolist(), late_ns.tolist(), strict=True):
            at_ns = self.clocks.monotonic_at(self._when_ns(frame)) + round(late)
            if self.scenario.lateness == "ticks":
                at_ns = -(-at_ns // 1_000_000) * 1_000_000
            anchors.append(Anchor(frame, at_ns // 1000 * 1000))
        self.clocks.now_ns = max(self.clocks.now_ns, end_ns)
        lost = ((first, first + 480),) if self.filled else ()
        self.filled = False
        self.time.observe(Block(NO_SOUND, self.segment, first, tuple(anchors), lost))
        for frame in self.rng.uniform(first, max(stop, first + 1), self.rng.poisson(self.scenario.pulses_per_s * 0.5)):
            self.waiting.append((self._when_ns(frame), self.segment, float(frame), start_ns))

    def _stamp_waiting(self, before_ns: int) -> None:
        """Stamp the pulses of earlier ticks, as the detector completes them some tenths of a second later."""
        later = []
        for row in self.waiting:
            true_ns, segment, frame, heard_ns = row
            if heard_ns >= before_ns:
                later.append(row)
                continue
            stamp = self.time.stamp(segment, frame)
            utc_ns = self.truth.utc_ns(true_ns)
            error_s = math.nan if utc_ns is None else (stamp.utc_ns - utc_ns) * 1e-9
            self.rows.append((error_s, stamp.sigma_s, STATES.index(stamp.state), true_ns * 1e-9))
        self.waiting = later


def random_scenario(rng: np.random.Generator, duration_s: float, pulses_per_s: float) -> Scenario:
    """A world drawn at random: source, crystals, audio system, and what goes wrong."""
    pps = bool(rng.random() < 0.5)
    delay_s = 1e-6 if pps else float(10 ** rng.uniform(-3.5, -1.5))
    scenario = Scenario(
        duration_s,
        pps=pps,
        steers=bool(rng.random() < 0.85),
        interval_s=float(rng.choice([4.0, 8.0, 16.0] if pps else [16.0, 32.0, 64.0])),
        noise_s=float(10 ** rng.uniform(-7, -5)) if pps else delay_s * float(rng.uniform(0.005, 0.05)),
        delay_s=delay_s,
        bias_s=0.0 if pps else delay_s * float(rng.uniform(-0.4, 0.4)),
        most_slew=float(rng.choice([0.0005, 0.01, 0.08])),
        first_error_s=float(rng.normal() * 10 ** rng.uniform(-5, 2)),
        makestep_s=0.1,
        raw_ppm=float(rng.normal() * 20),
        host_ppm=0.0,
        sample_ppm=float(rng.uniform(-200, 200)),
        wander_ppm=float(10 ** rng.uniform(-4, -2.3)),
        lateness=str(rng.choice(["exact", "exponential", "symmetric", "heavy", "periods", "ticks"])),
        late_s=float(10 ** rng.uniform(-5.5, -3.5)),
        pulses_per_s=pulses_per_s,
        leap=int(rng.choice([0, 0, 0, 1, 1, -1])),
        leap_at_s=float(rng.uniform(0.4, 0.8) * duration_s),
    )
    if not scenario.steers:
        scenario = replace(scenario, host_ppm=float(rng.normal() * 20), first_error_s=scenario.first_error_s * 1e-2)
    return replace(scenario, events=tuple(_random_events(rng, scenario)))


def _random_events(rng: np.random.Generator, scenario: Scenario) -> list[Event]:
    events: list[Event] = []

    def when() -> float:
        return float(rng.uniform(0.05, 0.95) * scenario.duration_s)

    for _ in range(rng.poisson(1.0)):
        events.append(Event(when(), "step", float(rng.choice([-1, 1]) * 10 ** rng.uniform(-5, 4))))
    for begin, end in (("lose", "find"), ("kill", "restart")):
        if rng.random() < 0.4:
            start = when()
            events += [Event(start, begin), Event(start + float(10 ** rng.uniform(0.5, 3)), end)]
    for _ in range(rng.poisson(0.5)):
        events.append(Event(when(), "stop", float(10 ** rng.uniform(0, 2))))
    for _ in range(rng.poisson(1.0)):
        events.append(Event(when(), "late", float(10 ** rng.uniform(0, 1.8))))
    for _ in range(rng.poisson(0.5)):
        events.append(Event(when(), "gap", float(rng.normal() * 3e-4)))
    for _ in range(rng.poisson(0.5)):
        events.append(Event(when(), "reopen"))
    if rng.random() < 0.1:
        events.append(Event(when(), "sleep", float(10 ** rng.uniform(0, 3))))
    return events
