"""The privacy filter: a clip in which nobody can be understood.

Kept are short stretches at impulses (``sensors.clips.stretches``).  All else becomes noise that says how loud the
surroundings were, octave by octave, and changes over seconds only.  Nothing rests on the noise being secret: phases and
quick changes of level are gone.  docs/privacy.md has the reasons and figures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensors.clips.stretches import FADE_S, Stretch, kept_stretches

LEVEL_SPACING_S = 1.0
"""Levels of the surroundings are taken this far apart or farther, under windows twice as long: no change of level
faster than 1 Hz is left, where syllables come at 2 to 8 Hz."""

LEVEL_STEP_DB = 3.0
"""Levels are rounded to this."""

EDGES_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
"""Between the bands in which the level of the surroundings is kept: octaves, too wide for formants."""

_TAPER_S = 0.010  # of what is measured, so that the cut itself does not sound in other bands


def filtered(
    sound: NDArray[np.float32], rate_hz: float, onset: float, impulses: Sequence[float], identity: str
) -> tuple[NDArray[np.float32], tuple[Stretch, ...]]:
    """A clip in which nobody can be understood.

    Parameters
    ----------
    sound : (n, channels) float32, full scale is -1..1.  All channels are kept and replaced at the same frames.
    rate_hz : nominal samples a second.
    onset : frame of the pulse that the clip is of; its first ``HOLD_S`` are kept whatever the shares say.
    impulses : frames of all onsets in the clip; those outside of it do not count.
    identity : of the pulse: seeds the noise, so that the same pulse and sound give the same samples.

    Returns
    -------
    (n, channels) float32, and the stretches that are as they were, in order, apart from each other.
    """
    kept = kept_stretches(sound, rate_hz, onset, impulses)
    seed = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:16], "big")
    generator = np.random.Generator(np.random.PCG64(seed))
    share = _kept_share(len(sound), rate_hz, kept)
    out = np.empty_like(sound)
    for channel in range(sound.shape[1]):
        column = np.ascontiguousarray(sound[:, channel])
        noise = surroundings(column, rate_hz, kept, generator)
        # x + (y - x) is not y in floating point: what is kept is copied, not mixed.
        out[:, channel] = np.where(share >= 1.0, column, share * column + (1.0 - share) * noise)
    return out, kept


def _kept_share(n: int, rate_hz: float, kept: Sequence[Stretch], fade_s: float = FADE_S) -> NDArray[np.float32]:
    """(n,) float32: 1 where kept, 0 outside, half a cosine between."""
    fade = round(fade_s * rate_hz)
    share = np.zeros(n, dtype=np.float32)
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / (fade + 1))).astype(np.float32)
    for first, stop in kept:
        share[first:stop] = 1.0
        lead, tail = min(fade, first), min(fade, n - stop)
        if lead:
            share[first - lead : first] = np.maximum(share[first - lead : first], ramp[-lead:])
        if tail:
            share[stop : stop + tail] = np.maximum(share[stop : stop + tail], ramp[::-1][:tail])
    return share


def surroundings(
    column: NDArray[np.float32], rate_hz: float, kept: Sequence[Stretch], generator: np.random.Generator
) -> NDArray[np.float32]:
    """Noise as loud as what is not kept of a channel, (n,) float32."""
    n = len(column)
    size = _fast_size(n)
    white = np.fft.rfft(generator.standard_normal(size, dtype=np.float32))
    outside = 1.0 - _kept_share(n, rate_hz, kept, _TAPER_S)
    taper = min(round(_TAPER_S * rate_hz), n // 2)
    if taper:
        rise = np.linspace(0.0, 1.0, taper, dtype=np.float32)
        outside[:taper] *= rise
        outside[-taper:] *= rise[::-1]
    weight = float(np.square(outside, dtype=np.float64).sum())
    if weight == 0.0:
        return np.zeros(n, dtype=np.float32)
    offset = np.float32((column * outside).sum(dtype=np.float64) / outside.sum(dtype=np.float64))
    heard = (column - offset) * outside
    edges = [0, *(b for b in (round(e / rate_hz * size) for e in EDGES_HZ) if b < len(white) - 1), len(white)]
    starts, widths = np.array(edges[:-1]), np.diff(edges)
    whole = _band_powers(heard, size, starts) / weight
    out = np.full(n, offset, dtype=np.float32)
    for window in _windows(n, rate_hz):
        seen = float(np.square(window * outside, dtype=np.float64).sum())
        # A window that holds next to nothing but what is kept says nothing of the surroundings.
        powers = _band_powers(heard * window, size, starts) / seen if seen > 0.02 * weight else whole
        rounded = 10.0 ** (np.round(10.0 * np.log10(np.maximum(powers, 1e-20)) / LEVEL_STEP_DB) * LEVEL_STEP_DB / 10.0)
        gains = np.sqrt(rounded / (widths / len(white))).astype(np.float32)
        out += window * np.fft.irfft(white * np.repeat(gains, widths), size)[:n]
    return out


def _band_powers(heard: NDArray[np.float32], size: int, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Energy of each band, by Parseval's theorem."""
    spectrum = np.fft.rfft(heard, size)
    energy = np.square(spectrum.real, dtype=np.float64) + np.square(spectrum.imag, dtype=np.float64)
    return np.asarray(np.add.reduceat(energy, starts) * (2.0 / size))


def _windows(n: int, rate_hz: float) -> list[NDArray[np.float32]]:
    """Windows (half cosines, squared) that add up to 1, their middles ``LEVEL_SPACING_S`` apart or a little more."""
    spans = int(n / rate_hz / LEVEL_SPACING_S)
    if spans == 0:
        return [np.ones(n, dtype=np.float32)]
    place = np.arange(n, dtype=np.float32) * np.float32(spans / n)
    return [
        (0.5 + 0.5 * np.cos(np.pi * np.clip(place - k, -1.0, 1.0))).astype(np.float32, copy=False)
        for k in range(spans + 1)
    ]


def _fast_size(n: int) -> int:
    """The smallest size from n on that a Fourier transform takes quickly."""
    octave = max(0, max(n, 16).bit_length() - 5)
    return min(
        m << k for k in (octave, octave + 1) for m in (8, 9, 10, 12, 15, 16, 18, 20, 24, 25, 27, 30, 32) if m << k >= n
    )
