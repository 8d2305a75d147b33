"""Fields of foreign JSON: decoded, bounded, and refused with the file and the field in one sentence.

Unknown keys are let through: these documents belong to their makers, who put much into them that is not ours to judge.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from acoustic.weather import Weather
from errors import RecordingError
from geo.place import Cartesian, Geodetic, Place
from wire.utc import NS_PER_S, format_utc_ns, parse_utc_ns

T = TypeVar("T")

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
"""The largest published pulse file has 0.2 MB; the limit keeps a wrong path from filling the memory."""

EARLIEST_NS = 946_684_800 * NS_PER_S  # 2000-01-01: before, a node's clock was never set
LATEST_NS = 4_102_444_800 * NS_PER_S  # 2100-01-01



class Bounds(NamedTuple):
    """Least and greatest value of a quantity, both included, and its unit."""

    low: float
    high: float
    unit: str


LEVEL_BOUNDS = Bounds(40.0, 220.0, "dB SPL")
CLOCK_BOUNDS = Bounds(0.0, 60.0, "s")
SURVEY_BOUNDS = Bounds(0.0, 1000.0, "m")
_REACH_BOUNDS = Bounds(-1e7, 1e7, "m")  # a site's own frame: a quarter of the way round the earth
_LONGITUDE_BOUNDS = Bounds(-180.0, 180.0, "deg")
_LATITUDE_BOUNDS = Bounds(-90.0, 90.0, "deg")
_HEIGHT_BOUNDS = Bounds(-500.0, 9000.0, "m")


class Location(msgspec.Struct):
    """A place as sidecars write it: ``x, y, z``, or ``longitude, latitude`` with ``elevation`` or ``height_m``."""

    x: float | None = None
    y: float | None = None
    z: float | None = None
    longitude: float | None = None
    latitude: float | None = None
    elevation: float | None = None
    height_m: float | None = None


class WeatherReport(msgspec.Struct, rename="camel"):
    """Weather as live-fire tests and ``smj0`` chunks write it: deg C, m/s, from-azimuth in degrees, %, hPa."""

    temperature: float
    speed: float | None = None
    direction: float | None = None
    relative_humidity: float | None = None
    pressure: float | None = None


def decode(document: bytes, kind: type[T], where: object) -> T:
    """JSON as ``kind``.

    Raises RecordingError, which names ``where`` and the field (as ``$.location.x``).
    """
    try:
        return msgspec.json.decode(document, type=kind)
    except msgspec.ValidationError as error:
        raise RecordingError(where, f"field {_sentence(error)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordingError(where, f"is not JSON ({_sentence(error)})") from error


def read(path: Path, kind: type[T]) -> T:
    """A JSON file as ``kind``.  Raises RecordingError."""
    try:
        size = path.stat().st_size
        if size > MAX_DOCUMENT_BYTES:
            raise RecordingError(path, "size", expected=f"at most {MAX_DOCUMENT_BYTES} bytes", seen=size)
        document = path.read_bytes()
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror or error})") from error
    return decode(document, kind, path)


def sensor_of(name: str, where: object, field: str) -> str:
    """A sensor's id: 1 to 100 printable characters.  Raises RecordingError."""
    if not (0 < len(name) <= 100 and name.isprintable() and name.strip() == name):
        raise RecordingError(where, field, expected="a sensor id of 1 to 100 printable characters", seen=name)
    return name


def instant_of(text: str, where: object, field: str) -> int:
    """UTC nanoseconds of an ISO instant between 2000 and 2100.  Raises RecordingError."""
    try:
        instant_ns = parse_utc_ns(text)
    except ValueError as error:
        expected = "an ISO 8601 instant with a zone, such as 2018-12-19T00:49:26.000Z"
        raise RecordingError(where, field, expected=expected, seen=text) from error
    if not EARLIEST_NS <= instant_ns < LATEST_NS:
        raise RecordingError(where, field, expected="a time from 2000 to 2100", seen=format_utc_ns(instant_ns))
    return instant_ns


def place_of(location: Location | None, where: object, field: str = "location") -> Place:
    """A checked place.

    ``elevation`` is taken as the ellipsoidal height though many write metres above the sea: the geoid is level over a
    network, so only the height shown is shifted (by up to 100 m), never a position.

    Raises RecordingError when the place is missing, incomplete, of two kinds or out of bounds.
    """
    if location is None:
        raise RecordingError(where, field, expected="the sensor's position", seen=None)
    cartesian = (location.x, location.y, location.z)
    height = location.height_m if location.height_m is not None else location.elevation
    geodetic = (location.longitude, location.latitude, height)
    is_cartesian = any(value is not None for value in cartesian)
    is_geodetic = any(value is not None for value in (*geodetic, location.elevation))
    if is_cartesian and is_geodetic:
        raise RecordingError(where, field, expected="x, y, z or longitude, latitude, elevation", seen="both")
    if is_cartesian:
        x, y, z = (
            _within(value, _REACH_BOUNDS, where, f"{field}.{name}")
            for value, name in zip(cartesian, "xyz", strict=True)
        )
        return Cartesian(x, y, z)
    if not is_geodetic:
        raise RecordingError(where, field, expected="x, y, z or longitude, latitude, elevation", seen="neither")
    return Geodetic(
        _within(location.longitude, _LONGITUDE_BOUNDS, where, f"{field}.longitude"),
        _within(location.latitude, _LATITUDE_BOUNDS, where, f"{field}.latitude"),
        _within(height, _HEIGHT_BOUNDS, where, f"{field}.elevation"),
    )


def weather_of(report: WeatherReport, where: object, field: str = "") -> Weather:
    """Checked weather.

    What a report leaves out (or gives as null) is taken as calm, 50 % humidity and standard pressure: at 20 deg C the
    speed of sound is within 0.7 m/s of that for every humidity and pressure.

    Raises RecordingError, which names the quantity that is out of bounds.
    """
    standard = Weather()
    weather = Weather(
        temperature_c=report.temperature,
        humidity_percent=standard.humidity_percent if report.relative_humidity is None else report.relative_humidity,
        pressure_hpa=standard.pressure_hpa if report.pressure is None else report.pressure,
        wind_speed_m_s=report.speed or 0.0,
        wind_from_deg=report.direction or 0.0,
    )
    names = {
        "temperature_c": "temperature",
        "humidity_percent": "relativeHumidity",
        "pressure_hpa": "pressure",
        "wind_speed_m_s": "speed",
        "wind_from_deg": "direction",
    }
    prefixed = {name: f"{field}.{key}" if field else key for name, key in names.items()}
    return weather.validated(where, error=RecordingError, names=prefixed)


def number_of(value: float | None, bounds: Bounds, where: object, field: str) -> float | None:
    """An optional number within bounds; None stays None.  Raises RecordingError."""
    return None if value is None else _within(value, bounds, where, field)


def _within(value: float | None, bounds: Bounds, where: object, field: str) -> float:
    if value is None or not bounds.low <= value <= bounds.high:
        expected = f"{bounds.low:g} .. {bounds.high:g} {bounds.unit}".rstrip()
        raise RecordingError(where, field, expected=expected, seen=value)
    return value


def _sentence(error: Exception) -> str:
    return str(error).rstrip(".").replace("\n", " ")
