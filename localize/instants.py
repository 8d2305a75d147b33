"""ISO 8601 instants by the thousand: the common form read as a matrix of digits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LENGTH = 30  # YYYY-MM-DDThh:mm:ss.fffffffffZ
_CHUNK = 65_536  # rows at once: bounds the memory of a long file
_PUNCTUATION = {4: "-", 7: "-", 13: ":", 16: ":"}
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def utc_ns_of(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """UTC nanoseconds of many instants at once.

    Parameters
    ----------
    texts : n texts; ``YYYY-MM-DDThh:mm:ss[.f]Z`` with up to nine digits and years 1970..2199 is read here.

    Returns
    -------
    instants : (n,) int64, UTC nanoseconds since 1970, equal to ``wire.utc.parse_utc_ns``; 0 where not read.
    unread : (n,) bool, texts of another form or of no date, for ``parse_utc_ns`` to read or to refuse.
    """
    instants = np.zeros(len(texts), dtype=np.int64)
    unread = np.ones(len(texts), dtype=np.bool_)
    for start in range(0, len(texts), _CHUNK):
        part = slice(start, start + _CHUNK)
        instants[part], unread[part] = _chunk(texts[part])
    return instants, unread


def _chunk(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    length = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    # A fixed width cuts longer texts; their length gives them away below.
    marks = np.array(texts, dtype=f"U{_LENGTH}").view(np.uint32).reshape(len(texts), _LENGTH)
    good = (length == 20) | ((length >= 22) & (length <= _LENGTH))
    end = np.where(good, length - 1, 0)
    good &= marks[np.arange(len(texts)), end] == ord("Z")
    good &= (marks[:, 10] == ord("T")) | (marks[:, 10] == ord(" "))
    for column, mark in _PUNCTUATION.items():
        good &= marks[:, column] == ord(mark)
    good &= (length == 20) | (marks[:, 19] == ord("."))

    digits = marks.astype(np.int64) - ord("0")
    decimal = (digits >= 0) & (digits <= 9)
    good &= decimal[:, [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]].all(axis=1)
    within = np.arange(20, 29) < end[:, None]
    good &= (decimal[:, 20:29] | ~within).all(axis=1)
    fraction = np.where(within, digits[:, 20:29], 0) @ 10 ** np.arange(8, -1, -1)

    year = digits[:, :4] @ np.array([1000, 100, 10, 1])
    month, day, hour, minute, second = (digits[:, c] * 10 + digits[:, c + 1] for c in (5, 8, 11, 14, 17))
    good &= (year >= 1970) & (year < 2200) & (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60)
    month = np.where(good, month, 1)
    leap = (month == 2) & (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    good &= (day >= 1) & (day <= _DAYS[month] + leap)
    # Days since the epoch, proleptic Gregorian: Hinnant 2013, "chrono-compatible low-level date algorithms".
    shifted = year - (month <= 2)
    year_of_era = shifted % 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = shifted // 400 * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    return np.where(good, seconds * 1_000_000_000 + fraction, 0), ~good
