"""The ways that sound takes from sources to receivers: geometry and time; what it does to the sound is ``response``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Kind(IntEnum):
    """What a path met on its way."""

    DIRECT = 0
    """Nothing: line of sight."""
    GROUND = 1
    """Bounced off the ground, in line of sight."""
    OVER = 2
    """Bent over roofs: the shortest way in the upright plane."""
    AROUND = 3
    """Bent around corners: the shortest way left or right of the buildings in between."""
    WALL = 4
    """Bounced off one wall or more; bent over roofs in between when ``edges`` says so."""
    TAIL = 5
    """The beginning of the late reverberation, which has no single way."""


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """n paths as columns, sorted by pair, then by delay.

    pair : (n,) int32, which source and receiver (the row of the arrays that were traced).
    kind : (n,) int8, a ``Kind``.
    length_m : (n,) float64, along the path.
    delay_s : (n,) float64, travel time in moving air; never less than that of the straight line.
    excess_m : (n,) float64, how much longer the path is than the same path without the edges in its way; 0 without
        edges.  It decides the loss of diffraction.
    edges : (n,) int16, how many edges it bends over or around.
    edge_span_m : (n,) float64, from the first to the last edge along the path, metres; 0 with fewer than two.
    bounces : (n,) int16, reflections off walls.
    departure : (n, 3) float64, unit vector in which it leaves the source.
    grazing_rad : (n,) float64, angle between ray and ground where it bounces off it; NaN for every other kind.
    points_m : (p, 3) float64, the corners of all paths one after the other, source and receiver included, metres.
    first_point : (n + 1,) int64, where each path's corners begin in ``points_m``; the last is p.
    """

    pair: NDArray[np.int32]
    kind: NDArray[np.int8]
    length_m: NDArray[np.float64]
    delay_s: NDArray[np.float64]
    excess_m: NDArray[np.float64]
    edges: NDArray[np.int16]
    edge_span_m: NDArray[np.float64]
    bounces: NDArray[np.int16]
    departure: NDArray[np.float64]
    grazing_rad: NDArray[np.float64]
    points_m: NDArray[np.float64]
    first_point: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pair)

    def way(self, path: int) -> NDArray[np.float64]:
        """(k, 3) float64, the corners of one path from source to receiver, metres, site frame."""
        return self.points_m[self.first_point[path] : self.first_point[path + 1]]
