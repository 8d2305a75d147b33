"""A city from GeoJSON (RFC 7946): a collection of building outlines, and one of street centre lines.

Positions are longitude and latitude, WGS 84.  Beyond the standard's own ``bbox`` (what is known), these members of the
collection are understood; only the buildings' file may hold the last three:

``frame``        ``"wgs84"``, or ``"site"`` when positions are metres east and north of a plain Cartesian site
``origin``       longitude, latitude and perhaps height of the frame's origin; else the middle of what is known
``bounds_m``     west, south, east, north in metres of the frame: what is known, in place of ``bbox``
``attribution``  whom to thank

A building's properties are read as OpenStreetMap's tags (``geo.heights``): ``height`` or ``height_m``, ``levels`` or
``building:levels``, and what else says how it stands.  A height of zero or less, as some data sets write for "unknown",
counts as none and is noted.  A street has ``highway`` or ``kind``, and ``name``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from errors import BadInput
from geo import heights
from geo.account import Account, Tally
from geo.centrelines import NO_STREETS, cut_streets
from geo.city import City
from geo.extent import Extent, bounds_of, frame_of
from geo.features import Collection, Feature, read_collection
from geo.frames import CartesianFrame, LocalFrame
from geo.place import Geodetic
from geo.standing import Drawn, standing
from geo.streets import Streets

Frame = LocalFrame | CartesianFrame

_LENGTHS = ("height", "building:height", "height_m", "roof:height", "min_height")
_COUNTS = ("building:levels", "levels", "roof:levels", "building:min_level")


def read_geojson(buildings: Path, streets: Path | None = None) -> City:
    """The city of ``read_geojson_with_account``."""
    return read_geojson_with_account(buildings, streets)[0]


def read_geojson_with_account(buildings: Path, streets: Path | None = None) -> tuple[City, Account]:
    """A city of features.

    Parameters
    ----------
    buildings : FeatureCollection of Polygon and MultiPolygon.
    streets : FeatureCollection of LineString and MultiLineString; None for no streets.

    Returns
    -------
    city : in the local frame of ``origin``, or of the middle of what is known, at height 0; or in metres as given.
        Features keep their order (parts of buildings come last).  A building's name is its ``id``, or else its number.
    account : what became of each feature.

    Raises
    ------
    BadInput
        Naming file, feature (counted from 0) and field, for all that is not GeoJSON, for positions that are not on the
        globe, rings that are not closed, and heights that are not numbers; when there is no building.
    """
    plans = read_collection(buildings)
    lines = None if streets is None else read_collection(streets)
    if lines is not None and lines.frame != plans.frame:
        raise BadInput(lines.path, "frame", expected=f"{plans.frame!r} as in {plans.path}", seen=lines.frame)
    shapes = [(feature, list(_rings(feature))) for feature in plans.features if feature.geometry is not None]
    ways = [(f, list(_lines(f))) for f in (lines.features if lines else ()) if f.geometry is not None]
    points = [ring for _, polygons in shapes for rings in polygons for ring in rings]
    points += [line for _, parts in ways for line in parts]
    if not shapes:
        raise BadInput(plans.path, "buildings", expected="one or more", seen=0)

    left_out, noted = Tally(), Tally()
    for collection in (plans, lines):
        for feature in () if collection is None else collection.features:
            if feature.geometry is None:
                left_out.add("feature without geometry", feature.name)
    frame, bounds_m = _frame(plans, np.concatenate(points))
    drawn = []
    names: set[str] = set()
    for feature, polygons in shapes:
        name = feature.name
        if name in names:
            noted.add("id that another feature has", name)
            name = f"feature/{feature.number}"
        names.add(name)
        drawn.append(Drawn(name, _tags(feature), _polygons(frame, polygons)))
    city_buildings, sources = standing(drawn, shapely.box(*bounds_m), left_out, noted)
    if not len(city_buildings):
        raise BadInput(plans.path, "buildings", expected="one or more that stand on the ground within bounds", seen=0)
    city_streets = _streets(frame, ways, bounds_m, left_out)
    city = City(frame, city_buildings, city_streets, bounds_m, plans.attribution)
    return city, Account(len(city_buildings), len(city_streets), sources, left_out.sorted(), noted.sorted())


def _frame(plans: Collection, points: NDArray[np.float64]) -> tuple[Frame, Extent]:
    """The frame, and what is known in it, metres."""
    if plans.frame == "site":
        bounds_m = plans.bounds_m or plans.bbox or bounds_of(points)
        return CartesianFrame(), bounds_m
    origin = None if plans.origin is None else Geodetic(*plans.origin)
    frame, within_m = frame_of(plans.path, plans.bbox or bounds_of(points), origin)
    if plans.bounds_m is not None:
        return frame, plans.bounds_m
    return frame, within_m if plans.bbox is not None else bounds_of(_local(frame, points))


def _local(frame: Frame, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2) float64, metres, of (n, 2) positions."""
    height_m = frame.origin.height_m if isinstance(frame, LocalFrame) else 0.0
    return frame.to_local(points[:, 0], points[:, 1], height_m)[:, :2]


