"""A rendered world as a folder of recordings: sound with sidecars, weather, truth.

::

    NAME.flac or NAME.wav   a station's samples, 16 or 24 bits as its converter has
    NAME.json               what the sensor believes of itself (``sensors.sidecar``)
    weather.json            of the world
    truth.json              ``sim.truth``
    scenario.toml           the scenario file that the world is of, where there is one (``sim.staging.copied``)

The folder is written whole or not at all: everything goes into a hidden folder beside it, which takes its name when all
is done.  Only a folder that is empty or an earlier rendering is replaced.  The same world gives the same bytes.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import soundfile

from errors import BadInput, ConfigurationError
from geo.place import Cartesian, Place
from sensors import metadata
from sensors.audio_file import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, read_header
from sim.hearing.waves import Heard
from sim.reach import Reached
from sim.render import Note, StationSound, rendered
from sim.staging.copied import COPY
from sim.truth import TrueArrival, TrueSound, Truth
from sim.truthfile import Witness, encoded, read_truth
from sim.world import World
from wire.utc import NS_PER_S, format_utc_ns

Format = Literal["flac", "wav"]

FLAC_LEVEL = 0.25
"""Of 0 (quick) to 1 (small): noise hardly compresses, and this costs half the time of libsndfile's default for 1 % of
size."""

STATIONS_AT_ONCE = 100
"""Rendered side by side: each holds a file open and about 5 MB."""

TRUTH, WEATHER = "truth.json", "weather.json"


def write_recordings(
    world: World,
    folder: Path,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    format: Format = "flac",
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    scenario: str | None = None,
) -> Truth:
    """Render a world, or a window of it, into a folder that ``sensors.recordings.open_recordings`` reads.

    A window holds the same samples as the whole, and the truth of what can be heard in it.  One that begins or ends
    amid a shot's arrivals cuts them, as a recording would: let it begin in silence.

    Parameters
    ----------
    world : what sounds and who hears.
    folder : where to; made, or replaced when it is an earlier rendering or empty.
    start_s, duration_s : the window, as of ``sim.render.rendered``.
    format : of the sound.
    workers : threads that render; None for one a processor.  The files do not depend on it.
    progress : told the share that is done, 0..1, as it grows.
    scenario : text to lay beside the truth as ``scenario.toml``; None for a world that is of no file.

    Returns
    -------
    What ``truth.json`` holds.  Its start and length are those of the whole scenario, from which clock steps and losses
    are counted.

    Raises
    ------
    ConfigurationError
        When the folder holds something else or cannot be written (nothing is left behind then), when a station cannot
        be recorded as it is described, or when the window is not within the scenario.
    """
    folder = Path(folder)
    names = _checked_names(world)
    stations = rendered(world, start_s=start_s, duration_s=duration_s)
    _require_replaceable(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        truth = _render_into(partial, world, stations, names, format, workers or _processors(), progress)
        if start_s > 0.0 or duration_s is not None:
            truth = _within(truth, start_s, duration_s)
        for station, name in zip(stations, names, strict=True):
            _write_json(partial / f"{name}.json", _sidecar(station))
        _write_json(partial / WEATHER, _weather(world))
        (partial / TRUTH).write_bytes(encoded(truth))
        if scenario is not None:
            (partial / COPY).write_text(scenario, encoding="utf-8", newline="\n")
        partial.chmod(0o777 & ~_umask())
        _take_name(partial, folder)
    except (OSError, soundfile.LibsndfileError) as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return truth


def _render_into(
    folder: Path,
    world: World,
    stations: tuple[StationSound, ...],
    names: list[str],
    format: Format,
    workers: int,
    progress: Callable[[float], None] | None,
) -> Truth:
    """Render stations side by side in time, so that each sound is traced once and forgotten; the truth of all sounds
    that were worked out for it."""
    witness = Witness(world)
    arrivals: dict[int, dict[int, list[TrueArrival]]] = {index: {} for index in range(len(world.sounds))}

    def note(reached: Reached, row: int, heard: tuple[Heard, ...]) -> None:
        arrivals[reached.index][row] = witness.arrivals(reached, row, heard)

    total = sum(station.frames for station in stations)
    done = 0
    files = [(station, folder / f"{name}.{format}") for station, name in zip(stations, names, strict=True)]
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, len(files), STATIONS_AT_ONCE):
            with ExitStack() as stack:
                writers = [
                    _Writer(path, stack.enter_context(_opened(path, station, format)), station, note)
                    for station, path in files[first : first + STATIONS_AT_ONCE]
                ]
                while writers:
                    written = list(pool.map(_Writer.step, writers))
                    writers = [writer for writer, frames in zip(writers, written, strict=True) if frames is not None]
                    done += sum(frames for frames in written if frames is not None)
                    if progress is not None:
                        progress(done / max(total, 1))
    for station, path in files:
        _require_whole(path, station)
    sounds: list[TrueSound] = []
    for index, sound in enumerate(world.sounds):
        told = arrivals.pop(index)
        sounds.append(witness.sound(sound, (one for row in sorted(told) for one in told[row])))
    return witness.whole(sounds)


def _within(truth: Truth, start_s: float, duration_s: float | None) -> Truth:
    """The truth of a window: its arrivals, and of the sounds those that have one or that nobody hears."""
    first_ns = truth.start_ns + round(start_s * NS_PER_S)
    stop_s = truth.duration_s if duration_s is None else min(start_s + duration_s, truth.duration_s)
    stop_ns = truth.start_ns + round(stop_s * NS_PER_S)
    sounds = []
    for sound in truth.sounds:
        # A window is one of the sensors' own counts, so the stamp tells what is in it.
        inside = [arrival for arrival in sound.arrivals if first_ns <= arrival.stamped_ns < stop_ns]
        if inside or (not sound.arrivals and first_ns <= sound.at_ns < stop_ns):
            sounds.append(msgspec.structs.replace(sound, arrivals=inside))
    return msgspec.structs.replace(truth, sounds=sounds)


def _opened(path: Path, station: StationSound, format: Format) -> soundfile.SoundFile:
    options: dict[str, Any] = {"compression_level": FLAC_LEVEL} if format == "flac" else {}
    subtype = f"PCM_{station.station.bits}"
    return soundfile.SoundFile(str(path), "w", int(station.rate_hz), 1, subtype, format=format.upper(), **options)


class _Writer:
    """One file in the making."""

    def __init__(self, path: Path, file: soundfile.SoundFile, station: StationSound, note: Note) -> None:
        self._path, self._file = path, file
        self._chunks, self._bits = station.chunks(note), station.station.bits

    def step(self) -> int | None:
        """Render and write the next chunk; samples written, None at the end."""
        steps = next(self._chunks, None)
        if steps is None:
            return None
        # libsndfile takes the high bits of what it is given.
        samples = steps.astype(np.int16) if self._bits == 16 else steps << 8
        try:
            self._file.write(samples)
        except AssertionError as error:  # how soundfile says that fewer samples were written than given
            raise OSError(f"{self._path.name} took no more samples") from error
        return len(samples)


def _require_whole(path: Path, station: StationSound) -> None:
    """libsndfile does not tell when the last bytes of a file could not be written."""
    try:
        header = read_header(path)
    except BadInput as error:
        raise OSError(str(error)) from error
    if header.frames != station.frames:
        raise OSError(f"{path.name} holds {header.frames} of {station.frames} samples")


def _sidecar(station: StationSound) -> dict[str, object]:
    return {
        "serial_number": station.sensor,
        "timestamp": format_utc_ns(station.start_ns),
        "location": _location(station.station.place),
        "full_scale_db_spl": station.full_scale_db_spl,
        "clock_sigma_s": station.clock_sigma_s,
        "position_sigma_m": station.position_sigma_m,
    }


def _location(place: Place) -> dict[str, float]:
    if isinstance(place, Cartesian):
        return {"x": place.x_m, "y": place.y_m, "z": place.z_m}
    return {"longitude": place.longitude, "latitude": place.latitude, "height_m": place.height_m}


def _weather(world: World) -> dict[str, float]:
    weather = world.weather
    return {
        "temperature": weather.temperature_c,
        "speed": weather.wind_speed_m_s,
        "direction": weather.wind_from_deg,
        "relativeHumidity": weather.humidity_percent,
        "pressure": weather.pressure_hpa,
    }


def _write_json(path: Path, content: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def _checked_names(world: World) -> list[str]:
    """A file name for each station, after the checks that a reader of the folder would make."""
    names: list[str] = []
    for station in world.stations:
        where = f"{world.name}, station {station.id}"
        if not LOWEST_RATE_HZ <= station.rate_hz <= HIGHEST_RATE_HZ:
            expected = f"{LOWEST_RATE_HZ} .. {HIGHEST_RATE_HZ} Hz"
            raise ConfigurationError(where, "rate_hz", expected=expected, seen=station.rate_hz)
        if station.bits not in (16, 24):
            raise ConfigurationError(where, "bits", expected="16 or 24", seen=station.bits)
        metadata.sensor_of(station.id, where, "id")
        names.append(_file_name(station.id, {name.lower() for name in names}))
    if not names:
        raise ConfigurationError(world.name, "stations", expected="one or more", seen="none")
    return names


def _file_name(sensor: str, taken: set[str]) -> str:
    """A name that every file system takes, that no other station has and that means nothing else in such a folder."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", sensor)[:80]
    if plain.lower() in ("truth", "weather") or plain.lower().endswith("allpulses"):
        plain = f"sensor_{plain}_"
    name, number = plain, 1
    while name.lower() in taken:
        number += 1
        name = f"{plain}_{number}"
    return name


