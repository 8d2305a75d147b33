"""Impulsive events in a stream of sound.

The stream is brought to about 12 kHz, split into bands, and each band's energy is taken every half millisecond over its
own noise floor (a low percentile of the last second).  An event is a local maximum of the step statistic: how far the mean
envelope after an instant lies above the ramp-weighted mean before it (`acoustic.steps`).  Its onset is then picked on the
waveform at the full rate (`acoustic.onset`) and described (`acoustic.features`).

All work is done on chunks that are aligned to the stream, never to the caller's blocks: the result does not depend on how
the stream is cut, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from acoustic.decimate import Decimator, DecimatorState
from acoustic.features import Features, describe
from acoustic.filterbank import BANDS_HZ, FilterBank, FilterBankState
from acoustic.levels import decibels, is_clipped
from acoustic.onset import OnsetPicker
from acoustic.steps import fading_sum, moving_mean, noise_floor, rise_db

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


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What may be tuned; docs/tuning.md says by which symptom.

    The statistic of an instant, in decibels, is ``rise + prominence_weight * min(prominence, prominence_cap_db) -
    clutter_weight * clutter``:

    * rise: how far the envelope (mean over the bands) stands over that just before.  It finds a shot in the tail of an
      earlier one, however loud the day is.
    * prominence: how far the energy stands over the mean energy of the last second.  Echoes, the strokes of an
      engine and the end of a lull rise, but do not stand out.
    * clutter: root mean square of the rises of the last seconds.  Where things keep popping (a jackhammer, crackling,
      rain on the housing), an event must pop more than they do: a constant rate of false alarms.

    threshold_db : smallest statistic that is an event.
    bands_hz : edges of the bands.
    smoothing_s : the envelope is the mean energy over this; shorter lets the cycles of the lowest band through.
    after_s : the envelope after a step is averaged (in dB) over this; a first arrival 18 ms before a strong one must
        fit, and a click must not fill it.
    guard_s : left out before the step, so that a rise slower than a frame does not count as "before".
    before_s : the envelope before is averaged over this, newest heaviest: the memory that reverberation fills.
    separation_s : of two maxima closer than this the larger is the event: one sound is never reported twice.
    floor_window_s, floor_percentile : the noise floor is this percentile of the band's energy over the window.
    floor_share : the envelope in dB is 10 log10(floor_share + energy / floor): flattens what is below the floor.
    rise_knee_db : a rise beyond this counts a tenth: a crackle out of silence is no more a shot than a rise of 12 dB.
    prominence_weight, prominence_cap_db, prominence_window_s, prominence_memory_s : see above; the energy is the mean
        over the window, the mean energy before fades with the memory.
    clutter_weight, clutter_memory_s : see above.
    chunk_s : work is done in pieces of about this length; latency against cost.
    description_s : length of sound after the onset that features describe.

    The values were chosen on live fire (four of six firing positions; the others agree) together with shots mixed into
    rain, sirens, engines and fire.
    """

    threshold_db: float = 5.0
    bands_hz: tuple[tuple[float, float], ...] = BANDS_HZ
    smoothing_s: float = 0.003
    after_s: float = 0.006
    guard_s: float = 0.002
    before_s: float = 0.040
    separation_s: float = 0.012
    floor_window_s: float = 1.0
    floor_percentile: float = 20.0
    floor_share: float = 0.3
    rise_knee_db: float = 12.0
    prominence_weight: float = 0.6
    prominence_cap_db: float = 25.0
    prominence_window_s: float = 0.009
    prominence_memory_s: float = 1.0
    clutter_weight: float = 4.0
    clutter_memory_s: float = 2.0
    chunk_s: float = 0.150
    description_s: float = 0.060

    def __post_init__(self) -> None:
        for name in (
            *("smoothing_s", "after_s", "before_s", "separation_s", "floor_window_s", "floor_share"),
            *("prominence_window_s", "prominence_memory_s", "clutter_memory_s", "chunk_s", "description_s"),
        ):
            value = getattr(self, name)
            if not value > 0.0:
                raise ValueError(f"{name}: expected a positive number, got {value!r}")
        if not self.guard_s >= 0.0:
            raise ValueError(f"guard_s: expected a duration in seconds, got {self.guard_s!r}")
        if not 0.0 < self.floor_percentile <= 100.0:
            raise ValueError(f"floor_percentile: expected above 0 up to 100, got {self.floor_percentile!r}")
        if not np.isfinite(self.threshold_db):
            raise ValueError(f"threshold_db: expected a number of decibels, got {self.threshold_db!r}")


