"""What bending over or around edges takes from a sound.

Maekawa's chart in Kurze and Anderson's closed form.  It needs of an edge only how much longer it makes the path, which
a city's map gives to within decimetres.  The uniform theory of diffraction (UTD) would need the angle of every wedge
and the side of it on which source and receiver lie, and for two edges or more that see one another grazingly (every
flat roof) its slope terms; maps have no such angles, eaves and parapets would change them, and its result is defined
for straight infinite wedges only.  Where both hold, deep in the shadow, they agree: the loss grows by 10 dB a decade,
and a minimum-phase filter of that magnitude turns the phase by the 45 degrees of Keller's coefficient.

Sources
-------
Maekawa 1968, "Noise reduction by screens", Applied Acoustics 1, 157-173.
Kurze and Anderson 1971, "Sound attenuation by barriers", Applied Acoustics 4, 35-53.
ISO 9613-2:1996, 7.4: several edges count as a thick screen (eq. 15, C3) and screens take no more than 20 dB
(one edge) or 25 dB (two and more), because sound that turbulence scatters comes over as well.  The standard's ``K_met``
is left at 1, as it has it for sound that goes around: rays here are straight.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

GRAZING_LOSS_DB = 5.0
"""Loss of an edge that just touches the straight line.  In sight of each other, source and receiver lose nothing to
edges beside the line, so the loss steps by this much at the shadow's boundary (the true field goes smoothly from 6 dB
at the boundary to 0 dB a Fresnel zone above it, with ripples of 1 dB)."""

MOST_LOSS_DB = (20.0, 25.0)
"""Of one edge, and of two or more (ISO 9613-2:1996, 7.4)."""

THICK_SCREEN_WAVELENGTHS = 5.0
"""Edges much farther apart than so many wavelengths act one after the other (ISO 9613-2:1996, eq. 15)."""

MANY = 2


def fresnel_number(
    frequency_hz: NDArray[np.float64],
    excess_m: NDArray[np.float64],
    edge_span_m: NDArray[np.float64],
    sound_speed_m_s: float,
) -> NDArray[np.float64]:
    """Fresnel number ``N = C3 2 delta / lambda``.

    Parameters
    ----------
    frequency_hz : (m,) float64, Hz.
    excess_m : (n,) float64, delta, how much longer the path is than without its edges, metres.
    edge_span_m : (n,) float64, from the first to the last edge, metres; 0 for one edge.
    sound_speed_m_s : m/s.

    Returns
    -------
    (n, m) float64.  ``C3 = (1 + (5 lambda / e)^2) / (1/3 + (5 lambda / e)^2)`` goes from 1 for edges close together to
    3 for edges far apart (ISO 9613-2:1996, eq. 15).
    """
    f = np.asarray(frequency_hz, dtype=np.float64)[None, :]
    # Multiplied by (f e / 5 c)^2, so that neither 0 Hz nor one edge divides by zero.
    thickness = (np.asarray(edge_span_m)[:, None] * f / (THICK_SCREEN_WAVELENGTHS * sound_speed_m_s)) ** 2
    c3 = (1.0 + thickness) / (1.0 + thickness / 3.0)
    return np.asarray(c3 * (2.0 / sound_speed_m_s) * np.asarray(excess_m)[:, None] * f)


def edge_loss_db(
    frequency_hz: NDArray[np.float64],
    excess_m: NDArray[np.float64],
    edges: NDArray[np.integer],
    edge_span_m: NDArray[np.float64],
    sound_speed_m_s: float,
) -> NDArray[np.float64]:
    """Loss by diffraction, ``5 + 20 log10(sqrt(2 pi N) / tanh sqrt(2 pi N))`` dB (Kurze and Anderson 1971).

    Parameters
    ----------
    frequency_hz : (m,) float64, Hz.
    excess_m, edge_span_m : (n,) float64, metres; see ``fresnel_number``.
    edges : (n,) integer; a path without edges loses nothing.
    sound_speed_m_s : m/s.

    Returns
    -------
    (n, m) float64, dB: 0, or from 5 to the most that ISO 9613-2 grants.
    """
    loss = np.zeros((len(edges), len(frequency_hz)))
    bent = np.flatnonzero(edges > 0)
    if len(bent) == 0:
        return loss
    x = np.sqrt(2.0 * math.pi * fresnel_number(frequency_hz, excess_m[bent], edge_span_m[bent], sound_speed_m_s))
    ratio = np.divide(x, np.tanh(x), out=np.ones_like(x), where=x > 1e-6)  # x / tanh x = 1 + x^2 / 3 near 0
    most = np.where(edges[bent] >= MANY, MOST_LOSS_DB[1], MOST_LOSS_DB[0])[:, None]
    loss[bent] = np.minimum(GRAZING_LOSS_DB + 20.0 * np.log10(ratio), most)
    return loss
