"""How loud and how long a blast is, from the energy that it sets free.

Blasts scale with the size of the ball of undisturbed air that holds as much energy as they do (Sachs' scaling; Baker
1973, "Explosions in Air"; Weber's radius of 1939 plays the same part in ISO 17201-2):

    R = (E / p0)^(1/3)                                                                                 (1)
    P r / (p0 R) = A,   T c / R = B        far away, where the wave is weak                            (2)

``A`` and ``B`` are the far ends of Kinney & Graham 1985, "Explosive Shocks in Air", 2nd ed., chapter 6, for a chemical
explosion in free air.  With the scaled distance ``Z`` in m/kg^(1/3) of TNT their fits tend to

    p/p0 -> 808 * 0.048 * 0.32 * 1.35 / 4.5^2 / Z,    T -> 980 * 0.02^3 * 0.74^6 * 6.9 / 0.54^10 ms/kg^(1/3),

and one kilogram is 4.184 MJ, so R = 3.457 m.  The acoustic efficiency that follows for a Friedlander pulse is
``pi A^2 B / gamma``, 5 %.

For a gun ``E`` is what the propellant gas still holds when the bullet leaves,

    E = m_c q (1 - h) - m v^2 / 2,                                                                     (3)

charge ``m_c`` of specific energy ``q``, of which the barrel takes the share ``h`` as heat and the bullet its kinetic
energy. (2) is then what is heard on the barrel's axis; the directivity takes the rest.
"""

from __future__ import annotations

STANDARD_PRESSURE_PA = 101_325.0

TNT_J_KG = 4.184e6
"""The energy that defines a mass of TNT."""

_SCALE_M = (TNT_J_KG / STANDARD_PRESSURE_PA) ** (1.0 / 3.0)  # R of a kilogram of TNT

FAR_PEAK = 808.0 * 0.048 * 0.32 * 1.35 / 4.5**2 / _SCALE_M
"""A of eq. 2, 0.239."""

FAR_DURATION = 980e-3 * 0.02**3 * 0.74**6 * 6.9 / 0.54**10 * 340.3 / _SCALE_M
"""B of eq. 2, 0.415, in the standard air (340.3 m/s) of the fits."""

STANDARD_SOUND_M_S = 340.3
"""Speed of sound at 15 deg C.  A blast's length in other air differs by the root of temperature, 5 % at most: left
out."""

PROPELLANT_J_KG = 3.9e6
"""q of eq. 3: single-base powders hold 3.6-3.9 MJ/kg, double-base ones, usual in pistols, 4.0-5.0."""

BARREL_HEAT = 0.25
"""h of eq. 3: heat and friction take a fifth to a third of the powder's energy in small arms."""


def blast_radius_m(energy_j: float) -> float:
    """R of eq. 1, metres."""
    return float((energy_j / STANDARD_PRESSURE_PA) ** (1.0 / 3.0))


def blast_peak_pa(energy_j: float) -> float:
    """Peak pressure, Pa, that the far field of a blast has when it is drawn back to one metre with 1/r, eq. 2."""
    return float(FAR_PEAK * STANDARD_PRESSURE_PA * blast_radius_m(energy_j))


def blast_duration_s(energy_j: float) -> float:
    """Positive phase in the far field, seconds, eq. 2."""
    return float(FAR_DURATION * blast_radius_m(energy_j) / STANDARD_SOUND_M_S)


def blast_energy_j(peak_pa: float) -> float:
    """The energy whose far field has this peak at one metre, joules: the inverse of ``blast_peak_pa``."""
    return float((peak_pa / (FAR_PEAK * STANDARD_PRESSURE_PA)) ** 3 * STANDARD_PRESSURE_PA)


def gas_energy_j(charge_kg: float, projectile_kg: float, speed_m_s: float) -> float:
    """What the gas still holds as the projectile leaves, joules, eq. 3."""
    return charge_kg * PROPELLANT_J_KG * (1.0 - BARREL_HEAT) - 0.5 * projectile_kg * speed_m_s**2
