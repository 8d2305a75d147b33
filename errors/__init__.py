"""Every error that Tocsin raises on purpose, in one tree.

::

    TocsinError                 anything that Tocsin says about its own work
    ├── BadInput                what was given is wrong; exit code 2
    │   ├── ConfigurationError  network.toml, command-line options, weather
    │   ├── RecordingError      audio, sidecars, embedded metadata
    │   ├── PulseFileError      pulse files
    │   └── MessageError        what came over the bus
    ├── NotEnoughEvidence       the input is right but bears no honest answer
    └── Mishap                  something outside does not work, and may work again
        ├── CaptureError        a microphone that is missing, or stands still
        ├── ClockError          a time service that gives no usable answer
        ├── SpoolError          a spool that cannot be read or written
        └── BusError            a bus that cannot be reached, or refuses us

Each message is one sentence that names the place, the field, what was expected and what was found.  The basement of
the house: it imports nothing, so that every room may use it.
"""

from __future__ import annotations

__all__ = [
    "BadInput",
    "BusError",
    "CaptureError",
    "ClockError",
    "ConfigurationError",
    "MessageError",
    "Mishap",
    "NotEnoughEvidence",
    "PulseFileError",
    "RecordingError",
    "SpoolError",
    "TocsinError",
    "found",
]


def found(value: object, limit: int = 60) -> str:
    """``repr`` of what was found, cut to a length that fits a sentence."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


class TocsinError(Exception):
    """Root of the tree."""

    exit_code = 1


class BadInput(TocsinError):
    """What was given cannot be used.

    Parameters
    ----------
    where : file (and line) or option that holds the fault, as the user named it.
    what : the fault in words, naming the field; ``expected`` and ``seen`` complete the sentence when given.
    """

    exit_code = 2

    def __init__(self, where: object, what: str, *, expected: str | None = None, seen: object = ...) -> None:
        self.where = str(where)
        self.what = what
        sentence = f"{self.where}: {what}"
        if expected is not None:
            sentence += f": expected {expected}"
        if seen is not ...:
            sentence += f", found {found(seen)}"
        super().__init__(sentence)


class ConfigurationError(BadInput):
    """A setting: network.toml, weather, a command-line option."""


class RecordingError(BadInput):
    """Audio, its sidecar or its embedded metadata."""


class PulseFileError(BadInput):
    """A line of a pulse file."""


class NotEnoughEvidence(TocsinError):
    """The input is right, but an honest answer needs more of it."""


class MessageError(BadInput):
    """A message that came over the bus, or its subject."""


class Mishap(TocsinError):
    """Something outside does not work, and may work again: ``where``, and ``what`` in words.

    Parameters
    ----------
    where : the device, service or file, as the user knows it.
    what : what is wrong, and what to do when that is known.
    """

    def __init__(self, where: object, what: str) -> None:
        self.where = str(where)
        self.what = what
        super().__init__(f"{self.where}: {what}")


class CaptureError(Mishap):
    """A microphone that is missing, busy, unplugged, or stands still."""


class ClockError(Mishap):
    """A time service that does not answer, or not in its own words."""


class SpoolError(Mishap):
    """A spool that cannot be opened, read or written."""


class BusError(Mishap):
    """A bus that cannot be reached, or that refuses this node."""
