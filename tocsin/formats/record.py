"""A shot as one JSON object: the record that JSON lines and GeoJSON share.

Numbers are rounded far below what any of them can mean (micrometres, 1e-11 degrees, nanoseconds), and everything that
is not known is null: the same input gives the same bytes, and no NaN leaves the program.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from localize.network import Network
from localize.shot import Shot
from tocsin.located import Located
from wire.utc import format_utc_ns

METRE_DIGITS, DEGREE_DIGITS = 6, 11


def shot_record(located: Located, shot: Shot) -> dict[str, Any]:
    """Everything about one shot, ready for JSON, keys in the order that people read.

    Positions ``x_m, y_m, z_m`` and ``covariance_m2`` are in the site frame; regions in the frame that ``region_frame``
    names: ``"site"`` (metres) for a Cartesian site, ``"wgs84"`` (longitude, latitude) otherwise.
    """
    network = located.network
    z_m = float(shot.position_m[2])
    x, y, z = (rounded(v, METRE_DIGITS) for v in shot.position_m)
    longitude, latitude = _degrees(network, shot.position_m)
    (xx, xy), (yx, yy) = shot.covariance_m2
    by_status = {
        status: [arrival for arrival in shot.arrivals if arrival.status == status]
        for status in ("used", "lent", "rejected", "silent")
    }
    return {
        "test": located.test,
        "shot": shot.id,
        "revision": int(shot.revision),
        "fired_at": format_utc_ns(shot.fired_ns),
        "fired_sigma_s": rounded(shot.fired_sigma_s, 9),
        "x_m": x,
        "y_m": y,
        "z_m": z,
        "longitude": longitude,
        "latitude": latitude,
        "covariance_m2": [[rounded(xx, 9), rounded(xy, 9)], [rounded(yx, 9), rounded(yy, 9)]],
        "region_50": geometry(shot.region_50, network, z_m),
        "region_95": geometry(shot.region_95, network, z_m),
        "region_frame": region_frame(network),
        "area_95_m2": rounded(shot.region_95.area, 6),
        "sensors": len(by_status["used"]),
        "sensors_used": [arrival.sensor for arrival in by_status["used"]],
        "sensors_lent": [arrival.sensor for arrival in by_status["lent"]],
        "sensors_rejected": [arrival.sensor for arrival in by_status["rejected"]],
        "sensors_silent": [arrival.sensor for arrival in by_status["silent"]],
        "residuals_ms": {
            arrival.sensor: rounded(1e3 * arrival.residual_s, 6)
            for status in ("used", "lent", "rejected")
            for arrival in by_status[status]
        },
        "score": rounded(shot.score, 6),
        "level_db_spl_1m": rounded(shot.level_db_spl_1m, 3),
        "provisional": bool(shot.provisional),
        "roots": [_root(network, position, weight) for position, weight in shot.roots],
        "notes": list(shot.notes),
    }


def region_frame(network: Network) -> str:
    """``"site"`` when coordinates are metres of a Cartesian site, ``"wgs84"`` when they are degrees."""
    return "wgs84" if network.frame.is_geodetic else "site"


def geometry(shape: BaseGeometry, network: Network, height_m: float) -> dict[str, Any] | None:
    """GeoJSON geometry of a region in the site frame, outer rings counter-clockwise (RFC 7946, 3.1.6).

    height_m : the height, up in the site frame, in which the region lies.

    Returns None for a region that is empty; one Polygon stays a Polygon.
    """
    polygons = [part for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon) and not part.is_empty]
    rings = [_rings(polygon, network, height_m) for polygon in polygons]
    if not rings:
        return None
    if len(rings) == 1 and not isinstance(shape, MultiPolygon):
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def coordinates(network: Network, points_m: ArrayLike, *, heights: bool = False) -> list[list[float | None]]:
    """GeoJSON positions of points of the site frame: metres of a Cartesian site, else longitude and latitude.

    points_m : (n, 3) float64, site frame.
    heights : with the third coordinate, metres.
    """
    places = network.frame.to_geodetic(points_m)
    rows, digits = (np.array(points_m, dtype=np.float64), METRE_DIGITS) if places is None else (places, DEGREE_DIGITS)
    rows[:, :2] = np.round(rows[:, :2], digits) + 0.0
    rows[:, 2] = np.round(rows[:, 2], METRE_DIGITS) + 0.0
    listed: list[list[float | None]] = rows[:, : 3 if heights else 2].tolist()
    if not np.isfinite(rows).all():
        listed = [[value if value is not None and math.isfinite(value) else None for value in row] for row in listed]
    return listed


def rounded(value: float, digits: int) -> float | None:
    """A plain float of so many digits, 0.0 for -0.0; None for what is not a finite number."""
    number = float(value)
    return round(number, digits) + 0.0 if math.isfinite(number) else None


def _degrees(network: Network, position_m: NDArray[np.float64]) -> tuple[float | None, float | None]:
    places = network.frame.to_geodetic(position_m)
    if places is None:
        return None, None
    return rounded(places[0, 0], DEGREE_DIGITS), rounded(places[0, 1], DEGREE_DIGITS)


def _rings(polygon: Polygon, network: Network, height_m: float) -> list[list[list[float | None]]]:
    turned = orient(polygon)
    rings = []
    for ring in (turned.exterior, *turned.interiors):
        flat = np.asarray(ring.coords)[:, :2]
        rings.append(coordinates(network, np.column_stack([flat, np.full(len(flat), height_m)])))
    return rings


def _root(network: Network, position_m: NDArray[np.float64], weight: float) -> dict[str, Any]:
    x, y, z = position_m
    longitude, latitude = _degrees(network, position_m)
    return {
        "x_m": rounded(x, METRE_DIGITS),
        "y_m": rounded(y, METRE_DIGITS),
        "z_m": rounded(z, METRE_DIGITS),
        "longitude": longitude,
        "latitude": latitude,
        "weight": rounded(weight, 9),
    }
