"""Which source a configuration asks for."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from errors import ConfigurationError, RecordingError
from sensors.microphone.device import DeviceSource
from sensors.microphone.opening import open_source
from sensors.microphone.pcm import PcmSource
from sensors.microphone.recorded import RecordedSource
from sensors.node.config import Capture
from tests.sensors.written import noise, write_recording


def test_a_microphone_without_more_words() -> None:
    source = open_source(Capture())
    assert isinstance(source, DeviceSource)
    assert (source.name, source.rate_hz, source.channels, source.recorded) == ("default microphone", 48_000.0, 1, None)
    assert open_source(Capture(device="street")).name == "microphone 'street'"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\x00\x40\x00\xc0")))
    source = open_source(Capture(stdin=True, rate_hz=16_000, channels=2))
    assert isinstance(source, PcmSource)
    source.open()
    block = source.read(0.0)
    assert block is not None
    assert block.samples.tolist() == [[0.5, -0.5]]


def test_a_recording_by_its_file_or_its_folder(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", noise(800), sensor="a")
    for path in (tmp_path, tmp_path / "a.wav"):
        source = open_source(Capture(file=str(path), pace=0.0))
        assert isinstance(source, RecordedSource)
        source.open()
        block = source.read(0.0)
        assert block is not None
        assert len(block.samples) == 800
        assert source.recorded is not None


def test_several_recordings_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_recording(tmp_path / f"{name}.wav", noise(800), sensor=name)
    with pytest.raises(RecordingError, match=r"recordings: expected one of one sensor, found '2, of sensors: a, b'"):
        open_source(Capture(file=str(tmp_path)))


def test_more_than_one_source_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"expected one of device, file and stdin, found 'file and stdin'"):
        open_source(Capture(file="x.wav", stdin=True))
