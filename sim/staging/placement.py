"""Where sensors hang and where people stand: on a grid, on roofs, along streets; never inside a building."""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from errors import ConfigurationError
from geo.buildings import Buildings
from geo.city import City
from geo.roofs import inside_buildings, roof_above_m

Rectangle = tuple[float, float, float, float]
"""West, south, east, north, metres, site frame."""

MAST_M = 2.0
"""Of a sensor on a roof: clear of parapets and of the air that flows over them."""

INSET_M = 0.3
"""From the roof's edge to the mast."""

ROOF_AREA_M2 = 25.0
"""Nobody puts a mast on a smaller one: it is a shed."""

ROOF_HEIGHT_M = 4.0
"""Nor on a lower one."""

EDGE_M_PER_M = 4.0 / math.sqrt(3.0)
"""How far apart two sensors are that stand as far from the edge of the area as half a row of hexagons is wide."""

CLEARANCE_M = 0.5
"""How far from a wall somebody stands who was moved out of a building."""

STREET_WORDS = frozenset(
    (
        "trunk", "primary", "secondary", "tertiary", "unclassified", "residential", "living_street", "service",
        "pedestrian", "road", "footway",
    )
)
"""Kinds of streets on which people stand."""


def on_grid(
    bounds_m: Rectangle, spacing_m: float, height_m: float, *, city: City | None = None
) -> NDArray[np.float64]:
    """Sensors on poles on a square lattice, as many as fit, centred in the bounds.

    bounds_m, spacing_m : metres.
    height_m : above the ground.
    city : where a pole would stand in a building, it goes to the nearest free place (``outside_buildings``); None for
        open ground, or to leave them where they are.

    Returns (n, 3) float64, metres, site frame; rows from south to north, within a row from west to east.
    Raises ConfigurationError for bounds or a spacing that hold no sensor, or a pole that finds no free place.
    """
    west, south, east, north = _checked_bounds(bounds_m)
    if not 0.0 < spacing_m < math.inf:
        raise ConfigurationError("sensor grid", "spacing_m", expected="more than 0", seen=spacing_m)
    if not 0.0 <= height_m < math.inf:
        raise ConfigurationError("sensor grid", "height_m", expected="0 or more", seen=height_m)
    axes = []
    for low, high in ((west, east), (south, north)):
        count = math.floor((high - low) / spacing_m * (1.0 + 1e-12)) + 1
        axes.append((low + high) / 2.0 + spacing_m * (np.arange(count) - (count - 1) / 2.0))
    x, y = (grid.ravel() for grid in np.meshgrid(*axes))
    positions_m = np.column_stack([x, y, np.full(len(x), float(height_m))])
    return positions_m if city is None else outside_buildings(city, positions_m, move=True, who="sensor grid")


def on_rooftops(
    city: City,
    per_km2: float,
    area_m: Rectangle,
    generator: np.random.Generator,
    *,
    mast_m: float = MAST_M,
) -> NDArray[np.float64]:
    """Sensors on masts at the edges of roofs, spread evenly over an area.

    Each roof offers one place, at the middle of one of its walls that face the open; of all places the one furthest
    from those already taken is taken next (farthest-point sampling, Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5).
    The edge of the area keeps them off like half a row of hexagons (``EDGE_M_PER_M``), lest they crowd there.

    Parameters
    ----------
    per_km2 : sensors a square kilometre of ``area_m``; their number is rounded.
    area_m : west, south, east, north, metres, site frame.
    mast_m : above the roof.

    Returns
    -------
    (n, 3) float64, metres, site frame, sorted from south to north; one a roof at most.

    Raises
    ------
    ConfigurationError
        When the density asks for less than one sensor, or for more than there are roofs to bear them.
    """
    west, south, east, north = _checked_bounds(area_m)
    if not 0.0 < per_km2 < math.inf:
        raise ConfigurationError("sensors on roofs", "per_km2", expected="more than 0", seen=per_km2)
    if not 0.0 < mast_m < math.inf:
        raise ConfigurationError("sensors on roofs", "mast_m", expected="more than 0", seen=mast_m)
    area_km2 = 1e-6 * (east - west) * (north - south)
    count = round(per_km2 * area_km2)
    if count < 1:
        expected = f"at least {1.0 / area_km2:.3g}, for one sensor in {area_km2:.3g} km2"
        raise ConfigurationError("sensors on roofs", "per_km2", expected=expected, seen=per_km2)
    places_m = _roof_places(city, area_m, generator, mast_m)
    if len(places_m) < count:
        expected = f"{count} roofs for {per_km2:g} sensors a km2 on {area_km2:.3g} km2"
        raise ConfigurationError("sensors on roofs", "density", expected=expected, seen=len(places_m))
    chosen = _spread(places_m, count, area_m, generator)
    return places_m[chosen[np.lexsort((places_m[chosen, 0], places_m[chosen, 1]))]]


