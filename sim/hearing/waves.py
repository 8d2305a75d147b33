"""The sound pressure that one sound gives at one sensor: its waves, each a signal through the filters of its paths.

The blast is the sound's own signal.  A shock wave is an N-wave of its own on every path, whose amplitude is that at the
receiver; it is folded into the path's filter, so that both kinds of waves are treated alike from there on.

A whole wave is put onto the sensor's time line by the clock's error at the arrival of its first path: a clock that
drifts by 50 parts in a million moves the end of a sound of ten seconds by half a millisecond against its beginning,
which no part of Tocsin measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sim.hearing.microphone import VENT_HZ, through_vent
from sim.hearing.sampleclock import SampleClock
from sim.propagation.kernels import impulse_response, kernels, path_peaks_db_spl
from sim.propagation.paths import Paths
from sim.propagation.shockwaves import ShockPaths
from sim.propagation.tail import tail
from sim.reach import Reached, paths_of, rows_of
from sim.sources.nwave import n_wave_pa
from sim.world import World
from wire.utc import NS_PER_S

PIECE_S = 4.0
"""A long sound is filtered in pieces of this length, each when its turn comes: memory holds one."""

VENT_RINGS_S = 2.2 / VENT_HZ
"""After so long the vent's answer has died away by 120 dB."""

IMPULSE = np.ones(1)


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """One wave of one sound at one sensor.

    word : ``blast`` or ``shock``.
    at_s : when it was emitted (for a shock wave: when the bullet left the muzzle), seconds after the scenario's start.
    paths : from there to this sensor, sorted by delay; never empty.
    kernels : (n, taps) float64, filter of each path.
    signal_pa : (k,) float64, Pa, what goes through them.
    rate_hz : of both.
    """

    word: Literal["blast", "shock"]
    at_s: float
    paths: Paths
    kernels: NDArray[np.float64]
    signal_pa: NDArray[np.float64]
    rate_hz: int

    @property
    def first_s(self) -> float:
        """Arrival of the first path, seconds after the start of the scenario."""
        return self.at_s + float(self.paths.delay_s[0])

    def peaks_db_spl(self) -> NDArray[np.float64]:
        """(n,) float64, peak level that each path has alone, dB re 20 uPa."""
        return path_peaks_db_spl(self.kernels, self.signal_pa)


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """What a wave's signal goes through, on the time line of the sensor.

    first : raw sample at which ``h`` begins; negative before the scenario.
    h : (k,) float64, of all paths, and of the tail.
    tail_first, tail_h : of the tail alone, which begins at raw sample ``tail_first``; empty without one.
    """

    first: int
    h: NDArray[np.float64]
    tail_first: int
    tail_h: NDArray[np.float64]


def heard_at(world: World, reached: Reached, row: int, clock: SampleClock) -> tuple[Heard, ...]:
    """The waves of a sound at station ``row`` of the world, on the time line of its ``clock``."""
    return tuple(Heard(wave, response(world, reached, row, wave, clock)) for wave in waves(world, reached, row))


def waves(world: World, reached: Reached, row: int) -> tuple[Wave, ...]:
    """The waves of a sound at station ``row`` of the world: blast, shock wave; whichever has a path."""
    rate_hz = world.stations[row].rate_hz
    sound = reached.sound
    at_s = (sound.at_ns - world.start_ns) / NS_PER_S
    found: list[Wave] = []
    blast = paths_of(reached.blast, row)
    if len(blast):
        directed = sound.directivity is not None
        filters = kernels(
            blast,
            world.weather,
            world.surfaces,
            rate_hz,
            directivity=sound.directivity,
            axis=sound.axis if directed else None,
        )
        found.append(Wave("blast", at_s, blast, filters, reached.signal_pa(rate_hz), rate_hz))
    if reached.shock is not None:
        shock = paths_of(reached.shock.paths, row)
        if len(shock):
            filters = kernels(shock, world.weather, world.surfaces, rate_hz, spreading=False)
            filters = _with_n_waves(filters, reached.shock, rows_of(reached.shock.paths, row), rate_hz)
            found.append(Wave("shock", at_s, shock, filters, IMPULSE, rate_hz))
    return tuple(found)


