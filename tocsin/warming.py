"""Compile what is compiled at first use, so that the first real location does not wait for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from acoustic.weather import Weather
from geo.place import Cartesian
from localize.locate import locate
from localize.network import Network, Sensor
from localize.pulses import PulseTable
from localize.travel import travel_times_s
from sim.arrivals import simulate_pulses
from sim.render import rendered
from sim.staging.build import build_world
from sim.staging.scenario import parse_scenario

_CORNERS_M = ((0.0, 0.0), (500.0, 30.0), (480.0, 510.0), (-20.0, 490.0), (240.0, -300.0), (800.0, 260.0))
_FIRED_NS = 1_800_000_000_000_000_000


# Buildings on all sides, a bullet faster than sound, a wall to bounce off: every way of sound is walked.
_YARD = """
title = "A small yard"
start = 2026-01-01T00:00:00Z
duration_s = 2.0
[site.grid]
size_m = [200, 200]
rotation_deg = 0
[sensors]
rate_hz = 12000
grid = {spacing_m = 90}
[[shooter]]
id = "A"
weapon = "556x45"
at = {x_m = 5, y_m = 5, stands = "street"}
heading_deg = 40
times_s = [0.5]
"""


def warm_up() -> int:
    """Locate two shots of a small site and simulate one; the number of shots located."""
    _simulate()
    return _locate()


def _simulate() -> None:
    """A small city, heard and traced."""
    world = build_world(parse_scenario(_YARD, Path("yard.toml")))
    for capture in rendered(world):
        for _ in capture.blocks(16_384):
            pass
    simulate_pulses(world)


def _locate() -> int:
    """Two shots of a small site, once in still air and once in wind; the number of shots found."""
    found = 0
    for wind_m_s in (0.0, 4.0):
        weather = Weather(wind_speed_m_s=wind_m_s)
        network = Network.of([Sensor(f"W{k}", Cartesian(x, y, 0.0)) for k, (x, y) in enumerate(_CORNERS_M)], weather)
        source = np.array([210.0, 190.0, 0.0])
        travel = travel_times_s(source, network.positions_m, weather.sound_speed_m_s, weather.wind_m_s)
        first = _FIRED_NS + np.round(travel * 1e9).astype(np.int64)
        arrival_ns = np.concatenate([first, first + 400_000_000])
        order = np.argsort(arrival_ns, kind="stable")
        sensor = np.tile(np.arange(len(_CORNERS_M), dtype=np.int32), 2)
        table = PulseTable(
            arrival_ns=arrival_ns[order],
            sensor=sensor[order],
            sigma_s=np.full(len(order), 1e-3),
            snr_db=np.full(len(order), 20.0),
            peak_db_spl=np.full(len(order), np.nan),
            source=np.arange(len(order), dtype=np.int64),
        )
        found += len(locate(table, network).shots)
    return found
