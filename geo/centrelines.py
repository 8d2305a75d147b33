"""Street centre lines as maps have them, cut to what is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from geo.extent import Extent
from geo.streets import Streets

NO_STREETS = frozenset(
    (
        "abandoned", "bus_stop", "construction", "corridor", "elevator", "planned", "platform", "proposed", "razed",
        "rest_area", "services",
    )
)
"""Values of ``highway`` that are not (or not yet, or no longer) ways that people take through the town."""


def cut_streets(
    lines: Sequence[shapely.LineString], kinds: Sequence[str], names: Sequence[str], bounds_m: Extent
) -> Streets:
    """Streets of n lines, kinds and names; a line that leaves the bounds and comes back becomes several rows."""
    array = np.empty(len(lines), dtype=object)
    array[:] = lines
    pieces, row = shapely.get_parts(np.asarray(shapely.clip_by_rect(array, *bounds_m)), return_index=True)
    keep = (shapely.get_type_id(pieces) == shapely.GeometryType.LINESTRING) & (shapely.length(pieces) > 0.0)
    rows = row[keep].tolist()
    return Streets(pieces[keep], tuple(kinds[k] for k in rows), tuple(names[k] for k in rows))