@dataclass(frozen=True, slots=True)
class Detection:
    """One impulsive event on one channel.

    channel : which channel of the stream.
    trigger : sample of the stream where the step was found (to half a millisecond or so).
    statistic : see `DetectorSettings`, dB; a sweep over thresholds needs one run at the lowest.
    band_snr_db : mean envelope after the step over the noise floor, per band, dB.
    onset : sample (fraction) of the stream at which the sound starts, known bias removed.
    onset_sigma_s : one standard deviation of the onset, seconds.
    peak : largest absolute sample of the sound, share of full scale.
    snr_db : peak of the picking band over its root mean square before the onset, dB.
    clipped : the recording ran out of range.
    features : see `acoustic.features`.
    """

    channel: int
    trigger: int
    statistic: float
    band_snr_db: tuple[float, ...]
    onset: float
    onset_sigma_s: float
    peak: float
    snr_db: float
    clipped: bool
    features: Features


@dataclass(frozen=True, slots=True)
class History:
    """What a detector remembers of the chunks that it has worked on.

    done : samples worked on, a whole number of chunks.
    raw : (samples, channels) float64, the last before ``done``.
    decimator, bank : of the stages before.
    energies : (bands, channels, frames) of the last frames.
    heard : (channels, frames) int64, frames since the last gap, capped.
    zeros : (channels,) int64, silent frames in a row at the end.
    blocks : (n, bands, channels) block means for the noise floor, inf where there was a gap.
    loudness : (bands + 1, channels, 1), fading sums of energy and, last, of the frames heard.
    rise, clutter : (channels, frames) of the last rises, and the fading sum of their squares, (channels, 1).
    statistic : (channels, frames) of the last frames that have one.
    level : (bands, channels, frames), mean envelope after a step, dB over the floor.
    """

    done: int
    raw: Array
    decimator: DecimatorState
    bank: FilterBankState
    energies: Array
    heard: NDArray[np.int64]
    zeros: NDArray[np.int64]
    blocks: Array
    loudness: Array
    rise: Array
    clutter: Array
    statistic: Array
    level: Array


