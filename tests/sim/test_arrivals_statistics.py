"""Pulses without audio: what is drawn has the statistics that were asked for, and levels follow the physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal
from scipy.stats import kstest

from acoustic.onset import PICK_BAND_HZ
from acoustic.weather import Weather
from sim.arrivals import simulate_pulses
from sim.band_levels import BANDS_HZ, band_levels, strokes
from sim.hearing.spectrum import SNR_BAND_HZ
from sim.listening import events
from sim.propagation.kernels import kernels
from sim.propagation.response import band_gain_db
from sim.propagation.surroundings import Surroundings
from sim.propagation.trace import trace
from sim.pulse_statistics import EXACT, DetectorModel, Scatter
from sim.sources.friedlander import Blast
from sim.ways import open_ways
from sim.world import Surfaces
from tests.sim import arriving_worlds as made

Array = NDArray[np.float64]


def test_timing_errors_are_as_asked() -> None:
    world = made.scattered(400, 10)
    model = DetectorModel(timing_s=0.7e-3)
    columns = simulate_pulses(world, detector=model, scatter=EXACT).columns
    error_s = (columns.arrival_ns - columns.true_ns) / 1e9
    sigma_s = model.timing_sigma_s(columns.snr_db)
    assert len(error_s) > 3500
    assert kstest(error_s / sigma_s, "norm").pvalue > 0.01
    assert np.std(error_s[columns.snr_db > 30.0]) == pytest.approx(0.7e-3, rel=0.03)
    assert columns.sigma_s == pytest.approx(np.hypot(sigma_s, world.stations[0].clock.sigma_s))


def test_late_arrivals_are_as_asked() -> None:
    world = made.scattered(300, 10)
    scatter = replace(EXACT, late_share=0.3, late_s=0.02)
    a = simulate_pulses(world, detector=made.SURE, scatter=scatter).arrivals
    late = a.excess_s[a.leads]
    assert (late >= 0.0).all()
    assert (late > 1e-9).mean() == pytest.approx(0.3, abs=0.03)
    assert late[late > 1e-9].mean() == pytest.approx(0.02, rel=0.08)


def test_rounds_from_one_place_share_what_the_map_does_not_know() -> None:
    generator = np.random.default_rng(2)
    places = 700.0 * (generator.random((60, 2)) - 0.5)
    fired = tuple(made.shot(k, 1.0 + 3.0 * k, *places[k // 5].tolist()) for k in range(300))
    stations = made.scattered(1, 12).stations
    world = made.world(stations, fired, duration_s=1000.0)
    plain, drawn = (
        simulate_pulses(world, detector=made.SURE, scatter=scatter).arrivals
        for scatter in (EXACT, Scatter(path_sigma_db=0.0, round_sigma_db=1.3))
    )
    assert len(plain) == len(drawn) == 300 * 12
    order, again = (np.lexsort((a.sound, a.station)) for a in (plain, drawn))
    loss = (plain.whole_db[order] - drawn.whole_db[again]).reshape(12, 60, 5)
    assert np.std(loss - loss.mean(axis=2, keepdims=True)) * np.sqrt(5 / 4) == pytest.approx(1.3, rel=0.05)
    apart = plain.length_m[order].reshape(12, 60, 5)[:, :, 0]
    scatter = Scatter()
    standard = (loss.mean(axis=2) - scatter.mean_loss_db(apart)) / scatter.sigma_db(apart)
    # Five places of twelve stations: 60 places with 12 draws each, of which the first of a cell serves all in it.
    assert standard.mean() == pytest.approx(0.0, abs=0.15)
    assert standard.std() == pytest.approx(1.0, abs=0.12)


@given(st.floats(-20.0, 40.0), st.sampled_from([2e5, 2e7]), st.floats(1.0, 20.0), st.floats(1.0, 20.0))
def test_level_falls_with_distance(temperature: float, flow: float, low: float, high: float) -> None:
    distance = np.geomspace(60.0, 4000.0, 40)
    sources = np.tile([0.0, 0.0, low], (40, 1))
    receivers = np.column_stack([distance, np.zeros(40), np.full(40, high)])
    found = open_ways(Surfaces(ground_flow_resistivity_pa_s_m2=flow), Weather(temperature), sources, receivers)
    blast = band_levels(Blast(4000.0, 0.0003).pressure_pa(48_000.0), 48_000.0, 48_000.0)
    level = 20.0 * np.log10((10.0 ** (found.gain_db / 20.0)) @ blast.whole_pa)
    # The ground's comb may lift a band by some decibels from one distance to the next: over three times the
    # distance (9.5 dB of spreading) it cannot hold against it.
    thrice = np.searchsorted(distance, 3.0 * distance)
    rows = np.flatnonzero(thrice < 40)
    assert (level[thrice[rows]] < level[rows]).all()


def test_the_table_of_ground_is_the_exact_ground() -> None:
    generator = np.random.default_rng(4)
    receivers = np.column_stack([2000.0 * (generator.random((3000, 2)) - 0.5), np.full(3000, 8.0)])
    sources = np.tile([0.0, 0.0, 1.5], (3000, 1))
    together = open_ways(Surfaces(), Weather(), sources, receivers)
    few = open_ways(Surfaces(), Weather(), sources[:50], receivers[:50])
    assert together.delay_s[:50].tolist() == few.delay_s.tolist()
    heard = BANDS_HZ < 3000.0
    far = few.length_m > 100.0
    assert together.gain_db[:50][far][:, heard] == pytest.approx(few.gain_db[far][:, heard], abs=0.5)


def test_open_country_is_a_city_without_buildings() -> None:
    """Closed form and tracer are two ways to the same."""
    world = made.scattered(15, 6)
    far_hut = made.city((4000.0, 4000.0, 4010.0, 4010.0, 3.0))
    a, b = (
        simulate_pulses(replace(world, city=where), detector=made.SURE, scatter=EXACT).columns
        for where in (made.country(), far_hut)
    )
    assert a.true_ns.tolist() == b.true_ns.tolist()
    assert a.peak_db_spl == pytest.approx(b.peak_db_spl, abs=0.5)
    assert a.snr_db == pytest.approx(b.snr_db, abs=0.5)


def test_peaks_are_those_of_filtered_blasts() -> None:
    """The sum over bands against the sound itself, filtered by each path: on the way over, around, off walls."""
    where = made.city(
        (-10, -40, 10, 40, 12.0), (30, -60, 80, -30, 9.0), (-90, 20, -30, 45, 15.0), (25, 25, 60, 70, 7.0)
    )
    generator = np.random.default_rng(8)
    sources = np.tile([-60.0, -5.0, 1.5], (25, 1))
    receivers = np.column_stack(
        [40.0 + 400.0 * generator.random(25), 300.0 * (generator.random(25) - 0.5), np.full(25, 16.0)]
    )
    weather, surfaces = Weather(), Surfaces()
    paths = trace(Surroundings.of(where), surfaces, weather, sources, receivers)
    gain = 10.0 ** (band_gain_db(paths, weather, surfaces, BANDS_HZ) / 20.0)
    smooth = ~np.isfinite(paths.grazing_rad)  # what bounces off the ground is added up with the direct sound
    assert np.count_nonzero(smooth) > 30
    blast = Blast(3000.0, 0.0003)
    for rate in (48_000.0, 12_000.0):
        bands = band_levels(blast.pressure_pa(48_000.0), 48_000.0, rate)
        sound = np.pad(blast.pressure_pa(rate), (0, 1000))
        heard = signal.fftconvolve(kernels(paths, weather, surfaces, rate), sound[None, :], axes=1)
        sections = signal.butter(2, PICK_BAND_HZ, "bandpass", fs=rate, output="sos")
        told = signal.butter(4, SNR_BAND_HZ, "bandpass", fs=rate, output="sos")
        for expected, parts in (
            (heard, bands.whole_pa),
            (signal.sosfilt(sections, heard, axis=1), bands.picked_pa),
            (signal.sosfilt(told, heard, axis=1), bands.told_pa),
        ):
            error_db = 20.0 * np.log10((gain @ parts) / np.abs(expected).max(axis=1))[smooth]
            assert np.abs(error_db).max() < 2.5
            assert abs(np.median(error_db)) < 1.5


def test_detection_falls_as_the_background_rises() -> None:
    shares = []
    for level in (40.0, 60.0, 75.0, 90.0):
        world = made.scattered(60, 10)
        world = replace(world, ambient=replace(world.ambient, level_db_a=level))
        simulated = simulate_pulses(world)
        first = simulated.columns.rows(~simulated.columns.echo)
        shares.append(len(first) / 600.0)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.95
    assert shares[-1] < 0.5


@given(st.floats(-10.0, 60.0), st.floats(-10.0, 60.0))
def test_chances_and_errors_are_monotone(a: float, b: float) -> None:
    model = DetectorModel()
    low, high = sorted((a, b))
    assert model.probability(low) <= model.probability(high)
    assert model.timing_sigma_s(low) >= model.timing_sigma_s(high) >= model.timing_s
    assert model.probability(model.half_snr_db) == pytest.approx(0.5)


def heard(time_s: list[float], level_db: list[float], tail_fall_db_s: float = 0.0) -> tuple[list[int], list[int]]:
    """Onsets and loudest rows of arrivals at one station, in a background of 40 dB."""
    n = len(time_s)
    onset, loudest, _, _ = events(
        np.zeros(n, dtype=np.int64), np.array(time_s), np.array(level_db), np.full(n, 40.0), np.full(n, 0.5),
        15.0, 1e-3, 0.012, 12.0, 0.0005, 18.0, tail_fall_db_s,
    )  # fmt: skip
    return onset.tolist(), loudest.tolist()


def test_events_group_mask_and_add_up() -> None:
    assert heard([1.0, 1.005, 1.1], [70.0, 75.0, 70.0]) == ([0, 2], [1, 2])
    assert heard([1.0, 1.005], [60.0, 75.0]) == ([1], [1])  # too far below the strongest to be the onset
    assert heard([1.0], [54.0]) == ([], [])
    assert heard([1.0, 1.0001], [54.0, 54.0]) == ([0], [0])  # together 6 dB more
    assert heard([1.0, 1.1], [100.0, 80.0], 60.0) == ([0], [0])  # hidden in 100 - 18 - 6 = 76 dB
    assert heard([1.0, 1.1], [100.0, 92.0], 60.0) == ([0, 1], [0, 1])


def test_a_string_of_bangs_has_strokes() -> None:
    class Bangs:
        peak_db_spl_1m = 120.0
        duration_s = 0.5

        def pressure_pa(self, rate_hz: float) -> Array:
            out = np.zeros(round(0.5 * rate_hz))
            for at_s, peak in ((0.0, 20.0), (0.15, 10.0), (0.32, 14.0)):
                one = Blast(peak, 0.0004).pressure_pa(rate_hz)
                first = round(at_s * rate_hz)
                out[first : first + len(one)] += one[: len(out) - first]
            return out

    found = strokes(Bangs())
    assert found.offset_s == pytest.approx([0.0, 0.15, 0.32], abs=1e-3)
    assert found.gain_db == pytest.approx([0.0, -6.0, -3.1], abs=1.0)
    assert len(strokes(Blast(1000.0, 0.0003)).offset_s) == 1
