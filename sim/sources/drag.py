"""How a bullet slows down: the standard drag curves G1 and G7, and a bullet's speed over its way.

    dv/dx = -(pi/8) rho v Cd(v/c) / BC                                                                 (1)

with the drag coefficient ``Cd`` of the standard projectile and the ballistic coefficient ``BC = m / (i d^2)``, in
which the form factor ``i`` compares the bullet with the standard (McCoy 1999, "Modern Exterior Ballistics", ch. 5).
BC is quoted in lb/in^2; 1 lb/in^2 is 703.07 kg/m^2.  The tables are the Ballistic Research Laboratory's G1 and G7 as
the trade prints them (G1: flat base, 2-calibre ogive; G7: boat tail, long ogive).

Between two entries Cd runs straight, ``Cd = a + b M``.  Then way and time are closed forms of the Mach number (see
``sim.sources.flight``), so that no step of an integration limits the accuracy of an arrival.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

LB_IN2_KG_M2 = 0.45359237 / 0.0254**2
"""One lb/in^2 in kg/m^2."""

_G1 = """
0.00 .2629  0.05 .2558  0.10 .2487  0.15 .2413  0.20 .2344  0.25 .2278  0.30 .2214  0.35 .2155  0.40 .2104  0.45 .2061
0.50 .2032  0.55 .2020  0.60 .2034  0.70 .2165  0.725 .2230 0.75 .2313  0.775 .2417 0.80 .2546  0.825 .2706 0.85 .2901
0.875 .3136 0.90 .3415  0.925 .3734 0.95 .4084  0.975 .4448 1.00 .4805  1.025 .5136 1.05 .5427  1.075 .5677 1.10 .5883
1.125 .6053 1.15 .6191  1.20 .6393  1.25 .6518  1.30 .6589  1.35 .6621  1.40 .6625  1.45 .6607  1.50 .6573  1.55 .6528
1.60 .6474  1.65 .6413  1.70 .6347  1.75 .6280  1.80 .6210  1.85 .6141  1.90 .6072  1.95 .6003  2.00 .5934  2.05 .5867
2.10 .5804  2.15 .5743  2.20 .5685  2.25 .5630  2.30 .5577  2.35 .5527  2.40 .5481  2.45 .5438  2.50 .5397  2.60 .5325
2.70 .5264  2.80 .5211  2.90 .5168  3.00 .5133  3.10 .5105  3.20 .5084  3.30 .5067  3.40 .5054  3.50 .5040  3.60 .5030
3.70 .5022  3.80 .5016  3.90 .5010  4.00 .5006  4.20 .4998  4.40 .4995  4.60 .4992  4.80 .4990  5.00 .4988
"""

_G7 = """
0.00 .1198  0.05 .1197  0.10 .1196  0.15 .1194  0.20 .1193  0.25 .1194  0.30 .1194  0.35 .1194  0.40 .1193  0.45 .1193
0.50 .1194  0.55 .1193  0.60 .1194  0.65 .1197  0.70 .1202  0.725 .1207 0.75 .1215  0.775 .1226 0.80 .1242  0.825 .1266
0.85 .1306  0.875 .1368 0.90 .1464  0.925 .1660 0.95 .2054  0.975 .2993 1.00 .3803  1.025 .4015 1.05 .4043  1.075 .4034
1.10 .4014  1.125 .3987 1.15 .3955  1.20 .3884  1.25 .3810  1.30 .3732  1.35 .3657  1.40 .3580  1.50 .3440  1.55 .3376
1.60 .3315  1.65 .3260  1.70 .3209  1.75 .3160  1.80 .3117  1.85 .3078  1.90 .3042  1.95 .3010  2.00 .2980  2.05 .2951
2.10 .2922  2.15 .2892  2.20 .2864  2.25 .2835  2.30 .2807  2.35 .2779  2.40 .2752  2.45 .2725  2.50 .2697  2.55 .2670
2.60 .2643  2.65 .2615  2.70 .2588  2.75 .2561  2.80 .2533  2.85 .2506  2.90 .2479  2.95 .2451  3.00 .2424  3.10 .2368
3.20 .2313  3.30 .2258  3.40 .2205  3.50 .2154  3.60 .2106  3.70 .2060  3.80 .2017  3.90 .1975  4.00 .1935  4.20 .1861
4.40 .1793  4.60 .1730  4.80 .1672  5.00 .1618
"""


def _read(text: str) -> NDArray[np.float64]:
    table = np.array(text.split(), dtype=np.float64).reshape(-1, 2)
    table.flags.writeable = False
    return table


TABLES: dict[str, NDArray[np.float64]] = {"G1": _read(_G1), "G7": _read(_G7)}
"""(n, 2) float64 each: Mach number, drag coefficient."""


@dataclass(frozen=True, slots=True)
class Drag:
    """The drag of one kind of bullet.

    curve : the standard projectile it is compared with.
    coefficient_lb_in2 : ballistic coefficient against it.
    """

    curve: Literal["G1", "G7"]
    coefficient_lb_in2: float

    def coefficient(self, mach: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Cd of the standard projectile at these Mach numbers, straight between the table's entries."""
        table = TABLES[self.curve]
        return np.asarray(np.interp(mach, table[:, 0], table[:, 1]))

    def slowing_per_m(self, sound_speed_m_s: float, pressure_pa: float) -> float:
        """``(pi/8) rho / BC`` of eq. 1, 1/m.  The air's density follows from its pressure and speed of sound as those
        of an ideal gas, ``rho = 1.4 p / c^2``."""
        density = 1.4 * pressure_pa / sound_speed_m_s**2
        return float(np.pi / 8.0 * density / (self.coefficient_lb_in2 * LB_IN2_KG_M2))
