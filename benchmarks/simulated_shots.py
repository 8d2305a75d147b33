"""The live-fire deployments in generated cities: real relative places of sensors and muzzle, all else simulated.

No map of the real place is published, and the data's frames are anonymous: the cities are of the same kind (detached
houses, and blocks of perimeter buildings), never a portrait.  Their ground is flat; the real one has hills (the
sensors of one position lie within some 100 m of height), which only ``Scatter`` stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import shapely
from numpy.typing import NDArray

from benchmarks.heard_shots import Deployment, HeardShots, deployments, heard_in
from geo.city import City
from geo.place import Cartesian
from sim.arrivals import simulate_pulses
from sim.propagation.surroundings import Surroundings
from sim.pulse_statistics import EXACT, DetectorModel, Scatter
from sim.sources.gunshot import gunshot
from sim.sources.weapons import WEAPONS
from sim.staging.gridcity import Style, grid_city
from sim.staging.placement import MAST_M
from sim.world import Ambient, Station, Surfaces, World
from wire.utc import parse_utc_ns

Array = NDArray[np.float64]

PUBLISHED_OVER_OURS_DB = -15.4
"""Published signal-to-noise ratios less ours (peak over root mean square, 400 to 4500 Hz), median of the 490 pulses
that both found in the audio; half of them within 4 dB of it."""

PUBLISHED_LEAST_DB = 2.0
"""No published pulse has less."""

RATE_HZ, FULL_SCALE_DB_SPL = 12_000, 94.5
"""Of the publisher's sensors; the level is the published one of the loudest, clipped arrivals."""

STYLES: tuple[Style, ...] = ("houses", "houses", "houses", "blocks")
SIZE_M = 2600.0
REACH_M = 200.0
"""The muzzle stands within this of the middle of the city."""

POLE_M = 8.0
MUZZLE_M = 1.5
SURVEY_SIGMA_M = 2.1
"""On each axis: a circular error of 2.5 m, as the publisher states it of the survey."""

