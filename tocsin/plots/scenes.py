"""What one page shows: shots of one test that are close in time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from localize.shot import Shot
from tocsin.located import Located
from wire.utc import NS_PER_S

# Sound of a shot is gone from a site within this time, so what follows later is another scene.
SCENE_GAP_S = 5.0
# Shots whose positions are this close are seen in one close-up.
CLOSE_M = 120.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Some shots of a test, in order of discharge; ``first`` is the number of the first one in the test, from 0."""

    located: Located
    shots: tuple[Shot, ...]
    first: int


def scenes(located: Located) -> list[Scene]:
    """The test's shots, parted where none was fired for ``SCENE_GAP_S``; one empty scene when there are none."""
    found: list[Scene] = []
    begun = 0
    for k in range(1, len(located.shots) + 1):
        last = k == len(located.shots)
        if last or located.shots[k].fired_ns - located.shots[k - 1].fired_ns > SCENE_GAP_S * NS_PER_S:
            found.append(Scene(located, located.shots[begun:k], begun))
            begun = k
    return found or [Scene(located, (), 0)]


def clusters(shots: Sequence[Shot], close_m: float = CLOSE_M) -> list[list[int]]:
    """Indices of shots in groups of nearby positions, in order of the first shot of each."""
    groups: list[list[int]] = []
    for k, shot in enumerate(shots):
        for group in groups:
            head = shots[group[0]].position_m
            if math.dist(head[:2], shot.position_m[:2]) <= close_m:
                group.append(k)
                break
        else:
            groups.append([k])
    return groups


def statuses(shots: Sequence[Shot]) -> dict[str, str]:
    """Each sensor's part in the shots together: used in any, else lent, else rejected, else silent."""
    rank = {"used": 3, "lent": 2, "rejected": 1, "silent": 0}
    best: dict[str, str] = {}
    for shot in shots:
        for arrival in shot.arrivals:
            if arrival.sensor not in best or rank[arrival.status] > rank[best[arrival.sensor]]:
                best[arrival.sensor] = arrival.status
    return best


def bounds(scene: Scene) -> tuple[float, float, float, float]:
    """West, south, east, north of what the map must show: the sensors with a part, the regions."""
    network = scene.located.network
    part = statuses(scene.shots)
    rows = [network.index[name] for name in part] or list(range(len(network)))
    corners = [network.positions_m[rows, :2].min(axis=0), network.positions_m[rows, :2].max(axis=0)]
    for shot in scene.shots:
        for region in (shot.region_95,):
            if not region.is_empty:
                west, south, east, north = region.bounds
                corners += [np.array([west, south]), np.array([east, north])]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
