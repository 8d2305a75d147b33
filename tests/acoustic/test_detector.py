"""The detector: what it must find, what it must not, and that nothing depends on how the stream is cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from acoustic.detector import Detection, Detector, DetectorSettings, detect, detect_blocks
from acoustic.steps import moving_mean, noise_floor, ramp_mean
from tests.acoustic.blasts import far_shot, noise

Array = NDArray[np.float64]
RATES_HZ = (8000.0, 11025.0, 12000.0, 16000.0, 22050.0, 32000.0, 44100.0, 48000.0, 96000.0)


def scene(rate_hz: float, onsets_s: list[float], length_s: float, *, seed: int = 0, tail_s: float = 0.03) -> Array:
    """Shots of about equal size in the noise of a town."""
    rng = np.random.default_rng(seed)
    sound = noise(rng, rate_hz, length_s)
    for onset_s in onsets_s:
        sound = sound + 0.3 * rng.uniform(0.8, 1.2) * far_shot(rng, rate_hz, onset_s, length_s, tail_s)
    return sound


def jackhammer(rate_hz: float, length_s: float, from_s: float) -> Array:
    """22 strokes a second, uneven in size and in time."""
    rng = np.random.default_rng(8)
    sound = noise(rng, rate_hz, length_s)
    for stroke_s in np.arange(from_s, length_s - 0.5, 1 / 22.0):
        at = round((stroke_s + rng.normal(0.0, 0.0015)) * rate_hz)
        stroke = 0.05 * rng.uniform(0.7, 1.3) * far_shot(rng, rate_hz, 0.01, 0.1, 0.01)
        sound[at : at + len(stroke)] += stroke
    return sound


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_one_shot_is_one_event_at_any_rate(rate_hz: float) -> None:
    (found,) = detect(scene(rate_hz, [2.12345], 3.0), rate_hz)
    assert abs(found.onset / rate_hz - 2.12345) < 2e-4
    assert abs(found.trigger / rate_hz - 2.12345) < 3e-3
    assert 1e-5 < found.onset_sigma_s < 5e-4
    assert found.snr_db > 30.0
    assert not found.clipped
    assert not found.gap
    assert 0.2 < found.peak < 0.5
    assert len(found.band_snr_db) == 4
    assert found.features.polarity == 1.0


@pytest.mark.parametrize("spacing_s", [0.050, 1 / 15, 0.100])
@pytest.mark.parametrize("rate_hz", [12_000.0, 48_000.0])
def test_a_burst_is_as_many_events_as_shots(rate_hz: float, spacing_s: float) -> None:
    """Five rounds at 20 a second, 900 a minute and 10 a second."""
    onsets = [2.0 + spacing_s * k for k in range(5)]
    found = detect(scene(rate_hz, onsets, 3.5, tail_s=0.02), rate_hz)
    assert [d.onset / rate_hz for d in found] == pytest.approx(onsets, abs=4e-4)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_later_rounds_among_stronger_echoes_are_found(seed: int) -> None:
    """Rounds that come bent over a roof and 62 ms later, twice as loud, off a wall: the clutter of the last two seconds
    alone was made of the burst itself, and first arrivals from the sixth round on were lost.
    """
    rate_hz, onsets = 12_000.0, [20.0 + 0.230 * k for k in range(8)]
    rng = np.random.default_rng(seed)
    sound = noise(rng, rate_hz, 23.5, 0.001)
    for onset in onsets:
        for delay_s, size in ((0.0, 0.14), (0.062, 0.3), (0.150, 0.1)):
            at = round((onset + delay_s - 0.05) * rate_hz)
            path = size * far_shot(rng, rate_hz, 0.05, 0.8)
            sound[at : at + len(path)] += path
    picked = np.array([d.onset / rate_hz for d in detect(sound, rate_hz)])
    assert [np.abs(picked - onset).min() < 1e-3 for onset in onsets] == [True] * len(onsets)


def test_a_long_automatic_burst_after_a_quiet_while_does_not_fade_out() -> None:
    """30 rounds at 900 a minute: with clutter of the last two seconds alone 15 were found."""
    onsets = [20.0 + k / 15.0 for k in range(30)]
    picked = np.array([d.onset / 12_000.0 for d in detect(scene(12_000.0, onsets, 24.0, tail_s=0.02), 12_000.0)])
    assert sum(np.abs(picked - onset).min() < 1e-3 for onset in onsets) >= 27


def test_a_jackhammer_that_breaks_a_long_quiet_falls_silent() -> None:
    """The price of long bursts: after a minute of quiet a jackhammer is reported for 5 s, where it once was for 3."""
    late = [d for d in detect(jackhammer(16_000.0, 50.0, 30.0), 16_000.0) if d.trigger > 37.0 * 16_000]
    assert late == []


def test_a_weak_first_arrival_is_kept_beside_a_strong_one_18_ms_later() -> None:
    """Live fire has such pairs (diffraction first, then a reflection): a separation of 20 ms lost the first."""
    rng = np.random.default_rng(4)
    weak, strong = far_shot(rng, 12_000.0, 2.0, 3.0, 0.01), far_shot(rng, 12_000.0, 2.018, 3.0)
    found = detect(noise(rng, 12_000.0, 3.0) + 0.05 * weak + 0.4 * strong, 12_000.0)
    assert [d.onset / 12_000.0 for d in found] == pytest.approx([2.0, 2.018], abs=5e-4)


@pytest.mark.parametrize("rate_hz", [12_000.0, 48_000.0])
def test_no_event_in_steady_noise(rate_hz: float) -> None:
    rng = np.random.default_rng(5)
    assert detect(noise(rng, rate_hz, 20.0), rate_hz) == []
    assert detect(0.1 * rng.standard_normal(round(20 * rate_hz)), rate_hz) == []


def test_no_event_in_noise_of_one_bit() -> None:
    """16-bit audio of a quiet night is mostly zeros: neither a gap nor a step."""
    assert detect(np.round(np.random.default_rng(6).standard_normal(240_000) * 0.7) / 32768.0, 12_000.0) == []


def test_no_event_in_a_siren() -> None:
    t = np.arange(160_000) / 16_000.0
    wail = 0.1 * signal.chirp(t % 2.0, 700.0, 2.0, 1500.0)
    assert detect(wail + noise(np.random.default_rng(7), 16_000.0, 10.0), 16_000.0) == []


def test_a_jackhammer_falls_silent_and_a_shot_beside_it_does_not() -> None:
    hammer = jackhammer(16_000.0, 14.0, 1.0)
    assert [d for d in detect(hammer, 16_000.0) if d.trigger > 8.0 * 16_000] == []
    shot = 0.3 * far_shot(np.random.default_rng(9), 16_000.0, 11.33, 14.0)
    late = [d for d in detect(hammer + shot, 16_000.0) if d.trigger > 8.0 * 16_000]
    assert [d.onset / 16_000 for d in late] == pytest.approx([11.33], abs=5e-3)


def test_padding_with_zeros_makes_no_event_and_hides_none() -> None:
    """Recordings are padded with exact zeros: where the sound starts and ends is no event, and the shot stays."""
    sound = scene(12_000.0, [1.3], 2.0)
    padded = np.concatenate([np.zeros(15_000), sound, np.zeros(40_000), sound, np.zeros(5_000)])
    found = detect(padded, 12_000.0)
    begins = [15_000, 15_000 + 24_000 + 40_000]
    assert [d.onset for d in found] == pytest.approx([b + 1.3 * 12_000 for b in begins], abs=3.0)
    assert not any(d.gap for d in found)


def test_a_hole_just_before_a_shot_is_flagged() -> None:
    sound = scene(12_000.0, [2.0], 3.0)
    sound[int(1.980 * 12_000) + 600 : int(1.980 * 12_000) + 800] = 0.0  # 50 ms after the onset's window begins
    found = detect(sound, 12_000.0)
    assert [d.gap for d in found] == [True]


@pytest.mark.parametrize("length", [0, 1, 100, 5000, 50_000])
def test_silence_and_next_to_nothing_give_nothing(length: int) -> None:
    assert detect(np.zeros(length), 12_000.0) == []
    assert detect(np.zeros((length, 2)), 48_000.0) == []


def test_a_silent_channel_does_not_disturb_the_other() -> None:
    sound = scene(12_000.0, [2.0], 3.0)
    alone = detect(sound, 12_000.0)
    both = detect(np.stack([np.zeros_like(sound), sound], axis=1), 12_000.0)
    assert [replace(d, channel=0) for d in both] == alone
    assert [d.channel for d in both] == [1]


def test_clipped_sound_is_flagged_and_still_timed() -> None:
    (found,) = detect(np.clip(10.0 * scene(12_000.0, [2.0], 3.0), -0.98, 0.98), 12_000.0)
    assert found.clipped
    assert abs(found.onset / 12_000 - 2.0) < 3e-4


@given(st.lists(st.integers(0, 40_000), max_size=20).map(sorted))
@settings(max_examples=15, deadline=None)
def test_any_cut_gives_the_same_bits(places: list[int]) -> None:
    sound = np.stack([scene(12_000.0, [1.5, 1.6, 2.7], 40_000 / 12_000, seed=s) for s in (1, 2)], axis=1)
    whole = detect(sound, 12_000.0)
    assert len(whole) >= 6
    parts = [sound[a:b] for a, b in zip([0, *places], [*places, 40_000], strict=True)]
    assert list(detect_blocks(parts, 12_000.0, channels=2)) == whole


@pytest.mark.parametrize("rate_hz", [11025.0, 48_000.0])
@pytest.mark.parametrize("size", [1, 137, 1024, 100_000])
def test_any_block_size_gives_the_same_bits_at_any_rate(rate_hz: float, size: int) -> None:
    sound = scene(rate_hz, [1.0, 1.2], 1.4)[:, None]
    sound = sound if size > 1 else sound[-round(0.6 * rate_hz) :]
    parts = (sound[i : i + size] for i in range(0, len(sound), size))
    assert list(detect_blocks(parts, rate_hz)) == detect(sound, rate_hz)


def test_the_callers_buffer_may_be_reused() -> None:
    sound = scene(12_000.0, [1.5], 2.5)[:, None]
    buffer = np.empty((500, 1))

    def reused() -> object:
        for i in range(0, len(sound), 500):
            buffer[:] = sound[i : i + 500]
            yield buffer

    assert list(detect_blocks(reused(), 12_000.0)) == detect(sound, 12_000.0)  # type: ignore[arg-type]


def test_a_step_leaves_its_state_as_it_was() -> None:
    sound = scene(12_000.0, [1.0], 2.0)[:, None]
    detector = Detector(12_000.0)
    state, _ = detector.step(detector.initial(), sound[:11_000])
    first = detector.step(state, sound[11_000:])[1]
    assert detector.step(state, sound[11_000:])[1] == first
    assert first


def test_events_come_within_their_latency() -> None:
    detector = Detector(48_000.0)
    assert detector.latency_s + 1024 / 48_000 <= 0.300
    sound = scene(48_000.0, [1.0, 1.31, 1.77], 3.0)[:, None]
    state = detector.initial()
    delays = []
    for i in range(0, len(sound), 1024):
        state, found = detector.step(state, sound[i : i + 1024])
        delays += [(i + 1024 - d.onset) / 48_000 for d in found]
    assert len(delays) == 3
    assert max(delays) <= 0.300


def test_a_threshold_can_be_swept_from_one_run() -> None:
    sound = scene(12_000.0, [1.5, 2.0], 3.0) + jackhammer(12_000.0, 3.0, 2.2)
    low = detect(sound, 12_000.0, DetectorSettings(threshold_db=0.0))
    for threshold in (2.0, 6.0, 12.0):
        settings_ = DetectorSettings(threshold_db=threshold)
        assert detect(sound, 12_000.0, settings_) == [d for d in low if d.statistic >= threshold]


def test_a_day_of_one_sound_adds_no_memory() -> None:
    detector = Detector(12_000.0)
    state = detector.initial()
    for _ in range(50):
        state, _ = detector.step(state, np.full((7777, 1), 0.1))
    kept = state.history
    held = [*kept.raw, *kept.excess, kept.energies, kept.statistic, kept.blocks, *state.pending]
    assert sum(a.size for a in held) < 20_000


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"after_s": 0.0}, "after_s"),
        ({"guard_s": -1.0}, "guard_s"),
        ({"floor_percentile": 0.0}, "floor_percentile"),
        ({"clutter_lasting_s": 0.0}, "clutter_lasting_s"),
        ({"threshold_db": float("nan")}, "threshold_db"),
    ],
)
def test_settings_out_of_range_are_named(change: dict[str, float], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        DetectorSettings(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate_hz", [4000.0, 192_000.0, float("nan")])
def test_a_rate_out_of_range_is_named(rate_hz: float) -> None:
    with pytest.raises(ValueError, match="expected 8000 to 96000 Hz"):
        Detector(rate_hz)


def test_a_block_of_another_shape_is_named() -> None:
    detector = Detector(12_000.0)
    with pytest.raises(ValueError, match=r"expected shape \(n, 1\)"):
        detector.step(detector.initial(), np.zeros((10, 2)))


@given(st.integers(1, 9), st.integers(0, 30))
def test_moving_means_are_what_they_say(length: int, more: int) -> None:
    values = np.random.default_rng(length).standard_normal((2, length + more))
    weights = np.arange(1, length + 1) / (length * (length + 1) / 2)
    windows = np.lib.stride_tricks.sliding_window_view(values, length, axis=1)
    np.testing.assert_allclose(moving_mean(values, length), windows.mean(axis=2), atol=1e-12)
    np.testing.assert_allclose(ramp_mean(values, length), windows @ weights, atol=1e-12)


def test_the_noise_floor_ignores_what_was_not_heard() -> None:
    blocks = np.array([np.inf, 5.0, 1.0, np.inf, 3.0, 2.0, 4.0])[None]
    assert noise_floor(blocks, 20.0)[0] == 1.0
    assert noise_floor(blocks, 60.0)[0] == 3.0
    assert noise_floor(np.full((1, 3), np.inf), 20.0)[0] == np.inf


def test_detections_compare_by_value() -> None:
    sound = scene(12_000.0, [1.5], 2.5)
    (one,) = detect(sound, 12_000.0)
    assert isinstance(one, Detection)
    assert [one] == detect(sound, 12_000.0)
