"""network.toml: what is written is what is read, and what is wrong is named with its line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.weather import Weather
from errors import ConfigurationError, TocsinError
from localize.network import Network
from localize.networkfile import parse_network, read_network, weather_from
from tests.strategies import mutations

CARTESIAN = """\
frame = "cartesian"

[weather]
temperature_c = 3.5
humidity_percent = 80
pressure_hpa = 990.0
wind_speed_m_s = 4.0
wind_from_deg = 270

[[sensor]]
id = "S1"
x_m = 1.5
y_m = -2
z_m = 3.25

[[sensor]]  # on the church
id = "S2"
x_m = 100
y_m = 200.0
z_m = 0
position_sigma_m = 2.5
"""

GEODETIC = """\
frame = "wgs84"
[[sensor]]
id = "G1"
longitude = 6.1432
latitude = 46.2044
height_m = 375.0
[[sensor]]
id = "G2"
longitude = 6.1532
latitude = 46.2044
height_m = 375.0
"""


def test_reads_a_cartesian_site(tmp_path: Path) -> None:
    path = tmp_path / "network.toml"
    path.write_text(CARTESIAN)
    network = read_network(path)
    assert network.ids == ("S1", "S2")
    assert network.positions_m.tolist() == [[1.5, -2.0, 3.25], [100.0, 200.0, 0.0]]
    assert math.isnan(network.position_sigma_m[0])
    assert network.position_sigma_m[1] == 2.5
    assert network.weather == Weather(3.5, 80.0, 990.0, 4.0, 270.0)
    assert not network.frame.is_geodetic


def test_reads_a_geodetic_site() -> None:
    network = parse_network(GEODETIC, "network.toml")
    assert network.frame.is_geodetic
    # One hundredth of a degree of longitude at this latitude, WGS 84: N cos(latitude) d(lambda) = 771.8 m.
    assert float(network.positions_m[1, 0] - network.positions_m[0, 0]) == pytest.approx(771.8, abs=1.0)
    assert network.weather == Weather()


def test_measured_speed_of_sound_overrides_the_model() -> None:
    network = parse_network('frame = "wgs84"\nweather.speed_of_sound_m_s = 343.0\n' + GEODETIC[16:], "n")
    assert network.weather.sound_speed_m_s == 343.0


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('frame = "cartesian"', 'frame = "utm"', 'line 1: frame: expected "cartesian" or "wgs84", found \'utm\''),
        ('frame = "cartesian"', "", "frame: expected"),
        ("humidity_percent", "humidty_percent", "line 5: unknown key: expected one of .*, found 'humidty_percent'"),
        ("[weather]", "[wether]", "line 3: unknown key: expected one of frame, weather, sensor, found 'wether'"),
        ("z_m = 0", "height = 0", "line 20: unknown key .*found 'height'"),
        ("z_m = 0", "", "line 16: sensor 'S2' has no z_m"),
        ("x_m = 1.5", "longitude = 1.5", "line 12: unknown key .frame is \"cartesian\".*found 'longitude'"),
        ("x_m = 1.5", "x_m = nan", "line 12: x_m: expected a number, .* found nan"),
        ("x_m = 1.5", "x_m = inf", "line 12: x_m: expected a number, .* found inf"),
        ("x_m = 1.5", 'x_m = "1.5"', "line 12: x_m: expected a number, .* found '1.5'"),
        ("x_m = 1.5", "x_m = true", "line 12: x_m: expected a number, .* found True"),
        ("x_m = 1.5", "x_m = 1e9", "line 12: x_m: expected a number, .* found 1000000000"),
        (
            "temperature_c = 3.5",
            "temperature_c = 300",
            "line 4: temperature_c: expected a number, -60 .. 60, found 300",
        ),
        ('id = "S2"', 'id = "S1"', "line 17: sensor id used twice .first in \\[\\[sensor\\]\\] number 1.*found 'S1'"),
        ('id = "S2"', "id = 2", "line 17: id: expected a printable text"),
        ('id = "S2"', 'id = ""', "line 17: id: expected a printable text"),
        ('id = "S2"', "", "line 16: id: expected a printable text"),
        ("position_sigma_m = 2.5", "position_sigma_m = -1", "line 21: position_sigma_m: expected a number, 0 .. 1,000"),
        ("[[sensor]]", "[[sensor", "is not TOML"),
        ("y_m = 200.0", "y_m = 2026-02-30", "is not TOML"),
    ],
)
def test_names_the_line_and_the_field(old: str, new: str, sentence: str) -> None:
    assert old in CARTESIAN
    head, _, tail = CARTESIAN.rpartition(old)
    with pytest.raises(ConfigurationError, match=f"^network.toml(, )?.*{sentence}") as raised:
        parse_network(head + new + tail, "network.toml")
    assert "\n" not in str(raised.value)


def test_needs_sensors() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        parse_network('frame = "wgs84"', "n")
    with pytest.raises(ConfigurationError, match="line 2: sensor: expected"):
        parse_network('frame = "wgs84"\nsensor = 3', "n")
    with pytest.raises(ConfigurationError, match="sensor: expected"):
        parse_network('frame = "wgs84"\nsensor = [3]', "n")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_network(tmp_path / "absent.toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_network(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'frame = "\xe9"')
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_network(tmp_path / "latin.toml")


def test_weather_of_options_keeps_what_is_not_named() -> None:
    base = Weather(temperature_c=3.0, wind_speed_m_s=4.0)
    assert weather_from({"wind_speed_m_s": 1.0}, "--weather", base) == Weather(temperature_c=3.0, wind_speed_m_s=1.0)
    with pytest.raises(ConfigurationError, match=r"--weather: humidity_percent: expected 0 \.\. 100, found nan"):
        weather_from({"humidity_percent": math.nan}, "--weather")


def _toml(value: Any) -> str:
    """A value as inline TOML; what TOML cannot say becomes a text of it."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case dict():
            return "{" + ", ".join(f"{_quoted(str(k))} = {_toml(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:
            return _quoted(str(value))


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" if not 0xD800 <= ord(c) < 0xE000 else "?" for c in text) + '"'


DOCUMENT = {
    "frame": "cartesian",
    "weather": {"temperature_c": 3.5, "speed_of_sound_m_s": 340},
    "sensor": [{"id": "a", "x_m": 1, "y_m": 2.5, "z_m": 0}, {"id": "b", "x_m": 9, "y_m": 2, "z_m": 0}],
}


@given(mutations(DOCUMENT))
def test_any_document_is_read_or_refused_in_a_sentence(document: Any) -> None:
    text = "\n".join(f"{_quoted(k)} = {_toml(v)}" for k, v in document.items()) if isinstance(document, dict) else "x"
    _read_or_refuse(text)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    _read_or_refuse(text)


@given(st.integers(0, len(CARTESIAN)), st.integers(0, 4), st.text(max_size=4))
def test_any_damage_is_read_or_refused_in_a_sentence(position: int, lost: int, damage: str) -> None:
    _read_or_refuse(CARTESIAN[:position] + damage + CARTESIAN[position + lost :])


def _read_or_refuse(text: str) -> None:
    outcome: Network | TocsinError
    try:
        outcome = parse_network(text, "network.toml")
    except TocsinError as error:
        outcome = error
    if isinstance(outcome, TocsinError):
        assert str(outcome).startswith("network.toml")
        assert outcome.exit_code == 2
    else:
        assert len(outcome.ids) == len(outcome.positions_m) > 0
