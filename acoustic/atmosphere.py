"""Sound in the open air: its speed, and what the air takes from it.

Sources
-------
Cramer 1993, "The variation of the specific heat ratio and the speed of sound in air with temperature, pressure,
humidity, and CO2 concentration", J. Acoust. Soc. Am. 93(5), 2510-2516, eq. 15 with table III.
Giacomo 1982, "Equation for the determination of the density of moist air (1981)", Metrologia 18, 33-40: saturation
vapour pressure and enhancement factor, as Cramer uses them.
ISO 9613-1:1993, "Attenuation of sound during propagation outdoors, part 1: calculation of the absorption of sound by
the atmosphere", eq. 3-5 and annex B.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

ZERO_CELSIUS_K = 273.15
STANDARD_PRESSURE_HPA = 1013.25

CO2_MOLE_FRACTION = 4.2e-4
"""Mole fraction of CO2 in today's open air (NOAA global mean, 2023).  Cramer's standard air of 1993 has 3.14e-4, which
gives a speed 9 mm/s higher."""


def saturation_vapour_pressure_pa(temperature_c: ArrayLike) -> NDArray[np.float64]:
    """Pressure of saturated water vapour over liquid water, Pa (Giacomo 1982; Cramer 1993, appendix).

    temperature_c : array_like, deg C.
    """
    t_k = np.asarray(temperature_c, dtype=np.float64) + ZERO_CELSIUS_K
    return np.asarray(np.exp(1.2811805e-5 * t_k**2 - 1.9509874e-2 * t_k + 34.04926034 - 6.3536311e3 / t_k))


def water_mole_fraction(
    temperature_c: ArrayLike, humidity_percent: ArrayLike, pressure_hpa: ArrayLike = STANDARD_PRESSURE_HPA
) -> NDArray[np.float64]:
    """Mole fraction of water vapour in moist air, dimensionless (Cramer 1993, appendix).

    temperature_c, humidity_percent, pressure_hpa : array_like, broadcast together; deg C, % relative humidity, hPa.
    """
    t = np.asarray(temperature_c, dtype=np.float64)
    p = np.asarray(pressure_hpa, dtype=np.float64) * 100.0
    enhancement = 1.00062 + 3.14e-8 * p + 5.6e-7 * t**2
    humidity = np.asarray(humidity_percent, dtype=np.float64) / 100.0
    return np.asarray(humidity * enhancement * saturation_vapour_pressure_pa(t) / p)


def speed_of_sound_m_s(
    temperature_c: ArrayLike,
    humidity_percent: ArrayLike = 50.0,
    pressure_hpa: ArrayLike = STANDARD_PRESSURE_HPA,
    co2_mole_fraction: ArrayLike = CO2_MOLE_FRACTION,
) -> NDArray[np.float64]:
    """Speed of sound in still, humid air at zero frequency (Cramer 1993, eq. 15).

    Parameters
    ----------
    temperature_c, humidity_percent, pressure_hpa, co2_mole_fraction : array_like, broadcast together; deg C, % relative
        humidity, hPa, dimensionless.

    Returns
    -------
    float64 array of the broadcast shape, m/s.  Cramer states 300 ppm for 0..30 deg C, 750..1020 hPa, a water mole
    fraction up to 0.06 and a CO2 mole fraction up to 0.01; below 0 deg C it is an extrapolation that stays within
    0.3 % of an ideal gas down to -60 deg C.
    """
    t = np.asarray(temperature_c, dtype=np.float64)
    p = np.asarray(pressure_hpa, dtype=np.float64) * 100.0
    xc = np.asarray(co2_mole_fraction, dtype=np.float64)
    xw = water_mole_fraction(t, humidity_percent, pressure_hpa)
    return np.asarray(
        331.5024
        + 0.603055 * t
        - 0.000528 * t**2
        + (51.471935 + 0.1495874 * t - 0.000782 * t**2) * xw
        + (-1.82e-7 + 3.73e-8 * t - 2.93e-10 * t**2) * p
        + (-85.20931 - 0.228525 * t + 5.91e-5 * t**2) * xc
        - 2.835149 * xw**2
        - 2.15e-13 * p**2
        + 29.179762 * xc**2
        + 0.000486 * xw * p * xc
    )


def speed_of_sound_dry_m_s(temperature_c: ArrayLike) -> NDArray[np.float64]:
    """Speed of sound in dry air as an ideal gas, ``20.03 sqrt(T)``, m/s.

    temperature_c : array_like, deg C.  At 50 % humidity it is 0.4 m/s low at -20 deg C, 1.0 at 20, 1.6 at 30.
    """
    return np.asarray(20.03 * np.sqrt(np.asarray(temperature_c, dtype=np.float64) + ZERO_CELSIUS_K))


def absorption_db_per_m(
    frequency_hz: ArrayLike,
    temperature_c: ArrayLike,
    humidity_percent: ArrayLike = 50.0,
    pressure_hpa: ArrayLike = STANDARD_PRESSURE_HPA,
) -> NDArray[np.float64]:
    """Pure-tone absorption by the atmosphere (ISO 9613-1:1993, eq. 3-5).

    Parameters
    ----------
    frequency_hz, temperature_c, humidity_percent, pressure_hpa : array_like, broadcast together; Hz, deg C, % relative
        humidity, hPa.

    Returns
    -------
    float64 array of the broadcast shape, dB/m.  The standard states 10 % for 0.05..5 % molar concentration of water
    vapour, -20..50 deg C, below 2000 hPa, and frequency over pressure of 4e-4..10 Hz/Pa.
    """
    f = np.asarray(frequency_hz, dtype=np.float64)
    t_k = np.asarray(temperature_c, dtype=np.float64) + ZERO_CELSIUS_K
    p_rel = np.asarray(pressure_hpa, dtype=np.float64) / STANDARD_PRESSURE_HPA
    t_rel = t_k / 293.15
    # Annex B, eq. B.2 and B.3: molar concentration of water vapour in per cent, from the triple point 273.16 K.
    h = np.asarray(humidity_percent, dtype=np.float64) * 10.0 ** (-6.8346 * (273.16 / t_k) ** 1.261 + 4.6151) / p_rel
    relax_o = p_rel * (24.0 + 4.04e4 * h * (0.02 + h) / (0.391 + h))  # eq. 3
    relax_n = p_rel * t_rel**-0.5 * (9.0 + 280.0 * h * np.exp(-4.170 * (t_rel ** (-1.0 / 3.0) - 1.0)))  # eq. 4
    oxygen = 0.01275 * np.exp(-2239.1 / t_k) / (relax_o + f**2 / relax_o)
    nitrogen = 0.1068 * np.exp(-3352.0 / t_k) / (relax_n + f**2 / relax_n)
    classical = 1.84e-11 / p_rel * np.sqrt(t_rel)
    return np.asarray(8.686 * f**2 * (classical + t_rel**-2.5 * (oxygen + nitrogen)))  # eq. 5
