"""Where keys stand in a TOML text: ``tomllib`` forgets it, and people want the line."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left

Key = tuple[str | int, ...]
"""The way to a value: names of keys and positions in arrays, such as ``("shooter", 0, "bursts", 2, "at_s")``."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_PART = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+')
_TEXT = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_BARE = re.compile(r"[^,\]}\n#]*")


class TomlLines:
    """The line on which each key, table and element of a valid TOML text begins, counted from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [found.start() for found in re.finditer("\n", text)]
        self._pos = 0
        self._of: dict[Key, int] = {}
        self._last: dict[Key, int] = {}
        table: Key = ()
        while self._blank():
            if text.startswith("[", self._pos):
                table = self._header()
            else:
                self._pair(table)

    def line(self, key: Key) -> int | None:
        """The line of a key, or of the nearest table or array around it that has one; None for the whole text."""
        while key:
            if key in self._of:
                return self._of[key]
            key = key[:-1]
        return None

    def _blank(self) -> bool:
        """Skip blanks and comments; whether anything follows."""
        self._skip(_BLANK)
        return self._pos < len(self._text)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._pos)
        if found is None:
            return ""
        self._pos = found.end()
        return found[0]

    def _mark(self, key: Key) -> None:
        self._of.setdefault(key, bisect_left(self._ends, self._pos) + 1)

    def _names(self) -> list[str]:
        """A key with its dots."""
        names = []
        while True:
            self._skip(_SPACE)
            part = self._skip(_PART)
            names.append(str(tomllib.loads(f"name = {part}")["name"]) if part[:1] in {'"', "'"} else part)
            self._skip(_SPACE)
            if not self._text.startswith(".", self._pos):
                return names
            self._pos += 1

    def _header(self) -> Key:
        several = self._text.startswith("[[", self._pos)
        self._pos += 1 + several
        start = self._pos
        names = self._names()
        after, self._pos = self._pos + 1 + several, start
        key: Key = ()
        for number, name in enumerate(names):
            key = (*key, name)
            if number == len(names) - 1:
                self._mark(key)
                if several:
                    self._last[key] = self._last.get(key, -1) + 1
            if key in self._last:  # a header below an array of tables is about its last element
                key = (*key, self._last[key])
        self._mark(key)
        self._pos = after
        return key

    def _pair(self, table: Key) -> None:
        start = self._pos
        names = self._names()
        after, self._pos = self._pos, start
        key = table
        for name in names:
            key = (*key, name)
            self._mark(key)
        self._pos = after + 1  # the equals sign
        self._value(key)

    def _value(self, key: Key) -> None:
        self._skip(_SPACE)
        self._mark(key)
        first = self._text[self._pos : self._pos + 1]
        if first in {'"', "'"}:
            self._skip(_TEXT)
        elif first == "[":
            self._pos += 1
            number = 0
            while self._blank() and not self._text.startswith("]", self._pos):
                if self._text.startswith(",", self._pos):
                    self._pos += 1
                    continue
                self._value((*key, number))
                number += 1
            self._pos += 1
        elif first == "{":
            self._pos += 1
            while self._blank() and not self._text.startswith("}", self._pos):
                if self._text.startswith(",", self._pos):
                    self._pos += 1
                    continue
                self._pair(key)
            self._pos += 1
        else:
            self._skip(_BARE)
