"""The detector's statistic in its obvious form: a whole recording at once, frame by frame, by its definitions.

Slow, without state, filters by scipy.signal: the oracle for the streaming detector.  One channel without gaps.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import signal
from scipy.ndimage import maximum_filter1d

from acoustic.detector import BEYOND_KNEE, QUIET_RISE_DB, QUIET_S, QUIETEST_POWER, Detector

Array = NDArray[np.float64]


def band_energies(samples: Array, detector: Detector) -> Array:
    """Mean squares, (bands, frames): decimated, filtered, framed."""
    factor = detector._decimator.factor
    taps = np.ones(1) if factor == 1 else signal.firwin(12 * factor + 1, 0.92 / factor, window=("kaiser", 6.0))
    slow = np.convolve(samples, taps)[: len(samples)][::factor]
    length = detector._per_frame
    rows = []
    for band in detector.bands_hz:
        sections = signal.butter(2, band, "bandpass", fs=detector.rate_hz / factor, output="sos")
        out = signal.sosfilt(sections, slow)
        rows.append([np.mean(np.square(out[i : i + length])) for i in range(0, len(out) - length + 1, length)])
    return np.array(rows)


def statistic_and_level(samples: Array, detector: Detector) -> tuple[Array, Array]:
    """Of every frame that has one: the statistic (frames,), and the level after a step (bands, frames).

    samples : (n,) float64, never zero for a whole frame; n a whole number of the detector's chunks.
    """
    d, s = detector, detector.settings
    energies = band_energies(samples, d)
    bands, frames = energies.shape
    frame_s = d._frame / d.rate_hz
    blocks = energies.reshape(bands, -1, d._block).mean(axis=2)
    blocks[:, 0] = np.inf  # a block counts once the one before it was heard too
    count = frames - d._ahead
    start = d._before + d._guard  # silence before the stream, for the steps of the first frames
    padded = np.concatenate([np.zeros((bands, start)), energies], axis=1)
    smooth = sliding_window_view(padded, d._smooth, axis=1).mean(axis=2)
    now = sliding_window_view(energies, d._window, axis=1).mean(axis=2)

    def fade(values: Array, memory_s: float) -> Array:
        keep, out = 1.0 - frame_s / memory_s, [0.0]
        for value in values.tolist():
            out.append(keep * out[-1] + (1.0 - keep) * value)
        return np.array(out[1:])

    rise, prominence, level = np.full(count, -np.inf), np.zeros(count), np.zeros((bands, count))
    ramp = np.arange(1, d._before + 1) / (d._before * (d._before + 1) / 2.0)
    loudness = np.array([fade(row, s.prominence_memory_s) for row in energies])
    loudness /= np.maximum(fade(np.ones(frames), s.prominence_memory_s), 1e-12)
    for t in range(count):
        chunk = (t + d._ahead) // d._chunk  # in which the frame's turn comes
        heard = np.sort(blocks[:, : (chunk + 1) * d._chunk // d._block][:, -d._floor_blocks :], axis=1)
        finite = int(np.isfinite(heard[0]).sum())
        floor = np.maximum(heard[:, math.ceil(finite * s.floor_percentile / 100.0) - 1], QUIETEST_POWER)
        around = 10.0 * np.log10(s.floor_share + smooth[:, t : t + start + d._after] / floor[:, None])
        level[:, t] = around[:, start:].mean(axis=1)
        if t + 1 >= d._warm_up:
            risen = float((level[:, t] - around[:, : d._before] @ ramp).mean())
            rise[t] = min(risen, s.rise_knee_db + BEYOND_KNEE * (risen - s.rise_knee_db))
        lagged = t - d._loudness_lag
        mean = loudness[:, lagged] if lagged >= 0 else np.zeros(bands)
        over = 10.0 * np.log10((now[:, t] + QUIETEST_POWER) / (mean + QUIETEST_POWER))
        prominence[t] = min(float(over.mean()), s.prominence_cap_db)
    # A rise is clutter once it is `clutter_lag` old; the memories began `ahead` frames before the first frame.
    late = np.concatenate([np.full(d._ahead + d._clutter_lag, -np.inf), rise])[: d._ahead + count]
    power, counted = np.square(np.maximum(late, 0.0)), np.isfinite(late).astype(float)
    keep = 1.0 - frame_s / s.clutter_lasting_s
    quiet = (1.0 - math.exp(-QUIET_S / s.clutter_lasting_s)) * keep ** np.arange(len(late))
    usual = (fade(power, s.clutter_lasting_s) + QUIET_RISE_DB**2 * quiet) / (fade(counted, s.clutter_lasting_s) + quiet)
    clutter = np.sqrt(np.minimum(fade(power, s.clutter_memory_s), usual))[d._ahead :]
    return rise + s.prominence_weight * prominence - s.clutter_weight * clutter, level


def events(statistic: Array, detector: Detector) -> list[int]:
    """Frames of the local maxima that reach the threshold."""
    largest = maximum_filter1d(statistic, 2 * detector._apart + 1, mode="constant", cval=-np.inf)
    at = np.flatnonzero((statistic == largest) & (statistic >= detector.settings.threshold_db))
    return [int(t) for t in at if t == 0 or statistic[t - 1] != statistic[t]]
