"""A bullet in flat fire, and the shock wave that it trails.

It flies straight: gravity is left out, which over the time that small arms stay supersonic drops a bullet by
centimetres (pistol, 50 m) to some metres (rifle, 600 m) and turns the cone by less than a degree.  So are yaw, spin
drift and the rays' parting as the bullet slows down, which makes the real wave some decibels weaker near Mach 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.sound import Shock
from sim.sources.drag import TABLES, Drag
from sim.sources.flight import LEAST_MACH, find_emissions, flight_at, flight_end, flight_nodes
from sim.sources.muzzle import STANDARD_PRESSURE_PA
from sim.sources.nwave import whitham_duration_s, whitham_peak_pa


@dataclass(frozen=True, slots=True, eq=False)
class StraightBullet:
    """A ``Bullet`` that flies straight through the air.

    muzzle_m : (3,) float64, metres, site frame.
    axis : (3,) float64 unit vector, the barrel's.
    speed_m_s : at the muzzle, over the ground.
    diameter_m, length_m : of the bullet.
    drag : None for a bullet that does not slow down.
    range_m : the way through the air after which its flight ends: where it hits.
    longest_s : the time after which it ends.
    pressure_pa : of the air.
    """

    muzzle_m: NDArray[np.float64]
    axis: NDArray[np.float64]
    speed_m_s: float
    diameter_m: float
    length_m: float
    drag: Drag | None
    range_m: float = 2000.0
    longest_s: float = math.inf
    pressure_pa: float = STANDARD_PRESSURE_PA

    def shock(self, receivers_m: NDArray[np.float64], sound_speed_m_s: float, wind_m_s: NDArray[np.float64]) -> Shock:
        """The shock wave as it passes each of (n, 3) float64 receivers, metres, site frame, in a free field.

        sound_speed_m_s : of still air.  wind_m_s : (3,) float64, uniform, where the air goes.
        """
        receivers = np.ascontiguousarray(receivers_m, dtype=np.float64).reshape(-1, 3)
        wind = np.ascontiguousarray(wind_m_s, dtype=np.float64)
        through_air = self.speed_m_s * np.asarray(self.axis, dtype=np.float64) - wind
        speed = float(np.linalg.norm(through_air))
        mach = speed / sound_speed_m_s
        if mach <= LEAST_MACH:
            found = np.full((len(receivers), 7), np.nan)
        else:
            nodes, slowing, last = self._flight(mach, sound_speed_m_s)
            muzzle = np.ascontiguousarray(self.muzzle_m, dtype=np.float64)
            found = find_emissions(receivers, muzzle, through_air / speed, wind, sound_speed_m_s, nodes, slowing, last)
        local = found[:, 6]
        # The ray leaves at arccos(1/M) from the path; closer than its own length a bullet's wave is no N-wave yet.
        miss = np.maximum(found[:, 5] * np.sqrt(1.0 - 1.0 / local**2), self.length_m)
        return Shock(
            heard=np.isfinite(local),
            emitted_m=found[:, :3],
            emitted_s=found[:, 3],
            delay_s=found[:, 4],
            miss_m=np.linalg.norm(receivers - found[:, :3], axis=1),
            peak_pa=whitham_peak_pa(local, miss, self.diameter_m, self.length_m, self.pressure_pa),
            duration_s=whitham_duration_s(local, miss, self.diameter_m, self.length_m, sound_speed_m_s),
        )

    def speed_after(self, way_m: NDArray[np.float64], sound_speed_m_s: float) -> NDArray[np.float64]:
        """(n,) float64 speed in still air after so many metres, m/s; NaN after the end of the supersonic flight."""
        mach = self.speed_m_s / sound_speed_m_s
        if mach <= LEAST_MACH:
            return np.full(len(way_m), np.nan)
        nodes, slowing, last = self._flight(mach, sound_speed_m_s)
        longest = flight_at(1.0, nodes, slowing, sound_speed_m_s, last)[0]
        speeds = np.full(len(way_m), np.nan)
        for row, way in enumerate(way_m):
            if way <= longest:
                at = mach if self.drag is None else flight_end(nodes, slowing, sound_speed_m_s, float(way), math.inf)
                speeds[row] = at * sound_speed_m_s
        return speeds

    def _flight(self, mach: float, sound_speed_m_s: float) -> tuple[NDArray[np.float64], float, float]:
        """Corners of the supersonic flight, its drag factor in 1/m, and its end (``sim.sources.flight``)."""
        if self.drag is None:
            nodes, slowing = np.array([[mach, 0.0, 0.0, 0.0, 0.0]]), 0.0
        else:
            slowing = self.drag.slowing_per_m(sound_speed_m_s, self.pressure_pa)
            nodes = flight_nodes(TABLES[self.drag.curve], slowing, sound_speed_m_s, mach)
        return nodes, slowing, flight_end(nodes, slowing, sound_speed_m_s, self.range_m, self.longest_s)
