"""GeoJSON as a format (RFC 7946): collections and features whose members are what the standard says they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from errors import BadInput
from geo.extent import Extent
from geo.frames import REACH_M

FrameWord = Literal["wgs84", "site"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature; ``where`` names it in errors, ``name`` in the city."""

    where: str
    number: int
    name: str
    frame: FrameWord
    geometry: dict[str, Any] | None
    properties: dict[str, Any]

    def fault(self, field: str, expected: str, seen: object) -> BadInput:
        """What to raise about it."""
        return BadInput(self.where, field, expected=expected, seen=seen)

    def kind(self, *kinds: str) -> tuple[str, object]:
        """Type and coordinates of the geometry.  Raises BadInput when it is none of ``kinds``."""
        geometry = self.geometry or {}
        kind = geometry.get("type")
        if kind not in kinds:
            raise self.fault("geometry.type", " or ".join(kinds), kind)
        return kind, geometry.get("coordinates")

    def array(self, value: object, field: str) -> list[Any]:
        """``value``, which must be an array with something in it.  Raises BadInput."""
        if not isinstance(value, list) or not value:
            raise self.fault(field, "an array with something in it", value)
        return value

    def positions(self, value: object, least: int) -> NDArray[np.float64]:
        """(n, 2) float64 of an array of positions, heights ignored.

        Raises BadInput for fewer than ``least``, for what is no position, and for places that are not on the globe, or
        too far from the origin of a Cartesian site.
        """
        field = "geometry.coordinates"
        rows = self.array(value, field)
        if len(rows) < least:
            raise self.fault(field, f"{least} positions or more", rows)
        for row in rows:
            if not isinstance(row, list) or len(row) < 2 or not all(_is_number(part) for part in row[:2]):
                raise self.fault(field, "positions of two numbers or three", row)
        positions = np.array([row[:2] for row in rows], dtype=np.float64)
        if self.frame == "site":
            limits, expected = (REACH_M, REACH_M), f"metres up to {REACH_M:g}"
        else:
            limits = 180.0, 90.0
            expected = 'longitude and latitude in degrees (for metres the collection says "frame": "site")'
        beyond = (np.abs(positions) > limits).any(axis=1)
        if beyond.any():
            raise self.fault(field, expected, rows[int(np.argmax(beyond))])
        return positions

    def text(self, key: str) -> str | None:
        """A property as text; None when it is not there or null.  Raises BadInput when it is an array or an object."""
        value = self.properties.get(key)
        if value is None:
            return None
        if isinstance(value, bool):
            return "yes" if value else "no"
        if not isinstance(value, str | int | float):
            raise self.fault(f"properties.{key}", "text or a number", value)
        return np.format_float_positional(value, trim="-") if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Collection:
    """A feature collection; members as ``geo.geojson`` describes them, None where absent."""

    path: Path
    features: tuple[Feature, ...]
    frame: FrameWord
    bbox: Extent | None
    bounds_m: Extent | None
    origin: tuple[float, float, float] | None
    attribution: str


def read_collection(path: Path) -> Collection:
    """A file as a collection of features.

    Raises BadInput for what is not JSON or not a FeatureCollection, and for members that are not what they should be.
    """
    try:
        document = msgspec.json.decode(path.read_bytes())
    except OSError as fault:
        raise BadInput(path, f"cannot be read ({fault.strerror})") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadInput(path, f"is no JSON ({fault})") from None
    kind = document.get("type") if isinstance(document, dict) else document
    if kind != "FeatureCollection":
        raise BadInput(path, "type", expected="a GeoJSON FeatureCollection", seen=kind)
    features = document.get("features")
    if not isinstance(features, list):
        raise BadInput(path, "features", expected="an array", seen=features)
    frame = document.get("frame", "wgs84")
    if frame not in ("wgs84", "site"):
        raise BadInput(path, "frame", expected='"wgs84" or "site"', seen=frame)
    _require_wgs84(path, document.get("crs"))
    attribution = document.get("attribution", "")
    if not isinstance(attribution, str):
        raise BadInput(path, "attribution", expected="text", seen=attribution)
    is_globe = frame == "wgs84"
    limits = (180.0, 90.0) if is_globe else (REACH_M, REACH_M)
    return Collection(
        path,
        tuple(_feature(path, number, feature, frame) for number, feature in enumerate(features)),
        frame,
        _rectangle(path, "bbox", document.get("bbox"), limits),
        _rectangle(path, "bounds_m", document.get("bounds_m"), (REACH_M, REACH_M)),
        _origin(path, document.get("origin")) if is_globe else None,
        attribution,
    )


def _feature(path: Path, number: int, feature: object, frame: FrameWord) -> Feature:
    where = f"{path}, feature {number}"
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        seen = feature.get("type") if isinstance(feature, dict) else feature
        raise BadInput(where, "type", expected="Feature", seen=seen)
    geometry, properties = feature.get("geometry"), feature.get("properties")
    if geometry is not None and not isinstance(geometry, dict):
        raise BadInput(where, "geometry", expected="an object or null", seen=geometry)
    if properties is not None and not isinstance(properties, dict):
        raise BadInput(where, "properties", expected="an object or null", seen=properties)
    properties = properties or {}
    name = feature.get("id", properties.get("@id"))
    if name is not None and (isinstance(name, bool) or not isinstance(name, str | int | float)):
        raise BadInput(where, "id", expected="text or a number", seen=name)
    return Feature(where, number, f"feature/{number}" if name in (None, "") else str(name), frame, geometry, properties)


def _require_wgs84(path: Path, crs: object) -> None:
    """Files older than RFC 7946 may name a reference system; any other than WGS 84 is refused."""
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or not name.upper().endswith(("CRS84", "EPSG::4326", "EPSG:4326")):
        raise BadInput(path, "crs", expected='WGS 84, or metres with "frame": "site"', seen=name if name else crs)


def _rectangle(path: Path, field: str, value: object, limits: tuple[float, float]) -> Extent | None:
    """West, south, east, north of four numbers, or of six with heights."""
    if value is None:
        return None
    expected = "west, south, east, north with west < east and south < north"
    if not isinstance(value, list) or len(value) not in (4, 6) or not all(_is_number(part) for part in value):
        raise BadInput(path, field, expected=expected, seen=value)
    half = len(value) // 2
    west, south, east, north = map(float, (value[0], value[1], value[half], value[half + 1]))
    if not (-limits[0] <= west < east <= limits[0] and -limits[1] <= south < north <= limits[1]):
        expected += f" within {limits[0]:g}, {limits[1]:g}"
        raise BadInput(path, field, expected=expected, seen=value)
    return west, south, east, north


def _origin(path: Path, value: object) -> tuple[float, float, float] | None:
    if value is None:
        return None
    is_place = isinstance(value, list) and len(value) in (2, 3) and all(_is_number(part) for part in value)
    if not isinstance(value, list) or not is_place or abs(value[0]) > 180.0 or abs(value[1]) > 90.0:
        raise BadInput(path, "origin", expected="longitude, latitude and perhaps height", seen=value)
    return float(value[0]), float(value[1]), float(value[2]) if len(value) == 3 else 0.0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
