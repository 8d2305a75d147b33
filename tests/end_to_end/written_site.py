"""A site of recordings written to disk: one burst, heard by every sensor, and its truth."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.sensors.written import write_recording
from wire.utc import format_utc_ns, parse_utc_ns

RATE_HZ = 12_000
START = "2026-03-01T22:15:00.000Z"
START_NS = parse_utc_ns(START)
SPEED_M_S = 340.0
SOURCE_M = (210.0, 190.0)
FIRED_S = (2.0, 2.4)
PLACES_M = ((0.0, 0.0), (500.0, 30.0), (480.0, 510.0), (-20.0, 490.0), (240.0, -300.0), (800.0, 260.0))
SECONDS = 6.0


def sound(place_m: tuple[float, float], seed: int, gain: float = 1.0) -> NDArray[np.float32]:
    """(n, 1) float32, what a microphone there records: noise, and blasts of 620 Hz that rise in half a millisecond."""
    rng = np.random.default_rng(seed)
    samples = 2e-3 * rng.standard_normal(int(SECONDS * RATE_HZ))
    distance = math.dist(place_m, SOURCE_M)
    t = np.arange(int(0.25 * RATE_HZ)) / RATE_HZ
    blast = (1 - np.exp(-t / 5e-4)) * np.exp(-t / 0.015) * np.sin(2 * np.pi * 620.0 * t)
    for fired in FIRED_S:
        first = math.ceil((fired + distance / SPEED_M_S) * RATE_HZ)
        # The arrival lies between two samples: shift the blast by what is missing to the next one.
        late = first / RATE_HZ - (fired + distance / SPEED_M_S)
        samples[first : first + len(t)] += gain * 60.0 / max(distance, 60.0) * np.interp(t + late, t, blast)
    return np.clip(samples, -1.0, 32767 / 32768).astype(np.float32)[:, None]


def write_site(folder: Path, count: int = len(PLACES_M), gain: float = 1.0) -> Path:
    """``count`` recordings with sidecars, and the weather beside them."""
    for k, place in enumerate(PLACES_M[:count]):
        location = {"x": place[0], "y": place[1], "z": 0.0}
        path = folder / f"N-{k}.wav"
        write_recording(path, sound(place, k, gain), sensor=f"N-{k}", start=START, location=location)
    return folder


def network_toml(count: int = len(PLACES_M)) -> str:
    """The same sensors as a network file, with the speed of sound as measured."""
    lines = ['frame = "cartesian"', "[weather]", f"speed_of_sound_m_s = {SPEED_M_S}"]
    for k, (x, y) in enumerate(PLACES_M[:count]):
        lines += ["[[sensor]]", f'id = "N-{k}"', f"x_m = {x}", f"y_m = {y}", "z_m = 0.0"]
    return "\n".join(lines) + "\n"


def pulse_lines(count: int = len(PLACES_M)) -> str:
    """The exact arrivals as a pulse file."""
    lines = []
    for k, place in enumerate(PLACES_M[:count]):
        for fired in FIRED_S:
            arrival_ns = START_NS + round(1e9 * (fired + math.dist(place, SOURCE_M) / SPEED_M_S))
            lines.append(json.dumps({"sensor": f"N-{k}", "arrival": format_utc_ns(arrival_ns), "sigma_s": 1e-3}))
    return "\n".join(lines) + "\n"
