"""The ways from many sources to many stations as columns of levels: traced among buildings, in closed form without.

Direct sound and its bounce off the ground arrive within a fraction of a millisecond of each other at the distances and
heights of a city, as one sound: they are added up here in pressure, band by band, and make one row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from acoustic.atmosphere import absorption_db_per_m
from acoustic.weather import Weather
from sim.band_levels import BANDS_HZ
from sim.propagation.ground import spherical_reflection
from sim.propagation.moving_air import Air, leg_time_s
from sim.propagation.paths import Kind, Paths
from sim.propagation.response import NEAREST_M, band_gain_db, ground_reflection
from sim.propagation.surroundings import Surroundings
from sim.propagation.trace import trace
from sim.world import Surfaces

Array = NDArray[np.float64]

PAIRS_AT_ONCE = 4096
"""Pairs traced in one call: some ten thousand paths and their corners, a few tens of megabytes."""

TOGETHER_S = 0.002
"""A bounce off the ground later than this after the direct sound is a sound of its own: its comb is finer than an
octave anyway, and pressures add up by chance."""

GRID_M = np.geomspace(1.0, 30_000.0, 512)
"""Horizontal distances at which the effect of the ground is worked out where many share their heights."""


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """n ways as columns, sorted by pair, then delay.

    pair : (n,) int64, row of the arrays that were asked for.
    kind : (n,) int8, a ``sim.propagation.paths.Kind``.
    delay_s, length_m : (n,) float64.
    straight_s : (n,) float64, travel time of the straight line of the pair.
    gain_db : (n, bands) float64, at ``BANDS_HZ``, re one metre of free field.
    departure : (n, 3) float64, unit vectors.
    """

    pair: NDArray[np.int64]
    kind: NDArray[np.int8]
    delay_s: Array
    length_m: Array
    straight_s: Array
    gain_db: Array
    departure: Array

    def __len__(self) -> int:
        return len(self.pair)


def ways(
    surroundings: Surroundings | None, surfaces: Surfaces, weather: Weather, sources_m: Array, receivers_m: Array
) -> Iterator[tuple[int, Ways]]:
    """Ways of n pairs, a piece at a time, each with the row of its first pair.

    surroundings : None for open country.
    sources_m, receivers_m : (n, 3) float64, metres, site frame; row k of both is pair k.
    """
    for first in range(0, len(sources_m), PAIRS_AT_ONCE):
        rows = slice(first, first + PAIRS_AT_ONCE)
        piece = sources_m[rows], receivers_m[rows]
        if surroundings is None:
            yield first, open_ways(surfaces, weather, *piece)
        else:
            yield first, _of_paths(trace(surroundings, surfaces, weather, *piece), surfaces, weather, *piece)


def open_ways(surfaces: Surfaces, weather: Weather, sources_m: Array, receivers_m: Array) -> Ways:
    """One way a pair: the direct sound with its bounce off the ground, over flat ground without buildings."""
    offset = receivers_m - sources_m
    length = np.sqrt(np.einsum("ij,ij->i", offset, offset))
    delay = _straight_s(offset, Air.of(weather))
    absorption = absorption_db_per_m(BANDS_HZ, weather.temperature_c, weather.humidity_percent, weather.pressure_hpa)
    gain = _ground_gain_db(surfaces, weather, sources_m[:, 2], receivers_m[:, 2], np.hypot(offset[:, 0], offset[:, 1]))
    gain -= length[:, None] * absorption
    gain -= 20.0 * np.log10(np.maximum(length, NEAREST_M))[:, None]
    n = len(length)
    kind = np.full(n, Kind.DIRECT, dtype=np.int8)
    departure = offset / np.maximum(length, 1e-9)[:, None]
    return Ways(np.arange(n, dtype=np.int64), kind, delay, length, delay, gain, departure)


def _of_paths(paths: Paths, surfaces: Surfaces, weather: Weather, sources_m: Array, receivers_m: Array) -> Ways:
    gain = band_gain_db(paths, weather, surfaces, BANDS_HZ)
    keep = np.ones(len(paths), dtype=np.bool_)
    ground = np.flatnonzero(paths.kind == Kind.GROUND)
    direct = np.flatnonzero(paths.kind == Kind.DIRECT)
    if len(ground) and len(direct):
        of_pair = np.full(len(sources_m), -1, dtype=np.int64)
        of_pair[paths.pair[direct]] = direct
        partner = of_pair[paths.pair[ground]]
        late = paths.delay_s[ground] - paths.delay_s[np.maximum(partner, 0)]
        both = (partner >= 0) & (late < TOGETHER_S)
        ground, partner, late = ground[both], partner[both], late[both]
        turned = np.angle(ground_reflection(paths, ground, weather, surfaces, BANDS_HZ))
        turned -= 2.0 * np.pi * BANDS_HZ * late[:, None]
        ratio = 10.0 ** ((gain[ground] - gain[partner]) / 20.0)
        gain[partner] += _db(np.abs(1.0 + ratio * np.exp(1j * turned)))
        keep[ground] = False
    pair = paths.pair[keep].astype(np.int64)
    straight = _straight_s(receivers_m - sources_m, Air.of(weather))[pair]
    return Ways(
        pair, paths.kind[keep], paths.delay_s[keep], paths.length_m[keep], straight, gain[keep], paths.departure[keep]
    )


def _ground_gain_db(surfaces: Surfaces, weather: Weather, low_m: Array, high_m: Array, across_m: Array) -> Array:
    """(n, bands), dB: level of direct sound and bounce together over that of the direct sound alone."""
    heights, which = np.unique(np.column_stack([low_m, high_m]), axis=0, return_inverse=True)
    if len(heights) * len(GRID_M) > len(across_m):
        return _exact_ground_db(surfaces, weather, low_m, high_m, across_m)
    out = np.empty((len(across_m), len(BANDS_HZ)))
    where = np.interp(np.log(np.maximum(across_m, GRID_M[0])), np.log(GRID_M), np.arange(len(GRID_M)))
    left = np.minimum(where.astype(np.int64), len(GRID_M) - 2)
    part = (where - left)[:, None]
    for k, (low, high) in enumerate(heights):
        table = _exact_ground_db(surfaces, weather, np.full(len(GRID_M), low), np.full(len(GRID_M), high), GRID_M)
        rows = np.flatnonzero(which.ravel() == k)
        out[rows] = table[left[rows]] * (1.0 - part[rows]) + table[left[rows] + 1] * part[rows]
    return out


def _exact_ground_db(surfaces: Surfaces, weather: Weather, low_m: Array, high_m: Array, across_m: Array) -> Array:
    c = weather.sound_speed_m_s
    direct = np.maximum(np.hypot(across_m, high_m - low_m), NEAREST_M)
    bounced = np.maximum(np.hypot(across_m, high_m + low_m), NEAREST_M)
    grazing = np.arctan2(high_m + low_m, across_m)
    q = spherical_reflection(BANDS_HZ, grazing, bounced, surfaces.ground_flow_resistivity_pa_s_m2, c)
    absorption = absorption_db_per_m(BANDS_HZ, weather.temperature_c, weather.humidity_percent, weather.pressure_hpa)
    further = (bounced - direct)[:, None]
    ratio = (direct / bounced)[:, None] * 10.0 ** (-further * absorption / 20.0)
    # A bounce that comes late is another sound: the octave's mean then counts, in which its comb levels out.
    both = np.abs(1.0 + ratio * q * np.exp(-2j * np.pi * BANDS_HZ * further / c))
    return _db(np.where(further / c < TOGETHER_S, both, 1.0))


def _db(size: Array) -> Array:
    """20 log10, not below -20 dB: an octave has no deeper hole."""
    return np.asarray(20.0 * np.log10(np.maximum(size, 0.1)))


@njit(cache=True)
def _straight_s(offset_m: Array, air: Air) -> Array:
    out = np.empty(len(offset_m))
    for k in range(len(offset_m)):
        out[k] = leg_time_s(offset_m[k, 0], offset_m[k, 1], offset_m[k, 2], air)
    return out
