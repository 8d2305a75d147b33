"""What a run costs: time of the whole command on one test, memory on recordings of an hour."""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import command
from benchmarks.figures import Section, at_most, told
from benchmarks.livefire_truth import tests_by_position

RUNS = 5
SLOWEST_S = 2.5
MOST_MB = 300.0

HOUR_S = 3600
RATE_HZ = 12_000
SENSORS = 4
BANGS = 120
"""An hour with a bang every half minute: a busy night."""

SEED = 5
SPEED_M_S = 340.0

TEXT = f"""
Time of `tocsin locate` on one live-fire test (audio), start of the process included, median of {RUNS}.  Memory is the
largest resident set on {SENSORS} recordings of an hour each, {RATE_HZ:,} Hz, with {BANGS} bangs in noise.
"""


def measure() -> Section:
    """Both."""
    section = Section("the whole command", "cost", TEXT)
    test = tests_by_position()["FP1"][0]
    with tempfile.TemporaryDirectory(prefix="cost-") as name:
        folder = Path(name)
        out = folder / "shots.jsonl"
        costs = [command.run("locate", test, "--format", "jsonl", "--out", out) for _ in range(RUNS)]
        pulses = [command.run("locate", test, "--pulses", "--format", "jsonl", "--out", out) for _ in range(RUNS)]
        hour = folder / "hour"
        write_hour(hour)
        long = command.run("locate", hour, "--format", "jsonl", "--out", out)
        located = len(out.read_text().splitlines())
    section.figures = [
        at_most("one live-fire test, audio", statistics.median(c.wall_s for c in costs), SLOWEST_S, ".2f", " s"),
        told("one live-fire test, published pulses", f"{statistics.median(c.wall_s for c in pulses):.2f} s"),
        at_most("peak memory, an hour of four sensors", long.peak_mb, MOST_MB, ".0f", " MB"),
        told("time for the hour of four sensors", f"{long.wall_s:.1f} s"),
        told("bangs located in the hour", f"{located} of {BANGS}"),
    ]
    return section


def write_hour(folder: Path) -> None:
    """An hour of noise with bangs, as WAV files with JSON sidecars, on a Cartesian site."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(SEED)
    sensors = np.array([(0.0, 0.0), (600.0, 50.0), (550.0, 620.0), (-40.0, 580.0)])[:SENSORS]
    bang_s = np.sort(rng.uniform(10.0, HOUR_S - 10.0, BANGS))
    bang_m = rng.uniform(50.0, 550.0, (BANGS, 2))
    decay = np.exp(-np.arange(round(0.15 * RATE_HZ)) / (0.02 * RATE_HZ))
    for number, place in enumerate(sensors):
        arrival = np.round((bang_s + np.hypot(*(bang_m - place).T) / SPEED_M_S) * RATE_HZ).astype(int)
        path = folder / f"S{number}.wav"
        with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
            for first in range(0, HOUR_S * RATE_HZ, 60 * RATE_HZ):
                block = 1e-3 * rng.standard_normal(60 * RATE_HZ)
                for start in arrival[(arrival >= first) & (arrival < first + 59 * RATE_HZ)]:
                    block[start - first :][: len(decay)] += 0.2 * decay * rng.standard_normal(len(decay))
                file.write(np.clip(block, -1.0, 1.0))
        sidecar = {
            "serial_number": f"S{number}",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "location": {"x": float(place[0]), "y": float(place[1]), "z": 0.0},
        }
        path.with_suffix(".json").write_text(json.dumps(sidecar))
