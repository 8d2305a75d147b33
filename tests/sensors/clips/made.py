"""Sounds whose impulses are known: blasts, and plosives with a vowel behind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]


def hiss(seconds: float, rate_hz: float, rms: float = 1e-3, channels: int = 1, seed: int = 1) -> Sound:
    """White noise, (n, channels)."""
    rng = np.random.default_rng(seed)
    return (rms * rng.standard_normal((round(seconds * rate_hz), channels))).astype(np.float32)


def blasts(sound: Sound, rate_hz: float, onsets_s: Sequence[float], peak: float = 0.3, decay_s: float = 0.012) -> Sound:
    """The sound with a blast added at each onset: a rise within 0.1 ms, then noise that dies away."""
    out = sound.copy()
    rng = np.random.default_rng(5)
    n = round(0.5 * rate_hz)
    time = np.arange(n) / rate_hz
    shape = np.exp(-time / decay_s) * np.minimum(time / 1e-4, 1.0)
    blast = (peak * shape * (0.6 + 0.4 * rng.uniform(-1.0, 1.0, n)) * np.cos(2 * np.pi * 700.0 * time)).astype(
        np.float32
    )
    for onset in onsets_s:
        first = round(onset * rate_hz)
        room = min(n, len(out) - first)
        out[first : first + room] += blast[:room, None]
    return out


def syllables(seconds: float, rate_hz: float, onsets_s: Sequence[float], level: float = 0.1) -> Sound:
    """A plosive (15 ms of noise) at each onset, and 150 ms of a vowel behind, as loud; hiss between."""
    out = hiss(seconds, rate_hz, 1e-4)
    rng = np.random.default_rng(9)
    burst = level * rng.standard_normal(round(0.015 * rate_hz))
    time = np.arange(round(0.150 * rate_hz)) / rate_hz
    vowel = sum(level * np.sin(2 * np.pi * f * time) for f in (140.0, 700.0, 1260.0)) * np.hanning(len(time)) ** 0.2
    for onset in onsets_s:
        first = round(onset * rate_hz)
        for piece, at in ((burst, first), (vowel, first + len(burst))):
            room = min(len(piece), len(out) - at)
            out[at : at + room, 0] += piece[:room].astype(np.float32)
    return out
