"""The file of the spool, SQLite in WAL mode: rows in, rows out.

docs/decisions/0014-spool.md says why SQLite, and what it promises of a power cut.  Everything here raises
sqlite3.Error when the disk refuses or the file is damaged; ``sensors.delivery.spool`` decides what follows.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from errors import SpoolError
from sensors.delivery.parcels import KINDS, Kind, Parcel

FILE_NAME = "spool.sqlite"
SCHEMA = 1
PAGE_BYTES = 4096
CACHE_KIB = 1024
"""Pages kept in memory; the working set is the last few hundred pulses."""
BUSY_S = 1.0
"""A node that is being stopped may still hold the file for so long."""
VACUUM_PAGES = 128
"""Given back to the disk at once, half a mebibyte: short enough not to hold up a pulse."""
FREE_PAGES = 512
"""Not given back: the next pulses will want them."""

# ``next_try`` is 0 for what nobody has tried to send, else the time of the next try as ``schedule`` encodes it: so the
# index gives the newest untried rows, and those that are due again, without looking at any other.  Keys are never given
# twice: what is on its way is known by them after its row is gone.
TABLE = """
CREATE TABLE {kind} (
    key INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL UNIQUE, arrival INTEGER NOT NULL,
    bytes INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_try INTEGER NOT NULL DEFAULT 0,
    message BLOB NOT NULL);