def near_street(
    city: City,
    generator: np.random.Generator,
    count: int,
    *,
    area_m: Rectangle | None = None,
    height_m: float = 1.5,
    kinds: frozenset[str] = STREET_WORDS,
    off_m: float = 5.0,
) -> NDArray[np.float64]:
    """Random places on streets and beside them, out of buildings: where people shoot.

    count : how many.
    area_m : None for the whole city.
    height_m : above the ground.
    kinds : of streets that are taken, each metre of them with equal chance.
    off_m : standard deviation of the distance from the centre line.

    Returns (count, 3) float64, metres, site frame.
    Raises ConfigurationError when the area has no such street, or hardly a free place along them.
    """
    area = _checked_bounds(city.bounds_m if area_m is None else area_m)
    wanted = np.array([kind in kinds for kind in city.streets.kinds], dtype=np.bool_)
    lines = np.asarray(shapely.clip_by_rect(city.streets.lines[wanted], *area))
    lengths = shapely.length(lines)
    if lengths.sum() <= 0.0:
        expected = f"one of {', '.join(sorted(kinds))} within the area"
        raise ConfigurationError("places near streets", "streets", expected=expected, seen="none")
    found: list[NDArray[np.float64]] = []
    for _ in range(50 * count):
        if len(found) == count:
            break
        line = lines[generator.choice(len(lines), p=lengths / lengths.sum())]
        x, y = shapely.get_coordinates(shapely.line_interpolate_point(line, generator.random(), normalized=True))[0]
        place = np.array([x, y, height_m]) + np.append(generator.normal(0.0, off_m, 2), 0.0)
        within = area[0] <= place[0] <= area[2] and area[1] <= place[1] <= area[3]
        if within and not inside_buildings(city.buildings, place)[0]:
            found.append(place)
    if len(found) < count:
        raise ConfigurationError("places near streets", "free places", expected=str(count), seen=len(found))
    return np.array(found, dtype=np.float64).reshape(count, 3)


def outside_buildings(
    city: City, points_m: NDArray[np.float64], *, move: bool = False, who: str = "place"
) -> NDArray[np.float64]:
    """Points that are not inside a building.

    Parameters
    ----------
    points_m : (3,) or (n, 3), metres, site frame.  What is above a roof is outside.
    move : whether a point inside goes to the nearest place ``CLEARANCE_M`` out of all buildings higher than it, at the
        same height, be it a street or a court; otherwise it is an error.
    who : what errors call the points.

    Returns
    -------
    Float64 of the same shape.

    Raises
    ------
    ConfigurationError
        For the first point inside a building, naming it; with ``move``, when its whole surroundings are built up.
    """
    result = np.array(points_m, dtype=np.float64)
    rows = result.reshape(-1, 3)
    inside = np.flatnonzero(inside_buildings(city.buildings, rows))
    if not len(inside):
        return result
    tree = shapely.STRtree(city.buildings.footprints)
    for row in inside:
        point = shapely.Point(rows[row, :2])
        if not move:
            over = np.sort(tree.query(point, predicate="intersects"))
            name = city.buildings.names[over[int(np.argmax(city.buildings.height_m[over]))]]
            at = f"({', '.join(f'{value:.1f}' for value in rows[row])}) m in building {name}"
            raise ConfigurationError(who, "position", expected="a place outside buildings", seen=at)
        rows[row, :2] = _nearest_free(city.buildings, tree, point, float(rows[row, 2]), who)
    return result


