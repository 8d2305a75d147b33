"""A MEMS microphone and its converter: its own noise, what it lets through, where it runs out of range, its steps.

Its noise is white but for the flicker below a few hundred hertz (data sheets of MEMS microphones give 25 to 36 dB(A)).
Pressure is coupled through a vent: one pole at 20 Hz.  The converter adds Gaussian noise of half a step before it
rounds, which makes its error independent of the sound (Vanderkooy & Lipshitz 1984, "Resolution below the least
significant bit in digital systems with dither", J. Audio Eng. Soc. 32(3), 106-113) and keeps digital silence, which is
a fault's sign, out of sound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.hearing.spectrum import THIRD_OCTAVES_HZ, Spectrum
from sim.sound import REFERENCE_PA
from sim.world import Station

VENT_HZ = 20.0
"""Of the pole through which pressure is coupled, at -3 dB."""

FLICKER_HZ = 200.0
"""Where flicker and white noise are equal."""

DITHER_STEPS = 0.5
"""Standard deviation of the converter's noise, steps."""

# White noise: a third octave holds 10 log10(f) more.
SELF_NOISE = Spectrum(10.0 * np.log10(THIRD_OCTAVES_HZ * (1.0 + FLICKER_HZ / THIRD_OCTAVES_HZ))).at_level(0.0)
"""Shape of the microphone's own noise, at 0 dB(A)."""


def vent_power_gain(frequency_hz: ArrayLike) -> NDArray[np.float64]:
    """Squared magnitude of what the vent lets through."""
    ratio2 = np.square(np.asarray(frequency_hz, dtype=np.float64) / VENT_HZ)
    return np.asarray(ratio2 / (1.0 + ratio2))


def through_vent(pressure_pa: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Pressure behind the vent, of a wave that begins with the first sample and has ended with the last.

    pressure_pa : (n,) float64.  The one pole is matched in time (bilinear, pre-warped): above 200 Hz it takes less than
    0.05 dB and delays nothing.
    """
    from scipy.signal import lfilter  # noqa: PLC0415  half a second to import, which silence need not pay

    warped = np.tan(np.pi * VENT_HZ / rate_hz)
    b = np.array([1.0, -1.0]) / (1.0 + warped)
    a = np.array([1.0, (warped - 1.0) / (warped + 1.0)])
    return np.asarray(lfilter(b, a, pressure_pa))


def steps_per_pa(station: Station) -> float:
    """Converter steps a pascal gives, true sensitivity included."""
    per_pa = 10.0 ** ((station.gain_error_db - station.full_scale_db_spl) / 20.0) / REFERENCE_PA
    return float(per_pa * 2.0 ** (station.bits - 1))


def dither_density_pa2_hz(station: Station) -> float:
    """One-sided density of the converter's noise, as pressure, Pa^2/Hz."""
    return float((DITHER_STEPS / steps_per_pa(station)) ** 2 / (station.rate_hz / 2.0))


def converted(pressure_pa: NDArray[np.float32], station: Station) -> NDArray[np.int32]:
    """Samples as the converter gives them.

    Parameters
    ----------
    pressure_pa : (n,) float32, the converter's noise included.
    station : its ``bits``, ``full_scale_db_spl``, ``gain_error_db`` and ``faults.clip_db_spl`` are used.

    Returns
    -------
    (n,) int32 steps, -2^(bits - 1) .. 2^(bits - 1) - 1.  A microphone that overloads is flat at its overload level.
    """
    steps = steps_per_pa(station)
    low, high = -float(2 ** (station.bits - 1)), float(2 ** (station.bits - 1) - 1)
    if station.faults.clip_db_spl is not None:
        overload = np.rint(REFERENCE_PA * 10.0 ** (station.faults.clip_db_spl / 20.0) * steps)
        low, high = max(low, -overload), min(high, overload)
    # float32 holds 24 bits and a sign: every step of 24 bits is exact.
    scaled = np.clip(pressure_pa * np.float32(steps), np.float32(low), np.float32(high))
    return np.asarray(np.rint(scaled, out=scaled).astype(np.int32))


def samples(steps: NDArray[np.int32], bits: int) -> NDArray[np.float32]:
    """Steps as shares of full scale, exactly as an audio file of so many bits is read."""
    return steps.astype(np.float32) * np.float32(2.0 ** (1 - bits))
