"""Worlds of a few sensors in open country, and sounds whose pressure is known exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from acoustic.weather import Weather
from geo.buildings import Buildings
from geo.city import City
from geo.frames import CartesianFrame
from geo.place import Cartesian
from geo.streets import Streets
from sim.propagation.paths import Kind, Paths
from sim.propagation.shockwaves import ShockPaths
from sim.sound import REFERENCE_PA, Bullet, Sound
from sim.world import Ambient, Station, Surfaces, World
from wire.utc import NS_PER_S

START_NS = 1_700_000_000 * NS_PER_S
CORNERS_M = ((0.0, 0.0, 6.0), (300.0, 20.0, 8.0), (280.0, 310.0, 5.0), (-20.0, 290.0, 7.0), (150.0, 140.0, 10.0))
STILL = Weather(temperature_c=15.0, humidity_percent=50.0)
QUIET = Ambient(level_db_a=45.0, events_per_min=0.0)
DRY = Surfaces(reflections=0, reverberation_time_s=0.0)


@dataclass(frozen=True)
class Tone:
    """A tone burst with soft ends."""

    amplitude_pa: float
    frequency_hz: float = 1000.0
    duration_s: float = 0.2

    @property
    def peak_db_spl_1m(self) -> float:
        return 20.0 * float(np.log10(self.amplitude_pa / REFERENCE_PA))

    def pressure_pa(self, rate_hz: float) -> NDArray[np.float64]:
        t = np.arange(round(self.duration_s * rate_hz)) / rate_hz
        window = np.minimum(1.0, np.minimum(t, self.duration_s - t) / 0.02)
        return np.asarray(self.amplitude_pa * window * np.sin(2.0 * np.pi * self.frequency_hz * t))


@dataclass(frozen=True)
class Bang:
    """A blast-like pulse: a smooth rise over half a millisecond, a fall, an undershoot (Friedlander, filtered)."""

    peak_pa: float
    positive_s: float = 1e-3
    duration_s: float = 0.03

    @property
    def peak_db_spl_1m(self) -> float:
        return 20.0 * float(np.log10(self.peak_pa / REFERENCE_PA))

    def pressure_pa(self, rate_hz: float) -> NDArray[np.float64]:
        x = np.arange(round(self.duration_s * rate_hz)) / rate_hz / self.positive_s
        shape = -np.expm1(-((4.0 * x) ** 2)) * (1.0 - x) * np.exp(-x)
        return np.asarray(self.peak_pa * shape / np.abs(shape).max())


@dataclass(frozen=True)
class Roar:
    """Noise that goes on for long."""

    amplitude_pa: float
    duration_s: float = 9.0

    @property
    def peak_db_spl_1m(self) -> float:
        return 20.0 * float(np.log10(self.amplitude_pa / REFERENCE_PA))

    def pressure_pa(self, rate_hz: float) -> NDArray[np.float64]:
        generator = np.random.default_rng(8)
        return np.asarray(self.amplitude_pa * generator.uniform(-1.0, 1.0, round(self.duration_s * rate_hz)))


class StraightLines:
    """A tracer that knows one way: the straight one, in still air."""

    def __init__(self, sound_speed_m_s: float) -> None:
        self._c = sound_speed_m_s
        self.asked = 0

    def blast(self, source_m: NDArray[np.float64], receivers_m: NDArray[np.float64]) -> Paths:
        self.asked += 1
        n = len(receivers_m)
        apart = receivers_m - source_m
        length = np.linalg.norm(apart, axis=1)
        points = np.empty((2 * n, 3))
        points[0::2], points[1::2] = source_m, receivers_m
        return Paths(
            pair=np.arange(n, dtype=np.int32),
            kind=np.full(n, Kind.DIRECT, dtype=np.int8),
            length_m=length,
            delay_s=length / self._c,
            excess_m=np.zeros(n),
            edges=np.zeros(n, dtype=np.int16),
            edge_span_m=np.zeros(n),
            bounces=np.zeros(n, dtype=np.int16),
            departure=apart / length[:, None],
            grazing_rad=np.full(n, np.nan),
            points_m=points,
            first_point=np.arange(0, 2 * n + 1, 2, dtype=np.int64),
        )

    def shock(self, bullet: Bullet, receivers_m: NDArray[np.float64]) -> ShockPaths:
        raise AssertionError("nothing here flies faster than sound")


def station(id: str, position_m: tuple[float, float, float], **fields: object) -> Station:
    """A sensor that knows where it is."""
    return replace(Station(id, np.array(position_m), Cartesian(*position_m)), **fields)  # type: ignore[arg-type]


def stations(rate_hz: int = 16_000, **fields: object) -> tuple[Station, ...]:
    """Five, on the corners of a square and in its middle."""
    return tuple(station(f"s{n}", at, rate_hz=rate_hz, **fields) for n, at in enumerate(CORNERS_M))


def bang(at_s: float, position_m: tuple[float, float, float], peak_pa: float = 2000.0, id: str = "A/1") -> Sound:
    """A shot without directivity or bullet."""
    return Sound(
        id=id,
        kind="gunshot",
        source="A",
        label="a bang",
        round=1,
        at_ns=START_NS + round(at_s * NS_PER_S),
        position_m=np.array(position_m),
        signal=Bang(peak_pa),
    )


def world(hearing: tuple[Station, ...], *sounds: Sound, duration_s: float = 6.0, **fields: object) -> World:
    """Open country, quiet, without reverberation."""
    made = World(
        name="small",
        title="A few sensors in open country",
        seed=7,
        start_ns=START_NS,
        duration_s=duration_s,
        city=City(CartesianFrame(), Buildings.none(), Streets.none(), (-1e3, -1e3, 1e3, 1e3)),
        weather=STILL,
        surfaces=DRY,
        ambient=QUIET,
        stations=hearing,
        sounds=tuple(sorted(sounds, key=lambda sound: (sound.at_ns, sound.id))),
    )
    return replace(made, **fields)  # type: ignore[arg-type]
