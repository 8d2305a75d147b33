"""The air that sound travels through."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acoustic.atmosphere import speed_of_sound_m_s


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
