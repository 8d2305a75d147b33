"""The shipped scenarios: all build, and each shows what it is for."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from errors import ConfigurationError
from sim.sources.lookalikes import LOOKALIKES
from sim.staging.build import build_world
from sim.staging.catalogue import FOLDER, scenario_path, shipped
from sim.staging.scenario import read_scenario
from sim.staging.siting import Siting
from sim.world import World
from tests.sim.staging.sameness import differences

NAMES = tuple(listed.name for listed in shipped())
MADE = tuple(name for name in NAMES if name != "geneva")
_worlds: dict[str, World] = {}


def world_of(name: str) -> World:
    if name not in _worlds:
        _worlds[name] = build_world(read_scenario(name))
    return _worlds[name]


def places(world: World) -> NDArray[np.float64]:
    return np.array([sound.position_m for sound in world.sounds])


def test_all_that_was_promised_is_shipped() -> None:
    assert set(NAMES) >= {
        "single_shot", "burst", "full_auto", "exchange", "drive_by", "rooftop", "edge_of_network", "windy_night",
        "new_years_eve", "faulty_network", "canyon", "supersonic", "construction_site", "thunderstorm", "geneva",
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is_for(name: str) -> None:
    listed = next(listed for listed in shipped() if listed.name == name)
    assert listed.title == read_scenario(name).title
    assert len(listed.purpose) > 80
    assert "issue" not in listed.purpose


@pytest.mark.parametrize("name", MADE)
def test_builds_as_a_deployed_network_would_be(name: str) -> None:
    world = world_of(name)
    everyone = name == "new_years_eve"
    assert 12 <= len(world.stations) <= (45 if everyone else 25)
    assert everyone or 10.0 <= world.duration_s <= 60.0
    believed = np.array([station.position_m[:2] for station in world.stations])
    apart = np.linalg.norm(believed[:, None] - believed, axis=2) + 1e9 * np.eye(len(believed))
    assert 150.0 < np.median(apart.min(axis=1)) < 400.0
    assert world.sounds
    for sound in world.sounds:
        assert sound.at_ns + 1_000_000_000 < world.start_ns + world.duration_s * 1e9 or not sound.is_gunshot


@pytest.mark.parametrize("name", ["exchange", "drive_by", "fireworks"])
def test_builds_the_same_again(name: str) -> None:
    assert differences(world_of(name), build_world(read_scenario(name))) == []


@pytest.mark.parametrize("name", [name for name in MADE if name != "new_years_eve"])
def test_stays_valid_under_another_seed(name: str) -> None:
    world = build_world(read_scenario(name), seed=99)
    assert [s.id for s in world.sounds if s.is_gunshot] == [s.id for s in world_of(name).sounds if s.is_gunshot]


def test_counts_of_rounds() -> None:
    rounds = {name: Counter(s.source for s in world_of(name).sounds if s.is_gunshot) for name in MADE}
    assert rounds["single_shot"] == {"A": 1}
    assert rounds["burst"] == {"A": 6}
    assert rounds["full_auto"] == {"A": 20}
    assert rounds["exchange"] == {"A": 8, "B": 6}
    assert rounds["faulty_network"] == {"A": 9}
    assert not rounds["construction_site"]
    assert not rounds["look_alikes"]


def test_the_shooters_of_the_exchange_are_60_m_apart_and_overlap() -> None:
    sounds = world_of("exchange").sounds
    a, b = ([s for s in sounds if s.source == name] for name in "AB")
    assert np.linalg.norm(a[0].position_m - b[0].position_m) == pytest.approx(60.0, abs=0.01)
    assert a[0].at_ns < b[0].at_ns < a[4].at_ns < b[-1].at_ns


def test_the_car_drives_at_15_m_s() -> None:
    world = world_of("drive_by")
    where, when = places(world), np.array([1e-9 * (s.at_ns - world.start_ns) for s in world.sounds])
    speeds = np.linalg.norm(np.diff(where, axis=0), axis=1) / np.diff(when)
    np.testing.assert_allclose(speeds, 15.0, rtol=1e-3)
    assert np.linalg.norm(where[-1] - where[0]) > 25.0


def test_the_automatic_fires_every_100_ms() -> None:
    world = world_of("full_auto")
    times = np.array([sound.at_ns for sound in world.sounds]) * 1e-9
    assert np.diff(times).mean() == pytest.approx(0.1, abs=0.002)


def test_the_rifle_stands_on_a_roof_and_its_bullet_flies_far() -> None:
    world = world_of("rooftop")
    x, y, z = world.sounds[0].position_m
    roofs = world.city.buildings.height_m[shapely.contains_xy(world.city.buildings.footprints, x, y)]
    assert z == pytest.approx(roofs.max() + 1.5)
    assert z > 15.0


def test_the_edge_is_outside_the_network() -> None:
    world = world_of("edge_of_network")
    hull = shapely.MultiPoint([station.position_m[:2] for station in world.stations]).convex_hull
    assert 180.0 < hull.distance(shapely.Point(world.sounds[0].position_m[:2])) < 260.0


def test_new_years_eve_is_what_one_city_saw() -> None:
    world = world_of("new_years_eve")
    gunfire = {sound.source for sound in world.sounds if sound.is_gunshot}
    fireworks = {sound.source for sound in world.sounds if sound.kind in {"firework", "firecracker"}}
    assert (len(gunfire), len(fireworks)) == (35, 430)
    assert {sound.source for sound in world.sounds} == gunfire | fireworks
    assert world.duration_s == 9 * 3600
    west, south, east, north = world.city.bounds_m
    assert min(east - west, north - south) >= 2000.0
    first = {sound.source: sound.at_ns for sound in reversed(world.sounds)}
    hours = np.array([(at_ns - world.start_ns) / 3.6e12 for at_ns in first.values()])
    assert np.mean((hours > 3.5) & (hours < 5.0)) > 0.5


def test_the_canyon_is_one() -> None:
    world = world_of("canyon")
    assert np.median(world.city.buildings.height_m) > 28.0
    assert world.surfaces.reflections == 2
    siting = Siting(world.city, read_scenario("canyon"))
    position = world.sounds[0].position_m
    assert siting.flight_m(position, np.array([0.0, 1.0, 0.0])) < 20.0
    assert siting.flight_m(position, np.array([0.0, -1.0, 0.0])) < 20.0


def test_shock_waves_reach_sensors() -> None:
    world = world_of("supersonic")
    receivers = np.array([station.position_m for station in world.stations])
    for sound in world.sounds:
        assert sound.bullet is not None
        shock = sound.bullet.shock(receivers, world.weather.sound_speed_m_s, world.weather.wind_m_s)
        assert shock.heard.sum() >= 4


def test_every_fault_and_every_look_alike_is_shown() -> None:
    stations = world_of("faulty_network").stations
    assert any(abs(s.clock.offset_s) > 0.01 for s in stations)
    assert any(s.clock.drift_ppm for s in stations)
    assert any(s.clock.steps for s in stations)
    assert any(s.faults.lost for s in stations)
    assert any(s.faults.dead for s in stations)
    assert any(s.faults.clip_db_spl for s in stations)
    assert any(s.faults.late_share for s in stations)
    assert any(s.faults.repeated_share for s in stations)
    assert {sound.kind for sound in world_of("look_alikes").sounds} == set(LOOKALIKES)


def test_geneva_is_a_real_city(shared: Path) -> None:
    world = build_world(read_scenario("geneva"))
    assert "OpenStreetMap" in world.city.attribution
    assert 12 <= len(world.stations) <= 25
    assert len(world.city.buildings) > 1000
    longitude, latitude, _ = world.city.frame.to_geodetic(world.sounds[0].position_m[None])[0]  # type: ignore[index]
    assert math.hypot((longitude - 6.14) * 77e3, (latitude - 46.2062) * 111e3) < 60.0


def test_names_and_paths() -> None:
    assert scenario_path("burst") == FOLDER / "burst.toml"
    assert scenario_path("./burst") == Path("burst")
    assert scenario_path("burst.toml") == Path("burst.toml")
    assert scenario_path(Path("burst")) == Path("burst")
    with pytest.raises(ConfigurationError, match=r"unknown scenario: expected one of .*did you mean exchange\?, found"):
        scenario_path("exchagne")


def test_without_a_checkout_only_paths_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sim.staging.catalogue.FOLDER", tmp_path)
    assert shipped() == ()
    with pytest.raises(ConfigurationError, match="the shipped scenarios are not installed here"):
        scenario_path("burst")
