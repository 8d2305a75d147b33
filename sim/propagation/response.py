"""What each path does to a sound, as a level over frequency.

A path's gain is the product of what it met: spherical spreading, absorption by the air (ISO 9613-1), loss at edges
(``diffraction``), walls, and the ground (``ground``).  Sound from a point source spreads as ``1 / r`` along the whole
way, edges and bounces included; Maekawa's loss is counted against that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acoustic.atmosphere import absorption_db_per_m
from acoustic.weather import Weather
from sim.propagation.diffraction import edge_loss_db
from sim.propagation.ground import spherical_reflection
from sim.propagation.paths import Paths
from sim.world import Surfaces

NEAREST_M = 0.1
"""No path counts as shorter: nearer than this nothing that bangs is a point."""

SILENCE_DB = -300.0
"""In place of minus infinity, where a quantity is exactly zero."""

EVERY = slice(None)


def band_gain_db(
    paths: Paths,
    weather: Weather,
    surfaces: Surfaces,
    frequency_hz: NDArray[np.float64],
    *,
    spreading: bool = True,
) -> NDArray[np.float64]:
    """Level of each path over frequency, dB re one metre of free field.

    Parameters
    ----------
    paths : n paths.
    weather, surfaces : what they pass through and meet.
    frequency_hz : (m,) float64, Hz, not negative.
    spreading : False leaves the spherical spreading out: for a shock wave, whose amplitude at the receiver is known, or
        to judge a path by what it met.

    Returns
    -------
    (n, m) float64, dB.
    """
    frequency_hz = np.asarray(frequency_hz, dtype=np.float64)
    gain = smooth_gain_db(paths, weather, surfaces, frequency_hz, spreading=spreading)
    grounded = np.flatnonzero(np.isfinite(paths.grazing_rad))
    if len(grounded):
        size = np.abs(ground_reflection(paths, grounded, weather, surfaces, frequency_hz))
        gain[grounded] += 20.0 * np.log10(np.maximum(size, 10.0 ** (SILENCE_DB / 20.0)))
    return gain


def smooth_gain_db(
    paths: Paths,
    weather: Weather,
    surfaces: Surfaces,
    frequency_hz: NDArray[np.float64],
    *,
    rows: slice = EVERY,
    spreading: bool = True,
) -> NDArray[np.float64]:
    """(n, m) float64, dB, as ``band_gain_db`` of the paths in ``rows`` without the ground: what has no sign or
    phase."""
    length_m, edges, bounces = paths.length_m[rows], paths.edges[rows], paths.bounces[rows]
    absorption = absorption_db_per_m(
        frequency_hz, weather.temperature_c, weather.humidity_percent, weather.pressure_hpa
    )
    gain = -length_m[:, None] * absorption[None, :]
    bent = np.flatnonzero(edges > 0)
    if len(bent):
        excess_m, span_m = paths.excess_m[rows][bent], paths.edge_span_m[rows][bent]
        gain[bent] -= edge_loss_db(frequency_hz, excess_m, edges[bent], span_m, weather.sound_speed_m_s)
    flat = bounces * bounce_db(surfaces.wall_absorption)
    if spreading:
        flat = flat - 20.0 * np.log10(np.maximum(length_m, NEAREST_M))
    return np.asarray(gain + flat[:, None])


def bounce_db(wall_absorption: float) -> float:
    """What one wall changes: ``10 log10(1 - absorption)`` dB, as the amplitude takes the root of the energy."""
    return float(10.0 * np.log10(max(1.0 - wall_absorption, 10.0 ** (SILENCE_DB / 10.0))))


def ground_reflection(
    paths: Paths,
    rows: NDArray[np.integer],
    weather: Weather,
    surfaces: Surfaces,
    frequency_hz: NDArray[np.float64],
) -> NDArray[np.complex128]:
    """(k, m) complex128 reflection coefficient, ``exp(+j omega t)``, of the k paths in ``rows`` that touch the
    ground."""
    return spherical_reflection(
        frequency_hz,
        paths.grazing_rad[rows],
        paths.length_m[rows],
        surfaces.ground_flow_resistivity_pa_s_m2,
        weather.sound_speed_m_s,
    )
