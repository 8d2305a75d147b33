"""Roofs over points of the map: how high, and what lies below them."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.buildings import Buildings


def roof_above_m(buildings: Buildings, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) float64, metres: the height of the highest roof over each of (n, 2) or (n, 3) points of the map; 0 in the
    open.  A point on a wall is under its roof."""
    flat_m = np.asarray(points_m, dtype=np.float64).reshape(-1, np.shape(points_m)[-1])[:, :2]
    points = np.atleast_1d(np.asarray(shapely.points(flat_m)))
    point, building = shapely.STRtree(buildings.footprints).query(points, predicate="intersects")
    roof_m = np.zeros(len(points))
    np.maximum.at(roof_m, point, buildings.height_m[building])
    return roof_m


def inside_buildings(buildings: Buildings, points_m: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) bool: which of (n, 3) points, metres, lie in a wall or behind it, below the roof."""
    points_m = np.asarray(points_m, dtype=np.float64).reshape(-1, 3)
    return points_m[:, 2] < roof_above_m(buildings, points_m)
