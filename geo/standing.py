"""From what a map draws to what stands: outlines with their tags become ``Buildings``, whatever file they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from geo import heights
from geo.account import Tally
from geo.buildings import Buildings
from geo.footprints import cleaned, piece_names
from geo.parts import Solids, carved


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One outline as mapped.

    name : its id.
    tags : in OpenStreetMap's words; it is a part when it has ``building:part`` and no ``building``.
    shape : a polygon or multipolygon, valid or not, metres, site frame.
    """

    name: str
    tags: Mapping[str, str]
    shape: shapely.Geometry


def standing(
    drawn: Sequence[Drawn], area: shapely.Polygon | None, left_out: Tally, noted: Tally
) -> tuple[Buildings, dict[str, int]]:
    """The buildings of a map.

    Parameters
    ----------
    drawn : in the order in which buildings shall come; parts come after all outlines.
    area : buildings that do not reach into it are not wanted; None for all.
    left_out, noted : take down what is missing and what was changed.

    Returns
    -------
    buildings : mended, taken apart where parts say so, each with a height (``geo.heights``).
    sources : how many owe their height to what, by the words of ``heights.SOURCES``.
    """
    outlines, parts, raised = [], [], []
    for item in drawn:
        is_part = "building:part" in item.tags and "building" not in item.tags
        reason = heights.why_no_wall(item.tags)
        stated = heights.stated_height(item.tags)
        if is_part and reason in (None, heights.RAISED):
            if stated.height_m is None:
                left_out.add("part of a building without a height of its own", item.name)
                continue
            parts.append((item, stated))
            raised.append(reason is not None)
        elif reason is not None:
            left_out.add(reason, item.name)
            continue
        else:
            outlines.append((item, stated))
        for key in stated.misread:
            noted.add(f"{key} not understood", item.name)

    drawn_whole = _mended(outlines, left_out, noted), _mended(parts, left_out, noted)
    solids = carved(*drawn_whole, np.array(raised, dtype=np.bool_))
    shapes = cleaned(solids.polygons)
    before = np.concatenate([each.polygons for each in drawn_whole])
    for row in np.flatnonzero(shapes.lost & ~shapely.is_empty(before)).tolist():
        left_out.add("nothing of it stands beside its parts", solids.names[row])
    keep = np.ones(len(shapes.polygons), dtype=np.bool_) if area is None else shapely.intersects(shapes.polygons, area)
    polygons, plan = shapes.polygons[keep], shapes.plan[keep]
    small = solids.outbuilding[plan] | (shapely.area(polygons) < heights.OUTBUILDING_AREA_M2)
    centre_m = shapely.get_coordinates(shapely.centroid(polygons))
    height_m, source = heights.filled(solids.height_m[plan], centre_m, small)
    source = np.where(source == "", solids.source[plan], source)
    names = piece_names(solids.names, plan)
    return Buildings(polygons, height_m, tuple(names)), {w: int(np.sum(source == w)) for w in heights.SOURCES}


def _mended(items: Sequence[tuple[Drawn, heights.Stated]], left_out: Tally, noted: Tally) -> Solids:
    """Valid shapes, one a plan still; the lost ones are left out by becoming empty."""
    plans = np.empty(len(items), dtype=object)
    plans[:] = [item.shape for item, _ in items]
    shapes = cleaned(plans)
    for row in np.flatnonzero(shapes.repaired).tolist():
        noted.add("outline mended", items[row][0].name)
    for row in np.flatnonzero(shapes.lost).tolist():
        left_out.add("outline without an area", items[row][0].name)
    first = np.searchsorted(shapes.plan, np.arange(len(items) + 1))
    for row in range(len(items)):
        pieces = shapes.polygons[first[row] : first[row + 1]]
        plans[row] = pieces[0] if len(pieces) == 1 else shapely.MultiPolygon(list(pieces))
    source = np.empty(len(items), dtype=object)
    source[:] = [stated.source for _, stated in items]
    return Solids(
        plans,
        np.array([np.nan if s.height_m is None else s.height_m for _, s in items], dtype=np.float64),
        source,
        tuple(item.name for item, _ in items),
        np.array([i.tags.get("building", "") in heights.OUTBUILDINGS for i, _ in items], dtype=np.bool_),
    )
