"""Reading scenario files: what is to happen, as people write it, refused with file, line, key and reason when it
cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from errors import ConfigurationError
from settings.reading import Read, parse, read_text
from settings.tomllines import Key
from sim.staging.catalogue import scenario_path
from sim.staging.coherence import check
from sim.staging.spec import Spec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A scenario that has been read and makes sense, but for what only its city can tell.

    name : the file's, without ``.toml``.
    folder : what file names in it are relative to.
    read : the file, and where in it keys stand.
    """

    name: str
    folder: Path
    read: Read[Spec]

    @property
    def spec(self) -> Spec:
        """What the file says."""
        return self.read.value

    @property
    def where(self) -> str:
        """The file, as errors name it."""
        return self.read.where

    @property
    def text(self) -> str:
        """The text of the file."""
        return self.read.text

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
        """As ``settings.reading.Read.refusal``."""
        return self.read.refusal(key, reason, expected=expected, seen=seen)


def read_scenario(name_or_path: str | Path) -> Scenario:
    """A shipped scenario by its name, or any by its path.

    Raises
    ------
    ConfigurationError
        No such scenario; the file cannot be read, is not TOML, or holds a key or a value that cannot be.  The message
        names the file, the line, the key and the reason.
    """
    path = scenario_path(name_or_path)
    return parse_scenario(read_text(path), path)


def parse_scenario(text: str, path: Path) -> Scenario:
    """The scenario of the text of a file; ``path`` gives its name, names it in errors, and places what it refers to.

    Raises
    ------
    ConfigurationError
        As ``read_scenario``.
    """
    read = parse(text, path, Spec)
    scenario = Scenario(path.stem, path.parent, read)
    check(read.value, scenario.refusal)
    return scenario
