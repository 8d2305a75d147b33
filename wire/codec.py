"""Messages as bytes and back."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from errors import MessageError, found
from wire.messages import CLIP_SCHEMA, HEARTBEAT_SCHEMA, PULSE_SCHEMA, RECEIPT_SCHEMA, Clip, Heartbeat, Pulse, Receipt

Message = TypeVar("Message", Pulse, Clip, Heartbeat, Receipt)

NEWEST: dict[type, int] = {
    Pulse: PULSE_SCHEMA,
    Clip: CLIP_SCHEMA,
    Heartbeat: HEARTBEAT_SCHEMA,
    Receipt: RECEIPT_SCHEMA,
}

LONGEST_BYTES = 8 * 1024 * 1024
"""No message is longer; the bus is set to the same limit (deploy/nats)."""


def encode(message: Pulse | Clip | Heartbeat | Receipt) -> bytes:
    """JSON of a message; the same message gives the same bytes.

    What this gives, ``decode`` takes: a message that no reader takes would wait in a spool for ever.

    Raises
    ------
    MessageError
        The message is not what its type says: a number out of bounds, a time that is not finite (JSON has no word for
        infinity), more than ``LONGEST_BYTES``.
    """
    try:
        document = msgspec.json.encode(message)
    except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
        raise MessageError("message", f"{type(message).__name__} cannot be written ({error})") from error
    kind: type[Pulse] = type(message)  # type: ignore[assignment]  # any of them: a type variable takes no union
    decode(document, kind, f"message {found(getattr(message, 'identity', kind.__name__))}")
    return document


def decode(document: bytes, kind: type[Message], where: object = "message") -> Message:
    """A message from its JSON.

    Raises
    ------
    MessageError
        Longer than ``LONGEST_BYTES``; not JSON; a field missing, unknown or out of bounds; a schema newer than this
        software, or below 1.  The sentence names ``where`` and the field.
    """
    if len(document) > LONGEST_BYTES:
        raise MessageError(where, "length", expected=f"at most {LONGEST_BYTES} bytes", seen=len(document))
    try:
        message = msgspec.json.decode(document, type=kind)
    except msgspec.ValidationError as error:
        raise MessageError(where, f"{kind.__name__}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(where, f"is not JSON ({error})") from error
    if not 1 <= message.schema <= NEWEST[kind]:
        raise MessageError(where, f"{kind.__name__}.schema", expected=f"1 .. {NEWEST[kind]}", seen=message.schema)
    return message
