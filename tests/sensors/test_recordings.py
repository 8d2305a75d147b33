"""The front door: layouts recognised, and everything else refused in one sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import RecordingError, TocsinError
from geo.place import Cartesian, Geodetic
from sensors.recordings import open_recordings
from tests.sensors.written import noise, pulse_record, sidecar, write_audio, write_recording, write_smj0, write_test
from tests.strategies import json_values, mutations
from wire.utc import parse_utc_ns

GEODETIC = {"longitude": 6.1, "latitude": 46.2, "height_m": 400.0}


def test_a_folder_with_sidecars(tmp_path: Path) -> None:
    write_recording(tmp_path / "b.flac", sensor="N-2", location=GEODETIC, full_scale_db_spl=120.0, clock_sigma_s=2e-5)
    write_recording(
        tmp_path / "a.wav", noise(1200, 4), location={**GEODETIC, "latitude": 46.21}, position_sigma_m=0.5, color="red"
    )
    (tmp_path / "weather.json").write_text(json.dumps({"temperature": 21.0, "relativeHumidity": 80, "pressure": 990}))
    (tmp_path / "notes.txt").write_text("anything")
    (found,) = open_recordings(tmp_path)
    assert (found.name, found.group, found.pulses) == (tmp_path.name, None, None)
    one, two = found.captures
    assert (one.sensor, one.channels, one.position_sigma_m, one.clock_sigma_s) == ("N-1", 4, 0.5, 1e-3)
    assert (two.sensor, two.channels, two.position_sigma_m, two.clock_sigma_s) == ("N-2", 1, None, 2e-5)
    assert two.full_scale_db_spl == 120.0
    assert two.place == Geodetic(6.1, 46.2, 400.0)
    assert [site.position_sigma_m for site in found.sites] == [0.5, None]
    assert found.weather is not None
    assert (found.weather.humidity_percent, found.weather.pressure_hpa) == (80, 990)
    assert one.weather == found.weather
    assert found.findings == ()


def test_loose_files_are_one_set(tmp_path: Path) -> None:
    paths = [write_recording(tmp_path / f"{name}.wav", sensor=name) for name in "ab"]
    (found,) = open_recordings(*paths)
    assert [capture.sensor for capture in found.captures] == ["a", "b"]
    assert [finding.kind for finding in found.findings] == ["no_weather"]


def test_files_of_one_sensor_that_follow_are_one_sensor(tmp_path: Path) -> None:
    for second in (0, 1, 2):
        write_recording(
            tmp_path / f"part_{9 + second}.wav",
            noise(12_000),
            start=f"2018-12-19T00:49:2{second}.000Z",
            location={"x": float(second), "y": 0.0, "z": 0.0},
        )
    (found,) = open_recordings(tmp_path)
    starts = [capture.start_ns for capture in found.captures]
    assert np.diff(starts).tolist() == [1_000_000_000] * 2
    assert [capture.place for capture in found.captures] == [Cartesian(1.0, 0.0, 0.0)] * 3
    assert [site.sensor for site in found.sites] == ["N-1"]
    assert [finding.kind for finding in found.findings] == ["no_weather"]


def test_names_that_go_back_in_time_are_said(tmp_path: Path) -> None:
    write_recording(tmp_path / "part_1.wav", start="2018-12-19T00:49:30.000Z")
    write_recording(tmp_path / "part_2.wav", start="2018-12-19T00:49:20.000Z")
    (found,) = open_recordings(tmp_path)
    assert [capture.start_ns for capture in found.captures] == sorted(capture.start_ns for capture in found.captures)
    assert "time_order" in {finding.kind for finding in found.findings}


def test_files_of_one_sensor_that_overlap_are_refused(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", noise(12_000))
    write_recording(tmp_path / "b.wav", start="2018-12-19T00:49:26.900Z")
    sentence = r"b\.wav: start time: sensor N-1 is still recording a\.wav: expected 2018-12-19T00:49:27\.0+Z or later"
    with pytest.raises(RecordingError, match=sentence):
        open_recordings(tmp_path)


def test_starts_rounded_to_a_millisecond_do_not_overlap(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", noise(12_005))
    write_recording(tmp_path / "b.wav", start="2018-12-19T00:49:27.000Z")
    assert len(open_recordings(tmp_path)[0].captures) == 2


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"location": None}, r"a\.json: location: expected the sensor's position, found None"),
        ({"location": {}}, r"a\.json: location: .*found 'neither'"),
        ({"location": {"x": 1.0, "y": 2.0}}, r"a\.json: location\.z: .*found None"),
        ({"location": {**GEODETIC, "x": 1.0}}, r"a\.json: location: .*found 'both'"),
        ({"location": {**GEODETIC, "longitude": 200}}, r"location\.longitude: expected -180 \.\. 180 deg, found 200"),
        ({"location": "here"}, r"a\.json: field Expected `object \| null`, got `str` - at `\$\.location`"),
        ({"location": {"x": 1e9, "y": 0, "z": 0}}, r"a\.json: location\.x: expected -1e\+07"),
        ({"start": "2018-12-19T00:49:26"}, r"a\.json: timestamp: expected an ISO 8601 instant with a zone"),
        ({"start": "1999-12-31T00:00:00Z"}, r"a\.json: timestamp: expected a time from 2000 to 2100, found '1999"),
        ({"start": "2200-01-01T00:00:00Z"}, r"a\.json: timestamp: expected a time from 2000 to 2100, found '2200"),
        ({"sensor": "a\nb"}, r"a\.json: serial_number: expected a sensor id"),
        ({"sensor": 3}, r"a\.json: field Expected `str`, got `int` - at `\$\.serial_number`"),
        ({"clock_sigma_s": -1.0}, r"a\.json: clock_sigma_s: expected 0 \.\. 60 s, found -1"),
        ({"full_scale_db_spl": 9.0}, r"a\.json: full_scale_db_spl: expected 40 \.\. 220 dB SPL"),
        ({"position_sigma_m": 1e9}, r"a\.json: position_sigma_m: expected 0 \.\. 1000 m"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, fields: dict[str, Any], sentence: str) -> None:
    write_recording(tmp_path / "a.wav", **fields)
    with pytest.raises(RecordingError, match=sentence):
        open_recordings(tmp_path)


def test_a_sidecar_without_its_position_or_id(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav")
    needed = {"location": "the sensor's position", "serial_number": "`serial_number`", "timestamp": "`timestamp`"}
    for key, sentence in needed.items():
        document = sidecar()
        del document[key]
        path.with_suffix(".json").write_text(json.dumps(document))
        with pytest.raises(RecordingError, match=rf"a\.json: .*{sentence}"):
            open_recordings(path)


def test_one_id_at_two_places_is_refused(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav")
    write_recording(tmp_path / "b.wav", start="2018-12-19T00:50:00Z", location={"x": 500.0, "y": 2.0, "z": 3.0})
    with pytest.raises(RecordingError, match="sensor N-1 stands at two places, or two sensors have its id"):
        open_recordings(tmp_path)


def test_frames_do_not_mix(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav")
    write_recording(tmp_path / "b.wav", sensor="N-2", location=GEODETIC)
    with pytest.raises(RecordingError, match="places of the sensors: expected all Cartesian"):
        open_recordings(tmp_path)


def test_unknown_layouts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no such file or folder"):
        open_recordings(tmp_path / "absent")
    with pytest.raises(RecordingError, match=r"expected a folder that holds audio.*found 'an empty folder'"):
        open_recordings(tmp_path)
    (tmp_path / "a.mp3").write_bytes(b"ID3")
    with pytest.raises(RecordingError, match=r"layout is not known.*found '\.mp3'"):
        open_recordings(tmp_path)
    with pytest.raises(RecordingError, match=r"expected a folder, or a WAV or FLAC file, found 'a\.mp3'"):
        open_recordings(tmp_path / "a.mp3")
    with pytest.raises(RecordingError, match="expected one path or more"):
        open_recordings()
    write_recording(tmp_path / "a.wav")
    with pytest.raises(RecordingError, match="expected a folder that holds published pulses"):
        open_recordings(tmp_path, published=True)
    with pytest.raises(RecordingError, match="expected a live-fire folder"):
        open_recordings(tmp_path / "a.wav", published=True)


def test_a_test_without_audio_is_said_beside_others_and_refused_alone(tmp_path: Path) -> None:
    alone = write_test(tmp_path / "FP1" / "test_1", [pulse_record()])
    with pytest.raises(RecordingError, match="expected a folder that holds audio"):
        open_recordings(alone)
    folder = write_test(tmp_path / "FP1" / "test_2", [pulse_record()])
    write_recording(folder / "test_2.audio.N-1.wav")
    first, second = open_recordings(tmp_path)
    assert [finding.kind for finding in first.findings] == ["no_weather", "no_sound"]
    assert len(second.captures) == 1


def test_two_weathers_are_refused(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav")
    for name in ("a.weather.json", "b.weather.json"):
        (tmp_path / name).write_text('{"temperature": 1.0}')
    with pytest.raises(RecordingError, match=r"weather: expected one weather\.json, found 'a\.weather\.json, b"):
        open_recordings(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{}", "missing required field `temperature`"),
        ('{"temperature": null}', r"Expected `float`, got `null` - at `\$\.temperature`"),
        ('{"temperature": 500}', r"weather\.json: temperature: expected -60 \.\. 60 deg C, found 500"),
        ('{"temperature": 1, "speed": -4}', r"weather\.json: speed: expected 0 \.\. 60 m/s"),
        ('{"temperature": 1, "direction": 720}', r"weather\.json: direction: expected 0 \.\. 360 deg"),
        ("temperature: 1", "is not JSON"),
        ('{"temperature": NaN}', "is not JSON"),
    ],
)
def test_weather_out_of_bounds_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    write_recording(tmp_path / "a.wav")
    (tmp_path / "weather.json").write_text(text)
    with pytest.raises(RecordingError, match=sentence):
        open_recordings(tmp_path)


def test_a_sidecar_speaks_before_the_chunk(tmp_path: Path) -> None:
    path = write_smj0(tmp_path / "a.wav")
    path.with_suffix(".json").write_text(json.dumps(sidecar("N-9")))
    assert open_recordings(path)[0].captures[0].sensor == "N-9"


def test_hidden_files_are_left_alone(tmp_path: Path) -> None:
    """Some systems write ``._a.wav`` beside ``a.wav``."""
    write_recording(tmp_path / "a.wav")
    (tmp_path / "._a.wav").write_bytes(b"\0\5\x16\7")
    (tmp_path / ".trash").mkdir()
    write_audio(tmp_path / ".trash" / "b.wav")
    (found,) = open_recordings(tmp_path)
    assert len(found.captures) == 1


def test_a_folder_given_twice_is_one(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav")
    assert len(open_recordings(tmp_path, tmp_path)) == 1
    assert len(open_recordings(path, path)[0].captures) == 1


def test_findings_of_the_sound_come_after_reading(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", np.zeros((1200, 1), np.float32))
    (tmp_path / "weather.json").write_text('{"temperature": 1.0}')
    (found,) = open_recordings(tmp_path)
    before = found.findings
    assert not before
    list(found.captures[0].blocks(100))
    assert [finding.kind for finding in found.findings] == ["silent_channel"]


@given(st.data())
def test_any_sidecar_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = write_recording(tmp_path_factory.mktemp("sidecar") / "a.wav")
    whole = sidecar(full_scale_db_spl=120.0, clock_sigma_s=1e-4, position_sigma_m=1.0)
    path.with_suffix(".json").write_text(json.dumps(data.draw(mutations(whole) | json_values())))
    (path.parent / "weather.json").write_text(json.dumps(data.draw(mutations({"temperature": 1.0, "speed": 2.0}))))
    try:
        (found,) = open_recordings(path.parent)
    except TocsinError:
        return
    assert found.captures[0].start_ns >= parse_utc_ns("2000-01-01T00:00:00Z")


@given(st.binary(max_size=60))
def test_any_sidecar_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = write_recording(tmp_path_factory.mktemp("sidecar") / "a.wav")
    path.with_suffix(".json").write_bytes(content)
    with pytest.raises(RecordingError, match=r"a\.json"):
        open_recordings(path)


def test_half_characters_are_refused(tmp_path: Path) -> None:
    """JSON can name half of a surrogate pair, which no terminal can print."""
    path = write_recording(tmp_path / "a.wav")
    text = path.with_suffix(".json").read_text().replace("N-1", r"N-\ud800")
    path.with_suffix(".json").write_text(text)
    with pytest.raises(RecordingError, match=r"a\.json"):
        open_recordings(path)


def test_a_network_file_may_know_the_places(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", location=None)
    write_recording(tmp_path / "b.wav", sensor="N-2")
    (found,) = open_recordings(tmp_path, require_places=False)
    assert [capture.place for capture in found.captures] == [None, Cartesian(1.0, 2.0, 3.0)]
    assert [site.sensor for site in found.sites] == ["N-2"]


def test_a_folder_that_vanishes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def vanished(folder: str) -> None:
        raise FileNotFoundError(2, "No such file or directory", folder)

    monkeypatch.setattr(os, "scandir", vanished)
    with pytest.raises(RecordingError, match="cannot be read"):
        open_recordings(tmp_path)
