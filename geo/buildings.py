"""Buildings as the ground plans that sound and sight meet: upright prisms on flat ground."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

DEFAULT_HEIGHT_M = 9.0
"""Of a building that states neither height nor levels and has no neighbour that does (``geo.heights``): three storeys,
the median of European inner cities."""


@dataclass(frozen=True, slots=True, eq=False)
class Walls:
    """The upright faces of buildings; one row a straight piece of a ring.

    start_m, end_m : (w, 2) float64, metres, site frame.  Seen from ``start`` to ``end`` the building is on the left, so
        the open side is on the right.
    height_m : (w,) float64, of the top above the ground.
    building : (w,) int32, row in ``Buildings``.
    """

    start_m: NDArray[np.float64]
    end_m: NDArray[np.float64]
    height_m: NDArray[np.float64]
    building: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.building)


@dataclass(frozen=True, eq=False)
class Buildings:
    """Upright prisms with flat roofs, standing on the plane ``up = 0`` of the site frame.

    footprints : (n,) object array of valid, non-empty ``shapely.Polygon`` (courtyards are holes), metres, site frame;
        outer rings counter-clockwise, holes clockwise (``shapely.orient_polygons``).
    height_m : (n,) float64, roof above the ground, greater than 0.
    names : n ids, such as ``way/4711``.
    """

    footprints: NDArray[np.object_]
    height_m: NDArray[np.float64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.height_m)

    @classmethod
    def none(cls) -> Buildings:
        """Open country."""
        return cls(np.empty(0, dtype=object), np.empty(0), ())

    @cached_property
    def walls(self) -> Walls:
        """Every face; pieces of zero length are left out."""
        if not len(self):
            return Walls(np.empty((0, 2)), np.empty((0, 2)), np.empty(0), np.empty(0, dtype=np.int32))
        rings, owner = shapely.get_rings(self.footprints, return_index=True)
        points, ring = shapely.get_coordinates(rings, return_index=True)
        keep = (ring[1:] == ring[:-1]) & (points[1:] != points[:-1]).any(axis=1)
        building = owner[ring[:-1][keep]].astype(np.int32)
        return Walls(
            np.ascontiguousarray(points[:-1][keep]),
            np.ascontiguousarray(points[1:][keep]),
            self.height_m[building],
            building,
        )
