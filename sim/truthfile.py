"""``truth.json``: what sounded where and when, and how it reached each sensor.

Numbers are rounded far below what they mean, so that the file stays readable and two runs give the same bytes: times to
a nanosecond, lengths to a tenth of a millimetre, levels to a hundredth of a decibel.  A large world has millions of
paths; the file keeps the strongest of each arrival (``PATHS_IN_ALL``), and the corners of the strongest of those.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import signal

from errors import RecordingError
from geo.frames import LocalFrame
from sim.hearing.noise import NoiseLevels
from sim.hearing.sampleclock import SampleClock
from sim.hearing.spectrum import SNR_BAND_HZ
from sim.hearing.waves import Heard, Wave, heard_at
from sim.propagation.kernels import path_peaks_db_spl
from sim.propagation.moving_air import polyline_time_s
from sim.propagation.paths import Kind
from sim.reach import Reached
from sim.sound import REFERENCE_PA, Sound
from sim.truth import TRUTH_SCHEMA, PathWord, TrueArrival, TruePath, TrueSensor, TrueSound, Truth
from sim.world import Station, World
from wire.utc import NS_PER_S

WORDS: dict[int, PathWord] = {
    Kind.DIRECT: "direct",
    Kind.GROUND: "ground",
    Kind.OVER: "over",
    Kind.AROUND: "around",
    Kind.WALL: "wall",
    Kind.TAIL: "tail",
}

PATHS_IN_ALL = 200_000
"""About so many paths a file holds at most, 20 MB of text."""

MOST_PATHS, FEWEST_PATHS = 64, 3
"""Of one arrival."""

MOST_CORNERS = 12
"""Paths of one arrival whose corners are kept: the strongest."""

READABLE_ARRIVALS = 10_000
"""A file with more of them is written without line breaks, which are half of its size."""

LOUDEST_S = 0.25
"""A signal-to-noise ratio is that of this much sound around the loudest sample."""

TAIL_S = 0.25
"""The peak of a tail lies within its first quarter of a second: it rises within 0.1 s and decays from there."""


class Witness:
    """Tells the truth about sounds at the stations of a world.

    world : whose truth.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._clocks = [SampleClock(world, station) for station in world.stations]
        self._levels = [NoiseLevels(world, station) for station in world.stations]
        arrivals = max(1, len(world.sounds) * len(world.stations))
        self._paths = int(np.clip(PATHS_IN_ALL // arrivals, FEWEST_PATHS, MOST_PATHS))

    def arrivals(self, reached: Reached, row: int, heard: tuple[Heard, ...] | None = None) -> list[TrueArrival]:
        """The waves of one sound at station ``row``; ``heard`` when they are already worked out."""
        if heard is None:
            heard = heard_at(self.world, reached, row, self._clocks[row])
        return [self._arrival(reached, row, one) for one in heard]

    def sound(self, sound: Sound, arrivals: Iterable[TrueArrival]) -> TrueSound:
        """One sound with its arrivals, sorted by sensor, then by time."""
        frame = self.world.city.frame
        longitude = latitude = None
        globe = frame.to_geodetic(sound.position_m[None, :])
        if globe is not None:
            longitude, latitude = round(float(globe[0, 0]), 9), round(float(globe[0, 1]), 9)
        return TrueSound(
            id=sound.id,
            kind=sound.kind,
            source=sound.source,
            label=sound.label,
            round=sound.round,
            at_ns=sound.at_ns,
            position_m=_point(sound.position_m),
            axis=_point(sound.axis, 6),
            peak_db_spl_1m=round(sound.signal.peak_db_spl_1m, 2),
            longitude=longitude,
            latitude=latitude,
            arrivals=sorted(arrivals, key=lambda arrival: (arrival.sensor, arrival.arrival_ns)),
        )

    def whole(self, sounds: Iterable[TrueSound]) -> Truth:
        """Everything, with the sounds in the order given."""
        world = self.world
        frame = world.city.frame
        origin = None
        if isinstance(frame, LocalFrame):
            origin = (frame.origin.longitude, frame.origin.latitude, frame.origin.height_m)
        return Truth(
            scenario=world.name,
            title=world.title,
            version=version("tocsin"),
            seed=world.seed,
            start_ns=world.start_ns,
            duration_s=world.duration_s,
            sound_speed_m_s=round(world.weather.sound_speed_m_s, 4),
            wind_m_s=_point(world.weather.wind_m_s),
            origin=origin,
            sensors=[_sensor(station) for station in world.stations],
            sounds=list(sounds),
            attribution=world.city.attribution,
        )

    def _arrival(self, reached: Reached, row: int, heard: Heard) -> TrueArrival:
        world, station, clock = self.world, self.world.stations[row], self._clocks[row]
        wave = heard.wave
        paths = wave.paths
        peaks = wave.peaks_db_spl()
        strongest = int(np.argmax(peaks))
        noise_db = float(self._levels[row].band_level_db(np.array([wave.first_s]))[0])
        true_paths = self._true_paths(wave, peaks)
        tail = self._tail_path(heard)
        if tail is not None:
            true_paths.append(tail)
        return TrueArrival(
            sensor=station.id,
            wave=wave.word,
            arrival_ns=world.start_ns + round(wave.first_s * NS_PER_S),
            stamped_ns=clock.stamped_ns(wave.first_s),
            peak_db_spl=round(float(peaks[strongest]), 2),
            snr_db=round(_band_peak_db_spl(wave, strongest) - noise_db, 2),
            line_of_sight=bool((paths.kind == Kind.DIRECT).any()),
            excess_delay_s=round(max(0.0, float(paths.delay_s[0]) - self._straight_s(reached, row, wave)), 9),
            paths=sorted(true_paths, key=lambda path: path.delay_s),
        )

    def _true_paths(self, wave: Wave, peaks_db: NDArray[np.float64]) -> list[TruePath]:
        paths = wave.paths
        order = np.argsort(-peaks_db, kind="stable")[: self._paths]
        with_corners = min(MOST_CORNERS, max(1, self._paths // 4))
        return [
            TruePath(
                kind=WORDS[int(paths.kind[path])],
                delay_s=round(float(paths.delay_s[path]), 9),
                length_m=round(float(paths.length_m[path]), 4),
                peak_db_spl=round(float(peaks_db[path]), 2),
                points_m=[_point(point) for point in paths.way(path)] if rank < with_corners else [],
            )
            for rank, path in enumerate(order.tolist())
        ]

    def _tail_path(self, heard: Heard) -> TruePath | None:
        """The late tail as one more path: its beginning, and its own peak."""
        wave = heard.wave
        if not len(heard.response.tail_h):
            return None
        onset_s = float(wave.paths.delay_s[0])
        head = heard.response.tail_h[: round(TAIL_S * wave.rate_hz)]
        peak_db = float(path_peaks_db_spl(head[None, :], _loudest(wave))[0])
        length_m = onset_s * self.world.weather.sound_speed_m_s
        return TruePath(
            kind="tail", delay_s=round(onset_s, 9), length_m=round(length_m, 4), peak_db_spl=round(peak_db, 2)
        )

    def _straight_s(self, reached: Reached, row: int, wave: Wave) -> float:
        """How long the same wave takes in the same air without anything in its way."""
        world, receiver_m = self.world, self.world.stations[row].position_m
        if wave.word == "shock":
            assert reached.sound.bullet is not None
            weather = world.weather
            shock = reached.sound.bullet.shock(receiver_m[None, :], weather.sound_speed_m_s, weather.wind_m_s)
            # Behind the muzzle no shock passes by itself; what a wall sent there has nothing to be compared with.
            return float(shock.delay_s[0]) if bool(shock.heard[0]) else float(wave.paths.delay_s[0])
        return polyline_time_s(np.array([reached.sound.position_m, receiver_m]), world.weather)


def truth_of(world: World, reached: Iterable[Reached]) -> Truth:
    """The truth of a world.

    Parameters
    ----------
    world : what sounds and who hears.
    reached : of its sounds, in order, as ``sim.reach.reach`` gives them.
    """
    witness = Witness(world)
    sounds = []
    for one in reached:
        arrivals: list[TrueArrival] = []
        for row in one.stations.tolist():
            arrivals += witness.arrivals(one, row)
        sounds.append(witness.sound(one.sound, arrivals))
    return witness.whole(sounds)


def encoded(truth: Truth) -> bytes:
    """The truth as ``truth.json`` holds it: laid out for people, unless it is too large for them."""
    text = msgspec.json.encode(truth)
    if sum(len(sound.arrivals) for sound in truth.sounds) <= READABLE_ARRIVALS:
        text = msgspec.json.format(text, indent=1)
    return text + b"\n"


def save_truth(truth: Truth, path: Path) -> None:
    """Write ``truth.json``.

    Raises
    ------
    RecordingError
        When it cannot be written.
    """
    try:
        path.write_bytes(encoded(truth))
    except OSError as error:
        raise RecordingError(path, f"cannot be written ({error.strerror or error})") from error


def read_truth(path: Path) -> Truth:
    """Read ``truth.json``.

    Raises
    ------
    RecordingError
        When it cannot be read, or is not a truth of this schema.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Truth, strict=True)
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror or error})") from error
    except msgspec.ValidationError as error:
        expected = f"the truth of a simulation, schema {TRUTH_SCHEMA}"
        raise RecordingError(path, f"field {str(error).rstrip('.')}", expected=expected) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordingError(path, f"is not JSON ({str(error).rstrip('.')})") from error


def _sensor(station: Station) -> TrueSensor:
    return TrueSensor(
        id=station.id,
        position_m=_point(station.position_m),
        rate_hz=station.rate_hz,
        gain_error_db=round(station.gain_error_db, 4),
        clock_offset_s=round(station.clock.offset_s, 9),
        clock_drift_ppm=round(station.clock.drift_ppm, 6),
        clock_steps=[(float(when), float(gained)) for when, gained in station.clock.steps],
        lost=[(float(when), float(length)) for when, length in station.faults.lost],
        dead=[(float(begin), float(end)) for begin, end in station.faults.dead],
    )


def _point(values: NDArray[np.float64], digits: int = 4) -> tuple[float, float, float]:
    # Adding 0.0 turns -0.0, which a rounding may leave, into 0.0.
    first, second, third = (round(float(value), digits) + 0.0 for value in values)
    return first, second, third


def _loudest(wave: Wave) -> NDArray[np.float64]:
    """(k,) float64, Pa: the stretch of a wave's signal around its peak."""
    half = round(LOUDEST_S / 2.0 * wave.rate_hz)
    top = int(np.argmax(np.abs(wave.signal_pa)))
    return wave.signal_pa[max(0, top - half) : top + half]


@lru_cache(maxsize=8)
def _band_pass(rate_hz: int) -> NDArray[np.float64]:
    low_hz, high_hz = SNR_BAND_HZ
    band = (low_hz, min(high_hz, 0.45 * rate_hz))
    return np.asarray(signal.butter(4, band, "bandpass", fs=rate_hz, output="sos"))


def _band_peak_db_spl(wave: Wave, path: int) -> float:
    """Peak level of one path in ``SNR_BAND_HZ``, dB re 20 uPa."""
    sound = signal.fftconvolve(_loudest(wave), wave.kernels[path])
    sound = np.concatenate([sound, np.zeros(round(0.02 * wave.rate_hz))])
    peak = float(np.abs(signal.sosfilt(_band_pass(wave.rate_hz), sound)).max())
    return 20.0 * float(np.log10(max(peak, 1e-15) / REFERENCE_PA))
