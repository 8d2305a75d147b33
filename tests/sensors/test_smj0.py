"""Metadata inside the WAV file."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import RecordingError, TocsinError
from geo.place import Geodetic
from sensors.audio_file import FileCapture
from sensors.recordings import open_recordings
from sensors.smj0 import MAX_DOCUMENT_BYTES, open_smj0, smj0_chunk, unpack
from tests.sensors.written import SMJ0, write_audio, write_smj0
from tests.strategies import json_values, mutations
from wire.utc import parse_utc_ns


def opened(path: Path) -> FileCapture:
    chunk = smj0_chunk(path)
    assert chunk is not None
    return open_smj0(path, chunk)


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in SMJ0.items() if key not in keys}


def test_the_published_example(shared: Path) -> None:
    (found,) = open_recordings(shared / "recordings" / "smj0")
    (capture,) = found.captures
    assert capture.sensor == "SCP-00-BNG-8319"
    assert capture.place == Geodetic(-82.22648, 41.290157, 246.110218750725)
    assert capture.start_ns == parse_utc_ns("2022-10-19T18:10:15.000Z")
    assert (capture.rate_hz, capture.channels, capture.frames) == (12_000.0, 1, 96_000)
    assert capture.full_scale_db_spl == 93.09
    assert capture.clock_sigma_s == pytest.approx(2.4072e-5 / math.sqrt(3.0))
    assert capture.position_sigma_m == pytest.approx(1.9, abs=0.01)
    assert capture.weather is not None
    assert found.weather == capture.weather
    assert (capture.weather.temperature_c, capture.weather.wind_speed_m_s, capture.weather.wind_from_deg) == (
        12.3,
        5.65888,
        290.0,
    )
    assert found.findings == ()
    assert sum(len(block) for block in capture.blocks(1024)) == 96_000


def test_only_the_serial_number_time_and_place_are_needed(tmp_path: Path) -> None:
    capture = opened(write_smj0(tmp_path / "a.wav", without("pdop", "lambda", "weather", "transducers", "duration")))
    assert capture.clock_sigma_s == 1e-3
    assert capture.weather is None
    assert capture.full_scale_db_spl is None
    assert capture.position_sigma_m is None


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (without("serialNumber"), "missing required field `serialNumber`"),
        (without("startTimeUTC"), "missing required field `startTimeUTC`"),
        (without("geolocation"), "geolocation: expected the sensor's position, found None"),
        ({**SMJ0, "geolocation": {"latitude": 41.0}}, r"geolocation\.longitude: expected -180 .*found None"),
        ({**SMJ0, "geolocation": {**SMJ0["geolocation"], "latitude": 95}}, r"geolocation\.latitude: expected -90"),
        ({**SMJ0, "geolocation": {**SMJ0["geolocation"], "elevation": 1e5}}, r"geolocation\.elevation: expected -500"),
        ({**SMJ0, "startTimeUTC": "yesterday"}, "startTimeUTC: expected an ISO 8601 instant"),
        ({**SMJ0, "startTimeUTC": "1999-12-31T23:59:59Z"}, "startTimeUTC: expected a time from 2000 to 2100"),
        ({**SMJ0, "startTimeUTC": "2100-01-01T00:00:00Z"}, "startTimeUTC: expected a time from 2000 to 2100"),
        ({**SMJ0, "duration": 8.0}, r"duration: expected that of the audio, 0\.1 s, found 8\.0"),
        ({**SMJ0, "lambda": -1.0}, r"lambda: expected 0 \.\. 60 s"),
        ({**SMJ0, "pdop": "good"}, r"Expected `float \| null`, got `str` - at `\$\.pdop`"),
        ({**SMJ0, "transducers": [{"channel": 0, "fullScale": 1000}]}, "fullScale: expected 40 .. 220 dB SPL"),
        ({**SMJ0, "weather": {"temperature": 99}}, r"weather\.temperature: expected -60 \.\. 60 deg C, found 99"),
        ({**SMJ0, "serialNumber": ""}, "serialNumber: expected a sensor id"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, document: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecordingError, match=rf"a\.wav, smj0 chunk: .*{sentence}"):
        opened(write_smj0(tmp_path / "a.wav", document))


@pytest.mark.parametrize("humidity", [0.0, -3.0, 250.0])
def test_a_humidity_that_cannot_be_is_said_and_replaced(tmp_path: Path, humidity: float) -> None:
    """The schema warns of it: "invalid in some datasets"."""
    document = {**SMJ0, "weather": {"temperature": 12.0, "relativeHumidity": humidity}}
    (found,) = open_recordings(write_smj0(tmp_path / "a.wav", document))
    assert found.weather is not None
    assert found.weather.humidity_percent == 50.0
    assert [finding.kind for finding in found.findings] == ["weather"]


def test_a_bomb_is_not_unpacked() -> None:
    """A chunk of 64 kB that unpacks to 64 MB stops at the limit."""
    with pytest.raises(RecordingError, match=f"at most {MAX_DOCUMENT_BYTES} bytes unpacked, found 'more'"):
        unpack(zlib.compress(b" " * (64 << 20), 9), "a.wav")


def test_damaged_chunks_are_refused(tmp_path: Path) -> None:
    packed = zlib.compress(json.dumps(SMJ0).encode())
    for number, (content, sentence) in enumerate(
        [
            (b"", "unfinished"),
            (packed[:-20], "unfinished"),
            (b"plain", "not zlib"),
            (zlib.compress(b"{"), "is not JSON"),
        ]
    ):
        path = write_smj0(tmp_path / f"{number}.wav", packed=content)
        with pytest.raises(RecordingError, match=sentence):
            opened(path)


def test_two_chunks_are_refused(tmp_path: Path) -> None:
    path = write_smj0(tmp_path / "a.wav")
    body = path.read_bytes()
    chunk = body[body.index(b"smj0") :]
    path.write_bytes(body[:4] + (len(body) + len(chunk) - 8).to_bytes(4, "little") + body[8:] + chunk)
    with pytest.raises(RecordingError, match="smj0 chunks: expected one, found 2"):
        smj0_chunk(path)


def test_a_wav_without_metadata_says_what_it_lacks(tmp_path: Path) -> None:
    sentence = r"a\.wav: metadata: expected a sidecar a\.json beside it, or an smj0 chunk"
    with pytest.raises(RecordingError, match=sentence):
        open_recordings(write_audio(tmp_path / "a.wav"))


@given(st.data())
def test_any_document_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    document = data.draw(mutations(SMJ0) | json_values())
    path = write_smj0(tmp_path_factory.mktemp("smj0") / "a.wav", document)
    try:
        (found,) = open_recordings(path)
    except TocsinError:
        return
    assert found.captures[0].sensor


@given(st.binary(max_size=200), st.booleans())
def test_any_chunk_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, zipped: bool) -> None:
    packed = zlib.compress(content) if zipped else content
    path = write_smj0(tmp_path_factory.mktemp("smj0") / "a.wav", packed=packed)
    with pytest.raises(RecordingError):
        opened(path)


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    """A parser that recurses must not end in RecursionError."""
    with pytest.raises(RecordingError):
        opened(write_smj0(tmp_path / "a.wav", packed=zlib.compress(b'{"transducers":' + b"[" * 200_000)))
