"""Subjects of the bus: where each message goes, and what a node may touch.

``pulse.<cell>.<sensor>``, ``clip.<cell>.<sensor>``, ``heartbeat.<cell>.<sensor>`` from nodes; ``receipt.<sensor>`` to
them.  The cell is the map cell of the sensor (``wire.cells``), so that the centre can be sharded by area.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from errors import MessageError

Kind = Literal["pulse", "clip", "heartbeat"]
KINDS: tuple[Kind, ...] = ("pulse", "clip", "heartbeat")

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Address(NamedTuple):
    """What a node's subject says."""

    kind: Kind
    cell: str
    sensor: str


def is_token(text: str) -> bool:
    """Whether a sensor id or cell may stand in a subject: 1 to 100 letters, digits, ``_`` and ``-``."""
    return _TOKEN.fullmatch(text) is not None


def _require_token(name: str, text: str) -> None:
    if not is_token(text):
        raise ValueError(f"{name}: expected 1 to 100 letters, digits, '_' and '-', got {text!r}")


def node_subject(kind: Kind, cell: str, sensor: str) -> str:
    """The subject of a node's message.  Raises ValueError for what cannot stand in one."""
    if kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    _require_token("cell", cell)
    _require_token("sensor", sensor)
    return f"{kind}.{cell}.{sensor}"


def receipt_subject(sensor: str) -> str:
    """Where receipts for a node go.  Raises ValueError as ``node_subject``."""
    _require_token("sensor", sensor)
    return f"receipt.{sensor}"


def parse_node_subject(subject: str) -> Address:
    """The parts of a node's subject.  Raises MessageError."""
    kind, *rest = subject.split(".")
    if kind not in KINDS or len(rest) != 2 or not all(map(is_token, rest)):
        raise MessageError("subject", "form", expected="pulse|clip|heartbeat.<cell>.<sensor>", seen=subject)
    return Address(kind, *rest)


def may_publish(sensor: str) -> tuple[str, ...]:
    """Subjects that a node with this id may publish to: its own, in whatever cell."""
    return tuple(node_subject(kind, "x", sensor).replace(".x.", ".*.") for kind in KINDS)


def may_subscribe(sensor: str) -> tuple[str, ...]:
    """Subjects that it may hear: its receipts, and answers to its own requests."""
    return (receipt_subject(sensor), f"{inbox_prefix(sensor)}.>")


def inbox_prefix(sensor: str) -> str:
    """The prefix of a node's inboxes: in the shared ``_INBOX`` nodes would hear each other's answers.

    Raises ValueError as ``node_subject``.
    """
    _require_token("sensor", sensor)
    return f"_INBOX_{sensor}"
