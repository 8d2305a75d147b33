"""Small worlds for pulses without audio."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely

from acoustic.weather import Weather
from geo.buildings import Buildings
from geo.city import City
from geo.frames import CartesianFrame
from geo.place import Cartesian
from geo.streets import Streets
from sim.pulse_statistics import DetectorModel
from sim.sound import Sound
from sim.sources.gunshot import gunshot
from sim.sources.weapons import WEAPONS
from sim.world import Ambient, Station, Surfaces, World

START_NS = 1_767_225_600_000_000_000
SURE = DetectorModel(half_snr_db=-60.0, timing_s=0.0, noisy_timing_s=0.0)
"""Hears everything, errs in nothing."""


def country() -> City:
    return City(CartesianFrame(), Buildings.none(), Streets.none(), (-5e3, -5e3, 5e3, 5e3))


def city(*boxes: tuple[float, float, float, float, float]) -> City:
    """Boxes: west, south, east, north, height."""
    footprints = np.array([shapely.box(*box[:4], ccw=True) for box in boxes], dtype=object)
    names = tuple(f"b{k}" for k in range(len(boxes)))
    buildings = Buildings(footprints, np.array([box[4] for box in boxes]), names)
    return City(CartesianFrame(), buildings, Streets.none(), (-5e3, -5e3, 5e3, 5e3))


def station(name: str, east: float, north: float, up: float = 6.0) -> Station:
    return Station(name, np.array([east, north, up]), Cartesian(east, north, up))


def shot(number: int, at_s: float, east: float, north: float, weapon: str = "45acp", axis: float = 0.0) -> Sound:
    return gunshot(
        WEAPONS[weapon],
        id=f"A/{number:03d}",
        source="A",
        round=number + 1,
        at_ns=START_NS + round(at_s * 1e9),
        position_m=np.array([east, north, 1.5]),
        axis=np.array([np.cos(axis), np.sin(axis), 0.0]),
        generator=np.random.default_rng(number),
    )


def world(
    stations: tuple[Station, ...],
    sounds: tuple[Sound, ...],
    *,
    where: City | None = None,
    duration_s: float = 60.0,
    events_per_min: float = 0.0,
    level_db_a: float = 45.0,
    weather: Weather | None = None,
    seed: int = 5,
) -> World:
    return World(
        name="pulses",
        title="a test",
        seed=seed,
        start_ns=START_NS,
        duration_s=duration_s,
        city=country() if where is None else where,
        weather=Weather() if weather is None else weather,
        surfaces=Surfaces(reverberation_time_s=0.0),
        ambient=Ambient(level_db_a=level_db_a, events_per_min=events_per_min),
        stations=stations,
        sounds=sounds,
    )


def scattered(shots: int, stations: int, seed: int = 3, apart_s: float = 4.0, **options: object) -> World:
    """Shots one after another anywhere on a square of 800 m among as many stations."""
    generator = np.random.default_rng(seed)
    listeners = tuple(station(f"S{k:02d}", *(800.0 * (generator.random(2) - 0.5)).tolist()) for k in range(stations))
    places = 800.0 * (generator.random((shots, 2)) - 0.5)
    aims = 2.0 * np.pi * generator.random(shots)
    fired = tuple(
        shot(k, 1.0 + apart_s * k, float(east), float(north), axis=float(aim))
        for k, ((east, north), aim) in enumerate(zip(places, aims, strict=True))
    )
    made = world(listeners, fired, duration_s=10.0 + apart_s * shots)
    return replace(made, **options)  # type: ignore[arg-type]
