"""The front door for recordings: recognises what a path holds and opens it.

==============================================  ==========================================================
a folder of tests, at any depth                 one set a folder that holds audio (or published pulses)
a live-fire test (``*.allpulses.json`` in it)   one set; places pooled over the tests given of one position
a folder of audio with sidecars or ``smj0``     one set
audio files named one by one                    one set of all of them
==============================================  ==========================================================
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from acoustic.weather import Weather
from errors import RecordingError
from geo.place import Place
from sensors import livefire
from sensors.audio_file import SUFFIXES, FileCapture
from sensors.capture import Finding, end_ns
from sensors.recording_set import RecordingSet, Site
from sensors.sidecar import SYSTEM_CLOCK_SIGMA_S, folder_weather, open_with_sidecar, sidecar_path
from sensors.smj0 import open_smj0, smj0_chunk
from wire.utc import format_utc_ns

OVERLAP_SLACK_NS = 1_000_000
"""Start times are often rounded to a millisecond: files that follow one another may seem to overlap by as much."""


def open_recordings(
    *paths: Path | str, published: bool = False, pool_places: bool = True, require_places: bool = True
) -> list[RecordingSet]:
    """The recording sets under one or more paths.

    Parameters
    ----------
    paths : folders and audio files, as the user named them.  Nothing else is read, but for the sidecar and the weather
        that lie beside an audio file.
    published : read the published pulses of live-fire tests, and not their audio.
    pool_places : take the median place of each sensor over the tests of one firing position; else each test's own.
    require_places : refuse audio that does not say where its sensor stands; False when a network file says it.

    Returns
    -------
    One set a folder, in the order of the paths given; loose files make one set, the last.  Audio is opened, not read:
    its head is checked; a sample that is not finite, or damage further on, is found by ``Capture.blocks``.

    Raises
    ------
    RecordingError
        When a path holds nothing that is known, or a file or field in it is wrong.
    """
    folders: list[Path] = []
    loose: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found = [folder for folder in _folders(path) if _is_set(folder, published)]
            if not any(published or _audio_files(folder) for folder in found):
                wanted = "published pulses (*.allpulses.json)" if published else "audio (WAV or FLAC)"
                expected = f"a folder that holds {wanted}"
                raise RecordingError(path, "layout is not known", expected=expected, seen=_inside(path))
            folders.extend(folder for folder in found if folder not in folders)
        elif path.suffix.lower() in SUFFIXES and path.is_file() and not published:
            loose.append(path)
        elif not path.exists():
            raise RecordingError(path, "no such file or folder")
        else:
            wanted = "a live-fire folder" if published else "a folder, or a WAV or FLAC file"
            raise RecordingError(path, "layout is not known", expected=wanted, seen=path.name)
    tests = [
        _read_published(folder) if published else _read_audio(folder, _audio_files(folder), require_places)
        for folder in folders
    ]
    if loose:
        above = Path(os.path.commonpath([file.parent for file in loose]))
        tests.append(_read_audio(above, sorted(set(loose)), require_places))
    if not tests:
        raise RecordingError("input", "recordings", expected="one path or more", seen="none")
    return _finished(tests, pool_places)


@dataclass(frozen=True, slots=True)
class _Test:
    """A set before its places are settled.

    places : of every sensor, what the files of this set say.
    position : sets of equal position share their frame, and their sensors are the same.
    """

    draft: RecordingSet
    places: dict[str, tuple[Place, ...]]
    position: tuple[Path, bool]
    accuracy: livefire.PlaceAccuracy


def _folders(path: Path) -> Iterator[Path]:
    for root, names, _ in os.walk(path, onerror=_refuse_folder):
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield Path(root)


def _refuse_folder(error: OSError) -> NoReturn:
    raise RecordingError(error.filename, f"cannot be read ({error.strerror or error})") from error


def _audio_files(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )


def _is_set(folder: Path, published: bool) -> bool:
    """A live-fire test without audio is a set too: that it has none must be said."""
    return livefire.pulses_path(folder) is not None or (not published and bool(_audio_files(folder)))


def _inside(folder: Path) -> str:
    """What kinds of files a folder holds, for an error."""
    names = (Path(name) for _, _, files in os.walk(folder) for name in files)
    kinds = sorted({name.suffix or name.name for name in names})
    return ", ".join(kinds[:6]) or "an empty folder"


def _read_published(folder: Path) -> _Test:
    path = livefire.pulses_path(folder)
    assert path is not None
    published = livefire.read_published_pulses(path)
    weather, findings = _weather(folder)
    if not published.pulses:
        findings += (Finding("no_sound", str(path), "holds no pulse"),)
    draft = RecordingSet(
        name=folder.resolve().name,
        group=folder.resolve().parent.name,
        path=folder,
        captures=(),
        sites=(),
        weather=weather,
        pulses=published.pulses,
        own_findings=findings + published.findings,
    )
    return _Test(draft, dict(published.places), (folder.resolve().parent, True), livefire.SURVEYED)


def _read_audio(folder: Path, files: Sequence[Path], require_places: bool) -> _Test:
    is_livefire = livefire.pulses_path(folder) is not None
    weather, findings = _weather(folder)
    clock_sigma_s = livefire.NODE_CLOCK_SIGMA_S if is_livefire else SYSTEM_CLOCK_SIGMA_S
    captures = [_open_audio(file, weather, clock_sigma_s, require_places) for file in files]
    if not captures:
        findings += (Finding("no_sound", str(folder), "holds no audio"),)
    findings += _require_succession(captures)
    captures.sort(key=lambda capture: (capture.sensor, capture.start_ns))
    if weather is None:
        weather = next((capture.weather for capture in captures if capture.weather is not None), None)
        if weather is not None:
            findings = tuple(finding for finding in findings if finding.kind != "no_weather")
    draft = RecordingSet(
        name=folder.resolve().name,
        group=folder.resolve().parent.name if is_livefire else None,
        path=folder,
        captures=tuple(captures),
        sites=(),
        weather=weather,
        own_findings=findings,
    )
    places: dict[str, tuple[Place, ...]] = {}
    for capture in captures:
        if capture.place is not None:
            places[capture.sensor] = (*places.get(capture.sensor, ()), capture.place)
    if is_livefire:
        return _Test(draft, places, (folder.resolve().parent, True), livefire.NAVIGATION_FIX)
    return _Test(draft, places, (folder.resolve(), False), livefire.NOT_STATED)


def _open_audio(file: Path, weather: Weather | None, clock_sigma_s: float, require_place: bool) -> FileCapture:
    # A sidecar is written by hand or by a later hand than the chunk, to say more or to correct it.
    if not sidecar_path(file).is_file() and file.suffix.lower() != ".flac":
        chunk = smj0_chunk(file)
        if chunk is not None:
            return open_smj0(file, chunk, require_place=require_place)
    return open_with_sidecar(file, weather, clock_sigma_s=clock_sigma_s, require_place=require_place)


def _weather(folder: Path) -> tuple[Weather | None, tuple[Finding, ...]]:
    weather = folder_weather(folder)
    if weather is not None:
        return weather, ()
    return None, (Finding("no_weather", str(folder), "no weather.json; the speed of sound must be assumed"),)


def _require_succession(captures: Sequence[FileCapture]) -> tuple[Finding, ...]:
    """Refuse two files of one sensor that overlap in time; report files whose names and times disagree in order."""
    findings = []
    for sensor in sorted({capture.sensor for capture in captures}):
        own = sorted((c for c in captures if c.sensor == sensor), key=lambda c: c.start_ns)
        for earlier, later in pairwise(own):
            earlier_end_ns = end_ns(earlier)
            assert earlier_end_ns is not None
            if later.start_ns < earlier_end_ns - OVERLAP_SLACK_NS:
                raise RecordingError(
                    later.source,
                    f"start time: sensor {sensor} is still recording {earlier.path.name}",
                    expected=f"{format_utc_ns(earlier_end_ns)} or later",
                    seen=format_utc_ns(later.start_ns),
                )
        by_name = sorted(own, key=lambda c: _natural_key(c.path.name))
        if by_name != own:
            where = str(own[0].path.parent)
            what = f"files of sensor {sensor} go back in time in the order of their names; taken in the order of time"
            findings.append(Finding("time_order", where, what))
    return tuple(findings)


def _natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts ``part_9`` before ``part_10``."""
    parts = re.findall(r"([0-9]+)|([^0-9]+)", name)
    return [(0, int(digits[:4000]), "") if digits else (1, 0, letters) for digits, letters in parts]


