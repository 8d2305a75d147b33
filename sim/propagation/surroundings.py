"""What sound meets in a city, in arrays that compiled code takes as they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.buildings import Buildings
from geo.city import City
from geo.wallgrid import WallGrid

__all__ = ["Surroundings"]


class Surroundings(NamedTuple):
    """A city's walls and corners; w walls, b buildings.  Made once, used for any number of traces.

    grid : over the walls.
    faces : (w, 6) float64, one row a wall: east and north of its start, its unit direction east and north, its length,
        its height; metres, site frame.  The open side is on the right.
    corner_first : (b + 1,) int64, where each building's corners begin in ``corner_m``.
    corner_m : (k, 2) float64, corners of each building's outer ring, metres, site frame.
    """

    grid: WallGrid
    faces: NDArray[np.float64]
    corner_first: NDArray[np.int64]
    corner_m: NDArray[np.float64]

    @classmethod
    def of(cls, city: City) -> Surroundings:
        """The surroundings that ``city`` makes."""
        return cls.of_buildings(city.buildings)

    @classmethod
    def of_buildings(cls, buildings: Buildings) -> Surroundings:
        """The same from buildings alone."""
        walls = buildings.walls
        along = walls.end_m - walls.start_m
        length = np.linalg.norm(along, axis=1)
        faces = np.column_stack((walls.start_m, along / length[:, None], length, walls.height_m))
        rings = shapely.get_exterior_ring(buildings.footprints)
        corner_m, owner = shapely.get_coordinates(rings, return_index=True)
        first = np.append(True, owner[1:] != owner[:-1])[: len(owner)]
        corner_m, owner = corner_m[~first], owner[~first]  # a ring's first corner is its last
        return cls(
            WallGrid.of(buildings),
            np.ascontiguousarray(faces),
            np.searchsorted(owner, np.arange(len(buildings) + 1)).astype(np.int64),
            np.ascontiguousarray(corner_m),
        )
