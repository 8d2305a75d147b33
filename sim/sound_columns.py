"""The sounds of a world as columns: places, signals with their levels, strokes, directivities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.band_levels import BANDS_HZ, SOURCE_RATE_HZ, BandLevels, band_levels, strokes
from sim.sound import REFERENCE_PA, Directivity, Signal, Sound
from sim.sources.directivity import MuzzleDirectivity
from sim.sources.friedlander import Blast
from wire.utc import NS_PER_S

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_FINENESS = 50.0
"""Blasts whose durations differ by less than two in a hundred share a spectrum."""


@dataclass(frozen=True, slots=True, eq=False)
class SoundColumns:
    """Everything that sounds, one row a stroke, sorted by place.

    places_m : (p, 3) float64, where anything sounds, metres, site frame.
    place : (e,) int64, row of ``places_m`` of each stroke; ``first`` (p + 1,) int64, where each place's strokes begin.
    sound : (e,) int64, row in ``World.sounds``.
    at_s : (e,) float64, of the sound's emission, seconds after the scenario's start.
    offset_s : (e,) float64, of the stroke after its sound's emission.
    gain_db : (e,) float64, of the stroke's peak over that of its row of ``levels``.
    signal : (e,) int64, row of ``levels``.
    axis : (e, 3) float64.
    muzzle : (e, 3) float64, ``long_waves_db``, ``short_waves_db``, ``turn_hz`` of a `MuzzleDirectivity`; NaN for
        others.
    other : (e,) int64, row in ``others`` of any other directivity; -1 for none.
    levels : by sampling rate of a sensor, one ``BandLevels`` a row.
    """

    places_m: Array
    place: Index
    first: Index
    sound: Index
    at_s: Array
    offset_s: Array
    gain_db: Array
    signal: Index
    axis: Array
    muzzle: Array
    other: Index
    others: tuple[Directivity, ...]
    levels: dict[int, tuple[BandLevels, ...]]

    @classmethod
    def of(cls, sounds: Sequence[Sound], start_ns: int, rates_hz: Sequence[int]) -> SoundColumns:
        """Of sounds, for sensors of these sampling rates."""
        signals, which, scale_db = _distinct(sounds)
        rates = sorted(set(rates_hz))
        levels: dict[int, list[BandLevels]] = {rate: [] for rate in rates}
        events = []
        for signal in signals:
            pressure = signal.pressure_pa(SOURCE_RATE_HZ)
            for rate in rates:
                levels[rate].append(band_levels(pressure, SOURCE_RATE_HZ, float(rate)))
            events.append(strokes(signal))
        muzzle = np.full((len(sounds), 3), np.nan)
        other = np.full(len(sounds), -1, dtype=np.int64)
        others: list[Directivity] = []
        for k, sound in enumerate(sounds):
            directivity = sound.directivity
            if isinstance(directivity, MuzzleDirectivity):
                muzzle[k] = directivity.long_waves_db, directivity.short_waves_db, directivity.turn_hz
            elif directivity is not None:
                other[k] = len(others)
                others.append(directivity)
        position = np.array([sound.position_m for sound in sounds], dtype=np.float64).reshape(-1, 3)
        at_s = np.array([sound.at_ns - start_ns for sound in sounds], dtype=np.float64) / NS_PER_S
        axis = np.array([sound.axis for sound in sounds], dtype=np.float64).reshape(-1, 3)
        places, place = np.unique(position, axis=0, return_inverse=True)
        place = place.ravel()
        order = np.lexsort((at_s, place))
        count = np.array([len(one.offset_s) for one in events], dtype=np.int64)[which[order]]
        row = np.repeat(order, count)
        chosen = which[order]
        offset = np.concatenate([events[k].offset_s for k in chosen] or [np.empty(0)])
        gain = np.concatenate([events[k].gain_db for k in chosen] or [np.empty(0)])
        return cls(
            places_m=places,
            place=place[row],
            first=np.searchsorted(place[row], np.arange(len(places) + 1)),
            sound=row,
            at_s=at_s[row],
            offset_s=offset,
            gain_db=gain + scale_db[row],
            signal=which[row],
            axis=axis[row],
            muzzle=muzzle[row],
            other=other[row],
            others=tuple(others),
            levels={rate: tuple(found) for rate, found in levels.items()},
        )

    def loudest_db(self) -> Array:
        """(p,) float64, peak level in the picking band at one metre of the loudest stroke of each place, dB SPL."""
        peak = np.full(len(self.places_m), -np.inf)
        for found in self.levels.values():
            level = np.array([20.0 * np.log10(max(one.picked_pa.sum(), 1e-12) / REFERENCE_PA) for one in found])
            np.maximum.at(peak, self.place, level[self.signal] + self.gain_db)
        return peak

    def beam(self, stroke: Index, departure: Array) -> Array | None:
        """(n, bands) amplitude factors of n strokes heard in n directions; None where all are the same on all sides."""
        aimed = np.flatnonzero(np.isfinite(self.muzzle[stroke, 0]))
        if not len(aimed) and not self.others:
            return None
        gain = np.ones((len(stroke), len(BANDS_HZ)))
        cosine = np.clip(np.einsum("ij,ij->i", self.axis[stroke], departure), -1.0, 1.0)
        if len(aimed):
            long_db, short_db, turn_hz = self.muzzle[stroke[aimed]].T[:, :, None]
            # As MuzzleDirectivity.gain, of which every round has one of its own.
            depth_db = long_db + (short_db - long_db) * BANDS_HZ / (BANDS_HZ + turn_hz)
            gain[aimed] = np.exp(depth_db * ((cosine[aimed, None] - 1.0) * (np.log(10.0) / 40.0)))
        which = self.other[stroke]
        for k in np.unique(which[which >= 0]).tolist():
            rows = np.flatnonzero(which == k)
            gain[rows] = self.others[k].gain(np.arccos(cosine[rows]), BANDS_HZ)
        return gain


def _distinct(sounds: Sequence[Sound]) -> tuple[list[Signal], Index, Array]:
    """Signals that differ in more than level; which of them each sound has; its level over that one's, dB."""
    signals: list[Signal] = []
    number: dict[object, int] = {}
    which = np.empty(len(sounds), dtype=np.int64)
    scale_db = np.zeros(len(sounds))
    for k, sound in enumerate(sounds):
        signal = sound.signal
        key: object = id(signal)  # other equal signals are nearly always one object
        if isinstance(signal, Blast):
            # Every round of a weapon has its own energy: a grid of durations, and the peak aside, makes them few.
            step = round(math.log(signal.positive_s) * _FINENESS)
            key = ("blast", step)
            scale_db[k] = 20.0 * math.log10(signal.peak_pa)
            signal = Blast(1.0, math.exp(step / _FINENESS))
        if key not in number:
            number[key] = len(signals)
            signals.append(signal)
        which[k] = number[key]
    return signals, which, scale_db
