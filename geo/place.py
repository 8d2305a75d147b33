"""Places at the edges of the system: on the globe, or on a plain Cartesian site."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Geodetic:
    """WGS 84: degrees east, degrees north, metres above the ellipsoid."""

    longitude: float
    latitude: float
    height_m: float


@dataclass(frozen=True, slots=True)
class Cartesian:
    """A surveyed site's own frame: metres, x east, y north, z up."""

    x_m: float
    y_m: float
    z_m: float


Place = Geodetic | Cartesian
