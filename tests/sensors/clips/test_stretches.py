"""What of a clip is kept: bounds that hold for any sound, bursts whole, speech hardly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.clips.stretches import (
    BEFORE_S,
    DOUBTFUL_SHARE,
    FADE_S,
    HOLD_S,
    LONGEST_S,
    SHARE,
    Stretch,
    judged_impulses,
    kept_stretches,
)
from tests.sensors.clips.made import blasts, hiss, syllables

RATES = (16_000.0, 44_100.0, 48_000.0, 96_000.0)
BURST_S = [0.5 + k / 15.0 for k in range(10)]


def faded(kept: tuple[Stretch, ...], n: int, rate_hz: float) -> int:
    """Frames that are kept or faded."""
    fade = round(FADE_S * rate_hz)
    return sum(min(n, b + fade) - max(0, a - fade) for a, b in kept)


@given(
    st.integers(1, 6000),
    st.floats(-10.0, 6100.0),
    st.lists(st.floats(-100.0, 7000.0), max_size=40),
    st.sampled_from(["hiss", "silence", "blasts", "loud"]),
    st.integers(1, 3),
)
def test_bounds_hold_whatever_the_sound(n: int, onset: float, others: list[float], kind: str, channels: int) -> None:
    rate_hz = 16_000.0
    sound = hiss(1.0, rate_hz, channels=channels)[:n]
    if kind == "silence":
        sound = np.zeros_like(sound)
    elif kind == "loud":
        sound = np.ones_like(sound)
    elif kind == "blasts":
        sound = blasts(sound, rate_hz, [o / rate_hz for o in others if 0 <= o < n])
    kept = kept_stretches(sound, rate_hz, onset, [onset, *others])
    edges = [frame for stretch in kept for frame in stretch]
    assert edges == sorted(edges)
    assert all(0 <= a < b <= n for a, b in kept)
    main = min(max(int(onset), 0), n - 1)
    own = min(n, main + round((HOLD_S + FADE_S) * rate_hz)) - max(0, main - round((BEFORE_S + FADE_S) * rate_hz))
    assert any(a <= main < b for a, b in kept)
    assert faded(kept, n, rate_hz) <= max(own, SHARE * n)


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_burst_of_ten_at_900_a_minute_is_kept_whole(rate_hz: float) -> None:
    sound = blasts(hiss(2.5, rate_hz), rate_hz, BURST_S)
    onsets = [s * rate_hz for s in BURST_S]
    kept = kept_stretches(sound, rate_hz, onsets[0], onsets)
    for onset in onsets:
        assert any(a <= onset - 0.009 * rate_hz and b >= onset + 0.055 * rate_hz for a, b in kept), onset / rate_hz
    assert faded(kept, len(sound), rate_hz) <= SHARE * len(sound)


def test_of_a_burst_beyond_the_share_the_strongest_rounds_are_kept() -> None:
    rate_hz = 48_000.0
    quiet, loud = [0.5 + 0.1 * k for k in range(18)], [0.95, 1.25, 1.55]
    sound = blasts(blasts(hiss(2.5, rate_hz), rate_hz, quiet, 0.05), rate_hz, loud, 0.8)
    onsets = [s * rate_hz for s in sorted(quiet + loud)]
    kept = kept_stretches(sound, rate_hz, onsets[0], onsets)
    assert faded(kept, len(sound), rate_hz) <= SHARE * len(sound)
    for onset in loud:
        assert any(a <= onset * rate_hz < b - 0.05 * rate_hz for a, b in kept), onset


@pytest.mark.parametrize("rate_hz", RATES)
def test_syllables_are_no_impulses_and_are_kept_for_a_twelfth_at_most(rate_hz: float) -> None:
    onsets_s = [0.12 + 0.24 * k for k in range(9)]
    sound = syllables(2.5, rate_hz, onsets_s)
    onsets = [s * rate_hz for s in onsets_s]
    main = onsets[2]
    assert not any(i.decays for i in judged_impulses(sound, rate_hz, main, onsets))
    kept = kept_stretches(sound, rate_hz, main, onsets)
    assert faded(kept, len(sound), rate_hz) <= DOUBTFUL_SHARE * len(sound)
    assert max(b - a for a, b in kept) <= (BEFORE_S + HOLD_S) * rate_hz + 2


def test_a_shot_over_speech_is_an_impulse_and_ends_where_speech_is_heard_again() -> None:
    rate_hz = 48_000.0
    speech = syllables(2.5, rate_hz, [0.12 + 0.24 * k for k in range(9)])
    sound = blasts(speech, rate_hz, [0.5], 0.9)
    (shot,) = judged_impulses(sound, rate_hz, 0.5 * rate_hz, [0.5 * rate_hz])
    assert shot.decays
    assert shot.stop - shot.onset <= 0.1 * rate_hz


def test_echoes_of_a_shot_in_a_quiet_street_are_kept_up_to_the_limit() -> None:
    rate_hz = 48_000.0
    sound = blasts(hiss(2.5, rate_hz, 1e-5), rate_hz, [0.5], 0.9, decay_s=0.040)
    (kept,) = kept_stretches(sound, rate_hz, 0.5 * rate_hz, [0.5 * rate_hz])
    assert kept[1] == pytest.approx((0.5 + LONGEST_S) * rate_hz, abs=3)
    assert kept[0] == pytest.approx((0.5 - BEFORE_S) * rate_hz, abs=1)


def test_the_pulse_is_kept_though_the_clip_is_too_short_for_its_share() -> None:
    rate_hz = 48_000.0
    sound = blasts(hiss(0.1, rate_hz), rate_hz, [0.02])
    (kept,) = kept_stretches(sound, rate_hz, 0.02 * rate_hz, [])
    assert kept[0] <= 0.011 * rate_hz
    assert kept[1] >= 0.079 * rate_hz


def test_a_rumble_that_is_far_louder_hides_no_impulse() -> None:
    """Wind is 30 dB over a shot; judged with it, no shot would decay."""
    rate_hz = 48_000.0
    sound = blasts(hiss(2.5, rate_hz), rate_hz, [0.5], 0.02)
    wind = 0.5 * np.sin(2 * np.pi * 12.0 * np.arange(len(sound)) / rate_hz)
    (shot,) = judged_impulses(sound + wind[:, None].astype(np.float32), rate_hz, 0.5 * rate_hz, [])
    assert shot.decays


def test_the_pulse_is_not_counted_twice_when_the_list_rounds_it_otherwise() -> None:
    rate_hz = 48_000.0
    sound = blasts(hiss(2.5, rate_hz), rate_hz, [0.5])
    assert len(judged_impulses(sound, rate_hz, 24_000.4, [24_000.4, 23_999.6, 24_010.0])) == 1
