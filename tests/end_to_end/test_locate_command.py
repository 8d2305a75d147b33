"""``tocsin locate`` as people run it: a process, files in, files out, exit codes."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.end_to_end.written_site import (
    FIRED_S,
    RATE_HZ,
    SOURCE_M,
    START_NS,
    network_toml,
    pulse_lines,
    sound,
    write_site,
)
from tests.sensors.written import write_recording, write_smj0
from wire.utc import parse_utc_ns


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def shots(self) -> list[dict[str, Any]]:
        """Shots of JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def tocsin(*arguments: object) -> Ended:
    """Run the command line; whatever happens, no traceback comes out."""
    command = [sys.executable, "-m", "tocsin", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


def refused(ended: Ended, *parts: str) -> None:
    """Exit code 2, nothing located, one sentence that names what it must."""
    assert ended.code == 2, ended.err
    assert ended.out == ""
    assert ended.err.startswith("tocsin: ")
    assert ended.err.count("\n") == 1, ended.err
    for part in parts:
        assert part in ended.err


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings, a network file and a pulse file of one burst."""
    folder = tmp_path_factory.mktemp("site")
    write_site(folder / "night")
    (folder / "network.toml").write_text(network_toml())
    (folder / "pulses.jsonl").write_text(pulse_lines())
    return folder


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Recordings of one's own, to be damaged."""
    return write_site(tmp_path / "night")


def _near(shot: dict[str, Any], fired_s: float, within_m: float, within_s: float) -> None:
    assert math.dist((shot["x_m"], shot["y_m"]), SOURCE_M) < within_m
    assert abs(parse_utc_ns(shot["fired_at"]) - START_NS - fired_s * 1e9) < within_s * 1e9


def test_exact_pulses_are_located_where_they_came_from(site: Path) -> None:
    ended = tocsin("locate", site / "pulses.jsonl", "--network", site / "network.toml", "--format", "jsonl")
    assert ended.code == 0, ended.err
    assert len(ended.shots) == 2
    for shot, fired_s in zip(ended.shots, FIRED_S, strict=True):
        _near(shot, fired_s, within_m=1.0, within_s=5e-3)
        assert shot["test"] is None
        assert shot["sensors"] == 6
        assert shot["region_95"]["type"] in ("Polygon", "MultiPolygon")


def test_recordings_are_located_where_they_were_made(site: Path) -> None:
    arguments = ("locate", site / "night", "--weather", "speed_of_sound_m_s=340", "--format", "jsonl")
    ended = tocsin(*arguments)
    assert ended.code == 0, ended.err
    assert [shot["test"] for shot in ended.shots] == ["night", "night"]
    for shot, fired_s in zip(ended.shots, FIRED_S, strict=True):
        _near(shot, fired_s, within_m=3.0, within_s=10e-3)
    assert tocsin(*arguments).out == ended.out  # the same input, the same bytes


def test_a_network_file_may_place_recorded_sensors(copy: Path, site: Path) -> None:
    (copy / "N-0.json").write_text(json.dumps({"serial_number": "N-0", "timestamp": "2026-03-01T22:15:00Z"}))
    refused(tocsin("locate", copy), "N-0.json", "location")
    ended = tocsin("locate", copy, "--network", site / "network.toml", "--format", "jsonl")
    assert ended.code == 0, ended.err
    assert len(ended.shots) == 2
    few = copy.parent / "few.toml"
    few.write_text(network_toml(3))
    refused(tocsin("locate", copy, "--network", few), "N-3.wav", "--network")


def test_files_out(site: Path, tmp_path: Path) -> None:
    source = ("locate", site / "pulses.jsonl", "--network", site / "network.toml")
    ended = tocsin(*source, "--out", tmp_path / "shots.geojson", "--plot", tmp_path / "map.svg")
    assert (ended.code, ended.out) == (0, ""), ended.err
    assert json.loads((tmp_path / "shots.geojson").read_text())["type"] == "FeatureCollection"
    assert (tmp_path / "map.svg").read_text().startswith("<?xml")
    table = tocsin(*source)
    assert "2 shots" in table.out
    refused(tocsin(*source, "--out", tmp_path / "absent" / "shots.jsonl"), "--out", "absent")


def test_nothing_in_is_nothing_out(site: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    ended = tocsin("locate", tmp_path / "empty.jsonl", "--network", site / "network.toml")
    assert ended.code == 0
    assert "no shots" in ended.out
    assert "the file holds no pulses" in ended.out


# What is wrong with recordings.


@pytest.mark.parametrize("kept", [3, 40, 1000])
def test_a_wav_that_was_cut_short(copy: Path, kept: int) -> None:
    path = copy / "N-2.wav"
    path.write_bytes(path.read_bytes()[:kept])
    refused(tocsin("locate", copy), "N-2.wav")


def test_a_flac_that_was_cut_short(copy: Path) -> None:
    samples, rate = soundfile.read(str(copy / "N-2.wav"))
    (copy / "N-2.wav").unlink()
    path = copy / "N-2.flac"
    soundfile.write(str(path), samples, rate)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(tocsin("locate", copy), "N-2.flac")


def test_a_wav_that_is_none(copy: Path) -> None:
    (copy / "N-2.wav").write_bytes(b"not a sound at all" * 99)
    refused(tocsin("locate", copy), "N-2.wav")


def test_a_layout_that_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    refused(tocsin("locate", tmp_path), "layout is not known", ".txt")
    refused(tocsin("locate", tmp_path / "absent"), "absent", "does not exist")


def test_audio_without_its_sidecar(copy: Path) -> None:
    (copy / "N-2.json").unlink()
    refused(tocsin("locate", copy), "N-2.wav", "sidecar")


def test_two_files_of_one_sensor_that_overlap(copy: Path) -> None:
    start = "2026-03-01T22:15:03.000Z"
    write_recording(copy / "again.wav", sound((0.0, 0.0), 9), sensor="N-0", start=start)
    refused(tocsin("locate", copy), "again.wav", "N-0")


@pytest.mark.parametrize("start", ["1970-01-01T00:00:00Z", "2926-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "now"])
def test_times_that_cannot_be(copy: Path, start: str) -> None:
    write_recording(copy / "N-2.wav", sound((480.0, 510.0), 2), sensor="N-2", start=start)
    refused(tocsin("locate", copy), "N-2.json", "timestamp")


def test_samples_that_are_no_numbers(copy: Path) -> None:
    samples = sound((480.0, 510.0), 2)
    samples[30_000] = np.nan
    soundfile.write(str(copy / "N-2.wav"), samples, RATE_HZ, subtype="FLOAT")
    refused(tocsin("locate", copy), "N-2.wav", "sample 30000", "nan")


def test_a_silent_channel_is_flagged(copy: Path) -> None:
    soundfile.write(str(copy / "N-2.wav"), np.zeros(len(sound((0.0, 0.0), 0))), RATE_HZ)
    ended = tocsin("locate", copy, "--weather", "speed_of_sound_m_s=340", "--format", "jsonl")
    assert ended.code == 0
    assert "N-2.wav" in ended.err
    assert "silent" in ended.err or "zero" in ended.err
    for shot in ended.shots:
        _near(shot, FIRED_S[ended.shots.index(shot)], within_m=10.0, within_s=30e-3)
        assert "N-2" not in shot["sensors_used"]


def test_clipped_sound_is_flagged(tmp_path: Path) -> None:
    folder = write_site(tmp_path / "loud", gain=40.0)
    ended = tocsin("locate", folder, "--weather", "speed_of_sound_m_s=340")
    assert ended.code == 0, ended.err
    assert "clipped" in ended.out


def test_three_sensors_are_provisional(tmp_path: Path) -> None:
    folder = write_site(tmp_path / "three", count=3)
    ended = tocsin("locate", folder, "--weather", "speed_of_sound_m_s=340", "--format", "jsonl")
    assert ended.code == 0, ended.err
    assert all(shot["provisional"] for shot in ended.shots)


def test_two_sensors_locate_nothing_and_say_so(tmp_path: Path) -> None:
    folder = write_site(tmp_path / "two", count=2)
    ended = tocsin("locate", folder)
    assert ended.code == 0, ended.err
    assert "no shots" in ended.out


def test_sensors_in_a_line_are_ambiguous(tmp_path: Path) -> None:
    """A line of sensors hears a shot on its left as one on its right: never one sure dot."""
    lines = ['frame = "cartesian"', "[weather]", "speed_of_sound_m_s = 340.0"]
    pulses = []
    for k in range(6):
        lines += ["[[sensor]]", f'id = "L{k}"', f"x_m = {150.0 * k}", "y_m = 0.0", "z_m = 0.0"]
        arrival = 2.0 + math.dist((150.0 * k, 0.0), SOURCE_M) / 340.0
        pulses.append(
            json.dumps({"sensor": f"L{k}", "arrival": f"2026-03-01T22:15:{arrival:012.9f}Z", "sigma_s": 1e-3})
        )
    (tmp_path / "network.toml").write_text("\n".join(lines))
    (tmp_path / "pulses.jsonl").write_text("\n".join(pulses))
    ended = tocsin("locate", tmp_path / "pulses.jsonl", "--network", tmp_path / "network.toml", "--format", "jsonl")
    assert ended.code == 0, ended.err
    for shot in ended.shots:
        assert shot["provisional"]
        assert len(shot["roots"]) == 2
        sides = sorted(root["y_m"] for root in shot["roots"])
        assert sides == pytest.approx([-SOURCE_M[1], SOURCE_M[1]], abs=15.0)


# What is wrong with network and pulse files.


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ('"N-1"', '"N-0"', ("line 10", "sensor id used twice", "'N-0'")),
        ("x_m = 500.0", "xm = 500.0", ("line 11", "unknown key", "'xm'")),
        ("x_m = 500.0", "x_m = nan", ("line 11", "x_m", "nan")),
        ("[weather]", "[climate]", ("line 2", "unknown key", "'climate'")),
        ("[weather]", "[weather", ("is not TOML", "line 2")),
    ],
)
def test_a_network_file_that_is_wrong(site: Path, tmp_path: Path, old: str, new: str, parts: tuple[str, ...]) -> None:
    path = tmp_path / "network.toml"
    path.write_text((site / "network.toml").read_text().replace(old, new))
    refused(tocsin("locate", site / "pulses.jsonl", "--network", path), "network.toml", *parts)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ('{"sensor": "N-9", "arrival": "2026-03-01T22:15:02Z"}', ("sensor", "'N-9'")),
        ('{"sensor": "N-1", "arrival": "1926-03-01T22:15:02Z"}', ("arrival", "1926")),
        ('{"sensor": "N-1", "arrival": "2026-03-01T22:15:02"}', ("arrival", "zone")),
        ('{"sensor": "N-1", "arrival": "2026-03-01T22:15:02Z", "sigma": 1}', ("unknown key 'sigma'",)),
        ('{"sensor": "N-1", "arrival": "2026-03-01T22:15:02Z", "sigma_s": 0}', ("sigma_s",)),
        ('{"sensor": "N-1", "arr', ("is not JSON",)),
    ],
)
def test_a_pulse_file_that_is_wrong(site: Path, tmp_path: Path, line: str, parts: tuple[str, ...]) -> None:
    path = tmp_path / "pulses.jsonl"
    path.write_text(pulse_lines() + line + "\n")
    refused(tocsin("locate", path, "--network", site / "network.toml"), "pulses.jsonl, line 13", *parts)


