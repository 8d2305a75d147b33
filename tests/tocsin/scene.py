"""A site with known shots, put together by hand: what output formats and plots are tried on."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from acoustic.weather import Weather
from geo.place import Cartesian, Geodetic
from localize.network import Network, Sensor
from localize.pulses import PulseTable
from localize.shot import Arrival, Shot
from sensors.capture import ArrayCapture
from tocsin.located import Located
from wire.utc import parse_utc_ns

START_NS = parse_utc_ns("2018-12-19T00:49:27.512345678Z")
SPEED_M_S = 331.0
RATE_HZ = 12_000


def cartesian_network(count: int = 9, seed: int = 4) -> Network:
    """Sensors at random over 1.4 km, named as a maker names them."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(-700.0, 700.0, (count, 2)) + np.array([-11_400.0, 3_500.0])
    names = [f"SCP-00-BN{'GQ'[k % 2]}-{5500 + 37 * k}" for k in range(count)]
    sensors = [Sensor(name, Cartesian(float(x), float(y), -100.0)) for name, (x, y) in zip(names, places, strict=True)]
    return Network.of(sensors, Weather(measured_speed_m_s=SPEED_M_S))


def geodetic_network(count: int = 7, seed: int = 4) -> Network:
    """Sensors over a kilometre of Geneva."""
    rng = np.random.default_rng(seed)
    places = zip(6.143 + rng.uniform(-7e-3, 7e-3, count), 46.204 + rng.uniform(-5e-3, 5e-3, count), strict=True)
    sensors = [Sensor(f"G{k:02d}", Geodetic(float(e), float(n), 375.0)) for k, (e, n) in enumerate(places)]
    return Network.of(sensors, Weather(measured_speed_m_s=SPEED_M_S))


def ellipse(centre: NDArray[np.float64], major_m: float, minor_m: float, bearing_deg: float) -> Polygon:
    """An ellipse as a polygon of 64 corners."""
    circle = Point(float(centre[0]), float(centre[1])).buffer(1.0, quad_segs=16)
    turned = affinity.rotate(affinity.scale(circle, minor_m, major_m), -bearing_deg)
    assert isinstance(turned, Polygon)
    return turned


def shot_at(
    network: Network,
    number: int,
    position_m: NDArray[np.float64],
    fired_ns: int,
    *,
    major_m: float = 18.0,
    bearing_deg: float = 34.0,
    two_roots: bool = False,
    flags: tuple[str, ...] = (),
    lent: bool = False,
) -> Shot:
    """A shot heard by the near sensors; one of them late and rejected, the farthest silent; with ``lent``, one lent."""
    rng = np.random.default_rng(number)
    distance = np.linalg.norm(network.positions_m - position_m, axis=1)
    order = np.argsort(distance)
    arrivals = []
    for rank, row in enumerate(order):
        status = (
            "silent"
            if rank == len(order) - 1
            else "rejected"
            if rank == 3
            else "lent"
            if lent and rank == 4
            else "used"
        )
        residual = 0.085 if status == "rejected" else float(rng.normal(0.0, 4e-3))
        silent = status == "silent"
        unheard = status in ("silent", "lent")
        arrivals.append(
            Arrival(
                sensor=network.ids[row],
                status=status,
                arrival_ns=None if unheard else fired_ns + round(1e9 * (distance[row] / SPEED_M_S + residual)),
                residual_s=math.nan if silent else residual,
                distance_m=float(distance[row]),
                weight=1.0 if status == "used" else 0.0,
                source=-1 if unheard else 100 * number + rank,
                peak_db_spl=math.nan if unheard else float(150.0 - 20.0 * math.log10(distance[row])),
                flags=flags if rank == 0 else (),
            )
        )
    minor_m = major_m / 3.0
    turn = math.radians(bearing_deg)
    axes = np.array([[math.sin(turn), math.cos(turn)], [math.cos(turn), -math.sin(turn)]])
    covariance = axes @ np.diag([major_m**2, minor_m**2]) @ axes.T / 5.991464547107979
    regions: list[BaseGeometry] = [
        ellipse(position_m, scale * major_m, scale * minor_m, bearing_deg) for scale in (0.481, 1.0)
    ]
    roots: tuple[tuple[NDArray[np.float64], float], ...] = ((position_m, 1.0),)
    if two_roots:
        other = position_m + np.array([260.0, -190.0, 0.0])
        roots = ((position_m, 0.7), (other, 0.3))
        regions = [unary_union([r, affinity.translate(r, 260.0, -190.0)]) for r in regions]
    return Shot(
        id=f"{fired_ns:x}-{number}",
        revision=1,
        fired_ns=fired_ns,
        fired_sigma_s=0.004,
        position_m=position_m,
        covariance_m2=covariance,
        region_50=regions[0],
        region_95=regions[1],
        roots=roots,
        arrivals=tuple(arrivals),
        score=41.25,
        level_db_spl_1m=150.0 if number % 2 else math.nan,
        provisional=two_roots,
        notes=("two positions fit",) if two_roots else (),
    )


