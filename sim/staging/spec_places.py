"""Tables of a scenario that say where and when: places, ways, times drawn by chance."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from settings.tables import Table, number, what

REACH_M = 20_000.0
"""No sound of a scenario is further from the middle of its site: beyond it even a shell is silent."""
LONGEST_S = 172_800.0
"""Two days: what is longer is a slip of units."""


Metres = Annotated[float, number(-REACH_M, REACH_M, "in the site's frame")]
Degrees = Annotated[float, number(-180, 180, "WGS 84")]
SiteBounds = tuple[Metres, Metres, Metres, Metres]
GlobeBounds = tuple[Degrees, Degrees, Degrees, Degrees]


class Point(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point of the map: either `x_m` and `y_m`, or `longitude` and `latitude`."""

    x_m: Annotated[float, number(-REACH_M, REACH_M, "east in the site's frame")] | None = None
    y_m: Annotated[float, number(-REACH_M, REACH_M, "north in the site's frame")] | None = None
    longitude: Annotated[float, number(-180, 180, "degrees east, WGS 84; only on a site that lies on the globe")] | (
        None
    ) = None
    latitude: Annotated[float, number(-90, 90, "degrees north, WGS 84")] | None = None


Corners = tuple[Point, ...]


class Spot(Point, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place: a point of the map and a height.  On the `ground` it stays exactly there, in open air; to a `street` it
    moves to the nearest point of a centre line; to a `roof` it moves to the nearest building that bears one, unless it
    is over one already."""

    height_m: Annotated[float, number(0, 1000, "above the ground, or above the roof")] = 1.5
    stands: Annotated[Literal["ground", "street", "roof"], what("what it stands on")] = "ground"


class Route(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way along which something moves at a steady speed; it waits at either end."""

    points: Annotated[Corners, msgspec.Meta(min_length=2, description="its corners, in order")]
    speed_m_s: Annotated[float, number(0.1, 300, "along the way")]
    at_s: Annotated[float, number(-LONGEST_S, LONGEST_S, "when it leaves the first point")] = 0.0
    height_m: Annotated[float, number(0, 1000, "above the ground")] = 1.2
    along_streets: Annotated[
        bool, what("from each point to the next by the shortest way along streets, instead of straight")
    ] = False


class Chance(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Incidents by chance: a Poisson process of so many `per_hour`, or exactly so many `incidents`, at places drawn
    from an area: on or beside streets, as people stand there, or anywhere outside buildings (`ground`)."""

    per_hour: Annotated[float, number(0, 100_000, "mean rate; one of `per_hour` and `incidents`")] | None = None
    incidents: Annotated[int, number(0, 100_000, "exact number")] | None = None
    from_s: Annotated[float, number(0, LONGEST_S, "first instant")] = 0.0
    to_s: Annotated[float, number(0, LONGEST_S, "last instant; the scenario's end when left out")] | None = None
    peak_at_s: Annotated[float, number(0, LONGEST_S, "around when they gather, such as midnight")] | None = None
    peak_sigma_s: Annotated[float, number(1, LONGEST_S, "standard deviation of those that gather there")] = 600.0
    peak_share: Annotated[float, number(0, 1, "share that gathers there; the others come at any time")] = 0.5
    bounds_m: Annotated[SiteBounds, what("area: west, south, east, north")] | None = None
    within: Annotated[Corners, what("area: corners of a polygon; with neither area the whole site")] | None = None
    height_m: Annotated[float, number(0, 1000, "above the ground")] = 1.5
    stands: Annotated[Literal["ground", "street"], what("what they stand on")] = "street"