SENSOR_SIGMA_M = 1.0
TEST_GAP_S = 30.0
START_NS = parse_utc_ns("2018-12-19T01:00:00Z")
UTC_OFFSET_H = -5.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """What may be fitted.

    surfaces : reverberation by how much less the second and third rounds of real bursts stand out close by: 7 dB.
    background_db_a : mean level of the background; None for the hour's own.
    background_spread_db : standard deviation of ``Station.background_db``.
    """

    scatter: Scatter = field(default_factory=Scatter)
    surfaces: Surfaces = field(default_factory=lambda: Surfaces(reverberation_time_s=0.8))
    background_db_a: float | None = 51.0
    background_spread_db: float = 4.0
    half_snr_db: float = PUBLISHED_LEAST_DB - PUBLISHED_OVER_OURS_DB

    def without_scatter(self) -> Conditions:
        """The same with only what the map and the physics say; the background goes on changing."""
        return replace(self, scatter=replace(EXACT, background_sigma_db=self.scatter.background_sigma_db))


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One deployment in one city; ``source_m`` (3,), ``sensors_m`` (s, 3), metres, frame of the city."""

    deployment: Deployment
    seed: int
    city: City
    surroundings: Surroundings
    source_m: Array
    sensors_m: Array


@cache
def city_of(seed: int) -> tuple[City, Surroundings]:
    """City number ``seed``; styles take turns."""
    city = grid_city(np.random.default_rng([seed, 1]), size_m=SIZE_M, style=STYLES[seed % len(STYLES)])
    return city, Surroundings.of(city)


@cache
def scene_of(deployment: Deployment, seed: int) -> Scene:
    """A deployment put into a city so that the muzzle is on a street; a sensor over a building hangs on its roof."""
    city, surroundings = city_of(seed)
    tree = shapely.STRtree(city.buildings.footprints)
    generator = np.random.default_rng([seed, 2, deployment.number])
    turn = generator.uniform(0.0, 2.0 * np.pi)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    across = (deployment.sensors_m[:, :2] - deployment.source_m[:2]) @ turned.T
    middle = shapely.intersection(city.streets.lines, shapely.box(-REACH_M, -REACH_M, REACH_M, REACH_M))
    lengths = np.cumsum(shapely.length(middle))
    along = generator.uniform(0.0, lengths[-1])
    line = int(np.searchsorted(lengths, along))
    source = shapely.get_coordinates(shapely.line_interpolate_point(middle[line], along - lengths[line]))[0]
    sensors = np.column_stack([across + source, np.full(len(across), POLE_M)])
    point, building = tree.query(shapely.points(sensors[:, :2]), predicate="within")
    sensors[point, 2] = city.buildings.height_m[building] + MAST_M
    return Scene(deployment, seed, city, surroundings, np.array([*source, MUZZLE_M]), sensors)


def world_of(scene: Scene, conditions: Conditions) -> tuple[World, Array]:
    """The shots of a deployment's tests in a scene, and when they were fired, (k,) seconds after the start."""
    generator = np.random.default_rng([scene.seed, 3, scene.deployment.number])
    azimuth = generator.uniform(0.0, 2.0 * np.pi)  # of the barrel, which is not published
    axis = np.array([np.sin(azimuth), np.cos(azimuth), 0.0])
    stations = tuple(
        Station(
            id=name,
            position_m=place,
            place=Cartesian(*place.tolist()),
            rate_hz=RATE_HZ,
            full_scale_db_spl=FULL_SCALE_DB_SPL,
            background_db=conditions.background_spread_db * float(generator.standard_normal()),
        )
        for name, place in zip(scene.deployment.sensors, scene.sensors_m, strict=True)
    )
    sounds, fired = [], []
    for test, (shots, weapon) in enumerate(zip(scene.deployment.shots_s, scene.deployment.weapon, strict=True)):
        for number, after in enumerate(shots.tolist()):
            at_s = TEST_GAP_S * (test + 0.2) + after
            fired.append(at_s)
            sounds.append(
                gunshot(
                    WEAPONS[weapon],
                    id=f"{test:02d}/{number + 1}",
                    source=f"{test:02d}",
                    round=number + 1,
                    at_ns=START_NS + round(at_s * 1e9),
                    position_m=scene.source_m,
                    axis=axis,
                    generator=generator,
                    range_m=3.0,  # into a trap, as is usual where people live
                )
            )
    world = World(
        name=f"FP{scene.deployment.number}",
        title="a live-fire deployment in a generated city",
        seed=scene.seed,
        start_ns=START_NS,
        duration_s=TEST_GAP_S * len(scene.deployment.shots_s),
        city=scene.city,
        weather=scene.deployment.weather[0],
        surfaces=conditions.surfaces,
        ambient=Ambient(level_db_a=conditions.background_db_a, utc_offset_h=UTC_OFFSET_H),
        stations=stations,
        sounds=tuple(sounds),
    )
    return world, np.array(fired)


def simulated(seeds: Sequence[int], positions: Sequence[int], conditions: Conditions) -> HeardShots:
    """The shots of some firing positions in some cities; levels and ratios as the publisher tells them."""
    parts = []
    first = 0
    detector = replace(DetectorModel(), half_snr_db=conditions.half_snr_db)
    for deployment in deployments():
        if deployment.number not in positions:
            continue
        for seed in seeds:
            scene = scene_of(deployment, seed)
            world, fired_s = world_of(scene, conditions)
            found = simulate_pulses(
                world, detector=detector, scatter=conditions.scatter, surroundings=scene.surroundings
            ).columns
            generator = np.random.default_rng([seed, 4, deployment.number])
            source = scene.source_m.copy()
            source[:2] += SURVEY_SIGMA_M * generator.standard_normal(2)
            sensors = scene.sensors_m.copy()
            sensors[:, :2] += SENSOR_SIGMA_M * generator.standard_normal((len(sensors), 2))
            arrival_s = (found.arrival_ns - START_NS) / 1e9
            snr = found.snr_db + PUBLISHED_OVER_OURS_DB
            columns = found.station, arrival_s, found.peak_db_spl, snr
            parts.append(heard_in(deployment, source, sensors, world.weather, first, fired_s, *columns))
            first += len(fired_s)
    return HeardShots.joined(parts)
