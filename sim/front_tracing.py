"""Fronts traced to every point of a grid: straight where they can go, over and around buildings elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from acoustic.weather import Weather
from geo.buildings import Buildings
from geo.roofs import inside_buildings
from sim.fronts import FrontMap
from sim.propagation.paths import Paths
from sim.propagation.response import band_gain_db
from sim.propagation.shockwaves import trace_shock
from sim.propagation.surroundings import Surroundings
from sim.propagation.trace import trace
from sim.sound import Sound
from sim.world import Surfaces

EAR_M = 1.5
"""Height of the grid above the ground: where people stand."""
BAND_HZ = 700.0
"""At which losses are judged: the middle of what a muzzle blast has far away."""
_AT_ONCE = 4096  # receivers traced together: memory stays small


def front_map(
    surroundings: Surroundings,
    buildings: Buildings,
    surfaces: Surfaces,
    weather: Weather,
    sound: Sound,
    x_m: NDArray[np.float64],
    y_m: NDArray[np.float64],
) -> FrontMap:
    """Trace one sound to every point of a grid at ``EAR_M``.

    Parameters
    ----------
    surroundings, buildings : of one city.
    surfaces : reflections are left out: no reflection is ever first.
    sound : its position, and its bullet when it has one.
    x_m, y_m : (nx,), (ny,) float64, metres, site frame.
    """
    # Paths of any weakness: a front that nobody hears still passes.
    direct = replace(surfaces, reflections=0, least_gain_db=-200.0)
    ground = np.stack(np.meshgrid(x_m, y_m), axis=-1).reshape(-1, 2)
    ears = np.column_stack([ground, np.full(len(ground), EAR_M)])
    outside = np.flatnonzero(~inside_buildings(buildings, ears))
    receivers = ears[outside]
    blast_s, shock_s, loss_db = (np.full(len(ground), np.nan) for _ in range(3))
    for first in range(0, len(outside), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        here = np.ascontiguousarray(receivers[some])
        paths = trace(surroundings, direct, weather, np.broadcast_to(sound.position_m, here.shape).copy(), here)
        rows, heads = _first(paths)
        blast_s[outside[some][rows]] = paths.delay_s[heads]
        loss_db[outside[some][rows]] = _loss_db(paths, heads, direct, weather)
        if sound.bullet is not None:
            shocks = trace_shock(surroundings, direct, weather, sound.bullet, here).paths
            rows, heads = _first(shocks)
            shock_s[outside[some][rows]] = shocks.delay_s[heads]
    shape = (len(y_m), len(x_m))
    return FrontMap(x_m, y_m, blast_s.reshape(shape), shock_s.reshape(shape), loss_db.reshape(shape))


def _first(paths: Paths) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs that have a path, and the row of the earliest of each: paths are sorted by pair, then by delay."""
    pairs, heads = np.unique(paths.pair, return_index=True)
    return pairs.astype(np.int64), heads.astype(np.int64)


def _loss_db(paths: Paths, heads: NDArray[np.int64], surfaces: Surfaces, weather: Weather) -> NDArray[np.float64]:
    """(k,) float64, dB, what edges take of some paths: their level below that of the same length without edges."""
    bent = band_gain_db(paths, weather, surfaces, np.array([BAND_HZ]))[heads, 0]
    straight = replace(paths, excess_m=np.zeros(len(paths)), edges=np.zeros(len(paths), dtype=np.int16))
    open_ground = band_gain_db(straight, weather, surfaces, np.array([BAND_HZ]))[heads, 0]
    return np.asarray(np.maximum(open_ground - bent, 0.0))
