"""Small random cities, and the slow obvious answers about them."""

from __future__ import annotations

import itertools

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.buildings import Buildings
from geo.wallgrid import TOLERANCE_M


def buildings_of(polygons: list[shapely.Polygon], heights_m: list[float]) -> Buildings:
    """Buildings from polygons of any orientation."""
    footprints = np.empty(len(polygons), dtype=object)
    footprints[:] = polygons
    return Buildings(
        np.asarray(shapely.orient_polygons(footprints)),
        np.array(heights_m, dtype=np.float64),
        tuple(f"way/{number}" for number in range(len(polygons))),
    )


def random_city(
    seed: int, *, buildings: int = 25, size_m: float = 200.0, overlapping: bool = True, courtyards: bool = True
) -> Buildings:
    """Irregular houses of 3 to 7 corners and 3 to 30 m, some with a courtyard."""
    generator = np.random.default_rng(seed)
    polygons: list[shapely.Polygon] = []
    heights: list[float] = []
    for _ in range(buildings):
        middle = generator.uniform(0, size_m, 2)
        corners = int(generator.integers(3, 8))
        angle = np.sort(generator.uniform(0, 2 * np.pi, corners))
        radius = generator.uniform(5, 20, corners)
        polygon = shapely.Polygon(middle + (radius * [np.cos(angle), np.sin(angle)]).T)
        height = float(generator.uniform(3, 30))
        court = generator.random() < 0.3
        if not polygon.is_valid or polygon.area < 20.0 or sharpest_rad(polygon) < 0.2:
            continue
        if courtyards and court:
            inner = polygon.buffer(-3)
            if isinstance(inner, shapely.Polygon) and inner.area > 5.0:
                polygon = shapely.Polygon(polygon.exterior, [inner.exterior])
        if not overlapping and any(polygon.distance(other) < 0.5 for other in polygons):
            continue
        polygons.append(polygon)
        heights.append(height)
    return buildings_of(polygons, heights)


def sharpest_rad(polygon: shapely.Polygon) -> float:
    """The sharpest angle between two sides: of needles no more than the tolerance may be left."""
    side = np.diff(shapely.get_coordinates(polygon.exterior), axis=0)
    back = -np.roll(side, 1, axis=0)
    cosine = (side * back).sum(axis=1) / np.linalg.norm(side, axis=1) / np.linalg.norm(back, axis=1)
    return float(np.arccos(np.clip(cosine.max(), -1.0, 1.0)))


def street_points(
    buildings: Buildings, generator: np.random.Generator, count: int, size_m: float
) -> NDArray[np.float64]:
    """(count, 3) random points, half a metre or more from every building in the plan, up to 12 m above the ground."""
    points: list[NDArray[np.float64]] = []
    everything = shapely.union_all(buildings.footprints) if len(buildings) else shapely.Point()
    while len(points) < count:
        point = np.append(generator.uniform(-20, size_m + 20, 2), generator.uniform(0.1, 12.0))
        if shapely.distance(everything, shapely.Point(point[:2])) > 0.5 or everything.is_empty:
            points.append(point)
    return np.array(points)


def tops_on_the_way(
    buildings: Buildings, from_m: NDArray[np.float64], to_m: NDArray[np.float64], *, thinner_m: float = 0.0
) -> list[tuple[float, float]]:
    """(distance along the plan, height) of both ends of every span in which a straight way lies inside a footprint."""
    line = shapely.LineString([from_m[:2], to_m[:2]])
    tops = []
    footprints = buildings.footprints
    if thinner_m:
        footprints = shapely.buffer(footprints, -thinner_m, join_style="mitre")
    for footprint, height in zip(footprints, buildings.height_m, strict=True):
        for inside in shapely.get_parts(line.intersection(footprint)):
            if inside.length > 1e-3:  # one that only touches, such as where it ends on a face, is outside
                along = np.linalg.norm(shapely.get_coordinates(inside) - from_m[:2], axis=1)
                tops += [(float(s), float(height)) for s in along]
    return sorted(tops)


def clearance_m(buildings: Buildings, from_m: NDArray[np.float64], to_m: NDArray[np.float64]) -> float:
    """How far a ray stays above the roofs that it passes, at least; negative when it enters a building; metres."""
    length = float(np.linalg.norm((to_m - from_m)[:2]))
    tops = tops_on_the_way(buildings, from_m, to_m, thinner_m=TOLERANCE_M)
    return min((from_m[2] + (to_m[2] - from_m[2]) * s / length - h for s, h in tops), default=np.inf)


def corner_distance_m(buildings: Buildings, from_m: NDArray[np.float64], to_m: NDArray[np.float64]) -> float:
    """How near a ray comes to any corner, in the plan: near ones are decided by the tolerance, not by the oracle."""
    corners = shapely.MultiPoint(shapely.get_coordinates(buildings.footprints))
    return float(shapely.distance(corners, shapely.LineString([from_m[:2], to_m[:2]])))


def shortest_over(
    tops: list[tuple[float, float]], z0: float, total: float, z1: float
) -> tuple[float, list[tuple[float, float]]]:
    """Length of the shortest way above all tops and its corners, by trying all chains of straight pieces."""
    nodes = [(0.0, z0), *sorted(tops), (total, z1)]
    best: list[tuple[float, list[int]]] = [(0.0, [0])] + [(np.inf, [])] * (len(nodes) - 1)
    for i, j in itertools.combinations(range(len(nodes)), 2):
        (si, hi), (sj, hj) = nodes[i], nodes[j]
        between = nodes[i + 1 : j]
        free = all(
            h <= max(hi, hj) + 1e-9 if sj - si < 1e-9 else h <= hi + (hj - hi) * (s - si) / (sj - si) + 1e-9
            for s, h in between
        )
        length = best[i][0] + np.hypot(sj - si, hj - hi)
        if free and length < best[j][0] - 1e-12:
            best[j] = (length, [*best[i][1], j])
    return best[-1][0], [nodes[k] for k in best[-1][1][1:-1]]
