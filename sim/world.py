"""A world that can be heard: everything about a scenario is decided, nothing is computed yet."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from acoustic.weather import Weather
from geo.city import City
from geo.place import Place
from sim.sound import Sound


@dataclass(frozen=True, slots=True)
class Clock:
    """How far a sensor's time is off.

    offset_s : at the start of the scenario, positive when the clock is ahead of UTC.
    drift_ppm : how much it gains, parts per million.
    steps : (seconds after the start, seconds gained) of each jump.
    sigma_s : the standard deviation that the sensor states; faults are what it does not know of.
    """

    offset_s: float = 0.0
    drift_ppm: float = 0.0
    steps: tuple[tuple[float, float], ...] = ()
    sigma_s: float = 1e-4

    def error_s(self, at_s: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Clock minus UTC at so many seconds after the start of the scenario, float64 of the same shape."""
        t = np.asarray(at_s, dtype=np.float64)
        error = self.offset_s + 1e-6 * self.drift_ppm * t
        for when, gained in self.steps:
            error = error + np.where(t >= when, gained, 0.0)
        return np.asarray(error)


@dataclass(frozen=True, slots=True)
class Faults:
    """What else goes wrong at one sensor; times are seconds after the start of the scenario.

    lost : (when, for how long): samples that vanish without a word; what follows comes too early by as much.
    dead : (from, to) in which the microphone gives nothing but its own noise.
    clip_db_spl : peak level at which the microphone overloads; None for the converter's full scale.
    late_share, late_s : share of messages that come late, and by how much on average (exponential).
    repeated_share : share of messages that are sent twice.
    """

    lost: tuple[tuple[float, float], ...] = ()
    dead: tuple[tuple[float, float], ...] = ()
    clip_db_spl: float | None = None
    late_share: float = 0.0
    late_s: float = 30.0
    repeated_share: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """One sensor: where it is, how it hears, and what is wrong with it.

    id : as messages name it.
    position_m : (3,) float64, true position, metres, site frame.
    place : what the sensor believes its place to be.
    position_sigma_m : what it states about that.
    rate_hz, bits : samples a second; 16 or 24.
    full_scale_db_spl : peak level of a sample of magnitude 1, dB re 20 uPa, as its data sheet says.
    gain_error_db : true sensitivity over that of the data sheet.
    self_noise_db_a : equivalent noise of the microphone, dB(A).
    wind_shelter_db : what its screen and place take from wind noise.
    background_db : how much louder than the site its surroundings are.
    """

    id: str
    position_m: NDArray[np.float64]
    place: Place
    position_sigma_m: float = 1.0
    rate_hz: int = 48_000
    bits: int = 16
    full_scale_db_spl: float = 120.0
    gain_error_db: float = 0.0
    self_noise_db_a: float = 30.0
    wind_shelter_db: float = 15.0
    background_db: float = 0.0
    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True, slots=True)
class Surfaces:
    """What sound meets in the city, and how far it is followed.

    ground_flow_resistivity_pa_s_m2 : effective flow resistivity of the ground (asphalt 2e7, lawn 2e5).
    wall_absorption : share of energy that a wall takes from a bounce.
    reflections : most bounces off walls that are followed; 0 for none, 3 at the most.
    reflection_reach_m : only walls this near to source or receiver are tried.
    least_gain_db : paths weaker than this, below one metre of free field at 1 kHz and beyond spreading, are dropped.
    reverberation_time_s : of the late tail (60 dB); 0 for no tail.  The default is fitted: within 150 m the second and
        third rounds of the live-fire bursts stand out 7 dB less than the first, and with 0.8 s simulated ones do too.
    reverberation_db : energy of the tail over that of the paths that were found.
    """

    ground_flow_resistivity_pa_s_m2: float = 2e7
    wall_absorption: float = 0.15
    reflections: int = 1
    reflection_reach_m: float = 150.0
    least_gain_db: float = -30.0
    reverberation_time_s: float = 0.8
    reverberation_db: float = -6.0


@dataclass(frozen=True, slots=True)
class Ambient:
    """The background.

    level_db_a : mean level at the sensors, dB(A); None for the hour's own (``sim.hearing.background``).
    utc_offset_h : local time minus UTC, which decides the hour.
    events_per_min : passing vehicles, voices, doors: level swells at each sensor on its own.
    """

    level_db_a: float | None = None
    utc_offset_h: float = 0.0
    events_per_min: float = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Everything that a simulation needs to know.

    name : the scenario's.
    title : in one line, for people.
    seed : of everything random in it.
    start_ns, duration_s : UTC nanoseconds, seconds.
    stations, sounds : sorted by id; by time, then id.
    """

    name: str
    title: str
    seed: int
    start_ns: int
    duration_s: float
    city: City
    weather: Weather
    surfaces: Surfaces
    ambient: Ambient
    stations: tuple[Station, ...]
    sounds: tuple[Sound, ...]

    def generator(self, *key: str | int) -> np.random.Generator:
        """The random numbers of one purpose: the same for the same seed and key, whatever else is drawn."""
        words = [self.seed, *(int.from_bytes(part.encode()) if isinstance(part, str) else part for part in key)]
        return np.random.default_rng(words)
