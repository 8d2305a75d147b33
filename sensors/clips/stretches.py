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
"""Kept of the pulse, and of what decays, from the onset on: what features describe, a third of a syllable (200 ms)."""

DOUBTFUL_S = 0.040
"""Kept of other impulses, which do not decay."""

LONGEST_S = 0.200
"""Kept from one onset on at most: a syllable."""

FADE_S = 0.002
"""Cross-fade on either side of what is kept.  What is faded can be had back: it counts as kept where shares count."""

DECAY_FROM_S, DECAY_DB, DECAY_DB_S = 0.025, 6.0, 50.0
"""An impulse's echoes lie this far below its head 25 ms after it, and from there on fall by so many dB a second at
least.  A vowel after a plosive is as loud as the plosive or louder."""

DECAYED_S = 0.045
"""It must be seen to decay for so long; more would call a round of a fast burst no impulse when the next was missed."""

STAND_OUT_DB = 6.0
"""The head of an impulse lies this far above the 50 ms before it, ..."""

LOUDER_DB, LOUDEST_SHARE = 5.0, 0.95
"""... and this far above all but the loudest twentieth of what is no impulse: as 98 % of rounds in recorded bursts do,
and few plosives among vowels."""

AUDIBLE_DB = 6.0
"""Echoes nearer to the level of the surroundings than this are not worth keeping what lies under them."""

SHARE = 0.40
"""Of a clip is kept at most: a burst of ten rounds at 900 rounds a minute takes 0.7 s."""

DOUBTFUL_SHARE = 0.08
"""Of a clip is kept at most for impulses that do not decay, the pulse itself among them: it and two more in 2.5 s."""

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
    n, fade, lead, hold, brief = len(sound), *(round(s * rate_hz) for s in (FADE_S, BEFORE_S, HOLD_S, DOUBTFUL_S))
    # False before True: the pulse, then what decays, strongest first; at last the onset, so that ties have an order.
    order = [judged[0], *sorted(judged[1:], key=lambda i: (not i.decays, -i.strength_db, i.onset))]
    heads = [(i, i.onset + (hold if i.decays or i is judged[0] else brief)) for i in order]
    taken = np.zeros(n, dtype=bool)
    doubtful = 0
    # First the head of each, then echoes: of a long burst more rounds are kept that way.
    for impulse, stop in (*heads, *((i, i.stop) for i in order if i.decays)):
        piece = taken[max(0, impulse.onset - lead - fade) : stop + fade]
        more = len(piece) - int(np.count_nonzero(piece))
        room = int(SHARE * n) - int(np.count_nonzero(taken))
        if not impulse.decays:
            room = min(room, int(DOUBTFUL_SHARE * n) - doubtful)
        if more <= room or not taken.any():  # the pulse itself comes first
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
    starts = np.arange(0.0, max(envelope.seconds - _COARSE_S, _COARSE_S), _COARSE_S / 2)
    levels = envelope.levels(starts, _COARSE_S)
    onsets = np.array(in_order) / rate_hz
    near = ((starts + _COARSE_S > onsets[:, None]) & (starts < onsets[:, None] + HOLD_S)).any(axis=0)
    typical = float(np.median(levels))
    # Where nothing but impulses is, there is nothing else that they could be.
    loudest = float(np.quantile(levels[~near], LOUDEST_SHARE)) if not near.all() else -np.inf
    return [_judged(envelope, typical, loudest, o, following[o], rate_hz) for o in (main, *others)]


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

    def levels(self, begins_s: NDArray[np.float64], length_s: float) -> NDArray[np.float64]:
        """Mean levels, dB, of windows of a length that begin at given times; what lies outside the clip is silent."""
        begins = begins_s * self.rate_hz
        last = len(self._summed) - 1
        low = np.clip(begins.astype(np.int64), 0, last)
        high = np.clip((begins + max(1.0, length_s * self.rate_hz)).astype(np.int64), 0, last)
        power = (self._summed[high] - self._summed[low]) / np.maximum(high - low, 1)
        return np.asarray(10.0 * np.log10(np.maximum(power, 1e-14)))

    @property
    def seconds(self) -> float:
        return (len(self._summed) - 1) / self.rate_hz


def _judged(
    envelope: _Envelope, typical_db: float, loudest_db: float, onset: int, following: int, rate_hz: float
) -> Impulse:
    """How strong an impulse is, and how long what follows it, up to the ``following`` onset, is its echoes.

    typical_db, loudest_db : median level of the clip, and the level that next to nothing but impulses exceeds.
    """
    at, least = onset / rate_hz, onset + round(HOLD_S * rate_hz)
    # A window that begins before the onset may hold its head already.
    head = float(envelope.levels(at + np.arange(-0.001, _HEAD_S, 0.001), _FINE_S).max())
    before = float(envelope.levels(np.array([at - 0.055]), 0.050)[0])
    own = min(LONGEST_S, following / rate_hz - at - _SAME_S)
    times = np.arange(DECAY_FROM_S, own - _COARSE_S, _FINE_S)
    if len(times) == 0:  # the next impulse comes too soon for a decay to be seen
        return Impulse(onset, least, head - before, decays=False)
    after = envelope.levels(at + times, _COARSE_S)
    loud = np.flatnonzero(after > head - DECAY_DB - DECAY_DB_S * (times - DECAY_FROM_S))
    calm = np.flatnonzero(after < typical_db + AUDIBLE_DB)
    too_loud = float(times[loud[0]]) if len(loud) else np.inf
    quiet = float(times[calm[0]]) if len(calm) else own
    stands_out = head >= max(before + STAND_OUT_DB, loudest_db + LOUDER_DB)
    stop = onset + round(min(own, quiet, too_loud) * rate_hz)
    return Impulse(onset, max(stop, least), head - before, decays=stands_out and too_loud >= DECAYED_S)


def _runs(taken: NDArray[np.bool_]) -> list[Stretch]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], taken, [False]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
