"""Pulses without audio: who hears what, when, how loud and how sure, for Monte Carlo work.

The chain is that of the real one, in numbers in place of samples:

1. ways from every place of sound to every station (``sim.ways``), levels band by band (``sim.band_levels``), and what
   the map does not know (``sim.pulse_statistics.Scatter``): ``sim.arriving``;
2. arrivals at a station make events as the detector's settings say, before the background of that moment, and are
   reported by chance (``sim.listening``, `DetectorModel`);
3. onsets err as picks do; clocks and sample counters as the station's faults say; messages come late or twice.

Everything is columns until ``SimulatedPulses`` makes messages of them.

Left out.  Sounds that last (a helicopter, thunder) raise no background; the statistic's memory of earlier clutter is
not followed, so a jackhammer is reported stroke by stroke for as long as it lasts; a swell of the background is as
likely at one moment as at the next.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from acoustic.levels import CLIP_LEVEL
from acoustic.onset import PICK_BAND_HZ
from sim.arriving import CLUTTER, Arrivals, Listeners, arrivals, clutter
from sim.hearing.noise import NoiseLevels
from sim.hearing.sampleclock import SampleClock
from sim.hearing.spectrum import SNR_BAND_HZ
from sim.listening import events
from sim.propagation.surroundings import Surroundings
from sim.pulse_columns import PulseColumns, SimulatedPulses
from sim.pulse_statistics import DetectorModel, Scatter
from sim.world import Station, World
from wire.utc import NS_PER_S

__all__ = ["simulate_pulses"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

MESSAGE_S = 0.35
"""From an arrival to the centre, when nothing is wrong: the detector's latency and a network's."""

NOISE_INSTANTS = 24
"""Moments of a scenario at which a station's noise is asked for its usual level."""


def simulate_pulses(
    world: World,
    *,
    detector: DetectorModel | None = None,
    scatter: Scatter | None = None,
    surroundings: Surroundings | None = None,
) -> SimulatedPulses:
    """The pulses that the stations of a world would send, with their truth.

    Parameters
    ----------
    detector : None for the detector of ``acoustic``.
    scatter : None for that of a city; ``sim.pulse_statistics.EXACT`` for only what the map says.
    surroundings : of ``world.city``, when the caller has them already; many worlds in one city need them once.

    Returns
    -------
    Columns, messages sorted by arrival, deliveries and truth.  The same world and arguments give the same bytes.

    Raises
    ------
    BadInput
        A sound below the ground or at the place of a station.
    """
    detector = DetectorModel() if detector is None else detector
    scatter = Scatter() if scatter is None else scatter
    if surroundings is None and len(world.city.buildings):
        surroundings = Surroundings.of(world.city)
    usual_db = np.array([_usual_noise_db(world, station, _picking_band(station)) for station in world.stations])
    usual_told_db = np.array([_usual_noise_db(world, station, SNR_BAND_HZ) for station in world.stations])
    listeners = Listeners(
        np.array([station.position_m for station in world.stations], dtype=np.float64).reshape(-1, 3),
        np.array([station.rate_hz for station in world.stations], dtype=np.int64),
        usual_db - 2.0 * scatter.background_sigma_db,
    )
    found, pairs = arrivals(world, listeners, scatter, detector.half_snr_db, surroundings)
    found = Arrivals.joined([found, _swells(world, detector, usual_db)])
    order = np.lexsort((found.at_s, found.station))
    found = found.rows(order)
    noise_db = _noise_db(world, scatter, usual_db, found)
    chance = world.generator("chance").random(len(found))
    fall = 60.0 / world.surfaces.reverberation_time_s if world.surfaces.reverberation_time_s > 0.0 else 0.0
    limit_db = np.array([_limit_db_spl(station) for station in world.stations])
    # Reverberation after a blast that runs out of range stands out as after one that just does not: so it is on live
    # fire, where later rounds close by lose 7 dB of their ratio, and not the 20 that the blast's own level would take.
    picked_db = np.minimum(found.picked_db, limit_db[found.station])
    onset, loudest, picked_db, snr_db = events(
        found.station, found.at_s, picked_db, noise_db, chance, detector.half_snr_db, detector.width_db,
        detector.separation_s, detector.first_share_db, detector.coherent_s, detector.tail_db, fall,
    )  # fmt: skip
    columns = _stamped(world, detector, found, onset, loudest, picked_db, snr_db)
    told_noise_db = noise_db + (usual_told_db - usual_db)[found.station]
    return SimulatedPulses(world, found, noise_db, told_noise_db, columns, pairs)


def _usual_noise_db(world: World, station: Station, band_hz: tuple[float, float]) -> float:
    """Median level of a station's noise in a band over the hour's mean background, dB SPL.

    What comes back is added to the background's mean of a moment: see ``_noise_db``.
    """
    levels = NoiseLevels(world, station)
    at_s = (np.arange(NOISE_INSTANTS) + 0.5) / NOISE_INSTANTS * max(world.duration_s, 1.0)
    return float(np.median(levels.band_level_db(at_s, *band_hz)))


def _limit_db_spl(station: Station) -> float:
    """True peak level at which a station runs out of range, dB SPL."""
    overload = math.inf if station.faults.clip_db_spl is None else station.faults.clip_db_spl
    return min(station.full_scale_db_spl - station.gain_error_db, overload)


