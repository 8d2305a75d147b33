"""The clock that node.toml asks for."""

from __future__ import annotations

from errors import ConfigurationError
from sensors.clock.model import DisciplinedTime, chrony_asked_by
from sensors.clock.recorded import RecordedTime
from sensors.clock.stamp import SampleTime
from sensors.microphone.source import LiveSource
from sensors.node.config import Clock


def open_time(config: Clock, source: LiveSource) -> SampleTime:
    """The time of a source's samples; what runs beside has been started, ``close`` ends it.

    Raises
    ------
    ConfigurationError
        ``clock.source`` is ``recorded``, and the source is no recording.
    """
    if config.source == "recorded":
        if source.recorded is None:
            raise ConfigurationError(
                "clock.source", "recorded", expected="a recording in capture.file, or `chrony`", seen=source.name
            )
        return RecordedTime(source.recorded)
    asked = chrony_asked_by(config.chronyc) if config.source == "chrony" else None
    disciplined = DisciplinedTime(config, source.rate_hz, ask_chrony=asked)
    disciplined.start()
    return disciplined
