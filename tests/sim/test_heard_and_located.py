"""From a world to located shots: rendered to a folder, read back, heard by the detector, located."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from localize.locate import locate
from localize.network import Network, Sensor
from localize.pulsefile import table_from_pulses
from sensors.listen import listen
from sensors.recordings import open_recordings
from sim.propagation.paths import Kind
from sim.reach import paths_of, reach
from sim.render import rendered
from sim.sources.gunshot import gunshot
from sim.sources.weapons import WEAPONS
from sim.staging.gridcity import grid_city
from sim.truth import Truth
from sim.truthfile import truth_of
from sim.world import Ambient, Clock, Faults, Station, Surfaces, World
from sim.writing import write_recordings
from tests.sim.small_world import START_NS, bang, station, stations, world
from wire.messages import Pulse
from wire.utc import NS_PER_S

SHOT_M = np.array([110.0, 90.0, 1.5])
FIELD = Surfaces(reflections=0, reverberation_time_s=0.5, reverberation_db=-10.0)
DAY = Ambient(level_db_a=52.0)


def shooting(hearing: Sequence[Station], weapon: str = "45acp", surfaces: Surfaces = FIELD) -> World:
    """One round, fired two seconds and a bit after the start."""
    round_ = gunshot(
        WEAPONS[weapon],
        id="A/1",
        source="A",
        round=1,
        at_ns=START_NS + 2_345_678_901,
        position_m=SHOT_M,
        axis=np.array([0.6, 0.8, 0.0]),
        generator=np.random.default_rng(3),
    )
    return world(tuple(hearing), round_, surfaces=surfaces, ambient=DAY)


def pulses_of(of: World) -> dict[str, list[Pulse]]:
    return {capture.sensor: list(listen(capture)) for capture in rendered(of)}


def blast_stamps(truth: Truth) -> dict[str, int]:
    return {a.sensor: a.stamped_ns for a in truth.sounds[0].arrivals if a.wave == "blast"}


def located_m(folder: Path) -> tuple[NDArray[np.float64], int]:
    (test,) = open_recordings(folder)
    sensors = [Sensor(site.sensor, site.place, site.position_sigma_m or 1.0) for site in test.sites]
    assert test.weather is not None
    network = Network.of(sensors, test.weather, where=folder)
    pulses = tuple(chain.from_iterable(listen(capture) for capture in test.captures))
    result = locate(table_from_pulses(pulses, network, folder), network)
    (shot,) = result.shots
    return np.asarray(shot.position_m), shot.fired_ns


def test_a_shot_in_open_country_is_located_within_two_metres(tmp_path: Path) -> None:
    of = shooting(stations(48_000))
    write_recordings(of, tmp_path / "field")
    position_m, at_ns = located_m(tmp_path / "field")
    assert np.linalg.norm((position_m - SHOT_M)[:2]) < 2.0
    assert at_ns == pytest.approx(of.sounds[0].at_ns, abs=6e6)


@pytest.fixture(scope="module")
def town() -> World:
    """Houses between the sensors, which hang over the roofs; a supersonic round in the street."""
    city = grid_city(np.random.default_rng(11), size_m=600.0)
    high = tuple(
        station(f"s{n}", at, rate_hz=48_000)
        for n, at in enumerate(
            [(-150.0, -160.0, 24.0), (170.0, -140.0, 22.0), (150.0, 150.0, 25.0), (-140.0, 170.0, 23.0)]
        )
    )
    round_ = gunshot(
        WEAPONS["556x45"],
        id="A/1",
        source="A",
        round=1,
        at_ns=START_NS + 2 * NS_PER_S,
        position_m=np.array([4.0, -6.0, 1.6]),
        axis=np.array([0.0, 1.0, 0.0]),
        generator=np.random.default_rng(3),
    )
    return world(high, round_, city=city, surfaces=Surfaces(reverberation_time_s=0.8), ambient=DAY, duration_s=6.0)


def test_a_town_has_ways_around_and_the_truth_lists_them(town: World) -> None:
    found = list(reach(town))
    (one,) = found
    assert one.stations.tolist() == [0, 1, 2, 3]
    kinds = {Kind(int(kind)) for row in range(4) for kind in paths_of(one.blast, row).kind}
    assert kinds & {Kind.OVER, Kind.AROUND}
    truth = truth_of(town, found)
    for arrival in truth.sounds[0].arrivals:
        assert arrival.excess_delay_s >= 0.0
        assert arrival.paths[0].delay_s == pytest.approx((arrival.arrival_ns - town.sounds[0].at_ns) * 1e-9, abs=2e-9)
        first = next(path for path in arrival.paths if path.kind != "tail")
        if arrival.wave == "blast":
            assert first.points_m[0] == pytest.approx(town.sounds[0].position_m, abs=1e-4)
    assert {arrival.wave for arrival in truth.sounds[0].arrivals} <= {"blast", "shock"}


def test_no_sample_of_a_sound_comes_before_its_first_way(town: World) -> None:
    """The recording with the shot equals that without it, to the last bit, until the first arrival."""
    truth = truth_of(town, reach(town))
    first_ns = {
        row: min(a.stamped_ns for a in truth.sounds[0].arrivals if a.sensor == hearing.id)
        for row, hearing in enumerate(town.stations)
    }
    for row, (with_shot, without) in enumerate(zip(rendered(town), rendered(replace(town, sounds=())), strict=True)):
        a, b = (np.concatenate(list(capture.blocks(8192)))[:, 0] for capture in (with_shot, without))
        differs = int(np.flatnonzero(a != b)[0])
        arrives = (first_ns[row] - START_NS) * 1e-9 * 48_000
        assert arrives - 25.0 < differs < arrives + 200.0


def test_a_shock_wave_comes_before_its_blast() -> None:
    """Down range of a supersonic rifle: the wave of the bullet, then that of the muzzle, both where the truth says."""
    down_range = station("s0", (290.0, 310.0, 4.0), rate_hz=48_000, full_scale_db_spl=150.0)
    of = shooting((down_range,), weapon="762x51", surfaces=Surfaces(reflections=0, reverberation_time_s=0.0))
    (sound,) = truth_of(of, reach(of)).sounds
    shock, blast = sound.arrivals
    assert (shock.wave, blast.wave) == ("shock", "blast")
    assert shock.arrival_ns < blast.arrival_ns
    heard = [pulse for pulse in pulses_of(of)["s0"] if pulse.snr_db is not None and pulse.snr_db > 20.0]
    assert len(heard) >= 2
    for pulse, arrival in zip(heard, (shock, blast), strict=False):
        assert pulse.arrival_ns == pytest.approx(arrival.stamped_ns, abs=0.7e6)
        assert pulse.peak_db_spl == pytest.approx(arrival.peak_db_spl, abs=6.5)  # the ground comes with it


def test_an_offset_clock_moves_the_pulses_by_exactly_that() -> None:
    true, moved = (pulses_of(shooting(stations(48_000, clock=Clock(offset_s=offset_s)))) for offset_s in (0.0, 0.125))
    for sensor, pulses in true.items():
        assert len(pulses) == len(moved[sensor]) == 1
        # The noise around it is another; the pick moves by microseconds.
        assert moved[sensor][0].arrival_ns - pulses[0].arrival_ns == pytest.approx(0.125e9, abs=0.1e6)


def test_lost_samples_make_later_pulses_early() -> None:
    """The sensor stamps what follows too early by as much as it lost, and the truth knows."""
    lossy = stations(48_000, faults=Faults(lost=((1.0, 0.2),)))
    of = shooting(lossy)
    stamps = blast_stamps(truth_of(of, reach(of)))
    for sensor, pulses in pulses_of(of).items():
        (pulse,) = pulses
        assert pulse.arrival_ns == pytest.approx(stamps[sensor], abs=0.4e6)
    before = blast_stamps(truth_of(shooting(stations(48_000)), reach(shooting(stations(48_000)))))
    assert all(before[sensor] - stamp == 200_000_000 for sensor, stamp in stamps.items())


def test_a_dead_microphone_hears_nothing() -> None:
    dead = stations(48_000, faults=Faults(dead=((0.0, 6.0),)))
    assert all(pulses == [] for pulses in pulses_of(shooting(dead)).values())


def test_a_shot_beside_an_overloaded_microphone_is_flagged() -> None:
    faults = Faults(clip_db_spl=100.0)
    for pulses in pulses_of(shooting(stations(48_000, faults=faults))).values():
        assert pulses[0].flags == ("clipped",)
        assert pulses[0].peak_db_spl == pytest.approx(100.0, abs=0.1)


def test_a_bang_that_is_too_far_is_not_heard() -> None:
    far = station("far", (9_000.0, 0.0, 4.0), rate_hz=16_000)
    of = world((far,), bang(1.0, (0.0, 0.0, 1.5), 2.0), duration_s=40.0, ambient=DAY)
    assert [one.stations.tolist() for one in reach(of)] == [[]]
    assert pulses_of(of)["far"] == []
