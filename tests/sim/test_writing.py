"""Folders of rendered recordings: read back by the reader of recordings, same bytes, whole or not at all."""

from __future__ import annotations

import hashlib
import resource
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from errors import BadInput, ConfigurationError
from geo.place import Geodetic
from sensors.recordings import open_recordings
from sim.reach import Reached, Soundscape, reach
from sim.render import rendered
from sim.truthfile import read_truth, truth_of
from sim.world import Ambient, Clock, Faults, World
from sim.writing import write_recordings
from tests.sim.small_world import START_NS, STILL, bang, station, stations, world


def scene(rate_hz: int = 8_000, **fields: object) -> World:
    hearing = stations(rate_hz, **fields)
    return world(hearing, bang(1.0, (100.0, 80.0, 1.5)), duration_s=5.0, ambient=Ambient(level_db_a=45.0))


def digest(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("format", ["flac", "wav"])
def test_the_reader_of_recordings_gets_the_rendered_samples(tmp_path: Path, bits: int, format: str) -> None:
    of = scene(bits=bits, clock=Clock(sigma_s=2e-4), position_sigma_m=1.5)
    truth = write_recordings(of, tmp_path / "out", format=format)  # type: ignore[arg-type]
    (test,) = open_recordings(tmp_path / "out")
    assert test.findings == ()
    assert test.weather == STILL
    assert len(test.captures) == 5
    for read, made, hearing in zip(test.captures, rendered(of), of.stations, strict=True):
        assert (read.sensor, read.place, read.start_ns) == (hearing.id, hearing.place, START_NS)
        assert (read.clock_sigma_s, read.position_sigma_m, read.full_scale_db_spl) == (2e-4, 1.5, 120.0)
        a, b = (np.concatenate(list(capture.blocks(50_000))) for capture in (read, made))
        assert np.array_equal(a, b)
    assert read_truth(tmp_path / "out" / "truth.json") == truth == truth_of(of, reach(of))


@pytest.mark.parametrize("format", ["flac", "wav"])
def test_the_same_world_gives_the_same_bytes_by_any_number_of_workers(tmp_path: Path, format: str) -> None:
    of = scene(faults=Faults(lost=((2.0, 0.5),)))
    for workers in (1, 3):
        write_recordings(of, tmp_path / str(workers), format=format, workers=workers)  # type: ignore[arg-type]
    assert digest(tmp_path / "1") == digest(tmp_path / "3")
    assert set(digest(tmp_path / "1")) == {
        *(f"s{n}{suffix}" for n in range(5) for suffix in (f".{format}", ".json")),
        "truth.json",
        "weather.json",
    }
    write_recordings(replace(of, seed=8), tmp_path / "other", format=format)  # type: ignore[arg-type]
    assert digest(tmp_path / "other")[f"s0.{format}"] != digest(tmp_path / "1")[f"s0.{format}"]


def test_a_window_holds_the_samples_of_the_whole_and_the_truth_of_what_is_heard_in_it(tmp_path: Path) -> None:
    """Bangs heard before, at the edges of, and after the stretch from 2 to 3.5 s of clocks that are 0.3 s ahead."""
    bangs = [bang(at_s, (280.0, 300.0, 1.5), id=f"A/{at_s}") for at_s in (0.1, 1.5, 2.5, 3.9)]
    unheard = bang(2.0, (20_000.0, 0.0, 1.5), id="far")
    of = world(stations(8_000, clock=Clock(offset_s=0.3)), *bangs, unheard, duration_s=5.0)
    whole = write_recordings(of, tmp_path / "whole")
    part = write_recordings(of, tmp_path / "part", start_s=2.0, duration_s=1.5)
    assert read_truth(tmp_path / "part" / "truth.json") == part
    (one,), (other,) = open_recordings(tmp_path / "whole"), open_recordings(tmp_path / "part")
    for a, b in zip(one.captures, other.captures, strict=True):
        assert (b.sensor, b.frames, b.start_ns) == (a.sensor, 12_000, START_NS + 2 * 10**9)
        assert np.array_equal(next(a.blocks(40_000))[16_000:28_000], next(b.blocks(40_000)))
    assert (part.start_ns, part.duration_s, part.sensors) == (whole.start_ns, whole.duration_s, whole.sensors)
    assert {sound.id for sound in whole.sounds} - {sound.id for sound in part.sounds} == {"A/0.1", "A/3.9"}
    first, stop = START_NS + 2 * 10**9, START_NS + 35 * 10**8
    kept = {(sound.id, arrival.sensor): arrival for sound in part.sounds for arrival in sound.arrivals}
    for sound in whole.sounds:
        for arrival in sound.arrivals:
            within = first <= arrival.stamped_ns < stop
            assert kept.get((sound.id, arrival.sensor)) == (arrival if within else None)
    assert 0 < len(kept) < len(whole.sensors) * 3


def test_a_window_traces_nothing_that_is_over_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    reached = Soundscape.reached

    def noted(self: Soundscape, index: int) -> Reached:
        asked.append(index)
        return reached(self, index)

    monkeypatch.setattr(Soundscape, "reached", noted)
    bangs = [bang(float(at_s), (100.0, 80.0, 1.5), id=f"A/{at_s:02d}") for at_s in range(0, 60, 2)]
    of = world(stations(8_000), *bangs, duration_s=60.0)
    truth = write_recordings(of, tmp_path / "part", start_s=40.9, duration_s=3.0)
    assert [sound.id for sound in truth.sounds] == ["A/42"]  # 41 s is odd, 40 s is over, 44 s comes later
    assert min(asked) >= 17
    assert max(asked) <= 22  # noise comes in chunks of four seconds


def test_a_window_outside_the_scenario_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="start"):
        write_recordings(scene(), tmp_path / "out", start_s=5.0)
    assert list(tmp_path.iterdir()) == []