def _picking_band(station: Station) -> tuple[float, float]:
    return PICK_BAND_HZ[0], min(PICK_BAND_HZ[1], 0.48 * station.rate_hz)


def _noise_db(world: World, scatter: Scatter, usual_db: Array, found: Arrivals) -> Array:
    """(n,) float64, noise in the picking band at each arrival, dB SPL: the station's usual one, the hour's, chance."""
    out = usual_db[found.station] + scatter.background_sigma_db * world.generator("noise").standard_normal(len(found))
    if world.ambient.level_db_a is None:
        for row in range(len(world.stations)):
            at = np.flatnonzero(found.station == row)
            background = NoiseLevels(world, world.stations[row]).background
            middle = float(background.mean_level_db_a(np.array([0.5 * world.duration_s]))[0])
            out[at] += background.mean_level_db_a(found.at_s[at]) - middle
    return np.asarray(out)


def _swells(world: World, detector: DetectorModel, usual_db: Array) -> Arrivals:
    """What sets detectors off though nothing was fired."""
    generator = world.generator("clutter")
    expected = world.ambient.events_per_min * detector.clutter_share * world.duration_s / 60.0
    count = generator.poisson(expected, len(world.stations))
    station = np.repeat(np.arange(len(world.stations)), count)
    at_s = world.duration_s * generator.random(len(station))
    over_db = detector.half_snr_db + detector.clutter_excess_db * generator.standard_exponential(len(station))
    return clutter(station, at_s, usual_db[station] + over_db)


def _stamped(
    world: World,
    detector: DetectorModel,
    found: Arrivals,
    onset: Index,
    loudest: Index,
    picked_db: Array,
    snr_db: Array,
) -> PulseColumns:
    """Events as their stations' clocks, converters and uplinks give them."""
    station = found.station[onset]
    error_s = detector.timing_sigma_s(snr_db)
    drawn_s = error_s * world.generator("timing").standard_normal(len(onset))
    # What the sum in pressure has over the strongest way alone, the whole band's peak has too.
    alone_db = np.minimum(found.picked_db[loudest], picked_db)
    peak_db = found.whole_db[loudest] + (picked_db - alone_db)
    true_s = found.at_s[onset]
    stamped_ns = np.empty(len(onset), dtype=np.int64)
    sigma_s, limit_db, gain_db = (np.empty(len(onset)) for _ in range(3))
    kept = np.ones(len(onset), dtype=np.bool_)
    late = np.zeros(len(onset))
    copies = np.ones(len(onset), dtype=np.int64)
    luck = world.generator("faults").random((2, len(onset)))
    wait = world.generator("late").standard_exponential(len(onset))
    bounds = np.searchsorted(station, np.arange(len(world.stations) + 1))
    for number, one in enumerate(world.stations):
        rows = slice(int(bounds[number]), int(bounds[number + 1]))
        if rows.start == rows.stop:
            continue
        clock = SampleClock(world, one)
        stamped_ns[rows], kept[rows] = _count(clock, world, true_s[rows], drawn_s[rows])
        sigma_s[rows] = np.hypot(error_s[rows], one.clock.sigma_s)
        gain_db[rows] = one.gain_error_db
        limit_db[rows] = _limit_db_spl(one)
        late[rows] = np.where(luck[0, rows] < one.faults.late_share, one.faults.late_s * wait[rows], 0.0)
        copies[rows] += luck[1, rows] < one.faults.repeated_share
    over_db = peak_db - limit_db
    columns = PulseColumns(
        station=station,
        sequence=np.zeros(len(onset), dtype=np.int64),
        arrival_ns=stamped_ns,
        true_ns=world.start_ns + np.rint(true_s * NS_PER_S).astype(np.int64),
        sigma_s=sigma_s,
        snr_db=snr_db,
        peak_db_spl=np.minimum(peak_db, limit_db) + gain_db,
        clipped=over_db > 20.0 * math.log10(CLIP_LEVEL),
        sound=found.sound[onset],
        wave=found.wave[onset],
        kind=found.kind[onset],
        echo=(found.sound[onset] != CLUTTER) & ~found.leads[onset],
        delivered_ns=stamped_ns + np.rint((MESSAGE_S + late) * NS_PER_S).astype(np.int64),
        copies=copies,
    )
    return columns.numbered(kept)


def _count(clock: SampleClock, world: World, true_s: Array, drawn_s: Array) -> tuple[Index, NDArray[np.bool_]]:
    """(n,) int64 instants as the sensor's clock and counter have them, and whether the sensor heard at all then."""
    true_raw = clock.raw_position(true_s)
    heard = (true_s >= 0.0) & (true_s < world.duration_s)
    behind = np.zeros(len(true_s))
    for begin, end in clock.lost.tolist():
        behind += np.clip(true_raw - begin, 0.0, end - begin)
        heard &= (true_raw < begin) | (true_raw >= end)
    for begin, end in clock.dead.tolist():
        heard &= (true_raw < begin) | (true_raw >= end)
    counted_s = (true_raw - behind) / clock.rate_hz + drawn_s
    return world.start_ns + np.rint(counted_s * NS_PER_S).astype(np.int64), heard
