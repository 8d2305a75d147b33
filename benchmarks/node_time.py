"""The time and place of a node: stamps by a real chronyd, a million stamps in made-up worlds, GPS, and their cost."""

from __future__ import annotations

import math
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks import real_chrony, real_gpsd
from benchmarks.clock_runs import NO_SOUND, STATES, Outcome, Run, Scenario, random_scenario, together
from benchmarks.figures import Figure, Section, Table, at_least, at_most, failed, told
from sensors.clock.gps import GpsWatch
from sensors.clock.model import DisciplinedTime, chrony_asked_by
from sensors.microphone.source import Anchor, Block
from sensors.node.config import Clock, Place

STAMPS = 1_000_000
WORLD_S, PULSES_PER_S = 900.0, 16.0
SEED = 20
REAL_S = 75.0
SHARE = 0.95
WRONG = "unmarked and farther than 5 sigma from the truth, or in a second that UTC does not name"

REAL_TEXT = """
A real chronyd (`chronyd -x`, which never sets the machine's clock) follows a made-up pulse per second over a socket.
The machine's clock is 5 ms behind the reference and loses 20 ppm; each sample of the reference has 2 us of noise.  At
25 s the system clock is stepped by 0.3 s for chronyd (libfaketime) and for the node alike; at 50 s the reference falls
silent.  Frames are counted by a converter 37 ppm fast, whose anchors come late by an exponential 0.2 ms, sometimes by
20 ms.  Truth is the reference itself.  "Sigma" is the clock's part of a pulse's uncertainty, which 95 % of stamps must
not exceed.
"""
WORLDS_TEXT = f"""
Worlds of {WORLD_S / 60:g} minutes drawn at random (`benchmarks/clock_runs.py`, `random_scenario`): half with a pulse
per second, half with network time whose asymmetry is up to 0.4 of its round trip; crystals up to some 60 ppm,
converters up to 200 ppm off, both wandering; six kinds of lateness of anchors, stretches that come late as a whole;
outside steps of 10 us to 3 h; slews of up to 8 %; announced leap seconds, inserted and deleted; sources lost, chronyd
killed and started; a process that stands still; samples lost and filled in wrongly; a machine that sleeps.  Wrong is
a stamp that is {WRONG}.
"""


def measure() -> list[Section]:
    """All of it."""
    return [real(), worlds(), place(), cost()]


def _shares(outcome: Outcome, what: str) -> list[Figure]:
    marked = float(np.mean(outcome.marked))
    return [
        at_least(f"{what}: share of unmarked stamps within sigma", outcome.share_within(1), SHARE, ".4f"),
        at_most(f"{what}: wrong stamps ({WRONG})", float(outcome.wrong().sum()), 0, ".0f"),
        told(f"{what}: share within 2 sigma", f"{outcome.share_within(2):.5f}"),
        told(f"{what}: share of stamps marked unsynchronised", f"{marked:.3f}"),
    ]


def _by_state(outcome: Outcome) -> Table:
    rows = []
    for number, state in enumerate(STATES):
        chosen = (outcome.state == number) & ~np.isnan(outcome.error_s)
        if not chosen.any():
            continue
        error_us, sigma_us = np.abs(outcome.error_s[chosen]) * 1e6, outcome.sigma_s[chosen] * 1e6
        within = [f"{np.mean(error_us <= k * sigma_us):.4f}" for k in (1, 2)]
        errors = [f"{value:.1f}" for value in np.percentile(error_us, (50, 95))]
        rows.append((state, f"{chosen.sum()}", *within, *errors, f"{np.median(sigma_us):.1f}"))
    columns = ("state", "stamps", "within sigma", "within 2 sigma", "median error, us", "95 %, us", "median sigma, us")
    return Table("By state", columns, tuple(rows))


# -- a real chronyd ----------------------------------------------------------------------------------------------------


