"""Audio with its metadata in a JSON file beside it: ``NAME.wav`` or ``NAME.flac``, and ``NAME.json``.

The sidecar holds ``serial_number``, ``timestamp`` (UTC of the first sample) and ``location``; it may hold
``full_scale_db_spl``, ``clock_sigma_s`` and ``position_sigma_m``.  Live-fire tests are written in this form.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from acoustic.weather import Weather
from errors import RecordingError
from sensors import metadata
from sensors.audio_file import FileCapture, read_header

SYSTEM_CLOCK_SIGMA_S = 1e-3
"""Of a computer's system clock in the audio that it stamps; taken where a sidecar does not state better."""


class Sidecar(msgspec.Struct):
    """The fields that are read; others are let through."""

    serial_number: str
    timestamp: str
    location: metadata.Location | None = None
    full_scale_db_spl: float | None = None
    clock_sigma_s: float | None = None
    position_sigma_m: float | None = None


def sidecar_path(audio: Path) -> Path:
    """Where the sidecar of an audio file is."""
    return audio.with_suffix(".json")


def open_with_sidecar(
    audio: Path,
    weather: Weather | None,
    *,
    clock_sigma_s: float = SYSTEM_CLOCK_SIGMA_S,
    require_place: bool = True,
) -> FileCapture:
    """One audio file and its sidecar.

    Parameters
    ----------
    audio : the WAV or FLAC file.
    weather : of the folder.
    clock_sigma_s : taken where the sidecar does not state it.
    require_place : refuse a sidecar without ``location``; else the capture has no place.

    Raises
    ------
    RecordingError
        When either file is missing, damaged or out of bounds.
    """
    path = sidecar_path(audio)
    if not path.is_file():
        expected = f"a sidecar {path.name} beside it, or an smj0 chunk"
        raise RecordingError(audio, "metadata", expected=expected, seen="neither")
    sidecar = metadata.read(path, Sidecar)
    sensor = metadata.sensor_of(sidecar.serial_number, path, "serial_number")
    start_ns = metadata.instant_of(sidecar.timestamp, path, "timestamp")
    has_place = require_place or sidecar.location is not None
    place = metadata.place_of(sidecar.location, path) if has_place else None
    full_scale = metadata.number_of(sidecar.full_scale_db_spl, metadata.LEVEL_BOUNDS, path, "full_scale_db_spl")
    clock = metadata.number_of(sidecar.clock_sigma_s, metadata.CLOCK_BOUNDS, path, "clock_sigma_s")
    survey = metadata.number_of(sidecar.position_sigma_m, metadata.SURVEY_BOUNDS, path, "position_sigma_m")
    return FileCapture(
        path=audio,
        header=read_header(audio),
        sensor=sensor,
        start_ns=start_ns,
        place=place,
        full_scale_db_spl=full_scale,
        clock_sigma_s=clock_sigma_s if clock is None else clock,
        position_sigma_m=survey,
        weather=weather,
    )


def folder_weather(folder: Path) -> Weather | None:
    """Weather of a folder, from its one ``weather.json`` or ``*.weather.json``; None when there is none.

    Raises
    ------
    RecordingError
        When there are several, or it is damaged or out of bounds.
    """
    files = sorted({*folder.glob("weather.json"), *folder.glob("*.weather.json")})
    if not files:
        return None
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise RecordingError(folder, "weather", expected="one weather.json", seen=names)
    return metadata.weather_of(metadata.read(files[0], metadata.WeatherReport), files[0])
