"""Multilateration: position and discharge time of one sound from its arrival times at several sensors.

Closed forms give the starts: both roots of triplets of the earliest arrivals, Bancroft's roots over all of them, and
points along the direction of a plane wave.  From the best of these the likelihood of ``localize.likelihood`` is climbed
by damped scoring steps with a free discharge time, so that no sensor is trusted more than the others.  What comes back
says how far it may be believed: a second root is kept with its weight, a source far outside the network is given as
direction and range.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from errors import BadInput, NotEnoughEvidence
from localize.closedform import bancroft, three_sensor_roots
from localize.descent import RUNAWAY, WIDENED, Arc, Chart, Heard, Plane, Space, Top, climb, climb_all, look
from localize.travel import travel_times_s

__all__ = ["Direction", "Fix", "Root", "Status", "multilaterate"]

Floats = NDArray[np.float64]

# A height is believed up to this vertical dilution of precision; a DOP above 6 counts as poor among surveyors, too
# (Langley 1999, GPS World 10(5)).  At 1 ms of timing noise it means 2 m.
MOST_VDOP = 6.0
REFUTED_NATS = 6.0  # a likelihood ratio of 400
TRIPLETS_OF = 6  # the earliest arrivals, the least likely to be late, combined in threes
CLIMBS = 8  # starts that are climbed from
SECOND_ROOT = 0.05  # a root of at least this weight reaches into the 95 % region
LEAST_WEIGHT = 1e-3
FAR_SIGMA = 1.0 / 3.0  # of the range
PROFILE_NATS = 0.5 * 1.96**2  # a likelihood ratio of 95 % for one parameter


class Status(StrEnum):
    """What a fix is worth."""

    CONVERGED = "converged"
    TWO_ROOTS = "two_roots"  # another position fits about as well
    FAR = "far"  # only direction and a range interval are known
    NOT_CONVERGED = "not_converged"


@dataclass(frozen=True, slots=True)
class Root:
    """Another position that fits: position_m (3,) float64, fired_s, and its probability beside the other roots."""

    position_m: Floats
    fired_s: float
    weight: float


@dataclass(frozen=True, slots=True)
class Direction:
    """A source seen from the centroid of the sensors.

    bearing_rad : clockwise from north; ``bearing_sigma_rad`` one standard deviation.
    range_m : (low, high) 95 % interval of the horizontal range by its profile likelihood; high may be infinite.
    """

    bearing_rad: float
    bearing_sigma_rad: float
    range_m: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fix:
    """One sound, located.

    position_m : (3,) float64, east, north, up, metres, in the sensors' frame.
    fired_s : discharge time, seconds, on the arrivals' clock.
    covariance : (3, 3) float64 when the height was solved for, else (2, 2) horizontal; m^2; discharge time free.
    residuals_s : (n,) float64, arrival minus predicted arrival.
    iterations : steps of the climb to this position.
    cost : minus the log likelihood there, nats.
    alternatives : the other roots that fit, heaviest first.
    direction : given when the range is not known to a third of itself.
    """

    position_m: Floats
    fired_s: float
    covariance: Floats
    residuals_s: Floats
    status: Status
    iterations: int
    cost: float
    alternatives: tuple[Root, ...] = ()
    direction: Direction | None = None


def multilaterate(
    sensors_m: ArrayLike,
    arrival_s: ArrayLike,
    sigma_s: ArrayLike,
    sound_speed_m_s: float,
    wind_m_s: ArrayLike | None = None,
    height: float | Literal["free"] = "free",
    late_share: float = 0.0,
    late_mean_s: float = 0.015,
) -> Fix:
    """Where and when one sound was made.

    The height is solved for when it is free, five sensors or more heard, and the vertical dilution of precision
    (sigma of the height from the normal matrix, over sound speed times the sensors' typical sigma) is at most
    ``MOST_VDOP``; else the sound is taken to come from the median height of the sensors, unless the arrivals refute
    that height by ``REFUTED_NATS``.

    Parameters
    ----------
    sensors_m : (n, 3) float64, east, north, up, metres.
    arrival_s : (n,) float64, seconds since any epoch near them.
    sigma_s : (n,) float64 or one number, timing sigma of each arrival, seconds.
    sound_speed_m_s : in still air.
    wind_m_s : (3,) float64, where the air goes, or None for still air.
    height : "free", or the source's height in metres.
    late_share, late_mean_s : share of arrivals without line of sight and the mean of their excess delay, seconds; with
        a share of 0 the solution is least squares, with one above it late arrivals lose their hold.

    Returns
    -------
    Fix

    Raises
    ------
    NotEnoughEvidence
        Fewer than three sensors, or all of them in one line.
    BadInput
        Shapes that do not fit, numbers that are not finite, a sigma or speed that is not positive, a wind as fast as
        sound, a share outside 0 .. 1.
    """
    data, epoch = _checked(sensors_m, arrival_s, sigma_s, sound_speed_m_s, wind_m_s, late_share, late_mean_s)
    free = height == "free"
    flat = Plane(float(np.median(data.place[:, 2])) if free else _checked_height(height))
    tops = climb_all(flat, [(start[:2], start[3]) for start in _starts(data, flat.height)], data)
    chart: Chart = flat
    if free and len(data.t) >= 5:
        space = Space()
        risen = climb_all(space, _risen_starts(tops, data), data)
        vdop = _vdop(risen[0], data)
        if vdop <= MOST_VDOP or (vdop < math.inf and risen[0].cost < tops[0].cost - REFUTED_NATS):
            chart, tops = space, risen
    best, others = tops[0], tops[1:]
    position = chart.position(best.p)
    covariance = _covariance(best.normal)
    weights = _weights(tops)
    alternatives = tuple(
        Root(chart.position(top.p), top.t0 + epoch, float(weight))
        for top, weight in sorted(zip(others, weights[1:], strict=True), key=lambda pair: -pair[1])
        if weight >= LEAST_WEIGHT
    )
    direction = _direction(chart, best, covariance, data)
    if any(root.weight >= SECOND_ROOT for root in alternatives):
        status = Status.TWO_ROOTS
    elif direction is not None:
        status = Status.FAR
    else:
        status = Status.CONVERGED if best.converged else Status.NOT_CONVERGED
    return Fix(
        position_m=position,
        fired_s=best.t0 + epoch,
        covariance=covariance,
        residuals_s=data.t - best.t0 - travel_times_s(position, data.place, data.c, data.wind),
        status=status,
        iterations=best.iterations,
        cost=best.cost,
        alternatives=alternatives,
        direction=direction,
    )


def _checked(
    sensors_m: ArrayLike,
    arrival_s: ArrayLike,
    sigma_s: ArrayLike,
    sound_speed_m_s: float,
    wind_m_s: ArrayLike | None,
    late_share: float,
    late_mean_s: float,
) -> tuple[Heard, float]:
    """The arguments as arrays that fit, and the first arrival."""
    where = "multilaterate"
    place, t = np.asarray(sensors_m, dtype=np.float64), np.asarray(arrival_s, dtype=np.float64)
    if t.ndim != 1 or place.shape != (t.size, 3):
        raise BadInput(where, "sensors_m, arrival_s", expected="shapes (n, 3) and (n,)", seen=(place.shape, t.shape))
    sigma = np.asarray(sigma_s, dtype=np.float64)
    if sigma.shape not in ((), t.shape):
        raise BadInput(where, "sigma_s", expected=f"shape {t.shape} or one number", seen=sigma.shape)
    sigma = np.broadcast_to(sigma, t.shape).copy()
    wind = np.zeros(3) if wind_m_s is None else np.asarray(wind_m_s, dtype=np.float64)
    if wind.shape != (3,):
        raise BadInput(where, "wind_m_s", expected="shape (3,)", seen=wind.shape)
    for name, value in (("sensors_m", place), ("arrival_s", t), ("sigma_s", sigma), ("wind_m_s", wind)):
        if not np.isfinite(value).all():
            raise BadInput(where, name, expected="finite numbers", seen=float(value[~np.isfinite(value)][0]))
    if not (sigma > 0.0).all():
        raise BadInput(where, "sigma_s", expected="above 0", seen=float(sigma.min()))
    if not float(np.linalg.norm(wind)) < sound_speed_m_s < math.inf:
        raise BadInput(where, "sound_speed_m_s", expected="finite and above the wind's speed", seen=sound_speed_m_s)
    if not 0.0 <= late_share < 1.0:
        raise BadInput(where, "late_share", expected="0 .. 1", seen=late_share)
    if not 0.0 < late_mean_s < math.inf:
        raise BadInput(where, "late_mean_s", expected="above 0", seen=late_mean_s)
    if t.size < 3:
        raise NotEnoughEvidence(f"{t.size} arrivals: a position needs at least three sensors")
    flat = place[:, :2] - place[:, :2].mean(axis=0)
    spread = np.linalg.svd(flat, compute_uv=False)
    if not spread[1] > 0.01 * spread[0]:
        raise NotEnoughEvidence("all sensors stand in one line: both sides fit equally well, no position is honest")
    epoch = float(t.min())
    return Heard(place, t - epoch, sigma, float(sound_speed_m_s), wind, float(late_share), float(late_mean_s)), epoch


def _checked_height(height: object) -> float:
    if isinstance(height, int | float) and math.isfinite(height):
        return float(height)
    raise BadInput("multilaterate", "height", expected="'free' or finite metres", seen=height)


def _starts(data: Heard, height: float) -> list[Floats]:
    """Starting points (x, y, z, t0) in the plane, the likeliest first."""
    flat, c = data.place[:, :2], data.c
    out: list[Floats] = []

    def add(x: float, y: float) -> None:
        travel = travel_times_s(np.array([x, y, height]), data.place, c, data.wind)
        out.append(np.array([x, y, height, float(np.median(data.t - travel))]))

    for i, j, k in itertools.combinations(np.argsort(data.t, kind="stable")[:TRIPLETS_OF], 3):
        (x1, y1), (x2, y2) = flat[j] - flat[i], flat[k] - flat[i]
        d1, d2 = c * (data.t[j] - data.t[i]), c * (data.t[k] - data.t[i])
        count, xa, ya, _, xb, yb, _ = three_sensor_roots(x1, y1, d1, x2, y2, d2)
        for x, y in ((xa, ya), (xb, yb))[:count]:
            add(flat[i, 0] + x, flat[i, 1] + y)
    if len(data.t) >= 4:
        for root in bancroft(flat, data.t, c):
            add(root[0], root[1])
    slowness = np.linalg.lstsq(flat - data.centre[:2], data.t - data.t.mean(), rcond=None)[0]
    towards = -slowness / max(float(np.linalg.norm(slowness)), 1e-12)
    for radii in (0.0, 2.0, 6.0):
        add(*(data.centre[:2] + radii * data.radius * towards))
    finite = [start for start in out if np.linalg.norm(start[:2] - data.centre[:2]) < RUNAWAY * data.radius]
    chart = Plane(height)
    finite.sort(key=lambda s: look(chart, s[:2], s[3], data, WIDENED[0])[0])
    apart: list[Floats] = []
    for start in finite:
        if all(np.hypot(*(start - other)[:2]) > 0.05 * data.radius for other in apart):
            apart.append(start)
    return apart[:CLIMBS]


def _risen_starts(tops: Sequence[Top], data: Heard) -> list[tuple[Floats, float]]:
    """Starts in space: above and below the roots in the plane, and Bancroft's."""
    height = float(np.median(data.place[:, 2]))
    out = []
    for top in tops[:2]:
        lift = 0.3 * float(np.median(np.hypot(*(data.place[:, :2] - top.p[:2]).T)))
        out += [(np.array([*top.p[:2], height + dz]), top.t0) for dz in (lift, -lift)]
    for root in bancroft(data.place, data.t, data.c):
        if np.linalg.norm(root[:3] - data.centre) < RUNAWAY * data.radius:
            out.append((root[:3], float(root[3])))
    return out


def _covariance(normal: Floats) -> Floats:
    """(k, k) covariance of the parameters, discharge time free, m^2."""
    k = len(normal) - 1
    information = normal[:k, :k] - np.outer(normal[:k, k], normal[k, :k]) / normal[k, k]
    return np.asarray(np.linalg.pinv(information, rcond=1e-14, hermitian=True))


def _singular(top: Top) -> bool:
    return float(np.linalg.cond(top.normal)) > 1e12


def _vdop(top: Top, data: Heard) -> float:
    """Vertical dilution of precision at a top in space; infinite where the normal matrix bears no height."""
    if not top.converged or _singular(top):
        return math.inf
    typical_m = data.c * math.sqrt(len(data.t) / float((1.0 / data.sigma**2).sum()))
    return math.sqrt(float(_covariance(top.normal)[2, 2])) / typical_m


def _weights(tops: Sequence[Top]) -> Floats:
    """Probability of each top by Laplace's method: density times the volume of its normal matrix."""
    # a singular matrix belongs to a saddle, such as the level of sensors that all stand in one plane
    volume = [math.inf if _singular(top) else float(np.linalg.slogdet(top.normal)[1]) for top in tops]
    log = np.array([-top.cost - 0.5 * v for top, v in zip(tops, volume, strict=True)])
    if not np.isfinite(log[0]):
        return np.asarray(np.eye(len(tops))[0])
    weight = np.exp(np.minimum(log - log[0], 50.0))
    return np.asarray(weight / weight.sum())


def _direction(chart: Chart, top: Top, covariance: Floats, data: Heard) -> Direction | None:
    """Direction and range interval, when the top lies outside the network with a range that is hardly known."""
    position = chart.position(top.p)
    away = (position - data.centre)[:2]
    range_m = float(np.hypot(*away))
    if not range_m > data.radius:
        return None
    u = away / range_m
    along = math.sqrt(max(float(u @ covariance[:2, :2] @ u), 0.0))
    if along <= FAR_SIGMA * range_m and range_m < RUNAWAY * data.radius:
        return None
    bearing = math.atan2(away[0], away[1])
    across = np.array([u[1], -u[0]])
    sigma = math.sqrt(max(float(across @ covariance[:2, :2] @ across), 0.0)) / range_m

    def excess(r: float) -> float:
        """How much likelihood the best bearing at range r loses, less what the interval allows, nats."""
        arc = Arc(data.centre, float(position[2]), r)
        travel = travel_times_s(arc.position(np.array([bearing * r])), data.place, data.c, data.wind)
        t0 = float(np.median(data.t - travel))
        return climb(arc, np.array([bearing * r]), t0, data).cost - top.cost - PROFILE_NATS

    low, high = 0.5 * data.radius, max(RUNAWAY * data.radius, 2.0 * range_m)
    near = low if excess(low) <= 0.0 else _crossing(excess, low, range_m)
    far = math.inf if excess(high) <= 0.0 else _crossing(excess, high, range_m)
    return Direction(bearing % (2.0 * math.pi), sigma, (near, far))


def _crossing(excess: Callable[[float], float], outside: float, inside: float) -> float:
    """Where the profile leaves the interval, to a hundredth; halves 1/r, which is what a front's curvature measures."""
    while abs(outside - inside) > 0.005 * (outside + inside):
        middle = 2.0 / (1.0 / outside + 1.0 / inside)
        if excess(middle) > 0.0:
            outside = middle
        else:
            inside = middle
    return 0.5 * (outside + inside)
