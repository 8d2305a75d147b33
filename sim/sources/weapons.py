"""Weapons: what they fire, how fast, and how loud.

Sources of the columns
----------------------
diameter, mass : the cartridge's standard (SAAMI Z299.3 and Z299.4 for American pistols and rifles, C.I.P. tables for
    7.62x39, NATO STANAG for 5.56x45 and 7.62x51); projectile diameters, not land diameters.
length : of a common jacketed bullet of that mass, as makers print it for seating (within 1 mm).
speed : makers' tables for the barrel named in the label (within 5 % between makers and barrels).
ballistic coefficient : makers' G1; for M855 and M80 the G7 of the Army Research Laboratory.
    Buckshot is a sphere: its sectional density over a form factor of 1.5.
charge : common loads of reloading handbooks for that bullet and speed (within 10 %; powders differ).
cyclic rate : the makers' and armies' manuals.
published : peak levels one metre left of the muzzle (position of MIL-STD-1474), Dater 2014, "Firearm Sound
    Suppression"; and peak levels at the shooter's ear in the list of W. Krammer, Ball State University, that
    hearing-protection literature reprints.

Blast energy, and from it peak and duration on the axis, follow from charge, mass and speed (``sim.sources.muzzle``,
eq. 3); ``docs/sources.md`` compares them with the published levels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sim.sources.drag import Drag
from sim.sources.friedlander import level_db_spl
from sim.sources.muzzle import blast_duration_s, blast_peak_pa, gas_energy_j


@dataclass(frozen=True, slots=True)
class Weapon:
    """A weapon with one kind of cartridge.

    name : as scenarios write it.
    label : for people.
    diameter_m, mass_kg, length_m : of the projectile.
    speed_m_s : at the muzzle.
    drag : of the projectile.
    charge_kg : of propellant.
    cyclic_rpm : rounds a minute of automatic fire; None for what fires one at a time.
    projectiles : how many leave with one shot; ``mass_kg`` is of one.
    beside_db_spl : published peak level one metre beside the muzzle, lowest and highest; None where none is known.
    shooter_db_spl : published peak level at the shooter's ear.
    """

    name: str
    label: str
    diameter_m: float
    mass_kg: float
    length_m: float
    speed_m_s: float
    drag: Drag
    charge_kg: float
    cyclic_rpm: float | None = None
    projectiles: int = 1
    beside_db_spl: tuple[float, float] | None = None
    shooter_db_spl: float | None = None

    @property
    def blast_energy_j(self) -> float:
        """What the propellant gas holds as the bullet leaves, joules."""
        return gas_energy_j(self.charge_kg, self.projectiles * self.mass_kg, self.speed_m_s)

    @property
    def peak_db_spl_1m(self) -> float:
        """Peak level of the muzzle blast on the axis, its far field drawn back to one metre."""
        return level_db_spl(blast_peak_pa(self.blast_energy_j))

    @property
    def positive_s(self) -> float:
        """Positive phase of the muzzle blast, seconds."""
        return blast_duration_s(self.blast_energy_j)


def _weapon(
    name: str,
    label: str,
    diameter_mm: float,
    mass_g: float,
    length_mm: float,
    speed_m_s: float,
    drag: Drag,
    charge_g: float,
    *,
    cyclic_rpm: float | None = None,
    projectiles: int = 1,
    beside_db_spl: tuple[float, float] | None = None,
    shooter_db_spl: float | None = None,
) -> Weapon:
    """A row of the table, in the units in which the trade prints it."""
    return Weapon(
        name,
        label,
        1e-3 * diameter_mm,
        1e-3 * mass_g,
        1e-3 * length_mm,
        speed_m_s,
        drag,
        1e-3 * charge_g,
        cyclic_rpm,
        projectiles,
        beside_db_spl,
        shooter_db_spl,
    )


_ROWS = (
    _weapon("22lr", ".22 LR pistol", 5.7, 2.59, 12.0, 305.0, Drag("G1", 0.125), 0.09),
    _weapon("25acp", ".25 ACP pistol", 6.4, 3.24, 11.5, 230.0, Drag("G1", 0.090), 0.09, shooter_db_spl=155.0),
    _weapon("32acp", ".32 ACP pistol", 7.9, 4.60, 12.0, 275.0, Drag("G1", 0.110), 0.15, shooter_db_spl=153.5),
    _weapon("380acp", ".380 ACP pistol", 9.0, 6.16, 12.5, 290.0, Drag("G1", 0.110), 0.22, shooter_db_spl=157.7),
    _weapon(
        "9mm", "9 mm pistol", 9.0, 7.45, 14.0, 360.0, Drag("G1", 0.145), 0.37,
        beside_db_spl=(159.0, 162.0), shooter_db_spl=159.8,
    ),
    _weapon(
        "9mm_auto", "9 mm machine pistol", 9.0, 7.45, 14.0, 360.0, Drag("G1", 0.145), 0.37, cyclic_rpm=1100.0,
        beside_db_spl=(159.0, 162.0), shooter_db_spl=159.8,
    ),
    _weapon("38spl", ".38 Special revolver", 9.1, 10.24, 18.0, 235.0, Drag("G1", 0.147), 0.30, shooter_db_spl=156.3),
    _weapon("357mag", ".357 Magnum revolver", 9.1, 8.10, 15.0, 440.0, Drag("G1", 0.125), 0.95, shooter_db_spl=164.3),
    _weapon(
        "40sw", ".40 S&W pistol", 10.2, 11.66, 16.0, 300.0, Drag("G1", 0.164), 0.42, beside_db_spl=(161.0, 162.0)
    ),
    _weapon("45acp", ".45 ACP pistol", 11.5, 14.90, 17.0, 255.0, Drag("G1", 0.195), 0.36, shooter_db_spl=157.0),
    _weapon(
        "556x45", "5.56 mm rifle", 5.7, 4.02, 23.0, 920.0, Drag("G7", 0.151), 1.72, cyclic_rpm=800.0,
        beside_db_spl=(162.0, 164.0), shooter_db_spl=155.5,
    ),
    _weapon("762x39", "7.62x39 mm rifle", 7.9, 7.97, 26.8, 715.0, Drag("G1", 0.275), 1.60, cyclic_rpm=600.0),
    _weapon(
        "762x51", "7.62x51 mm rifle", 7.8, 9.53, 28.6, 838.0, Drag("G7", 0.200), 2.98, cyclic_rpm=600.0,
        shooter_db_spl=156.2,
    ),
    _weapon(
        "12ga", "12-gauge shotgun", 8.4, 3.49, 8.4, 400.0, Drag("G1", 0.047), 1.60, projectiles=9,
        shooter_db_spl=161.5,
    ),
)  # fmt: skip

WEAPONS: Mapping[str, Weapon] = MappingProxyType({weapon.name: weapon for weapon in _ROWS})
"""All weapons by name.  Shotgun: 00 buckshot, nine pellets of 8.4 mm, whose shock waves are taken as one pellet's."""
