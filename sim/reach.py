"""Which sensors a sound could reach, and on what ways.

A sensor is left out when it could not tell the sound from silence: the rule is

    peak at 1 m - 20 log10(d) - a d + 6 dB  <  quietest noise in 300-3000 Hz - 10 dB

with the straight distance d, the air's absorption a at 125 Hz (what is left of a bang at the limit of hearing lies not
much higher), 6 dB for a ground or a wall that doubles the pressure, and the lowest level that the sensor's noise is
likely to have anywhere in the scenario.  Buildings are not looked at before, so no sound is left out that a street lets
through.  Beyond ``FARTHEST_M`` nothing is followed.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from acoustic.atmosphere import absorption_db_per_m
from sim.hearing.noise import NoiseLevels
from sim.propagation.around import MOST_DETOUR
from sim.propagation.paths import Paths
from sim.propagation.shockwaves import ShockPaths, trace_shock
from sim.propagation.surroundings import Surroundings
from sim.propagation.trace import most_excess_m, trace
from sim.sound import REFERENCE_PA, Bullet, Sound
from sim.sources.gunshot import FURTHEST_M
from sim.world import World

MARGIN_DB = 10.0
"""A sound whose peak lies so far below the quietest noise changes neither a detection nor its level (0.4 dB)."""

DOUBLING_DB = 6.0
LOWEST_HZ = 125.0

FARTHEST_M = 15_000.0
"""The loudest rifle is heard about so far on the quietest night."""

SLOWEST_M_S = 200.0
"""Along its way sound gets on faster than this in the coldest air against the strongest wind."""

REMEMBERED_PATHS = 400_000
"""Paths of past sounds that are kept for sensors that have not come so far yet, about 100 MB."""

REMEMBERED_PLACES = 64
"""Source places whose paths are kept: rounds of one burst leave one muzzle."""


class Tracer(Protocol):
    """What finds the ways: the city's, or a double in tests."""

    def blast(self, source_m: NDArray[np.float64], receivers_m: NDArray[np.float64]) -> Paths:
        """From one place (3,) to (n, 3) receivers, metres; a path's ``pair`` is the receiver's row."""
        ...

    def shock(self, bullet: Bullet, receivers_m: NDArray[np.float64]) -> ShockPaths:
        """Of a bullet's shock wave to (n, 3) receivers."""
        ...


