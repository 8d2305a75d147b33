"""network.toml: the sensors of a site and its weather, as people write them.

::

    frame = "cartesian"                 # or "wgs84"

    [weather]                           # every key may be left out
    temperature_c = 15.0
    humidity_percent = 50.0
    pressure_hpa = 1013.25
    wind_speed_m_s = 0.0
    wind_from_deg = 0.0                 # clockwise from north
    speed_of_sound_m_s = 340.3          # measured: overrides the model of humid air

    [[sensor]]
    id = "S001"
    x_m = 12.5                          # cartesian: x_m, y_m, z_m; wgs84: longitude, latitude, height_m
    y_m = 830.0
    z_m = 4.0
    position_sigma_m = 1.5              # may be left out
"""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from acoustic.weather import BOUNDS, Weather
from errors import ConfigurationError
from geo.place import Cartesian, Geodetic, Place
from localize.network import CARTESIAN_BOUNDS, GEODETIC_BOUNDS, Network, Sensor, check_bounds

_FIELD_OF_KEY = {"speed_of_sound_m_s" if name == "measured_speed_m_s" else name: name for name in BOUNDS}
WEATHER_BOUNDS = {key: BOUNDS[field][:2] for key, field in _FIELD_OF_KEY.items()}
_PLACE_BOUNDS = {"cartesian": CARTESIAN_BOUNDS, "wgs84": GEODETIC_BOUNDS}
_OPTIONAL_SENSOR_KEYS = {"position_sigma_m": (0.0, 1000.0)}
_TOP_KEYS = ("frame", "weather", "sensor")


def read_network(path: Path, base: Weather | None = None) -> Network:
    """The network of a network.toml; weather that it does not state is as in ``base``.

    Raises
    ------
    ConfigurationError
        The file cannot be read, is not TOML, or holds a key, a value or a pair of sensors that cannot be.  The message
        names the file, the line and the field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(path, f"cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(path, f"is not UTF-8 text (byte {error.start})") from error
    return parse_network(text, path, base)


def parse_network(text: str, where: object, base: Weather | None = None) -> Network:
    """The network of the text of a network.toml; ``where`` names it in errors, ``base`` as of ``read_network``.

    Raises
    ------
    ConfigurationError
        As ``read_network``.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError, and so is a date that is none
        raise ConfigurationError(where, f"is not TOML: {error}") from error
    lines = _Lines(text, where)
    _refuse_unknown(document, _TOP_KEYS, lines, "")
    frame = document.get("frame")
    if not isinstance(frame, str) or frame not in _PLACE_BOUNDS:
        raise ConfigurationError(lines.at("frame"), "frame", expected='"cartesian" or "wgs84"', seen=frame)
    weather = _weather(document.get("weather", {}), lines, base)
    tables = document.get("sensor")
    if not isinstance(tables, list) or not tables:
        raise ConfigurationError(lines.at("sensor"), "sensor", expected="at least one [[sensor]] table", seen=tables)
    sensors: list[Sensor] = []
    first: dict[str, int] = {}
    for number, table in enumerate(tables):
        sensor = _sensor(table, number, frame, lines)
        if sensor.id in first:
            raise ConfigurationError(
                lines.at("id", "sensor", number),
                f"sensor id used twice (first in [[sensor]] number {first[sensor.id] + 1})",
                expected="ids that differ",
                seen=sensor.id,
            )
        first[sensor.id] = number
        sensors.append(sensor)
    return Network.of(sensors, weather, where=where)


def weather_from(values: Mapping[str, float], where: object, base: Weather | None = None) -> Weather:
    """Weather of numbers by the names that network.toml gives them; what is not named is as in ``base``.

    Raises
    ------
    ConfigurationError
        An unknown name, or a number out of bounds.
    """
    for name, value in values.items():
        if name not in WEATHER_BOUNDS:
            raise ConfigurationError(where, "unknown key", expected=_one_of(WEATHER_BOUNDS), seen=name)
        check_bounds(where, name, value, *WEATHER_BOUNDS[name])
    fields = {_FIELD_OF_KEY[name]: value for name, value in values.items()}
    return dataclasses.replace(Weather() if base is None else base, **fields)