def _require_replaceable(folder: Path) -> None:
    """Refuse to write where something else is."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ConfigurationError(folder, "exists", expected="a folder, or nothing yet", seen="something else")
    if not folder.is_dir():
        return
    try:
        present = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise ConfigurationError(folder, f"cannot be read ({error.strerror or error})") from error
    if not present:
        return
    expected = "nothing, an empty folder, or an earlier rendering"
    if TRUTH not in present:
        raise ConfigurationError(folder, "exists and is not a rendering", expected=expected, seen=present[0])
    try:
        earlier = read_truth(folder / TRUTH)
    except BadInput as error:
        raise ConfigurationError(folder, f"exists and is not a rendering ({error})") from error
    known = {TRUTH, WEATHER, COPY}
    taken: set[str] = set()
    for sensor in earlier.sensors:
        name = _file_name(sensor.id, taken)
        taken.add(name.lower())
        known |= {f"{name}{suffix}" for suffix in (".json", ".flac", ".wav")}
    others = [name for name in present if name not in known]
    if others:
        what = "is an earlier rendering, but holds more than that, which would be lost"
        raise ConfigurationError(folder, what, expected="nothing else in it", seen=others[0])


def _take_name(partial: Path, folder: Path) -> None:
    """Put the finished folder in place of what was there."""
    if not folder.exists():
        partial.rename(folder)
        return
    earlier = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".earlier", dir=folder.parent))
    try:
        folder.rename(earlier / folder.name)
        try:
            partial.rename(folder)
        except OSError:
            (earlier / folder.name).rename(folder)
            raise
    finally:
        shutil.rmtree(earlier, ignore_errors=True)


def _unwritable(folder: Path, error: Exception) -> ConfigurationError:
    reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    try:
        above = next(place for place in (folder, *folder.parents) if place.exists())
        free = shutil.disk_usage(above).free
    except OSError:
        free = None
    if free is not None and free < 2**20:
        reason = f"no space left on its disk; {reason}"
    return ConfigurationError(folder, f"cannot be written ({str(reason).strip().rstrip('.')})")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
