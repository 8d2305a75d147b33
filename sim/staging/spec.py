"""A scenario file: the tables of the whole, of the site, the weather and the air.

Every key's meaning, unit, bounds and default stand in docs/scenarios.md, which is written from these types
(``sim.staging.reference``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from localize.networkfile import WEATHER_BOUNDS
from settings.tables import Table, number, what
from sim.propagation.reflections import MOST_REFLECTIONS
from sim.staging.gridcity import Style
from sim.staging.spec_cast import Gunfire, Noise, Recorded, Shooter
from sim.staging.spec_places import LONGEST_S, GlobeBounds
from sim.staging.spec_sensors import Fault, Sensors

Size = Annotated[float, number(20, 40_000, "of a side")]
Block = Annotated[float, number(15, 1000, "of a block")]


class GeoJson(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A city as GeoJSON."""

    buildings: Annotated[str, msgspec.Meta(min_length=1, description="file of building outlines")]
    streets: Annotated[str, msgspec.Meta(min_length=1, description="file of street centre lines")] | None = None


class Origin(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the middle of a generated city lies on the globe."""

    longitude: Annotated[float, number(-180, 180, "degrees east, WGS 84")]
    latitude: Annotated[float, number(-85, 85, "degrees north, WGS 84")]


class Grid(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A city generated from the seed, the origin in its middle: `blocks` is a European inner city, `houses` a
    residential district of the United States.  What is left out is the style's own."""

    # Not also one number for a square: msgspec 0.22 crashes on "a bounded number or a tuple of fixed length".
    size_m: Annotated[tuple[Size, Size], what("west to east and south to north")] = (1200.0, 1200.0)
    style: Annotated[Style, what("what it looks like")] = "blocks"
    block_m: Annotated[tuple[Block, Block], what("width and depth of a block")] | None = None
    street_m: Annotated[float, number(3, 200, "width of a street, from wall to wall")] | None = None
    height_m: Annotated[float, number(2, 500, "median height of buildings")] | None = None
    height_spread: Annotated[float, number(0, 2, "standard deviation of the logarithm of height")] | None = None
    centre_rise: Annotated[float, number(0, 10, "how much higher the middle is; 1 is twice as high")] | None = None
    park_share: Annotated[float, number(0, 1, "share of blocks that are parks")] | None = None
    gap_share: Annotated[float, number(0, 1, "share of houses that are missing")] | None = None
    rotation_deg: Annotated[float, number(-360, 360, "of the streets, counter-clockwise; drawn when left out")] | (
        None
    ) = None
    seed: (
        Annotated[int, number(0, 2**53, "of the city alone, which then stays when the scenario's seed changes")] | None
    ) = None
    origin: Annotated[Origin, what("its place on the globe; a plain Cartesian site when left out")] | None = None


class OpenGround(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field without buildings, the origin in its middle."""

    width_m: Annotated[float, number(10, 40_000, "west to east")] = 1000.0
    depth_m: Annotated[float, number(10, 40_000, "south to north")] = 1000.0


class Site(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it happens: one of `osm`, `geojson`, `grid`, `open`; a generated grid city when nothing is given.  File
    names are relative to the scenario file; those that begin with `shared:` are found in the folder that the
    environment names as TOCSIN_SHARED, or else in `../shared` beside the repository."""

    osm: Annotated[str, msgspec.Meta(min_length=1, description="an OpenStreetMap PBF file")] | None = None
    bounds: Annotated[GlobeBounds, what("of `osm`: west, south, east, north")] | None = None
    geojson: Annotated[GeoJson, what("buildings and streets")] | None = None
    grid: Annotated[Grid, what("a generated city")] | None = None
    open: Annotated[OpenGround, what("open ground")] | None = None


class WeatherTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The air, uniform over the site, by the names of network.toml."""

    temperature_c: Annotated[float, number(*WEATHER_BOUNDS["temperature_c"], "of the air")] = 15.0
    humidity_percent: Annotated[float, number(*WEATHER_BOUNDS["humidity_percent"], "relative")] = 50.0
    pressure_hpa: Annotated[float, number(*WEATHER_BOUNDS["pressure_hpa"], "static")] = 1013.25
    wind_speed_m_s: Annotated[float, number(*WEATHER_BOUNDS["wind_speed_m_s"], "mean, at sensor height")] = 0.0
    wind_from_deg: Annotated[float, number(*WEATHER_BOUNDS["wind_from_deg"], "clockwise from north")] = 0.0
    speed_of_sound_m_s: (
        Annotated[float, number(*WEATHER_BOUNDS["speed_of_sound_m_s"], "measured: replaces that of humid air")] | None
    ) = None


class SurfacesTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What sound meets, and how far it is followed."""

    ground_flow_resistivity_pa_s_m2: Annotated[
        float, number(1e3, 1e9, "effective flow resistivity of the ground: asphalt 2e7, lawn 2e5, snow 3e4")
    ] = 2e7
    wall_absorption: Annotated[float, number(0, 1, "share of energy that a wall takes from a bounce")] = 0.15
    reflections: Annotated[int, number(0, MOST_REFLECTIONS, "most bounces off walls that are followed")] = 1
    reflection_reach_m: Annotated[float, number(0, 5000, "only walls this near to source or sensor are tried")] = 150.0
    least_gain_db: Annotated[
        float, number(-120, 0, "paths weaker than this beyond spreading, at 1 kHz, are dropped")
    ] = -30.0
    reverberation_time_s: Annotated[float, number(0, 20, "of the late tail (60 dB); 0 for no tail")] = 0.8
    reverberation_db: Annotated[float, number(-60, 20, "energy of the tail over that of the paths found")] = -6.0


class AmbientTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The background."""

    level_db_a: Annotated[float, number(0, 120, "mean level at the sensors; by the hour when left out")] | None = None
    utc_offset_h: Annotated[float, number(-14, 14, "local time minus UTC, which decides the hour")] = 0.0
    events_per_min: Annotated[float, number(0, 600, "level swells at each sensor: vehicles, voices, doors")] = 2.0


class Spec(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    title: Annotated[str, msgspec.Meta(min_length=1, description="in one line, for people")]
    start: Annotated[datetime, msgspec.Meta(tz=True, description="instant of the first sample, with its zone")]
    duration_s: Annotated[float, number(0.1, LONGEST_S, "of the whole")]
    seed: Annotated[int, number(0, 2**53, "of everything random")] = 1
    site: Annotated[Site, what("where it happens")] = Site()
    weather: Annotated[WeatherTable, what("the air")] = WeatherTable()
    surfaces: Annotated[SurfacesTable, what("what sound meets")] = SurfacesTable()
    ambient: Annotated[AmbientTable, what("the background")] = AmbientTable()
    sensors: Annotated[Sensors, what("who listens")]
    shooter: Annotated[tuple[Shooter, ...], what("who shoots")] = ()
    gunfire: Annotated[tuple[Gunfire, ...], what("gunfire by chance")] = ()
    noise: Annotated[tuple[Noise, ...], what("look-alikes")] = ()
    recorded: Annotated[tuple[Recorded, ...], what("real sounds that stand in as sources")] = ()
    fault: Annotated[tuple[Fault, ...], what("what goes wrong")] = ()
