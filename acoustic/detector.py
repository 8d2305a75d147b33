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
from acoustic.steps import noise_floor, step_statistic

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

    threshold_db : smallest step that is an event.
    bands_hz : edges of the bands.
    after_s : the envelope after a step is averaged over this; 12 ms of a muzzle blast and its first reflections stand out,
        a click or a rain drop does not fill it.
    guard_s : left out before the step, so that a rise slower than a frame does not count as "before".
    before_s : the envelope before is averaged over this, newest heaviest: the memory that reverberation fills.
    separation_s : of two maxima closer than this the larger is the event: one sound is never reported twice.
    floor_window_s, floor_percentile : the noise floor is this percentile of the band's energy over the window.
    chunk_s : work is done in pieces of about this length; latency against cost.
    description_s : length of sound after the onset that features describe.
    """

    threshold_db: float = 4.0
    bands_hz: tuple[tuple[float, float], ...] = BANDS_HZ
    after_s: float = 0.008
    guard_s: float = 0.002
    before_s: float = 0.030
    separation_s: float = 0.012
    floor_window_s: float = 1.0
    floor_percentile: float = 20.0
    chunk_s: float = 0.100
    description_s: float = 0.060

    def __post_init__(self) -> None:
        for name in ("after_s", "before_s", "separation_s", "floor_window_s", "chunk_s", "description_s"):
            value = getattr(self, name)
            if not value > 0.0:
                raise ValueError(f"{name}: expected a positive duration in seconds, got {value!r}")
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
    statistic : size of the step, dB; a sweep over thresholds needs one run at the lowest.
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
    blocks : (n, bands, channels) block means for the noise floor, inf where there was a gap.
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

        self._after = frames(s.after_s)
        self._guard = frames(s.guard_s, 0)
        self._before = frames(s.before_s, 2)
        self._apart = frames(s.separation_s)
        self._block = frames(0.008)  # frames a noise-floor block: a percentile of single frames would follow the valleys
        self._chunk = self._block * max(1, round(s.chunk_s / (frame_s * self._block)))  # frames
        self._floor_blocks = frames(s.floor_window_s) // self._block
        self._gap = frames(0.010)  # zeros this long are samples lost or padding, never sound
        self._warm_up = frames(0.100)  # after a gap: no event until there is a "before" to compare with
        self._describe = round(s.description_s * rate_hz)
        # A maximum at frame t needs the statistic up to t + apart, that needs frames up to t + apart + after; the sound's
        # description needs samples.  All candidates are decided this many frames late, whatever the chunk.
        self._late = max(self._apart + self._after, -(-(self._describe + self._picker.after) // self._frame) + 1)
        self._keep = self._before + self._guard + self._apart + self._late  # frames kept from earlier chunks
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
        done = state.done + len(chunk)
        following = DetectorState(
            taken=state.taken,
            done=done,
            pending=rest,
            raw=raw[len(raw) - self._raw_keep :],
            decimator=decimator,
            bank=bank,
            energies=energies[:, :, -self._keep :],
            heard=heard[:, -self._keep :],
            zeros=zeros,
            blocks=blocks,
        )
        return following, self._events(energies, heard, blocks, raw, done)

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

    def _events(
        self, energies: Array, heard: NDArray[np.int64], blocks: Array, raw: Array, done: int
    ) -> list[Detection]:
        """Events among the frames whose turn it is: ``late`` frames before the end of this chunk."""
        floor = np.maximum(noise_floor(blocks, self.settings.floor_percentile), QUIETEST_POWER)  # (bands, channels)
        floor = np.where(np.isfinite(floor), floor, 1.0)
        excess = 10.0 * np.log10(1.0 + energies / floor[:, :, None])
        statistic, level = step_statistic(excess, after=self._after, guard=self._guard, before=self._before)
        offset = self._before + self._guard  # frame of statistic[..., 0] in energies
        frames = energies.shape[2]
        first = frames - self._late - self._chunk  # the chunk's worth of frames whose turn it is
        warm = heard[:, offset : offset + statistic.shape[1]] >= self._warm_up
        statistic = np.where(warm, statistic, -np.inf)
        peak = maximum_filter1d(statistic, 2 * self._apart + 1, axis=1, mode="constant", cval=-np.inf)
        turn = slice(first - offset, first - offset + self._chunk)
        is_event = (statistic[:, turn] == peak[:, turn]) & (statistic[:, turn] >= self.settings.threshold_db)
        found = []
        for channel, index in np.argwhere(is_event).tolist():
            at = index + first - offset
            if at and statistic[channel, at - 1] == statistic[channel, at]:
                continue  # a plateau is one event: its first frame
            # Sample of `raw` where the frame starts; energies trail the stream by the decimator's delay.
            sample = len(raw) - (frames - offset - at) * self._frame - self._decimator.delay
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
