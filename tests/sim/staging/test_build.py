"""Worlds: the same for the same seed, nothing hangs on its neighbours, faults fall where they are put."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import ConfigurationError
from geo.place import Cartesian, Geodetic
from sim.sources.bullet import StraightBullet
from sim.staging.build import build_world
from sim.staging.cast import muzzle
from sim.staging.scenario import Scenario, parse_scenario
from sim.world import World
from tests.sim.staging.sameness import differences
from tests.sim.staging.written_scenario import EVERYTHING, PATH, everything


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(everything())


FIELD = """\
title = "A field"
start = 2026-03-01T20:00:00Z
duration_s = 60
[site.open]
width_m = 2000
depth_m = 1000
[sensors]
grid = {spacing_m = 100, margin_m = 50}
position_sigma_m = 3
"""


def field(more: str = "", folder: Path = Path()) -> Scenario:
    return parse_scenario(FIELD + more, folder / "field.toml")


def test_the_same_file_gives_an_equal_world(world: World) -> None:
    assert differences(world, build_world(everything())) == []


def test_another_seed_gives_other_numbers_in_the_same_city(world: World) -> None:
    other = build_world(everything(), seed=6)
    assert other.seed == 6
    assert differences(world.city, other.city) == []
    assert [s.position_m.tolist() for s in world.stations] != [s.position_m.tolist() for s in other.stations]
    names = {name.split(".")[1].split("[")[0].split(" ")[0] for name in differences(world, other)}
    assert names == {"seed", "stations", "sounds"}
    assert differences(build_world(everything("seed = 5", "seed = 6")), other) == []


def test_without_a_seed_of_its_own_the_city_changes_too(world: World) -> None:
    loose = everything("seed = 2\n", "")
    assert differences(build_world(loose, seed=8).city, build_world(loose, seed=9).city)


@given(st.integers(-(10**9), 10**9))
@settings(max_examples=4)
def test_shifting_the_start_shifts_every_sound_and_nothing_else(world: World, microseconds: int) -> None:
    scenario = everything()
    start = scenario.spec.start + timedelta(microseconds=microseconds)
    spec = msgspec.structs.replace(scenario.spec, start=start)
    later = build_world(dataclasses.replace(scenario, read=dataclasses.replace(scenario.read, value=spec)))
    shift_ns = 1000 * microseconds
    assert [sound.at_ns for sound in later.sounds] == [sound.at_ns + shift_ns for sound in world.sounds]
    back = tuple(dataclasses.replace(sound, at_ns=sound.at_ns - shift_ns) for sound in later.sounds)
    assert differences(world, dataclasses.replace(later, start_ns=world.start_ns, sounds=back)) == []


def test_bullets_fly_through_the_air_of_the_weather() -> None:
    """Drag goes with density: through thin air a bullet comes as much further as the pressure is lower, and its shock
    wave is weaker by as much where it is as fast."""
    shooter = """
[[shooter]]
id = "A"
weapon = "556x45"
at = {x_m = 0, y_m = 0}
heading_deg = 90
times_s = [5]
"""
    thin, standard = (build_world(field(shooter + air)) for air in ("[weather]\npressure_hpa = 800", ""))
    high, low = thin.sounds[0].bullet, standard.sounds[0].bullet
    assert isinstance(high, StraightBullet)
    assert isinstance(low, StraightBullet)
    way_m = np.array([50.0, 200.0, 400.0])
    assert high.speed_after(way_m, 340.0) == pytest.approx(low.speed_after(way_m * 800.0 / 1013.25, 340.0), rel=1e-9)
    beside = np.array([[0.3, 0.1, 1.5]])  # where the bullet has not slowed down yet
    peaks = [float(one.shock(beside, 340.0, np.zeros(3)).peak_pa[0]) for one in (high, low)]
    assert peaks[0] / peaks[1] == pytest.approx(800.0 / 1013.25, rel=1e-4)


ANOTHER = """
[[shooter]]
id = "AA"
weapon = "45acp"
at = {x_m = -20, y_m = 5, stands = "street"}
heading_deg = 10
bursts = [{at_s = 1.05, rounds = 9, jitter = 0.3}]

[[noise]]
id = "another"
kind = "firecracker"
random = {incidents = 3}

