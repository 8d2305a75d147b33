"""How inputs, networks and weather come together; the locator itself is a double that shows what it was given."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

import tocsin.locating
from errors import BadInput, NotEnoughEvidence
from localize.network import Network
from localize.pulses import PulseTable
from localize.shot import Shot
from tests.sensors.written import pulse_record, write_audio, write_recording, write_test
from tocsin.locating import Request, locate_inputs

NETWORK = """\
frame = "cartesian"
[weather]
temperature_c = 1.0
wind_speed_m_s = 2.0
[[sensor]]
id = "N-1"
x_m = 5.0
y_m = 6.0
z_m = 7.0
[[sensor]]
id = "N-2"
x_m = 50.0
y_m = 6.0
z_m = 7.0
"""
WEATHER = {"fluid": "air", "temperature": 9.0, "speed": 3.0, "direction": 90.0}


@dataclass
class Given:
    """What the locator was given, and what it answers."""

    shots: tuple[Shot, ...] = ()
    notes: tuple[str, ...] = ("noted",)
    table: PulseTable | None = None
    network: Network | None = None


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Given]:
    calls: list[Given] = []

    def locate(table: PulseTable, network: Network, tuning: object) -> Given:
        calls.append(Given(table=table, network=network))
        return calls[-1]

    monkeypatch.setattr(tocsin.locating, "locate", locate)
    return calls


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    path = tmp_path / "network.toml"
    path.write_text(NETWORK)
    return path


def _site(call: Given) -> Network:
    assert call.network is not None
    return call.network


def test_recordings_bring_their_own_network(tmp_path: Path, given: list[Given]) -> None:
    write_test(tmp_path / "FP1" / "test_001", [pulse_record()], WEATHER)
    (result,) = locate_inputs(Request((tmp_path,), published_pulses=True))
    assert (result.test, result.group) == ("test_001", "FP1")
    assert result.notes[-1] == "noted"
    site = _site(given[0])
    assert site.ids == ("N-1",)
    assert site.positions_m.tolist() == [[1.0, 2.0, 3.0]]
    assert (site.weather.temperature_c, site.weather.wind_speed_m_s) == (9.0, 3.0)


def test_weather_of_the_option_before_the_file_before_the_recording(
    tmp_path: Path, network_file: Path, given: list[Given]
) -> None:
    folder = write_test(tmp_path / "FP1" / "test_001", [pulse_record()], WEATHER)
    weather = {"temperature_c": -5.0}
    locate_inputs(Request((folder,), True, network_file, weather))
    site = _site(given[0])
    assert site.weather.temperature_c == -5.0  # the option
    assert site.weather.wind_speed_m_s == 2.0  # the file
    assert site.weather.wind_from_deg == 90.0  # the recording
    assert site.positions_m[0].tolist() == [5.0, 6.0, 7.0]


def test_a_sensor_without_a_recording_was_not_silent(tmp_path: Path, network_file: Path, given: list[Given]) -> None:
    write_recording(tmp_path / "night" / "a.wav", sensor="N-1")
    locate_inputs(Request((tmp_path / "night",), network=network_file))
    assert _site(given[0]).ids == ("N-1",)


def test_sound_files_named_one_by_one_are_one_test(tmp_path: Path, given: list[Given]) -> None:
    names = [tmp_path / "night" / f"{k}.wav" for k in (1, 2)]
    for k, name in enumerate(names, 1):
        write_recording(name, sensor=f"N-{k}")
    (result,) = locate_inputs(Request(tuple(names)))
    assert _site(given[0]).ids == ("N-1", "N-2")
    assert len(result.captures) == 2


def test_a_sound_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    """A WAV file called ``pulses.dat`` is refused as a recording, not read as lines of JSON."""
    write_audio(tmp_path / "a.wav").rename(tmp_path / "pulses.dat")
    with pytest.raises(BadInput, match="layout is not known"):
        locate_inputs(Request((tmp_path / "pulses.dat",)))


def test_pulse_files_and_recordings_in_one_command(tmp_path: Path, network_file: Path, given: list[Given]) -> None:
    write_recording(tmp_path / "night" / "a.wav", sensor="N-1")
    line = json.dumps({"sensor": "N-2", "arrival": "2026-01-01T00:00:00Z"}) + "\n"
    (tmp_path / "pulses.jsonl").write_text(2 * line)
    results = locate_inputs(Request((tmp_path / "pulses.jsonl", tmp_path / "night"), network=network_file))
    assert [result.test for result in results] == ["night", None]
    assert results[1].notes == ("1 repeated line dropped", "noted")
    assert given[1].table is not None
    assert given[1].table.sensor.tolist() == [1]
    assert math.isnan(given[1].table.sigma_s[0])


def test_too_little_evidence_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locate(*_: object) -> Given:
        raise NotEnoughEvidence("two sensors: expected three")

    monkeypatch.setattr(tocsin.locating, "locate", locate)
    write_recording(tmp_path / "a.wav")
    (result,) = locate_inputs(Request((tmp_path,)))
    assert result.shots == ()
    assert result.notes[-1] == "two sensors: expected three"


@pytest.mark.parametrize(
    ("request_of", "sentence"),
    [
        (lambda folder: Request((folder / "absent",)), "absent: does not exist"),
        (lambda folder: Request((folder,), weather={"temperature": 3.0}), "--weather: unknown key"),
        (lambda folder: Request((folder,), weather={"temperature_c": 300.0}), "--weather: temperature_c: expected"),
        (lambda folder: Request((folder / "network.toml",)), "expected --network FILE"),
        (lambda folder: Request((folder,), tuning=folder / "absent.toml"), "absent.toml"),
    ],
)
def test_what_was_named_wrongly(tmp_path: Path, network_file: Path, request_of: object, sentence: str) -> None:
    write_recording(tmp_path / "a.wav")
    assert callable(request_of)
    with pytest.raises(BadInput, match=sentence):
        locate_inputs(request_of(tmp_path))
