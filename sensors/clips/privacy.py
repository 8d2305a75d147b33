"""The privacy filter: what of a clip stays as it was heard, and the noise that takes the place of the rest.

Kept are short stretches that begin at impulses and last while the sound dies away as an impulse's echoes do.  All else
becomes noise that says how loud the surroundings were, octave by octave, and changes over seconds only.  Nothing rests
on the noise being secret: phases and quick changes of level are gone.  docs/privacy.md has the reasons and figures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Stretch = tuple[int, int]
"""Frames of a clip: the first, and one past the last."""

BEFORE_S = 0.010
"""Kept before an onset: the picker's window of 8 ms, so that the onset can be picked again and is the same."""

HOLD_S = 0.060
"""Kept from an onset on whatever follows: what features describe, and less than a syllable (200 ms)."""

LONGEST_S = 0.200
"""Kept from one onset on at most: a syllable."""

FADE_S = 0.002
"""Cross-fade on either side of what is kept.  What is faded can be had back, so it counts as kept where shares count."""

DECAY_FROM_S, DECAY_DB, DECAY_DB_S = 0.030, 6.0, 50.0
"""An impulse's echoes lie this far below its head 30 ms after it, and from there on fall by so many dB a second at
least.  A vowel after a plosive is as loud as the plosive or louder."""

AUDIBLE_DB = 6.0
"""Echoes nearer to the level of the surroundings than this are not worth keeping what lies under them."""

STAND_OUT_DB = 6.0
"""The head of an impulse lies this far above the 50 ms before it."""

SHARE = 0.40
"""Of a clip is kept at most: a burst of ten rounds at 900 rounds a minute takes 0.7 s."""

DOUBTFUL_SHARE = 0.10
"""Of a clip is kept at most for impulses that are not followed by a decay, as those of speech are."""

LEVEL_SPACING_S = 1.0
"""Levels of the surroundings are taken this far apart or farther, under windows twice as long: no change of level
faster than 1 Hz is left, where syllables come at 2 to 8 Hz."""

LEVEL_STEP_DB = 3.0
"""Levels are rounded to this."""

EDGES_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
"""Between the bands in which the level of the surroundings is kept: octaves, too wide for formants."""

_TAPER_S = 0.010  # of what is measured, so that the cut itself does not sound in other bands
_WORKING_RATE_HZ = 11_000.0  # envelopes are taken at the lowest rate above this
_ROUGH_S = 0.003  # what is slower than this (wind, traffic) does not count in the envelope
_HEAD_S = 0.015
_FINE_S, _COARSE_S = 0.005, 0.020


@dataclass(frozen=True, slots=True)
class Impulse:
    """An impulse in a clip.

    onset : frame.  stop : one past the last frame that is worth keeping.
    strength_db : its head over the 50 ms before it.
    decays : whether what follows dies away.
    """

    onset: int
    stop: int
    strength_db: float
    decays: bool


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
        noise = _surroundings(column, rate_hz, kept, generator)
        # x + (y - x) is not y in floating point: what is kept is copied, not mixed.
        out[:, channel] = np.where(share >= 1.0, column, share * column + (1.0 - share) * noise)
    return out, kept


def kept_stretches(
    sound: NDArray[np.float32], rate_hz: float, onset: float, impulses: Sequence[float]
) -> tuple[Stretch, ...]:
    """What of a clip is kept; arguments as `filtered`.

    The pulse itself comes first, then the impulses whose echoes decay, strongest first, then the others, as long as the
    shares allow.
    """
    n = len(sound)
    envelope = _Envelope(sound, rate_hz)
    main = min(max(int(onset), 0), max(n - 1, 0))
    apart = round(0.001 * rate_hz)  # the pulse is in the list too, perhaps rounded otherwise
    others = sorted({int(o) for o in impulses if 0 <= o < n and abs(o - main) > apart})
    fade = round(FADE_S * rate_hz)
    lead = round(BEFORE_S * rate_hz)
    found = [_judged(envelope, o, rate_hz) for o in (main, *others)]
    order = [found[0], *sorted(found[1:], key=lambda i: (not i.decays, -i.strength_db, i.onset))]
    taken = np.zeros(n, dtype=bool)
    doubtful = 0
    for impulse in order:
        begin = max(0, impulse.onset - lead)
        shortest = min(n, impulse.onset + round(HOLD_S * rate_hz))
        for stop in dict.fromkeys((min(n, impulse.stop), shortest)):
            piece = slice(max(0, begin - fade), min(n, stop + fade))
            more = int(np.count_nonzero(~taken[piece]))
            room = int(SHARE * n) - int(np.count_nonzero(taken))
            if not impulse.decays:
                room = min(room, int(DOUBTFUL_SHARE * n) - doubtful)
            if more <= room or (impulse is found[0] and stop == shortest):
                taken[piece] = True
                doubtful += 0 if impulse.decays else more
                break
    return tuple((first + (fade if first > 0 else 0), stop - (fade if stop < n else 0)) for first, stop in _runs(taken))


