"""When things happen: cadence, chance, peaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.staging.schedule import BY_HAND_RPM, burst_times_s, incident_times_s, instant_ns, intervals_s
from sim.staging.spec_cast import Burst
from sim.staging.spec_places import Chance


def test_a_burst_without_jitter_keeps_its_cadence() -> None:
    times = burst_times_s(Burst(at_s=3.0, rounds=5, rate_rpm=600.0, jitter=0.0), None, np.random.default_rng(1))
    np.testing.assert_allclose(times, [3.0, 3.1, 3.2, 3.3, 3.4], atol=1e-12)


def test_cadence_is_the_weapons_own_unless_stated() -> None:
    burst = Burst(at_s=0.0, rounds=2, jitter=0.0)
    assert burst_times_s(burst, 800.0, np.random.default_rng(1))[1] == pytest.approx(0.075)
    assert burst_times_s(burst, None, np.random.default_rng(1))[1] == pytest.approx(60.0 / BY_HAND_RPM)


@given(st.floats(0.0, 1.0), st.integers(0, 2**32))
def test_intervals_never_run_backwards(jitter: float, seed: int) -> None:
    burst = Burst(at_s=2.0, rounds=30, rate_rpm=300.0, jitter=jitter)
    assert (np.diff(burst_times_s(burst, None, np.random.default_rng(seed))) > 0.0).all()


def test_intervals_have_the_mean_and_spread_that_they_state() -> None:
    intervals = intervals_s(200_000, 0.25, 0.3, np.random.default_rng(2))
    assert intervals.mean() == pytest.approx(0.25, rel=3e-3)
    assert intervals.std() == pytest.approx(0.075, rel=1e-2)


def test_a_rate_gives_poisson_counts() -> None:
    chance = Chance(per_hour=36.0, from_s=100.0, to_s=900.0)  # eight on average
    counts = [len(incident_times_s(chance, 1000.0, np.random.default_rng(seed))) for seed in range(4000)]
    assert np.mean(counts) == pytest.approx(8.0, abs=0.15)
    assert np.var(counts) == pytest.approx(8.0, abs=0.6)


def test_instants_are_even_without_a_peak() -> None:
    times = incident_times_s(Chance(incidents=5000, from_s=10.0), 60.0, np.random.default_rng(3))
    assert len(times) == 5000
    assert stats.kstest(times, stats.uniform(10.0, 50.0).cdf).pvalue > 0.01


def test_a_peak_gathers_its_share() -> None:
    chance = Chance(incidents=20_000, peak_at_s=14_400.0, peak_sigma_s=600.0, peak_share=0.7)
    times = incident_times_s(chance, 32_400.0, np.random.default_rng(4))
    near = np.abs(times - 14_400.0) < 600.0
    assert near.mean() == pytest.approx(0.7 * 0.6827 + 0.3 * 1200.0 / 32_400.0, abs=0.01)


@given(
    st.integers(0, 50),
    st.floats(0.0, 30.0),
    st.floats(31.0, 60.0),
    st.floats(0.0, 1.0),
    st.floats(1.0, 1e5),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_instants_are_sorted_and_within_the_span(
    count: int, low: float, high: float, share: float, sigma: float, at_an_end: bool, seed: int
) -> None:
    chance = Chance(
        incidents=count,
        from_s=low,
        to_s=high,
        peak_at_s=low if at_an_end else 30.5,
        peak_sigma_s=sigma,
        peak_share=share,
    )
    times = incident_times_s(chance, 60.0, np.random.default_rng(seed))
    assert len(times) == count
    assert (np.diff(times) >= 0.0).all()
    assert ((low <= times) & (times <= high)).all()


@given(st.integers(0, 4 * 10**18), st.integers(-(10**18), 10**18), st.floats(0.0, 172_800.0))
def test_shifting_the_start_shifts_every_instant_exactly(start_ns: int, shift_ns: int, at_s: float) -> None:
    assert instant_ns(start_ns + shift_ns, at_s) == instant_ns(start_ns, at_s) + shift_ns
