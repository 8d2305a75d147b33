"""What rendering costs: time and memory, beside pyroomacoustics."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks import command
from benchmarks.figures import Figure, Section, at_most, failed, told
from benchmarks.peers import runner
from sim.staging.build import build_world
from sim.staging.scenario import read_scenario

SCENARIOS = Path(__file__).with_name("scenarios")
MOST_MB = 2000.0
PEER_S, PEER_RECEIVERS = 1.8, 10
SEED = 5

TEXT = f"""
Times are of whole commands, start of the process and writing of FLAC included, on two cores: `tocsin sim render` of
`benchmarks/scenarios/urban_minute.toml` (an inner city, walls to the first order) and of `hour.toml`.  Memory is the
largest resident set of the process and its workers, added up.  pyroomacoustics renders {PEER_S} s of noise at
{PEER_RECEIVERS} receivers of a shoebox, first order, 48 kHz: boxes only, and neither background nor files, so the two
times tell their order of magnitude and no more.
"""


def measure(*, peers: bool) -> Section:
    """All of it."""
    section = Section("rendering", "cost", TEXT)
    section.figures = [*minute(), *hour()]
    if peers:
        section.figures += peer()
    return section


def minute() -> list[Figure]:
    """The minute of twenty sensors."""
    scenario = SCENARIOS / "urban_minute.toml"
    world = build_world(read_scenario(str(scenario)))
    with tempfile.TemporaryDirectory(prefix="rendering-") as name:
        cost = command.run("sim", "render", scenario, "--out", Path(name) / "minute")
    sensors, lasts = len(world.stations), world.duration_s
    return [
        at_most(
            f"rendering {lasts:g} s of {sensors} sensors, {len(world.sounds)} sounds", cost.wall_s, lasts, ".1f", " s"
        ),
        told("seconds of sound a second, all sensors together", f"{sensors * lasts / cost.wall_s:.0f}"),
        at_most("peak memory of that", cost.peak_mb, MOST_MB, ".0f", " MB"),
    ]


def hour() -> list[Figure]:
    """The hour of four sensors."""
    scenario = SCENARIOS / "hour.toml"
    world = build_world(read_scenario(str(scenario)))
    with tempfile.TemporaryDirectory(prefix="rendering-") as name:
        cost = command.run("sim", "render", scenario, "--out", Path(name) / "hour")
    title = f"an hour of {len(world.stations)} sensors, {len(world.sounds)} sounds"
    return [
        at_most(f"peak memory, {title}", cost.peak_mb, MOST_MB, ".0f", " MB"),
        told(f"time, {title}", f"{cost.wall_s:.0f} s"),
    ]


def peer() -> list[Figure]:
    """pyroomacoustics on a shoebox."""
    rng = np.random.default_rng(SEED)
    job = {
        "rate_hz": 48_000,
        "speed_m_s": 340.0,
        "order": 1,
        "size_m": [200.0, 18.0, 60.0],
        "absorption": [0.15] * 6,
        "source_m": [60.0, 5.0, 1.5],
    }
    receivers = np.column_stack(
        [rng.uniform(80, 180, PEER_RECEIVERS), rng.uniform(1, 17, PEER_RECEIVERS), rng.uniform(3, 10, PEER_RECEIVERS)]
    )
    arrays = {"receivers_m": receivers, "signal": rng.standard_normal(round(PEER_S * 48_000))}
    name = f"pyroomacoustics, {PEER_S} s of {PEER_RECEIVERS} receivers in a shoebox"
    try:
        answer, _ = runner.run("pyroomacoustics", job, arrays)
    except runner.PeerError as error:
        return [failed(name, "runs", str(error))]
    seconds = float(answer["seconds"])
    rate = PEER_S * PEER_RECEIVERS / seconds
    return [told(name, f"{seconds:.2f} s, {rate:.0f} seconds of sound a second")]