def _finished(tests: Sequence[_Test], pool_places: bool) -> list[RecordingSet]:
    """Places settled, within each test or over the tests of each position."""
    finished: dict[int, RecordingSet] = {}
    positions: dict[object, list[int]] = {}
    for number, test in enumerate(tests):
        positions.setdefault(test.position if pool_places else number, []).append(number)
    for numbers in positions.values():
        shared = [tests[number] for number in numbers]
        where = str(shared[0].draft.path if len(shared) == 1 else shared[0].position[0])
        sites, findings = livefire.pooled_sites([test.places for test in shared], shared[0].accuracy, where)
        for number, test in zip(numbers, shared, strict=True):
            finished[number] = _placed(test.draft, sites, findings)
            findings = ()  # said once, with the first test of the position
    return [finished[number] for number in range(len(tests))]


def _placed(draft: RecordingSet, sites: Sequence[Site], findings: tuple[Finding, ...]) -> RecordingSet:
    """The set with its sensors put at ``sites``; an accuracy that a file states is kept."""
    known = {site.sensor: site for site in sites}
    captures: list[FileCapture] = []
    for capture in draft.captures:
        assert isinstance(capture, FileCapture)
        site = known.get(capture.sensor)
        if site is None:
            captures.append(capture)
            continue
        stated = capture.position_sigma_m
        sigma_m = site.position_sigma_m if stated is None else stated
        known[capture.sensor] = replace(site, position_sigma_m=sigma_m)
        captures.append(replace(capture, place=site.place, position_sigma_m=sigma_m))
    if draft.pulses is None:  # a sensor without audio was not silent: nobody listened
        recorded = {capture.sensor for capture in captures}
        known = {sensor: site for sensor, site in known.items() if sensor in recorded}
    return replace(
        draft,
        captures=tuple(captures),
        sites=tuple(known[sensor] for sensor in sorted(known)),
        own_findings=draft.own_findings + findings,
    )
