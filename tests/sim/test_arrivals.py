"""Pulses without audio: exact where nothing is drawn, and their identities whatever goes wrong."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.weather import Weather
from localize.locate import locate
from localize.networkfile import read_network
from localize.pulsefile import read_pulses, table_from_pulses
from localize.travel import travel_times_s
from sim.arrivals import simulate_pulses
from sim.arriving import CLUTTER, SHOCK
from sim.hearing.microphone import SELF_NOISE
from sim.propagation.moving_air import polyline_time_s
from sim.propagation.paths import Kind
from sim.pulse_statistics import EXACT, DetectorModel
from sim.pulse_writing import NETWORK, PULSES, TRUE_PULSES, pulse_lines, write_pulses
from sim.reach import reach
from sim.truthfile import truth_of
from sim.world import Clock, Faults
from tests.sim import arriving_worlds as made
from tests.strategies import mild_weathers


@given(mild_weathers())
def test_open_country_arrivals_are_exact_travel_times(weather: Weather) -> None:
    world = replace(made.scattered(5, 6), weather=weather)
    simulated = simulate_pulses(world, detector=made.SURE, scatter=EXACT)
    columns = simulated.columns
    assert len(columns) == 30
    for station, sound, arrival_ns in zip(columns.station, columns.sound, columns.arrival_ns, strict=True):
        shot, listener = world.sounds[int(sound)], world.stations[int(station)]
        travel = polyline_time_s(np.array([shot.position_m, listener.position_m]), weather)
        assert abs(int(arrival_ns) - shot.at_ns - travel * 1e9) <= 1.0


def test_travel_times_are_those_of_the_localizer() -> None:
    world = replace(made.scattered(1, 8), weather=Weather(wind_speed_m_s=8.0, wind_from_deg=250.0))
    columns = simulate_pulses(world, detector=made.SURE, scatter=EXACT).columns
    places = np.array([world.stations[k].position_m for k in columns.station])
    weather = world.weather
    expected = travel_times_s(world.sounds[0].position_m, places, weather.sound_speed_m_s, weather.wind_m_s)
    assert columns.arrival_ns - world.sounds[0].at_ns == pytest.approx(1e9 * expected, abs=1.0)


def test_seeds_reproduce_bytes() -> None:
    world = made.scattered(12, 6)
    first, again = (pulse_lines(simulate_pulses(world).pulses) for _ in range(2))
    assert first == again
    assert first != pulse_lines(simulate_pulses(replace(world, seed=6)).pulses)


def test_ratios_of_the_truth_are_told_in_the_band_of_rendered_truth() -> None:
    """Noise of the microphones rules here, so it is the same at every moment."""
    world = made.scattered(12, 8)
    world = replace(world, stations=tuple(replace(one, self_noise_db_a=65.0) for one in world.stations))
    simulated = simulate_pulses(world, scatter=EXACT)
    told, rendered = (
        {(sound.id, arrival.sensor): arrival for sound in truth.sounds for arrival in sound.arrivals}
        for truth in (simulated.truth, truth_of(world, reach(world)))
    )
    assert told.keys() == rendered.keys()
    assert len(told) == 96
    apart_db = np.array([told[key].snr_db - rendered[key].snr_db for key in told])
    assert np.abs(apart_db).max() < 3.0  # of peaks that are worked out from spectra
    assert abs(np.median(apart_db)) < 1.0
    noise_db = 65.0 + SELF_NOISE.band_level_db(300.0, 3000.0)
    assert simulated.told_noise_db == pytest.approx(noise_db, abs=0.3)  # a little traffic
    assert np.abs(simulated.noise_db - noise_db).min() > 1.5  # in the picking band, for what a pulse states


def test_shock_waves_are_as_late_as_rendered_truth_says() -> None:
    """Beside a free field; over a roof they are late by what that takes."""
    world = made.world(
        tuple(made.station(f"S{k}", 120.0 + 10.0 * k, 60.0) for k in range(3)),
        (made.shot(0, 1.0, 0.0, 0.0, weapon="556x45"),),
        where=made.city((60.0, 20.0, 160.0, 30.0, 25.0)),
    )
    pulses, rendered = (
        {a.sensor: a.excess_delay_s for s in truth.sounds for a in s.arrivals if a.wave == "shock"}
        for truth in (simulate_pulses(world, scatter=EXACT).truth, truth_of(world, reach(world)))
    )
    assert len(pulses) == 3
    assert pulses == pytest.approx(rendered, abs=1e-8)
    assert min(pulses.values()) > 1e-3


def test_messages_are_sorted_and_numbered() -> None:
    world = made.scattered(30, 5, ambient=replace(made.scattered(1, 1).ambient, events_per_min=20.0))
    pulses = simulate_pulses(world).pulses
    assert [pulse.arrival_ns for pulse in pulses] == sorted(pulse.arrival_ns for pulse in pulses)
    for station in world.stations:
        own = [pulse.sequence for pulse in pulses if pulse.sensor == station.id]
        assert own == list(range(len(own)))


def test_no_sounds_no_stations() -> None:
    world = made.scattered(3, 3)
    assert simulate_pulses(replace(world, sounds=())).pulses == ()
    assert simulate_pulses(replace(world, stations=())).pulses == ()


def test_late_and_repeated_messages_keep_identities() -> None:
    calm = made.scattered(60, 5)
    faults = Faults(late_share=0.3, late_s=20.0, repeated_share=0.25)
    troubled = replace(calm, stations=tuple(replace(one, faults=faults) for one in calm.stations))
    before, after = simulate_pulses(calm), simulate_pulses(troubled)
    assert before.pulses == after.pulses
    sent = Counter(delivery.pulse.identity for delivery in after.deliveries)
    assert set(sent) == {pulse.identity for pulse in before.pulses}
    assert set(sent.values()) == {1, 2}
    assert sum(sent.values()) - len(sent) == int((after.columns.copies - 1).sum())
    assert pytest.approx(after.columns.copies.mean() - 1.0, abs=0.09) == 0.25
    waited = (after.columns.delivered_ns - after.columns.arrival_ns) / 1e9
    late = waited[waited > 0.36]
    assert len(late) / len(waited) == pytest.approx(0.3, abs=0.09)
    assert late.mean() == pytest.approx(20.35, rel=0.3)
    times = [delivery.delivered_ns for delivery in after.deliveries]
    assert times == sorted(times)


def test_clock_errors_are_in_the_stamps_alone() -> None:
    calm = made.scattered(8, 3)
    clock = Clock(offset_s=0.2, drift_ppm=100.0, steps=((15.0, -0.5),))
    off = replace(calm, stations=(replace(calm.stations[0], clock=clock), *calm.stations[1:]))
    before, after = (simulate_pulses(one, detector=made.SURE, scatter=EXACT).columns for one in (calm, off))
    for station in range(3):
        a, b = (columns.rows(columns.station == station) for columns in (before, after))
        a, b = a.rows(np.argsort(a.true_ns)), b.rows(np.argsort(b.true_ns))
        assert a.true_ns.tolist() == b.true_ns.tolist()
        at_s = (a.true_ns - calm.start_ns) / 1e9
        expected = clock.error_s(at_s) if station == 0 else np.zeros(len(a))
        assert (b.arrival_ns - a.arrival_ns) / 1e9 == pytest.approx(expected, abs=3e-9)


def test_lost_samples_bring_forward_what_follows_and_the_dead_hear_nothing() -> None:
    calm = made.scattered(8, 2)
    lost = replace(calm.stations[0], faults=Faults(lost=((10.0, 0.5),)))
    dead = replace(calm.stations[1], faults=Faults(dead=((12.0, 100.0),)))
    before = simulate_pulses(calm, detector=made.SURE, scatter=EXACT).columns
    after = simulate_pulses(replace(calm, stations=(lost, dead)), detector=made.SURE, scatter=EXACT).columns
    a, b = before.rows(before.station == 0), after.rows(after.station == 0)
    late = (a.true_ns - calm.start_ns) / 1e9 > 10.5
    assert (a.arrival_ns - b.arrival_ns)[late] / 1e9 == pytest.approx(0.5, abs=3e-9)
    assert (a.arrival_ns == b.arrival_ns)[~late].all()
    true_s = (after.rows(after.station == 1).true_ns - calm.start_ns) / 1e9
    assert len(true_s) == 3
    assert (true_s < 12.0).all()


def test_overload_is_flagged_and_bounds_the_level() -> None:
    near, far = made.station("S00", 30.0, 0.0), made.station("S01", 400.0, 0.0)
    near = replace(near, full_scale_db_spl=110.0)
    pulses = simulate_pulses(made.world((near, far), (made.shot(0, 1.0, 0.0, 0.0),)), scatter=EXACT).pulses
    by_sensor = {pulse.sensor: pulse for pulse in pulses}
    assert by_sensor["S00"].flags == ("clipped",)
    assert by_sensor["S00"].peak_db_spl == 110.0
    assert by_sensor["S01"].flags == ()


def test_clutter_comes_at_the_ambient_rate_and_is_told_apart() -> None:
    world = made.world((made.station("S00", 0.0, 0.0),), (), duration_s=36_000.0, events_per_min=4.0)
    columns = simulate_pulses(world, scatter=EXACT).columns
    model = DetectorModel()
    excess = np.random.default_rng(1).exponential(model.clutter_excess_db, 100_000)
    found = float(model.probability(model.half_snr_db + excess).mean())
    assert len(columns) == pytest.approx(36_000.0 / 60.0 * 4.0 * model.clutter_share * found, rel=0.1)
    assert (columns.sound == CLUTTER).all()
    assert not columns.echo.any()


def test_a_house_in_between_makes_arrivals_weak_late_and_bent() -> None:
    ways = (made.station("S00", 100.0, 0.0),), (made.shot(0, 1.0, -100.0, 0.0),)
    house = made.city((-10.0, -40.0, 10.0, 40.0, 12.0))
    open_, behind = (
        simulate_pulses(made.world(*ways, where=where), detector=made.SURE, scatter=EXACT)
        for where in (made.country(), house)
    )
    assert open_.columns.kind[0] == Kind.DIRECT
    assert behind.columns.kind[0] == Kind.OVER
    assert behind.columns.arrival_ns[0] > open_.columns.arrival_ns[0]
    assert behind.columns.peak_db_spl[0] < open_.columns.peak_db_spl[0] - 8.0
    arrival = behind.truth.sounds[0].arrivals[0]
    assert not arrival.line_of_sight
    assert arrival.excess_delay_s == pytest.approx(
        (behind.columns.arrival_ns[0] - open_.columns.arrival_ns[0]) / 1e9, abs=3e-9
    )


def test_a_wall_sends_an_echo() -> None:
    wall = made.city((-50.0, 40.0, 50.0, 50.0, 20.0))
    world = made.world((made.station("S00", 30.0, 0.0, 4.0),), (made.shot(0, 1.0, -30.0, 0.0),), where=wall)
    columns = simulate_pulses(world, scatter=EXACT).columns
    assert columns.echo.tolist() == [False, True]
    assert columns.kind.tolist() == [Kind.DIRECT, Kind.WALL]
    longer = np.hypot(60.0, 80.0) - 60.0
    apart_s = (columns.true_ns[1] - columns.true_ns[0]) / 1e9
    assert apart_s == pytest.approx(longer / world.weather.sound_speed_m_s, abs=1e-3)


def test_sounds_closer_than_the_detector_separates_are_one_pulse() -> None:
    listener = (made.station("S00", 100.0, 0.0),)
    for apart_s, pulses in ((0.008, 1), (0.060, 2)):
        two = (made.shot(0, 1.0, 0.0, 0.0), made.shot(1, 1.0 + apart_s, 0.0, 0.0))
        assert len(simulate_pulses(made.world(listener, two), scatter=EXACT).columns) == pulses


def test_a_rifle_is_heard_twice_in_its_cone() -> None:
    world = made.world(
        (made.station("S00", 200.0, 60.0), made.station("S01", -200.0, 0.0)),
        (made.shot(0, 1.0, 0.0, 0.0, "556x45"),),
    )
    columns = simulate_pulses(world, scatter=EXACT).columns
    at = columns.rows(columns.station == 0)
    assert at.wave.tolist() == [SHOCK, 0]
    assert (columns.rows(columns.station == 1).wave == 0).all()


@given(st.integers(0, 10_000))
def test_truth_and_pulses_agree(seed: int) -> None:
    world = replace(made.scattered(4, 4), seed=seed)
    simulated = simulate_pulses(world)
    arrival = {(sound.id, one.sensor): one.arrival_ns for sound in simulated.truth.sounds for one in sound.arrivals}
    for pulse, sound, true_ns in zip(
        simulated.pulses, simulated.columns.sound.tolist(), simulated.columns.true_ns.tolist(), strict=True
    ):
        assert abs(arrival[world.sounds[sound].id, pulse.sensor] - true_ns) <= 1


def test_files_are_read_and_located(tmp_path: Path) -> None:
    world = made.scattered(3, 12)
    faults = Faults(repeated_share=0.5)
    world = replace(world, stations=tuple(replace(one, faults=faults) for one in world.stations))
    simulated = simulate_pulses(world)
    write_pulses(simulated, tmp_path)
    network = read_network(tmp_path / NETWORK)
    read = read_pulses(tmp_path / PULSES, network)
    assert read.duplicates == int((simulated.columns.copies - 1).sum()) > 0
    assert read.table.arrival_ns.tolist() == table_from_pulses(simulated.pulses, network).arrival_ns.tolist()
    told = [json.loads(line) for line in (tmp_path / TRUE_PULSES).read_text().splitlines()]
    assert [one["sensor"] for one in told] == [pulse.sensor for pulse in simulated.pulses]
    shots = locate(read.table, network).shots
    assert len(shots) == 3
    for found, shot in zip(sorted(shots, key=lambda s: s.fired_ns), world.sounds, strict=True):
        assert np.hypot(*(np.array(found.position_m[:2]) - shot.position_m[:2])) < 5.0
