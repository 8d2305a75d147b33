"""Which stretches of a clip are kept as they were heard: impulses, and what dies away after them as their echoes do.

Speech triggers the detector too, at plosives.  So that what is kept is too short for words, each impulse has a limit,
what does not decay has a tight one, and the clip as a whole has one.
"""

from __future__ import annotations

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
"""Cross-fade on either side of what is kept.  What is faded can be had back: it counts as kept where shares count."""

DECAY_FROM_S, DECAY_DB, DECAY_DB_S = 0.025, 6.0, 50.0
"""An impulse's echoes lie this far below its head 25 ms after it, and from there on fall by so many dB a second at
least.  A vowel after a plosive is as loud as the plosive or louder."""

STAND_OUT_DB = 6.0
"""The head of an impulse lies this far above the 50 ms before it."""

AUDIBLE_DB = 6.0
"""Echoes nearer to the level of the surroundings than this are not worth keeping what lies under them."""

SHARE = 0.40
"""Of a clip is kept at most: a burst of ten rounds at 900 rounds a minute takes 0.7 s."""

DOUBTFUL_SHARE = 0.10
"""Of a clip is kept at most for impulses that do not decay, the pulse itself among them."""

_WORKING_RATE_HZ = 11_000.0  # envelopes are taken at the lowest rate above this
_ROUGH_S = 0.003  # what is slower than this (wind, traffic) does not count in the envelope
_HEAD_S = 0.015
_FINE_S, _COARSE_S = 0.005, 0.020
_SAME_S = 0.001  # the pulse itself is among the impulses, perhaps rounded otherwise


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


def kept_stretches(
    sound: NDArray[np.float32], rate_hz: float, onset: float, impulses: Sequence[float]
) -> tuple[Stretch, ...]:
    """What of a clip is kept.

    The first ``HOLD_S`` of the pulse itself always; then those of the impulses that decay, strongest first; then those
    of the others; then echoes in the same order: as far as the shares allow.

    Parameters
    ----------
    sound : (n, channels) float32, full scale is -1..1.
    rate_hz : nominal samples a second.
    onset : frame of the pulse that the clip is of.
    impulses : frames of all onsets in the clip; those outside of it do not count.

    Returns
    -------
    Stretches in order, at least two fades apart.
    """
    judged = judged_impulses(sound, rate_hz, onset, impulses)
    n, fade, lead, hold = len(sound), *(round(s * rate_hz) for s in (FADE_S, BEFORE_S, HOLD_S))
    # False before True: the pulse, then what decays, strongest first; at last the onset, so that ties have an order.
    order = [judged[0], *sorted(judged[1:], key=lambda i: (not i.decays, -i.strength_db, i.onset))]
    taken = np.zeros(n, dtype=bool)
    doubtful = 0
    # First the head of each, then echoes: of a long burst more rounds are kept that way.
    for stops in ({i.onset: i.onset + hold for i in order}, {i.onset: i.stop for i in order}):
        for impulse in order:
            piece = taken[max(0, impulse.onset - lead - fade) : stops[impulse.onset] + fade]
            more = len(piece) - int(np.count_nonzero(piece))
            room = int(SHARE * n) - int(np.count_nonzero(taken))
            if not impulse.decays:
                room = min(room, int(DOUBTFUL_SHARE * n) - doubtful)
            if more <= room or (impulse is judged[0] and not taken.any()):
                piece[:] = True
                doubtful += 0 if impulse.decays else more
    return tuple((a + (fade if a > 0 else 0), b - (fade if b < n else 0)) for a, b in _runs(taken))


def judged_impulses(
    sound: NDArray[np.float32], rate_hz: float, onset: float, impulses: Sequence[float]
) -> list[Impulse]:
    """The impulses of a clip, the pulse itself first, the others in order of time; arguments as `kept_stretches`."""
    n = len(sound)
    main = min(max(int(onset), 0), n - 1)
    others = sorted({int(o) for o in impulses if 0 <= o < n and abs(o - main) > _SAME_S * rate_hz})
    in_order = sorted((main, *others))
    following = dict(zip(in_order, [*in_order[1:], n], strict=True))
    envelope = _Envelope(sound, rate_hz)
    around = float(np.median(envelope.levels(0.0, max(0.0, envelope.seconds - _COARSE_S), _COARSE_S, 0.010)))
    return [_judged(envelope, around, o, following[o], rate_hz) for o in (main, *others)]


class _Envelope:
    """Power of a clip, all channels together, without what is slow, summed up: any stretch costs two look-ups."""

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


def _judged(envelope: _Envelope, around_db: float, onset: int, following: int, rate_hz: float) -> Impulse:
    """How strong an impulse is, and how long what follows it, up to the ``following`` onset, is its echoes."""
    at, least = onset / rate_hz, onset + round(HOLD_S * rate_hz)
    # A window that begins before the onset may hold its head already.
    head = float(envelope.levels(at - 0.001, at + _HEAD_S, _FINE_S, 0.001).max())
    before = float(envelope.levels(at - 0.055, at - 0.004, 0.050, 1.0)[0])
    own = min(LONGEST_S, following / rate_hz - at - _SAME_S)
    times = np.arange(DECAY_FROM_S, own - _COARSE_S, _FINE_S)
    if len(times) == 0:  # the next impulse comes too soon for a decay to be seen
        return Impulse(onset, least, head - before, decays=False)
    after = envelope.levels(at + times[0], at + times[-1] + _FINE_S / 2, _COARSE_S, _FINE_S)
    loud = np.flatnonzero(after > head - DECAY_DB - DECAY_DB_S * (times - DECAY_FROM_S))
    calm = np.flatnonzero(after < around_db + AUDIBLE_DB)
    too_loud = float(times[loud[0]]) if len(loud) else np.inf
    quiet = float(times[calm[0]]) if len(calm) else own
    decays = head - before >= STAND_OUT_DB and too_loud >= HOLD_S
    stop = onset + round(min(own, quiet, too_loud) * rate_hz) if decays else least
    return Impulse(onset, max(stop, least), head - before, decays)


def _runs(taken: NDArray[np.bool_]) -> list[Stretch]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], taken, [False]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
