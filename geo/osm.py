"""A city from OpenStreetMap: closed ways and multipolygons with ``building``, lines with ``highway``.

The file itself is ``geo.osmfile``'s, what tags mean ``geo.heights``'s, mending and heights ``geo.standing``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from errors import BadInput
from geo import osmfile
from geo.account import Account, Tally
from geo.centrelines import NO_STREETS, cut_streets
from geo.city import City
from geo.extent import Extent, bounds_of, frame_of
from geo.frames import LocalFrame
from geo.standing import Drawn, standing
from geo.streets import Streets


def read_osm(path: Path, bounds: Extent | None = None) -> City:
    """The city of ``read_osm_with_account``."""
    return read_osm_with_account(path, bounds)[0]


def read_osm_with_account(path: Path, bounds: Extent | None = None) -> tuple[City, Account]:
    """Buildings and streets of an extract of OpenStreetMap.

    Parameters
    ----------
    path : PBF or XML with the nodes before the ways, as published files have them.
    bounds : west, south, east, north, degrees, WGS 84; None for the whole extract, which ends where its header says,
        or else with its outermost building or street.

    Returns
    -------
    city : in the local frame of the centre of the extract, or of the part that ``bounds`` cuts out, at height 0.
        Buildings that reach into it are kept whole, since a cut building would have walls that do not exist; streets
        end at its edge.  Sorted by kind (way, then relation) and id, so that the order of the file does not matter.
    account : what became of everything tagged as building or street in it.

    Raises
    ------
    BadInput
        When the file is no OpenStreetMap data, ends too early or holds no buildings, or ``bounds`` lies outside it.
    """
    left_out, noted = Tally(), Tally()
    relations = sorted(osmfile.relations(path, "building", "building:part"), key=lambda relation: relation.id)
    members = frozenset(way for relation in relations for way, _ in relation.ways)
    ways = sorted(osmfile.ways(path, ("building", "building:part", "highway"), members), key=lambda way: way.id)
    extent, is_stated = _extent(path, ways, bounds)
    frame, bounds_m = frame_of(path, extent)
    if bounds is not None:
        ways, relations = _near(extent, ways, relations)
    placed = _placed(frame, ways)
    placed_m = {way.id: points_m for way, points_m in zip(ways, placed, strict=True)}
    if not is_stated:
        bounds_m = bounds_of(np.concatenate(placed))

    drawn = [*_outlines(ways, relations, placed_m, left_out), *_multipolygons(relations, placed_m, left_out, noted)]
    buildings, sources = standing(drawn, shapely.box(*bounds_m), left_out, noted)
    if not len(buildings):
        where = "buildings" if bounds is None else f"buildings within bounds {_degrees(bounds)}"
        raise BadInput(path, where, expected="one or more that stand on the ground", seen=0)
    streets = _streets(ways, placed_m, bounds_m, left_out)
    city = City(frame, buildings, streets, bounds_m, osmfile.ATTRIBUTION)
    return city, Account(len(buildings), len(streets), sources, left_out.sorted(), noted.sorted())


def _extent(path: Path, ways: Sequence[osmfile.Way], bounds: Extent | None) -> tuple[Extent, bool]:
    """What the city covers, degrees, cut by ``bounds``; and whether file or bounds state it, not only its contents."""
    stated = osmfile.extent(path)
    points = np.concatenate([np.empty((0, 2)), *(way.lonlat for way in ways)])
    if np.isnan(points).any(axis=1).all():
        raise BadInput(path, "buildings and streets, their nodes before them", expected="one or more", seen=0)
    whole = bounds_of(points) if stated is None else stated
    if bounds is None:
        return whole, stated is not None
    west, south, east, north = bounds
    if not (-180.0 <= west < east <= 180.0 and -90.0 <= south < north <= 90.0):
        expected = "west < east within -180 .. 180 and south < north within -90 .. 90 degrees"
        raise BadInput(path, "bounds", expected=expected, seen=bounds)
    common = max(west, whole[0]), max(south, whole[1]), min(east, whole[2]), min(north, whole[3])
    if common[0] >= common[2] or common[1] >= common[3]:
        raise BadInput(path, "bounds", expected=f"an area that meets the extract ({_degrees(whole)})", seen=bounds)
    return common, True


def _near(
    extent: Extent, ways: Sequence[osmfile.Way], relations: Sequence[osmfile.Relation]
) -> tuple[list[osmfile.Way], list[osmfile.Relation]]:
    """What may reach into ``extent``, so that the account is of that alone; ways in relations that may stay as well."""
    west, south, east, north = extent
    filled = [way for way in ways if len(way.lonlat)]
    first = np.cumsum([0, *(len(way.lonlat) for way in filled)])[:-1]
    points = np.concatenate([way.lonlat for way in filled])
    # fmin and fmax pass over nodes that the file does not hold.
    low, high = np.fmin.reduceat(points, first), np.fmax.reduceat(points, first)
    meets = (low <= (east, north)).all(axis=1) & (high >= (west, south)).all(axis=1)
    box = {way.id: (low[row], high[row]) for row, way in enumerate(filled)}
    kept = []
    for relation in relations:
        boxes = [box[way] for way, _ in relation.ways if way in box]
        lows, highs = np.array([b[0] for b in boxes]), np.array([b[1] for b in boxes])
        if boxes and (np.nanmin(lows, 0) <= (east, north)).all() and (np.nanmax(highs, 0) >= (west, south)).all():
            kept.append(relation)
    wanted = {way for relation in kept for way, _ in relation.ways}
    wanted |= {filled[row].id for row in np.flatnonzero(meets).tolist()}
    return [way for way in filled if way.id in wanted], kept


def _degrees(extent: Extent) -> str:
    west, south, east, north = extent
    return f"{west:g} .. {east:g}, {south:g} .. {north:g}"


def _placed(frame: LocalFrame, ways: Sequence[osmfile.Way]) -> list[NDArray[np.float64]]:
    """(n, 2) float64 of each way, metres; rows of nodes that the file does not hold are NaN."""
    if not ways:
        return []
    lonlat = np.concatenate([way.lonlat for way in ways])
    known = ~np.isnan(lonlat).any(axis=1)
    points_m = np.full_like(lonlat, np.nan)
    points_m[known] = frame.to_local(lonlat[known, 0], lonlat[known, 1], 0.0)[:, :2]
    return np.split(points_m, np.cumsum([len(way.lonlat) for way in ways])[:-1])


def _outlines(
    ways: Sequence[osmfile.Way],
    relations: Sequence[osmfile.Relation],
    placed_m: Mapping[int, NDArray[np.float64]],
    left_out: Tally,
) -> Iterator[Drawn]:
    """Buildings and parts drawn as one closed way."""
    # A way that is tagged once more although its relation is the building: the relation knows the courtyards.
    again = {way for r in relations if "building" in r.tags for way, role in r.ways if role != "inner"}
    for way in ways:
        if "building" not in way.tags and "building:part" not in way.tags:
            continue
        name = f"way/{way.id}"
        if way.id in again and "building" in way.tags:
            left_out.add("drawn again by its relation", name)
        elif np.isnan(way.lonlat).any():
            left_out.add("outline with nodes that the file does not hold", name)
        elif not way.closed:
            left_out.add("outline not closed", name)
        elif len(way.lonlat) < 4:
            left_out.add("outline with fewer than three corners", name)
        else:
            yield Drawn(name, way.tags, shapely.Polygon(placed_m[way.id]))


def _multipolygons(
    relations: Sequence[osmfile.Relation],
    placed_m: Mapping[int, NDArray[np.float64]],
    left_out: Tally,
    noted: Tally,
) -> Iterator[Drawn]:
    """Buildings and parts drawn as several rings.

    What lies within an odd number of rings belongs to the building (``shapely.build_area``).  That is what roles say
    too, where they are right.
    """
    for relation in relations:
        name = f"relation/{relation.id}"
        if relation.tags.get("type") not in ("multipolygon", "boundary"):
            left_out.add("relation that is no multipolygon", name)  # a bracket around outlines that are ways themselves
            continue
        lines = [placed_m.get(way, np.empty((0, 2))) for way, _ in relation.ways]
        whole = [shapely.LineString(line) for line in lines if len(line) > 1 and not np.isnan(line).any()]
        shape = shapely.build_area(shapely.union_all(whole))
        if shapely.is_empty(shape):
            left_out.add("outline not closed", name)
            continue
        if len(whole) < len(lines):
            noted.add("outline in part outside the file", name)
        yield Drawn(name, relation.tags, shapely.normalize(shape))


def _streets(
    ways: Sequence[osmfile.Way],
    placed_m: Mapping[int, NDArray[np.float64]],
    bounds_m: Extent,
    left_out: Tally,
) -> Streets:
    """Centre lines, cut to the bounds; one row a piece."""
    lines: list[shapely.LineString] = []
    kinds: list[str] = []
    names: list[str] = []
    for way in ways:
        kind = way.tags.get("highway")
        if kind is None:
            continue
        name = f"way/{way.id}"
        points_m = placed_m[way.id][~np.isnan(way.lonlat).any(axis=1)]
        if kind in NO_STREETS:
            left_out.add("highway that is no street", name)
        elif way.tags.get("area") == "yes":
            left_out.add("street drawn as an area", name)
        elif len(points_m) < 2:
            left_out.add("street with fewer than two nodes in the file", name)
        else:
            lines.append(shapely.LineString(points_m))
            kinds.append(kind)
            names.append(way.tags.get("name", ""))
    return cut_streets(lines, kinds, names, bounds_m)
