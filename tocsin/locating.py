"""From what the user named to located shots: recordings -> pulses -> network -> shots, test by test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from acoustic.weather import Weather
from errors import ConfigurationError, NotEnoughEvidence, RecordingError
from localize.locate import locate
from localize.network import Network, Sensor
from localize.networkfile import read_network, weather_from
from localize.pulsefile import read_pulses, table_from_pulses
from localize.tuning import DEFAULT_TUNING, Tuning
from sensors.recording_set import RecordingSet
from sensors.recordings import open_recordings
from tocsin.located import Located
from tocsin.progress import Progress, SilentProgress

# First bytes of files that hold sound; whatever else is named is a pulse file.
_SOUND = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"FORM", b"OggS", b"riff")
_SOUND_SUFFIXES = (".wav", ".flac")


@dataclass(frozen=True, slots=True)
class Request:
    """What to locate, and with what.

    inputs : folders, sound files, pulse files.
    published_pulses : take the pulses published with a live-fire test instead of its sound.
    network : network.toml; needed for pulse files, replaces the recorded positions otherwise.
    weather : values that replace those recorded or read, by the names of network.toml.
    tuning : tuning.toml.
    """

    inputs: tuple[Path, ...]
    published_pulses: bool = False
    network: Path | None = None
    weather: Mapping[str, float] = field(default_factory=dict)
    tuning: Path | None = None


def locate_inputs(request: Request, progress: Progress | None = None) -> list[Located]:
    """Every test of the inputs, located: recordings in the order that they were named, then pulse files.

    Raises
    ------
    BadInput
        Anything that was named and cannot be used; nothing is located then.
    """
    bar = SilentProgress() if progress is None else progress
    for path in request.inputs:
        if not path.exists():
            raise ConfigurationError(path, "does not exist", expected="a folder of recordings, a sound or a pulse file")
    weather_from(request.weather, "--weather")
    tuning = DEFAULT_TUNING if request.tuning is None else Tuning.read(request.tuning)
    if request.network is not None:
        read_network(request.network)
    sounds = [path for path in request.inputs if path.is_dir() or _is_sound(path)]
    tests: list[RecordingSet] = []
    if sounds:
        placed = request.network is None
        tests = open_recordings(*sounds, published=request.published_pulses, require_places=placed)
    results = [_locate_recordings(test, request, tuning, bar) for test in bar.over(tests)]
    results += [_locate_pulse_file(path, request, tuning) for path in request.inputs if path not in sounds]
    return results


def _is_sound(path: Path) -> bool:
    if path.suffix.lower() in _SOUND_SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) in _SOUND
    except OSError as error:
        raise ConfigurationError(path, f"cannot be read ({error.strerror or error})") from error


def _locate_pulse_file(path: Path, request: Request, tuning: Tuning) -> Located:
    if request.network is None:
        raise ConfigurationError(path, "a pulse file does not say where its sensors are", expected="--network FILE")
    network = _network_of_file(request.network, request.weather, None)
    file = read_pulses(path, network)
    notes = []
    if file.duplicates:
        notes.append(f"{file.duplicates} repeated line{'s' * (file.duplicates != 1)} dropped")
    if not len(file.table):
        notes.append("the file holds no pulses")
    return _locate(Located(path.name, None, None, network, file.table, (), tuple(notes)), tuning)


def _locate_recordings(test: RecordingSet, request: Request, tuning: Tuning, bar: Progress) -> Located:
    if request.network is None:
        network = _network_of_recordings(test, request.weather)
    else:
        network = _network_of_file(request.network, request.weather, test.weather)
        if test.pulses is None:
            network = _recorded(test, network)
    if test.pulses is not None:
        pulses = test.pulses
    else:
        from sensors.listen import listen  # noqa: PLC0415  scipy.signal takes half a second that pulse files need not pay

        pulses = tuple(chain.from_iterable(bar.within(capture, listen(capture)) for capture in test.captures))
    table = table_from_pulses(pulses, network, test.path)
    # What needs the whole sound, such as a silent channel, is found by now.
    notes = tuple(str(finding) for finding in test.findings)
    return _locate(Located(str(test.path), test.name, test.group, network, table, (), notes, test.captures), tuning)


def _network_of_file(path: Path, weather: Mapping[str, float], recorded: Weather | None) -> Network:
    """Sensors of the file; weather of ``--weather``, else of the file, else as recorded."""
    network = read_network(path, recorded)
    return replace(network, weather=weather_from(weather, "--weather", network.weather))


def _network_of_recordings(test: RecordingSet, weather: Mapping[str, float]) -> Network:
    """The network that the recordings themselves describe."""
    if not test.sites:
        expected = "positions in the recordings, or --network"
        raise RecordingError(test.path, "no sensor has a position", expected=expected)
    sensors = [
        Sensor(site.sensor, site.place, math.nan if site.position_sigma_m is None else site.position_sigma_m)
        for site in test.sites
    ]
    air = weather_from(weather, "--weather", test.weather)
    return Network.of(sensors, air, where=test.path)


def _recorded(test: RecordingSet, network: Network) -> Network:
    """The sensors that were recorded: one without a recording was not silent, nobody listened."""
    for capture in test.captures:
        if capture.sensor not in network.index:
            raise RecordingError(capture.source, "sensor", expected="an id of the --network file", seen=capture.sensor)
    return network.subset({capture.sensor for capture in test.captures})


def _locate(located: Located, tuning: Tuning) -> Located:
    """The test with its shots; too little evidence for any is a note, not a failure."""
    try:
        result = locate(located.table, located.network, tuning)
    except NotEnoughEvidence as error:
        return replace(located, notes=(*located.notes, str(error)))
    return replace(located, shots=result.shots, notes=(*located.notes, *result.notes))
