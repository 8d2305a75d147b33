"""A scenario with every kind of table, for tests to read, break and build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim.staging.scenario import Scenario, parse_scenario

EVERYTHING = """\
# What tests read.
title = "Everything at once"
start = 2026-03-01T20:00:00Z
duration_s = 60
seed = 5

[site.grid]
style = "houses"
size_m = [500, 400]
rotation_deg = 0
seed = 2

[weather]
temperature_c = 3.5
wind_from_deg = 270

[surfaces]
reflections = 0

[ambient]
utc_offset_h = -5

[sensors]
rate_hz = 12000
grid = {spacing_m = 200, height_m = 6}
rooftops = {per_km2 = 20}

[[sensors.at]]
id = "mast"
x_m = 5
y_m = -12
height_m = 40
gain_error_db = 1.5

[[shooter]]
id = "A"
weapon = "9mm"
at = {x_m = 30, y_m = 10, stands = "street"}
heading_deg = 90
elevation_deg = 5
bursts = [
    {at_s = 1, rounds = 4},
    {at_s = 20.5, rounds = 3,  rate_rpm = 200, jitter = 0.2},
]

[[shooter]]
id = "B"
weapon = "556x45"
aim = {x_m = -100, y_m = 100, height_m = 20}
times_s = [30, 2.25]
[shooter.path]
speed_m_s = 15.0
along_streets = true
points = [
    {x_m = -150, y_m = 0},   # from here
    {x_m = 150, y_m = 30},
]

[[gunfire]]
id = "party"
weapons = {45acp = 2, 12ga = 1}
random = {per_hour = 240, from_s = 10, stands = "ground"}

[[noise]]
id = "crackers"
kind = "firecracker"
options = {bangs = 5}
[noise.random]
incidents = 4
peak_at_s = 30
peak_sigma_s = 5
within = [{x_m = -90, y_m = -90}, {x_m = 90, y_m = -90}, {x_m = 0, y_m = 120}]

[[noise]]
id = "van"
kind = "backfire"
path = {points = [{x_m = -100, y_m = 0}, {x_m = 100, y_m = 0}], speed_m_s = 5, along_streets = true}
times_s = [3, 9]

[[fault]]
sensor = "mast"
clock = {offset_s = 0.01, drift_ppm = 5, step = {at_s = 10, by_s = 0.5}}
lost = {at_s = 4, for_s = 0.1}
dead = [{from_s = 20, to_s = 30}, {from_s = 50}]
clip_db_spl = 95

[[fault]]
share = 0.5
messages = {late_share = 0.5, late_s = 10, repeated_share = 0.25}
"""

PATH = Path("everything.toml")


def everything(old: str = "", new: str = "", **parts: Any) -> Scenario:
    """The scenario of ``EVERYTHING``, one passage replaced by another."""
    assert old in EVERYTHING
    return parse_scenario(EVERYTHING.replace(old, new, 1) if old else EVERYTHING, parts.get("path", PATH))
