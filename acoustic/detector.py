"""Impulsive events in a stream of sound.

The stream is brought to about 12 kHz, split into bands, and each band's energy is taken every half millisecond over its
own noise floor (a low percentile of the last second).  An event is a local maximum of a statistic (`DetectorSettings`
spells it out): how far the mean envelope after an instant lies above the ramp-weighted mean before it, how far it
stands out of the last second, and how much rises are worth when things keep popping.  Its onset is then picked on the
waveform at the full rate and described (`acoustic.gauge`).

All work is done on chunks that are aligned to the stream, never to the caller's blocks: the result does not depend on
how the stream is cut, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acoustic.decimate import Decimator, DecimatorState
from acoustic.detection import Detection, DetectorSettings
from acoustic.filterbank import FilterBank, FilterBankState
from acoustic.gaps import GapCounter
from acoustic.gauge import GAP_S, Gauge, Trigger
from acoustic.steps import fading_sum, local_maxima, moving_mean, noise_floor, rise_db

__all__ = ["HIGHEST_RATE_HZ", "LOWEST_RATE_HZ", "Detection", "Detector", "DetectorSettings", "detect", "detect_blocks"]

Array = NDArray[np.float64]

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 7_900.0, 96_100.0
"""Rates that the detector takes: 8 to 96 kHz, with room for a converter whose measured rate is a little off."""

LOWEST_WORKING_RATE_HZ = 10_500.0
"""The stream is decimated to the lowest rate not below this: bands end at 5 kHz."""

FRAME_S = 0.0005
"""Spacing of the envelopes: shots of a burst are 50 ms apart and more, the step's guard is 2 ms."""

BEYOND_KNEE = 0.1
"""Share that counts of a rise beyond the knee: enough that the sharpest of neighbouring instants still wins."""

QUIETEST_POWER = 1e-11
"""Noise floors are never taken below this mean square (-110 dBFS), the rounding noise of 16-bit audio in a band."""

QUIET_S, QUIET_RISE_DB = 3.0, 0.67
"""What a detector takes its site for before it has heard it: so many seconds of steady noise, whose rises have this
root mean square.  With less a burst just after the start is its own clutter, with more a start in the rain costs."""


@dataclass(frozen=True, slots=True)
class History:
    """What a detector remembers of the chunks that it has worked on.

    done : samples worked on, a whole number of chunks.
    raw : (samples, channels) float64 each, the last chunks before ``done``.
    decimator, bank : of the stages before.
    energies : (bands, channels, frames) of the last frames.
    heard : (channels, frames) int64, frames since the last gap, capped.
    zeros : (channels,) int64, silent frames in a row at the end.
    blocks : (bands, channels, n) block means for the noise floor, inf where there was a gap.
    loudness : (bands + 1, channels, 1), fading sums of energy and, last, of the frames heard.
    rise : (channels, frames) of the last rises, -inf where none was to be had.
    recent, lasting : fading sums of the squares of rises, (channels, 1), and over longer, with the frames that counted,
        (2, channels, 1).
    statistic : (channels, frames) of the last frames that have one.
    excess : (bands, channels, frames) each, envelopes of the last chunks, dB over the floor, with the frames before and
        after them that their rises need.
    """

    done: int
    raw: tuple[Array, ...]
    decimator: DecimatorState
    bank: FilterBankState
    energies: Array
    heard: NDArray[np.int64]
    zeros: NDArray[np.int64]
    blocks: Array
    loudness: Array
    rise: Array
    recent: Array
    lasting: Array
    statistic: Array
    excess: tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class DetectorState:
    """Memory of a detector; opaque to callers.

    taken : samples received.  pending : arrays (n, channels) not worked on yet, ``waiting`` samples together.
    """

    taken: int
    waiting: int
    pending: tuple[NDArray[np.floating], ...]
    history: History


