"""What stands in one block of a generated city: perimeter buildings around a court, detached houses, shops, a park.

Everything here is axis-parallel, in metres of the block's own corner of the plan; ``gridcity`` turns and raises it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely

Rectangle = tuple[float, float, float, float]
"""West, south, east, north, metres."""

LEAST_COURT_M = 8.0
"""A court narrower than this is no court: the block is built up in rows instead."""

ALLEY_M = 4.0
"""Width of the lane behind detached houses, where their garages open."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A block's buildings and paths.

    buildings : polygons.
    low : whether each is a garage, a shop or a yard building, which are low whatever the quarter is like.
    paths : (line, kind) of ways inside the block, kinds as OpenStreetMap's ``highway``.
    """

    buildings: list[shapely.Polygon]
    low: list[bool]
    paths: list[tuple[shapely.LineString, str]]


def park(block: Rectangle) -> Plan:
    """Lawn, and two footways across."""
    west, south, east, north = block
    lines = [((west, south), (east, north)), ((west, north), (east, south))]
    return Plan([], [], [(shapely.LineString(line), "footway") for line in lines])


def perimeter(
    generator: np.random.Generator, block: Rectangle, *, depth_m: float, front_m: float, gap_share: float
) -> Plan:
    """Houses wall to wall along all four streets, around a court; one block in eight is a single building.

    depth_m : of a house, from the street to the court.
    front_m : mean width of a house along the street.
    gap_share : share of houses, corners apart, that are missing: a driveway, a yard.
    """
    west, south, east, north = block
    if min(east - west, north - south) < 2.0 * depth_m + LEAST_COURT_M:
        return _rows(generator, block, front_m=front_m, gap_share=gap_share)
    court = west + depth_m, south + depth_m, east - depth_m, north - depth_m
    yard = _yard_building(generator, court)
    if generator.random() < 0.125:
        whole = shapely.Polygon(_corners(block), [_corners(court)])
        return Plan([whole, *yard], [False] + [True] * len(yard), [])
    houses = []
    for side in range(4):
        along_x = side < 2
        # South and north sides have the corners; west and east ones fill what is between.
        start, end = (west, east) if along_x else (court[1], court[3])
        edges = _cuts(generator, start, end, front_m)
        for number, (low, high) in enumerate(pairwise(edges)):
            is_corner = along_x and number in (0, len(edges) - 2)
            depth = depth_m if is_corner else depth_m * generator.uniform(0.8, 1.0)
            if generator.random() < gap_share and not is_corner:
                continue
            houses.append(
                [
                    (low, south, high, south + depth),
                    (low, north - depth, high, north),
                    (west, low, west + depth, high),
                    (east - depth, low, east, high),
                ][side]
            )
    return Plan([shapely.box(*house) for house in houses] + yard, [False] * len(houses) + [True] * len(yard), [])


def detached(generator: np.random.Generator, block: Rectangle, *, lot_m: float, gap_share: float) -> Plan:
    """Two rows of detached houses with front yards, back to back over an alley; garages along it.

    lot_m : mean width of a lot.
    gap_share : share of lots that are empty.
    """
    west, south, east, north = block
    middle = (south + north) / 2.0
    buildings, low = [], []
    lot_depth = (north - south - ALLEY_M) / 2.0
    for front, inwards in ((south, 1.0), (north, -1.0)):
        edges = _cuts(generator, west, east, lot_m)
        for left, right in pairwise(edges):
            width = min(generator.uniform(8.0, 11.0), right - left - 2.5)
            depth = min(generator.uniform(9.0, 14.0), 0.5 * lot_depth)
            setback = generator.uniform(4.0, 7.0) * min(1.0, lot_depth / 25.0)
            shift = left + (right - left - width) * generator.uniform(0.35, 0.65)
            is_empty, has_garage, side = generator.random(3)
            if is_empty < gap_share or width < 5.0 or depth < 5.0:
                continue
            face, back = front + inwards * setback, front + inwards * (setback + depth)
            buildings.append(_upright(shift, shift + width, face, back))
            low.append(False)
            rear = middle - inwards * (ALLEY_M / 2.0 + 0.5)
            if has_garage < 0.55 and lot_depth - setback - depth > 9.0:
                start = left + 1.0 if side < 0.5 else right - 7.0
                buildings.append(_upright(start, start + 6.0, rear, rear - inwards * 6.0))
                low.append(True)
    return Plan(buildings, low, [(shapely.LineString([(west, middle), (east, middle)]), "service")])


def shops(generator: np.random.Generator, block: Rectangle) -> Plan:
    """A few broad low buildings along one street, their parking behind."""
    west, south, east, north = block
    edges = _cuts(generator, west, east, 38.0)
    buildings = []
    for left, right in pairwise(edges):
        share, depth = generator.uniform(0.65, 0.95), generator.uniform(0.35, 0.6) * (north - south)
        buildings.append(shapely.box(left, south + 2.0, left + share * (right - left), south + 2.0 + depth))
    return Plan(buildings, [True] * len(buildings), [])


def _rows(generator: np.random.Generator, block: Rectangle, *, front_m: float, gap_share: float) -> Plan:
    """One row of houses as deep as the block is narrow."""
    west, south, east, north = block
    along_x = east - west >= north - south
    edges = _cuts(generator, *((west, east) if along_x else (south, north)), front_m)
    kept = generator.random(len(edges) - 1) >= gap_share
    pairs = [pair for pair, keep in zip(pairwise(edges), kept, strict=True) if keep]
    houses = [shapely.box(a, south, b, north) if along_x else shapely.box(west, a, east, b) for a, b in pairs]
    return Plan(houses, [False] * len(houses), [])


def _yard_building(generator: np.random.Generator, court: Rectangle) -> list[shapely.Polygon]:
    """A workshop in four courts of ten, where there is room to walk around it."""
    west, south, east, north = court
    is_there, *share = generator.random(3)
    width, depth = (east - west) * (0.2 + 0.3 * share[0]), (north - south) * (0.2 + 0.3 * share[1])
    if is_there >= 0.4 or min(width, depth) < 5.0:
        return []
    x, y = (west + east) / 2.0, (south + north) / 2.0
    return [shapely.box(x - width / 2.0, y - depth / 2.0, x + width / 2.0, y + depth / 2.0)]


def _cuts(generator: np.random.Generator, start: float, end: float, mean_m: float) -> list[float]:
    """n + 1 ends: a stretch cut into pieces of about ``mean_m``, both ends included."""
    count = max(1, round((end - start) / mean_m))
    weights = generator.uniform(0.75, 1.25, count)
    inner = start + (end - start) * np.cumsum(weights)[:-1] / weights.sum()
    return [start, *inner.tolist(), end]


def _corners(area: Rectangle) -> list[tuple[float, float]]:
    west, south, east, north = area
    return [(west, south), (east, south), (east, north), (west, north)]


def _upright(left: float, right: float, one: float, other: float) -> shapely.Polygon:
    return shapely.box(left, min(one, other), right, max(one, other))