def _nearest_free(
    buildings: Buildings, tree: shapely.STRtree, point: shapely.Point, height_m: float, who: str
) -> NDArray[np.float64]:
    """(2,) float64: the point of the map nearest to ``point`` that is clear of all that is higher than ``height_m``."""
    for reach_m in (30.0, 120.0, 480.0):
        near = np.sort(tree.query(point, predicate="dwithin", distance=reach_m))
        near = near[buildings.height_m[near] > height_m]
        around = shapely.union_all(shapely.buffer(buildings.footprints[near], CLEARANCE_M, join_style="mitre"))
        edge: NDArray[np.float64] = shapely.get_coordinates(shapely.shortest_line(point, shapely.boundary(around)))[1]
        # Nearer than the reach, nothing beyond it can be in the way.
        if math.dist(edge, (point.x, point.y)) + CLEARANCE_M * math.sqrt(2.0) < reach_m:
            return edge
    seen = f"nothing but buildings within 480 m of ({point.x:.1f}, {point.y:.1f}) m"
    raise ConfigurationError(who, "position", expected="a free place near by", seen=seen)


def _roof_places(
    city: City, area_m: Rectangle, generator: np.random.Generator, mast_m: float
) -> NDArray[np.float64]:
    """(n, 3) float64, metres: one mast a usable roof, in the order of the buildings."""
    buildings, walls = city.buildings, city.buildings.walls
    usable = (shapely.area(buildings.footprints) >= ROOF_AREA_M2) & (buildings.height_m >= ROOF_HEIGHT_M)
    along = walls.end_m - walls.start_m
    length_m = np.hypot(*along.T)
    outwards = np.column_stack([along[:, 1], -along[:, 0]]) / length_m[:, None]
    middle = (walls.start_m + walls.end_m) / 2.0
    mast = middle - INSET_M * outwards
    west, south, east, north = area_m
    within = (west <= mast[:, 0]) & (mast[:, 0] <= east) & (south <= mast[:, 1]) & (mast[:, 1] <= north)
    wall = np.flatnonzero(usable[walls.building] & within & (length_m >= 2.0))
    top_m = walls.height_m[wall] + mast_m
    # A wall against a neighbour's is no edge to listen from, nor is a mast in a higher building (maps overlap).
    faces = roof_above_m(buildings, (middle + 1.0 * outwards)[wall]) < walls.height_m[wall]
    wall = wall[faces & (roof_above_m(buildings, mast[wall]) < top_m)]
    # Of each roof's walls one at random: those drawn first come first in a stable sort by building.
    wall = generator.permutation(wall)
    wall = wall[np.argsort(walls.building[wall], kind="stable")]
    _, first = np.unique(walls.building[wall], return_index=True)
    wall = wall[first]
    return np.column_stack([mast[wall], walls.height_m[wall] + mast_m])


def _spread(
    places_m: NDArray[np.float64], count: int, area_m: Rectangle, generator: np.random.Generator
) -> NDArray[np.int64]:
    """(count,) int64: rows that lie as far from each other as a greedy choice finds."""
    west, south, east, north = area_m
    x, y = places_m[:, 0], places_m[:, 1]
    mirror_m = EDGE_M_PER_M * np.min([x - west, east - x, y - south, north - y], axis=0)
    deep = np.flatnonzero(mirror_m >= np.median(mirror_m))
    chosen = np.empty(count, dtype=np.int64)
    chosen[0] = generator.choice(deep)
    apart_m = mirror_m
    for number in range(1, count):
        last = chosen[number - 1]
        apart_m = np.minimum(apart_m, np.hypot(x - x[last], y - y[last]))
        apart_m[last] = -1.0
        chosen[number] = np.argmax(apart_m)
    return chosen


def _checked_bounds(bounds_m: Rectangle) -> Rectangle:
    west, south, east, north = bounds_m
    if not (-math.inf < west < east < math.inf and -math.inf < south < north < math.inf):
        raise ConfigurationError("area", "bounds", expected="west < east and south < north, metres", seen=bounds_m)
    return west, south, east, north
