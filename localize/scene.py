"""Pulses and sensors as the compiled kernels read them, and the numbers of the model."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from localize.clutter import log_clutter_rate, quiet_mark
from localize.network import Network
from localize.pulses import PulseTable
from localize.tuning import Tuning

__all__ = ["Model", "Scene", "model_of", "retuned", "scene_of"]

NEAREST = 9  # partners of a seed: enough that three hear even where half are screened
MOST_PICKING_S = 4e-3  # a larger measured sigma is the sensor's survey, which cancels between rounds
SEED_SIGMAS = 3.0  # a seed from three noisy arrivals predicts the others this much worse than the model does


class Scene(NamedTuple):
    """Pulses and sensors.

    t : (n,) float64, arrival, seconds since the table's epoch, ascending.
    sensor : (n,) int32.
    measured : (n,) float64, timing sigma of each pulse as measured (picking, clock, survey of the sensor), seconds.
    sigma : (n,) float64, ``measured`` and the propagation's sigma together, seconds.
    log_rate : (n,) float64, log of the clutter rate (1/s) at each pulse.
    level : (n,) float64, peak dB re 20 uPa, NaN where unknown or clipped.
    peak : (n,) float64, peak level, clipped or not, dB re anything that is fixed for a sensor; NaN where unknown.
    loudness : (n,) float64, ``peak``, else SNR (whose noise an earlier sound may have raised), dB; NaN where unknown.
    mark : (n,) float64, ``localize.clutter.quiet_mark``.
    begin : (m + 1,) int64 and order : (n,) int64: pulses of sensor k are order[begin[k]:begin[k + 1]], by time.
    place : (m, 3) float64, metres, site frame.
    near : (m, k) int32, other sensors by distance, nearest first; -1 pads.
    around : (m, a) int32, sensors within twice the hearing range, itself included; -1 pads.
    free : (n,) bool, not yet part of an accepted shot.
    """

    t: NDArray[np.float64]
    sensor: NDArray[np.int32]
    measured: NDArray[np.float64]
    sigma: NDArray[np.float64]
    log_rate: NDArray[np.float64]
    level: NDArray[np.float64]
    peak: NDArray[np.float64]
    loudness: NDArray[np.float64]
    mark: NDArray[np.float64]
    begin: NDArray[np.int64]
    order: NDArray[np.int64]
    place: NDArray[np.float64]
    near: NDArray[np.int32]
    around: NDArray[np.int32]
    free: NDArray[np.bool_]


class Model(NamedTuple):
    """Numbers of the model; see ``localize.tuning`` for their meaning and reasons.  Metres, seconds, dB."""

    c: float
    wind_x: float
    wind_y: float
    height: float
    late_share: float
    late_mean: float
    hear_max: float
    hear_half: float
    hear_width: float
    hear_range: float
    log_prior: float  # log of shots per m^2 and s
    seed_sigma: float  # spread of a seed's prediction error
    reach: float  # residuals earlier than minus this are never an arrival of the shot
    least_sensors: int
    repeat_sigma: float  # spread of one sensor's lag around the family's
    repeat_heard: float  # chance that a sensor that heard one round reports another
    repeat_span: float  # lags looked at
    repeat_level: float  # spread of level between rounds
    clutter_level: float  # spread of level between unrelated pulses of one sensor
    shortest_repeat: float
    log_repeat_prior: float  # log of the rate of repeats (1/s) times the width of one
    repeat_nats: float  # odds that a single repeat needs
    threshold: float  # odds that a family needs


def _measured_sigma_s(table: PulseTable, network: Network, tuning: Tuning) -> NDArray[np.float64]:
    """Picking, clock and survey of the sensor together; (n,) seconds."""
    stated = np.where(np.isnan(table.sigma_s), tuning.picking_sigma_s, table.sigma_s)
    survey_m = np.where(np.isnan(network.position_sigma_m), 0.0, network.position_sigma_m)
    return np.asarray(np.hypot(stated, survey_m[table.sensor] / network.weather.sound_speed_m_s))


def scene_of(table: PulseTable, network: Network, tuning: Tuning, epoch_ns: int) -> Scene:
    """Columns and indices of a table of pulses over a network, all pulses free."""
    place = network.positions_m
    count = len(place)
    t = np.asarray((table.arrival_ns - epoch_ns) * 1e-9, dtype=np.float64)
    sensor = table.sensor.astype(np.int32)
    order = np.lexsort((t, sensor)).astype(np.int64)
    begin = np.searchsorted(sensor[order], np.arange(count + 1)).astype(np.int64)
    distance = np.hypot(*(place[:, None, :2] - place[None, :, :2]).transpose(2, 0, 1))
    rank = np.argsort(distance, axis=1, kind="stable")
    near = rank[:, 1 : NEAREST + 1].astype(np.int32)
    within = np.take_along_axis(distance, rank, axis=1) <= 2.0 * tuning.hearing_range_m
    around = np.where(within, rank, -1)[:, : max(1, int(within.sum(axis=1).max()))].astype(np.int32)
    clipped = np.array([bool(f) and "clipped" in f for f in table.flags]) if table.flags else np.zeros(len(t), bool)
    level = np.where(clipped, np.nan, table.peak_db_spl)
    measured = _measured_sigma_s(table, network, tuning)
    blank = np.empty(len(t))
    free = np.ones(len(t), dtype=np.bool_)
    relative = np.full(len(t), np.nan) if table.peak_dbfs is None else table.peak_dbfs
    peak = np.where(np.isnan(table.peak_db_spl), relative, table.peak_db_spl)
    loudness = np.where(np.isnan(peak), table.snr_db, peak)
    mark = quiet_mark(table.snr_db)
    sound = (level, peak, loudness, mark)
    scene = Scene(t, sensor, measured, blank, blank, *sound, begin, order, place, near, around, free)
    return retuned(scene, tuning)


def retuned(scene: Scene, tuning: Tuning) -> Scene:
    """The same pulses, all free, under another tuning."""
    sigma = np.hypot(scene.measured, tuning.propagation_sigma_s)
    rate = log_clutter_rate(
        scene.t,
        scene.loudness,
        scene.mark,
        scene.begin,
        scene.order,
        tuning.clutter_rate_hz,
        tuning.echo_rate_hz,
        tuning.echo_decay_s,
    )
    return scene._replace(sigma=sigma, log_rate=rate, free=np.ones(len(scene.t), dtype=np.bool_))


def model_of(scene: Scene, network: Network, tuning: Tuning) -> Model:
    """The model's numbers for one network, its weather and a tuning."""
    wind = network.weather.wind_m_s
    typical = float(np.median(scene.sigma)) if len(scene.sigma) else tuning.propagation_sigma_s
    # The survey of a sensor cancels between rounds, but is small beside picking where both are stated.
    measured = float(np.median(scene.measured)) if len(scene.measured) else tuning.picking_sigma_s
    repeat = math.sqrt(2.0) * math.hypot(min(measured, MOST_PICKING_S), tuning.repeat_sigma_s)
    return Model(
        c=network.weather.sound_speed_m_s,
        wind_x=float(wind[0]),
        wind_y=float(wind[1]),
        height=float(np.median(network.positions_m[:, 2])),
        late_share=tuning.late_share,
        late_mean=tuning.late_mean_s,
        hear_max=tuning.hearing_max,
        hear_half=tuning.hearing_half_m,
        hear_width=tuning.hearing_width_m,
        hear_range=tuning.hearing_range_m,
        log_prior=math.log(tuning.shot_rate_per_km2_s * 1e-6),
        seed_sigma=SEED_SIGMAS * typical + tuning.late_share * tuning.late_mean_s,
        reach=5.0 * float(scene.sigma.max()) if len(scene.sigma) else 5.0 * typical,
        least_sensors=3,
        repeat_sigma=repeat,
        repeat_heard=tuning.repeat_heard,
        repeat_span=tuning.repeat_span_s,
        repeat_level=tuning.repeat_level_db,
        clutter_level=tuning.clutter_level_db,
        shortest_repeat=tuning.shortest_repeat_s,
        log_repeat_prior=math.log(tuning.repeat_rate_hz * math.sqrt(2.0 * math.pi) * repeat),
        repeat_nats=tuning.repeat_nats,
        threshold=tuning.accept_nats,
    )
