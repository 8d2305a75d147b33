"""Which microphone is meant, what is said when it will not do, and what happens when it goes and comes back."""

from __future__ import annotations

import ctypes
import logging
import sys
from pathlib import Path

import numpy as np
import pytest

from errors import CaptureError
from sensors.microphone import device as device_module
from sensors.microphone import devices as devices_module
from sensors.microphone.device import DeviceSource
from sensors.microphone.devices import Device, choose, list_devices, portaudio, set_periods
from tests.sensors.microphone.audio_system import ramp
from tests.sensors.microphone.scripted_portaudio import ScriptedDevice, ScriptedPortAudio

USB = ScriptedDevice("USB Audio: street (hw:1,0)", inputs=2)
BUILT_IN = ScriptedDevice("Built-in: yard (hw:0,0)")
SPEAKER = ScriptedDevice("Speaker", inputs=0)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> ScriptedPortAudio:
    made = ScriptedPortAudio([SPEAKER, BUILT_IN, USB], default_input=2)
    monkeypatch.setattr(device_module, "portaudio", lambda: made)
    monkeypatch.setattr(devices_module, "portaudio", lambda: made)
    return made


def test_microphones_are_listed_with_what_they_take(scripted: ScriptedPortAudio) -> None:
    assert list_devices() == [
        Device(1, BUILT_IN.name, "ALSA", 1, 48_000.0, (44_100, 48_000), False),
        Device(2, USB.name, "ALSA", 2, 48_000.0, (44_100, 48_000), True),
    ]


@pytest.mark.parametrize(
    ("wanted", "number"),
    [(None, 2), (1, 1), ("street", 2), ("STREET", 2), (BUILT_IN.name, 1), (f"{USB.name}, ALSA", 2)],
)
def test_a_microphone_is_found_by_number_or_name(
    scripted: ScriptedPortAudio, wanted: str | int | None, number: int
) -> None:
    assert choose(list_devices(), wanted).number == number


LISTED = r"\[1\] Built-in: yard \(hw:0,0\) \(ALSA\), \[2\] USB Audio: street \(hw:1,0\) \(ALSA\)$"


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("roof", r"^microphone 'roof': not found; there is: " + LISTED),
        (0, r"^microphone 0: not found; there is: " + LISTED),
        ("hw:", r"^microphone 'hw:': the name fits several: " + LISTED),
    ],
)
def test_a_name_that_means_none_or_several_lists_what_there_is(
    scripted: ScriptedPortAudio, wanted: str | int, sentence: str
) -> None:
    with pytest.raises(CaptureError, match=sentence):
        DeviceSource(wanted, 48_000).open()


def test_without_any_microphone_or_default_that_is_said() -> None:
    with pytest.raises(CaptureError, match=r"^microphone: this machine has none that PortAudio can see$"):
        choose([], None)
    with pytest.raises(CaptureError, match=r"no default one; name one of: \[4\] a \(ALSA\)$"):
        choose([Device(4, "a", "ALSA", 1, 48_000.0)], None)


@pytest.mark.parametrize(
    ("changes", "rate_hz", "channels", "sentence"),
    [
        ({}, 96_000, 1, r"does not record at 96000 Hz; with 1 channel\(s\) it takes 44100, 48000$"),
        ({}, 48_000, 3, r"has 2 channel\(s\), and 3 are asked for$"),
        ({"busy": True}, 48_000, 1, r"cannot be opened, it may be in use by another program \(Device unavailable"),
    ],
)
def test_what_a_device_will_not_do_is_said_with_what_it_does(
    scripted: ScriptedPortAudio, changes: dict[str, bool], rate_hz: int, channels: int, sentence: str
) -> None:
    scripted.devices[2] = ScriptedDevice(USB.name, inputs=2, **changes)  # type: ignore[arg-type]
    with pytest.raises(CaptureError, match=r"^microphone 'street': \[2\] USB Audio: street .*" + sentence):
        DeviceSource("street", rate_hz, channels).open()


