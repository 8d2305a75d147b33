"""Pulses as the localizer sees them: columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PulseTable:
    """Columns of n pulses, sorted by arrival; row i of every column is one pulse.

    arrival_ns : (n,) int64, UTC nanoseconds.
    sensor : (n,) int32, index into the network's sensors.
    sigma_s : (n,) float64, one standard deviation of the arrival as measured; NaN where not stated.
    snr_db : (n,) float64; NaN where not stated.
    peak_db_spl : (n,) float64, dB re 20 uPa; NaN where not stated.
    source : (n,) int64, which pulse of the input this row is, so that evidence can be traced.
    flags : per pulse, what an auditor should know ("clipped", ...).
    peak_dbfs : (n,) float64, peak re the sensor's own full scale, comparable within a sensor only; None where no pulse
        states it.
    """

    arrival_ns: NDArray[np.int64]
    sensor: NDArray[np.int32]
    sigma_s: NDArray[np.float64]
    snr_db: NDArray[np.float64]
    peak_db_spl: NDArray[np.float64]
    source: NDArray[np.int64]
    flags: tuple[tuple[str, ...], ...] = ()
    peak_dbfs: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.arrival_ns)
