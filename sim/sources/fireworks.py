"""Fireworks: a string of firecrackers, and an aerial shell from its mortar to its burst.

Firecrackers.  Peak level: Flamme, Liebe & Wong 2009, "Estimates of the auditory risk from outdoor impulse noise I:
Firecrackers", Noise & Health 11, 223-230, find typically 171 dB at 0.5 m and 142 dB at 8 m; the latter, where the wave
is weak, drawn back with 1/r is 160 dB at 1 m.  By blast scaling (``sim.sources.muzzle``) that is 57 J, what some tens
of milligrams of flash powder set free, and a positive phase of 0.1 ms.  Fuses burn unevenly: intervals are gamma
distributed about a mean that drifts along the string.

Aerial shells.  Consumer shells: Kukulski, Wszolek & Mleczko 2018, "The impact of fireworks noise on the acoustic
climate in urban areas", Archives of Acoustics 43, 697-705, exceed 135 dB(C) peak by 1.8 dB at 25 m and 6.2 dB at 15 m,
both 165 dB at 1 m.  That is taken for a salute of 75 mm; energy goes with the cube of the calibre, so peak pressure
and duration go with the calibre.  A star shell's black powder burns more slowly: its burst is taken 8 dB weaker and
four times as long (an estimate).  Height: makers' rule of 100 feet an inch of calibre, 1.2 m a millimetre; the rise
takes the time of a throw to that height, sqrt(2 h / g), and ends near the top.  The mortar's lift charge, some grams
of black powder that push a shell out of a tube, thuds at 20 dB below the burst and ten times as long (an estimate).
"""

from __future__ import annotations

import math

import numpy as np

from sim.sources.friedlander import Blast, pressure_of_level_pa
from sim.sources.lookalike import Chosen, Lookalike, Option, Stage
from sim.sources.muzzle import blast_duration_s, blast_energy_j
from sim.sources.parts import Bang, Part, Whistle, measured

FIRECRACKER_DB = 160.0
SALUTE_75MM_DB = 165.0
STAR_SHELL_DB = -8.0
STAR_SHELL_LONGER = 4.0
LIFT_DB = -20.0
LIFT_LONGER = 10.0
HEIGHT_M_PER_MM = 1.2
GRAVITY_M_S2 = 9.81


def _scaled_blast(level_db: float, longer: float = 1.0) -> Blast:
    """A blast of this peak level whose length follows from its energy, or is so many times longer."""
    peak = pressure_of_level_pa(level_db)
    return Blast(peak, longer * blast_duration_s(blast_energy_j(peak)))


def _firecrackers(stage: Stage, chosen: Chosen) -> None:
    draw = stage.generator
    count = chosen.whole("bangs")
    # Along the string the fuse burns slower or faster by up to half, evenly; each interval scatters by a half.
    drift = np.exp(draw.uniform(-0.4, 0.4) * np.linspace(-1.0, 1.0, count))
    intervals = draw.gamma(4.0, chosen.number("interval_s") / 4.0, count) * drift
    levels = chosen.number("peak_db_spl") + chosen.number("scatter_db") * np.clip(draw.standard_normal(count), -3, 3)
    # The string lies or hangs, a few centimetres between bangs.
    places = np.zeros((count, 3))
    places[:, :2] = np.cumsum(draw.normal(0.0, 0.02, (count, 2)), axis=0)
    times = np.cumsum(intervals) - intervals[0]
    for at, level, place in zip(times, levels, places, strict=True):
        stage.add(_scaled_blast(float(level)), "firecracker", after_s=float(at), offset_m=place)


def _aerial_shell(stage: Stage, chosen: Chosen) -> None:
    draw = stage.generator
    calibre = chosen.number("calibre_mm")
    style = chosen.word("style")
    salute_db = SALUTE_75MM_DB + 20.0 * math.log10(calibre / 75.0) + float(np.clip(draw.normal(0.0, 2.0), -5.0, 5.0))
    height = chosen.number("height_m") or HEIGHT_M_PER_MM * calibre * float(draw.uniform(0.85, 1.15))
    rise_s = math.sqrt(2.0 * height / GRAVITY_M_S2) * float(draw.uniform(0.85, 1.0))
    aside = np.append(draw.normal(0.0, 0.05 * height, 2), height)
    label = f"aerial {'salute' if style == 'salute' else 'shell'}, {calibre:.0f} mm"
    stage.add(_scaled_blast(salute_db + LIFT_DB, LIFT_LONGER), label + ", lift", after_s=0.0)
    if style == "whistle":
        # Burning whistle compositions sing at a few kilohertz (Maxwell 1953), here as one sound from half way up.
        tone = Whistle(0.0, 0.7 * rise_s, pressure_of_level_pa(112.0), 3200.0, 2200.0)
        stage.add(measured((tone,)), label + ", whistle", after_s=0.1 * rise_s, offset_m=0.5 * aside)
    if style == "salute":
        stage.add(_scaled_blast(salute_db), label + ", burst", after_s=rise_s, offset_m=aside)
    else:
        stage.add(
            _scaled_blast(salute_db + STAR_SHELL_DB, STAR_SHELL_LONGER),
            label + ", burst",
            after_s=rise_s,
            offset_m=aside,
        )
    if style == "crackle":
        # Pellets that burst one by one while they fall, each some milligrams: 25 dB below a firecracker.
        count = int(draw.integers(80, 200))
        times = np.sort(draw.gamma(3.0, 0.3, count))
        peaks = 10.0 ** (np.clip(draw.normal(0.0, 3.0, count), -9, 9) / 20.0) * pressure_of_level_pa(
            FIRECRACKER_DB - 25.0
        )
        parts: tuple[Part, ...] = tuple(
            Bang(float(at - times[0]), float(peak), 5e-5) for at, peak in zip(times, peaks, strict=True)
        )
        stage.add(measured(parts), label + ", crackle", after_s=rise_s + 0.8 + float(times[0]), offset_m=0.9 * aside)


FIRECRACKER = Lookalike(
    "firecracker",
    "firecracker string",
    (
        Option("bangs", 40, "how many go off", 1, 2000),
        Option("interval_s", 0.06, "mean time from one to the next, seconds", 0.005, 10.0),
        Option("peak_db_spl", FIRECRACKER_DB, "mean peak level at one metre, dB re 20 uPa", 120.0, 175.0),
        Option("scatter_db", 2.5, "standard deviation of that from bang to bang", 0.0, 10.0),
    ),
    _firecrackers,
)

FIREWORK = Lookalike(
    "firework",
    "aerial firework",
    (
        Option("calibre_mm", 75.0, "of the shell, millimetres", 20.0, 300.0),
        Option("height_m", 0.0, "of the burst above the mortar, metres; 0: by calibre", 0.0, 500.0),
        Option("style", "shell", "what it does", choices=("shell", "salute", "crackle", "whistle")),
    ),
    _aerial_shell,
)