def real(duration_s: float = REAL_S) -> Section:
    """Stamps by a real chronyd under offset, drift, a step and the loss of its source."""
    section = Section("stamps by a real chronyd", "simulated", REAL_TEXT)
    name = "real chronyd: share of unmarked stamps within sigma"
    absent = real_chrony.missing() or (None if real_chrony.FAKETIME else "libfaketime is not installed")
    if absent:
        section.figures = [failed(name, f">= {SHARE}", absent)]
        return section
    rng = np.random.default_rng(SEED)
    with (
        tempfile.TemporaryDirectory(prefix="chrony-") as folder,
        real_chrony.RealChrony(
            Path(folder), lambda s: 0.005 + 20e-6 * s, lambda: float(rng.normal()) * 2e-6, steppable=True
        ) as chrony,
    ):
        config = Clock(poll_s=2.0)
        clock = DisciplinedTime(config, 48_000, chrony.clocks, chrony_asked_by(chrony.chronyc))
        clock.start()
        try:
            outcome, steps = _listen(clock, chrony, rng, duration_s)
        finally:
            clock.close()
    section.figures = [
        *_shares(outcome, "real chronyd"),
        told("real chronyd: steps seen", f"{steps}, one was made"),
    ]
    section.tables = [_by_state(outcome)]
    return section