class Detector:
    """Finds impulsive events in a stream.

    Parameters
    ----------
    rate_hz : sampling rate of the stream, 8,000 to 96,000 Hz.
    settings : see `DetectorSettings`.

    Raises
    ------
    ValueError
        When the rate is out of range.
    """

    def __init__(self, rate_hz: float, settings: DetectorSettings | None = None) -> None:
        if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            raise ValueError(f"rate_hz: expected 8000 to 96000 Hz, got {rate_hz!r}")
        self.rate_hz = float(rate_hz)
        self.settings = s = settings or DetectorSettings()
        factor = max(1, int(rate_hz // LOWEST_WORKING_RATE_HZ))
        working = rate_hz / factor
        self._decimator = Decimator(factor)
        self._bank = FilterBank(working, s.bands_hz)
        self._gauge = Gauge(rate_hz, s.description_s)
        self._per_frame = max(2, round(FRAME_S * working))  # working samples
        self._frame = self._per_frame * factor  # samples of the stream
        frame_s = self._frame / rate_hz

        def frames(seconds: float, least: int = 1) -> int:
            return max(least, round(seconds / frame_s))

        self._smooth = frames(s.smoothing_s)
        self._after = frames(s.after_s)
        self._guard = frames(s.guard_s, 0)
        self._before = frames(s.before_s, 2)
        self._apart = frames(s.separation_s)
        self._window = frames(s.prominence_window_s)
        self._loudness_lag = frames(0.008)  # the mean energy before must not hold the rise of the sound itself
        self._clutter_lag = frames(0.030)  # nor the clutter the rise that is judged
        self._loudness_keep = 1.0 - frame_s / s.prominence_memory_s
        self._recent_keep = 1.0 - frame_s / s.clutter_memory_s
        self._lasting_keep = 1.0 - frame_s / s.clutter_lasting_s
        self._quiet = 1.0 - math.exp(-QUIET_S / s.clutter_lasting_s)  # weight of what was not heard
        self._block = frames(0.008)  # the floor is a percentile of means this long, not of single frames' valleys
        self._chunk = self._block * max(1, round(s.chunk_s / (frame_s * self._block)))  # frames
        self._floor_blocks = frames(s.floor_window_s) // self._block
        self._gap = frames(GAP_S)
        self._warm_up = frames(0.200)  # after a gap: no event until there is a "before" to compare with
        self._gaps = GapCounter(self._frame, self._gap, self._warm_up + self._block)
        # The statistic of frame t needs energies up to t + ahead, from t - back; a maximum at t needs the statistic
        # up to t + apart, its description needs samples.  All is decided `late` frames late, whatever the chunk.
        self._ahead = max(self._after + self._smooth, self._window)
        self._back = max(self._before + self._guard, self._loudness_lag)
        self._late = max(self._apart + self._ahead, -(-self._gauge.after // self._frame) + 1)
        self._keep = self._back + self._ahead  # frames of energies kept from earlier chunks
        self._keep_statistic = self._late - self._ahead + self._apart + 1
        self._size = self._chunk * self._frame  # samples
        raw_keep = self._late * self._frame + self._gauge.before + 2 * self._frame + self._decimator.delay
        self._raw_chunks = -(-raw_keep // self._size)  # chunks kept from earlier
        self._excess_chunks = -(-(self._late - self._ahead) // self._chunk)

    @property
    def latency_s(self) -> float:
        """Longest time from an onset to its detection, in stream time, seconds."""
        return (self._late + self._chunk + 2) * self._frame / self.rate_hz

    def decided(self, state: DetectorState) -> int:
        """Sample of the stream before which every trigger has been reported."""
        return state.history.done - self._late * self._frame - self._decimator.delay

    @property
    def bands_hz(self) -> tuple[tuple[float, float], ...]:
        """Edges of the bands that the rate can carry."""
        return self._bank.bands_hz

    def noise_floor(self, state: DetectorState) -> Array:
        """The noise floor as it is now, (bands, channels) float64, mean squares; inf where nothing was heard yet."""
        return noise_floor(state.history.blocks, self.settings.floor_percentile)

    def initial(self, channels: int = 1) -> DetectorState:
        """State of a detector that has heard nothing."""
        bands = len(self._bank.bands_hz)
        history = History(
            done=0,
            raw=(np.zeros((self._size, channels)),) * self._raw_chunks,
            decimator=self._decimator.initial(channels),
            bank=self._bank.initial(channels),
            energies=np.zeros((bands, channels, self._keep)),
            heard=np.zeros((channels, self._keep), dtype=np.int64),
            zeros=np.full(channels, self._gap, dtype=np.int64),
            blocks=np.full((bands, channels, self._floor_blocks), np.inf),
            loudness=np.zeros((bands + 1, channels, 1)),
            rise=np.full((channels, self._clutter_lag), -np.inf),
            recent=np.zeros((channels, 1)),
            lasting=np.array([QUIET_RISE_DB**2, 1.0])[:, None, None] * np.full((channels, 1), self._quiet),
            statistic=np.full((channels, self._keep_statistic), -np.inf),
            excess=(np.zeros((bands, channels, self._before + self._guard + self._chunk + self._after - 1)),)
            * self._excess_chunks,
        )
        return DetectorState(taken=0, waiting=0, pending=(), history=history)

    def step(self, state: DetectorState, block: NDArray[np.floating]) -> tuple[DetectorState, list[Detection]]:
        """Take one block.

        Parameters
        ----------
        state : from `initial` or the step before; it is not changed.
        block : (n, channels) float, shares of full scale, finite; n >= 0.  It is not kept: the caller may reuse it.

        Returns
        -------
        state, and the detections that this block completed, in order of time.
        """
        channels = state.history.heard.shape[0]
        if block.ndim != 2 or block.shape[1] != channels:
            raise ValueError(f"block: expected shape (n, {channels}), got {block.shape}")
        taken, waiting = state.taken + len(block), state.waiting + len(block)
        if waiting < self._size:
            return DetectorState(taken, waiting, (*state.pending, block.copy()), state.history), []
        joined = np.concatenate((*state.pending, block), dtype=np.float64)
        whole = waiting // self._size * self._size
        history, found = self._work_through(state.history, joined[:whole])
        return DetectorState(taken, waiting - whole, (joined[whole:].copy(),), history), found

    def finish(self, state: DetectorState) -> list[Detection]:
        """The detections that were still waiting for later sound; the stream ends here."""
        channels = state.history.heard.shape[0]
        tail = (self._late + 2) * self._frame + self._decimator.delay
        silence = -(-(state.waiting + tail) // self._size) * self._size - state.waiting
        joined = np.concatenate([*state.pending, np.zeros((silence, channels))], dtype=np.float64)
        _, found = self._work_through(state.history, joined)
        return [d for d in found if d.trigger < state.taken]

    def _work_through(self, history: History, samples: Array) -> tuple[History, list[Detection]]:
        """Work on a whole number of chunks."""
        found: list[Detection] = []
        for start in range(0, len(samples), self._size):
            # A chunk is kept for a while: not as a part of something longer.
            history, more = self._work(history, samples[start : start + self._size].copy())
            found += more
        return history, found

    def _work(self, old: History, chunk: Array) -> tuple[History, list[Detection]]:
        """Work on one chunk."""
        bands, channels = old.energies.shape[:2]
        decimator, slow = self._decimator.step(old.decimator, chunk)
        bank, split = self._bank.step(old.bank, slow)
        framed = split.transpose(0, 2, 1).reshape(bands, channels, self._chunk, self._per_frame)
        power = np.einsum("...s,...s->...", framed, framed) / self._per_frame
        energies = np.concatenate([old.energies, power], axis=2)
        fresh, zeros = self._gaps.step(old.heard[:, -1], old.zeros, chunk)
        heard = np.concatenate([old.heard, fresh], axis=1)
        blocks = self._blocks(old, power, heard)
        floor = np.maximum(noise_floor(blocks, self.settings.floor_percentile), QUIETEST_POWER)
        floor = np.where(np.isfinite(floor), floor, 1.0)  # nothing heard: no event is possible, any number serves

        excess = self._excess(energies, floor)
        rise = self._rise(excess)
        warm = heard[:, self._back : self._back + self._chunk] >= self._warm_up
        if not warm.all():
            rise = np.where(warm, rise, -np.inf)
        prominence, loudness = self._prominence(old, energies, heard)
        rises = np.concatenate([old.rise, rise], axis=1)
        clutter, recent, lasting = self._clutter(old, rises[:, : self._chunk])
        s = self.settings
        statistic = rise + s.prominence_weight * prominence - s.clutter_weight * clutter
        statistic = np.concatenate([old.statistic, statistic], axis=1)
        new = History(
            done=old.done + len(chunk),
            raw=(*old.raw[1:], chunk),
            decimator=decimator,
            bank=bank,
            energies=energies[:, :, self._chunk :],
            heard=heard[:, self._chunk :],
            zeros=zeros,
            blocks=blocks,
            loudness=loudness,
            rise=rises[:, self._chunk :],
            recent=recent,
            lasting=lasting,
            statistic=statistic[:, self._chunk :],
            excess=(*old.excess, excess)[1:],
        )
        return new, self._events(statistic, (*old.excess, excess), (*old.raw, chunk), new.done)

    def _blocks(self, old: History, power: Array, heard: NDArray[np.int64]) -> Array:
        """Block means of the floor's window, this chunk's last; a block with a gap in it counts for nothing."""
        bands, channels, _ = power.shape
        means = power.reshape(bands, channels, -1, self._block).mean(axis=3)
        whole = heard[:, self._keep :].reshape(channels, -1, self._block).min(axis=2) >= self._block
        if not whole.all():
            means = np.where(whole, means, np.inf)
        return np.concatenate([old.blocks, means], axis=2)[..., -self._floor_blocks :]

    def _excess(self, energies: Array, floor: Array) -> Array:
        """Envelopes over the floor, dB, of the frames whose turn it is, with those around them that rises need."""
        first = self._back - self._before - self._guard
        stop = self._back + self._chunk + self._after - 1
        smooth = moving_mean(energies[..., first : stop + self._smooth - 1], self._smooth)
        return np.asarray(10.0 * np.log10(self.settings.floor_share + smooth / floor[:, :, None]))

    def _rise(self, excess: Array) -> Array:
        """Rise (channels, chunk) of the frames whose turn it is: a mean over the bands, so taken of their mean."""
        rise = rise_db(excess.sum(axis=0) / len(excess), after=self._after, guard=self._guard, before=self._before)
        knee = self.settings.rise_knee_db
        return np.asarray(np.minimum(rise, knee + BEYOND_KNEE * (rise - knee)))

    def _prominence(self, old: History, energies: Array, heard: NDArray[np.int64]) -> tuple[Array, Array]:
        """Prominence (channels, chunk) of the frames whose turn it is, and the memory of loudness after them."""
        lagged = slice(self._back - self._loudness_lag, self._back - self._loudness_lag + self._chunk)
        bands, channels = energies.shape[:2]
        audible = heard[:, lagged] > 0
        values = np.empty((bands + 1, channels, self._chunk))
        np.multiply(energies[..., lagged], audible, out=values[:-1])
        values[-1] = audible
        sums, loudness = fading_sum(values, self._loudness_keep, old.loudness)
        now = moving_mean(energies[..., self._back : self._back + self._chunk + self._window - 1], self._window)
        mean = sums[:-1] / np.maximum(sums[-1], 1e-12)
        over = np.log10((now + QUIETEST_POWER) / (mean + QUIETEST_POWER))
        return np.minimum((10.0 / bands) * over.sum(axis=0), self.settings.prominence_cap_db), loudness

    def _clutter(self, old: History, rises: Array) -> tuple[Array, Array, Array]:
        """Clutter (channels, chunk) that past rises make, and both memories of them after it.

        The lasting one is a mean of the frames heard, whose weights are summed beside them: soon after a start in the
        rain it knows the rain.
        """
        power = np.square(np.maximum(rises, 0.0))
        lately, recent = fading_sum(power, self._recent_keep, old.recent)
        sums, lasting = fading_sum(np.array([power, np.isfinite(rises)]), self._lasting_keep, old.lasting)
        usual = sums[0] / np.maximum(sums[1], 1e-12)
        return np.sqrt(np.minimum(lately, usual)), recent, lasting

    def _events(
        self, statistic: Array, excess: tuple[Array, ...], chunks: tuple[Array, ...], done: int
    ) -> list[Detection]:
        """Events among the frames whose turn it is: ``late`` frames before the end of this chunk."""
        newest = statistic.shape[1]  # its last frame is `ahead` frames before the end of the chunk
        first = newest + self._ahead - self._late - self._chunk
        near = statistic[:, first - self._apart : first + self._chunk + self._apart]
        peaks = local_maxima(near, self._apart, self.settings.threshold_db)
        if not peaks:
            return []
        raw = np.concatenate(chunks)
        found = []
        for channel, index in peaks:
            at = index + first
            # Sample of `raw` where the frame starts; energies trail the stream by the decimator's delay.
            sample = len(raw) - (newest + self._ahead - at) * self._frame - self._decimator.delay
            older, within = divmod(newest - 1 - at, self._chunk)
            begin = self._before + self._guard + self._chunk - 1 - within
            level = excess[-1 - older][:, channel, begin : begin + self._after].mean(axis=1)
            band_snr_db = tuple(level.tolist())
            event = Trigger(channel, sample, done - len(raw), float(statistic[channel, at]), band_snr_db)
            found.append(self._gauge.measure(raw[:, channel], event))
        return sorted(found, key=lambda d: (d.trigger, d.channel))


def detect(samples: NDArray[np.floating], rate_hz: float, settings: DetectorSettings | None = None) -> list[Detection]:
    """Events of a whole recording, (n,) or (n, channels) float, shares of full scale: the streaming detector in one
    call."""
    rows = samples[:, None] if samples.ndim == 1 else samples
    detector = Detector(rate_hz, settings)
    state, found = detector.step(detector.initial(rows.shape[1]), rows)
    return found + detector.finish(state)


def detect_blocks(
    blocks: Iterable[NDArray[np.floating]], rate_hz: float, channels: int = 1, settings: DetectorSettings | None = None
) -> Iterable[Detection]:
    """Events of a stream of (n, channels) blocks, as they are completed."""
    detector = Detector(rate_hz, settings)
    state = detector.initial(channels)
    for block in blocks:
        state, found = detector.step(state, block)
        yield from found
    yield from detector.finish(state)
