"""A scenario file small enough to be rendered in a test: five sensors around one shot and a popped bag."""

from __future__ import annotations

from pathlib import Path

TEXT = """
title = "A yard"
start = 2027-03-01T20:00:00Z
duration_s = 4.0
seed = 5

[site.open]
width_m = 600
depth_m = 600

[ambient]
level_db_a = 45
events_per_min = 0

[surfaces]
reverberation_time_s = 0

[sensors]
rate_hz = 12000
at = [
    {id = "N-0", x_m = -150, y_m = -90},
    {id = "N-1", x_m = 160, y_m = -110},
    {id = "N-2", x_m = 140, y_m = 150},
    {id = "N-3", x_m = -130, y_m = 170},
    {id = "N-4", x_m = 10, y_m = 210},
]

[[shooter]]
id = "A"
weapon = "45acp"
at = {x_m = 20, y_m = 30}
heading_deg = 0
times_s = [1.5]

[[noise]]
id = "F"
kind = "bag_pop"
at = {x_m = -60, y_m = 40}
times_s = [2.6]
"""


def write_scenario(folder: Path, name: str = "yard", **changes: str) -> Path:
    """The scenario as a file; ``changes`` replace the first line that begins with a key."""
    text = TEXT
    for key, value in changes.items():
        lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in text.splitlines()]
        text = "\n".join(lines) + "\n"
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path
