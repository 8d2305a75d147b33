"""Thunder: a tortuous channel kilometres long, every stretch of which sends an N-wave.

Ribner & Roy 1982, "Acoustics of thunder: a quasilinear model for tortuous lightning", J. Acoust. Soc. Am. 72,
1911-1925, build thunder from the N-waves of some thousand short straight stretches that turn at random; clap and
rumble come from the geometry alone.  So here: a channel of stretches of 3 m climbs from the ground, and turns every
stretch (standard deviation of the new direction's slant as observed, Hill 1968: mean turn 16 degrees).  Each stretch
of length ``L`` and energy ``e L`` is a blast by scaling (``sim.sources.muzzle``) whose N-wave has the same peak and
three times the positive phase, folded with a box for the time its two ends are apart towards the listener, ``L
|cos|/c``.

Stretches are gathered to sounds of about 120 m, each at its own place, so that every sensor hears claps and rumble in
the order in which *its* distances bring them.  Within one sound the listener's direction is not known: delays are
taken for a distant listener at a level, in a direction drawn for the flash.

Energy: 10 kJ/m.  Few 1969, "Power spectrum of thunder", J. Geophys. Res. 74, 6926-6934, took more from the peak of
spectra; with 10 kJ/m the sound is about 1 MJ of a flash, in the range of Holmes et al. 1971, "On the power spectrum and
mechanism of thunder", J. Geophys. Res. 76, 2106-2115, who measured some megajoules.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.sources.lookalike import Chosen, Lookalike, Option, Stage
from sim.sources.muzzle import STANDARD_SOUND_M_S, blast_duration_s, blast_peak_pa
from sim.sources.parts import Crack, Part, measured

STRETCH_M = 3.0
TURN_RAD = 0.28  # 16 degrees
GATHERED = 40
"""Stretches that make one sound."""

EARLIEST_S = 0.2
"""Longer than half of a sound's stretches, laid end to end, take to pass."""

N_WAVE_LONGER = 3.0
"""An N-wave as long as a Friedlander pulse's two phases has its spectrum at the same place."""


def channel(generator: np.random.Generator, length_m: float) -> NDArray[np.float64]:
    """(n + 1, 3) float64, corners of a channel that climbs from the origin in stretches of 3 m, metres.

    Each stretch leans from a mean course, itself a slow random walk about the upright, by a turn drawn anew.
    """
    count = max(int(length_m / STRETCH_M), GATHERED)
    course = np.cumsum(generator.normal(0.0, 0.03, (count, 2)), axis=0)
    course -= np.linspace(0.0, 1.0, count)[:, None] * course[-1] * 0.5
    slant = np.tanh(course) + generator.normal(0.0, TURN_RAD, (count, 2))
    steps = np.column_stack([slant, np.ones(count)])
    steps *= STRETCH_M / np.linalg.norm(steps, axis=1)[:, None]
    return np.asarray(np.vstack([np.zeros(3), np.cumsum(steps, axis=0)]))


def _thunder(stage: Stage, chosen: Chosen) -> None:
    draw = stage.generator
    corners = channel(draw, 1e3 * chosen.number("channel_km"))
    steps = np.diff(corners, axis=0)
    middles = 0.5 * (corners[1:] + corners[:-1])
    energy = 1e3 * chosen.number("energy_kj_m") * STRETCH_M
    peaks = blast_peak_pa(energy) * 10.0 ** (np.clip(draw.normal(0.0, 2.0, len(steps)), -6, 6) / 20.0)
    n_wave_s = N_WAVE_LONGER * blast_duration_s(energy)
    bearing = float(draw.uniform(0.0, 2.0 * np.pi))
    towards = np.array([np.cos(bearing), np.sin(bearing), 0.0])
    late = -middles @ towards / STANDARD_SOUND_M_S
    apart = np.abs(steps @ towards) / STANDARD_SOUND_M_S
    for first in range(0, len(steps), GATHERED):
        rows = slice(first, first + GATHERED)
        begin = float((late[rows] - 0.5 * apart[rows]).min())
        centre = middles[rows].mean(axis=0)
        parts: tuple[Part, ...] = tuple(
            Crack(float(at - 0.5 * spread - begin), float(peak), n_wave_s, float(spread))
            for at, spread, peak in zip(late[rows], apart[rows], peaks[rows], strict=True)
        )
        # The place carries the delay of the centre.  Stretches nearer to the listener begin before it does: the flash
        # is therefore taken EARLIEST_S after the given instant, so that no sound begins before that.
        after = EARLIEST_S + max(begin + float(centre @ towards) / STANDARD_SOUND_M_S, -EARLIEST_S)
        stage.add(measured(parts, 8000.0), "thunder", after_s=after, offset_m=centre)


THUNDER = Lookalike(
    "thunder",
    "thunder",
    (
        Option("channel_km", 5.0, "length of the channel, kilometres", 0.2, 20.0),
        Option("energy_kj_m", 10.0, "energy that a metre of it sets free, kilojoules", 0.1, 1000.0),
    ),
    _thunder,
)
