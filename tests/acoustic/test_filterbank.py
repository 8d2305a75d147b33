"""The bank against theory, and blind to how its input is cut; the decimator likewise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acoustic.decimate import Decimator
from acoustic.filterbank import BANDS_HZ, FilterBank, bands_for_rate

RATES_HZ = (8000.0, 11025.0, 12000.0, 16000.0, 44100.0, 48000.0, 96000.0)


def cuts(total: int) -> st.SearchStrategy[list[int]]:
    """Sorted places to cut at, repeats allowed (empty blocks)."""
    return st.lists(st.integers(0, total), max_size=12).map(sorted)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_each_band_passes_its_middle_and_stops_an_octave_outside(rate_hz: float) -> None:
    bank = FilterBank(rate_hz)
    assert bank.bands_hz == bands_for_rate(rate_hz)
    t = np.arange(round(0.5 * rate_hz)) / rate_hz
    for number, (low, high) in enumerate(bank.bands_hz):
        for tone_hz, least, most in ((np.sqrt(low * high), 0.97, 1.01), (low / 2, 0.0, 0.35), (low, 0.69, 0.73)):
            _, out = bank.step(bank.initial(), np.sin(2 * np.pi * tone_hz * t)[:, None])
            settled = out[number, len(t) // 2 :, 0]
            assert least < np.sqrt(2 * np.mean(settled**2)) < most, (low, high, tone_hz)


@given(cuts(700), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_any_cut_gives_the_same_bits(places: list[int], channels: int) -> None:
    sound = np.random.default_rng(1).standard_normal((700, channels))
    bank = FilterBank(12_000.0)
    _, whole = bank.step(bank.initial(channels), sound)
    state, parts = bank.initial(channels), []
    for begin, end in zip([0, *places], [*places, 700], strict=True):
        state, part = bank.step(state, sound[begin:end])
        parts.append(part)
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_channels_do_not_mix() -> None:
    sound = np.random.default_rng(2).standard_normal((500, 2))
    bank = FilterBank(16_000.0)
    _, both = bank.step(bank.initial(2), sound)
    _, second = bank.step(bank.initial(1), sound[:, 1:])
    assert np.array_equal(both[:, :, 1:], second)


def test_a_step_leaves_its_state_as_it_was() -> None:
    bank = FilterBank(12_000.0)
    state, _ = bank.step(bank.initial(), np.ones((100, 1)))
    kept = state.delays.copy()
    bank.step(state, np.ones((50, 1)))
    assert np.array_equal(state.delays, kept)


def test_bands_that_the_rate_cannot_carry_are_cut_or_dropped() -> None:
    assert bands_for_rate(12_000.0) == BANDS_HZ
    assert bands_for_rate(8_000.0)[-1] == (2200.0, 0.96 * 4000.0)
    assert bands_for_rate(4_800.0)[-1] == (1000.0, 2200.0)


@pytest.mark.parametrize(
    ("rate_hz", "bands", "what"),
    [
        (0.0, BANDS_HZ, "rate_hz"),
        (float("nan"), BANDS_HZ, "rate_hz"),
        (12_000.0, [(900.0, 300.0)], "expected 0 < low < high, got 900"),
        (8_000.0, [(5000.0, 6000.0)], "expected a band below 3840 Hz"),
    ],
)
def test_what_cannot_be_built_is_named(rate_hz: float, bands: list[tuple[float, float]], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        FilterBank(rate_hz, bands)


def test_a_block_of_another_shape_is_named() -> None:
    bank = FilterBank(12_000.0)
    with pytest.raises(ValueError, match=r"expected shape \(n, 2\), got \(10, 1\)"):
        bank.step(bank.initial(2), np.zeros((10, 1)))
    with pytest.raises(ValueError, match="at least 1"):
        bank.initial(0)


@given(st.sampled_from([1, 2, 3, 4, 9]), cuts(900))
@settings(max_examples=40, deadline=None)
def test_the_decimator_is_a_convolution_however_it_is_cut(factor: int, places: list[int]) -> None:
    sound = np.random.default_rng(3).standard_normal((900, 2))
    decimator = Decimator(factor)
    state, parts = decimator.initial(2), []
    for begin, end in zip([0, *places], [*places, 900], strict=True):
        state, part = decimator.step(state, sound[begin:end])
        parts.append(part)
    out = np.concatenate(parts)
    _, whole = decimator.step(decimator.initial(2), sound)
    assert np.array_equal(out, whole)
    direct = np.convolve(sound[:, 0], decimator.taps)[:900:factor]
    np.testing.assert_allclose(out[:, 0], direct, rtol=0, atol=1e-12)


def test_the_decimator_keeps_what_the_bands_need_and_stops_aliases() -> None:
    decimator = Decimator(4)
    t = np.arange(9600) / 48_000.0
    for tone_hz, least, most in (
        (3000.0, 0.99, 1.01),
        (5000.0, 0.7, 1.01),
        (8000.0, 0.0, 0.002),
        (20_000.0, 0.0, 1e-3),
    ):
        _, out = decimator.step(decimator.initial(), np.sin(2 * np.pi * tone_hz * t)[:, None])
        assert least <= np.sqrt(2 * np.mean(out[200:] ** 2)) <= most, tone_hz


def test_a_factor_below_one_is_named() -> None:
    with pytest.raises(ValueError, match="factor"):
        Decimator(0)
