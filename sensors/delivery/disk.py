"""The spool's file and the moods of its disk: refusals noted and tried again, damage repaired."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from errors import SpoolError
from sensors.delivery import repair
from sensors.delivery.spoolfile import SpoolFile, error_code, is_damage, sync_folder

log = logging.getLogger("tocsin.node.spool")

RETRY_S = 5.0
"""Between two tries of a disk that refuses: a failing card may take seconds to say no."""

Result = TypeVar("Result")


class Disk:
    """Asks the file, and keeps account of what the disk says.  Used by one thread at a time.

    Parameters
    ----------
    path : of the file; its folder is made when missing.
    opened : told of each opening of the file, and whether it is a new one in place of a damaged one.

    file : None while it cannot be opened.
    refusal : what the disk said last; None when it does what it is asked.
    damage : what was found damaged and what came of it, a sentence each.
    """

    def __init__(self, path: Path, opened: Callable[[SpoolFile, bool], None]) -> None:
        self._path = path
        self._opened = opened
        self.file: SpoolFile | None = None
        self.refusal: str | None = None
        self.damage: list[str] = []
        self.closed = False
        self._retry_at = 0.0
        self._reopen = self._blind = False

    def open(self) -> None:
        """The first opening.

        Raises
        ------
        SpoolError
            It cannot be opened; a disk that is merely full is no reason, that is noted as a refusal.
        """
        folder = self._path.parent
        try:
            if not folder.is_dir():
                folder.mkdir(mode=0o700, parents=True)
                sync_folder(folder.parent)
        except OSError as error:
            raise SpoolError(folder, f"the folder of the spool cannot be made ({error.strerror})") from error
        try:
            self._open()
        except sqlite3.Error as error:
            if is_damage(error):
                self._replace(error)
            elif error_code(error) == sqlite3.SQLITE_FULL:
                self._refused(error)
            else:
                raise SpoolError(self._path, f"cannot be opened ({error})") from error

    def ask(
        self,
        what: Callable[[SpoolFile], Result],
        *,
        write: bool = False,
        durable: bool = False,
        when_full: Callable[[SpoolFile], bool] | None = None,
    ) -> tuple[Result] | None:
        """What the file answers; None when the disk refuses, which is noted, or when it is too early to ask again.

        write, durable : in a transaction; a durable one is not undone by a power cut.
        when_full : may make room on a full disk; True when asking again makes sense.
        """
        reads = not (write or durable)
        if not self._may_ask(reads):
            return None
        assert self.file is not None
        try:
            if reads:
                return (what(self.file),)
            try:
                with self.file.transaction(durable=durable):
                    answer = what(self.file)
            except sqlite3.Error as error:
                if error_code(error) != sqlite3.SQLITE_FULL or when_full is None or not when_full(self.file):
                    raise
                with self.file.transaction(durable=durable):
                    answer = what(self.file)
        except sqlite3.Error as error:
            self._refused(error)
            self._blind = reads and self.refusal is not None
            return None
        return (answer,)

    def over(self) -> None:
        """The disk has taken what it refused."""
        if self.refusal is not None:
            log.warning("the disk takes pulses again")
            self.refusal = None

    def insist(self) -> None:
        """Ask the disk next time, however recently it refused."""
        self._retry_at = 0.0

    def close(self) -> None:
        """Close for good."""
        self.closed = True
        self._close_file()

    def _close_file(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None

    def _may_ask(self, reads: bool) -> bool:
        # A disk that takes nothing can mostly still be read, and what it holds should be sent.
        if self.refusal is None or self.closed or (reads and not self._blind):
            return self.file is not None
        if time.monotonic() < self._retry_at:
            return False
        if self.file is None or self._reopen:
            try:
                self._open()
            except (sqlite3.Error, SpoolError) as error:
                self._refused(error)
                return self.file is not None and self.refusal is None
        return True

    def _open(self, *, renewed: bool = False) -> None:
        self._close_file()
        file = SpoolFile(self._path)
        self.file, self._reopen, self._blind = file, False, False
        try:
            with file.transaction():
                file.set_tally("openings", file.tally("openings") + 1)
        except sqlite3.Error as error:
            if error_code(error) != sqlite3.SQLITE_FULL:
                raise
        self._opened(file, renewed)

    def _refused(self, error: sqlite3.Error | SpoolError) -> None:
        """The disk did not do what was asked: wait, and try again; or replace a damaged file."""
        if isinstance(error, sqlite3.Error) and is_damage(error):
            try:
                self._replace(error)
            except SpoolError as second:
                error = second
            else:
                return
        if self.refusal != str(error):
            log.error("the disk refuses (%s): pulses are held in memory", error)
        self.refusal = str(error)
        self._retry_at = time.monotonic() + RETRY_S
        # A disk that was taken out, or mounted anew, needs the file to be opened anew; a full one does not.
        self._reopen = isinstance(error, SpoolError) or error_code(error) != sqlite3.SQLITE_FULL

    def _replace(self, damage: sqlite3.Error) -> None:
        """Set a damaged file aside, begin a new one, carry over what can be read.  Raises SpoolError."""
        self._close_file()
        try:
            aside = repair.set_aside(self._path)
            self._open(renewed=True)
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(self._path, f"is damaged ({damage}) and cannot be replaced ({error})") from error
        assert self.file is not None
        try:
            salvaged = repair.carry_over(aside, self.file)
            carried = f"{salvaged.pulses} pulses and {salvaged.clips} clips could be read and wait again"
            if salvaged.unusable:
                carried += f", {salvaged.unusable} rows were unusable"
        except (sqlite3.Error, SpoolError) as error:
            carried = f"what it holds could not be carried over ({error})"
        self._opened(self.file, True)
        self.refusal = None
        self.damage.append(f"the file was damaged ({damage}) and was set aside as {aside.name}; {carried}")
        log.error("%s", self.damage[-1])