[[sensors.at]]
id = "another mast"
x_m = -9
y_m = 12
height_m = 50
"""


def test_whoever_is_added_changes_nothing_about_the_others(world: World) -> None:
    """But for faults of a share of all sensors: they are about all of them."""
    first, rest = EVERYTHING.split("[[shooter]]", 1)
    added, sensor = ANOTHER.split("[[sensors.at]]")
    text = first + "[[sensors.at]]" + sensor + added + "\n[[shooter]]" + rest
    crowded = build_world(parse_scenario(text, PATH))
    sounds = tuple(sound for sound in crowded.sounds if not sound.source.startswith(("AA", "another")))
    assert len(crowded.sounds) - len(sounds) > 9
    assert differences(world.sounds, sounds, "sounds") == []
    unfaulted = [dataclasses.replace(s, faults=world.stations[0].faults) for s in world.stations]
    stations = [dataclasses.replace(s, faults=world.stations[0].faults) for s in crowded.stations]
    assert differences(unfaulted, [s for s in stations if s.id != "another mast"], "stations") == []


def test_everything_is_sorted_and_named(world: World) -> None:
    assert [(s.at_ns, s.id) for s in world.sounds] == sorted((s.at_ns, s.id) for s in world.sounds)
    assert [s.id for s in world.stations] == sorted(s.id for s in world.stations)
    sources = {sound.source for sound in world.sounds}
    assert {"A", "B", "crackers-01", "crackers-04", "van-01", "van-02", "party-01"} <= sources
    assert [s.round for s in world.sounds if s.source == "A"] == [1, 2, 3, 4, 5, 6, 7]
    assert [s.id for s in world.sounds if s.source == "B"] == ["B/1", "B/2"]
    assert [s.at_ns - world.start_ns for s in world.sounds if s.source == "B"] == [2_250_000_000, 30_000_000_000]


def test_sounds_begin_within_the_scenario(world: World) -> None:
    for sound in world.sounds:
        assert 0 <= sound.at_ns - world.start_ns < 60_000_000_000


def test_a_muzzle_points_where_it_is_said_to(world: World) -> None:
    np.testing.assert_allclose(muzzle(90.0, 0.0), [1, 0, 0], atol=1e-15)
    np.testing.assert_allclose(muzzle(180.0, 30.0), [0, -np.sqrt(0.75), 0.5], atol=1e-15)
    for sound in world.sounds:
        if sound.source == "B":
            to_target = np.array([-100.0, 100.0, 20.0]) - sound.position_m
            np.testing.assert_allclose(sound.axis, to_target / np.linalg.norm(to_target), atol=1e-12)


def test_faults_fall_where_they_are_put(world: World) -> None:
    mast = next(station for station in world.stations if station.id == "mast")
    assert mast.clock.steps == ((10.0, 0.5),)
    assert mast.clock.drift_ppm == 5.0
    assert mast.clock.offset_s == pytest.approx(0.01, abs=6e-4)
    assert mast.faults.lost == ((4.0, 0.1),)
    assert mast.faults.dead == ((20.0, 30.0), (50.0, 60.0))
    assert mast.faults.clip_db_spl == 95.0
    assert mast.gain_error_db == 1.5
    late = [station for station in world.stations if station.faults.late_share]
    assert len(late) == round(0.5 * len(world.stations))
    assert all((s.faults.late_share, s.faults.late_s, s.faults.repeated_share) == (0.5, 10.0, 0.25) for s in late)
    assert all(s.clock.steps == () and s.faults.dead == () for s in world.stations if s.id != "mast")


def test_a_fault_of_nobody_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"line 81: fault.sensor: expected one of G01, .*found 'mist'"):
        build_world(everything('sensor = "mast"', 'sensor = "mist"'))


def test_sensors_believe_places_with_the_error_that_they_state() -> None:
    stations = build_world(field()).stations
    assert len(stations) == 200
    believed = [s.place for s in stations if isinstance(s.place, Cartesian)]
    error = np.array([(place.x_m, place.y_m) for place in believed]) - [s.position_m[:2] for s in stations]
    assert error.std() == pytest.approx(3.0, rel=0.1)
    assert abs(error.mean()) < 0.5
    assert [place.z_m for place in believed] == [s.position_m[2] for s in stations]
    offsets = np.array([s.clock.offset_s for s in stations])
    assert offsets.std() == pytest.approx(stations[0].clock.sigma_s, rel=0.15)
    exact = build_world(parse_scenario(FIELD.replace("sigma_m = 3", "sigma_m = 0"), Path("field.toml"))).stations
    assert all(isinstance(s.place, Cartesian) and s.place.x_m == s.position_m[0] for s in exact)


def test_on_the_globe_sensors_believe_degrees() -> None:
    made = build_world(everything("seed = 2\n", "seed = 2\norigin = {longitude = 6.1, latitude = 46.2}\n"))
    station = made.stations[0]
    assert isinstance(station.place, Geodetic)
    believed = made.city.frame.places_to_local([station.place])[0]
    assert 0.0 < np.linalg.norm(believed - station.position_m) < 6.0


def test_a_burst_that_outlasts_the_scenario_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"line 43: shooter.bursts: expected a last round before"):
        build_world(everything("at_s = 20.5", "at_s = 59.5"))


def test_a_shooter_in_a_building_is_refused_with_the_place() -> None:
    middle = build_world(everything()).city.buildings.footprints[0].representative_point()
    old = 'at = {x_m = 30, y_m = 10, stands = "street"}'
    with pytest.raises(ConfigurationError, match=r"line 38: shooter 'A': \(x .* is inside building block/"):
        build_world(everything(old, f"at = {{x_m = {middle.x}, y_m = {middle.y}}}"))


def test_a_city_file_lies_beside_the_scenario(tmp_path: Path) -> None:
    ring = [[0, 0], [20, 0], [20, 20], [0, 20], [0, 0]]
    house = {"type": "Feature", "properties": {"height": 12}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    plans = {"type": "FeatureCollection", "frame": "site", "bounds_m": [-90, -90, 90, 90], "features": [house]}
    (tmp_path / "houses.json").write_text(json.dumps(plans))
    text = FIELD.replace("[site.open]\nwidth_m = 2000\ndepth_m = 1000", '[site]\ngeojson = {buildings = "houses.json"}')
    made = build_world(parse_scenario(text, tmp_path / "field.toml"))
    assert made.city.buildings.height_m.tolist() == [12.0]
    (tmp_path / "houses.json").unlink()
    with pytest.raises(ConfigurationError, match=r"line 5: site.geojson.buildings: expected a file, but there is none"):
        build_world(parse_scenario(text, tmp_path / "field.toml"))


def test_shared_inputs_that_are_absent_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = FIELD.replace("[site.open]\nwidth_m = 2000\ndepth_m = 1000", '[site]\nosm = "shared:city/x.osm.pbf"')
    monkeypatch.setenv("TOCSIN_SHARED", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match=r"line 5: site.osm: expected the shared inputs at .*none \(TOCSIN_SH"):
        build_world(parse_scenario(text, PATH))
    monkeypatch.setenv("TOCSIN_SHARED", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"site.osm: expected a file, but there is none at .*x.osm.pbf"):
        build_world(parse_scenario(text, PATH))


def test_real_sounds_stand_in(tmp_path: Path) -> None:
    (tmp_path / "bangs").mkdir()
    for name in ("one", "two"):
        soundfile.write(tmp_path / "bangs" / f"{name}.wav", np.array([0.0, 0.5, -0.25]), 8000)
    table = """
