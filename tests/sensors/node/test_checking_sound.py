"""Sound, checked: whether it comes, all of it, and at a level that can be used."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import sensors.node.checking_sound
from errors import CaptureError
from sensors.microphone.source import Anchor, Block
from sensors.node.check import Check
from sensors.node.checking_sound import check_level, check_sound
from sensors.node.config import Capture
from tests.sensors.node.doubles import ScriptedSource
from tests.sensors.written import sidecar, write_audio

RATE_HZ = 16_000
NOISE = (1e-3 * np.random.default_rng(5).standard_normal((3 * RATE_HZ, 1))).astype(np.float32)


def blocks(
    seconds: float = 3.0, lost: tuple[tuple[int, int], ...] = (), rate_hz: float = RATE_HZ
) -> list[Block | Exception | None]:
    """Sound in blocks of a tenth of a second, which came at ``rate_hz``."""
    n = RATE_HZ // 10
    return [
        Block(NOISE[first : first + n], 0, first, (Anchor(first, round(first / rate_hz * 1e9)),), lost)
        for first in range(0, round(seconds * RATE_HZ), n)
    ]


def check(monkeypatch: pytest.MonkeyPatch, script: Sequence[Block | Exception | None]) -> list[Check]:
    source = ScriptedSource(script, rate_hz=RATE_HZ)
    monkeypatch.setattr(sensors.node.checking_sound, "open_source", lambda config: source)
    found = check_sound(Capture())
    assert source.closed == 1
    return found


def test_sound_that_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    microphone, level = check(monkeypatch, [None, *blocks()])
    assert microphone == Check("microphone", True, "script: 2.0 s of sound, 16,000 samples a second, none lost")
    assert level == Check("level", True, "level -60 dBFS, peak -47 dBFS")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (blocks(lost=((100, 250), (4000, 4010))), "samples a second, 160 of them lost"),
        ([*blocks(0.5), *blocks(3.0)[8:]], "0 of them lost"),
        (blocks(1.0), "1.0 s of sound, 16,000 samples a second, then no more"),
        (blocks(rate_hz=14_700), "but 14,700 came"),
        ([CaptureError("microphone 'USB'", "not found; there is: [0] other")], "microphone 'USB': not found; there is"),
    ],
    ids=["lost", "hole", "ends", "rate", "error"],
)
def test_sound_that_does_not(
    monkeypatch: pytest.MonkeyPatch, script: list[Block | Exception | None], said: str
) -> None:
    microphone = check(monkeypatch, script)[0]
    assert microphone.name == "microphone"
    assert not microphone.ok
    assert said in microphone.said
    assert microphone.advice


def test_a_microphone_without_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors.node.checking_sound, "FIRST_S", 0.05)
    (microphone,) = check(monkeypatch, [None] * 1_000_000)
    assert not microphone.ok
    assert "script: no sample in 0." in microphone.said


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (NOISE * 0, "silent, every sample is zero"),
        (NOISE * 1e-2, "too quiet, -100 dBFS"),
        (NOISE * 0 + 0.3, "too quiet, -180 dBFS"),
        (np.clip(NOISE * 500, -1, 1), "clipping, 4."),
        (NOISE + np.float32(0.2), "an offset of +20 % of full scale"),
        (np.hstack([NOISE, NOISE * 0]), "channel 1: silent"),
        (
            np.hstack([NOISE * 0, NOISE, NOISE - np.float32(0.5)]),
            "channel 0: silent, every sample is zero; channel 2: an",
        ),
    ],
)
def test_levels_that_cannot_be_used(sound: NDArray[np.float32], said: str) -> None:
    level = check_level(sound)
    assert not level.ok
    assert said in level.said
    assert level.advice


def test_a_shot_in_the_sound_is_no_fault() -> None:
    sound = NOISE.copy()
    sound[1000:1020] = 1.0
    assert check_level(sound) == Check("level", True, f"level {level_of(sound):.0f} dBFS, peak 0 dBFS")


def level_of(sound: NDArray[np.float32]) -> float:
    return float(20.0 * np.log10(np.std(sound.astype(np.float64))))


def test_a_recording_is_checked_as_it_would_be_heard(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", NOISE, RATE_HZ)
    (tmp_path / "a.json").write_text(json.dumps(sidecar()))
    found = check_sound(Capture(file=str(tmp_path), pace=0.0))
    assert [one.ok for one in found] == [True, True], found
    assert "16,000 samples a second" in found[0].said


def test_raw_sound_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "raw"
    path.write_bytes((NOISE * 32767).astype("<i2").tobytes())
    with path.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        found = check_sound(Capture(stdin=True, rate_hz=RATE_HZ))
    assert found[1].ok, found