def _weather(table: object, lines: _Lines, base: Weather | None) -> Weather:
    if not isinstance(table, dict):
        raise ConfigurationError(lines.at("weather"), "weather", expected="a [weather] table", seen=table)
    _refuse_unknown(table, WEATHER_BOUNDS, lines, "weather")
    values = {}
    for name, (low, high) in WEATHER_BOUNDS.items():
        if name in table:
            values[name] = _number(table, name, low, high, lines, "weather")
    return weather_from(values, lines.where, base)


def _sensor(table: object, number: int, frame: str, lines: _Lines) -> Sensor:
    if not isinstance(table, dict):
        raise ConfigurationError(lines.at("sensor"), "sensor", expected="[[sensor]] tables", seen=table)
    bounds = _PLACE_BOUNDS[frame]
    _refuse_unknown(table, ("id", *bounds, *_OPTIONAL_SENSOR_KEYS), lines, "sensor", number, f' (frame is "{frame}")')
    name = table.get("id")
    if not isinstance(name, str) or not name or not name.isprintable():
        at = lines.at("id", "sensor", number)
        raise ConfigurationError(at, "id", expected="a printable text that is not empty", seen=name)
    for key in bounds:
        if key not in table:
            raise ConfigurationError(lines.at(None, "sensor", number), f"sensor {name!r} has no {key}")
    x, y, z = (_number(table, key, low, high, lines, "sensor", number) for key, (low, high) in bounds.items())
    place: Place = Cartesian(x, y, z) if frame == "cartesian" else Geodetic(x, y, z)
    sigma = math.nan
    for key, (low, high) in _OPTIONAL_SENSOR_KEYS.items():
        if key in table:
            sigma = _number(table, key, low, high, lines, "sensor", number)
    return Sensor(name, place, sigma)


def _number(
    table: Mapping[str, object], key: str, low: float, high: float, lines: _Lines, header: str, number: int = 0
) -> float:
    """The number of a key, refused outside its bounds, as NaN, and as another type (``true`` is no number)."""
    value = table[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        at = lines.at(key, header, number)
        raise ConfigurationError(at, key, expected=f"a number, {low:,.12g} .. {high:,.12g}", seen=value)
    return float(value)


def _refuse_unknown(
    table: Mapping[str, object],
    known: Mapping[str, object] | tuple[str, ...],
    lines: _Lines,
    header: str,
    number: int = 0,
    aside: str = "",
) -> None:
    for key in table:
        if key not in known:
            at = lines.at(key, header, number)
            raise ConfigurationError(at, f"unknown key{aside}", expected=_one_of(known), seen=key)


def _one_of(known: Mapping[str, object] | tuple[str, ...]) -> str:
    return "one of " + ", ".join(known)


class _Lines:
    """Where keys stand in the text: ``tomllib`` forgets it, and people want the line."""

    _header = re.compile(r"\s*(\[\[?)\s*[\"']?([^\]\"']*?)[\"']?\s*\]")
    _key = re.compile(r"\s*[\"']?([^\"'=]*?)[\"']?\s*=")

    def __init__(self, text: str, where: object) -> None:
        self.where = str(where)
        self._of: dict[tuple[str, int, str | None], int] = {}
        self._text = text

    def _read(self) -> None:
        header, count = "", {"": 0}
        for number, line in enumerate(self._text.splitlines(), 1):
            if found := self._header.match(line):
                header = found[2]
                count[header] = count.get(header, -1) + 1
                self._of.setdefault((header, count[header], None), number)
            elif found := self._key.match(line):
                self._of.setdefault((header, count[header], found[1]), number)

    def at(self, key: str | None, header: str = "", number: int = 0) -> str:
        """``file, line n`` of a key in the n-th table of a name, of that table's head, or of the file alone."""
        if not self._of:
            self._read()
        for place in ((header, number, key), (header, number, None), (key or "", 0, None)):
            if place in self._of:
                return f"{self.where}, line {self._of[place]}"
        return self.where
