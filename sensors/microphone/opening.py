"""The source that a configuration asks for."""

from __future__ import annotations

import sys

from errors import ConfigurationError, RecordingError
from sensors.microphone.device import DeviceSource
from sensors.microphone.pcm import PcmSource
from sensors.microphone.recorded import RecordedSource
from sensors.microphone.source import LiveSource
from sensors.node.config import Capture
from sensors.recordings import open_recordings


def open_source(config: Capture) -> LiveSource:
    """What to listen to; made, and not yet opened.

    Raises
    ------
    ConfigurationError
        More than one of ``device``, ``file`` and ``stdin`` is given.
    RecordingError
        ``file`` is not one recording of one sensor.
    """
    given = [
        name
        for name, is_given in (
            ("device", config.device is not None),
            ("file", config.file is not None),
            ("stdin", config.stdin),
        )
        if is_given
    ]
    if len(given) > 1:
        raise ConfigurationError(
            "capture", "what to listen to", expected="one of device, file and stdin", seen=" and ".join(given)
        )
    if config.file is not None:
        return _recording(config.file, config.pace)
    if config.stdin:
        return PcmSource(sys.stdin.buffer, config.rate_hz, config.channels, config.stdin_format)
    return DeviceSource(config.device, config.rate_hz, config.channels, config.buffer_s)


def _recording(path: str, pace: float) -> RecordedSource:
    """A recording by its path: an audio file, or a folder that holds one."""
    captures = [capture for one in open_recordings(path, require_places=False) for capture in one.captures]
    if len(captures) != 1:
        sensors = ", ".join(sorted({capture.sensor for capture in captures})) or "none"
        raise RecordingError(
            path, "recordings", expected="one of one sensor", seen=f"{len(captures)}, of sensors: {sensors}"
        )
    return RecordedSource(captures[0], pace)