def test_stations_in_groups_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_recordings(scene(), tmp_path / "together")
    monkeypatch.setattr("sim.writing.STATIONS_AT_ONCE", 2)
    write_recordings(scene(), tmp_path / "apart")
    assert digest(tmp_path / "apart") == digest(tmp_path / "together")


def test_an_earlier_rendering_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    write_recordings(scene(), folder)  # an empty folder is nothing
    smaller = replace(scene(), stations=scene().stations[:2])
    write_recordings(smaller, folder, format="wav")
    assert sorted(digest(folder)) == ["s0.json", "s0.wav", "s1.json", "s1.wav", "truth.json", "weather.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_something_else_is_left_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"sun")
    with pytest.raises(ConfigurationError, match=r"is not a rendering.*photo\.jpg"):
        write_recordings(scene(), folder)
    (folder / "truth.json").write_text('{"about": "everything"}')
    with pytest.raises(ConfigurationError, match="is not a rendering"):
        write_recordings(scene(), folder)
    assert sorted(path.name for path in folder.iterdir()) == ["photo.jpg", "truth.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["holiday"]


def test_what_a_user_put_beside_a_rendering_is_not_thrown_away(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_recordings(scene(), folder)
    (folder / "notes.txt").write_text("keep me")
    before = digest(folder)
    with pytest.raises(ConfigurationError, match=r"notes\.txt"):
        write_recordings(scene(), folder)
    assert digest(folder) == before


def test_a_target_that_cannot_be_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigurationError, match=str(target)) as raised:
            write_recordings(scene(), target)
        assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.fixture
def limited() -> Iterator[Callable[[int], None]]:
    """Lets files grow no further than a limit, which ends a write as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize(("format", "room"), [("flac", 10_000), ("wav", 10_000), ("wav", 79_900)])
def test_when_the_disk_is_full_nothing_is_left_but_one_sentence(
    tmp_path: Path, limited: Callable[[int], None], format: str, room: int
) -> None:
    """The last case lacks a hundred bytes, which libsndfile does not tell of."""
    of = scene()
    write_recordings(of, tmp_path / "earlier")  # what is compiled on first use is compiled now
    limited(room)
    with pytest.raises(ConfigurationError) as raised:
        write_recordings(of, tmp_path / "out", format=format)  # type: ignore[arg-type]
    assert str(raised.value).startswith(f"{tmp_path / 'out'}: cannot be written (")
    assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["earlier"]


def test_an_interrupted_rendering_leaves_nothing(tmp_path: Path) -> None:
    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_recordings(scene(), tmp_path / "out", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_grows_to_one(tmp_path: Path) -> None:
    shares: list[float] = []
    write_recordings(scene(), tmp_path / "out", progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_names_that_mean_something_else_or_nothing_are_changed_in_files_only(tmp_path: Path) -> None:
    ids = ("truth", "Weather", "x.allpulses", "a/b", "a:b", "é")
    hearing = tuple(station(id, (10.0 * n, 0.0, 5.0), rate_hz=8_000) for n, id in enumerate(ids))
    of = world(hearing, duration_s=1.0)
    for _ in range(2):
        write_recordings(of, tmp_path / "out")
    (test,) = open_recordings(tmp_path / "out")
    assert sorted(capture.sensor for capture in test.captures) == sorted(ids)
    assert len(list((tmp_path / "out").glob("*.flac"))) == len(ids)


@pytest.mark.parametrize(
    ("fields", "what"), [({"rate_hz": 4_000}, "rate_hz"), ({"bits": 8}, "bits"), ({"id": "a\n"}, "id")]
)
def test_a_station_that_no_reader_would_take_is_refused_first(
    tmp_path: Path, fields: dict[str, object], what: str
) -> None:
    hearing = replace(station("a", (0.0, 0.0, 5.0)), **fields)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=what):
        write_recordings(world((hearing,)), tmp_path / "out")
    with pytest.raises(BadInput, match="stations"):
        write_recordings(world(()), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_sidecar_holds_what_the_sensor_believes(tmp_path: Path) -> None:
    believed = replace(station("a", (0.0, 0.0, 5.0), rate_hz=8_000), place=Geodetic(6.1, 46.2, 400.0))
    write_recordings(world((believed,), duration_s=1.0), tmp_path / "out")
    sidecar = msgspec.json.decode((tmp_path / "out" / "a.json").read_bytes())
    assert sidecar == {
        "serial_number": "a",
        "timestamp": "2023-11-14T22:13:20.000000000Z",
        "location": {"longitude": 6.1, "latitude": 46.2, "height_m": 400.0},
        "full_scale_db_spl": 120.0,
        "clock_sigma_s": 1e-4,
        "position_sigma_m": 1.0,
    }
