"""Sending parcels over one connection: several on their way at once, none so many that news must wait.

A parcel stays in the spool until the centre's receipt.  The broker's own acknowledgement only says that the parcel
needs not be sent again for a while.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import nats.errors
from nats.js.api import PubAck
from nats.js.errors import APIError, NoStreamResponseError

from sensors.delivery.connection import Connection
from sensors.delivery.parcels import KINDS, Kind, Parcel
from sensors.delivery.sayings import Sayings
from sensors.delivery.spool import Spool
from wire.streams import MESSAGE_ID
from wire.subjects import node_subject

ACK_S = 10.0
"""The broker answers within milliseconds; so long after what is on its way must have arrived, it is not going to."""
SLOWEST_BYTES_S = 2000.0
"""The thinnest line that is still waited for, bytes a second: a clip takes a minute over it."""
FIRST_WINDOW, LEAST_WINDOW, MOST_WINDOW = 16, 4, 512
"""Pulses on their way at once."""
QUICK_S, SLOW_S = 0.25, 1.0
"""Answers quicker than this let the window grow, slower ones shrink it: on a thin line what is on its way delays what
comes next, and a pulse that has just been heard should not wait behind yesterday's."""
NEWS = 64
"""Pulses newer than all before may exceed the window by so many."""
CLIPS_AT_ONCE = 1
"""A clip is a hundred pulses long."""
LONGEST_WAIT_S = 600.0
"""Between two tries of a parcel without a receipt."""
FIRST_HOLD_S, LONGEST_HOLD_S = 1.0, 60.0
"""Between two tries of a kind that the broker does not take."""
HEADER_BYTES = len(f"NATS/1.0\r\n{MESSAGE_ID}: \r\n\r\n")
TOO_LARGE = 10054
"""JetStream's error code for a message that its stream finds too large."""


class _Flight(NamedTuple):
    """A parcel on its way: sent when, and when to stop waiting for the answer."""

    parcel: Parcel
    sent_s: float
    until_s: float


@dataclass(slots=True)
class _Kind:
    """How it stands with one kind: its subject, where parcels are on their way, and until when the broker is left
    alone with it."""

    subject: str
    flights: dict[asyncio.Future[PubAck], _Flight]
    window: int
    until_s: float = 0.0
    hold_s: float = FIRST_HOLD_S


