"""What waits in the spool for its receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from errors import MessageError
from wire.codec import decode, encode
from wire.messages import Clip, Pulse

Kind = Literal["pulse", "clip"]
KINDS: tuple[Kind, ...] = ("pulse", "clip")
"""In order of importance."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message, encoded.

    kind : of the message.  identity : of the message, ``sensor/boot/sequence``.
    message : its bytes, as they go over the bus.
    arrival_ns : UTC nanoseconds of the pulse's onset, or of the clip's first sample; importance goes by it.
    tries : how often the bus has taken it without a receipt for it.
    key : its place in the spool; negative for what is held in memory.
    """

    kind: Kind
    identity: str
    message: bytes
    arrival_ns: int
    tries: int = 0
    key: int = 0


def parcel_of(message: Pulse | Clip) -> Parcel:
    """The parcel of a message that has not been spooled yet."""
    if isinstance(message, Pulse):
        return Parcel("pulse", message.identity, encode(message), _column(message.arrival_ns))
    return Parcel("clip", message.identity, encode(message), _column(message.start_ns))


def parcel_from_row(kind: Kind, row: tuple[object, ...]) -> Parcel:
    """The parcel of a row of the spool: key, identity, arrival, tries, message.

    Raises
    ------
    MessageError
        The row does not hold what this software put there: a disk or a hand has changed it.
    """
    key, identity, arrival_ns, tries, message = row
    where = f"spool, {kind} {key}"
    if not isinstance(message, bytes):
        raise MessageError(where, "message", expected="bytes", seen=type(message).__name__)
    read: Pulse | Clip = decode(message, Pulse, where) if kind == "pulse" else decode(message, Clip, where)
    if read.identity != identity:
        raise MessageError(where, "identity", expected=read.identity, seen=identity)
    if not isinstance(arrival_ns, int) or not isinstance(tries, int) or tries < 0 or not isinstance(key, int):
        raise MessageError(where, "arrival and tries", expected="whole numbers", seen=(arrival_ns, tries))
    return Parcel(kind, read.identity, message, arrival_ns, tries, key)


def _column(instant_ns: int) -> int:
    """An instant that fits the 64 bits of a column; a clock that was so far off only loses its place in the order."""
    return max(-(2**63), min(2**63 - 1, instant_ns))
