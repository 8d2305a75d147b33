"""Recordings written for tests."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE_HZ = 12_000

SMJ0: dict[str, Any] = {
    "serialNumber": "N-1",
    "startTimeUTC": "2022-10-19T18:10:15.000Z",
    "duration": 0.1,
    "geolocation": {"latitude": 41.29, "longitude": -82.22, "elevation": 246.1},
    "pdop": 2.0,
    "lambda": 2.4e-5,
    "weather": {"medium": "air", "temperature": 12.3, "relativeHumidity": None, "speed": 5.6, "direction": 290.0},
    "transducers": [{"name": "Microphone", "channel": 0, "fullScale": 93.09, "noise": 0.0, "active": True}],
}


def noise(frames: int = 1200, channels: int = 1, seed: int = 1) -> NDArray[np.float32]:
    """(frames, channels) float32, a tenth of full scale, on the grid of 16 bits."""
    grid = np.random.default_rng(seed).integers(-3276, 3277, (frames, channels))
    return (grid / 32768.0).astype(np.float32)


def write_audio(path: Path, samples: NDArray[np.float32] | None = None, rate_hz: int = RATE_HZ, **how: str) -> Path:
    """A WAV or FLAC file of 16 bits (or as ``subtype``, ``format`` say)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(path), noise() if samples is None else samples, rate_hz, **{"subtype": "PCM_16", **how})
    return path


def sidecar(sensor: str = "N-1", start: str = "2018-12-19T00:49:26.000Z", **fields: Any) -> dict[str, Any]:
    """What a sidecar holds."""
    return {"serial_number": sensor, "timestamp": start, "location": {"x": 1.0, "y": 2.0, "z": 3.0}, **fields}


def write_recording(path: Path, samples: NDArray[np.float32] | None = None, **fields: Any) -> Path:
    """Audio and its sidecar.  ``fields`` as of ``sidecar``."""
    write_audio(path, samples)
    path.with_suffix(".json").write_text(json.dumps(sidecar(**fields)))
    return path


def pulse_record(sensor: str = "N-1", arrival: str = "2018-12-19T00:49:27.467Z", **fields: Any) -> dict[str, Any]:
    """One published pulse."""
    return {
        "pulse_uuid": "3e946732",
        "serial_number": sensor,
        "arrival_time_utc": arrival,
        "location": {"x": 1.0, "y": 2.0, "z": 3.0},
        "location_error": 0.03,
        "signal_to_noise_dB": 14.0,
        "power_dB_SPL": 77.0,
        **fields,
    }


def write_test(folder: Path, pulses: list[dict[str, Any]], weather: dict[str, Any] | None = None) -> Path:
    """A live-fire test folder without audio."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{folder.name}.allpulses.json").write_text(json.dumps(pulses))
    if weather is not None:
        (folder / f"{folder.name}.weather.json").write_text(json.dumps(weather))
    return folder


def write_smj0(path: Path, document: Any = None, packed: bytes | None = None) -> Path:
    """A WAV file with an ``smj0`` chunk at its end."""
    write_audio(path)
    content = zlib.compress(json.dumps(SMJ0 if document is None else document).encode()) if packed is None else packed
    chunk = struct.pack("<4sI", b"smj0", len(content)) + content + b"\0" * (len(content) % 2)
    body = path.read_bytes() + chunk
    path.write_bytes(body[:4] + struct.pack("<I", len(body) - 8) + body[8:])
    return path
