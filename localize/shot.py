"""A located shot: what ``locate`` gives and everything downstream reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True)
class Arrival:
    """One sensor's part in a shot.

    sensor : the sensor's id.
    status : "used", "lent" (known from another round of the same burst), "rejected" (a pulse was there but does not
        fit), "silent" (should have heard and did not).
    arrival_ns : UTC nanoseconds; None when silent.
    residual_s : arrival minus predicted arrival, seconds; NaN when silent.
    distance_m : from the shot's position.
    weight : 0..1, how far the arrival was trusted.
    source : index of the pulse in the input; -1 when silent.
    peak_db_spl : level, NaN when not known.
    flags : flags of the pulse.
    """

    sensor: str
    status: str
    arrival_ns: int | None
    residual_s: float
    distance_m: float
    weight: float
    source: int
    peak_db_spl: float
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shot:
    """One discharge, located.

    id, revision : the same id throughout its life; revisions count from 1.
    fired_ns : UTC nanoseconds of the discharge.
    position_m : (3,) float64, where the most probability lies within 25 m (the mean of a compact posterior), site
        frame, metres (east, north, up).
    covariance_m2 : (2, 2) float64, horizontal second moments of the whole posterior about ``position_m``.
    region_50, region_95 : smallest horizontal regions that hold 50 % and 95 % of the posterior, site frame; may be
        several polygons.
    roots : ((3,) position, weight) of each separate part of ``region_95``, heaviest first; weights add up to 1.
    arrivals : every sensor's part.
    score : log likelihood ratio of "a shot" against "clutter only", nats.
    level_db_spl_1m : source level, peak dB re 20 uPa at 1 m under spherical spreading; NaN when levels are not known.
    provisional : True when an analyst must not rely on it alone (three sensors, or two roots).
    notes : sentences for people: "two positions fit", "far outside the network: direction 213 deg, range 800..3000 m".
    """

    id: str
    revision: int
    fired_ns: int
    fired_sigma_s: float
    position_m: NDArray[np.float64]
    covariance_m2: NDArray[np.float64]
    region_50: BaseGeometry
    region_95: BaseGeometry
    roots: tuple[tuple[NDArray[np.float64], float], ...]
    arrivals: tuple[Arrival, ...]
    score: float
    level_db_spl_1m: float
    provisional: bool
    notes: tuple[str, ...]

    @property
    def used(self) -> tuple[Arrival, ...]:
        """The arrivals that the position rests on."""
        return tuple(a for a in self.arrivals if a.status == "used")
