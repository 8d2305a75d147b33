"""What ``tocsin locate`` found in one test: the type that every output format and plot reads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from localize.network import Network
from localize.pulses import PulseTable
from localize.shot import Shot
from sensors.capture import Capture


@dataclass(frozen=True, slots=True)
class Located:
    """One test: a folder of recordings, or a pulse file.

    source : what the user named, for people.
    test : name of the folder of recordings; None for a pulse file.
    group : tests of one group share a frame (the firing position of a live-fire folder); None elsewhere.
    network : the sensors, whose frame is the frame of the shots.
    table : the pulses that were located.
    shots : sorted by discharge time.
    notes : sentences for people about the test as a whole.
    captures : the recordings, for the record section; empty for pulse files and published pulses.
    """

    source: str
    test: str | None
    group: str | None
    network: Network
    table: PulseTable
    shots: tuple[Shot, ...]
    notes: tuple[str, ...] = ()
    captures: tuple[Capture, ...] = ()

    @property
    def title(self) -> str:
        """Name for people: the test, or the source."""
        return self.test if self.test is not None else self.source


@dataclass(frozen=True, slots=True)
class Ellipse:
    """A horizontal ellipse: semi-axes in metres, bearing of the longer one in degrees clockwise from north, 0..180."""

    major_m: float
    minor_m: float
    bearing_deg: float


# A second position less likely than this is inside the regions' small print, and not pointed at.
SHOWN_ROOT = 0.05
# Chi-squared with two degrees of freedom: -2 ln(1 - 0.95).
CHI2_95 = 5.991464547107979


def ellipse_95(shot: Shot) -> Ellipse:
    """The 95 % ellipse of the covariance: what the region would be if the posterior were Gaussian."""
    variance, axes = np.linalg.eigh(shot.covariance_m2)
    minor, major = np.sqrt(CHI2_95 * np.maximum(variance, 0.0))
    east, north = axes[:, 1]
    return Ellipse(float(major), float(minor), math.degrees(math.atan2(east, north)) % 180.0)


def residual_rms_s(shot: Shot) -> float:
    """Root mean square of the residuals of the arrivals used, seconds; NaN when none is."""
    residuals = [arrival.residual_s for arrival in shot.used]
    return math.sqrt(sum(r * r for r in residuals) / len(residuals)) if residuals else math.nan


def marks(shot: Shot) -> Iterator[str]:
    """What a reader must see beside a shot: ``provisional``, ``2 roots``, arrivals lent, flags of its pulses."""
    if shot.provisional:
        yield "provisional"
    roots = sum(weight >= SHOWN_ROOT for _, weight in shot.roots)
    if roots > 1:
        yield f"{roots} roots"
    lent = sum(arrival.status == "lent" for arrival in shot.arrivals)
    if lent:
        yield f"{lent} lent"
    flags = [flag for arrival in shot.used for flag in arrival.flags]
    for flag in sorted(set(flags)):
        yield f"{flag} {flags.count(flag)}x"
