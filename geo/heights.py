"""How high a mapped building stands: what its tags say of it, and what its neighbours say for it when they say nothing.

Tags are those of OpenStreetMap's keys ``height``, ``building:levels`` and "Simple 3D Buildings".  A building that
states nothing gets, in this order: ``OUTBUILDING_HEIGHT_M`` when it is a garage, a shed or smaller than a room; the
median of its ``NEIGHBOURS`` nearest that do state something, within ``NEIGHBOURHOOD_M``; ``DEFAULT_HEIGHT_M``.  (Of
the 1,527 main buildings of Geneva that state a height, each guessed from the others near by, the mean absolute error is
3.4 m; that of the default is 10 m.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geo.buildings import DEFAULT_HEIGHT_M

STOREY_M = 3.0
"""From floor to floor, as "Simple 3D Buildings" takes it; also of a storey under the roof."""

TALLEST_M = 1000.0
"""No building is higher; a number above it is in other units, or a slip."""

MOST_LEVELS = 200.0

OUTBUILDING_HEIGHT_M = 3.0
"""One storey."""

OUTBUILDING_AREA_M2 = 30.0
"""A building that states nothing and covers less is a garage or a shed, whatever its tag: one car takes 15 to 20 m2."""

OUTBUILDINGS = frozenset(
    (
        "allotment_house", "cabin", "carport", "container", "garage", "garages", "greenhouse", "hut", "kiosk",
        "shed", "static_caravan", "sty", "tent", "toilets", "transformer_tower",
    )
)

NEIGHBOURS = 5
NEIGHBOURHOOD_M = 200.0
"""Further off is another quarter."""

HEADROOM_M = 2.0
"""What begins higher than this above the ground leaves sound a way below, so that it is no wall."""

NOT_BUILT = frozenset({"no", "proposed", "planned", "demolished", "razed"})
OPEN_BELOW = frozenset({"roof", "canopy", "carport", "bridge"})
RAISED = "begins above head height"
SOURCES = ("height", "levels", "outbuilding", "neighbours", "default")
"""Whom a building owes its height to."""

_LENGTH = re.compile(r"\s*([+-]?\d+(?:[.,]\d+)?)\s*(m|metres?|meters?|ft|feet|')?\s*")
_FEET_INCHES = re.compile(r"\s*(\d+)\s*'\s*(\d+(?:\.\d+)?)\s*(?:\"|'')\s*")
_FOOT_M = 0.3048


@dataclass(frozen=True, slots=True)
class Stated:
    """What tags say of a height.

    height_m : above the ground; None when nothing usable is stated.
    source : ``height`` or ``levels``; "" without a height.
    misread : the keys whose values could not be understood.
    """

    height_m: float | None
    source: str
    misread: tuple[str, ...] = ()


def metres(text: str) -> float | None:
    """A length as OpenStreetMap writes it (``12``, ``12.5 m``, ``40 ft``, ``6'3"``), metres; None when it is none."""
    if match := _FEET_INCHES.fullmatch(text):
        return _FOOT_M * (float(match[1]) + float(match[2]) / 12.0)
    if match := _LENGTH.fullmatch(text):
        value = float(match[1].replace(",", "."))
        return value * _FOOT_M if match[2] in ("ft", "feet", "'") else value
    return None


def levels(text: str) -> float | None:
    """A number of storeys; of several (``1;3``) the greatest, since that part is what stands in the way."""
    counts = [metres(part) for part in text.split(";")]
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None


def stated_height(tags: Mapping[str, str]) -> Stated:
    """The height of the top of the roof that tags state.

    ``height`` (or ``building:height``) comes first; else storeys, ``building:levels`` with ``roof:height`` or
    ``roof:levels``, of ``STOREY_M`` each.  A height of 0 says nothing, and is reported as misread.
    """
    misread: list[str] = []
    for key in ("height", "building:height", "height_m"):
        if key in tags:
            value = metres(tags[key])
            if value is not None and 0.0 < value <= TALLEST_M:
                return Stated(value, "height", tuple(misread))
            misread.append(key)
    for key in ("building:levels", "levels"):
        if key not in tags:
            continue
        count = levels(tags[key])
        if count is None or not 0.0 <= count <= MOST_LEVELS:
            misread.append(key)
            continue
        top_m = STOREY_M * count
        roof_m = metres(tags["roof:height"]) if "roof:height" in tags else None
        under_roof = levels(tags["roof:levels"]) if "roof:levels" in tags else None
        if roof_m is not None and 0.0 <= roof_m <= TALLEST_M:
            top_m += roof_m
        elif under_roof is not None and 0.0 <= under_roof <= MOST_LEVELS:
            top_m += STOREY_M * under_roof
        elif "roof:height" in tags or "roof:levels" in tags:
            misread.append("roof:height" if "roof:height" in tags else "roof:levels")
        if top_m > 0.0:
            return Stated(top_m, "levels", tuple(misread))
        misread.append(key)
    return Stated(None, "", tuple(misread))


def bottom_m(tags: Mapping[str, str]) -> float:
    """How far above the ground it begins, metres: ``min_height``, else ``building:min_level``, else 0."""
    if (value := metres(tags.get("min_height", ""))) is not None:
        return value
    return STOREY_M * (levels(tags.get("building:min_level", "")) or 0.0)


def why_no_wall(tags: Mapping[str, str]) -> str | None:
    """Why something mapped as a building puts no wall in the way of sound at street level; None when it does."""
    kind = tags.get("building", tags.get("building:part", "yes"))
    if kind in NOT_BUILT:
        return "not built"
    below = metres(tags.get("layer", ""))
    if tags.get("location") == "underground" or (below is not None and below < 0.0):
        return "below ground"
    if kind in OPEN_BELOW or tags.get("wall") == "no":
        return "a roof without walls"
    if bottom_m(tags) > HEADROOM_M:
        return RAISED
    return None


def filled(
    height_m: NDArray[np.float64], centre_m: NDArray[np.float64], outbuilding: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Heights for those that state none.

    Parameters
    ----------
    height_m : (n,) float64, NaN where nothing is stated.
    centre_m : (n, 2) float64, metres, site frame.
    outbuilding : (n,) bool: small or called so.  They neither ask their neighbours nor speak for them.

    Returns
    -------
    heights : (n,) float64, metres, all greater than 0.
    source : (n,) words: ``outbuilding``, ``neighbours``, ``default``; "" where a height was stated.
    """
    result = height_m.copy()
    source = np.full(len(height_m), "", dtype=object)
    silent = np.isnan(height_m)
    result[silent & outbuilding] = OUTBUILDING_HEIGHT_M
    source[silent & outbuilding] = "outbuilding"
    asking = np.flatnonzero(silent & ~outbuilding)
    result[asking] = DEFAULT_HEIGHT_M
    source[asking] = "default"
    speaking = np.flatnonzero(~silent & ~outbuilding)
    if len(asking) and len(speaking):
        # A fixed order, so that neighbours at equal distances are chosen alike whatever the order of the map.
        speaking = speaking[np.lexsort((height_m[speaking], *centre_m[speaking].T))]
        near = cKDTree(centre_m[speaking])
        distance_m, which = near.query(centre_m[asking], k=NEIGHBOURS, distance_upper_bound=NEIGHBOURHOOD_M)
        heard = np.isfinite(distance_m)
        said = np.where(heard, height_m[speaking][np.minimum(which, len(speaking) - 1)], np.nan)
        answered = heard.any(axis=1)
        result[asking[answered]] = np.nanmedian(said[answered], axis=1)
        source[asking[answered]] = "neighbours"
    return result, source
