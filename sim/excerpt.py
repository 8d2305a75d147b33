"""An excerpt of a rendered world as a folder of recordings: the same samples as in the whole, from a moment on.

The layout is that of ``sim.writing``.  ``truth.json`` keeps the start and length of the whole scenario, from which its
clock steps and losses are counted, and the sounds that can be heard in the excerpt, with their arrivals in it.  An
excerpt that begins or ends amid a shot's arrivals cuts them, as a recording would: let it begin in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile

from geo.place import Cartesian
from sim.reach import FARTHEST_M, Soundscape
from sim.render import SLOWEST_M_S, StationSound, rendered
from sim.truth import TrueSound, Truth
from sim.truthfile import save_truth, truth_of
from sim.world import World
from sim.writing import FLAC_LEVEL, TRUTH, WEATHER, Format
from wire.utc import NS_PER_S, format_utc_ns


def write_excerpt(
    world: World,
    folder: Path,
    *,
    start_s: float,
    duration_s: float | None,
    format: Format = "flac",
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Truth:
    """Render a window of a world into a folder that exists and is empty.

    Parameters
    ----------
    start_s, duration_s : seconds after the start of the scenario; None for all that is left.
    format, workers, progress : as of ``sim.writing.write_recordings``.

    Returns
    -------
    What ``truth.json`` holds.

    Raises
    ------
    ConfigurationError
        When the window is not within the scenario.
    OSError, soundfile.LibsndfileError
        When a file cannot be written.
    """
    soundscape = Soundscape(world)
    stations = rendered(world, start_s=start_s, duration_s=duration_s, soundscape=soundscape)
    total = max(sum(station.frames for station in stations), 1)
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        names = [f"{number:03d}_{_plain(station.sensor)}" for number, station in enumerate(stations, 1)]
        tasks = [pool.submit(_write, folder / name, one, format) for name, one in zip(names, stations, strict=True)]
        for task in tasks:
            done += task.result()
            if progress is not None:
                progress(done / total)
    weather = world.weather
    air = {
        "temperature": weather.temperature_c,
        "speed": weather.wind_speed_m_s,
        "direction": weather.wind_from_deg,
        "relativeHumidity": weather.humidity_percent,
        "pressure": weather.pressure_hpa,
    }
    _json(folder / WEATHER, air)
    truth = excerpt_truth(world, soundscape, start_s, duration_s)
    save_truth(truth, folder / TRUTH)
    return truth


def excerpt_truth(world: World, soundscape: Soundscape, start_s: float, duration_s: float | None) -> Truth:
    """The truth of what can be heard in a window: sounds with an arrival in it, and those of it that nobody hears."""
    stop_s = world.duration_s if duration_s is None else min(start_s + duration_s, world.duration_s)
    first_ns, stop_ns = (world.start_ns + round(seconds * NS_PER_S) for seconds in (start_s, stop_s))
    earliest_ns = first_ns - round(FARTHEST_M / SLOWEST_M_S * NS_PER_S)
    rows = [k for k, sound in enumerate(world.sounds) if earliest_ns <= sound.at_ns < stop_ns]
    truth = truth_of(world, (soundscape.reached(k) for k in rows))
    return msgspec.structs.replace(truth, sounds=_within(truth.sounds, first_ns, stop_ns))


def _within(sounds: Sequence[TrueSound], first_ns: int, stop_ns: int) -> list[TrueSound]:
    kept = []
    for sound in sounds:
        inside = [arrival for arrival in sound.arrivals if first_ns <= arrival.arrival_ns < stop_ns]
        if inside or (not sound.arrivals and sound.at_ns >= first_ns):
            kept.append(msgspec.structs.replace(sound, arrivals=inside))
    return kept


def _write(path: Path, station: StationSound, format: Format) -> int:
    """One station's sound and sidecar; samples written."""
    bits = station.station.bits
    options: dict[str, Any] = {"compression_level": FLAC_LEVEL} if format == "flac" else {}
    audio = path.with_suffix(f".{format}")
    with soundfile.SoundFile(
        str(audio), "w", int(station.rate_hz), 1, f"PCM_{bits}", format=format.upper(), **options
    ) as file:
        for steps in station.chunks():
            # Whole numbers: libsndfile scales floats by one step too few.  It takes the high bits of wider ones.
            file.write(steps.astype(np.int16) if bits == 16 else steps << 8)
    place = station.station.place
    location = {"x": place.x_m, "y": place.y_m, "z": place.z_m} if isinstance(place, Cartesian) else None
    if not isinstance(place, Cartesian):
        location = {"longitude": place.longitude, "latitude": place.latitude, "height_m": place.height_m}
    sidecar = {
        "serial_number": station.sensor,
        "timestamp": format_utc_ns(station.start_ns),
        "location": location,
        "full_scale_db_spl": station.full_scale_db_spl,
        "clock_sigma_s": station.clock_sigma_s,
        "position_sigma_m": station.position_sigma_m,
    }
    _json(path.with_suffix(".json"), sidecar)
    return station.frames


def _plain(sensor: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", sensor)[:80]


def _json(path: Path, content: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")