@dataclass(frozen=True, slots=True)
class DetectorState:
    """Memory of a detector; opaque to callers.

    taken : samples received.  pending : arrays (n, channels) not worked on yet, ``waiting`` samples together.
    """

    taken: int
    waiting: int
    pending: tuple[Array, ...]
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
        self._picker = OnsetPicker(rate_hz)
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
        self._clutter_keep = 1.0 - frame_s / s.clutter_memory_s
        self._block = frames(0.008)  # frames a noise-floor block: a percentile of single frames would follow the valleys
        self._chunk = self._block * max(1, round(s.chunk_s / (frame_s * self._block)))  # frames
        self._floor_blocks = frames(s.floor_window_s) // self._block
        self._gap = frames(0.010)  # zeros this long are samples lost or padding, never sound
        self._warm_up = frames(0.100)  # after a gap: no event until there is a "before" to compare with
        self._describe = round(s.description_s * rate_hz)
        # The statistic of frame t needs energies up to t + ahead and from t - back; a maximum at t needs the statistic up
        # to t + apart, its description needs samples.  Everything is decided `late` frames late, whatever the chunk.
        self._ahead = max(self._after + self._smooth, self._window)
        self._back = max(self._before + self._guard, self._loudness_lag)
        self._late = max(self._apart + self._ahead, -(-(self._describe + self._picker.after) // self._frame) + 1)
        self._keep = self._back + self._ahead  # frames of energies kept from earlier chunks
        self._keep_statistic = self._late - self._ahead + self._apart + 1
        self._raw_keep = self._late * self._frame + self._picker.before + 2 * self._frame + self._decimator.delay

    @property
    def latency_s(self) -> float:
        """Longest time from an onset to its detection, in stream time, seconds."""
        return (self._late + self._chunk + 2) * self._frame / self.rate_hz

    def decided(self, state: DetectorState) -> int:
        """Sample of the stream before which every trigger has been reported."""
        return state.history.done - self._late * self._frame - self._decimator.delay

    def initial(self, channels: int = 1) -> DetectorState:
        """State of a detector that has heard nothing."""
        bands = len(self._bank.bands_hz)
        history = History(
            done=0,
            raw=np.zeros((self._raw_keep, channels)),
            decimator=self._decimator.initial(channels),
            bank=self._bank.initial(channels),
            energies=np.zeros((bands, channels, self._keep)),
            heard=np.zeros((channels, self._keep), dtype=np.int64),
            zeros=np.full(channels, self._gap, dtype=np.int64),
            blocks=np.full((self._floor_blocks, bands, channels), np.inf),
            loudness=np.zeros((bands + 1, channels, 1)),
            rise=np.zeros((channels, self._clutter_lag)),
            clutter=np.zeros((channels, 1)),
            statistic=np.full((channels, self._keep_statistic), -np.inf),
            level=np.zeros((bands, channels, self._keep_statistic)),
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
        channels = state.history.raw.shape[1]
        if block.ndim != 2 or block.shape[1] != channels:
            raise ValueError(f"block: expected shape (n, {channels}), got {block.shape}")
        taken, waiting = state.taken + len(block), state.waiting + len(block)
        pending = (*state.pending, np.array(block, dtype=np.float64))
        size = self._chunk * self._frame
        if waiting < size:
            return DetectorState(taken, waiting, pending, state.history), []
        joined = np.concatenate(pending)
        whole = waiting // size * size
        history, found = self._work_through(state.history, joined[:whole])
        return DetectorState(taken, waiting - whole, (joined[whole:].copy(),), history), found

    def finish(self, state: DetectorState) -> list[Detection]:
        """The detections that were still waiting for later sound; the stream ends here."""
        channels = state.history.raw.shape[1]
        size = self._chunk * self._frame
        tail = (self._late + 2) * self._frame + self._decimator.delay
        silence = -(-(state.waiting + tail) // size) * size - state.waiting
        joined = np.concatenate([*state.pending, np.zeros((silence, channels))])
        _, found = self._work_through(state.history, joined)
        return [d for d in found if d.trigger < state.taken]

    def _work_through(self, history: History, samples: Array) -> tuple[History, list[Detection]]:
        """Work on a whole number of chunks."""
        size = self._chunk * self._frame
        found: list[Detection] = []
        for start in range(0, len(samples), size):
            history, more = self._work(history, samples[start : start + size])
            found += more
        return history, found

    def _work(self, old: History, chunk: Array) -> tuple[History, list[Detection]]:
        """Work on one chunk."""
        bands, channels = old.energies.shape[:2]
        decimator, slow = self._decimator.step(old.decimator, chunk)
        bank, split = self._bank.step(old.bank, slow)
        power = np.square(split).reshape(bands, self._chunk, self._per_frame, channels).mean(axis=2)
        energies = np.concatenate([old.energies, power.transpose(0, 2, 1)], axis=2)
        heard, zeros = self._since_gap(old, chunk)
        blocks = self._blocks(old, power, heard)
        floor = np.maximum(noise_floor(blocks, self.settings.floor_percentile), QUIETEST_POWER)
        floor = np.where(np.isfinite(floor), floor, 1.0)  # nothing heard: no event is possible, any number serves

        warm = heard[:, self._back : self._back + self._chunk] >= self._warm_up
        rise, level = self._rise(energies, floor)
        rise = np.where(warm, rise, 0.0)
        prominence, loudness = self._prominence(old, energies, heard)
        rises = np.concatenate([old.rise, rise], axis=1)
        past = np.square(np.maximum(rises[:, : self._chunk], 0.0))
        power_of_rises, clutter = fading_sum(past, self._clutter_keep, old.clutter)
        s = self.settings
        statistic = rise + s.prominence_weight * prominence - s.clutter_weight * np.sqrt(power_of_rises)
        statistic = np.concatenate([old.statistic, np.where(warm, statistic, -np.inf)], axis=1)
        level = np.concatenate([old.level, level], axis=2)

        raw = np.concatenate([old.raw, chunk])
        done = old.done + len(chunk)
        new = History(
            done=done,
            raw=raw[len(chunk) :],
            decimator=decimator,
            bank=bank,
            energies=energies[:, :, self._chunk :],
            heard=heard[:, self._chunk :],
            zeros=zeros,
            blocks=blocks,
            loudness=loudness,
            rise=rises[:, self._chunk :],
            clutter=clutter,
            statistic=statistic[:, self._chunk :],
            level=level[:, :, self._chunk :],
        )
        return new, self._events(statistic, level, raw, done)

    def _blocks(self, old: History, power: Array, heard: NDArray[np.int64]) -> Array:
        """Block means of the floor's window, this chunk's last; a block with a gap in it counts for nothing."""
        bands, frames, channels = power.shape
        means = power.reshape(bands, frames // self._block, self._block, channels).mean(axis=2).transpose(1, 0, 2)
        whole = heard[:, self._keep :].reshape(channels, -1, self._block).min(axis=2) >= self._block
        if not whole.all():
            means = np.where(whole.T[:, None, :], means, np.inf)
        return np.concatenate([old.blocks, means])[-self._floor_blocks :]

    def _rise(self, energies: Array, floor: Array) -> tuple[Array, Array]:
        """Rise (channels, chunk) and level (bands, channels, chunk) of the frames whose turn it is."""
        first = self._back - self._before - self._guard
        stop = self._back + self._chunk + self._after - 1
        smooth = moving_mean(energies[..., first : stop + self._smooth - 1], self._smooth)
        excess = 10.0 * np.log10(self.settings.floor_share + smooth / floor[:, :, None])
        rises, level = rise_db(excess, after=self._after, guard=self._guard, before=self._before)
        rise = rises.mean(axis=0)
        knee = self.settings.rise_knee_db
        return np.minimum(rise, knee + BEYOND_KNEE * (rise - knee)), level

    def _prominence(self, old: History, energies: Array, heard: NDArray[np.int64]) -> tuple[Array, Array]:
        """Prominence (channels, chunk) of the frames whose turn it is, and the memory of loudness after them."""
        lagged = slice(self._back - self._loudness_lag, self._back - self._loudness_lag + self._chunk)
        audible = (heard[:, lagged] > 0).astype(np.float64)
        sums, loudness = fading_sum(
            np.concatenate([energies[..., lagged] * audible, audible[None]]), self._loudness_keep, old.loudness
        )
        now = moving_mean(energies[..., self._back : self._back + self._chunk + self._window - 1], self._window)
        mean = sums[:-1] / np.maximum(sums[-1], 1e-12)
        over = 10.0 * np.log10((now + QUIETEST_POWER) / (mean + QUIETEST_POWER))
        return np.minimum(over.mean(axis=0), self.settings.prominence_cap_db), loudness

    def _since_gap(self, old: History, chunk: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Frames heard since the last gap, (channels, keep + chunk) capped, and the run of silent frames at the end."""
        silent: NDArray[np.bool_] = np.logical_not(chunk.reshape(self._chunk, -1, chunk.shape[1]).any(axis=1)).T
        ceiling = self._warm_up + self._block
        if not silent.any():
            fresh = np.minimum(old.heard[:, -1:] + np.arange(1, self._chunk + 1), ceiling)
            zeros = np.zeros_like(old.zeros)
        else:
            fresh = np.empty(silent.shape, dtype=np.int64)
            zeros = old.zeros.copy()
            for channel in range(len(silent)):
                age, run = int(old.heard[channel, -1]), int(zeros[channel])
                for frame, quiet in enumerate(silent[channel].tolist()):
                    run = run + 1 if quiet else 0
                    age = 0 if run >= self._gap else min(age + 1, ceiling)
                    fresh[channel, frame] = age
                zeros[channel] = run
        return np.concatenate([old.heard, fresh], axis=1), zeros

    def _events(self, statistic: Array, level: Array, raw: Array, done: int) -> list[Detection]:
        """Events among the frames whose turn it is: ``late`` frames before the end of this chunk."""
        newest = statistic.shape[1]  # its last frame is `ahead` frames before the end of the chunk
        first = newest + self._ahead - self._late - self._chunk
        turn = slice(first, first + self._chunk)
        candidates = statistic[:, turn] >= self.settings.threshold_db
        if not candidates.any():
            return []
        peak = maximum_filter1d(statistic, 2 * self._apart + 1, axis=1, mode="constant", cval=-np.inf)
        is_event = candidates & (statistic[:, turn] == peak[:, turn])
        found = []
        for channel, index in np.argwhere(is_event).tolist():
            at = index + first
            if statistic[channel, at - 1] == statistic[channel, at]:
                continue  # a plateau is one event: its first frame
            # Sample of `raw` where the frame starts; energies trail the stream by the decimator's delay.
            sample = len(raw) - (newest + self._ahead - at) * self._frame - self._decimator.delay
            found.append(
                self._detection(
                    raw[:, channel],
                    channel=channel,
                    sample=sample,
                    origin=done - len(raw),
                    statistic=float(statistic[channel, at]),
                    band_snr_db=tuple(level[:, channel, at].tolist()),
                )
            )
        return sorted(found, key=lambda d: (d.trigger, d.channel))

    def _detection(
        self, raw: Array, *, channel: int, sample: int, origin: int, statistic: float, band_snr_db: tuple[float, ...]
    ) -> Detection:
        """Pick, measure and describe the event at ``sample`` of ``raw``; ``origin`` is the stream's sample of raw[0]."""
        start = max(0, sample - self._picker.before)
        stop = min(len(raw), sample + self._describe + self._picker.after)
        segment = raw[start:stop]
        filtered = self._picker.filter(segment)
        onset = self._picker.pick(filtered, sample - start)
        begin = min(max(int(onset.position), 0), len(segment) - 8)
        noise = filtered[max(0, begin - self._picker.before // 2) : begin]
        rms = float(np.sqrt(np.mean(noise * noise))) if len(noise) else 0.0
        peak_filtered = float(np.abs(filtered[begin : begin + self._describe]).max())
        sound = segment[begin : begin + self._describe]
        return Detection(
            channel=channel,
            trigger=origin + sample,
            statistic=statistic,
            band_snr_db=band_snr_db,
            onset=origin + start + onset.position,
            onset_sigma_s=onset.sigma_s,
            peak=float(np.abs(sound).max()),
            snr_db=decibels(peak_filtered / max(rms, 1e-6)),
            clipped=is_clipped(sound),
            features=describe(filtered[begin : begin + self._describe], self.rate_hz),
        )


def detect(
    samples: NDArray[np.floating], rate_hz: float, settings: DetectorSettings | None = None
) -> list[Detection]:
    """Events of a whole recording, (n,) or (n, channels) float, shares of full scale: the streaming detector in one call."""
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