@pytest.mark.parametrize(
    ("rate_hz", "period"), [(16_000, 256), (32_000, 512), (44_100, 1024), (48_000, 1024), (96_000, 2048)]
)
def test_sound_comes_in_periods_of_less_than_25_ms(scripted: ScriptedPortAudio, rate_hz: int, period: int) -> None:
    scripted.devices[2] = ScriptedDevice(USB.name, rates=(rate_hz,))
    source = DeviceSource("street", rate_hz)
    source.open()
    assert scripted.streams[0].sound["blocksize"] == period
    assert scripted.streams[0].sound["latency"] == pytest.approx(15 * period / rate_hz)


def test_sound_is_read_as_it_comes(scripted: ScriptedPortAudio) -> None:
    source = DeviceSource("street", 48_000, 2)
    with pytest.raises(CaptureError, match="is not open"):
        source.read(0.0)
    source.open()
    assert source.read(0.0) is None
    stream = scripted.streams[0]
    stream.give(5)
    block = source.read(0.0)
    assert block is not None
    assert (block.segment, block.first) == (0, 0)
    np.testing.assert_array_equal(block.samples, ramp(0, 5 * 1024, 2))
    assert [anchor.frame for anchor in block.anchors] == [k * 1024 for k in range(5)]
    assert abs(block.anchors[2].monotonic_ns - (stream.began_s + 2048 / 48_000) * 1e9) < 1e3
    source.close()
    source.close()
    assert stream.closed
    with pytest.raises(CaptureError, match="is not open"):
        source.read(0.0)


def test_a_microphone_that_is_unplugged_is_told_and_found_again(scripted: ScriptedPortAudio) -> None:
    source = DeviceSource("street", 48_000)
    source.open()
    scripted.streams[0].give(3)
    scripted.streams[0].active = False
    block = source.read(1.0)
    assert block is not None  # what had come is not lost
    with pytest.raises(CaptureError, match=r"^microphone 'street': stopped giving sound: unplugged, or taken"):
        source.read(2.0)
    del scripted.devices[2]
    with pytest.raises(CaptureError, match="not found; there is: "):
        source.open()
    scripted.devices[0:0] = [ScriptedDevice("Camera"), USB]  # plugged in again it has another number
    source.open()
    assert scripted.streams[0].closed
    assert scripted.streams[1].sound["device"] == 1
    scripted.streams[1].give(1)
    block = source.read(1.0)
    assert block is not None
    assert (block.segment, block.first) == (1, 0)


def test_a_reader_that_comes_too_late_is_told_what_it_missed(
    scripted: ScriptedPortAudio, caplog: pytest.LogCaptureFixture
) -> None:
    source = DeviceSource("street", 48_000, buffer_s=1.0)
    source.open()
    scripted.streams[0].give(60)  # 46 of them find room
    blocks = []
    with caplog.at_level(logging.WARNING):
        while (block := source.read(0.0)) is not None:
            blocks.append(block)
        scripted.streams[0].give(2)
        block = source.read(0.0)
    assert sum(len(b.samples) for b in blocks) == 46 * 1024
    assert block is not None
    assert block.lost == ((46 * 1024, 60 * 1024),)
    np.testing.assert_array_equal(block.samples[14 * 1024 :], ramp(60 * 1024, 2048))
    assert "sound was not taken for too long, 14336 frames found no room" in caplog.text


def test_a_missing_library_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        CaptureError, match=r"PortAudio library is missing .*install it \(`apt install libportaudio2`\)"
    ):
        portaudio()


def test_a_library_without_alsa_needs_no_periods() -> None:
    class Without:
        _libname = None  # the program itself: has no such function

    assert not hasattr(ctypes.CDLL(None), "PaAlsa_SetNumPeriods")
    set_periods(Without, 16)
