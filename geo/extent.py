"""A rectangle of longitudes and latitudes, and the rectangle of metres in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geo.frames import LocalFrame
from geo.place import Geodetic

Extent = tuple[float, float, float, float]
"""West, south, east, north."""


def bounds_of(points: NDArray[np.float64]) -> Extent:
    """The smallest rectangle around (n, 2) points; NaN rows do not count, one other row is needed at least."""
    west, south = np.nanmin(points, axis=0).tolist()
    east, north = np.nanmax(points, axis=0).tolist()
    return west, south, east, north


def frame_of(extent: Extent, origin: Geodetic | None = None) -> tuple[LocalFrame, Extent]:
    """The local frame of an extent, and the greatest rectangle of metres that lies in it.

    Meridians converge and parallels bend, so that an extent has no straight sides in a local frame; what is known for
    sure lies within all of them.  (Over 5 km at latitude 46 the difference is about 3 m.)

    Parameters
    ----------
    extent : degrees, WGS 84.
    origin : of the frame; None for the middle of the extent at height 0.

    Returns
    -------
    frame, bounds : the latter west, south, east, north in metres of the frame.
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
    return frame, (float(left), float(bottom), float(right), float(top))
