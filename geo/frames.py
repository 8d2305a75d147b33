"""Local frames: metres east, north and up of an origin, in which sound travels in straight lines.

A geodetic site uses the tangent frame of its origin (topocentric, by way of geocentric coordinates; PROJ's ``cart`` and
``topocentric``).  It is a rigid motion of space, so distances between any two points are exact at any height; an
azimuthal equidistant map, the alternative, is exact from its centre only and bends heights.  The price is that ``up``
is the origin's: at a distance d the ellipsoid lies ``d^2 / 2R`` lower, 0.3 m at 2 km and 2 m at 5 km.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from errors import ConfigurationError
from geo.place import Cartesian, Geodetic, Place

if TYPE_CHECKING:
    from pyproj import Transformer

REACH_M = 200_000.0
"""Sensors further than this from the origin of their frame are a mistake in the input, not a network."""


class Frame(Protocol):
    """Metres east, north and up of an origin."""

    @property
    def is_geodetic(self) -> bool:
        """Whether the frame's place on the globe is known."""
        ...

    def to_local(self, first: ArrayLike, second: ArrayLike, third: ArrayLike) -> NDArray[np.float64]:
        """(n, 3) float64, metres, of n places in the site's own coordinates."""
        ...

    def to_geodetic(self, local_m: ArrayLike) -> NDArray[np.float64] | None:
        """(n, 3) float64 longitude, latitude (degrees), ellipsoidal height (m); None when not ``is_geodetic``."""
        ...

    def places_to_local(self, places: Sequence[Place]) -> NDArray[np.float64]:
        """(n, 3) float64, metres.  Raises ConfigurationError when a place is of the other kind."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFrame:
    """East, north, up of ``origin`` on the WGS 84 ellipsoid."""

    origin: Geodetic

    @property
    def is_geodetic(self) -> bool:
        return True

    def to_local(self, longitude: ArrayLike, latitude: ArrayLike, height_m: ArrayLike) -> NDArray[np.float64]:
        """Places on the globe in this frame.

        Parameters
        ----------
        longitude, latitude : (n,) degrees, WGS 84.
        height_m : (n,) metres above the ellipsoid.

        Returns
        -------
        (n, 3) float64, metres east, north, up.
        """
        lon, lat, height = _rows(longitude, latitude, height_m).T
        return np.column_stack(_transformer(self.origin).transform(lon, lat, height, errcheck=True))

    def to_geodetic(self, local_m: ArrayLike) -> NDArray[np.float64]:
        """Local points on the globe.

        local_m : (n, 3) metres east, north, up.

        Returns (n, 3) float64: longitude and latitude in degrees, metres above the ellipsoid.
        """
        east, north, up = np.asarray(local_m, dtype=np.float64).reshape(-1, 3).T
        return np.column_stack(
            _transformer(self.origin).transform(east, north, up, direction="INVERSE", errcheck=True)
        )

    def places_to_local(self, places: Sequence[Place]) -> NDArray[np.float64]:
        """(n, 3) float64, metres east, north, up.

        Raises ConfigurationError when a place is Cartesian, not on the globe, or further off than ``REACH_M``.
        """
        geodetic = [_checked(place, number) for number, place in enumerate(places)]
        if not geodetic:
            return np.empty((0, 3))
        local_m = self.to_local(*np.array([(p.longitude, p.latitude, p.height_m) for p in geodetic]).T)
        distances_m = np.linalg.norm(local_m, axis=1)
        furthest = int(np.argmax(distances_m))
        if distances_m[furthest] > REACH_M:
            expected = f"within {REACH_M / 1000:g} km of the middle of the site"
            raise ConfigurationError(f"place {furthest}", "distance", expected=expected, seen=places[furthest])
        return local_m


@dataclass(frozen=True, slots=True)
class CartesianFrame:
    """A surveyed site's own frame, taken as it is; where it lies on the globe is not known."""

    @property
    def is_geodetic(self) -> bool:
        return False

    def to_local(self, x_m: ArrayLike, y_m: ArrayLike, z_m: ArrayLike) -> NDArray[np.float64]:
        """(n, 3) float64: the coordinates given, side by side."""
        return _rows(x_m, y_m, z_m)

    def to_geodetic(self, local_m: ArrayLike) -> None:
        """None: the site's place on the globe is not known."""
        return None

    def places_to_local(self, places: Sequence[Place]) -> NDArray[np.float64]:
        """(n, 3) float64, metres.  Raises ConfigurationError when a place is geodetic or not finite."""
        rows = []
        for number, place in enumerate(places):
            if not isinstance(place, Cartesian):
                raise ConfigurationError(f"place {number}", "kind", expected="x, y, z as the other places", seen=place)
            if not all(map(math.isfinite, (place.x_m, place.y_m, place.z_m))):
                raise ConfigurationError(f"place {number}", "coordinates", expected="finite numbers", seen=place)
            rows.append((place.x_m, place.y_m, place.z_m))
        return np.array(rows, dtype=np.float64).reshape(-1, 3)


def frame_for(places: Sequence[Place]) -> LocalFrame | CartesianFrame:
    """The frame in which a site's places are held.

    Geodetic places get a tangent frame whose origin is their mean; Cartesian ones keep their own.

    Raises
    ------
    ConfigurationError
        When there is no place, when both kinds are mixed, or when one is not on the globe.
    """
    if not places:
        raise ConfigurationError("site", "places", expected="one or more", seen="none")
    if isinstance(places[0], Cartesian):
        frame = CartesianFrame()
        frame.places_to_local(places)
        return frame
    geodetic = [_checked(place, number) for number, place in enumerate(places)]
    # Longitudes relative to the first, wrapped, so that a site across the antimeridian has its mean inside it.
    first = geodetic[0].longitude
    east = sum((p.longitude - first + 180.0) % 360.0 - 180.0 for p in geodetic) / len(geodetic)
    longitude = (first + east + 180.0) % 360.0 - 180.0
    latitude = sum(p.latitude for p in geodetic) / len(geodetic)
    height_m = sum(p.height_m for p in geodetic) / len(geodetic)
    return LocalFrame(Geodetic(longitude, latitude, height_m))


def _rows(*columns: ArrayLike) -> NDArray[np.float64]:
    """Broadcast columns side by side: (n, 3) float64."""
    return np.column_stack(np.broadcast_arrays(*(np.atleast_1d(np.asarray(c, dtype=np.float64)) for c in columns)))


def _checked(place: Place, number: int) -> Geodetic:
    where = f"place {number}"
    if not isinstance(place, Geodetic):
        raise ConfigurationError(where, "kind", expected="longitude, latitude as the other places", seen=place)
    if not -180.0 <= place.longitude <= 180.0:
        raise ConfigurationError(where, "longitude", expected="-180 .. 180 deg", seen=place.longitude)
    if not -90.0 <= place.latitude <= 90.0:
        raise ConfigurationError(where, "latitude", expected="-90 .. 90 deg", seen=place.latitude)
    if not math.isfinite(place.height_m):
        raise ConfigurationError(where, "height_m", expected="a finite number", seen=place.height_m)
    return place


@lru_cache(maxsize=64)
def _transformer(origin: Geodetic) -> Transformer:
    from pyproj import Transformer  # noqa: PLC0415 - takes 0.1 s to import, which a Cartesian site need not pay

    # Seventeen digits: the shortest text that always gives the same float64 back.
    at = f"+lon_0={origin.longitude:.17g} +lat_0={origin.latitude:.17g} +h_0={origin.height_m:.17g}"
    return Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84 "
        f"+step +proj=topocentric +ellps=WGS84 {at}"
    )
