"""How fast pulses are simulated without audio, in open country and among buildings."""

from __future__ import annotations

import time

import numpy as np

from acoustic.weather import Weather
from benchmarks.figures import Section, at_least
from geo.buildings import Buildings
from geo.city import City
from geo.frames import CartesianFrame
from geo.place import Cartesian
from geo.streets import Streets
from sim.arrivals import simulate_pulses
from sim.propagation.surroundings import Surroundings
from sim.sources.gunshot import gunshot
from sim.sources.weapons import WEAPONS
from sim.staging.gridcity import grid_city
from sim.staging.placement import outside_buildings
from sim.world import Ambient, Station, Surfaces, World

SEED = 11
SENSORS = 20
SITE_M = 1000.0
OPEN_SHOTS, CITY_SHOTS = 10_000, 1_000
OPEN_BAR, CITY_BAR = 200_000.0, 5_000.0
START_NS = 1_767_225_600_000_000_000
EVERY_S = 1.0

TEXT = f"""
Shots of a .45 pistol at places of their own, one a second, anywhere on a square of {SITE_M / 1000:g} km with
{SENSORS} sensors; every pair of a shot and a sensor counts as one arrival, whether it is heard or not, and all are
followed: none is out of earshot there. Timed is everything from the world to the columns of pulses (levels, scatter,
detection, clocks), on one core, once compiled; with buildings order-1 reflections off their walls, the city's search
grid made before. Making message objects of the columns is not in it.
"""


def world_with(city: City, shots: int) -> World:
    """So many shots, each at a place of its own, heard by ``SENSORS`` sensors."""
    generator = np.random.default_rng(SEED)
    across = SITE_M * (generator.random((SENSORS, 2)) - 0.5)
    sensors = np.column_stack([across, np.full(SENSORS, 9.0)])
    muzzles = np.column_stack([SITE_M * (generator.random((shots, 2)) - 0.5), np.full(shots, 1.5)])
    if len(city.buildings):
        sensors = outside_buildings(city, sensors, move=True, who="sensor")
        muzzles = outside_buildings(city, muzzles, move=True, who="shooter")
    stations = tuple(
        Station(f"S{k:02d}", place, Cartesian(*(float(v) for v in place))) for k, place in enumerate(sensors)
    )
    azimuth = 2.0 * np.pi * generator.random(shots)
    sounds = tuple(
        gunshot(
            WEAPONS["45acp"],
            id=f"A/{k:05d}",
            source="A",
            round=k + 1,
            at_ns=START_NS + round(k * EVERY_S * 1e9),
            position_m=muzzles[k],
            axis=np.array([np.sin(azimuth[k]), np.cos(azimuth[k]), 0.0]),
            generator=generator,
        )
        for k in range(shots)
    )
    return World(
        name="speed",
        title="shots everywhere",
        seed=SEED,
        start_ns=START_NS,
        duration_s=shots * EVERY_S + 10.0,
        city=city,
        weather=Weather(),
        surfaces=Surfaces(),
        ambient=Ambient(level_db_a=45.0),
        stations=stations,
        sounds=sounds,
    )


def rate_of(city: City, shots: int) -> float:
    """Arrivals a second, the best of three."""
    around = Surroundings.of(city) if len(city.buildings) else None
    simulate_pulses(world_with(city, 20), surroundings=around)  # compiles
    world = world_with(city, shots)
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        simulated = simulate_pulses(world, surroundings=around)
        best = max(best, simulated.pairs / (time.perf_counter() - start))
    return best


def measure() -> dict[str, float]:
    """Arrivals a second, ``open`` and ``buildings``."""
    half = 0.6 * SITE_M
    country = City(CartesianFrame(), Buildings.none(), Streets.none(), (-half, -half, half, half))
    city = grid_city(np.random.default_rng(SEED), size_m=1.2 * SITE_M, style="blocks")
    return {"open": rate_of(country, OPEN_SHOTS), "buildings": rate_of(city, CITY_SHOTS)}


def section() -> Section:
    """The rates against their bars."""
    rates = measure()
    figures = [
        at_least("arrivals a second, open country", rates["open"], OPEN_BAR, ",.0f"),
        at_least("arrivals a second, with buildings", rates["buildings"], CITY_BAR, ",.0f"),
    ]
    return Section("pulses without audio", "cost", TEXT, figures)
