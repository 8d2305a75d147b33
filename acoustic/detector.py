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
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from acoustic.decimate import Decimator, DecimatorState
from acoustic.features import Features, describe
from acoustic.filterbank import BANDS_HZ, FilterBank, FilterBankState
from acoustic.levels import decibels, is_clipped
from acoustic.onset import OnsetPicker
from acoustic.steps import Memory, fading_mean, moving_mean, noise_floor, rise_db

Array = NDArray[np.float64]

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 7_900.0, 96_100.0
"""Rates that the detector takes: 8 to 96 kHz, with room for a converter whose measured rate is a little off."""

LOWEST_WORKING_RATE_HZ = 10_500.0
"""The stream is decimated to the lowest rate not below this: bands end at 5 kHz."""

FRAME_S = 0.0005
"""Spacing of the envelopes: shots of a burst are 50 ms apart and more, the step's guard is 2 ms."""

QUIETEST_POWER = 1e-11
"""Noise floors are never taken below this mean square (-110 dBFS), the rounding noise of 16-bit audio in a band."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What may be tuned; docs/tuning.md says by which symptom.

    The statistic of an instant, in decibels, is ``rise + prominence_weight * min(prominence, prominence_cap_db) -
    clutter_weight * clutter``:

    * rise: how far the envelope (mean over the bands) stands over that just before.  It finds a shot in the tail of an
      earlier one, however loud the day is.
    * prominence: how far the energy stands over the mean energy of the last half second.  Echoes, the strokes of an
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
    prominence_weight: float = 0.6
    prominence_cap_db: float = 20.0
    prominence_window_s: float = 0.009
    prominence_memory_s: float = 0.5
    clutter_weight: float = 3.0
    clutter_memory_s: float = 2.0
    chunk_s: float = 0.100
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
class DetectorState:
    """Memory of a detector; opaque to callers.

    taken : samples received; done : samples worked on, a whole number of chunks.
    pending : (n, channels) samples not worked on yet.  raw : (history, channels) samples before ``done``.
    energies : (bands, channels, frames) of the last frames.  heard : (channels, frames) frames since the last gap, capped.
    zeros : (channels,) silent frames in a row at the end.
    blocks : (n, bands, channels) block means for the noise floor, inf where there was a gap.
    loudness : memory of the mean energy, (bands, channels, 1).
    rise, statistic : (channels, frames) of the last frames that have one.  clutter : memory of squared rises.
    level : (bands, channels, frames), mean envelope after a step, dB over the floor.
    """

    taken: int
    done: int
    pending: Array
    raw: Array
    decimator: DecimatorState
    bank: FilterBankState
    energies: Array
    heard: NDArray[np.int64]
    zeros: NDArray[np.int64]
    blocks: Array
    loudness: Memory
    rise: Array
    clutter: Memory
    statistic: Array
    level: Array


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
        return state.done - self._late * self._frame - self._decimator.delay

    def initial(self, channels: int = 1) -> DetectorState:
        """State of a detector that has heard nothing."""
        bands = len(self._bank.bands_hz)
        return DetectorState(
            taken=0,
            done=0,
            pending=np.zeros((0, channels)),
            raw=np.zeros((self._raw_keep, channels)),
            decimator=self._decimator.initial(channels),
            bank=self._bank.initial(channels),
            energies=np.zeros((bands, channels, self._keep)),
            heard=np.zeros((channels, self._keep), dtype=np.int64),
            zeros=np.full(channels, self._gap, dtype=np.int64),
            blocks=np.full((self._floor_blocks, bands, channels), np.inf),
            loudness=Memory(np.zeros((bands, channels, 1)), np.zeros((bands, channels, 1))),
            rise=np.zeros((channels, self._clutter_lag)),
            # Full weight from the start: a stream that has just begun has had no clutter.
            clutter=Memory(np.zeros((channels, 1)), np.full((channels, 1), self._clutter_keep)),
            statistic=np.full((channels, self._keep_statistic), -np.inf),
            level=np.zeros((bands, channels, self._keep_statistic)),
        )

    def step(self, state: DetectorState, block: NDArray[np.floating]) -> tuple[DetectorState, list[Detection]]:
        """Take one block.

        Parameters
        ----------
        state : from `initial` or the step before; it is not changed.
        block : (n, channels) float, shares of full scale, finite; n >= 0.

        Returns
        -------
        state, and the detections that this block completed, in order of time.
        """
        channels = state.raw.shape[1]
        if block.ndim != 2 or block.shape[1] != channels:
            raise ValueError(f"block: expected shape (n, {channels}), got {block.shape}")
        pending = np.concatenate([state.pending, block]) if len(state.pending) else np.asarray(block, dtype=np.float64)
        size = self._chunk * self._frame
        state = replace(state, taken=state.taken + len(block), pending=pending)
        found: list[Detection] = []
        while len(state.pending) >= size:
            state, more = self._work(state, state.pending[:size], state.pending[size:])
            found += more
        if not state.pending.flags.owndata:  # do not hold on to the caller's array
            state = replace(state, pending=state.pending.copy())
        return state, found

    def finish(self, state: DetectorState) -> list[Detection]:
        """The detections that were still waiting for later sound; the stream ends here."""
        channels = state.raw.shape[1]
        size = self._chunk * self._frame
        end = state.taken
        need = len(state.pending) + (self._late + 2) * self._frame + self._decimator.delay
        padded = np.concatenate([state.pending, np.zeros((-(-need // size) * size - len(state.pending), channels))])
        found: list[Detection] = []
        while len(padded):
            state, more = self._work(state, padded[:size], padded[size:])
            padded = state.pending
            found += more
        return [d for d in found if d.trigger < end]

    def _work(self, state: DetectorState, chunk: Array, rest: Array) -> tuple[DetectorState, list[Detection]]:
        """Work on one whole chunk."""
        bands, channels = state.energies.shape[:2]
        decimator, slow = self._decimator.step(state.decimator, chunk)
        bank, split = self._bank.step(state.bank, slow)
        power = np.square(split).reshape(bands, self._chunk, self._per_frame, channels).mean(axis=2)
        energies = np.concatenate([state.energies, power.transpose(0, 2, 1)], axis=2)
        heard, zeros = self._since_gap(state, chunk)
        blocks = power.reshape(bands, self._chunk // self._block, self._block, channels).mean(axis=2).transpose(1, 0, 2)
        whole = heard[:, self._keep :].reshape(channels, -1, self._block).min(axis=2) >= self._block
        blocks = np.where(whole.T[:, None, :], blocks, np.inf)
        blocks = np.concatenate([state.blocks, blocks])[-self._floor_blocks :]
        raw = np.concatenate([state.raw, chunk])
        floor = np.maximum(noise_floor(blocks, self.settings.floor_percentile), QUIETEST_POWER)
        floor = np.where(np.isfinite(floor), floor, 1.0)  # nothing heard: no event is possible, any number serves
        state, statistic, level = self._statistic(state, energies, heard, floor)
        following = replace(
            state,
            done=state.done + len(chunk),
            pending=rest,
            raw=raw[len(raw) - self._raw_keep :],
            decimator=decimator,
            bank=bank,
            energies=energies[:, :, energies.shape[2] - self._keep :],
            heard=heard[:, heard.shape[1] - self._keep :],
            zeros=zeros,
            blocks=blocks,
            statistic=statistic[:, statistic.shape[1] - self._keep_statistic :],
            level=level[:, :, level.shape[2] - self._keep_statistic :],
        )
        return following, self._events(statistic, level, raw, following.done)

    def _statistic(
        self, state: DetectorState, energies: Array, heard: NDArray[np.int64], floor: Array
    ) -> tuple[DetectorState, Array, Array]:
        """The statistic (channels, kept + chunk) and level (bands, ...) up to the newest frame that has one."""
        s = self.settings
        first = self._back  # energies[..., first] is the first frame whose turn it is
        stop = first + self._chunk
        smooth = moving_mean(energies, self._smooth)
        excess = 10.0 * np.log10(s.floor_share + smooth / floor[:, :, None])
        begin = first - self._before - self._guard
        span = excess[..., begin : stop + self._after - 1]
        rises, level = rise_db(span, after=self._after, guard=self._guard, before=self._before)
        warm = heard[:, first:stop] >= self._warm_up
        rise = np.where(warm, rises.mean(axis=0), 0.0)

        lagged = slice(first - self._loudness_lag, stop - self._loudness_lag)
        audible = (heard[None, :, lagged] > 0).astype(np.float64)
        loudness, memory = fading_mean(energies[..., lagged], audible, self._loudness_keep, state.loudness)
        now = moving_mean(energies[..., first : stop + self._window - 1], self._window)
        over = 10.0 * np.log10((now + QUIETEST_POWER) / (loudness + QUIETEST_POWER))
        prominence = np.minimum(over.mean(axis=0), s.prominence_cap_db)

        rises_kept = np.concatenate([state.rise, rise], axis=1)
        past = np.square(np.maximum(rises_kept[:, : self._chunk], 0.0))
        power, clutter = fading_mean(past, np.ones_like(past), self._clutter_keep, state.clutter)
        statistic = rise + s.prominence_weight * prominence - s.clutter_weight * np.sqrt(power)
        statistic = np.where(warm, statistic, -np.inf)
        state = replace(
            state, loudness=memory, clutter=clutter, rise=rises_kept[:, rises_kept.shape[1] - self._clutter_lag :]
        )
        return (
            state,
            np.concatenate([state.statistic, statistic], axis=1),
            np.concatenate([state.level, level], axis=2),
        )

    def _since_gap(self, state: DetectorState, chunk: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Frames heard since the last gap, (channels, keep + chunk) capped, and the run of silent frames at the end."""
        silent = ~chunk.reshape(self._chunk, -1, chunk.shape[1]).any(axis=1).T  # (channels, frames)
        ceiling = self._warm_up + self._block
        if not silent.any():
            fresh = np.minimum(state.heard[:, -1:] + np.arange(1, self._chunk + 1), ceiling)
            zeros = np.zeros_like(state.zeros)
        else:
            fresh = np.empty((len(silent), self._chunk), dtype=np.int64)
            zeros = state.zeros.copy()
            for channel, row in enumerate(silent):
                age, run = int(state.heard[channel, -1]), int(zeros[channel])
                for frame, quiet in enumerate(row.tolist()):
                    run = run + 1 if quiet else 0
                    age = 0 if run >= self._gap else min(age + 1, ceiling)
                    fresh[channel, frame] = age
                zeros[channel] = run
        return np.concatenate([state.heard, fresh], axis=1), zeros

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
