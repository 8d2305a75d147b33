"""Thunder: a tortuous channel kilometres long, every stretch of which sends an N-wave.

Ribner & Roy 1982, "Acoustics of thunder: a quasilinear model for tortuous lightning", J. Acoust. Soc. Am. 72,
1911-1925, build thunder from the N-waves of some thousand short straight stretches that turn at random; clap and rumble
come from the geometry alone.  So here: a channel of stretches of 3 m climbs from the ground and turns at every stretch
by 16 degrees on average (Hill 1968, "Analysis of irregular paths of lightning channels", J. Geophys. Res. 73,
1897-1906).  A stretch of length ``L`` and energy ``e L`` is a blast by scaling (``sim.sources.muzzle``, eq. 2).  Its
N-wave is three times as long as that blast's positive phase and half as high, which gives it the same energy, and
within 2 % the same positive impulse, as the Friedlander pulse; it is folded with a box for the time by which its two
ends are apart towards the listener, ``L |cos|/c``.

Stretches are gathered to sounds of about 120 m, each at its own place, so that every sensor hears claps and rumble in
the order in which *its* distances bring them.  Within one sound the listener is not known: delays are those for one at
``LISTENER_M`` from the foot of the channel, in a direction drawn for the flash.

Energy: 10 kJ/m by default, which gives 0.1 to 1 MJ of sound for a flash and peaks of 105 to 115 dB at 3 km.  Holmes et
al. 1971, "On the power spectrum and mechanism of thunder", J. Geophys. Res. 76, 2106-2115, measured up to some
megajoules; Few 1969, "Power spectrum of thunder", J. Geophys. Res. 74, 6926-6934, took 100 kJ/m and over from the peak
of spectra.  The option spans both.
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

LISTENER_M = 2000.0
"""From the foot of the channel: half of a city away."""

EARLIEST_S = 0.25
"""More than half of a sound's stretches, laid end to end towards the listener, take to pass."""

N_WAVE_LONGER = 3.0
N_WAVE_LOWER = 0.5
"""An N-wave against the Friedlander pulse of the same energy and the same positive impulse."""


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
    peaks = N_WAVE_LOWER * blast_peak_pa(energy) * 10.0 ** (np.clip(draw.normal(0.0, 2.0, len(steps)), -6, 6) / 20.0)
    n_wave_s = N_WAVE_LONGER * blast_duration_s(energy)
    bearing = float(draw.uniform(0.0, 2.0 * np.pi))
    listener = LISTENER_M * np.array([np.cos(bearing), np.sin(bearing), 0.0])
    away = middles - listener
    distance = np.linalg.norm(away, axis=1)
    apart_s = np.abs(np.einsum("ij,ij->i", steps, away)) / distance / STANDARD_SOUND_M_S
    for first in range(0, len(steps), GATHERED):
        rows = slice(first, first + GATHERED)
        centre = middles[rows].mean(axis=0)
        # Against a sound from the centre at the instant of the flash: what is nearer comes before it.
        late_s = (distance[rows] - np.linalg.norm(centre - listener)) / STANDARD_SOUND_M_S - 0.5 * apart_s[rows]
        begin_s = float(late_s.min())
        parts: tuple[Part, ...] = tuple(
            Crack(float(at), float(peak), n_wave_s, float(spread))
            for at, peak, spread in zip(late_s - begin_s, peaks[rows], apart_s[rows], strict=True)
        )
        # The flash itself is EARLIEST_S after the given instant, so that no sound begins before that.
        stage.add(measured(parts, 8000.0), "thunder", after_s=EARLIEST_S + begin_s, offset_m=centre)


THUNDER = Lookalike(
    "thunder",
    "thunder",
    (
        Option("channel_km", 5.0, "length of the channel, kilometres", 0.2, 20.0),
        Option("energy_kj_m", 10.0, "energy that a metre of it sets free, kilojoules", 0.1, 1000.0),
    ),
    _thunder,
)
