"""A piece of a city: its frame, buildings and streets, and whom to thank for them."""

from __future__ import annotations

from dataclasses import dataclass

from geo.buildings import Buildings
from geo.frames import CartesianFrame, LocalFrame
from geo.streets import Streets


@dataclass(frozen=True, eq=False)
class City:
    """Buildings and streets in one site frame, on flat ground at ``up = 0``.

    frame : a tangent frame on the globe, or a plain Cartesian site.
    bounds_m : west, south, east, north of what is known, metres, site frame; nothing outside it is to be trusted.
    attribution : what pictures and pages that show it must say; "" when nobody needs to be thanked.
    """

    frame: LocalFrame | CartesianFrame
    buildings: Buildings
    streets: Streets
    bounds_m: tuple[float, float, float, float]
    attribution: str = ""
