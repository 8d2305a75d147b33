"""Simulated pulses: columns for statistics, messages for everything else, and what is true of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.arriving import BLAST, CLUTTER, Arrivals
from sim.hearing.sampleclock import SampleClock
from sim.propagation.paths import Kind
from sim.truth import TrueArrival, TruePath, Truth
from sim.truthfile import WORDS, Witness
from sim.world import World
from wire.messages import Pulse
from wire.utc import NS_PER_S, format_utc_ns

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PulseColumns:
    """n pulses as columns, sorted by ``arrival_ns``, then station.

    station : (n,) int64, row in ``World.stations``.
    sequence : (n,) int64, number of the pulse at its station, in the order of ``arrival_ns``.
    arrival_ns : (n,) int64, as the sensor states it: with clock, lost samples and the pick's error.
    true_ns : (n,) int64, UTC nanoseconds at which what was picked arrived.
    sigma_s, snr_db, peak_db_spl : (n,) float64, as of ``wire.messages.Pulse``.
    clipped : (n,) bool.
    sound : (n,) int64, row in ``World.sounds`` of what was picked; ``sim.arriving.CLUTTER`` for none.
    wave : (n,) int8, ``sim.arriving.BLAST`` or ``SHOCK``.  kind : (n,) int8, the ``Kind`` of its way.
    echo : (n,) bool, whether an earlier way of the same wave had reached the station before.
    delivered_ns : (n,) int64, when its message comes to the centre.
    copies : (n,) int64, how many times it is sent: 1 or 2.
    """

    station: Index
    sequence: Index
    arrival_ns: Index
    true_ns: Index
    sigma_s: Array
    snr_db: Array
    peak_db_spl: Array
    clipped: NDArray[np.bool_]
    sound: Index
    wave: NDArray[np.int8]
    kind: NDArray[np.int8]
    echo: NDArray[np.bool_]
    delivered_ns: Index
    copies: Index

    def __len__(self) -> int:
        return len(self.station)

    def rows(self, chosen: Index | NDArray[np.bool_]) -> PulseColumns:
        """Some of them, in the order given."""
        return PulseColumns(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def numbered(self, kept: NDArray[np.bool_]) -> PulseColumns:
        """Those that are kept, sorted, with their sequence numbers."""
        order = np.flatnonzero(kept)
        order = order[np.lexsort((self.station[order], self.arrival_ns[order]))]
        chosen = self.rows(order)
        by_station = np.argsort(chosen.station, kind="stable")
        station = chosen.station[by_station]
        first = np.searchsorted(station, station)
        sequence = np.empty(len(order), dtype=np.int64)
        sequence[by_station] = np.arange(len(order)) - first
        return replace(chosen, sequence=sequence)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it comes to the centre: UTC nanoseconds, and the pulse; a repeat has the identity of the first."""

    delivered_ns: int
    pulse: Pulse


@dataclass(frozen=True, eq=False)
class SimulatedPulses:
    """What the stations of a world would send.

    columns : the pulses.
    arrivals : everything that reached the stations and might have been found, sorted by station, then time;
        ``noise_db``, ``told_noise_db`` (a,) float64 the background then, dB SPL, in the picking band and in the band in
        which the truth tells ratios.
    pairs : how many pairs of one sound (each stroke of it) and a station were followed.
    """

    world: World
    arrivals: Arrivals
    noise_db: Array
    told_noise_db: Array
    columns: PulseColumns
    pairs: int

    @cached_property
    def pulses(self) -> tuple[Pulse, ...]:
        """Messages sorted by arrival, then by sensor in the order of the world; each pulse once."""
        boot = format_utc_ns(self.world.start_ns)
        names = [station.id for station in self.world.stations]
        full = [station.full_scale_db_spl for station in self.world.stations]
        c = self.columns
        return tuple(
            Pulse(
                sensor=names[station],
                arrival_ns=arrival_ns,
                sigma_s=sigma_s,
                boot=boot,
                sequence=sequence,
                snr_db=snr_db,
                peak_db_spl=level_db,
                flags=("clipped",) if clipped else (),
                features={"peak_dbfs": level_db - full[station]},
            )
            for station, sequence, arrival_ns, sigma_s, snr_db, level_db, clipped in zip(
                c.station.tolist(), c.sequence.tolist(), c.arrival_ns.tolist(), c.sigma_s.tolist(),
                c.snr_db.tolist(), c.peak_db_spl.tolist(), c.clipped.tolist(), strict=True,
            )
        )  # fmt: skip

    @cached_property
    def deliveries(self) -> tuple[Delivery, ...]:
        """Messages as they come to the centre, late and repeated ones included, in that order."""
        c, again_ns = self.columns, NS_PER_S
        found = [
            Delivery(delivered_ns + copy * again_ns, pulse)
            for pulse, delivered_ns, copies in zip(self.pulses, c.delivered_ns.tolist(), c.copies.tolist(), strict=True)
            for copy in range(copies)
        ]
        return tuple(sorted(found, key=lambda one: (one.delivered_ns, one.pulse.identity)))

    @cached_property
    def truth(self) -> Truth:
        """What sounded, and how it reached the stations that it might have been heard at; paths without corners."""
        rows: dict[int, list[TrueArrival]] = defaultdict(list)
        a = self.arrivals
        mine = np.flatnonzero(a.sound != CLUTTER)
        order = mine[np.lexsort((a.delay_s[mine], a.wave[mine], a.station[mine], a.sound[mine]))]
        key = np.column_stack([a.sound[order], a.station[order], a.wave[order]])
        first = np.flatnonzero(np.concatenate([[True], (key[1:] != key[:-1]).any(axis=1)])) if len(order) else order
        clocks = [SampleClock(self.world, station) for station in self.world.stations]
        for begin, stop in zip(first.tolist(), [*first[1:].tolist(), len(order)], strict=True):
            one = order[begin:stop]
            rows[int(a.sound[one[0]])].append(self._arrival(one, clocks))
        witness = Witness(self.world)
        return witness.whole([witness.sound(sound, rows[k]) for k, sound in enumerate(self.world.sounds)])

    def _arrival(self, rows: Index, clocks: list[SampleClock]) -> TrueArrival:
        a, world = self.arrivals, self.world
        head, strongest = int(rows[0]), int(rows[np.argmax(a.whole_db[rows])])
        station = int(a.station[head])
        return TrueArrival(
            sensor=world.stations[station].id,
            wave="blast" if a.wave[head] == BLAST else "shock",
            arrival_ns=world.start_ns + round(float(a.at_s[head]) * NS_PER_S),
            stamped_ns=clocks[station].stamped_ns(float(a.at_s[head])),
            peak_db_spl=round(float(a.whole_db[strongest]), 2),
            snr_db=round(float(a.told_db[strongest] - self.told_noise_db[strongest]), 2),
            line_of_sight=bool((a.kind[rows] == Kind.DIRECT).any()),
            excess_delay_s=round(max(0.0, float(a.excess_s[head])), 9),
            paths=[
                TruePath(
                    kind=WORDS[int(a.kind[row])],
                    delay_s=round(float(a.delay_s[row]), 9),
                    length_m=round(float(a.length_m[row]), 4),
                    peak_db_spl=round(float(a.whole_db[row]), 2),
                )
                for row in rows.tolist()
            ],
        )
