"""Ground plans as maps have them, made into what ``Buildings`` promises: valid, oriented polygons in one piece each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

LEAST_AREA_M2 = 1.0
"""Below it there is no building, but what is left of a slip of the pen."""

SAME_POINT_M = 1e-3
"""Corners nearer than this are one; maps are drawn to the centimetre."""


@dataclass(frozen=True, slots=True, eq=False)
class Footprints:
    """What became of n ground plans.

    polygons : (m,) object array of polygons as ``Buildings.footprints`` wants them.
    plan : (m,) int64, which of the n each comes from; ascending.
    repaired : (n,) bool, whether it had to be mended.
    lost : (n,) bool, whether nothing is left of it.
    """

    polygons: NDArray[np.object_]
    plan: NDArray[np.int64]
    repaired: NDArray[np.bool_]
    lost: NDArray[np.bool_]


def cleaned(plans: NDArray[np.object_]) -> Footprints:
    """Mend, take apart and orient ground plans.

    Rings that cross themselves are mended by ``shapely.make_valid`` (method ``structure``: what an outer ring encloses
    less what the inner ones do).  Pieces below ``LEAST_AREA_M2`` are dropped.  Several pieces of a plan come in the
    order of their lower left corners, so that the result does not depend on how the plan was put together.

    plans : (n,) object array of polygons and multipolygons, metres; None and empty ones are lost.
    """
    plans = np.array([shapely.Polygon() if plan is None else plan for plan in plans], dtype=object)
    plans = shapely.remove_repeated_points(plans, SAME_POINT_M)
    repaired = ~shapely.is_valid(plans)
    if repaired.any():
        plans[repaired] = shapely.make_valid(plans[repaired], method="structure", keep_collapsed=False)
    # Twice: mending may give a collection that holds multipolygons.
    parts, plan = shapely.get_parts(plans, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)
    plan = plan[inner]
    keep = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) >= LEAST_AREA_M2)
    parts, plan = parts[keep], plan[keep]
    west, south, east, north = shapely.bounds(parts).reshape(-1, 4).T
    order = np.lexsort((north, east, south, west, plan))
    polygons = np.empty(len(order), dtype=object)
    polygons[:] = shapely.orient_polygons(parts[order])
    lost = np.ones(len(plans), dtype=np.bool_)
    lost[plan] = False
    return Footprints(polygons, plan[order].astype(np.int64), repaired & ~lost, lost)


def piece_names(names: Sequence[str], plan: NDArray[np.int64]) -> list[str]:
    """A name for each piece: that of its plan, and from the second on also a number (``relation/7#2``)."""
    first = np.searchsorted(plan, plan)
    return [
        names[row] + (f"#{number + 1}" if number else "")
        for row, number in zip(plan.tolist(), (np.arange(len(plan)) - first).tolist(), strict=True)
    ]
