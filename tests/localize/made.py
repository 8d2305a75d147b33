"""Made scenes with known truth: sensors, shots, and the pulses that they cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from acoustic.weather import Weather
from geo.place import Cartesian
from localize import scene as compiled
from localize.associate import associate
from localize.network import Network, Sensor
from localize.posterior import Evidence, Ground
from localize.pulses import PulseTable
from localize.travel import travel_times_s
from localize.tuning import DEFAULT_TUNING, Tuning

Floats = NDArray[np.float64]

EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01
STILL = Weather(measured_speed_m_s=343.0)


def network_of(place_m: Floats, weather: Weather = STILL) -> Network:
    """Sensors s00, s01, ... at (n, 3) positions, metres."""
    return Network.of([Sensor(f"s{k:02d}", Cartesian(*map(float, p))) for k, p in enumerate(place_m)], weather)


def lattice(side: int = 4, spacing_m: float = 300.0, seed: int = 1) -> Floats:
    """(side * side, 3) sensors on a jittered lattice, heights 0..10 m."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(side) * spacing_m, np.arange(side) * spacing_m)
    flat = np.column_stack([x.ravel(), y.ravel()]) + rng.uniform(-60.0, 60.0, (side * side, 2))
    return np.column_stack([flat, rng.uniform(0.0, 10.0, side * side)])


@dataclass
class Scene:
    """Pulses piled up shot by shot; ``truth`` remembers which shot each one is of, -1 for clutter."""

    network: Network
    rows: list[tuple[float, int, float, float]] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)
    shots: list[tuple[float, Floats]] = field(default_factory=list)

    def fire(
        self,
        t0: float,
        source_m: Sequence[float],
        *,
        noise_s: float = 0.0,
        reach_m: float = 1500.0,
        deaf: Sequence[int] = (),
        level_db: float = np.nan,
        rng: np.random.Generator | None = None,
    ) -> Floats:
        """One shot, heard by every sensor within reach that is not deaf to it; returns all arrival times (m,)."""
        source = np.asarray(source_m, dtype=np.float64)
        place, weather = self.network.positions_m, self.network.weather
        arrival = t0 + travel_times_s(source, place, weather.sound_speed_m_s, weather.wind_m_s)
        if noise_s > 0.0:
            assert rng is not None
            arrival = arrival + noise_s * rng.standard_normal(len(place))
        distance = np.linalg.norm(place - source, axis=1)
        for k in np.nonzero(distance < reach_m)[0]:
            if int(k) not in deaf:
                loud = level_db - 20.0 * np.log10(max(float(distance[k]), 5.0))
                self.add(float(arrival[k]), int(k), loud, shot=len(self.shots))
        self.shots.append((t0, source))
        return np.asarray(arrival)

    def add(self, t: float, sensor: int, level_db: float = np.nan, *, sigma_s: float = 1e-3, shot: int = -1) -> None:
        """One pulse."""
        self.rows.append((t, sensor, level_db, sigma_s))
        self.truth.append(shot)

    def table(self, shift_s: float = 0.0, order: NDArray[np.int64] | None = None) -> PulseTable:
        """The pulses as a table sorted by arrival; ``order`` shuffles what arrives together."""
        index = np.arange(len(self.rows)) if order is None else order
        rows = np.array(self.rows, dtype=np.float64).reshape(-1, 4)[index]
        ns = EPOCH_NS + np.round((rows[:, 0] + shift_s) * 1e9).astype(np.int64)
        rank = np.argsort(ns, kind="stable")
        return PulseTable(
            arrival_ns=ns[rank],
            sensor=rows[rank, 1].astype(np.int32),
            sigma_s=rows[rank, 3].copy(),
            snr_db=np.full(len(rows), np.nan),
            peak_db_spl=rows[rank, 2].copy(),
            source=np.asarray(index[rank], dtype=np.int64),
        )


def evidence_of(
    place_m: Floats, t_s: Floats, sigma_s: float | Floats, level: Floats | None = None, silent: Floats | None = None
) -> Evidence:
    """Evidence of one shot."""
    n = len(t_s)
    return Evidence(
        np.ascontiguousarray(place_m, dtype=np.float64),
        np.ascontiguousarray(t_s, dtype=np.float64),
        np.broadcast_to(np.asarray(sigma_s, dtype=np.float64), (n,)).copy(),
        np.full(n, np.nan) if level is None else level,
        np.zeros((0, 3)) if silent is None else silent,
    )


def ground_with(
    *,
    wind: tuple[float, float] = (0.0, 0.0),
    height: float = 0.0,
    height_sigma: float = 0.0,
    late_share: float = 0.0,
    late_mean: float = 0.015,
) -> Ground:
    """Air at 343 m/s, and a hearing curve of 900 m."""
    return Ground(343.0, wind[0], wind[1], height, height_sigma, late_share, late_mean, 0.9, 900.0, 100.0, 7.0)


@dataclass
class Found:
    """What association made of a scene."""

    scene: compiled.Scene
    model: compiled.Model
    where: Floats
    taken: NDArray[np.int64]
    family: NDArray[np.int64]
    count: NDArray[np.int64]
    table: PulseTable

    def sources(self) -> list[frozenset[int]]:
        """The pulses of each shot, as the scene counts them."""
        return [frozenset(int(self.table.source[j]) for j in row if j >= 0) for row in self.taken]


def compile_scene(
    made: Scene, tuning: Tuning = DEFAULT_TUNING, table: PulseTable | None = None
) -> tuple[compiled.Scene, compiled.Model]:
    """The scene as the kernels read it, seconds from ``EPOCH_NS``."""
    rows = made.table() if table is None else table
    scene = compiled.scene_of(rows, made.network, tuning, EPOCH_NS)
    return scene, compiled.model_of(scene, made.network, tuning)


def associated(made: Scene, tuning: Tuning = DEFAULT_TUNING, table: PulseTable | None = None) -> Found:
    """Association of a scene under a tuning, nothing learnt."""
    rows = made.table() if table is None else table
    scene, model = compile_scene(made, tuning, rows)
    where, taken, family, count = associate(scene, model)
    order = np.argsort(where[:, 2], kind="stable")
    return Found(scene, model, where[order], taken[order], family[order], count[order], rows)
