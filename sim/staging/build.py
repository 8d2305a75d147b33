"""From a scenario to a world: everything is decided here, and the same seed decides it the same way."""

from __future__ import annotations

import dataclasses

import msgspec

from localize.networkfile import weather_from
from sim.staging.cast import Cast
from sim.staging.scenario import Scenario
from sim.staging.site import city_of, open_ground
from sim.staging.siting import Siting
from sim.staging.stations import stations
from sim.world import Ambient, Surfaces, World


def build_world(scenario: Scenario, *, seed: int | None = None) -> World:
    """The world of a scenario.

    seed : instead of the scenario's own.

    Raises
    ------
    ConfigurationError
        What only the city can tell: a file of it that is not there, a shooter inside a building, a place off the site.
    """
    spec = scenario.spec
    values = {name: value for name, value in msgspec.structs.asdict(spec.weather).items() if value is not None}
    # A world without a city, to draw from: all random numbers come from its seed and a key.
    world = World(
        name=scenario.name,
        title=spec.title,
        seed=spec.seed if seed is None else seed,
        start_ns=scenario.start_ns,
        duration_s=spec.duration_s,
        city=open_ground(1.0, 1.0),
        weather=weather_from(values, scenario.where),
        surfaces=Surfaces(**msgspec.structs.asdict(spec.surfaces)),
        ambient=Ambient(**msgspec.structs.asdict(spec.ambient)),
        stations=(),
        sounds=(),
    )
    world = dataclasses.replace(world, city=city_of(scenario, world))
    siting = Siting(world.city, scenario)
    return dataclasses.replace(
        world,
        stations=stations(scenario, siting, world),
        sounds=Cast(scenario, siting, world).sounds(),
    )