def located(
    network: Network | None = None,
    *,
    shots: int = 3,
    spacing_s: float = 0.35,
    two_roots: bool = False,
    test: str | None = "test_001",
    sound: bool = False,
    flags: tuple[str, ...] = (),
    lent: bool = False,
) -> Located:
    """A burst from one place in a network, with its pulses, clutter among them, and its sound when wanted."""
    site = cartesian_network() if network is None else network
    centre = site.positions_m.mean(axis=0)
    fired = [
        shot_at(
            site,
            k + 1,
            centre + np.array([60.0 + 2.0 * k, -40.0 + 1.5 * k, 0.0]),
            START_NS + round(1e9 * spacing_s * k),
            two_roots=two_roots,
            flags=flags,
            lent=lent,
        )
        for k in range(shots)
    ]
    arrivals = [arrival for shot in fired for arrival in shot.arrivals]
    heard = [(a.arrival_ns, site.index[a.sensor], a.source) for a in arrivals if a.arrival_ns is not None]
    rng = np.random.default_rng(0)
    clutter = [(START_NS + int(rng.integers(0, 3 * 10**9)), int(rng.integers(len(site))), 10_000 + k) for k in range(6)]
    rows = sorted(heard + clutter)
    nothing = np.full(len(rows), np.nan)
    table = PulseTable(
        arrival_ns=np.array([row[0] for row in rows], dtype=np.int64),
        sensor=np.array([row[1] for row in rows], dtype=np.int32),
        sigma_s=nothing,
        snr_db=nothing,
        peak_db_spl=nothing,
        source=np.array([row[2] for row in rows], dtype=np.int64),
    )
    captures = tuple(_capture(site, row, fired) for row in range(0, len(site), 2)) if sound else ()
    notes = ("7 repeated lines dropped",)
    return Located("site/test_001", test, "FP1" if test else None, site, table, tuple(fired), notes, captures)


def _capture(network: Network, row: int, shots: list[Shot]) -> ArrayCapture:
    """Noise and decaying blasts, each with an echo."""
    rng = np.random.default_rng(row)
    samples = 0.004 * rng.standard_normal(6 * RATE_HZ)
    start_ns = START_NS - 10**9
    t = np.arange(int(0.2 * RATE_HZ)) / RATE_HZ
    for shot in shots:
        for arrival in shot.arrivals:
            if arrival.sensor == network.ids[row] and arrival.arrival_ns is not None:
                for delay, gain in ((0.0, 1.0), (0.09, 0.35)):
                    first = round(((arrival.arrival_ns - start_ns) / 1e9 + delay) * RATE_HZ)
                    amplitude = gain * 200.0 / max(arrival.distance_m, 50.0)
                    blast = amplitude * np.exp(-t / 0.02) * np.sin(2 * np.pi * 620.0 * t)
                    samples[first : first + len(t)] += blast[: max(len(samples) - first, 0)]
    return ArrayCapture(network.ids[row], (samples / 4.0).astype(np.float32), RATE_HZ, start_ns)
