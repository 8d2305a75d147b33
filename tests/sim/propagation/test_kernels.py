"""Filters and impulse responses: magnitude, causality, delay, peaks, cost."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from acoustic.weather import Weather
from sim.propagation.kernels import (
    HALF_LENGTH,
    impulse_response,
    interpolator,
    kernel_length,
    kernels,
    minimum_phase,
    path_peaks_db_spl,
)
from sim.propagation.response import band_gain_db, ground_reflection
from sim.world import Surfaces
from tests.sim.propagation.single_paths import SPEED, some_paths

WEATHER, SURFACES, RATE = Weather(), Surfaces(), 48_000.0
FINE = 1 << 15


class Cardioid:
    """A source with a half-hearted back, the more so the higher the frequency."""

    def gain(self, angle_rad: NDArray[np.float64], frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        share = np.minimum(frequency_hz / 8000.0, 1.0)[None, :]
        return np.asarray(1.0 - share * 0.5 * (1.0 - np.cos(angle_rad))[:, None] * 0.9)


def spectrum(kernel: NDArray[np.float64]) -> NDArray[np.complex128]:
    return np.asarray(scipy.fft.rfft(kernel, FINE))


def fine_hz(rate_hz: float = RATE) -> NDArray[np.float64]:
    return np.asarray(np.arange(FINE // 2 + 1) * (rate_hz / FINE))


@pytest.mark.parametrize(
    ("rate_hz", "taps"), [(8000, 128), (12_000, 128), (16_000, 256), (44_100, 512), (48_000, 512), (96_000, 1024)]
)
def test_kernels_last_ten_milliseconds(rate_hz: float, taps: int) -> None:
    assert kernel_length(rate_hz) == taps
    assert kernels(some_paths([10.0, 20.0]), WEATHER, SURFACES, rate_hz).shape == (2, taps)


@pytest.mark.parametrize("rate_hz", [8000.0, 12_000.0, 48_000.0, 96_000.0])
def test_magnitude_is_that_of_the_levels(rate_hz: float) -> None:
    """Within 0.3 dB from 100 Hz and 0.1 dB from 500 Hz, wherever the level is within 50 dB of its greatest."""
    paths = some_paths(
        [10.0, 300.0, 1000.0, 3000.0, 300.0, 300.0, 300.0, 1000.0, 80.0],
        excess_m=[0, 0, 0, 0, 0.1, 1.0, 3.0, 20.0, 0],
        edges=[0, 0, 0, 0, 1, 1, 2, 3, 0],
        edge_span_m=[0, 0, 0, 0, 0, 0, 20.0, 60.0, 0],
        bounces=[0, 0, 0, 0, 0, 0, 0, 0, 2],
    )
    frequency = fine_hz(rate_hz)
    level = band_gain_db(paths, WEATHER, SURFACES, frequency)
    got = 20 * np.log10(np.abs(scipy.fft.rfft(kernels(paths, WEATHER, SURFACES, rate_hz), FINE, axis=1)))
    loud = level > level.max(axis=1, keepdims=True) - 50.0
    for low, tolerance in ((100.0, 0.3), (500.0, 0.1)):
        there = loud & (frequency >= low)[None, :] & (frequency <= 0.45 * rate_hz)[None, :]
        assert np.abs((got - level)[there]).max() < tolerance


def test_fft_is_long_enough_for_the_cepstrum() -> None:
    """Against an FFT 32 times as long: below 5e-4 of the kernel's peak."""
    paths = some_paths(
        [10.0, 1000.0, 3000.0, 300.0, 1000.0], edges=[0, 0, 0, 1, 3], excess_m=[0, 0, 0, 1.0, 20.0], edge_span_m=30.0
    )
    fine = 1 << 16
    frequency = np.maximum(np.arange(fine // 2 + 1) * (RATE / fine), 50.0)
    level = band_gain_db(paths, WEATHER, SURFACES, frequency)
    exact = scipy.fft.irfft(minimum_phase(level, fine), axis=1)[:, :384]
    got = kernels(paths, WEATHER, SURFACES, RATE)[:, :384]
    assert (np.abs(got - exact).max(axis=1) / np.abs(exact).max(axis=1)).max() < 5e-4


def test_energy_comes_as_early_as_it_can() -> None:
    """That is what minimum phase means: of one magnitude, no causal filter has more energy in its first samples.  A
    filter of which one zero is mirrored at the unit circle has the same magnitude, and less."""
    zeros = np.array([0.6, -0.5, 0.9j, -0.9j])
    least = np.real(np.poly(zeros))
    mirrored = np.real(np.poly(np.array([1 / 0.6, -0.5, 0.9j, -0.9j]))) * 0.6
    level = 20 * np.log10(np.abs(scipy.fft.rfft(mirrored, 2048)))[None, :]
    got = scipy.fft.irfft(minimum_phase(level, 2048), axis=1)[0]
    np.testing.assert_allclose(got[:5], least, atol=1e-9)
    assert np.abs(got[5:]).max() < 1e-9


@pytest.mark.parametrize("resistivity", [2e7, 2e5])
@pytest.mark.parametrize(("length_m", "grazing_rad"), [(21.0, 0.31), (100.0, 0.065), (300.0, 0.03)])
def test_ground_keeps_its_phase(resistivity: float, length_m: float, grazing_rad: float) -> None:
    surfaces = Surfaces(ground_flow_resistivity_pa_s_m2=resistivity)
    bounced, plain = some_paths(length_m, grazing_rad=grazing_rad), some_paths(length_m)
    got = spectrum(kernels(bounced, WEATHER, surfaces, RATE)[0]) / spectrum(kernels(plain, WEATHER, surfaces, RATE)[0])
    frequency = fine_hz()
    exact = ground_reflection(bounced, np.array([0]), WEATHER, surfaces, frequency)[0]
    for low, high, tolerance in ((100.0, 3000.0, 0.01), (3000.0, 6000.0, 0.03), (6000.0, 12_000.0, 0.1)):
        there = (frequency >= low) & (frequency < high)
        assert np.abs(got - exact)[there].max() < tolerance


def test_soft_ground_turns_a_grazing_wave_upside_down() -> None:
    kernel = kernels(
        some_paths(1000.0, grazing_rad=0.003), WEATHER, Surfaces(ground_flow_resistivity_pa_s_m2=2e5), RATE
    )
    plain = kernels(some_paths(1000.0), WEATHER, SURFACES, RATE)
    assert float((kernel * plain).sum() / (plain * plain).sum()) == pytest.approx(-1.0, abs=0.1)
    rigid = Surfaces(ground_flow_resistivity_pa_s_m2=np.inf)
    np.testing.assert_allclose(kernels(some_paths(1000.0, grazing_rad=0.003), WEATHER, rigid, RATE), plain, rtol=1e-12)


def test_directivity_counts_at_the_angle_of_departure() -> None:
    behind = some_paths([10.0, 10.0], departure=[[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    got = kernels(behind, WEATHER, SURFACES, RATE, directivity=Cardioid(), axis=[1.0, 0.0, 0.0])
    plain = kernels(behind, WEATHER, SURFACES, RATE)
    np.testing.assert_allclose(got[0], plain[0], atol=1e-12)
    ratio = np.abs(spectrum(got[1]) / spectrum(plain[1]))
    wanted = Cardioid().gain(np.array([np.pi]), fine_hz())[0]
    there = (fine_hz() > 100.0) & (fine_hz() < 20_000.0)
    np.testing.assert_allclose(ratio[there], wanted[there], rtol=0.01)
    with pytest.raises(ValueError, match="axis: expected a unit vector"):
        kernels(behind, WEATHER, SURFACES, RATE, directivity=Cardioid())


def test_a_path_is_the_same_in_any_company() -> None:
    generator = np.random.default_rng(5)
    length = generator.uniform(10.0, 1000.0, 300)
    grazing = np.where(np.arange(300) % 4 == 0, 0.1, np.nan)
    edges = np.arange(300) % 3
    together = kernels(some_paths(length, edges=edges, excess_m=1.0, grazing_rad=grazing), WEATHER, SURFACES, RATE)
    for k in (0, 7, 255, 256, 299):
        alone = some_paths(length[k], edges=edges[k], excess_m=1.0, grazing_rad=grazing[k])
        np.testing.assert_array_equal(kernels(alone, WEATHER, SURFACES, RATE)[0], together[k])


def test_spreading_can_be_left_out() -> None:
    near, far = kernels(some_paths([1.0, 50.0]), WEATHER, SURFACES, RATE, spreading=False)
    assert near.sum() == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(far, 50.0 * kernels(some_paths(50.0), WEATHER, SURFACES, RATE)[0], atol=1e-12)


def test_low_frequencies_are_as_late_as_the_docstring_says() -> None:
    late = []
    for length in (300.0, 1000.0, 3000.0):
        kernel = kernels(some_paths(length), WEATHER, SURFACES, RATE)[0]
        late.append(float(np.arange(len(kernel)) @ kernel / kernel.sum()) / RATE)
    np.testing.assert_allclose(late, [0.20e-3, 0.45e-3, 0.95e-3], rtol=0.05)


lengths = st.floats(2.0, 3000.0)


@settings(max_examples=30)
@given(lengths, st.floats(0.5, 500.0), st.integers(0, 3), st.integers(0, 2))
def test_energy_falls_with_distance_and_with_what_was_met(length: float, more: float, edges: int, bounces: int) -> None:
    paths = some_paths(
        [length, length, length + more], edges=[0, edges, edges], excess_m=1.0, bounces=[0, bounces, bounces]
    )
    energy = (kernels(paths, WEATHER, SURFACES, RATE) ** 2).sum(axis=1)
    assert energy[2] < energy[1] <= energy[0] * (1 + 1e-12)


# Impulse responses.


def slow_impulse_response(
    filters: NDArray[np.float64], delay_s: NDArray[np.float64], length: int
) -> NDArray[np.float64]:
    """The obvious form: whole and fractional delay by the Fourier transform, exact for what is band-limited."""
    frequency = np.arange(length // 2 + 1) * (RATE / length)
    total = sum(
        scipy.fft.rfft(kernel, length) * np.exp(-2j * np.pi * frequency * delay)
        for kernel, delay in zip(filters, delay_s, strict=True)
    )
    return np.asarray(scipy.fft.irfft(total, length))


def test_sum_of_paths_is_that_of_the_fourier_transform() -> None:
    generator = np.random.default_rng(3)
    lengths = generator.uniform(100.0, 400.0, 40)
    paths = some_paths(lengths, edges=generator.integers(0, 3, 40), excess_m=2.0)
    low_pass = scipy.signal.firwin(101, 18_000.0, fs=RATE)
    filters = scipy.signal.fftconvolve(kernels(paths, WEATHER, SURFACES, RATE), low_pass[None, :], axes=1)
    first, h = impulse_response(filters, paths.delay_s, RATE)
    exact = slow_impulse_response(filters, paths.delay_s, 1 << 17)
    np.testing.assert_allclose(h, exact[first : first + len(h)], atol=1e-4 * np.abs(exact).max())


@given(st.floats(0.0, 10.0), st.sampled_from([8000.0, 48_000.0, 96_000.0]))
def test_delays_are_measured_back(delay_s: float, rate_hz: float) -> None:
    """By the phase of the cross spectrum with the filter itself, to 1e-3 samples."""
    kernel = kernels(some_paths(20.0), WEATHER, SURFACES, rate_hz)
    first, h = impulse_response(kernel, np.array([delay_s]), rate_hz)
    size = 4096
    cross = scipy.fft.rfft(h, size) * np.conj(scipy.fft.rfft(kernel[0], size))
    omega = 2 * np.pi * np.arange(size // 2 + 1) / size
    # The bulk of the delay is taken off first, so that no phase wraps.
    bulk = delay_s * rate_hz - first
    phase = np.angle(cross * np.exp(1j * omega * bulk))
    there = slice(size // 50, int(0.42 * size))
    slope = float(omega[there] @ phase[there] / (omega[there] @ omega[there]))
    assert abs(slope) < 1e-3
    np.testing.assert_allclose(
        np.abs(scipy.fft.rfft(h, size))[there], np.abs(scipy.fft.rfft(kernel[0], size))[there], rtol=1e-4
    )


@given(st.lists(st.floats(0.05, 1.0), min_size=1, max_size=4), st.integers(1, 20_000))
def test_a_shift_in_time_shifts_the_samples(delays: list[float], samples: int) -> None:
    filters = kernels(some_paths(np.array(delays) * SPEED), WEATHER, SURFACES, RATE)
    first, h = impulse_response(filters, np.array(delays), RATE)
    first_later, later = impulse_response(filters, np.array(delays) + samples / RATE, RATE)
    # A delay may fall on either side of a whole sample by rounding, which moves the start by one.
    lead = first_later - first - samples
    assert abs(lead) <= 1
    n = min(len(h), len(later)) - 1
    np.testing.assert_allclose(later[max(-lead, 0) :][:n], h[max(lead, 0) :][:n], atol=1e-9)


@given(st.floats(0.01, 2.0))
def test_nothing_sounds_before_the_arrival(delay_s: float) -> None:
    """Beyond the interpolator's half length there is nothing at all; what the air has softened does not even begin to
    ring before."""
    first, h = impulse_response(kernels(some_paths(200.0), WEATHER, SURFACES, RATE), np.array([delay_s]), RATE)
    assert first > delay_s * RATE - HALF_LENGTH
    early = np.arange(first, first + len(h)) < delay_s * RATE
    assert (h[early] ** 2).sum() < 1e-4 * (h**2).sum()


@given(st.floats(0.0, 1.0))
def test_interpolation_keeps_energy(fraction: float) -> None:
    weights = interpolator(np.array([fraction]))[0]
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    response = np.abs(scipy.fft.rfft(weights, 1024))[: int(0.43 * 1024)]
    np.testing.assert_allclose(response, 1.0, atol=1e-4)


def test_whole_samples_pass_untouched() -> None:
    filters = np.eye(1, 512)
    first, h = impulse_response(filters, np.array([100 / RATE]), RATE)
    assert h[100 - first] == pytest.approx(1.0, abs=1e-12)
    assert np.abs(np.delete(h, 100 - first)).max() < 1e-12
    np.testing.assert_allclose(impulse_response(filters, np.array([0.0]), RATE)[0], 1 - HALF_LENGTH)


def test_no_paths_are_silence() -> None:
    first, h = impulse_response(np.zeros((0, 512)), np.zeros(0), RATE)
    assert (first, len(h)) == (0, 0)
    assert path_peaks_db_spl(np.zeros((0, 512)), np.ones(10)).shape == (0,)


# Peaks.


def test_peaks_are_those_of_the_sound() -> None:
    generator = np.random.default_rng(8)
    paths = some_paths(generator.uniform(10.0, 500.0, 30), edges=generator.integers(0, 2, 30), excess_m=1.0)
    filters = kernels(paths, WEATHER, SURFACES, RATE)
    for signal in (np.exp(-np.arange(1500) / 40.0), generator.normal(size=20_000), np.array([3.0])):
        sounds = scipy.signal.fftconvolve(filters, signal[None, :], axes=1)
        between = scipy.signal.resample(np.pad(sounds, ((0, 0), (200, 200))), 8 * (sounds.shape[1] + 400), axis=1)
        exact = 20 * np.log10(np.abs(between).max(axis=1) / 20e-6)
        np.testing.assert_allclose(path_peaks_db_spl(filters, signal), exact, atol=0.05)


def test_peak_of_a_tone_burst_is_its_level() -> None:
    tone = np.sin(2 * np.pi * 1000.0 * np.arange(9600) / RATE) * scipy.signal.windows.hann(9600)
    got = path_peaks_db_spl(kernels(some_paths([10.0, 100.0]), WEATHER, SURFACES, RATE), tone)
    level = band_gain_db(some_paths([10.0, 100.0]), WEATHER, SURFACES, np.array([1000.0]))[:, 0]
    np.testing.assert_allclose(got, level + 20 * np.log10(1 / 20e-6), atol=0.01)


def test_peak_of_silence_is_a_number() -> None:
    assert np.isfinite(path_peaks_db_spl(np.zeros((1, 512)), np.ones(5)))[0]


def test_thousands_of_paths_are_quick() -> None:
    """5,000 paths at 48 kHz in a second and a half on one core; four times that here, as other tests may be running."""
    generator = np.random.default_rng(1)
    n = 5000
    ground = generator.random(n) < 0.25
    edges = np.where(ground, 0, generator.integers(0, 4, n))
    paths = some_paths(
        generator.uniform(50.0, 1500.0, n),
        edges=edges,
        excess_m=generator.uniform(0.0, 30.0, n),
        edge_span_m=20.0 * (edges > 1),
        bounces=generator.integers(0, 2, n),
        grazing_rad=np.where(ground, generator.uniform(0.005, 0.3, n), np.nan),
    )
    impulse_response(kernels(some_paths(10.0), WEATHER, SURFACES, RATE), np.array([0.1]), RATE)  # compiles
    begin = time.perf_counter()
    impulse_response(kernels(paths, WEATHER, SURFACES, RATE), paths.delay_s, RATE)
    assert time.perf_counter() - begin < 6.0
