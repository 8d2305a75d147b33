"""The air that sound travels through."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acoustic.atmosphere import speed_of_sound_m_s
from errors import BadInput, ConfigurationError

BOUNDS: dict[str, tuple[float, float, str]] = {
    "temperature_c": (-60.0, 60.0, "deg C"),  # the coldest and hottest towns, with a margin
    "humidity_percent": (0.0, 100.0, "%"),
    "pressure_hpa": (500.0, 1100.0, "hPa"),  # from 5,500 m above the sea to the deepest inhabited valley
    "wind_speed_m_s": (0.0, 60.0, "m/s"),  # the mean wind of the strongest hurricanes is about 70
    "wind_from_deg": (0.0, 360.0, "deg"),
    "measured_speed_m_s": (250.0, 450.0, "m/s"),  # still air: 293 at -60 deg C, 366 at 60
}
"""What each quantity may be, both ends included, and its unit."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Weather near the ground, uniform over a site.

    temperature_c, humidity_percent, pressure_hpa : air temperature, relative humidity, static pressure.
    wind_speed_m_s, wind_from_deg : mean wind at sensor height; the direction it comes from, clockwise from north.
    measured_speed_m_s : a measured speed of sound, which replaces the model's when given.
    """

    temperature_c: float = 15.0
    humidity_percent: float = 50.0
    pressure_hpa: float = 1013.25
    wind_speed_m_s: float = 0.0
    wind_from_deg: float = 0.0
    measured_speed_m_s: float | None = None

    def validated(
        self, where: object, *, error: type[BadInput] = ConfigurationError, names: Mapping[str, str] | None = None
    ) -> Weather:
        """The same weather, when every quantity is within ``BOUNDS``.

        Parameters
        ----------
        where : the file or option it came from, as the user named it.
        error : what to raise.
        names : how the file names a quantity, where that is not the name here.

        Raises
        ------
        BadInput (``error``)
            Naming the first quantity that is not a number or out of bounds.
        """
        for name, (low, high, unit) in BOUNDS.items():
            value = getattr(self, name)
            if value is None:
                continue
            if not low <= value <= high:  # also a NaN
                field = (names or {}).get(name, name)
                raise error(where, field, expected=f"{low:g} .. {high:g} {unit}", seen=value)
        return self

    @property
    def sound_speed_m_s(self) -> float:
        """Speed of sound in still air, m/s."""
        if self.measured_speed_m_s is not None:
            return self.measured_speed_m_s
        return float(speed_of_sound_m_s(self.temperature_c, self.humidity_percent, self.pressure_hpa))

    @property
    def wind_m_s(self) -> NDArray[np.float64]:
        """(3,) float64, where the air goes: east, north, up, m/s."""
        azimuth = math.radians(self.wind_from_deg)
        return -self.wind_speed_m_s * np.array([math.sin(azimuth), math.cos(azimuth), 0.0])