def _listen(
    clock: DisciplinedTime, chrony: real_chrony.RealChrony, rng: np.random.Generator, duration_s: float
) -> tuple[Outcome, int]:
    """A converter in real time: blocks of some tenths of a second, 40 pulses a second, stamped a block later."""
    rate_hz = 48_000 * (1 + 37e-6)
    began_ns = time.monotonic_ns()
    first, rows, waiting = 0, [], np.empty(0)
    deadline = began_ns
    while (passed_s := (time.monotonic_ns() - began_ns) * 1e-9) < duration_s:
        if passed_s > duration_s / 3 and chrony.clocks.step_ns == 0:
            chrony.step(-0.3)
        if passed_s > duration_s * 2 / 3:
            chrony.feeding.clear()
        deadline += 200_000_000
        time.sleep(max(0.0, (deadline - time.monotonic_ns()) * 1e-9))
        stop = int((time.monotonic_ns() - began_ns) * 1e-9 * rate_hz)
        frames = np.arange(-(-first // 1024) * 1024, stop, 1024)
        late_s = rng.exponential(2e-4, len(frames)) + 0.02 * (rng.random(len(frames)) < 0.05)
        when_ns = began_ns + np.rint((frames / rate_hz + late_s) * 1e9).astype(np.int64)
        anchors = tuple(Anchor(int(f), int(n)) for f, n in zip(frames, when_ns, strict=True))
        clock.observe(Block(NO_SOUND, 0, first, anchors))
        for frame in waiting:
            stamp = clock.stamp(0, float(frame))
            true_ns = chrony.true_utc_ns(began_ns + round(frame / rate_hz * 1e9))
            rows.append(((stamp.utc_ns - true_ns) * 1e-9, stamp.sigma_s, STATES.index(stamp.state), frame / rate_hz))
        waiting = np.sort(rng.uniform(first, stop, 8))
        first = stop
    columns = np.array(rows).T
    return Outcome(columns[0], columns[1], columns[2].astype(np.int8), columns[3]), clock.health().steps


# -- made-up worlds ----------------------------------------------------------------------------------------------------


def outcomes(stamps: int, seed: int = SEED) -> Iterator[Outcome]:
    """Runs of random worlds until there are so many stamps."""
    number = total = 0
    while total < stamps:
        scenario = random_scenario(np.random.default_rng([seed, number]), WORLD_S, PULSES_PER_S)
        outcome = Run(scenario, number).play()
        number, total = number + 1, total + len(outcome.error_s)
        yield outcome


def worlds(stamps: int = STAMPS) -> Section:
    """A million stamps with exact truth."""
    section = Section("stamps in made-up worlds", "simulated", WORLDS_TEXT)
    runs = list(outcomes(stamps))
    outcome = together(runs)
    worst = min(r.share_within(1) for r in runs if not math.isnan(r.share_within(1)))
    section.figures = [
        told("made-up worlds", f"{len(runs)}, {len(outcome.error_s)} stamps"),
        *_shares(outcome, "made-up worlds"),
        told("made-up worlds: the worst single world, share within sigma", f"{worst:.3f}"),
        _unannounced(),
    ]
    section.tables = [_by_state(outcome)]
    return section


def _unannounced() -> Figure:
    """What cannot be known: a leap second that nobody announced, until chrony measures again."""
    scenario = Scenario(600.0, leap=1, leap_at_s=300.0, announced=False, interval_s=16.0)
    outcome = Run(scenario, SEED).play()
    wrong = outcome.at_s[outcome.wrong()]
    lasts = "none" if len(wrong) == 0 else f"for {wrong.max() - 300.0:.0f} s, chrony measuring each 16 s"
    return told("a leap second that no source announced: wrong stamps after it", lasts)


# -- GPS ---------------------------------------------------------------------------------------------------------------


def place() -> Section:
    """The place by a real gpsd."""
    text = "A real gpsd hears a receiver made by gpsfake: fixes scatter by 2 m on each axis around a known place."
    section = Section("place by a real gpsd", "simulated", text)
    name = "GPS: error of the mean place"
    absent = real_gpsd.missing()
    if absent:
        section.figures = [failed(name, "<= 1.5 m", absent)]
        return section
    rng = np.random.default_rng(SEED)
    longitude, latitude = -122.42, 37.77
    north = 1 / 110_995.0
    east = 1 / 88_096.0
    fixes = [(longitude + e * east, latitude + n * north) for e, n in rng.normal(0, 2, (600, 2)).tolist()]
    config = Clock(gpsd=True)
    with (
        tempfile.TemporaryDirectory(prefix="gpsd-") as folder,
        real_gpsd.RealGpsd(Path(folder), real_gpsd.nmea(fixes)) as gpsd,
    ):
        config = Clock(gpsd=True, gpsd_port=gpsd.port)
        here = GpsWatch(config, None)
        elsewhere = GpsWatch(config, Place(longitude=longitude + 120 * east, latitude=latitude, sigma_m=1.0))
        here.start()
        elsewhere.start()
        time.sleep(10)
        found, moved = here.health(), elsewhere.health()
        here.close()
        elsewhere.close()
    if found is None or moved is None:
        section.figures = [failed(name, "<= 1.5 m", "gpsd reported no fix")]
        return section
    error_m = math.hypot((found.longitude - longitude) / east, (found.latitude - latitude) / north)
    off_m = abs((moved.moved_m or 0.0) - 120.0)
    section.figures = [
        at_most(name, error_m, 1.5, ".2f", " m"),
        told("GPS: its stated sigma after some minutes", f"{found.sigma_m or math.nan:.1f} m"),
        at_most("GPS: node 120 m from its surveyed place, error of what is told", off_m, 2.0, ".2f", " m"),
    ]
    return section


# -- cost --------------------------------------------------------------------------------------------------------------


def cost() -> Section:
    """Processor time of the whole clock."""
    section = Section("cost of the clock", "cost", "Processor time, of one core: observing, looking, asking chrony.")
    clock = DisciplinedTime(Clock(), 48_000)
    seconds, rng = 600, np.random.default_rng(SEED)
    blocks = []
    began_ns = time.monotonic_ns() - seconds * 1_000_000_000
    for number in range(seconds * 10):
        frames = range(number * 4800 // 1024 * 1024 + 1024, (number + 1) * 4800, 1024)
        late_ns = rng.exponential(2e5, len(frames))
        blocks.append(
            Block(NO_SOUND, 0, number * 4800, tuple(
                Anchor(f, began_ns + f * 1_000_000_000 // 48_000 + int(n)) for f, n in zip(frames, late_ns, strict=True)
            ))
        )  # fmt: skip
    queue = iter(blocks)
    observing = _cpu_s(lambda: clock.observe(next(queue)), len(blocks)) / seconds
    looking = _cpu_s(clock.poll, 1000) / 1000
    figures = [
        told("observing ten blocks a second", f"{observing:.4%}"),
        told("looking once a second", f"{looking:.4%}"),
    ]
    absent = real_chrony.missing()
    if absent:
        section.figures = [*figures, failed("the whole clock", "<= 0.1 % of a core", absent)]
        return section
    with (
        tempfile.TemporaryDirectory(prefix="chrony-") as folder,
        real_chrony.RealChrony(Path(folder), lambda s: 0.0) as chrony,
    ):
        ask = chrony_asked_by(chrony.chronyc)
        time.sleep(2)
        asking = _cpu_s(ask, 50) / 50 / Clock().poll_s
    figures += [
        told("asking chrony each 10 s, chronyc's own process included", f"{asking:.4%}"),
        at_most("the whole clock, share of one core", observing + looking + asking, 0.001, ".4%"),
    ]
    section.figures = figures
    return section


def _cpu_s(work: Callable[[], object], times: int) -> float:
    """Processor seconds of so many calls, in this process and in those that it ran."""

    def now() -> float:
        own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime

    before = now()
    for _ in range(times):
        work()
    return now() - before