def test_a_pulse_file_needs_a_network(site: Path) -> None:
    refused(tocsin("locate", site / "pulses.jsonl"), "pulses.jsonl", "--network")
    refused(tocsin("locate", site / "pulses.jsonl", "--network", site / "absent.toml"), "absent.toml", "cannot be read")


def test_a_tuning_file_that_is_wrong(site: Path, tmp_path: Path) -> None:
    (tmp_path / "tuning.toml").write_text("late_shar = 0.1\n")
    ended = tocsin(
        "locate", site / "pulses.jsonl", "--network", site / "network.toml", "--tuning", tmp_path / "tuning.toml"
    )
    refused(ended, "tuning.toml", "late_shar")


def test_embedded_metadata_that_is_damaged(tmp_path: Path) -> None:
    write_smj0(tmp_path / "a.wav", packed=b"not zlib")
    refused(tocsin("locate", tmp_path / "a.wav"), "a.wav", "smj0")


# The recordings that everything is for.


def test_a_live_fire_test_from_its_sound(livefire: Path) -> None:
    ended = tocsin("locate", livefire / "FP1" / "test_001", "--format", "jsonl")
    assert ended.code == 0, ended.err
    assert len(ended.shots) == 3
    assert {shot["test"] for shot in ended.shots} == {"test_001"}
    assert all(shot["longitude"] is None for shot in ended.shots)


def test_published_pulses_of_a_firing_position(livefire: Path) -> None:
    ended = tocsin("locate", livefire / "FP1", "--pulses", "--format", "jsonl")
    assert ended.code == 0, ended.err
    assert len({shot["test"] for shot in ended.shots}) == 18
    assert len(ended.shots) in (36, 37)


def test_a_recording_with_its_metadata_inside(shared: Path) -> None:
    """One sensor locates nothing; it is read all the same."""
    (recording,) = sorted((shared / "recordings" / "smj0").glob("*.wav"))
    ended = tocsin("locate", recording)
    assert ended.code == 0, ended.err
    assert "no shots" in ended.out
