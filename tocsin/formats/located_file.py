"""Read back what ``tocsin locate --format jsonl`` wrote, as far as it is scored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon, shape
from shapely.geometry.base import BaseGeometry

from errors import RecordingError
from geo.frames import Frame
from wire.utc import parse_utc_ns


class _Line(msgspec.Struct):
    fired_at: str
    x_m: float
    y_m: float
    z_m: float
    region_50: dict[str, Any] | None
    region_95: dict[str, Any] | None
    test: str | None = None
    longitude: float | None = None
    latitude: float | None = None


_DECODER = msgspec.json.Decoder(_Line)


@dataclass(frozen=True, slots=True, eq=False)
class ReadShot:
    """A located shot (``sim.scoring.LocatedShot``) as a file has it, in the frame that it was read into."""

    test: str | None
    fired_ns: int
    position_m: NDArray[np.float64]
    region_50: BaseGeometry
    region_95: BaseGeometry


def read_located(path: Path, frame: Frame) -> list[ReadShot]:
    """The shots of a file of JSON lines, in its order.

    frame : of the simulation; positions and regions on the globe are brought into it, those of a Cartesian site stay.

    Raises
    ------
    RecordingError
        The file cannot be read, or a line is no located shot; the message names the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror or error})") from error
    shots = []
    for number, text in enumerate(data.split(b"\n"), 1):
        if text.strip():
            where = f"{path}, line {number}"
            try:
                shots.append(_shot(_DECODER.decode(text), frame, where))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                expected = "a shot of tocsin locate --format jsonl"
                raise RecordingError(where, str(error).rstrip("."), expected=expected) from error
    return shots


def _shot(line: _Line, frame: Frame, where: str) -> ReadShot:
    try:
        fired_ns = parse_utc_ns(line.fired_at)
    except ValueError as error:
        raise RecordingError(
            where, "fired_at", expected="an ISO 8601 instant with a zone", seen=line.fired_at
        ) from error
    position_m = np.array([line.x_m, line.y_m, line.z_m])
    if frame.is_geodetic:
        if line.longitude is None or line.latitude is None:
            raise RecordingError(
                where, "longitude, latitude", expected="numbers: the simulation is on the globe", seen=None
            )
        # Heights of shots are assumed, not found: the one of the frame's origin does for a position on the ground.
        position_m = frame.to_local([line.longitude], [line.latitude], [_height_m(frame)])[0]
    return ReadShot(
        line.test, fired_ns, position_m, _region(line.region_50, frame, where), _region(line.region_95, frame, where)
    )


def _region(geometry: dict[str, Any] | None, frame: Frame, where: str) -> BaseGeometry:
    if geometry is None:
        return Polygon()
    try:
        region: BaseGeometry = shape(geometry)
    except (ValueError, TypeError, KeyError, AttributeError, shapely.errors.ShapelyError) as error:
        raise RecordingError(where, "region", expected="a GeoJSON polygon", seen=geometry) from error
    if not frame.is_geodetic:
        return region
    height_m = _height_m(frame)

    def local(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return frame.to_local(points[:, 0], points[:, 1], np.full(len(points), height_m))[:, :2]

    moved: BaseGeometry = shapely.transform(region, local)
    return moved


def _height_m(frame: Frame) -> float:
    origin = frame.to_geodetic(np.zeros((1, 3)))
    return 0.0 if origin is None else float(origin[0, 2])
