"""Late reverberation: what is left of a sound after more bounces than can be followed one by one.

Gaussian noise whose energy rises within tens of milliseconds of the first arrival, as a street's or a square's does
because its first reflections still have to arrive, and then decays exponentially; air takes the high frequencies first.

How long a city rings is seldom measured, and depends on how large a part of it is meant.

- Explosions over Belgrade rang 7 s (T30, 31 Hz to 1 kHz) and gained 2 to 7 dB by it: a whole city ("Measurement of
  reverberation gain in an urban environment", J. Acoust. Soc. Am. 132, 2012, 1417-1426).
- Within a street it is the distance of its walls that counts, and the time grows with height over width ("Effect of
  height-to-width ratio on the sound propagation in urban streets", Acta Acust. united Ac. 101, 2015,
  doi 10.3813/AAA.918806).  Sabine's formula with the open sky as a perfect absorber and walls that take 15 % gives
  1.2 s for a street 10 m wide and 10 m high, 1.8 s for 15 m and 15 m.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from acoustic.atmosphere import absorption_db_per_m
from acoustic.weather import Weather
from sim.world import Surfaces

RISE_S = 0.03
"""Time constant with which reverberation builds up: the way between two walls 10 m apart and half as much again."""

NOMINAL_HZ = 1000.0
"""Where ``reverberation_time_s`` holds, air included."""

FRAME_S = 0.01
"""Over such a time the colour of the tail stands still."""


def tail(
    generator: np.random.Generator,
    energy: float,
    onset_s: float,
    rate_hz: float,
    surfaces: Surfaces,
    weather: Weather,
    *,
    rise_s: float = RISE_S,
) -> tuple[int, NDArray[np.float64]]:
    """The reverberant end of an impulse response, from the first arrival on.

    ``E[h(t)^2] ~ (1 - exp(-t / rise))^2 10^(-d t / 10)``, t from the onset, and over frequency
    ``10^(-alpha(f) c (onset + t) / 10)``: sound that comes at such a time has been so far through the air, whatever it
    met.  The decay d of the city itself is what is left of ``60 dB / reverberation_time_s`` after air at 1 kHz.

    Parameters
    ----------
    generator : the random numbers; one for each pair of sound and sensor.
    energy : sum of squares of the impulse response of the paths that were found.
    onset_s : when the first of them arrives, seconds after emission.
    rate_hz : samples a second.
    surfaces, weather : how long and how strong; what air takes.
    rise_s : time constant of the build-up, seconds.

    Returns
    -------
    first_sample : h[0] is at ``first_sample / rate_hz`` seconds after emission; never before the onset.
    h : (k,) float64, of energy ``energy 10^(reverberation_db / 10)`` exactly, until it has decayed by 60 dB at 1 kHz;
        empty without reverberation or energy.
    """
    first = math.ceil(onset_s * rate_hz)
    if surfaces.reverberation_time_s <= 0.0 or energy <= 0.0:
        return first, np.zeros(0)
    hop = 1 << round(math.log2(FRAME_S * rate_hz / 2.0))
    frames = math.ceil(surfaces.reverberation_time_s * rate_hz / hop)
    frequency_hz = np.arange(1, hop) * (rate_hz / (2 * hop))  # neither 0 Hz nor half of the rate
    lost_db_per_s = weather.sound_speed_m_s * absorption_db_per_m(
        np.append(frequency_hz, NOMINAL_HZ), weather.temperature_c, weather.humidity_percent, weather.pressure_hpa
    )
    decay_db_per_s = max(60.0 / surfaces.reverberation_time_s - lost_db_per_s[-1], 0.0)

    # Each frame is noise of its own, coloured by the air of its middle, under windows whose squares add up to 1.
    middle_s = onset_s + np.arange(1, frames + 1) * (hop / rate_hz)
    noise = generator.standard_normal((frames, 2 * (hop - 1))).view(np.complex128)
    spectrum = np.zeros((frames, hop + 1), dtype=np.complex128)
    spectrum[:, 1:-1] = noise * 10.0 ** (middle_s[:, None] * (-lost_db_per_s[:-1] / 20.0))
    grains = scipy.fft.irfft(spectrum, 2 * hop, axis=1) * np.sin(np.pi / (2 * hop) * (np.arange(2 * hop) + 0.5))
    h = np.zeros((frames + 1, hop))
    h[:-1] = grains[:, :hop]
    h[1:] += grains[:, hop:]
    t = np.arange(h.size) / rate_hz
    out = h.ravel() * (-np.expm1(-t / rise_s)) * 10.0 ** (-decay_db_per_s / 20.0 * t)
    wanted = energy * 10.0 ** (surfaces.reverberation_db / 10.0)
    return first, out * math.sqrt(wanted / float(out @ out))
