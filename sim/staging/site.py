"""The city of a scenario: read, or made from its seed."""

from __future__ import annotations

import dataclasses

from errors import BadInput
from geo.buildings import Buildings
from geo.city import City
from geo.frames import CartesianFrame
from geo.geojson import read_geojson
from geo.osm import read_osm
from geo.streets import Streets
from sim.staging.files import resolved
from sim.staging.gridcity import grid_city
from sim.staging.scenario import Scenario
from sim.staging.spec import Grid
from sim.world import World


def city_of(scenario: Scenario, world: World) -> City:
    """Buildings, streets and frame of a scenario's site.

    world : whose ``generator`` draws a generated city.

    Raises
    ------
    ConfigurationError
        A file that is not there or cannot be a city.
    """
    site = scenario.spec.site
    try:
        if site.osm is not None:
            return read_osm(resolved(scenario, site.osm, ("site", "osm")), site.bounds)
        if site.geojson is not None:
            streets = site.geojson.streets
            return read_geojson(
                resolved(scenario, site.geojson.buildings, ("site", "geojson", "buildings")),
                None if streets is None else resolved(scenario, streets, ("site", "geojson", "streets")),
            )
        if site.open is not None:
            return open_ground(site.open.width_m, site.open.depth_m)
        return _generated(Grid() if site.grid is None else site.grid, world)
    except BadInput as error:
        if str(error).startswith(scenario.where):
            raise
        raise scenario.refusal(("site",), str(error)) from error


def _generated(grid: Grid, world: World) -> City:
    # The same numbers whether the city's seed is its own or happens to be the scenario's.
    seeded = world if grid.seed is None else dataclasses.replace(world, seed=grid.seed)
    return grid_city(
        seeded.generator("city"),
        size_m=grid.size_m,
        style=grid.style,
        block_m=grid.block_m,
        street_m=grid.street_m,
        height_m=grid.height_m,
        height_spread=grid.height_spread,
        centre_rise=grid.centre_rise,
        park_share=grid.park_share,
        gap_share=grid.gap_share,
        rotation_deg=grid.rotation_deg,
        origin=None if grid.origin is None else (grid.origin.longitude, grid.origin.latitude),
    )


def open_ground(width_m: float, depth_m: float) -> City:
    """A field without buildings around the origin of a Cartesian frame."""
    bounds_m = (-width_m / 2, -depth_m / 2, width_m / 2, depth_m / 2)
    return City(CartesianFrame(), Buildings.none(), Streets.none(), bounds_m)