def _with_n_waves(filters: NDArray[np.float64], shock: ShockPaths, rows: slice, rate_hz: int) -> NDArray[np.float64]:
    """(n, taps + longest - 1) float64, Pa: each path's N-wave after its filter."""
    pairs = zip(shock.peak_pa[rows].tolist(), shock.duration_s[rows].tolist(), strict=True)
    n_waves = [n_wave_pa(peak_pa, duration_s, rate_hz) for peak_pa, duration_s in pairs]
    longest = max(len(n_wave) for n_wave in n_waves)
    out = np.zeros((len(filters), filters.shape[1] + longest - 1))
    for row, (own, n_wave) in enumerate(zip(filters, n_waves, strict=True)):
        out[row, : len(own) + len(n_wave) - 1] = np.convolve(own, n_wave)
    return out


def response(world: World, reached: Reached, row: int, wave: Wave, clock: SampleClock) -> Response:
    """Where and how ``wave`` of sound ``reached`` sounds at station ``row``."""
    delay_s = float(wave.paths.delay_s[0])
    # The whole wave is moved by the error of the clock at its first arrival; delays then count from a whole sample.
    emitted = float(clock.raw_position(wave.first_s)) - delay_s * wave.rate_hz
    whole = int(np.floor(emitted))
    fraction_s = (emitted - whole) / wave.rate_hz
    first, h = impulse_response(wave.kernels, wave.paths.delay_s + fraction_s, wave.rate_hz)
    tail_first, tail_h = first, np.zeros(0)
    if wave.word == "blast":
        generator = world.generator("tail", reached.sound.id, world.stations[row].id)
        energy = float(h @ h)
        tail_first, tail_h = tail(generator, energy, delay_s + fraction_s, wave.rate_hz, world.surfaces, world.weather)
    if len(tail_h):
        begin = min(first, tail_first)
        both = np.zeros(max(first + len(h), tail_first + len(tail_h)) - begin)
        both[first - begin : first - begin + len(h)] = h
        both[tail_first - begin : tail_first - begin + len(tail_h)] += tail_h
        first, h = begin, both
    return Response(whole + first, h, whole + tail_first, tail_h)


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A wave and where it falls among a sensor's samples."""

    wave: Wave
    response: Response


class Sounding:
    """A wave on its way into a sensor's samples, behind the microphone's vent."""

    def __init__(self, heard: Heard) -> None:
        rate_hz = heard.wave.rate_hz
        ringing = np.zeros(round(VENT_RINGS_S * rate_hz))
        self._signal_pa = through_vent(np.concatenate([heard.wave.signal_pa, ringing]), rate_hz)
        self._response = heard.response
        self._length = round(PIECE_S * rate_hz)

    @property
    def count(self) -> int:
        """Pieces that it is filtered in."""
        return max(1, -(-len(self._signal_pa) // self._length))

    def begins(self, piece: int) -> int:
        """Raw sample at which a piece begins to sound."""
        return self._response.first + piece * self._length

    def ends(self, piece: int) -> int:
        """Raw sample at which it has ended."""
        longest = min(self._length, len(self._signal_pa) - piece * self._length)
        return self.begins(piece) + longest + len(self._response.h) - 1

    def piece(self, number: int) -> NDArray[np.float32]:
        """(k,) float32, Pa, from raw sample ``begins(number)`` on."""
        signal = self._signal_pa[number * self._length : (number + 1) * self._length]
        return _convolved(signal, self._response.h).astype(np.float32)


def _convolved(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    length = len(a) + len(b) - 1
    size = scipy.fft.next_fast_len(length, real=True)
    spectrum = scipy.fft.rfft(a, size)
    spectrum *= scipy.fft.rfft(b, size)
    return np.asarray(scipy.fft.irfft(spectrum, size, overwrite_x=True)[:length])
