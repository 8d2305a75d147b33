"""An hour of a street as a node hears it, made from a seed: noise that comes and goes, a hum, and impulses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import signal

RATE_HZ = 48_000

IMPULSES_A_MINUTE = 1.0
"""On average.  A busy place: each is a pulse, and most bring a clip of 2.5 s."""


def street_minute(seed: int, a_minute: float = IMPULSES_A_MINUTE) -> tuple[NDArray[np.int16], int]:
    """A minute, (2,880,000,) int16, and how many impulses are in it.

    The noise falls by 6 dB an octave from 400 Hz up and stands at -55 dBFS; passing traffic lifts it by up to 15 dB for
    some seconds.  Impulses are at random times, 0.05 to 0.5 of full scale: a blast of 2 ms with 0.1 s of echoes.
    """
    rng = np.random.default_rng([48, seed])
    n = 60 * RATE_HZ
    t = np.arange(n) / RATE_HZ
    sections = signal.butter(1, 400.0, fs=RATE_HZ, output="sos")
    noise = np.asarray(signal.sosfilt(sections, rng.standard_normal(n)))
    lift_db = 15.0 * rng.random() * np.exp(-np.square((t - rng.uniform(0.0, 60.0)) / rng.uniform(2.0, 8.0)))
    sound = 10.0 ** ((lift_db - 55.0) / 20.0) * noise / noise.std() + 5e-4 * np.sin(2.0 * np.pi * 100.0 * t)
    length = round(0.1 * RATE_HZ)
    short = t[:length]
    count = int(rng.poisson(a_minute))
    for at in rng.integers(0, n - length, count):
        blast = (1.0 - short / 0.002) * np.exp(-short / 0.002)
        echoes = np.where(short > 0.004, rng.standard_normal(length) * np.exp(-short / 0.02), 0.0)
        sound[at : at + length] += rng.uniform(0.05, 0.5) * (blast + 0.15 * echoes)
    return np.asarray(np.round(np.clip(sound, -1.0, 1.0) * 32767.0), dtype="<i2"), count


def write_street(path: Path, minutes: int, a_minute: float = IMPULSES_A_MINUTE) -> int:
    """Write minutes of the street as raw 16-bit samples; how many impulses are in them."""
    impulses = 0
    with path.open("wb") as file:
        for minute in range(minutes):
            sound, count = street_minute(minute, a_minute)
            file.write(sound.tobytes())
            impulses += count
    return impulses
