"""A rectangle of longitudes and latitudes, and the rectangle of metres in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from errors import BadInput
from geo.frames import REACH_M, LocalFrame
from geo.place import Geodetic

Extent = tuple[float, float, float, float]
"""West, south, east, north."""


def bounds_of(points: NDArray[np.float64]) -> Extent:
    """The smallest rectangle around (n, 2) points; NaN rows do not count, one other row is needed at least."""
    west, south = np.nanmin(points, axis=0).tolist()
    east, north = np.nanmax(points, axis=0).tolist()
    return west, south, east, north


def frame_of(where: object, extent: Extent, origin: Geodetic | None = None) -> tuple[LocalFrame, Extent]:
    """The local frame of an extent, and the greatest rectangle of metres that lies in it.

    Meridians converge and parallels bend, so that an extent has no straight sides in a local frame; what is known for
    sure lies within all of them.  (Over 5 km at latitude 46 the difference is about 3 m.)

    Parameters
    ----------
    where : whose extent it is, for errors.
    extent : degrees, WGS 84.
    origin : of the frame; None for the middle of the extent at height 0.

    Returns
    -------
    frame, bounds : the latter west, south, east, north in metres of the frame.

    Raises
    ------
    BadInput
        When it reaches further than ``geo.frames.REACH_M`` from the origin: that is no town.
    """
    west, south, east, north = extent
    frame = LocalFrame(origin or Geodetic((west + east) / 2.0, (south + north) / 2.0, 0.0))
    up = frame.origin.height_m
    along = np.linspace(0.0, 1.0, 33)
    lon, lat = west + (east - west) * along, south + (north - south) * along
    left = frame.to_local(west, lat, up)[:, 0].max()
    right = frame.to_local(east, lat, up)[:, 0].min()
    bottom = frame.to_local(lon, south, up)[:, 1].max()
    top = frame.to_local(lon, north, up)[:, 1].min()
    if max(map(abs, (left, bottom, right, top))) > REACH_M or left > right or bottom > top:
        at = frame.origin
        expected = f"within {REACH_M / 1000:g} km of the origin at {at.longitude:g}, {at.latitude:g}"
        raise BadInput(where, "extent", expected=expected, seen=f"{west:g} .. {east:g}, {south:g} .. {north:g}")
    return frame, (float(left), float(bottom), float(right), float(top))