def _polygons(frame: Frame, polygons: list[list[NDArray[np.float64]]]) -> shapely.Geometry:
    shapes = [shapely.Polygon(_local(frame, ring[0]), [_local(frame, r) for r in ring[1:]]) for ring in polygons]
    return shapes[0] if len(shapes) == 1 else shapely.MultiPolygon(shapes)


def _streets(
    frame: Frame, ways: list[tuple[Feature, list[NDArray[np.float64]]]], bounds_m: Extent, left_out: Tally
) -> Streets:
    lines: list[shapely.LineString] = []
    kinds: list[str] = []
    names: list[str] = []
    for feature, parts in ways:
        kind = feature.text("highway") or feature.text("kind") or "road"
        if kind in NO_STREETS:
            left_out.add("highway that is no street", feature.name)
            continue
        for part in parts:
            lines.append(shapely.LineString(_local(frame, part)))
            kinds.append(kind)
            names.append(feature.text("name") or "")
    return cut_streets(lines, kinds, names, bounds_m)


def _rings(feature: Feature) -> Iterator[list[NDArray[np.float64]]]:
    """Polygons as rings of positions, the outer one first."""
    kind, coordinates = feature.kind("Polygon", "MultiPolygon")
    polygons = [coordinates] if kind == "Polygon" else feature.array(coordinates, "geometry.coordinates")
    for polygon in polygons:
        rings = []
        for ring in feature.array(polygon, "geometry.coordinates"):
            positions = feature.positions(ring, least=4)
            if (positions[0] != positions[-1]).any():
                expected = "a ring that ends where it begins"
                raise feature.fault("geometry.coordinates", expected, positions[[0, -1]].tolist())
            rings.append(positions)
        yield rings


def _lines(feature: Feature) -> Iterator[NDArray[np.float64]]:
    kind, coordinates = feature.kind("LineString", "MultiLineString")
    lines = [coordinates] if kind == "LineString" else feature.array(coordinates, "geometry.coordinates")
    for line in lines:
        yield feature.positions(line, least=2)


def _tags(feature: Feature) -> dict[str, str]:
    """Properties as tags; those that count or measure are numbers.

    Raises BadInput for a measure that is no number, or beyond all buildings.
    """
    tags = {}
    for key in (*_LENGTHS, *_COUNTS, "building", "building:part", "location", "layer", "wall"):
        text = feature.text(key)
        if text is None:
            continue
        tags[key] = text
        if key in _LENGTHS:
            value, most, unit = heights.metres(text), heights.TALLEST_M, "metres"
        elif key in _COUNTS:
            value, most, unit = heights.levels(text), heights.MOST_LEVELS, "storeys"
        else:
            continue
        if value is None or value > most:
            raise feature.fault(f"properties.{key}", f"a number of {unit} up to {most:g}", feature.properties[key])
    if "building:part" not in tags:
        tags.setdefault("building", "yes")
    return tags