CREATE INDEX {kind}_order ON {kind} (next_try, arrival);
"""
OTHER_TABLES = """
CREATE INDEX clip_arrival ON clip (arrival);
CREATE TABLE refused (kind TEXT, identity TEXT, message BLOB, why TEXT);
CREATE TABLE tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO tally VALUES ('boots', 0), ('openings', 0), ('clips_dropped', 0);
"""


def error_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 when the error is Python's own."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is wrong, rather than the disk unwilling."""
    return error_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def sync_folder(folder: Path) -> None:
    """Make the names of files in a folder survive a power cut; SQLite does so only for its journals."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class SpoolFile:
    """An open file.  Used by one thread at a time.

    counts, bytes : rows of each kind, and how long their messages are together.

    Raises
    ------
    sqlite3.Error
        The disk refuses, or the file is damaged (``is_damage``).
    SpoolError
        Another program has it open, or a newer version of this software made it.
    """

    def __init__(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            # SQLite would make it for everyone to read, and its journal takes over the mode.  When it exists, well;
            # what else may be wrong with the place, SQLite says below.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            sync_folder(path.parent)
        self.db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        self.counts: dict[Kind, int] = {"pulse": 0, "clip": 0}
        self.bytes = 0
        try:
            self._prepare(path)
            self.count()
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error) and error_code(error) == sqlite3.SQLITE_BUSY:
                raise SpoolError(path, "another program has this spool open; is a node running already?") from error
            raise

    def _prepare(self, path: Path) -> None:
        for pragma in (
            # The lock lasts as long as the process, whatever ends it; and the index of the WAL needs no file.
            "locking_mode=EXCLUSIVE",
            f"page_size={PAGE_BYTES}",
            "auto_vacuum=INCREMENTAL",
            "journal_mode=WAL",
            f"cache_size=-{CACHE_KIB}",
            "temp_store=MEMORY",
        ):
            self.db.execute(f"PRAGMA {pragma}").fetchall()
        version = int(self._pragma("user_version"))
        tables = {name for (name,) in self.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if version > SCHEMA:
            raise SpoolError(path, f"made by a newer version of the software (schema {version}, known is {SCHEMA})")
        if version == 0 and not tables:
            of_kinds = "".join(TABLE.format(kind=kind) for kind in KINDS)
            self.db.executescript(f"BEGIN;{of_kinds}{OTHER_TABLES}PRAGMA user_version={SCHEMA};COMMIT;")
            return
        wrong = version != SCHEMA or not {*KINDS, "refused", "tally"} <= tables
        # Clips are not looked through: that would read the whole file, minutes on a slow card.  Damage there shows
        # when they are read, and is treated in the same way.
        if wrong or self._pragma("quick_check('pulse')") != "ok":
            damage = sqlite3.DatabaseError("database disk image is malformed")
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage

    def _pragma(self, text: str) -> Any:
        return self.db.execute(f"PRAGMA {text}").fetchone()[0]

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """All or nothing.  A durable one is on disk when it ends; others survive the process, not a power cut."""
        self.db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        counts, size = dict(self.counts), self.bytes
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            self.counts, self.bytes = counts, size
            if self.db.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self.db.execute("ROLLBACK")
            raise

    def count(self) -> None:
        """Count the rows anew."""
        self.bytes = 0
        for kind in KINDS:
            rows, size = self.db.execute(f"SELECT count(*), coalesce(sum(bytes), 0) FROM {kind}").fetchone()
            self.counts[kind] = rows
            self.bytes += int(size)

    def insert(self, parcel: Parcel) -> int | None:
        """Add a parcel; returns its key, None when there is one of that identity already."""
        cursor = self.db.execute(
            f"INSERT OR IGNORE INTO {parcel.kind} (identity, arrival, bytes, tries, message) VALUES (?, ?, ?, ?, ?)",
            (parcel.identity, parcel.arrival_ns, len(parcel.message), parcel.tries, parcel.message),
        )
        if cursor.rowcount == 0:
            return None
        self.counts[parcel.kind] += 1
        self.bytes += len(parcel.message)
        return cursor.lastrowid

    def message(self, kind: Kind, identity: str) -> bytes | None:
        """The message of an identity."""
        row = self.db.execute(f"SELECT message FROM {kind} WHERE identity = ?", (identity,)).fetchone()
        return None if row is None else bytes(row[0])

    def key(self, kind: Kind, identity: str) -> int | None:
        """The key of an identity."""
        row = self.db.execute(f"SELECT key FROM {kind} WHERE identity = ?", (identity,)).fetchone()
        return None if row is None else int(row[0])

    def delete(self, kind: Kind, keys: Iterable[int]) -> None:
        """Remove rows."""
        for key in keys:
            row = self.db.execute(f"SELECT bytes FROM {kind} WHERE key = ?", (key,)).fetchone()
            if row is not None:
                self.db.execute(f"DELETE FROM {kind} WHERE key = ?", (key,))
                self.counts[kind] -= 1
                self.bytes -= row[0] if isinstance(row[0], int) else 0

    def refuse(self, kind: Kind, key: int, why: str) -> None:
        """Put a row that cannot be used where it harms nothing, so that someone may look at it."""
        self.db.execute(
            f"INSERT INTO refused SELECT ?, identity, message, ? FROM {kind} WHERE key = ?", (kind, why, key)
        )
        self.delete(kind, [key])

    def oldest_clips(self, size: int, before_ns: int | None = None) -> list[tuple[int, int]]:
        """Key and bytes of the oldest clips that together have ``size`` bytes, or of all when they have less."""
        chosen, sum_bytes = [], 0
        rows = self.db.execute(
            "SELECT key, bytes FROM clip WHERE arrival <= ? ORDER BY arrival, key",
            (2**63 - 1 if before_ns is None else before_ns,),
        )
        for key, length in rows:
            if sum_bytes >= size:
                break
            chosen.append((int(key), int(length)))
            sum_bytes += length
        return chosen

    def untried(self, kind: Kind, limit: int) -> list[tuple[int, int]]:
        """Key and arrival of rows that nobody has tried to send, newest first."""
        return self.db.execute(
            f"SELECT key, arrival FROM {kind} WHERE next_try = 0 ORDER BY arrival DESC, key DESC LIMIT ?", (limit,)
        ).fetchall()

    def overdue(self, kind: Kind, now: int, limit: int) -> list[tuple[int, int]]:
        """Key and arrival of rows whose next try is due, most recently due first."""
        return self.db.execute(
            f"SELECT key, arrival FROM {kind} WHERE next_try BETWEEN 1 AND ? ORDER BY next_try DESC LIMIT ?",
            (now, limit),
        ).fetchall()

    def row(self, kind: Kind, key: int) -> tuple[object, ...]:
        """Key, identity, arrival, tries and message of a row, whatever they are.  Raises KeyError."""
        row: tuple[object, ...] | None = self.db.execute(
            f"SELECT key, identity, arrival, tries, message FROM {kind} WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            raise KeyError(key)
        return row

    def plan(self, kind: Kind, key: int, tries: int, next_try: int) -> None:
        """Note when a row is to be tried next."""
        self.db.execute(f"UPDATE {kind} SET tries = ?, next_try = ? WHERE key = ?", (tries, next_try, key))

    def planned(self, kind: Kind, limit: int) -> list[tuple[int, int]]:
        """Key and next try of rows that were tried, soonest first."""
        return self.db.execute(
            f"SELECT key, next_try FROM {kind} WHERE next_try > 0 ORDER BY next_try LIMIT ?", (limit,)
        ).fetchall()

    def oldest_ns(self) -> int | None:
        """Arrival of the oldest pulse."""
        rows = self.db.execute(
            "SELECT min(arrival) FROM pulse WHERE next_try = 0 "
            "UNION ALL SELECT min(arrival) FROM pulse WHERE next_try > 0"
        )
        return min((at for (at,) in rows if at is not None), default=None)

    def tally(self, name: str) -> int:
        """A counter that lives as long as the file."""
        return int(self.db.execute("SELECT value FROM tally WHERE name = ?", (name,)).fetchone()[0])

    def set_tally(self, name: str, value: int) -> None:
        """Set it; it never goes down."""
        self.db.execute("UPDATE tally SET value = max(value, ?) WHERE name = ?", (value, name))

    def vacuum(self) -> None:
        """Give a little room back to the disk when most of what is free will not be wanted soon."""
        free = int(self._pragma("freelist_count"))
        if free > FREE_PAGES and 4 * free > int(self._pragma("page_count")):
            # One page a step: as a script, for a single statement would be stepped once.
            self.db.executescript(f"PRAGMA incremental_vacuum({min(VACUUM_PAGES, free - FREE_PAGES)})")

    def close(self) -> None:
        """Close the file, whatever its state."""
        with contextlib.suppress(sqlite3.Error):
            self.db.close()