class Sender:
    """Sends what is due.  Lives in one asyncio loop, for one connection.

    Parameters
    ----------
    poke : called when there may be more to do.
    run : makes the ids of repeats differ from those of earlier runs of the node.
    """

    def __init__(
        self,
        connection: Connection,
        spool: Spool,
        sensor: str,
        cell: str,
        receipt_s: float,
        sayings: Sayings,
        run: str,
        poke: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._jetstream = connection.jetstream()
        self._spool = spool
        self._receipt_s = receipt_s
        self._sayings = sayings
        self._run = run
        self._poke = poke
        self._kinds: dict[Kind, _Kind] = {
            "pulse": _Kind(node_subject("pulse", cell, sensor), {}, FIRST_WINDOW),
            "clip": _Kind(node_subject("clip", cell, sensor), {}, CLIPS_AT_ONCE),
        }
        self._newest_ns = -(2**63)
        self.taken = 0
        """Parcels that the broker has taken."""
        self.bytes_on_way = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way."""
        return not any(kind.flights for kind in self._kinds.values())

    async def send_due(self) -> float | None:
        """Send what is due and fits; returns seconds until there may be more, None when only a poke will tell."""
        now = time.monotonic()
        self._give_up_waiting(now)
        left = False
        for name in KINDS:
            kind = self._kinds[name]
            news = NEWS if name == "pulse" else 0
            room = kind.window + news - len(kind.flights)
            if room <= 0 or now < kind.until_s or left:
                left = left or (name == "pulse" and now >= kind.until_s)
                continue
            parcels = self._spool.due(now, room, kinds=(name,))
            # Clips wait until no pulse does.
            left = len(parcels) == room
            for parcel in parcels:
                if len(kind.flights) >= kind.window and parcel.arrival_ns <= self._newest_ns:
                    left = True
                    break
                await self._send(kind, parcel, now)
        return self._until_more(now)

    def _until_more(self, now: float) -> float | None:
        held = [kind.until_s - now for kind in self._kinds.values() if kind.until_s > now]
        waits = held + [flight.until_s - now for kind in self._kinds.values() for flight in kind.flights.values()]
        due_s = self._spool.next_due_s(now)
        if due_s is not None:
            # What is due already and was not sent waits for an answer or for the end of a hold.
            waits.append(max(due_s, FIRST_HOLD_S if held else 0.05))
        return max(0.0, min(waits)) if waits else None

    async def _send(self, kind: _Kind, parcel: Parcel, now: float) -> None:
        # Within the window of the stream a repeat of an id would be dropped: whoever misses a receipt uses another.
        message_id = f"{parcel.identity}#{self._run}.{parcel.tries}" if parcel.tries else parcel.identity
        size = len(parcel.message) + HEADER_BYTES + len(message_id)
        if size > self._connection.max_payload:
            self._too_large(parcel, f"the bus takes messages of at most {self._connection.max_payload} bytes", now)
            return
        until_s = now + ACK_S + (self.bytes_on_way + size) / SLOWEST_BYTES_S
        self._spool.put_off(parcel, now, 2.0 * (until_s - now))
        self._newest_ns = max(self._newest_ns, parcel.arrival_ns)
        try:
            future = await self._jetstream.publish_async(kind.subject, parcel.message, headers={MESSAGE_ID: message_id})
        except BaseException:
            self._spool.put_off(parcel, now, 0.0)
            raise
        kind.flights[future] = _Flight(parcel, now, until_s)
        self.bytes_on_way += len(parcel.message)
        future.add_done_callback(lambda done: self._answered(kind, done))

    def _answered(self, kind: _Kind, future: asyncio.Future[PubAck]) -> None:
        flight = kind.flights.pop(future, None)
        if flight is None or future.cancelled():
            return
        parcel, now = flight.parcel, time.monotonic()
        self.bytes_on_way -= len(parcel.message)
        error = future.exception()
        if error is None:
            self.taken += 1
            self._spool.published(parcel, now, self._wait_s(parcel.tries))
            kind.until_s, kind.hold_s = 0.0, FIRST_HOLD_S
            self._sayings.over(f"send {parcel.kind}", f"bus: {kind.subject} is taken again")
            if parcel.kind == "pulse":
                if now - flight.sent_s < QUICK_S:
                    kind.window = min(MOST_WINDOW, kind.window + 1)
                elif now - flight.sent_s > SLOW_S:
                    kind.window = max(LEAST_WINDOW, kind.window - 1)
        elif isinstance(error, APIError) and error.err_code == TOO_LARGE:
            self._too_large(parcel, f"its stream refuses it ({error.description})", now)
        else:
            self._hold(kind, parcel.kind, f"{kind.subject} is not taken, {_said(error)}", now)
            self._spool.put_off(parcel, now, 0.0)
        if 2 * len(kind.flights) <= kind.window:
            self._poke()

    def _wait_s(self, tries: int) -> float:
        return min(LONGEST_WAIT_S, self._receipt_s * 2.0 ** min(tries, 20)) * random.uniform(1.0, 1.1)

    def _give_up_waiting(self, now: float) -> None:
        """Forget about answers that do not come."""
        for name, kind in self._kinds.items():
            late = [future for future, flight in kind.flights.items() if flight.until_s <= now]
            if late:
                self._hold(kind, name, f"no answer to {kind.subject} in time", now)
                self._withdraw(kind, late, now)

    def denied(self, error: Exception) -> bool:
        """Take note of a complaint of the server; whether it was about one of our subjects."""
        for name, kind in self._kinds.items():
            if f'"{kind.subject}"'.lower() in str(error).lower():  # the library changes it to small letters
                now = time.monotonic()
                self._hold(kind, name, f"this node may not publish to {kind.subject}; the centre must allow it", now)
                self._withdraw(kind, list(kind.flights), now)
                return True
        return False

    def _hold(self, kind: _Kind, name: Kind, why: str, now: float) -> None:
        self._sayings.say(f"send {name}", f"bus: {why}")
        if now >= kind.until_s:
            kind.until_s = now + kind.hold_s * random.uniform(0.8, 1.0)
            kind.hold_s = min(LONGEST_HOLD_S, 2.0 * kind.hold_s)
            kind.window = LEAST_WINDOW if name == "pulse" else CLIPS_AT_ONCE

    def _withdraw(self, kind: _Kind, futures: list[asyncio.Future[PubAck]], now: float) -> None:
        for future in futures:
            parcel = kind.flights.pop(future).parcel
            self.bytes_on_way -= len(parcel.message)
            self._spool.put_off(parcel, now, 0.0)
            future.cancel()

    def _too_large(self, parcel: Parcel, why: str, now: float) -> None:
        if parcel.kind == "clip":
            self._spool.give_up(parcel, f"{parcel.identity} has {len(parcel.message)} bytes and {why}")
        else:
            self._sayings.say("large", f"bus: pulse {parcel.identity} cannot be sent, {why}", level=logging.ERROR)
            self._spool.put_off(parcel, now, LONGEST_WAIT_S)

    def end(self) -> None:
        """The connection is over: what was on its way is due again."""
        now = time.monotonic()
        for kind in self._kinds.values():
            self._withdraw(kind, list(kind.flights), now)


def _said(error: BaseException) -> str:
    if isinstance(error, NoStreamResponseError | nats.errors.NoRespondersError):
        return "no stream at the bus is for it; is the centre running?"
    if isinstance(error, APIError):
        return f"the bus says: {error.description} ({error.err_code})"
    return str(error) or type(error).__name__
