"""Ways along streets: what a car drives from one place to another."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from geo.streets import Streets


def shortest_way(streets: Streets, points_m: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The shortest way along centre lines through points, each moved to the nearest place on the net of streets.

    points_m : (n, 2) float64, metres, site frame, n >= 2.

    Returns (k, 2) float64, metres, site frame: the corners of the way; None when there are no streets.

    Streets that cross are taken to meet (bridges are few), and only the largest net of streets that are joined is
    driven on: lanes in a court lead nowhere.  Dijkstra 1959, by scipy.
    """
    if not len(streets):
        return None
    nodes, graph, pieces, node = _net(streets.lines)
    _, net = connected_components(graph, directed=False)
    largest = np.argmax(np.bincount(net))
    lines = pieces[net[node] == largest]
    stops = []
    for point in map(shapely.Point, points_m):
        line = lines[int(np.argmin(shapely.distance(lines, point)))]
        stops.append(line.interpolate(line.project(point)))
    # A tiny line across each stop makes it a corner of the net, which is cut where lines meet.
    nodes, graph, _, _ = _net(np.array([*lines, *map(_tick, stops)], dtype=object))
    marks = [int(np.argmin(np.hypot(*(nodes - (stop.x, stop.y)).T))) for stop in stops]
    way = [marks[0]]
    for start, goal in pairwise(marks):
        _, before = dijkstra(graph, directed=False, indices=np.array(start), return_predecessors=True)
        leg = [goal]
        while leg[-1] != start:
            leg.append(int(before[leg[-1]]))
        way += leg[-2::-1]
    return np.asarray(nodes[way], dtype=np.float64)


def _net(
    lines: NDArray[np.object_],
) -> tuple[NDArray[np.float64], csr_array[np.float64], NDArray[np.object_], NDArray[np.int64]]:
    """Corners (n, 2), metres; the lengths between joined ones (n, n); the lines cut where they meet, and the first
    corner of each."""
    pieces = np.asarray(shapely.get_parts(shapely.unary_union(lines)))
    ends, piece = shapely.get_coordinates(pieces, return_index=True)
    same = piece[1:] == piece[:-1]
    nodes, node = np.unique(ends, axis=0, return_inverse=True)
    first, last = node[:-1][same], node[1:][same]
    length = np.hypot(*(nodes[last] - nodes[first]).T)
    graph = coo_array((length, (first, last)), shape=(len(nodes), len(nodes))).tocsr()
    return nodes, graph, pieces, node[np.searchsorted(piece, np.arange(len(pieces)))]


def _tick(stop: shapely.Point) -> shapely.LineString:
    """A centimetre of line across a stop, aslant so that it is hardly part of a street."""
    return shapely.LineString([(stop.x - 0.0031, stop.y - 0.0047), (stop.x + 0.0031, stop.y + 0.0047)])
