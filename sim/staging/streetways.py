"""Ways along streets: what a car drives from one place to another."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from geo.streets import Streets


def shortest_ways(streets: Streets, points_m: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The shortest way along centre lines through points, each moved to the nearest place on a street.

    points_m : (n, 2) float64, metres, site frame, n >= 2.

    Returns (k, 2) float64, metres, site frame: the corners of the way; None when no way joins two points, or when there
    are no streets.

    Streets that cross are taken to meet: bridges are few, and who drives by rarely cares.  Dijkstra 1959, by scipy.
    """
    if not len(streets):
        return None
    lines = streets.lines
    stops = []
    for point in map(shapely.Point, points_m):
        line = lines[int(np.argmin(shapely.distance(lines, point)))]
        stops.append(line.interpolate(line.project(point)))
    # A tiny cross at each stop makes it a corner of the net when the lines are cut where they meet.
    net = shapely.get_parts(shapely.unary_union([*lines, *(_tick(stop) for stop in stops)]))
    ends, piece = shapely.get_coordinates(net, return_index=True)
    same = piece[1:] == piece[:-1]
    nodes, node = np.unique(ends, axis=0, return_inverse=True)
    first, last = node[:-1][same], node[1:][same]
    length = np.hypot(*(nodes[last] - nodes[first]).T)
    graph = coo_array((length, (first, last)), shape=(len(nodes), len(nodes))).tocsr()
    marks = [int(np.argmin(np.hypot(*(nodes - (stop.x, stop.y)).T))) for stop in stops]
    way = [marks[0]]
    for start, goal in pairwise(marks):
        _, before = dijkstra(graph, directed=False, indices=np.array(start), return_predecessors=True)
        leg = [goal]
        while leg[-1] != start:
            if (previous := int(before[leg[-1]])) < 0:
                return None
            leg.append(previous)
        way += leg[-2::-1]
    return np.asarray(nodes[way], dtype=np.float64)


def _tick(stop: shapely.Point) -> shapely.LineString:
    """A centimetre of line across a stop, aslant so that it is not part of the street."""
    return shapely.LineString([(stop.x - 0.0031, stop.y - 0.0047), (stop.x + 0.0031, stop.y + 0.0047)])
