"""A damaged spool: set aside, never deleted, and what can still be read of it carried over."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from errors import MessageError, SpoolError
from sensors.delivery.parcels import KINDS, Kind, Parcel, parcel_from_row
from sensors.delivery.spoolfile import BUSY_S, SpoolFile, sync_folder

ROWS_AT_ONCE = 100
"""Carried over in one transaction, so that the journal stays small."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What was carried over: messages of each kind; and rows that could be read but not used."""

    pulses: int = 0
    clips: int = 0
    unusable: int = 0


def set_aside(path: Path) -> Path:
    """Rename a damaged file, and its journal; returns the new name.  Raises OSError."""
    stem = f"{path.stem}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    aside, number = path.with_name(f"{stem}{path.suffix}"), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{stem}-{number}{path.suffix}")
    path.rename(aside)
    journal = path.with_name(path.name + "-wal")
    if journal.exists():
        journal.rename(aside.with_name(aside.name + "-wal"))
    sync_folder(path.parent)
    return aside


def carry_over(damaged: Path, into: SpoolFile) -> Salvaged:
    """Copy what can be read of a damaged file: rows from both ends up to the damage, each checked.

    Raises SpoolError when ``into`` does not take them; what was copied before stays.
    """
    found: dict[Kind, int] = {"pulse": 0, "clip": 0}
    unusable = 0
    with contextlib.closing(sqlite3.connect(damaged, timeout=BUSY_S, isolation_level=None)) as old:
        for kind in KINDS:
            seen: set[object] = set()
            waiting: list[Parcel] = []
            for direction in ("ASC", "DESC"):
                # What cannot be read ends the walk from this end.
                with contextlib.suppress(sqlite3.Error):
                    rows = old.execute(
                        "SELECT key, identity, arrival, tries, message "
                        f"FROM {kind} NOT INDEXED ORDER BY key {direction}"
                    )
                    while (row := rows.fetchone()) is not None and row[0] not in seen:
                        seen.add(row[0])
                        try:
                            waiting.append(parcel_from_row(kind, row))
                        except MessageError:
                            unusable += 1
                        if len(waiting) == ROWS_AT_ONCE:
                            found[kind] += _insert(into, waiting)
                            waiting = []
            found[kind] += _insert(into, waiting)
        with contextlib.suppress(sqlite3.Error):
            for name, value in old.execute("SELECT name, value FROM tally").fetchall():
                # So that runs stay numbered upwards.
                if isinstance(value, int) and 0 <= value < 2**40:
                    into.set_tally(name, value)
    return Salvaged(found["pulse"], found["clip"], unusable)


def _insert(into: SpoolFile, parcels: list[Parcel]) -> int:
    try:
        with into.transaction(durable=True):
            return sum(into.insert(parcel) is not None for parcel in parcels)
    except sqlite3.Error as error:
        # Not an sqlite3.Error any more, for that would be taken for the damage of the old file.
        raise SpoolError("spool", f"what was saved of a damaged file cannot be written ({error})") from error
