"""Onsets of synthetic blasts, where truth is exact."""

from __future__ import annotations

import numpy as np
import pytest

from acoustic.onset import WORST_SIGMA_S, OnsetPicker, information_criterion, onset_sigma_s
from tests.acoustic.blasts import blast, far_shot, noise

RATES_HZ = (8000.0, 12000.0, 16000.0, 44100.0, 48000.0, 96000.0)
LENGTH_S, ONSET_S = 0.12, 0.07


def picked(rate_hz: float, snr_db: float, seed: int, *, late_s: float = 0.0) -> tuple[float, float]:
    """Error and sigma (seconds) of one pick; late_s is how far off the trigger is."""
    rng = np.random.default_rng(seed)
    truth_s = ONSET_S + rng.uniform(0.0, 1e-3)
    hiss = noise(rng, rate_hz, LENGTH_S, rms=10 ** (-snr_db / 20))
    picker = OnsetPicker(rate_hz)
    filtered = picker.filter(far_shot(rng, rate_hz, truth_s, LENGTH_S) + hiss)
    onset = picker.pick(filtered, round((truth_s + late_s) * rate_hz))
    return onset.position / rate_hz - truth_s, onset.sigma_s


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_clean_onsets_are_found_to_a_fraction_of_a_sample(rate_hz: float) -> None:
    errors = np.array([picked(rate_hz, 50.0, seed)[0] for seed in range(20)])
    assert abs(np.median(errors)) < 1e-4  # the fixed bias is removed, at every rate
    assert np.std(errors) < min(0.2 / rate_hz, 12e-6)


@pytest.mark.parametrize("late_s", [-0.0015, -0.0005, 0.0005, 0.0015])
def test_where_the_trigger_was_does_not_matter(late_s: float) -> None:
    errors = np.array([picked(48_000.0, 35.0, seed, late_s=late_s)[0] for seed in range(10)])
    assert np.abs(errors).max() < 1e-4


def test_errors_stay_within_their_sigma_at_every_noise() -> None:
    """Sigma also holds what is uncertain about the start of a far sound, so clean synthetic blasts stay well inside."""
    for snr_db, most in ((10.0, 1.2), (15.0, 1.0), (20.0, 1.0), (30.0, 1.0)):
        pairs = np.array([picked(12_000.0, snr_db, seed, late_s=0.0005) for seed in range(60)])
        standardised = pairs[:, 0] / pairs[:, 1]
        assert 1.4826 * np.median(np.abs(standardised - np.median(standardised))) < most
        assert np.mean(np.abs(standardised) < 3.0) > 0.9


def test_sigma_grows_with_noise() -> None:
    medians = [np.median([picked(12_000.0, snr_db, seed)[1] for seed in range(20)]) for snr_db in (40.0, 20.0, 8.0)]
    assert medians[0] < medians[1] < medians[2] <= WORST_SIGMA_S


def test_polarity_is_that_of_the_first_peak() -> None:
    picker = OnsetPicker(48_000.0)
    wave = blast(48_000.0, ONSET_S, LENGTH_S) + noise(np.random.default_rng(1), 48_000.0, LENGTH_S, rms=1e-3)
    for sign in (1.0, -1.0):
        assert picker.pick(picker.filter(sign * wave), round(ONSET_S * 48_000)).polarity == sign


def test_a_pick_is_the_same_sound_louder_or_later() -> None:
    picker = OnsetPicker(12_000.0)
    sound = far_shot(np.random.default_rng(2), 12_000.0, ONSET_S, LENGTH_S) + noise(
        np.random.default_rng(3), 12_000.0, LENGTH_S, rms=0.01
    )
    filtered = picker.filter(sound)
    first = picker.pick(filtered, 840)
    assert picker.pick(8.0 * filtered, 840).position == pytest.approx(first.position, abs=1e-9)
    assert picker.pick(np.concatenate([filtered[:50], filtered]), 890).position == pytest.approx(first.position + 50)


@pytest.mark.parametrize("level", [0.0, 1e-12])
def test_silence_is_picked_somewhere_with_the_worst_sigma(level: float) -> None:
    picker = OnsetPicker(12_000.0)
    onset = picker.pick(np.full(1000, level), 600)
    assert 0 <= onset.position < 1000
    assert onset.sigma_s == WORST_SIGMA_S


def test_the_criterion_is_least_where_variance_changes() -> None:
    rng = np.random.default_rng(4)
    trace = np.concatenate([rng.standard_normal(300), 10.0 * rng.standard_normal(200)])
    assert abs(int(np.argmin(information_criterion(trace)[1:-1])) + 1 - 300) <= 2


def test_the_criterion_is_the_sum_that_its_source_writes() -> None:
    trace = np.random.default_rng(5).standard_normal(40)
    direct = [k * np.log(np.mean(trace[:k] ** 2)) + (40 - k) * np.log(np.mean(trace[k:] ** 2)) for k in range(1, 40)]
    np.testing.assert_allclose(information_criterion(trace)[1:-1], direct, rtol=1e-6)


def test_sigma_is_never_above_a_lost_pick() -> None:
    assert onset_sigma_s(1.0, 1.0, 1.0, 1.0) == WORST_SIGMA_S
    assert onset_sigma_s(1e-6, 1e-4, 0.0, 100.0) == pytest.approx(1.2e-4, rel=1e-3)
