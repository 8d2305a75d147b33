"""A file of settings as a value of its type, or one sentence that says what is wrong with it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from errors import ConfigurationError
from settings.refusal import at, named, refusal
from settings.tomllines import Key, TomlLines

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Read(Generic[T]):
    """What a file says.

    where : the file, as errors name it.
    text : of the file, with newlines as they are on this machine; ``lines`` tells where in it keys stand.
    value : the text as its type.
    """

    where: str
    text: str
    value: T
    lines: TomlLines

    def refusal(
        self, key: Key, reason: str | None = None, *, expected: str | None = None, seen: object = ...
    ) -> ConfigurationError:
        """The error that names the file, the line of ``key``, and either ``reason`` or the key itself."""
        words = named(key) if reason is None else reason
        return ConfigurationError(at(self.where, self.lines, key), words, expected=expected, seen=seen)


def read_text(path: Path) -> str:
    """The text of a file of settings.  Raises ConfigurationError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(path, f"cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(path, f"is not UTF-8 text (byte {error.start})") from error


def parse(text: str, where: object, kind: type[T]) -> Read[T]:
    """The text of a TOML file as ``kind``, a ``settings.tables.Table``.

    Raises
    ------
    ConfigurationError
        Naming the file, the line, the key, what was expected and what was found.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError, and so is a date that is none
        raise ConfigurationError(where, f"is not TOML: {error}") from error
    text = text.replace("\r\n", "\n")
    lines = TomlLines(text)
    try:
        value = msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise refusal(error, document, kind, where, lines) from error
    return Read(str(where), text, value, lines)
