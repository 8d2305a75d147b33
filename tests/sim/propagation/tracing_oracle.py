"""The tracer's slow obvious forms: shapely, all pieces of a way against all buildings, image by image."""

from __future__ import annotations

import itertools

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.buildings import Buildings
from geo.wallgrid import TOLERANCE_M
from tests.geo.small_cities import shortest_over, tops_on_the_way

Point = NDArray[np.float64]


def unfolded_over(
    buildings: Buildings, plan: list[Point], z0: float, z1: float
) -> tuple[float, list[tuple[float, float]]]:
    """Length of the shortest way over the roofs along a broken line in the plan, and its edges."""
    tops: list[tuple[float, float]] = []
    total = 0.0
    for a, b in itertools.pairwise(plan):
        a3, b3 = np.append(a[:2], 0.0), np.append(b[:2], 0.0)
        tops += [(total + s, h) for s, h in tops_on_the_way(buildings, a3, b3)]
        total += float(np.linalg.norm((b - a)[:2]))
    return shortest_over([(s, h) for s, h in tops if h > z0 + (z1 - z0) * s / total], z0, total, z1)


def is_clean(buildings: Buildings, plan: list[Point], least_m: float = 0.05) -> bool:
    """Whether no leg passes a corner so closely, or a wall at so grazing an angle, that the tolerance decides."""
    walls = buildings.walls
    along = walls.end_m - walls.start_m
    for a, b in itertools.pairwise(plan):
        way = shapely.LineString([a[:2], b[:2]])
        if shapely.distance(shapely.MultiPoint(walls.start_m), way) < least_m:
            return False
        lines = np.asarray(shapely.linestrings(np.stack((walls.start_m, walls.end_m), axis=1)))
        d = (b - a)[:2] / way.length
        sine = np.abs(along[:, 0] * d[1] - along[:, 1] * d[0]) / np.linalg.norm(along, axis=1)
        if (sine[shapely.distance(lines, way) < least_m] < 0.11).any():
            return False
    return True


def string_around(buildings: Buildings, a: Point, b: Point, side: float, longest_m: float) -> list[Point] | None:
    """Corners of the string pulled tight on one side, by shapely's convex hulls; None when given up."""

    def blockers(way: list[Point]) -> set[int]:
        lengths = [np.linalg.norm((q - p)[:2]) for p, q in itertools.pairwise(way)]
        heights = a[2] + (b[2] - a[2]) * np.append(0.0, np.cumsum(lengths)) / sum(lengths)
        found = set()
        for k, (p, q) in enumerate(itertools.pairwise(way)):
            for s, h in tops_with_owner(buildings, p, q):
                if heights[k] + (heights[k + 1] - heights[k]) * s / lengths[k] < buildings.height_m[h] - TOLERANCE_M:
                    found.add(h)
        return found

    known = blockers([a[:2], b[:2]])
    for _ in range(16):
        corners = np.concatenate([shapely.get_coordinates(buildings.footprints[k]) for k in sorted(known)])
        d = b[:2] - a[:2]
        on_side = side * (d[0] * (corners[:, 1] - a[1]) - d[1] * (corners[:, 0] - a[0])) > 0
        hull = shapely.convex_hull(shapely.MultiPoint([*corners[on_side], a[:2], b[:2]]))
        if not isinstance(hull, shapely.Polygon):
            return None
        ring = [np.array(p) for p in shapely.get_coordinates(hull)[:-1]]
        begin = int(np.argmin([np.linalg.norm(p - a[:2]) for p in ring]))
        ring = ring[begin:] + ring[:begin]
        end = int(np.argmin([np.linalg.norm(p - b[:2]) for p in ring]))
        ways = ring[: end + 1], [ring[0], *reversed(ring[end:])]
        way = ways[0] if len(ways[0]) > 2 or len(ring) == 2 else ways[1]
        plan = sum(np.linalg.norm(q - p) for p, q in itertools.pairwise(way))
        if np.hypot(plan, b[2] - a[2]) > longest_m:
            return None
        stopping = blockers(way)
        if not stopping:
            return way
        if stopping <= known:
            return None
        known |= stopping
    return None


def brushes_a_corner(buildings: Buildings, way: list[Point], least_m: float = 0.05) -> bool:
    """Whether a leg passes a corner closely that it does not touch."""
    corners = shapely.points(shapely.get_coordinates(buildings.footprints))
    for p, q in itertools.pairwise(way):
        ends = shapely.MultiPoint([p, q])
        near = shapely.distance(corners, shapely.LineString([p, q])) < least_m
        if (near & (shapely.distance(corners, ends) > 1e-9)).any():
            return True
    return False


def tops_with_owner(buildings: Buildings, p: Point, q: Point) -> list[tuple[float, int]]:
    """(distance along the leg, building) of both ends of every span inside a footprint."""
    line = shapely.LineString([p[:2], q[:2]])
    thinner = shapely.buffer(buildings.footprints, -TOLERANCE_M, join_style="mitre")
    return [
        (float(np.linalg.norm(point - p[:2])), k)
        for k, footprint in enumerate(thinner)
        for point in shapely.get_coordinates(line.intersection(footprint))
    ]


def reflected(
    buildings: Buildings, a: Point, b: Point, order: int, reach_m: float
) -> list[tuple[float, float, list[Point]]]:
    """(length unbent, length over roofs, plan) of every way off exactly ``order`` walls, before anything is culled."""
    walls = buildings.walls
    lines = np.asarray(shapely.linestrings(np.stack((walls.start_m, walls.end_m), axis=1)))
    near = np.minimum(*(shapely.distance(lines, shapely.Point(p[:2])) for p in (a, b))) <= reach_m
    along = (walls.end_m - walls.start_m) / shapely.length(lines)[:, None]
    normal = np.column_stack((along[:, 1], -along[:, 0]))
    ways = []
    for sequence in itertools.product(np.flatnonzero(near), repeat=order):
        image, images = a[:2], []
        for w in sequence:
            off = float((image - walls.start_m[w]) @ normal[w])
            if off <= TOLERANCE_M:
                break
            image = image - 2 * off * normal[w]
            images.append(image)
        if len(images) < order:
            continue
        point, plan = b[:2], [b[:2]]
        for w, image in zip(reversed(sequence), reversed(images), strict=True):
            near_off, far_off = (
                float((point - walls.start_m[w]) @ normal[w]),
                float((image - walls.start_m[w]) @ normal[w]),
            )
            if near_off <= TOLERANCE_M or far_off >= 0:
                break
            point = point + near_off / (near_off - far_off) * (image - point)
            if not 0.0 <= (point - walls.start_m[w]) @ along[w] < shapely.length(lines[w]):
                break
            plan.insert(0, point)
        if len(plan) < order + 1:
            continue
        plan.insert(0, a[:2])
        lengths = np.cumsum([np.linalg.norm(q - p) for p, q in itertools.pairwise(plan)])
        over, edges = unfolded_over(buildings, plan, float(a[2]), float(b[2]))
        tops = np.array([(0.0, float(a[2])), *edges, (float(lengths[-1]), float(b[2]))])
        heights = np.interp(lengths[:-1], tops[:, 0], tops[:, 1])
        if (heights < walls.height_m[list(sequence)]).all():
            ways.append((float(np.hypot(lengths[-1], b[2] - a[2])), over, plan))
    return ways