class CityTracer:
    """Ways through the world's own city and air."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._surroundings = Surroundings.of(world.city)

    def blast(self, source_m: NDArray[np.float64], receivers_m: NDArray[np.float64]) -> Paths:
        sources_m = np.broadcast_to(source_m, receivers_m.shape).copy()
        world = self._world
        return trace(self._surroundings, world.surfaces, world.weather, sources_m, receivers_m)

    def shock(self, bullet: Bullet, receivers_m: NDArray[np.float64]) -> ShockPaths:
        world = self._world
        return trace_shock(self._surroundings, world.surfaces, world.weather, bullet, receivers_m)


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """One sound and all its ways to the sensors that could hear it.

    index : row of the sound in ``World.sounds``.
    blast : of the muzzle blast, or whatever a look-alike sends; a path's ``pair`` is the row in ``World.stations``.
    shock : the same of the bullet's shock wave; None without a bullet.
    """

    index: int
    sound: Sound
    blast: Paths
    shock: ShockPaths | None
    _signals: dict[float, NDArray[np.float64]] = field(default_factory=dict, repr=False)

    @property
    def stations(self) -> NDArray[np.int32]:
        """(k,) int32, sorted rows in ``World.stations`` to which there is any way."""
        pairs = [self.blast.pair] if self.shock is None else [self.blast.pair, self.shock.paths.pair]
        return np.asarray(np.unique(np.concatenate(pairs)))

    def signal_pa(self, rate_hz: float) -> NDArray[np.float64]:
        """(n,) float64, Pa, the sound at one metre; worked out once for each rate."""
        if rate_hz not in self._signals:
            self._signals[rate_hz] = self.sound.signal.pressure_pa(rate_hz)
        return self._signals[rate_hz]

    @property
    def weight(self) -> int:
        """Paths that it keeps in memory."""
        return len(self.blast) + (0 if self.shock is None else len(self.shock.paths))


class Soundscape:
    """All sounds of a world and how they reach its sensors, traced when first asked for and kept for a while.

    Parameters
    ----------
    world : what sounds and who hears.
    tracer : finds the ways; None for the world's own city.

    It may be asked from several threads; the answer to a question never depends on what was asked before.
    """

    def __init__(self, world: World, tracer: Tracer | None = None) -> None:
        self.world = world
        self._tracer = tracer
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Reached] = OrderedDict()
        self._weight = 0
        self._places: OrderedDict[tuple[bytes, bytes], Paths] = OrderedDict()
        self._positions_m = np.array([station.position_m for station in world.stations]).reshape(-1, 3)
        self._highest_m = float(world.city.buildings.height_m.max(initial=0.0))
        self._quietest_db: NDArray[np.float64] | None = None

    def reached(self, index: int) -> Reached:
        """Sound ``index`` of the world."""
        with self._lock:
            known = self._kept.get(index)
            if known is not None:
                self._kept.move_to_end(index)
                return known
            reached = self._trace(index)
            self._kept[index] = reached
            self._weight += reached.weight
            while self._weight > REMEMBERED_PATHS and len(self._kept) > 1:
                self._weight -= self._kept.popitem(last=False)[1].weight
            return reached

    def audible(self, sound: Sound) -> NDArray[np.bool_]:
        """(stations,) bool: whom the sound might reach, by the rule of this module."""
        apart_m = np.linalg.norm(self._positions_m - sound.position_m, axis=1)
        weather = self.world.weather
        absorption = float(
            absorption_db_per_m(LOWEST_HZ, weather.temperature_c, weather.humidity_percent, weather.pressure_hpa)
        )
        spread_db = 20.0 * np.log10(np.maximum(apart_m, 1.0)) + absorption * apart_m
        loud = sound.signal.peak_db_spl_1m + DOUBLING_DB - spread_db >= self._quietest() - MARGIN_DB
        return np.asarray(loud & (apart_m <= FARTHEST_M))

    def latest_s(self, index: int, row: int) -> float:
        """Sound ``index`` has reached station ``row`` by its last way after so many seconds, traced or not.

        A bounce unfolds into an image no further off than twice the reach; edges stretch a way by no more than is worth
        following; roofs are climbed at most twice.  A shock wave arrives before the blast would from the muzzle, but
        its bounces may be off walls beside the whole flight.
        """
        sound, surfaces = self.world.sounds[index], self.world.surfaces
        unfolded_m = math.dist(self._positions_m[row], sound.position_m)
        unfolded_m += 2.0 * surfaces.reflections * surfaces.reflection_reach_m
        excess_m = max(0.0, most_excess_m(surfaces.least_gain_db, self.world.weather.sound_speed_m_s))
        longest_m = min(MOST_DETOUR * unfolded_m, unfolded_m + excess_m) + 2.0 * self._highest_m
        if sound.bullet is not None:
            longest_m += FURTHEST_M
        return longest_m / SLOWEST_M_S

    def _shocked(self, sound: Sound) -> NDArray[np.bool_]:
        """(stations,) bool: whom the bullet's shock wave might reach: those in its cone, where it is loud enough, and
        those who hear the blast, as walls may send the shock there too."""
        assert sound.bullet is not None
        weather = self.world.weather
        shock = sound.bullet.shock(self._positions_m, weather.sound_speed_m_s, weather.wind_m_s)
        peak_pa = np.where(shock.heard, shock.peak_pa, 0.0)
        with np.errstate(divide="ignore"):
            level_db = 20.0 * np.log10(peak_pa / REFERENCE_PA) + DOUBLING_DB
        near = np.linalg.norm(self._positions_m - sound.position_m, axis=1) <= FARTHEST_M
        return np.asarray(near & ((level_db >= self._quietest() - MARGIN_DB) | self.audible(sound)))

    def _quietest(self) -> NDArray[np.float64]:
        if self._quietest_db is None:
            levels = [NoiseLevels(self.world, s).quietest_band_level_db() for s in self.world.stations]
            self._quietest_db = np.array(levels, dtype=np.float64)
        return self._quietest_db

    def _trace(self, index: int) -> Reached:
        if self._tracer is None:
            self._tracer = CityTracer(self.world)
        sound = self.world.sounds[index]
        rows = np.flatnonzero(self.audible(sound)).astype(np.int32)
        key = (np.asarray(sound.position_m, dtype=np.float64).tobytes(), rows.tobytes())
        blast = self._places.get(key)
        if blast is None:
            blast = _told_by_station(self._tracer.blast(sound.position_m, self._positions_m[rows]), rows)
            self._places[key] = blast
            if len(self._places) > REMEMBERED_PLACES:
                self._places.popitem(last=False)
        shock = None
        if sound.bullet is not None:
            rows = np.flatnonzero(self._shocked(sound)).astype(np.int32)
            shock = self._tracer.shock(sound.bullet, self._positions_m[rows])
            shock = replace(shock, paths=_told_by_station(shock.paths, rows))
        return Reached(index, sound, blast, shock)


def reach(world: World) -> Iterator[Reached]:
    """Sound by sound, in the order of ``world.sounds``: blast and shock paths to every sensor that could hear it."""
    soundscape = Soundscape(world)
    for index in range(len(world.sounds)):
        yield soundscape.reached(index)


def rows_of(paths: Paths, pair: int) -> slice:
    """Where the paths of one pair are."""
    first, stop = np.searchsorted(paths.pair, [pair, pair + 1])
    return slice(int(first), int(stop))


def paths_of(paths: Paths, pair: int) -> Paths:
    """The paths of one pair alone."""
    rows = rows_of(paths, pair)
    first, stop = int(paths.first_point[rows.start]), int(paths.first_point[rows.stop])
    return Paths(
        pair=paths.pair[rows],
        kind=paths.kind[rows],
        length_m=paths.length_m[rows],
        delay_s=paths.delay_s[rows],
        excess_m=paths.excess_m[rows],
        edges=paths.edges[rows],
        edge_span_m=paths.edge_span_m[rows],
        bounces=paths.bounces[rows],
        departure=paths.departure[rows],
        grazing_rad=paths.grazing_rad[rows],
        points_m=paths.points_m[first:stop],
        first_point=paths.first_point[rows.start : rows.stop + 1] - first,
    )


def _told_by_station(paths: Paths, rows: NDArray[np.int32]) -> Paths:
    """The same with the rows of stations for pairs; ``rows`` is sorted, so the order stays."""
    return replace(paths, pair=rows[paths.pair])
