"""Every arrival of every sound at every station, as columns: time and level, before anybody listens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from acoustic.atmosphere import absorption_db_per_m
from sim.band_levels import BANDS_HZ, SOURCE_RATE_HZ, BandLevels, band_levels
from sim.propagation.response import band_gain_db
from sim.propagation.shockwaves import trace_shock
from sim.propagation.surroundings import Surroundings
from sim.pulse_statistics import Scatter
from sim.reach import DOUBLING_DB
from sim.sound import REFERENCE_PA
from sim.sound_columns import SoundColumns
from sim.sources.nwave import n_wave_pa
from sim.ways import Ways, ways
from sim.world import World

Array = NDArray[np.float64]
Index = NDArray[np.int64]

BLAST, SHOCK = 0, 1
CLUTTER = -1
"""Of ``Arrivals.sound``: what belongs to no sound of the world."""

MARGIN_DB = 6.0
"""Pairs are left out whose sound, doubled by ground or wall and with all luck, stays so far below what can be found."""

LUCK = 3.0
"""Standard deviations of scatter that may come to a pair's help."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """n arrivals as columns.

    station, sound, stroke : (n,) int64, rows in the world's stations and sounds, and number of the stroke in all
        strokes; -1 for the sound and stroke of clutter.
    wave : (n,) int8, ``BLAST`` or ``SHOCK``.  kind : (n,) int8, a ``Kind``.
    leads : (n,) bool, whether it is the first of its stroke and wave at its station.
    at_s : (n,) float64, seconds after the scenario's start.
    delay_s : (n,) float64, since emission (``excess_s`` of it more than along the straight line).
    length_m : (n,) float64, along the way.
    whole_db, picked_db, told_db : (n,) float64, peak level it has alone, dB SPL, of all that the sensor's rate carries,
        in the picking band, and in the band in which the truth tells ratios.
    """

    station: Index
    sound: Index
    stroke: Index
    wave: NDArray[np.int8]
    kind: NDArray[np.int8]
    leads: NDArray[np.bool_]
    at_s: Array
    delay_s: Array
    excess_s: Array
    length_m: Array
    whole_db: Array
    picked_db: Array
    told_db: Array

    def __len__(self) -> int:
        return len(self.at_s)

    def rows(self, chosen: Index | NDArray[np.bool_]) -> Arrivals:
        """Some of them, in the order given."""
        return Arrivals(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @staticmethod
    def joined(parts: Sequence[Arrivals]) -> Arrivals:
        """All of several, one or more."""
        return Arrivals(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Arrivals)))


@dataclass(frozen=True, slots=True, eq=False)
class Listeners:
    """Stations as columns.

    noise_db : (s,) float64, the background that hides nothing louder, dB SPL in the picking band.
    """

    position_m: Array
    rate_hz: Index
    noise_db: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Unknown:
    """What the map does not know, drawn.

    loss_db, late_s : (cells, stations) float64.  cell : (p,) int64, of each place.
    round_db : (strokes, stations) float64.
    """

    loss_db: Array
    late_s: Array
    cell: Index
    round_db: Array

    @classmethod
    def drawn(cls, world: World, scatter: Scatter, columns: SoundColumns, stations_m: Array) -> _Unknown:
        square = np.floor(columns.places_m[:, :2] / scatter.cell_m)
        squares, first, cell = np.unique(square, axis=0, return_index=True, return_inverse=True)
        generator = world.generator("scatter")
        shape = len(squares), len(stations_m)
        apart = np.linalg.norm(columns.places_m[first][:, None, :] - stations_m[None, :, :], axis=2)
        loss = scatter.mean_loss_db(apart) + scatter.sigma_db(apart) * generator.standard_normal(shape)
        late = np.where(generator.random(shape) < scatter.late_share, 1.0, 0.0)
        late *= scatter.late_s * generator.standard_exponential(shape)
        rounds = world.generator("rounds").standard_normal((len(columns.place), len(stations_m)))
        return cls(loss, late, cell.ravel(), scatter.round_sigma_db * rounds)


def arrivals(
    world: World, listeners: Listeners, scatter: Scatter, half_snr_db: float, surroundings: Surroundings | None
) -> tuple[Arrivals, int]:
    """All arrivals that might be found, and how many pairs of stroke and station they were sought for.

    surroundings : None for open country, where everything is in closed form.
    """
    columns = SoundColumns.of(world.sounds, world.start_ns, listeners.rate_hz.tolist())
    place, station = _within_earshot(world, columns, listeners, scatter, half_snr_db)
    unknown = _Unknown.drawn(world, scatter, columns, listeners.position_m)
    own = world.generator("ways")
    parts: list[Arrivals] = []
    sources, receivers = columns.places_m[place], listeners.position_m[station]
    for first, found in ways(surroundings, world.surfaces, world.weather, sources, receivers):
        pair = first + found.pair
        found.gain_db[:] += scatter.path_sigma_db * own.standard_normal((len(found), 1))
        parts.append(_of_ways(columns, listeners, unknown, found, place[pair], station[pair]))
    parts += _shocks(world, listeners, unknown, columns, surroundings)
    pairs = int((columns.first[place + 1] - columns.first[place]).sum())
    return Arrivals.joined(parts) if parts else clutter(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)), pairs


def clutter(station: Index, at_s: Array, level_db: Array) -> Arrivals:
    """Arrivals that belong to nothing in the world; level in the picking band, dB SPL, for that in any."""
    n = len(station)
    none = np.full(n, CLUTTER, dtype=np.int64)
    zero, small, yes = np.zeros(n), np.zeros(n, dtype=np.int8), np.ones(n, dtype=np.bool_)
    return Arrivals(station, none, none, small, small, yes, at_s, zero, zero, zero, level_db, level_db, level_db)


def _within_earshot(
    world: World, columns: SoundColumns, listeners: Listeners, scatter: Scatter, half_snr_db: float
) -> tuple[Index, Index]:
    """Rows of places and stations of the pairs that are worth a look, sorted by place."""
    weather = world.weather
    lowest = BANDS_HZ[2]  # the lowest octave that the picking band lets through whole travels farthest
    absorption = absorption_db_per_m(lowest, weather.temperature_c, weather.humidity_percent, weather.pressure_hpa)
    own = float(np.hypot(scatter.path_sigma_db, scatter.round_sigma_db))
    needed = listeners.noise_db + half_snr_db - MARGIN_DB - DOUBLING_DB
    loudest = columns.loudest_db()
    places, stations = [], []
    for first in range(0, len(loudest), 4096):
        some = columns.places_m[first : first + 4096]
        apart = np.linalg.norm(some[:, None, :] - listeners.position_m[None, :, :], axis=2)
        level = loudest[first : first + 4096, None] - 20.0 * np.log10(np.maximum(apart, 1.0)) - absorption * apart
        level += LUCK * np.hypot(own, scatter.sigma_db(apart)) - scatter.mean_loss_db(apart)
        row, column = np.nonzero(level >= needed)
        places.append(row + first)
        stations.append(column)
    empty = np.empty(0, dtype=np.int64)
    return np.concatenate([empty, *places]), np.concatenate([empty, *stations])


def _of_ways(
    columns: SoundColumns, listeners: Listeners, unknown: _Unknown, found: Ways, place: Index, station: Index
) -> Arrivals:
    """Every stroke of each place on each way from there; ``place`` and ``station`` are of the ways."""
    count = columns.first[place + 1] - columns.first[place]
    way = np.repeat(np.arange(len(found)), count)
    begin = np.cumsum(count) - count
    stroke = np.arange(len(way)) - begin[way] + columns.first[place[way]]
    heard_by = station[way]
    amplitude = np.exp(found.gain_db * (np.log(10.0) / 20.0))[way]
    beam = columns.beam(stroke, found.departure[way])
    if beam is not None:
        amplitude *= beam
    whole, picked, told = _sums(columns, listeners, amplitude, columns.signal[stroke], heard_by)
    cell = unknown.cell[place[way]]
    less = unknown.loss_db[cell, heard_by] + unknown.round_db[stroke, heard_by] - columns.gain_db[stroke]
    late = unknown.late_s[cell, heard_by]
    delay = found.delay_s[way] + late
    leads = np.ones(len(found), dtype=np.bool_)
    leads[1:] = found.pair[1:] != found.pair[:-1]
    return Arrivals(
        station=heard_by,
        sound=columns.sound[stroke],
        stroke=stroke,
        wave=np.full(len(way), BLAST, dtype=np.int8),
        kind=found.kind[way],
        leads=leads[way],
        at_s=columns.at_s[stroke] + columns.offset_s[stroke] + delay,
        delay_s=columns.offset_s[stroke] + delay,
        excess_s=delay - found.straight_s[way],
        length_m=found.length_m[way],
        whole_db=whole - less,
        picked_db=picked - less,
        told_db=told - less,
    )


def _sums(
    columns: SoundColumns, listeners: Listeners, amplitude: Array, signal: Index, station: Index
) -> tuple[Array, Array, Array]:
    """(n,) float64 each, dB SPL: bands added up to ``whole_db``, ``picked_db`` and ``told_db`` of ``Arrivals``."""
    whole, picked, told = (np.empty(len(signal)) for _ in range(3))
    for rate, levels in columns.levels.items():
        rows = np.flatnonzero(listeners.rate_hz[station] == rate)
        weak, of = amplitude[rows], signal[rows]
        for table, out in (
            (np.array([one.whole_pa for one in levels]), whole),
            (np.array([one.picked_pa for one in levels]), picked),
            (np.array([one.told_pa for one in levels]), told),
        ):
            out[rows] = np.einsum("ij,ij->i", weak, table[of])
    return _db_spl(whole), _db_spl(picked), _db_spl(told)


def _shocks(
    world: World, listeners: Listeners, unknown: _Unknown, columns: SoundColumns, surroundings: Surroundings | None
) -> list[Arrivals]:
    """Shock waves of supersonic bullets, sound by sound."""
    parts: list[Arrivals] = []
    first_stroke = dict(zip(reversed(columns.sound.tolist()), reversed(range(len(columns.sound))), strict=True))
    tables: dict[tuple[int, int], BandLevels] = {}
    around = surroundings
    air = world.weather.sound_speed_m_s, world.weather.wind_m_s
    for k, sound in enumerate(world.sounds):
        if sound.bullet is None:
            continue
        free = sound.bullet.shock(listeners.position_m, *air)
        if not free.heard.any():
            continue
        around = Surroundings.of(world.city) if around is None else around
        found = trace_shock(around, world.surfaces, world.weather, sound.bullet, listeners.position_m)
        paths = found.paths
        station = paths.pair.astype(np.int64)
        stroke = first_stroke[k]
        amplitude = 10.0 ** (band_gain_db(paths, world.weather, world.surfaces, BANDS_HZ, spreading=False) / 20.0)
        whole, picked, told = (np.empty(len(station)) for _ in range(3))
        for row, (listener, duration_s) in enumerate(zip(station.tolist(), found.duration_s.tolist(), strict=True)):
            key = round(np.log(duration_s) * 20.0), int(listeners.rate_hz[listener])
            if key not in tables:
                wave = n_wave_pa(1.0, float(np.exp(key[0] / 20.0)), SOURCE_RATE_HZ)
                tables[key] = band_levels(wave, SOURCE_RATE_HZ, float(key[1]))
            one = tables[key]
            whole[row], picked[row], told[row] = amplitude[row] @ np.column_stack(
                (one.whole_pa, one.picked_pa, one.told_pa)
            )
        cell = unknown.cell[columns.place[stroke]]
        less = unknown.loss_db[cell, station] + unknown.round_db[stroke, station] - 20.0 * np.log10(found.peak_pa)
        late = unknown.late_s[cell, station]
        leads = np.ones(len(station), dtype=np.bool_)
        leads[1:] = station[1:] != station[:-1]
        # Behind the muzzle no shock passes by itself; what a wall sent there is compared with the first of its kind.
        straight_s = np.where(
            free.heard[station], free.delay_s[station], paths.delay_s[np.searchsorted(station, station)]
        )
        n = len(station)
        parts.append(
            Arrivals(
                station=station,
                sound=np.full(n, k, dtype=np.int64),
                stroke=np.full(n, stroke, dtype=np.int64),
                wave=np.full(n, SHOCK, dtype=np.int8),
                kind=paths.kind,
                leads=leads,
                at_s=columns.at_s[stroke] + paths.delay_s + late,
                delay_s=paths.delay_s + late,
                excess_s=paths.delay_s - straight_s + late,
                length_m=paths.length_m,
                whole_db=_db_spl(whole) - less,
                picked_db=_db_spl(picked) - less,
                told_db=_db_spl(told) - less,
            )
        )
    return parts


def _db_spl(pressure_pa: Array) -> Array:
    return np.asarray(20.0 * np.log10(np.maximum(pressure_pa, 1e-12) / REFERENCE_PA))
