"""Passwords in addresses, made unreadable wherever they might be shown."""

from __future__ import annotations

import re

HIDDEN = "***"

# Greedy: a password may hold "@" too.  The second way is an address that was cut short before its "@" came.
_CREDENTIALS = re.compile(r"(?<=://)[^\s'\"]*(?=@)")
_CUT_SHORT = re.compile(r"(?<=://)[^\s'\"@:]+:[^\s'\"@]*(?=\.\.\.)")

# A seed of NKEYS: S, the kind, and 56 more letters of base 32.
_SEED = re.compile(r"\bS[ACNOUX][A-Z2-7]{56}\b")


def masked(text: str) -> str:
    """The text without the user and password of any address, and without the secret seed of any NKEY, in it."""
    if "://" in text:
        text = _CUT_SHORT.sub(HIDDEN, _CREDENTIALS.sub(HIDDEN, text))
    return _SEED.sub(HIDDEN, text)
