"""Sounds of the street: backfire, dumpster lid, popped bag, helicopter.

backfire : unburnt mixture goes off in the exhaust.  A Friedlander pulse of 1 to 3 ms, long because the burning is slow
    and the pipe's mouth small, and the pipe rings at odd multiples of c/4L, damped by its mouth and silencer.  135 dB
    at one metre is an estimate; measurements are scarce.
dumpster : a steel lid falls on a steel box: dozens of plate modes from 60 Hz to 3 kHz that ring for tenths of a second,
    contact of 1 ms (rubber, paint, dents), then one to three bounces at intervals that shrink with the lid's
    restitution.  125 dB at one metre is an estimate.
bag_pop : a bag that bursts sets free a ball of air at the excess pressure ``q``.  The exact solution of the wave
    equation for a ball of radius ``a`` is an N-wave of the peak ``q a / 2 r`` and the duration ``2 a / c``; popped
    balloons are known to come close to it.  That a bag bursts at some kilopascals is an estimate.
helicopter : each blade that meets the vortex of the one before it sends a slap (``sim.sources.parts.Slap``), at the
    blade rate of the main rotor (11 to 14 Hz with two blades, 18 to 26 Hz with four); the tail rotor hums at five to
    six times that rate and the flow roars.  138 dB peak at one metre is 94 dB at 150 m: a light helicopter that slaps
    hard (an estimate; in level flight most give 80 to 90 dB(A) there).
"""

from __future__ import annotations

import numpy as np

from sim.sources.friedlander import level_db_spl, pressure_of_level_pa
from sim.sources.lookalike import Chosen, Lookalike, Option, Stage
from sim.sources.muzzle import STANDARD_SOUND_M_S
from sim.sources.parts import Bang, Crack, Hiss, Levelled, Mixture, Part, Ring, Slap
from sim.sources.tools import blow, modes

CHUNK_S = 2.0
"""A helicopter's roar is cut into sounds of this length."""


def _backfire(stage: Stage, chosen: Chosen) -> None:
    draw = stage.generator
    pipe_hz = STANDARD_SOUND_M_S / (4.0 * float(draw.uniform(0.8, 2.5)))  # from engine or silencer to the mouth
    at = 0.0
    for _ in range(chosen.whole("pops")):
        parts: list[Part] = [Bang(0.0, 1.0, float(draw.uniform(1e-3, 3e-3)))]
        pipe = tuple(
            (0.3 / odd * float(draw.uniform(0.6, 1.4)), odd * pipe_hz, 0.15 / odd**0.5) for odd in (1, 3, 5, 7)
        )
        parts.append(Ring(0.0, pipe, 1e-3))
        level = chosen.number("peak_db_spl") + 3.0 * float(np.clip(draw.standard_normal(), -3.0, 3.0))
        stage.add(Levelled(tuple(parts), level), "car backfire", after_s=at)
        at += float(draw.lognormal(np.log(0.35), 0.6))


def _dumpster(stage: Stage, chosen: Chosen) -> None:
    draw = stage.generator
    body = modes(draw, 28, 60.0, 3000.0, (0.7, 0.15))
    parts: list[Part] = []
    at, strength, gap = 0.0, 1.0, float(draw.uniform(0.12, 0.25))
    for _ in range(1 + int(draw.integers(1, 4))):
        parts.append(blow(draw, body, at, 1e-3, strength))
        parts.append(Hiss(at, 0.25, 0.12 * strength, 800.0, 5000.0, 0.002, 0.15, int(draw.integers(2**62))))
        restitution = float(draw.uniform(0.35, 0.6))
        at, strength, gap = at + gap, strength * restitution, gap * restitution
    level = chosen.number("peak_db_spl") + 3.0 * float(np.clip(draw.standard_normal(), -2.0, 2.0))
    stage.add(Levelled(tuple(parts), level), "dumpster slam")


def _bag_pop(stage: Stage, chosen: Chosen) -> None:
    draw = stage.generator
    radius = 0.5 * chosen.number("diameter_m") * float(draw.uniform(0.9, 1.1))
    excess = chosen.number("excess_pressure_pa") * float(draw.uniform(0.8, 1.2))
    peak = 0.5 * excess * radius  # at one metre
    signal = Mixture((Crack(0.0, peak, 2.0 * radius / STANDARD_SOUND_M_S),), level_db_spl(peak))
    stage.add(signal, "popped bag")


def _helicopter(stage: Stage, chosen: Chosen) -> None:
    draw = stage.generator
    period = 1.0 / chosen.number("blade_rate_hz")
    peak = pressure_of_level_pa(chosen.number("peak_db_spl"))
    above = np.array([0.0, 0.0, chosen.number("height_m")])
    tail_hz = float(draw.uniform(5.0, 6.0)) / period
    whole = chosen.number("duration_s")
    slaps = np.arange(max(int(whole / period), 1)) * period
    peaks = peak * 10.0 ** (np.clip(draw.normal(0.0, 1.0, len(slaps)), -3, 3) / 20.0)
    tau = float(draw.uniform(0.6e-3, 1.0e-3))
    fade = 0.2  # chunks overlap by this much, their roars with constant power
    for first in np.arange(0.0, max(whole - 1e-9, 1e-9), CHUNK_S):
        length = min(CHUNK_S, whole - first) + fade
        inside = (slaps >= first) & (slaps < first + CHUNK_S)
        parts: list[Part] = [
            Slap(float(at - first), float(size), tau) for at, size in zip(slaps[inside], peaks[inside], strict=True)
        ]
        parts.append(Hiss(0.0, length, 0.05 * peak, 80.0, 1200.0, fade, None, int(draw.integers(2**62))))
        # The tail rotor as narrow noise about its blade rate: its phase wanders with the flow.
        hum = (0.9 * tail_hz, 1.1 * tail_hz)
        parts.append(Hiss(0.0, length, 0.05 * peak, *hum, fade, None, int(draw.integers(2**62))))
        loudest = float(peaks[inside].max()) if inside.any() else peak
        stage.add(Mixture(tuple(parts), level_db_spl(loudest)), "helicopter", after_s=float(first), offset_m=above)


BACKFIRE = Lookalike(
    "backfire",
    "car backfire",
    (
        Option("pops", 2, "how many", 1, 50),
        Option("peak_db_spl", 135.0, "mean peak level at one metre, dB re 20 uPa", 110.0, 155.0),
    ),
    _backfire,
)

DUMPSTER = Lookalike(
    "dumpster",
    "dumpster slam",
    (Option("peak_db_spl", 125.0, "mean peak level at one metre, dB re 20 uPa", 100.0, 140.0),),
    _dumpster,
)

BAG_POP = Lookalike(
    "bag_pop",
    "popped plastic bag",
    (
        Option("diameter_m", 0.24, "of the bag, metres", 0.05, 1.0),
        Option("excess_pressure_pa", 3000.0, "at which it bursts, pascals", 200.0, 20000.0),
    ),
    _bag_pop,
)

HELICOPTER = Lookalike(
    "helicopter",
    "helicopter",
    (
        Option("duration_s", 60.0, "how long it stays, seconds", 1.0, 3600.0),
        Option("height_m", 150.0, "above the place given, metres", 0.0, 1500.0),
        Option("blade_rate_hz", 13.0, "blades that pass a second", 5.0, 40.0),
        Option("peak_db_spl", 138.0, "peak level of the slap at one metre, dB re 20 uPa", 110.0, 155.0),
    ),
    _helicopter,
)