class _Envelope:
    """Power of a clip, all channels together, without what is slow: sums over any stretch at the cost of two look-ups."""

    def __init__(self, sound: NDArray[np.float32], rate_hz: float) -> None:
        self.factor = max(1, int(rate_hz // _WORKING_RATE_HZ))
        count = max(1, len(sound) // self.factor)
        power = np.zeros(count)
        width = max(1, round(_ROUGH_S * rate_hz / self.factor)) | 1
        for channel in range(sound.shape[1] if len(sound) >= self.factor else 0):
            slow = sound[: count * self.factor, channel].reshape(count, self.factor).mean(axis=1, dtype=np.float64)
            padded = np.concatenate([np.full(width // 2 + 1, slow[0]), slow, np.full(width // 2, slow[-1])])
            summed = np.cumsum(padded)
            power += np.square(slow - (summed[width:] - summed[:-width]) / width)
        self.rate_hz = rate_hz / self.factor
        self._summed = np.concatenate([[0.0], np.cumsum(power)])

    def levels(self, first: float, stop: float, length_s: float, step_s: float) -> NDArray[np.float64]:
        """Mean levels, dB, of windows of a length whose beginnings lie from ``first`` to ``stop`` (seconds)."""
        begins = np.arange(first, max(stop, first + step_s / 2), step_s) * self.rate_hz
        last = len(self._summed) - 1
        low = np.clip(begins.astype(np.int64), 0, last)
        high = np.clip((begins + max(1.0, length_s * self.rate_hz)).astype(np.int64), 0, last)
        power = (self._summed[high] - self._summed[low]) / np.maximum(high - low, 1)
        return np.asarray(10.0 * np.log10(np.maximum(power, 1e-14)))

    @property
    def seconds(self) -> float:
        return (len(self._summed) - 1) / self.rate_hz


def _judged(envelope: _Envelope, onset: int, rate_hz: float) -> Impulse:
    """How strong an impulse is, and how long what follows it is its echoes."""
    at = onset / rate_hz
    # A window that begins before the onset may hold its head already.
    head = float(envelope.levels(at - 0.001, at + _HEAD_S, _FINE_S, 0.001).max())
    before = float(envelope.levels(at - 0.055, at - 0.004, 0.050, 1.0)[0])
    around = float(np.median(envelope.levels(0.0, envelope.seconds - _COARSE_S, _COARSE_S, 0.010)))
    step = _FINE_S
    times = np.arange(DECAY_FROM_S, LONGEST_S, step)
    after = envelope.levels(at + DECAY_FROM_S, at + LONGEST_S - step / 2, _COARSE_S, step)[: len(times)]
    times = times[: len(after)]
    allowed = head - DECAY_DB - DECAY_DB_S * (times - DECAY_FROM_S)
    loud = np.flatnonzero(after > allowed)
    calm = np.flatnonzero(after < around + AUDIBLE_DB)
    too_loud = float(times[loud[0]]) if len(loud) else np.inf
    quiet = float(times[calm[0]]) if len(calm) else LONGEST_S
    decays = head - before >= STAND_OUT_DB and too_loud >= HOLD_S
    lasts = min(LONGEST_S, max(HOLD_S, min(quiet, too_loud))) if decays else HOLD_S
    return Impulse(onset, onset + round(lasts * rate_hz), head - before, decays)


def _runs(taken: NDArray[np.bool_]) -> list[Stretch]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], taken, [False]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


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


def _surroundings(
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
