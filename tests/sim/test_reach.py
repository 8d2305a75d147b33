"""Who could hear a sound, and that answers do not depend on what was asked before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from acoustic.atmosphere import absorption_db_per_m
from acoustic.weather import Weather
from sim.hearing.microphone import SELF_NOISE
from sim.propagation.paths import Kind
from sim.reach import FARTHEST_M, MARGIN_DB, Soundscape, paths_of, reach
from sim.sources.gunshot import gunshot
from sim.sources.weapons import WEAPONS
from sim.staging.gridcity import grid_city
from sim.world import Ambient, Surfaces
from tests.sim.small_world import START_NS, STILL, StraightLines, bang, station, stations, world

C = STILL.sound_speed_m_s


def test_every_station_that_could_hear_gets_its_paths() -> None:
    of = world(stations(), bang(1.0, (100.0, 80.0, 1.5)), bang(2.0, (10.0, 20.0, 1.5), id="A/2"))
    found = list(reach(of))
    assert [one.index for one in found] == [0, 1]
    assert [one.sound.id for one in found] == ["A/1", "A/2"]
    for one in found:
        assert one.shock is None
        assert one.stations.tolist() == [0, 1, 2, 3, 4]
        for row, hearing in enumerate(of.stations):
            own = paths_of(one.blast, row)
            assert own.kind[0] == Kind.DIRECT
            assert own.delay_s[0] == pytest.approx(np.linalg.norm(hearing.position_m - one.sound.position_m) / C)
            assert own.way(0)[0] == pytest.approx(one.sound.position_m)
            assert own.way(len(own) - 1)[-1] == pytest.approx(hearing.position_m)


def test_who_could_not_hear_is_left_out_and_rows_stay_those_of_the_world() -> None:
    distances_m = (30_000.0, 100.0, 4_000.0, 900.0)
    hearing = tuple(station(f"s{n}", (d, 0.0, 5.0)) for n, d in enumerate(distances_m))
    soundscape = Soundscape(world(hearing, bang(1.0, (0.0, 0.0, 1.5), 0.5)), StraightLines(C))
    assert soundscape.reached(0).stations.tolist() == [1, 3]
    louder = Soundscape(world(hearing, bang(1.0, (0.0, 0.0, 1.5), 1e5)), StraightLines(C))
    assert louder.reached(0).stations.tolist() == [1, 2, 3]  # and nothing beyond the farthest
    assert distances_m[0] > FARTHEST_M


def test_the_rule_of_hearing_is_the_one_stated() -> None:
    """At the distance where the rule turns over; the self noise rules here, so the level is known exactly."""
    hearing = station("a", (500.0, 0.0, 1.5), self_noise_db_a=40.0)
    loud = Ambient(level_db_a=-60.0, events_per_min=0.0)
    noise_db = 40.0 + SELF_NOISE.band_level_db(300.0, 3000.0)
    taken_db = 20.0 * np.log10(500.0) + 500.0 * float(absorption_db_per_m(125.0, 15.0, 50.0, 1013.25)) - 6.0
    for excess_db, audible in ((0.05, True), (-0.05, False)):
        peak_pa = 20e-6 * 10.0 ** ((noise_db - MARGIN_DB + taken_db + excess_db) / 20.0)
        of = world((hearing,), bang(1.0, (0.0, 0.0, 1.5), peak_pa), ambient=loud)
        assert Soundscape(of).audible(of.sounds[0]).tolist() == [audible]


def test_rounds_from_one_muzzle_are_traced_once() -> None:
    lines = StraightLines(C)
    rounds = [bang(1.0 + n, (0.0, 0.0, 1.5), id=f"A/{n}") for n in range(5)]
    soundscape = Soundscape(world(stations(), *rounds), lines)
    first = [soundscape.reached(n) for n in range(5)]
    assert lines.asked == 1
    assert [soundscape.reached(n) for n in range(5)] == first


def test_what_was_forgotten_is_traced_again_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.reach.REMEMBERED_PATHS", 7)
    monkeypatch.setattr("sim.reach.REMEMBERED_PLACES", 1)
    sounds = [bang(1.0 + n, (10.0 * n, 0.0, 1.5), id=f"A/{n}") for n in range(4)]
    lines = StraightLines(C)
    soundscape = Soundscape(world(stations(), *sounds), lines)
    before = [soundscape.reached(n).blast.delay_s for n in range(4)]
    after = [soundscape.reached(n).blast.delay_s for n in range(4)]
    assert lines.asked == 8
    for first, second in zip(before, after, strict=True):
        assert np.array_equal(first, second)


@pytest.mark.parametrize("surfaces", [Surfaces(reflections=2), Surfaces(least_gain_db=-80.0, reflection_reach_m=60.0)])
def test_no_way_is_later_than_the_latest(surfaces: Surfaces) -> None:
    generator = np.random.default_rng(3)
    city = grid_city(generator, size_m=500.0, height_m=25.0, height_spread=0.8)
    spots = [(float(x), float(y), 30.0) for x, y in generator.uniform(-250.0, 250.0, (12, 2))]
    hearing = tuple(station(f"s{n}", at) for n, at in enumerate(spots[:6]))
    rounds = [
        gunshot(
            WEAPONS["556x45"], id=f"A/{n}", source="A", round=n, at_ns=START_NS + n, position_m=np.array([x, y, 1.5]),
            axis=generator.standard_normal(3) * (1.0, 1.0, 0.0), generator=generator,
        )
        for n, (x, y, _) in enumerate(spots[6:])
    ]  # fmt: skip
    windy = Weather(temperature_c=-20.0, humidity_percent=50.0, wind_speed_m_s=25.0, wind_from_deg=40.0)
    soundscape = Soundscape(world(hearing, *rounds, city=city, surfaces=surfaces, weather=windy))
    shocks = 0
    for index in range(len(rounds)):
        one = soundscape.reached(index)
        assert one.shock is not None
        shocks += len(one.shock.paths)
        for paths in (one.blast, one.shock.paths):
            for row, delay_s in zip(paths.pair.tolist(), paths.delay_s.tolist(), strict=True):
                assert delay_s < soundscape.latest_s(index, row)
    assert shocks > 0


def test_no_station_no_path() -> None:
    of = world((), bang(1.0, (0.0, 0.0, 1.5)))
    (one,) = reach(of)
    assert len(one.blast) == 0
    assert len(one.stations) == 0


def test_a_signal_is_worked_out_once() -> None:
    of = world(stations(), replace(bang(1.0, (0.0, 0.0, 1.5))))
    one = Soundscape(of, StraightLines(C)).reached(0)
    assert one.signal_pa(16_000.0) is one.signal_pa(16_000.0)
