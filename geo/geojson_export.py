"""A city as the GeoJSON that ``geo.geojson`` reads back: to keep a generated one, or to look at it in a map program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from geo.city import City
from geo.frames import LocalFrame


def write_geojson(city: City, buildings: Path, streets: Path | None = None) -> None:
    """Write buildings, and streets when a file for them is given.

    Positions are degrees at full precision where the city lies on the globe, else metres (``"frame": "site"``).  Both
    files say where the frame's origin is, what is known, and whom to thank.
    """
    plans = [
        _feature(_polygon(city, polygon), {"building": "yes", "height": float(height_m)}, name)
        for polygon, height_m, name in zip(
            city.buildings.footprints, city.buildings.height_m, city.buildings.names, strict=True
        )
    ]
    buildings.write_bytes(_collection(city, plans))
    if streets is not None:
        lines = [
            _feature(
                {"type": "LineString", "coordinates": _positions(city, shapely.get_coordinates(line))},
                {"highway": kind, "name": name or None},
            )
            for line, kind, name in zip(city.streets.lines, city.streets.kinds, city.streets.names, strict=True)
        ]
        streets.write_bytes(_collection(city, lines))


def _collection(city: City, features: list[dict[str, Any]]) -> bytes:
    document: dict[str, Any] = {"type": "FeatureCollection"}
    if isinstance(city.frame, LocalFrame):
        origin = city.frame.origin
        document |= {"frame": "wgs84", "origin": [origin.longitude, origin.latitude, origin.height_m]}
    else:
        document["frame"] = "site"
    document["bounds_m"] = list(city.bounds_m)
    if city.attribution:
        document["attribution"] = city.attribution
    return msgspec.json.encode(document | {"features": features}) + b"\n"


def _feature(geometry: dict[str, Any], properties: dict[str, Any], name: str | None = None) -> dict[str, Any]:
    named = {} if name is None else {"id": name}
    return {"type": "Feature", **named, "geometry": geometry, "properties": properties}


def _polygon(city: City, polygon: shapely.Polygon) -> dict[str, Any]:
    rings = [polygon.exterior, *polygon.interiors]
    return {"type": "Polygon", "coordinates": [_positions(city, shapely.get_coordinates(ring)) for ring in rings]}


def _positions(city: City, points_m: NDArray[np.float64]) -> list[list[float]]:
    frame = city.frame
    if not isinstance(frame, LocalFrame):
        return _rows(points_m)
    # The plane up = 0 rises above the origin's height as d^2 / 2R; reading takes places at that height, so what is
    # wanted is the one with this east and north.  Each turn brings it nearer by a factor of R / d.
    height_m = frame.origin.height_m
    aim_m = points_m.copy()
    lonlat = np.empty_like(points_m)
    for _ in range(4):
        lonlat = frame.to_geodetic(np.column_stack([aim_m, np.zeros(len(aim_m))]))[:, :2]
        aim_m += points_m - frame.to_local(lonlat[:, 0], lonlat[:, 1], height_m)[:, :2]
    return _rows(lonlat)


def _rows(points: NDArray[np.float64]) -> list[list[float]]:
    rows: list[list[float]] = points.tolist()
    return rows
