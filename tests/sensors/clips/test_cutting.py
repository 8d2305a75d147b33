"""Clips: what is written is read back to half a step, and a damaged or hostile one is refused with a sentence."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from errors import MessageError
from sensors.clips import cutting
from sensors.clips.cutting import make_clip
from sensors.clips.reading import clip_sound
from tests.sensors.clips.made import Sound, blasts, hiss
from wire.codec import LONGEST_BYTES, decode, encode
from wire.messages import Clip, Pulse

PULSE = Pulse(sensor="node-1", boot="7", sequence=12, arrival_ns=1_700_000_000_000_000_000, sigma_s=1e-4)
RATE_HZ = 16_000.0
FIRST = 123_456


def clip_of(sound: Sound, *, privacy_filter: bool = True, onset: float = 4000.25, rate_hz: float = RATE_HZ) -> Clip:
    return make_clip(
        PULSE, sound, first=FIRST, onset=FIRST + onset, impulses=[FIRST + onset, FIRST + 6000.0], start_ns=10**18,
        rate_hz=rate_hz, measured_rate_hz=rate_hz + 0.07, full_scale_db_spl=120.0, privacy_filter=privacy_filter,
    )  # fmt: skip


def steps(sound: Sound, bits: int) -> Sound:
    """The sound in whole steps of so many bits."""
    full = np.float64(2 ** (bits - 1))
    return np.asarray(np.rint(sound * full) / full, dtype=np.float32)


def shot(channels: int = 1) -> Sound:
    return blasts(hiss(1.0, RATE_HZ, channels=channels), RATE_HZ, [0.25])


def with_flac(clip: Clip, flac: bytes, **changed: Any) -> Clip:
    return msgspec.structs.replace(clip, flac=flac, sha256=hashlib.sha256(flac).hexdigest(), **changed)


@pytest.mark.parametrize("bits", [8, 16, 24])
@pytest.mark.parametrize("channels", [1, 2, 8, 9, 16])
@pytest.mark.parametrize("privacy_filter", [True, False])
def test_kept_stretches_are_read_back_exactly(bits: int, channels: int, privacy_filter: bool) -> None:
    sound = steps(shot(channels), bits)
    clip = clip_of(sound, privacy_filter=privacy_filter)
    heard = clip_sound(clip)
    assert heard.step == 2.0 ** -(15 if bits <= 16 else 23)
    assert heard.samples.shape == sound.shape
    assert heard.rate_hz == 16_000
    for a, b in clip.kept:
        np.testing.assert_array_equal(heard.samples[a:b], sound[a:b])
    assert (clip.privacy, clip.kept == ((0, len(sound)),)) == (("filtered", False) if privacy_filter else ("off", True))


@given(st.integers(1, 400), st.integers(1, 3), st.integers(0, 2**32 - 1), st.floats(1e-8, 0.3), st.booleans())
def test_any_sound_is_read_back_to_half_a_step(n: int, channels: int, seed: int, level: float, on: bool) -> None:
    sound = (np.random.default_rng(seed).uniform(-level, level, (n, channels))).astype(np.float32)
    clip = clip_of(sound, privacy_filter=on, onset=n / 2)
    heard = clip_sound(clip)
    for a, b in clip.kept:
        assert np.abs(heard.samples[a:b] - sound[a:b].astype(np.float64)).max() <= heard.step / 2


def test_a_clip_says_what_it_is() -> None:
    clip = clip_of(shot())
    assert (clip.identity, clip.frames, clip.channels) == (PULSE.identity, 16_000, 1)
    assert (clip.onset_frame, clip.rate_hz, clip.start_ns) == (4000.25, 16_000.07, 10**18)
    assert clip.full_scale_db_spl == 120.0
    assert clip.sha256 == hashlib.sha256(clip.flac).hexdigest()
    assert decode(encode(clip), Clip) == clip


def test_the_same_pulse_and_sound_give_the_same_bytes() -> None:
    assert encode(clip_of(shot())) == encode(clip_of(shot()))


def test_what_is_over_full_scale_is_cut_off_there() -> None:
    sound = shot()
    sound[4000:4003, 0] = [1.0, 5.0, -5.0]
    heard = clip_sound(clip_of(sound, privacy_filter=False))
    np.testing.assert_array_equal(heard.samples[4000:4003, 0], np.array([1 - heard.step, 1 - heard.step, -1.0]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused_with_its_place(value: float) -> None:
    sound = shot(2)
    sound[17, 1] = value
    with pytest.raises(MessageError, match=r"clip node-1/7/12: frame 17 of channel 1: expected a finite number, found"):
        clip_of(sound)


def test_sound_that_does_not_fit_into_a_message_is_refused() -> None:
    sound = np.random.default_rng(1).uniform(-1, 1, (2_200_000, 1)).astype(np.float32)
    with pytest.raises(MessageError, match=r"^clip node-1/7/12: length: expected at most .* bytes of FLAC"):
        clip_of(sound, privacy_filter=False)


def test_sound_of_too_many_samples_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "MOST_SAMPLES", 15_999)
    with pytest.raises(MessageError, match=r"length: expected at most 15999 samples, found 16000"):
        clip_of(shot())


def test_the_longest_flac_fits_into_a_message() -> None:
    clip = with_flac(clip_of(shot()), bytes(cutting.FLAC_LONGEST))
    assert len(encode(clip)) <= LONGEST_BYTES


@pytest.mark.parametrize("shape", [(0, 1), (5, 0), (5,)])
def test_sound_of_another_shape_is_a_mistake_of_the_caller(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="sound: expected shape"):
        clip_of(np.zeros(shape, np.float32))


def test_a_clip_whose_sound_was_changed_is_refused() -> None:
    clip = clip_of(shot())
    changed = msgspec.structs.replace(clip, flac=clip.flac[:-1] + bytes([clip.flac[-1] ^ 1]))
    with pytest.raises(MessageError, match=r"clip node-1/7/12: Clip\.sha256"):
        clip_sound(changed)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"frames": 15_999}, "Clip.flac"),
        ({"frames": 16_001}, "Clip.flac"),
        ({"frames": 2**62}, "Clip.frames"),
        ({"frames": 0}, "Clip.frames"),
        ({"channels": 2}, "Clip.flac"),
        ({"channels": 16, "frames": 1_000}, "Clip.kept"),
        ({"kept": ((0, 16_001),)}, "Clip.kept"),
        ({"kept": ((5, 5),)}, "Clip.kept"),
        ({"kept": ((5, 4),)}, "Clip.kept"),
        ({"kept": ((10, 20), (15, 30))}, "Clip.kept"),
    ],
)
def test_claims_that_the_sound_does_not_keep_are_refused(changed: dict[str, Any], what: str) -> None:
    with pytest.raises(MessageError, match=what):
        clip_sound(msgspec.structs.replace(clip_of(shot()), **changed))


@pytest.mark.parametrize(("form", "subtype"), [("WAV", "PCM_16"), ("AIFF", "PCM_16"), ("OGG", "VORBIS")])
def test_other_forms_than_flac_are_refused(form: str, subtype: str) -> None:
    stream = io.BytesIO()
    soundfile.write(stream, shot(), 16_000, format=form, subtype=subtype)
    with pytest.raises(MessageError, match=r"Clip\.flac"):
        clip_sound(with_flac(clip_of(shot()), stream.getvalue()))


@pytest.mark.parametrize("kept_bytes", [0, 4, 41, 42, 86, 2_000, -1, -100])
def test_a_stream_that_is_cut_short_is_refused(kept_bytes: int) -> None:
    clip = clip_of(shot())
    with pytest.raises(MessageError, match=r"Clip\.flac"):
        clip_sound(with_flac(clip, clip.flac[:kept_bytes]))


CLIP = clip_of(shot())


@given(st.data())
def test_a_hostile_stream_is_read_in_its_shape_or_refused(data: st.DataObject) -> None:
    """Its digest is right: whoever made it meant it."""
    flac = bytearray(CLIP.flac)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, 120) | st.integers(0, len(flac) - 1))
        flac[place] = data.draw(st.integers(0, 255))
    try:
        heard = clip_sound(with_flac(CLIP, bytes(flac)))
    except MessageError:
        return
    assert heard.samples.shape == (CLIP.frames, CLIP.channels)
    assert np.isfinite(heard.samples).all()


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_refused(junk: bytes, headed: bool) -> None:
    with pytest.raises(MessageError):
        clip_sound(with_flac(CLIP, (b"fLaC" if headed else b"") + junk))
