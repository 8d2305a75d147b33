"""Tools of a building site: nail gun, hammer, jackhammer.

A blow rings the modes of what is struck (``sim.sources.parts``, eq. 1), softened by the contact: 0.1 ms steel on
steel, about 1 ms on wood.  Modes, their decay and their proportions are estimates for planks, studs and steel; each
source of this module draws its own and keeps them, since one wall is struck many times.  Levels:

nail gun : NIOSH 2011-202 "Nail gun safety": peaks of 109 to 136 dB(A) at the operator, two within a tenth of a second,
    from driving the nail and from the exhaust.
hammer : 120 dB on wood, up to 140 dB on steel at about one metre (surveys of construction noise differ by 10 dB).
jackhammer : up to 1,500 blows a minute; 2000/14/EC limits hand-held breakers of 30 kg to a sound power level of
    110 dB(A), which is 102 dB(A) at one metre over hard ground; peaks lie some 18 dB above that.
"""

from __future__ import annotations

import numpy as np

from sim.sources.lookalike import Chosen, Lookalike, Option, Stage
from sim.sources.parts import Bang, Hiss, Levelled, Mode, Part, Ring

CHUNK_S = 1.0
"""Roars are cut into sounds of this length, so that none needs much memory."""


def modes(
    generator: np.random.Generator, count: int, low_hz: float, high_hz: float, t60_s: tuple[float, float]
) -> tuple[Mode, ...]:
    """Modes of a struck body: proportion, frequency, decay time of ``count`` of them.

    Frequencies lie evenly in octaves between the two and are shaken by a third of their spacing; decay goes from the
    first to the second time in the same manner; proportions scatter by 4 dB and fall by 3 dB an octave.
    """
    at = (np.arange(count) + 0.5 + generator.uniform(-0.33, 0.33, count)) / count
    frequency = low_hz * (high_hz / low_hz) ** at
    decay = t60_s[0] * (t60_s[1] / t60_s[0]) ** at
    share = np.sqrt(low_hz / frequency) * 10.0 ** (generator.normal(0.0, 4.0, count) / 20.0)
    return tuple((float(a), float(f), float(d)) for a, f, d in zip(share, frequency, decay, strict=True))


def blow(
    generator: np.random.Generator, body: tuple[Mode, ...], at_s: float, contact_s: float, strength: float = 1.0
) -> Ring:
    """A body struck once; where it is struck changes the proportions by 2 dB."""
    shake = strength * 10.0 ** (generator.normal(0.0, 2.0, len(body)) / 20.0)
    struck = tuple((share * float(by), f, decay) for (share, f, decay), by in zip(body, shake, strict=True))
    return Ring(at_s, struck, contact_s)


def _seed(generator: np.random.Generator) -> int:
    """A seed for noise."""
    return int(generator.integers(2**62))


def _level_db(generator: np.random.Generator, mean_db: float, sigma_db: float) -> float:
    """A level that scatters, by three standard deviations at most."""
    return mean_db + sigma_db * float(np.clip(generator.standard_normal(), -3.0, 3.0))


def _nail_gun(stage: Stage, chosen: Chosen) -> None:
    draw = stage.generator
    body = modes(draw, 10, 250.0, 4500.0, (0.06, 0.012))
    at = 0.0
    for _ in range(chosen.whole("shots")):
        parts: list[Part] = [blow(draw, body, 0.0, 2e-4)]
        # Driver and muzzle of the tool give a sharp report, then the cylinder exhausts.
        parts.append(Bang(0.0, 1.5, 2.5e-4))
        parts.append(Hiss(float(draw.uniform(0.008, 0.02)), 0.12, 0.25, 500.0, 6000.0, 0.004, 0.08, _seed(draw)))
        stage.add(Levelled(tuple(parts), _level_db(draw, chosen.number("peak_db_spl"), 2.0)), "nail gun", after_s=at)
        at += chosen.number("interval_s") * float(draw.gamma(6.0, 1.0 / 6.0))


def _hammer(stage: Stage, chosen: Chosen) -> None:
    draw = stage.generator
    steel = chosen.word("on") == "steel"
    contact = 1.5e-4 if steel else 6e-4
    body = modes(draw, 9, 600.0, 7000.0, (0.4, 0.1)) if steel else modes(draw, 9, 180.0, 2800.0, (0.08, 0.02))
    level = chosen.number("peak_db_spl") or (134.0 if steel else 120.0)
    at = 0.0
    for _ in range(chosen.whole("blows")):
        parts: list[Part] = [blow(draw, body, 0.0, contact)]
        if not steel:
            # The nail itself rings while it is still long.
            parts.append(Ring(0.0, ((0.3, float(draw.uniform(3000.0, 5500.0)), 0.03),), 1.5e-4))
        stage.add(Levelled(tuple(parts), _level_db(draw, level, 2.0)), f"hammer on {chosen.word('on')}", after_s=at)
        at += chosen.number("interval_s") * float(draw.gamma(30.0, 1.0 / 30.0))


def _jackhammer(stage: Stage, chosen: Chosen) -> None:
    draw = stage.generator
    steel = modes(draw, 6, 1200.0, 6000.0, (0.03, 0.008))
    ground = modes(draw, 4, 90.0, 500.0, (0.05, 0.02))
    period = 60.0 / chosen.number("blows_per_min")
    blows = max(round(chosen.number("duration_s") / period), 1)
    each = max(round(CHUNK_S / period), 1)
    for first in range(0, blows, each):
        count = min(each, blows - first)
        parts: list[Part] = []
        for number in range(count):
            at = period * (number + float(draw.uniform(0.0, 0.06)))
            strength = 10.0 ** (float(draw.normal(0.0, 1.5)) / 20.0)
            parts.append(blow(draw, steel, at, 1.2e-4, 0.5 * strength))
            parts.append(blow(draw, ground, at, 1.5e-3, strength))
            parts.append(Hiss(at + 0.4 * period, 0.5 * period, 0.15, 300.0, 4000.0, 0.004, 0.4 * period, _seed(draw)))
        scaled = Levelled(tuple(parts), _level_db(draw, chosen.number("peak_db_spl"), 0.5))
        stage.add(scaled, "jackhammer", after_s=first * period)


NAIL_GUN = Lookalike(
    "nail_gun",
    "nail gun",
    (
        Option("shots", 5, "how many nails", 1, 1000),
        Option("interval_s", 1.5, "mean time from one to the next, seconds", 0.1, 60.0),
        Option("peak_db_spl", 128.0, "mean peak level at one metre, dB re 20 uPa", 100.0, 145.0),
    ),
    _nail_gun,
)

HAMMER = Lookalike(
    "hammer",
    "hammer",
    (
        Option("blows", 6, "how many", 1, 1000),
        Option("interval_s", 0.55, "mean time from one to the next, seconds", 0.15, 60.0),
        Option("on", "wood", "what is struck", choices=("wood", "steel")),
        Option("peak_db_spl", 0.0, "mean peak level at one metre, dB re 20 uPa; 0: by what is struck", 0.0, 150.0),
    ),
    _hammer,
)

JACKHAMMER = Lookalike(
    "jackhammer",
    "jackhammer",
    (
        Option("duration_s", 8.0, "how long one run lasts, seconds", 0.2, 600.0),
        Option("blows_per_min", 1300.0, "blows a minute", 300.0, 3000.0),
        Option("peak_db_spl", 120.0, "mean peak level at one metre, dB re 20 uPa", 90.0, 140.0),
    ),
    _jackhammer,
)
