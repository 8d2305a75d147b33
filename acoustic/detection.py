"""What the detector finds, and what may be tuned about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acoustic.features import Features
from acoustic.filterbank import BANDS_HZ


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What may be tuned; docs/tuning.md says by which symptom.

    The statistic of an instant, in decibels, is ``rise + prominence_weight * min(prominence, prominence_cap_db) -
    clutter_weight * clutter``:

    * rise: how far the envelope (mean over the bands) stands over that just before.  It finds a shot in the tail of an
      earlier one, however loud the day is.
    * prominence: how far the energy stands over the mean energy of the last second.  Echoes, the strokes of an
      engine and the end of a lull rise, but do not stand out.
    * clutter: root mean square of the rises of the last 2 s or of the last 5 s, whichever is less.  Where things keep
      popping (a jackhammer, crackling, rain on the housing), an event must pop more than they do: a constant rate of
      false alarms.  A burst and its echoes pop only for a second or two, and must not be their own clutter.

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
    clutter_weight, clutter_memory_s, clutter_lasting_s : see above; both means fade, with these two memories.
    chunk_s : work is done in pieces of about this length; latency against cost.
    description_s : length of sound after the onset that features describe.

    The values were chosen on live fire (6 positions, 12 kHz, 948 arrivals) together with shots mixed into rain, a
    helicopter, sirens, a chainsaw and fire at 0 to 20 dB, and clutter_lasting_s on bursts simulated in cities.  But for
    clutter_weight, of which live fire bears no tenth more, none of them is sharp: a factor of 1.5 in any loses little.
    """

    threshold_db: float = 4.5
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
    clutter_weight: float = 4.25
    clutter_memory_s: float = 2.0
    clutter_lasting_s: float = 5.0
    chunk_s: float = 0.150
    description_s: float = 0.060

    def __post_init__(self) -> None:
        for name in (
            *("smoothing_s", "after_s", "before_s", "separation_s", "floor_window_s", "floor_share"),
            *("prominence_window_s", "prominence_memory_s", "clutter_memory_s", "clutter_lasting_s"),
            *("chunk_s", "description_s"),
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
    gap : samples were missing (10 ms or more of exact zeros) just before the sound or in it.
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
    gap: bool
    features: Features
