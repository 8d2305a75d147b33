"""One round fired: its muzzle blast, its directivity, and its bullet."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.sound import Sound
from sim.sources.bullet import StraightBullet
from sim.sources.directivity import MuzzleDirectivity
from sim.sources.friedlander import Blast
from sim.sources.muzzle import STANDARD_PRESSURE_PA, blast_duration_s, blast_peak_pa
from sim.sources.weapons import Weapon

LEVEL_SIGMA_DB = 1.0
"""Scatter of the blast's level from round to round: charge, fill, lock-up.  Repeats of one load in one gun on one
microphone scatter by about 1 dB."""

LEVEL_LIMIT_DB = 3.0
"""No round is further from its weapon's level than this."""

SPEED_SIGMA = 0.012
"""Scatter of the muzzle speed: 3 to 12 m/s in makers' tables."""

SLOWEST_SOUND_M_S = 293.0
"""Speed of sound at -60 deg C, the coldest weather that is taken: a slower bullet never outruns sound."""

GRAVITY_M_S2 = 9.81

FURTHEST_M = 2000.0
"""No small-arms bullet is still supersonic there."""


def gunshot(
    weapon: Weapon,
    *,
    id: str,
    source: str,
    round: int,
    at_ns: int,
    position_m: NDArray[np.float64],
    axis: NDArray[np.float64],
    generator: np.random.Generator,
    range_m: float = FURTHEST_M,
    pressure_pa: float = STANDARD_PRESSURE_PA,
) -> Sound:
    """One round.

    Parameters
    ----------
    id, source, round, at_ns : as of ``Sound``.
    position_m : (3,) float64, the muzzle, metres, site frame, up above the ground.
    axis : (3,) float64, where the barrel points; any length but zero.
    generator : draws the round's level and muzzle speed, two numbers in this order.
    range_m : where the bullet hits something; the ground ends its flight in any case.
    pressure_pa : of the air that the bullet flies through: it slows the bullet down and carries the shock wave.  The
        blast keeps the level of standard pressure, 0.7 dB too much at 900 hPa (``sim.sources.muzzle``, eq. 1 and 2).

    Returns
    -------
    A sound of kind ``gunshot``; without a bullet where that is slower than sound in any air.
    """
    position = np.array(position_m, dtype=np.float64)
    barrel = np.array(axis, dtype=np.float64)
    barrel /= np.linalg.norm(barrel)
    level_db = float(np.clip(LEVEL_SIGMA_DB * generator.standard_normal(), -LEVEL_LIMIT_DB, LEVEL_LIMIT_DB))
    speed = weapon.speed_m_s * (1.0 + SPEED_SIGMA * float(generator.standard_normal()))
    # Peak and duration both go with the cube root of the energy (sim.sources.muzzle, eq. 2).
    energy = weapon.blast_energy_j * 10.0 ** (3.0 * level_db / 20.0)
    bullet = None
    if speed > SLOWEST_SOUND_M_S:
        bullet = StraightBullet(
            position,
            barrel,
            speed,
            weapon.diameter_m,
            weapon.length_m,
            weapon.drag,
            range_m=min(range_m, FURTHEST_M),
            longest_s=time_to_ground_s(float(position[2]), speed * float(barrel[2])),
            pressure_pa=pressure_pa,
        )
    return Sound(
        id=id,
        kind="gunshot",
        source=source,
        label=weapon.label,
        round=round,
        at_ns=at_ns,
        position_m=position,
        signal=Blast(blast_peak_pa(energy), blast_duration_s(energy)),
        axis=barrel,
        directivity=MuzzleDirectivity.of_energy(energy),
        bullet=bullet,
    )


def time_to_ground_s(height_m: float, climb_m_s: float) -> float:
    """When a bullet that starts so high and climbs so fast meets level ground, without drag, seconds.

    It bounds the supersonic flight; the path itself is drawn straight."""
    return (climb_m_s + math.sqrt(climb_m_s**2 + 2.0 * GRAVITY_M_S2 * max(height_m, 0.0))) / GRAVITY_M_S2
