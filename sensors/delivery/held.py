"""Pulses that the disk has refused, held in memory."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable
from dataclasses import replace

from sensors.delivery.parcels import Parcel

log = logging.getLogger("tocsin.node.spool")

HELD_BYTES = 32 * 2**20
"""Of messages: some 60,000 pulses, half a day at one a second, and what a node of 120 MB can spare."""
LOG_EVERY = 1000


class Held:
    """Parcels by key (negative, falling), at most so many bytes; beyond it the oldest are lost, counted and said.

    The oldest go, for a pulse is of most use while it is news; what is lost is said in the log and in every heartbeat.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._parcels: dict[int, Parcel] = {}
        self._keys: dict[str, int] = {}
        self._bytes = 0
        self._next_key = -1
        self.lost = 0

    def __len__(self) -> int:
        return len(self._parcels)

    def __contains__(self, key: int) -> bool:
        return key in self._parcels

    def add(self, parcel: Parcel) -> Parcel:
        """Hold a parcel; returns it with its key.  A repeat changes nothing."""
        if parcel.identity in self._keys:
            return self._parcels[self._keys[parcel.identity]]
        kept = replace(parcel, key=self._next_key)
        self._next_key -= 1
        self._parcels[kept.key] = kept
        self._keys[kept.identity] = kept.key
        self._bytes += len(kept.message)
        while self._bytes > self._limit_bytes:
            oldest = next(iter(self._parcels.values()))
            self.remove(oldest.identity)
            self.lost += 1
            if self.lost % LOG_EVERY == 1:
                log.error("memory is full while the disk refuses: %d pulses lost so far", self.lost)
        return kept

    def remove(self, identity: str) -> Parcel | None:
        """Let go of a parcel; None when it is not here."""
        key = self._keys.pop(identity, None)
        if key is None:
            return None
        parcel = self._parcels.pop(key)
        self._bytes -= len(parcel.message)
        return parcel

    def __getitem__(self, key: int) -> Parcel:
        return self._parcels[key]

    def latest(self, count: int) -> list[Parcel]:
        """Those that came last, the last first."""
        return list(itertools.islice(reversed(self._parcels.values()), count))

    def order(self) -> Iterable[tuple[int, int]]:
        """Key and arrival of all."""
        return ((parcel.key, parcel.arrival_ns) for parcel in self._parcels.values())

    def oldest_ns(self) -> int | None:
        """Arrival of the oldest."""
        return min((parcel.arrival_ns for parcel in self._parcels.values()), default=None)
