"""Reading scenario files: what is to happen, as people write it, refused with file, line, key and reason when it
cannot be."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from errors import ConfigurationError
from sim.staging.catalogue import scenario_path
from sim.staging.coherence import check
from sim.staging.refusal import at, named, refusal
from sim.staging.spec import Spec
from sim.staging.tomllines import Key, TomlLines

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A scenario that has been read and makes sense, but for what only its city can tell.

    name : the file's, without ``.toml``.
    where : the file, as errors name it.
    folder : what file names in it are relative to.
    text : of the file; ``lines`` tells where in it keys stand.
    """

    name: str
    where: str
    folder: Path
    text: str
    spec: Spec
    lines: TomlLines

    @property
    def title(self) -> str:
        """In one line, for people."""
        return self.spec.title

    @property
    def start_ns(self) -> int:
        """UTC nanoseconds of the first sample."""
        return (self.spec.start - _EPOCH) // timedelta(microseconds=1) * 1000

    def refusal(
        self, key: Key, reason: str | None = None, *, expected: str | None = None, seen: object = ...
    ) -> ConfigurationError:
        """The error that names the file, the line of ``key``, and either ``reason`` or the key itself."""
        words = named(key) if reason is None else reason
        return ConfigurationError(at(self.where, self.lines, key), words, expected=expected, seen=seen)


def read_scenario(name_or_path: str | Path) -> Scenario:
    """A shipped scenario by its name, or any by its path.

    Raises
    ------
    ConfigurationError
        No such scenario; the file cannot be read, is not TOML, or holds a key or a value that cannot be.  The message
        names the file, the line, the key and the reason.
    """
    path = scenario_path(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(path, f"cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(path, f"is not UTF-8 text (byte {error.start})") from error
    return parse_scenario(text, path)


def parse_scenario(text: str, path: Path) -> Scenario:
    """The scenario of the text of a file; ``path`` gives its name, names it in errors, and places what it refers to.

    Raises
    ------
    ConfigurationError
        As ``read_scenario``.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError, and so is a date that is none
        raise ConfigurationError(path, f"is not TOML: {error}") from error
    text = text.replace("\r\n", "\n")
    lines = TomlLines(text)
    try:
        spec = msgspec.convert(document, Spec)
    except msgspec.ValidationError as error:
        raise refusal(error, document, Spec, path, lines) from error
    scenario = Scenario(path.stem, str(path), path.parent, text, spec, lines)
    check(spec, scenario.refusal)
    return scenario
