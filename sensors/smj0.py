"""WAV with its metadata inside: a RIFF chunk ``smj0`` of zlib-compressed JSON (public schema "smj0").

The chunk holds the sensor's serial number, WGS 84 position, UTC of the first sample, full scale in dB SPL of each
transducer, the weather, ``lambda`` (the largest error that the system clock can have, after RFC 5905) and ``pdop`` of
the satellite fix.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import msgspec

from acoustic.weather import Weather
from errors import RecordingError
from sensors import metadata
from sensors.audio_file import FileCapture, read_header
from sensors.capture import Finding
from sensors.riff import Chunk, read_chunk, read_chunks
from sensors.sidecar import SYSTEM_CLOCK_SIGMA_S

CHUNK_NAME = b"smj0"

MAX_COMPRESSED_BYTES = 1024 * 1024
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
"""Real chunks hold 0.6 kB, 1.1 kB unpacked; a chunk that unpacks to more than this is hostile."""

RANGE_SIGMA_M = 3.0
"""One standard deviation of one satellite's range as civil single-frequency receivers see it under open sky (GPS
Standard Positioning Service performance: a user range error of 1-2 m, plus multipath near buildings)."""

_PDOP_BOUNDS = metadata.Bounds(0.0, 1000.0, "")

DURATION_SLACK_S = 0.1
"""The duration stated in the chunk may be rounded; a file that is off by more has lost or gained samples."""


class _Transducer(msgspec.Struct, rename="camel"):
    channel: int = 0
    full_scale: float | None = None


class _Document(msgspec.Struct, rename="camel"):
    serial_number: str
    start_time_utc: str = msgspec.field(name="startTimeUTC")
    geolocation: metadata.Location | None = None
    duration: float | None = None
    lambda_s: float | None = msgspec.field(default=None, name="lambda")
    pdop: float | None = None
    weather: metadata.WeatherReport | None = None
    transducers: list[_Transducer] = []


def smj0_chunk(audio: Path) -> Chunk | None:
    """The ``smj0`` chunk of a WAV file; None when it has none.

    Raises
    ------
    RecordingError
        When the file is not a whole WAV file, or has several such chunks.
    """
    found = [chunk for chunk in read_chunks(audio) if chunk.name == CHUNK_NAME]
    if len(found) > 1:
        raise RecordingError(audio, "smj0 chunks", expected="one", seen=len(found))
    return found[0] if found else None


def unpack(packed: bytes, where: object) -> bytes:
    """The JSON text of a chunk, unpacked within ``MAX_DOCUMENT_BYTES``.  Raises RecordingError."""
    if len(packed) > MAX_COMPRESSED_BYTES:
        raise RecordingError(where, "smj0 chunk", expected=f"at most {MAX_COMPRESSED_BYTES} bytes", seen=len(packed))
    unpacker = zlib.decompressobj()
    try:
        document = unpacker.decompress(packed, MAX_DOCUMENT_BYTES)
    except zlib.error as error:
        raise RecordingError(where, f"smj0 chunk is not zlib data ({error})") from error
    if not unpacker.eof:
        what = "more" if unpacker.unconsumed_tail or len(document) == MAX_DOCUMENT_BYTES else "an unfinished stream"
        expected = f"a whole zlib stream of at most {MAX_DOCUMENT_BYTES} bytes unpacked"
        raise RecordingError(where, "smj0 chunk", expected=expected, seen=what)
    return document


def open_smj0(audio: Path, chunk: Chunk, *, require_place: bool = True) -> FileCapture:
    """A WAV file whose metadata are in ``chunk``; one without ``geolocation`` only when no place is required.

    Raises
    ------
    RecordingError
        When the audio or a field of the chunk is damaged, missing or out of bounds, or when the duration that the chunk
        states is not that of the audio.
    """
    where = f"{audio}, smj0 chunk"
    if chunk.size > MAX_COMPRESSED_BYTES:
        raise RecordingError(where, "size", expected=f"at most {MAX_COMPRESSED_BYTES} bytes", seen=chunk.size)
    document = metadata.decode(unpack(read_chunk(audio, chunk), audio), _Document, where)
    header = read_header(audio)
    sensor = metadata.sensor_of(document.serial_number, where, "serialNumber")
    start_ns = metadata.instant_of(document.start_time_utc, where, "startTimeUTC")
    has_place = require_place or document.geolocation is not None
    place = metadata.place_of(document.geolocation, where, "geolocation") if has_place else None
    seconds = header.frames / header.rate_hz
    if document.duration is not None and not abs(document.duration - seconds) <= DURATION_SLACK_S:
        raise RecordingError(where, "duration", expected=f"that of the audio, {seconds:g} s", seen=document.duration)
    worst_clock = metadata.number_of(document.lambda_s, metadata.CLOCK_BOUNDS, where, "lambda")
    pdop = metadata.number_of(document.pdop, _PDOP_BOUNDS, where, "pdop")
    weather, noted = _weather(document.weather, where)
    first = next((transducer for transducer in document.transducers if transducer.channel == 0), None)
    full_scale = None if first is None else first.full_scale
    return FileCapture(
        path=audio,
        header=header,
        sensor=sensor,
        start_ns=start_ns,
        place=place,
        full_scale_db_spl=metadata.number_of(
            full_scale, metadata.LEVEL_BOUNDS, where, "transducers[0].fullScale"
        ),
        # An error known only to lie within +-lambda has the standard deviation of a uniform one.
        clock_sigma_s=SYSTEM_CLOCK_SIGMA_S if worst_clock is None else worst_clock / math.sqrt(3.0),
        # PDOP^2 = HDOP^2 + VDOP^2 with VDOP about twice HDOP under open sky, and HDOP covers two axes.
        position_sigma_m=None if pdop is None else RANGE_SIGMA_M * pdop / math.sqrt(10.0),
        weather=weather,
        noted=noted,
    )


def _weather(report: metadata.WeatherReport | None, where: str) -> tuple[Weather | None, tuple[Finding, ...]]:
    if report is None:
        return None, ()
    humidity = report.relative_humidity
    if humidity is None or 0.0 < humidity <= 100.0:
        return metadata.weather_of(report, where, "weather"), ()
    # The schema itself warns that the humidity is "invalid in some datasets"; open air is never at 0 %.
    known = msgspec.structs.replace(report, relative_humidity=None)
    what = f"relative humidity of {humidity:g} % cannot be; 50 % is taken"
    return metadata.weather_of(known, where, "weather"), (Finding("weather", f"{where}, weather", what),)
