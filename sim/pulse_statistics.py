"""What a detector makes of arrivals, in numbers: chances, errors, and what no map knows.

The figures of `DetectorModel` were measured on ``acoustic.detector`` itself: 28 Friedlander blasts of 0.8 ms in noise
that falls with frequency, at each of 22 ratios, 12 kHz, low-passed at 0.5 or 1.5 kHz, with weak and strong
reverberation.  Half of them are found at 13 (much reverberation) to 16 dB (little), nine of ten 2 dB higher; picks
scatter by 1.2 ms at 16 dB, 0.6 at 18 and 0.2 at 20.  On live fire picks scatter by 0.5 ms about the published
instants however strong the sound (``docs/accuracy.md``), which is taken for the least.  Those of `Scatter` are fitted
on live fire (``benchmarks.realism``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DetectorModel:
    """What `acoustic.detector` does, without sound.

    half_snr_db : ratio of peak to background's root mean square, both in the picking band, at which half are found.
    width_db : scale of the logistic curve around it.
    separation_s : of sounds closer than this one is reported, the stronger; its onset is the first strong enough.
    first_share_db : a path this far below the strongest of its group may still be the onset that is picked.
    coherent_s : paths closer than this add up in pressure: a blast lasts about so long.
    tail_db : level (root mean square) of reverberation just after a sound, below the sound's peak.
    timing_s : standard deviation of an onset at high SNR, pick and turbulence.
    noisy_timing_s, noisy_fall_db : what noise adds at ``half_snr_db``, and in how many dB it falls to a tenth.
    clutter_share : share of the background's swells that set the detector off (``Ambient.events_per_min``).
    clutter_excess_db : mean of the exponential SNR of such pulses above ``half_snr_db``.
    """

    half_snr_db: float = 15.5
    width_db: float = 0.8
    separation_s: float = 0.012
    first_share_db: float = 12.0
    coherent_s: float = 0.0005
    tail_db: float = 18.0
    timing_s: float = 0.5e-3
    noisy_timing_s: float = 1.2e-3
    noisy_fall_db: float = 6.0
    clutter_share: float = 0.3
    clutter_excess_db: float = 4.5

    def probability(self, snr_db: ArrayLike) -> Array:
        """Chance that a sound of this SNR is reported, float64 of the same shape."""
        return np.asarray(expit((np.asarray(snr_db, dtype=np.float64) - self.half_snr_db) / self.width_db))

    def timing_sigma_s(self, snr_db: ArrayLike) -> Array:
        """Standard deviation of the onset of a sound of this SNR, seconds, float64 of the same shape."""
        over = np.asarray(snr_db, dtype=np.float64) - self.half_snr_db
        noisy = self.noisy_timing_s * 10.0 ** (-np.maximum(over, -2.0) / self.noisy_fall_db)
        return np.asarray(np.hypot(self.timing_s, noisy))


@dataclass(frozen=True, slots=True)
class Scatter:
    """What the map does not know: trees, cars, porches, slopes, air that moves.

    cell_m : sounds from one square of this size share a sensor's draw: what a path does to one round it does to the
        next.
    loss_db, loss_db_km : further loss of all paths of a sound to a sensor, on average: wherever it is, and for each
        kilometre between them; a negative loss is a gain: gaps, low roofs, open slopes that the map does not have.
    loss_sigma_db : its standard deviation from pair to pair at a kilometre; it grows with the root of distance, as a
        sum of many independent obstacles does.
    path_sigma_db : standard deviation of each path alone.
    round_sigma_db : standard deviation from round to round.
    late_share, late_s : share of pairs whose paths are all late, and by how much on average (exponential); the ways
        around the map's own buildings are late enough to fit live fire without.
    background_sigma_db : standard deviation of the background's level from moment to moment.
    """

    cell_m: float = 10.0
    loss_db: float = -6.0
    loss_db_km: float = 6.0
    loss_sigma_db: float = 12.0
    path_sigma_db: float = 3.0
    round_sigma_db: float = 1.3
    late_share: float = 0.0
    late_s: float = 0.010
    background_sigma_db: float = 2.5

    def mean_loss_db(self, distance_m: ArrayLike) -> Array:
        """Mean further loss at so many metres, float64 of the same shape."""
        return np.asarray(self.loss_db + self.loss_db_km * 1e-3 * np.asarray(distance_m, dtype=np.float64))

    def sigma_db(self, distance_m: ArrayLike) -> Array:
        """Its standard deviation, float64 of the same shape."""
        return np.asarray(self.loss_sigma_db * np.sqrt(1e-3 * np.asarray(distance_m, dtype=np.float64)))


EXACT = Scatter(10.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""Only what the map and the physics say."""
