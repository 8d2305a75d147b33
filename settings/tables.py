"""What tables of settings are made of: a type that refuses unknown keys, and values with bounds and a description."""

from __future__ import annotations

import msgspec


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any table of a file: unknown keys are refused."""


def number(low: float, high: float, what: str) -> msgspec.Meta:
    """A number from ``low`` to ``high``, both included."""
    return msgspec.Meta(ge=low, le=high, description=what)


def what(description: str) -> msgspec.Meta:
    """A value that its type says all about."""
    return msgspec.Meta(description=description)
