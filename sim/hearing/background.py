"""The sound of a city where nothing happens: spectrum, level over the day, its slow changes, and what passes by.

The spectrum is that of road traffic, the loudest steady source of nearly every street: the normalised A-weighted
spectrum of EN 1793-3:1997 from 100 Hz to 5 kHz.  Below, measured traffic stays level down to the firing frequency of
idling engines (about 50 Hz) and then falls; above, tyre noise falls by some 2 dB a third octave, air takes more.

Waveforms of two stations are independent: at the distances between sensors (50 m and more) each hears other vehicles.
Levels are half shared: the hour, and a slow change of the whole site (weather, traffic lights in phase, a motorway
that all hear), are common to all; as much again is each station's own, and so is every passing vehicle.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.hearing.fluctuation import Fluctuation
from sim.hearing.spectrum import THIRD_OCTAVES_HZ, Spectrum, a_weighting_db
from sim.world import Station, World
from wire.utc import NS_PER_S

# EN 1793-3:1997, table 1: A-weighted third-octave levels relative to their sum, dB, 100 Hz to 5 kHz.
_TRAFFIC_DB_A = np.array(
    [-20, -20, -18, -16, -15, -14, -13, -12, -11, -9, -8, -9, -10, -11, -13, -15, -16, -18], dtype=np.float64
)

HOURLY_DB_A: tuple[float, ...] = (
    44.5, 43.0, 42.0, 41.5, 42.0, 45.0, 50.0, 55.0, 57.5, 57.0, 57.0, 57.5,
    57.5, 57.5, 57.5, 58.0, 58.5, 59.0, 58.0, 56.5, 54.5, 52.5, 50.0, 47.0,
)  # fmt: skip
"""Equivalent level at a sensor on a roof or mast in a residential street, dB(A), in the middle of each local hour.

