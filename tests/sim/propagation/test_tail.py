"""Late reverberation: energy, decay, colour, and that it is noise of its own."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from acoustic.weather import Weather
from sim.propagation.tail import tail
from sim.world import Surfaces

WEATHER, RATE = Weather(), 48_000.0


def decay_time_s(h: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Reverberation time of a band by backward integration (Schroeder 1965), from -5 to -35 dB as T30."""
    band = scipy.signal.sosfiltfilt(scipy.signal.butter(4, [low_hz, high_hz], "bandpass", fs=RATE, output="sos"), h)
    curve = 10 * np.log10(np.cumsum(band[::-1] ** 2)[::-1] / np.sum(band**2))
    fell = slice(int(np.argmax(curve < -5.0)), int(np.argmax(curve < -35.0)))
    slope = np.polyfit(np.arange(len(h))[fell] / RATE, curve[fell], 1)[0]
    return float(-60.0 / slope)


@settings(max_examples=25)
@given(
    st.floats(1e-12, 10.0),
    st.floats(0.01, 9.0),
    st.floats(-20.0, 6.0),
    st.floats(0.1, 4.0),
    st.sampled_from([8000.0, 48_000.0, 96_000.0]),
)
def test_energy_is_as_ordered_and_nothing_comes_early(
    energy: float, onset_s: float, level_db: float, time_s: float, rate_hz: float
) -> None:
    surfaces = Surfaces(reverberation_time_s=time_s, reverberation_db=level_db)
    first, h = tail(np.random.default_rng(1), energy, onset_s, rate_hz, surfaces, WEATHER)
    assert first >= onset_s * rate_hz
    assert first <= onset_s * rate_hz + 1
    assert float(h @ h) == pytest.approx(energy * 10 ** (level_db / 10), rel=1e-9)
    assert len(h) / rate_hz == pytest.approx(time_s, abs=0.03)


@pytest.mark.parametrize("time_s", [0.6, 1.2, 3.0])
def test_it_decays_by_sixty_decibels_in_its_time(time_s: float) -> None:
    surfaces = Surfaces(reverberation_time_s=time_s)
    got = [
        decay_time_s(tail(np.random.default_rng(k), 1.0, 0.5, RATE, surfaces, WEATHER)[1], 800.0, 1250.0)
        for k in range(6)
    ]
    assert np.mean(got) == pytest.approx(time_s, rel=0.05)


def test_high_frequencies_die_sooner() -> None:
    _, h = tail(np.random.default_rng(4), 1.0, 0.5, RATE, Surfaces(reverberation_time_s=2.0), WEATHER)
    low, middle, high = (decay_time_s(h, *band) for band in ((200.0, 400.0), (800.0, 1250.0), (7000.0, 9000.0)))
    assert low > 0.95 * middle
    air_db_per_s = 60 / high - 60 / low
    assert air_db_per_s == pytest.approx(129e-3 * 340.0 - 0.4, rel=0.2)  # ISO 9613-2, table 2: 129 dB/km at 8 kHz
    assert high < 0.7 * middle


def test_it_rises_over_tens_of_milliseconds() -> None:
    """The loudest 10 ms come 30 to 120 ms after the onset; the first 5 ms are at least 15 dB weaker."""
    total = np.zeros(60)
    for k in range(30):
        _, h = tail(np.random.default_rng(k), 1.0, 0.5, RATE, Surfaces(), WEATHER)
        total += (h[: 60 * 240] ** 2).reshape(60, 240).sum(axis=1)
    assert 0.030 < total.argmax() * 0.005 < 0.120
    assert total[0] < total.max() * 10**-1.5


def test_distance_colours_it() -> None:
    def centre_hz(onset_s: float) -> float:
        frequency, power = scipy.signal.welch(
            tail(np.random.default_rng(2), 1.0, onset_s, RATE, Surfaces(), WEATHER)[1], RATE
        )
        return float(frequency @ power / power.sum())

    assert centre_hz(0.1) > 1.5 * centre_hz(1.0) > 1.5 * centre_hz(5.0)


def test_each_is_its_own_and_repeats() -> None:
    _, one = tail(np.random.default_rng([1, 2]), 1.0, 0.5, RATE, Surfaces(), WEATHER)
    _, same = tail(np.random.default_rng([1, 2]), 1.0, 0.5, RATE, Surfaces(), WEATHER)
    _, other = tail(np.random.default_rng([1, 3]), 1.0, 0.5, RATE, Surfaces(), WEATHER)
    np.testing.assert_array_equal(one, same)
    assert abs(float(one @ other)) < 0.03 * float(one @ one)


def test_a_city_may_be_dry() -> None:
    assert len(tail(np.random.default_rng(1), 1.0, 0.5, RATE, Surfaces(reverberation_time_s=0.0), WEATHER)[1]) == 0
    assert len(tail(np.random.default_rng(1), 0.0, 0.5, RATE, Surfaces(), WEATHER)[1]) == 0


def test_seconds_cost_milliseconds() -> None:
    """3 s at 48 kHz take 6 ms on one core; ten times that here."""
    surfaces = Surfaces(reverberation_time_s=3.0)
    tail(np.random.default_rng(1), 1.0, 0.5, RATE, surfaces, WEATHER)
    begin = time.perf_counter()
    tail(np.random.default_rng(1), 1.0, 0.5, RATE, surfaces, WEATHER)
    assert time.perf_counter() - begin < 0.06
