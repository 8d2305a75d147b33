"""Buildings mapped in parts: where parts state a height, the outline around them gives way to them.

"Simple 3D Buildings" draws ``building:part`` instead of its outline.  With upright prisms the highest part over a
place decides, whatever it stands on; an outline keeps what no part covers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Solids:
    """n prisms as a map draws them, before anything is said of heights that are not stated.

    polygons : (n,) object array of polygons, metres.
    height_m : (n,) float64, NaN where not stated.
    source : (n,) words, what states the height: ``height``, ``levels``, or "".
    names : n ids.
    outbuilding : (n,) bool, whether its tags say so.
    """

    polygons: NDArray[np.object_]
    height_m: NDArray[np.float64]
    source: NDArray[np.object_]
    names: tuple[str, ...]
    outbuilding: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.names)


def joined(first: Solids, second: Solids) -> Solids:
    """Both, one after the other."""
    return Solids(
        np.concatenate([first.polygons, second.polygons]),
        np.concatenate([first.height_m, second.height_m]),
        np.concatenate([first.source, second.source]),
        first.names + second.names,
        np.concatenate([first.outbuilding, second.outbuilding]),
    )


def carved(outlines: Solids, parts: Solids, raised: NDArray[np.bool_]) -> Solids:
    """Outlines and parts as prisms that do not overlap each other's building.

    outlines : what no part covers is kept, with the outline's own height.
    parts : all of stated height; of two that overlap the higher one has the place, of equal ones the first by name.
    raised : (p,) bool, parts that begin above head height.  Within an outline they stand on something and count from
        the ground up; outside every outline they hang over the street and are cut off.

    Returns outlines, then parts, in the orders given; pieces may be empty or in several parts (``footprints.cleaned``).
    """
    if not len(parts):
        return outlines
    over_outlines = shapely.STRtree(outlines.polygons)
    trimmed = parts.polygons.copy()
    for row in np.flatnonzero(raised).tolist():
        below = np.sort(over_outlines.query(parts.polygons[row], predicate="intersects"))
        trimmed[row] = shapely.intersection(parts.polygons[row], shapely.union_all(outlines.polygons[below]))

    rank = np.empty(len(parts), dtype=np.int64)
    rank[sorted(range(len(parts)), key=lambda row: (-parts.height_m[row], parts.names[row]))] = np.arange(len(parts))
    over_parts = shapely.STRtree(trimmed)
    kept = trimmed.copy()
    for row in range(len(parts)):
        others = np.sort(over_parts.query(trimmed[row], predicate="intersects"))
        higher = others[rank[others] < rank[row]]
        if len(higher):
            kept[row] = shapely.difference(trimmed[row], shapely.union_all(trimmed[higher]))

    remains = outlines.polygons.copy()
    outline, part = over_outlines.query(trimmed, predicate="intersects")[::-1]
    for row in np.unique(outline):
        cover = shapely.union_all(trimmed[np.sort(part[outline == row])])
        remains[row] = shapely.difference(outlines.polygons[row], cover)
    return joined(
        replace(outlines, polygons=remains),
        replace(parts, polygons=kept),
    )