The shape (steep rise from 5 to 8, level day, slow fall from 19 on, least at 3 to 4) and the 15 dB between day and night
are those of streets without through traffic in long-term monitoring (e.g. Zambon, Benocci & Brambilla 2016, "Cluster
categorization of urban roads to optimize their noise monitoring", Environ. Monit. Assess. 188:26: 24-h profiles of
Milan's roads); the height of the curve is that of courtyards and side streets, 10 dB below the kerb of a main road.
"""

SITE_DB, OWN_DB = 1.5, 1.5
"""Standard deviations of the slow change of level that the site shares, and of the station's own."""

SLOWEST_S, FASTEST_S = 1800.0, 20.0
"""Periods of the slow change."""

SWELL_REACH_S = 30.0
"""A passing vehicle is followed for so long before and after it is nearest: it is then 20 dB below its peak."""

VEHICLES = 0.75
"""Share of swells that are vehicles; the others are voices, doors, steps."""

SWELL_DB = np.array([[3.0, 2.0], [13.0, 10.0]])
"""Least and greatest peak over everything else, dB, evenly spread; of vehicles, and of the others.  Maxima of single
vehicles lie 10 to 15 dB over the equivalent level of a street that is not busy."""

SWELL_S = np.array([[0.7, 0.1], [3.0, 0.5]])
"""Least and greatest half width, s, evenly spread on a logarithmic scale: distance over speed of a vehicle that passes
at 5 to 25 m with 8 m/s, a word, a door."""

_LN10_10 = math.log(10.0) / 10.0


def _power_minutes() -> float:
    """Expected power of one swell over that of everything else, integrated over its time, minutes."""
    part = (np.arange(2000) + 0.5) / 2000.0
    low_db, high_db = SWELL_DB[:, :, None]
    short_s, long_s = SWELL_S[:, :, None]
    peak = (10.0 ** ((low_db + (high_db - low_db) * part) / 10.0)).mean(axis=1)
    width = short_s * (long_s / short_s) ** part
    seconds = (2.0 * width * np.arctan(SWELL_REACH_S / width)).mean(axis=1)  # of 1 / (1 + (t / width)^2)
    return float(np.dot([VEHICLES, 1.0 - VEHICLES], peak * seconds)) / 60.0


_SWELL_MINUTES = _power_minutes()


def _traffic() -> Spectrum:
    f = THIRD_OCTAVES_HZ
    given = slice(8, 26)  # 100 Hz .. 5 kHz
    levels = np.empty(len(f))
    levels[given] = _TRAFFIC_DB_A - a_weighting_db(f[given])
    levels[5:8] = levels[8]  # 50 .. 80 Hz
    levels[:5] = levels[8] - 2.0 * np.arange(5, 0, -1)
    levels[26:] = levels[25] - 2.0 * np.arange(1, 7)
    return Spectrum(levels).at_level(0.0)


TRAFFIC = _traffic()
"""The background's shape, at 0 dB(A)."""


def hourly_level_db_a(local_hour: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Level of the hour, dB(A), straight between the middles of ``HOURLY_DB_A``; hours of any day."""
    hour = np.asarray(local_hour, dtype=np.float64) % 24.0
    return np.asarray(np.interp(hour, np.arange(24) + 0.5, HOURLY_DB_A, period=24.0))


class Background:
    """Level of the background at one station.

    The mean of its power over time and chance, vehicles included, is that of the level asked for (or the hour's own)
    plus the station's ``background_db``.
    """

    def __init__(self, world: World, station: Station) -> None:
        self._world, self._station = world, station
        site = Fluctuation.drawn(world.generator("background level"), FASTEST_S, SLOWEST_S)
        own = Fluctuation.drawn(world.generator("background level", station.id), FASTEST_S, SLOWEST_S)
        self._site, self._own = site, own
        # Mean power of a level with a normal distribution lies above its mean level; vehicles add to that.
        spread_db = _LN10_10 / 2.0 * (SITE_DB**2 + OWN_DB**2)
        self._below_mean_db = spread_db + 10.0 * math.log10(1.0 + world.ambient.events_per_min * _SWELL_MINUTES)
        self._swells: dict[int, NDArray[np.float64]] = {}

    def mean_level_db_a(self, at_s: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Expected level, dB(A), at so many seconds after the start of the scenario."""
        ambient = self._world.ambient
        if ambient.level_db_a is not None:
            mean = np.full(np.shape(at_s), ambient.level_db_a)
        else:
            seconds = self._world.start_ns % (86_400 * NS_PER_S) / NS_PER_S + np.asarray(at_s, dtype=np.float64)
            mean = hourly_level_db_a(seconds / 3600.0 + ambient.utc_offset_h)
        return mean + self._station.background_db

    def quietest_level_db_a(self) -> float:
        """Below which the level hardly ever falls over the whole scenario, dB(A)."""
        at_s = np.linspace(0.0, self._world.duration_s, 2 + int(self._world.duration_s // 600.0))
        low = 2.5 * math.hypot(SITE_DB, OWN_DB) + self._below_mean_db
        return float(self.mean_level_db_a(at_s).min()) - low

    def level_db_a(self, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) float64, dB(A), at (n,) seconds after the start of the scenario."""
        slow = SITE_DB * self._site.at(at_s) + OWN_DB * self._own.at(at_s)
        floor = self.mean_level_db_a(at_s) - self._below_mean_db + slow
        return np.asarray(floor + 10.0 * np.log10(1.0 + self._swelling(at_s)))

    def _swelling(self, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Power of what passes over the power of everything else, (n,)."""
        if self._world.ambient.events_per_min <= 0.0 or not len(at_s):
            return np.zeros(len(at_s))
        first = int((at_s.min() - SWELL_REACH_S) // 60.0)
        last = int((at_s.max() + SWELL_REACH_S) // 60.0)
        events = np.concatenate([self._minute(minute) for minute in range(first, last + 1)])
        if len(self._swells) > 64:  # a stream goes forward: what is long past is not asked for again
            self._swells.clear()
        when, peak, width = events.T[:, None, :]
        apart = at_s[:, None] - when
        shape = np.where(np.abs(apart) < SWELL_REACH_S, 1.0 / (1.0 + (apart / width) ** 2), 0.0)
        return np.asarray((peak * shape).sum(axis=1))

    def _minute(self, minute: int) -> NDArray[np.float64]:
        """(k, 3) float64 of one minute: instant (s), peak power over the floor, half width (s)."""
        if minute not in self._swells:
            # Numbers of a key are never negative; before the scenario there were vehicles too.
            generator = self._world.generator("swells", self._station.id, minute + 1_000_000)
            count = int(generator.poisson(self._world.ambient.events_per_min))
            when, which, level, length = generator.random((count, 4)).T
            kind = np.where(which < VEHICLES, 0, 1)
            low_db, high_db = SWELL_DB[:, kind]
            short_s, long_s = SWELL_S[:, kind]
            peak = 10.0 ** ((low_db + (high_db - low_db) * level) / 10.0)
            width = short_s * (long_s / short_s) ** length
            self._swells[minute] = np.column_stack([60.0 * (minute + when), peak, width])
        return self._swells[minute]
