"""What a node logs: a line of text for people, or a JSON object a line for machines; never a password or a seed."""

from __future__ import annotations

import logging
import os
from typing import Literal, TextIO

import msgspec

from sensors.node.masking import masked
from wire.utc import format_utc_ns

ROOT = "tocsin"
"""Loggers of Tocsin are this one's children: ``tocsin.node.<part>``."""

_PREFIX = f"{ROOT}.node"
_ORDINARY = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime", "taskName"}
_PRIORITY = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
_HANDLER_NAME = "tocsin"


def set_up(style: Literal["text", "json"], level: Literal["debug", "info", "warning", "error"], stream: TextIO) -> None:
    """Log to ``stream`` from now on; what is not Tocsin's own (the bus client, asyncio, warnings) from warnings on.

    Calling it again replaces what it set up before.
    """
    handler = logging.StreamHandler(stream)
    handler.name = _HANDLER_NAME
    handler.setFormatter(JsonLine() if style == "json" else TextLine(journal=_is_journal(stream)))
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.name == _HANDLER_NAME]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(ROOT).setLevel(level.upper())
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a stream that is gone must not end a node that hears


def part_of(record: logging.LogRecord) -> str:
    """``listening`` of ``tocsin.node.listening``; the whole name of what is not Tocsin's own."""
    name = record.name
    if name in {_PREFIX, ROOT}:
        return "node"
    return name.removeprefix(f"{_PREFIX}.").removeprefix(f"{ROOT}.")


class TextLine(logging.Formatter):
    """``2026-05-09T20:40:00.123Z warning  listening  sentence``; a traceback follows on lines of its own.

    Parameters
    ----------
    journal : begin lines with the priority that systemd takes off again, so that ``journalctl -p warning`` works.
    """

    def __init__(self, *, journal: bool = False) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname.lower():<8} {part_of(record):<10} {_sentence(record)}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        line = masked(line)
        if self._journal:
            priority = f"<{_PRIORITY.get(record.levelno, 6)}>"
            line = "\n".join(priority + row for row in line.split("\n"))
        return line


class JsonLine(logging.Formatter):
    """One object a line: ``time``, ``level``, ``part``, ``message``, the record's extra fields, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "part": part_of(record),
            "message": _sentence(record),
        }
        for name, value in vars(record).items():
            if name not in _ORDINARY:
                fields[name if name not in fields else f"{name}_"] = value
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return masked(msgspec.json.encode(fields, enc_hook=str).decode())


def _time(record: logging.LogRecord) -> str:
    return format_utc_ns(int(record.created * 1000) * 1_000_000)[:-7] + "Z"


def _sentence(record: logging.LogRecord) -> str:
    """On one line, whatever a server or a device put into it."""
    return " ".join(record.getMessage().split("\n"))


def _is_journal(stream: TextIO) -> bool:
    """Whether systemd reads the stream (sd-daemon(3), systemd.exec(5): ``JOURNAL_STREAM`` is its device and inode)."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):  # no file at all, as in a test
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