[[recorded]]
id = "bang"
folder = "bangs"
kind = "gunshot"
peak_db_spl_1m = 150
random = {incidents = 12}
"""
    made = build_world(field(table.replace("random = {", "random = {stands = 'ground', "), tmp_path))
    assert {sound.label for sound in made.sounds} == {"one", "two"}
    assert all(sound.is_gunshot and sound.signal.peak_db_spl_1m == 150 for sound in made.sounds)
    one = table.replace("kind", 'name = "one"\nkind').replace("random = {", "at = {x_m = 1, y_m = 2}\nrandom = {")
    chosen = field(one, tmp_path)
    assert {sound.label for sound in build_world(chosen).sounds} == {"one"}
    assert all(sound.position_m.tolist() == [1, 2, 1.5] for sound in build_world(chosen).sounds)
    with pytest.raises(ConfigurationError, match=r"recorded.name: expected one of one, two, found 'three'"):
        build_world(field(table.replace("kind", 'name = "three"\nkind'), tmp_path))


def test_chance_never_fires_after_the_end() -> None:
    table = """
[[gunfire]]
id = "g"
weapons = {9mm = 1}
rounds_mean = 30
random = {incidents = 60, stands = "ground"}
"""
    sounds = build_world(field(table)).sounds
    assert len({sound.source for sound in sounds}) == 60
    assert max(sound.at_ns for sound in sounds) < build_world(field()).start_ns + 60_000_000_000
    rounds: dict[str, list[int]] = {}
    for sound in sounds:
        rounds.setdefault(sound.source, []).append(sound.round)
    assert all(sorted(numbers) == list(range(1, len(numbers) + 1)) for numbers in rounds.values())
