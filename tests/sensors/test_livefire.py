"""Published pulses, and places pooled over the tests of a firing position."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import RecordingError, TocsinError
from geo.place import Cartesian, Geodetic, Place
from sensors.livefire import NAVIGATION_FIX, NOT_STATED, SURVEYED, pooled_sites, read_published_pulses
from sensors.recordings import open_recordings
from tests.sensors.written import pulse_record, write_recording, write_test
from tests.strategies import json_values, mutations
from wire.utc import parse_utc_ns


def published(folder: Path, *pulses: dict[str, Any]) -> Any:
    return read_published_pulses(write_test(folder, list(pulses)) / f"{folder.name}.allpulses.json")


def test_every_field_of_a_pulse(tmp_path: Path) -> None:
    (pulse,) = published(tmp_path / "test_001", pulse_record()).pulses
    assert (pulse.sensor, pulse.boot, pulse.sequence) == ("N-1", "test_001", 0)
    assert pulse.arrival_ns == parse_utc_ns("2018-12-19T00:49:27.467Z")
    assert pulse.sigma_s == pytest.approx(math.hypot(0.5e-3, 1e-3 / math.sqrt(12)))
    assert (pulse.snr_db, pulse.peak_db_spl) == (14.0, 77.0)


@pytest.mark.parametrize(("fraction", "step_s"), [("", 1.0), (".4", 0.1), (".467", 1e-3), (".467123456", 1e-9)])
def test_rounding_of_the_text_counts(tmp_path: Path, fraction: str, step_s: float) -> None:
    (pulse,) = published(tmp_path / "t", pulse_record(arrival=f"2018-12-19T00:49:27{fraction}Z")).pulses
    assert pulse.sigma_s == pytest.approx(math.hypot(0.5e-3, step_s / math.sqrt(12)))


def test_pulses_come_in_order_and_once(tmp_path: Path) -> None:
    times = ["2018-12-19T00:49:29.000Z", "2018-12-19T00:49:27.000Z", "2018-12-19T00:49:28.000Z"]
    records = [pulse_record(arrival=time) for time in times]
    records += [pulse_record("N-2", times[0]), pulse_record(arrival=times[1], signal_to_noise_dB=20.0)]
    got = published(tmp_path / "t", *records)
    assert [(p.sensor, p.sequence) for p in got.pulses] == [("N-1", 4), ("N-1", 2), ("N-1", 0), ("N-2", 3)]
    (finding,) = got.findings
    assert finding.kind == "duplicate_pulse"
    assert "1 of 5 pulses" in finding.what


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (pulse_record(arrival="noon"), r"\[0\]\.arrival_time_utc: expected an ISO 8601 instant"),
        (pulse_record(arrival="1970-01-01T00:00:00Z"), r"\[0\]\.arrival_time_utc: expected a time from 2000"),
        (pulse_record(location=None), r"\[0\]\.location: expected the sensor's position"),
        (pulse_record(location={"x": 1.0, "y": 2.0}), r"\[0\]\.location\.z"),
        (pulse_record(location={"x": 1, "y": 2, "z": 3, "latitude": 4}), r"\[0\]\.location: .*found 'both'"),
        (pulse_record(location={}), r"\[0\]\.location: .*found 'neither'"),
        (pulse_record(power_dB_SPL=1000.0), r"\[0\]\.power_dB_SPL: expected -60 \.\. 200 dB"),
        (pulse_record(serial_number=7), r"Expected `str`, got `int` - at `\$\[0\]\.serial_number`"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, record: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecordingError, match=rf"t\.allpulses\.json: .*{sentence}"):
        published(tmp_path / "t", record)


@given(st.data())
def test_any_document_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    document = data.draw(mutations([pulse_record(), pulse_record("N-2")]) | json_values())
    folder = write_test(tmp_path_factory.mktemp("pulses") / "t", document)
    try:
        (found,) = open_recordings(folder, published=True)
    except TocsinError:
        return
    assert found.pulses is not None


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = write_test(tmp_path_factory.mktemp("pulses") / "t", [])
    (folder / "t.allpulses.json").write_bytes(b"[{" + content)
    with pytest.raises(RecordingError):
        open_recordings(folder, published=True)


def test_one_jump_does_not_move_the_median() -> None:
    tests = [{"N-1": (Cartesian(x, 10.0, 0.0),)} for x in (0.0, 1.0, 2.0, 3.0, 31.0)]
    (site,), (finding,) = pooled_sites(tests, NAVIGATION_FIX, "FP1")
    assert site.place == Cartesian(2.0, 10.0, 0.0)
    assert site.position_sigma_m == pytest.approx(math.hypot(2.0, math.sqrt(math.pi / 10) * 1.4826 * 0.5))
    assert finding.kind == "moved_sensor"
    assert "moves by 31 m over 5 tests" in finding.what


def test_few_tests_tell_no_scatter() -> None:
    one = [{"N-1": (Cartesian(0.0, 0.0, 0.0), Cartesian(4.0, 0.0, 0.0))}]
    assert pooled_sites(one, SURVEYED, "t")[0][0].position_sigma_m == SURVEYED.one_m
    assert pooled_sites(one, NOT_STATED, "t")[0][0].position_sigma_m is None
    assert pooled_sites(one, NOT_STATED, "t")[0][0].place == Cartesian(2.0, 0.0, 0.0)


def test_the_stated_accuracy_of_the_pooled_median_is_right() -> None:
    """Over many sensors, the spread of the medians is what ``position_sigma_m`` says (without the slow part)."""
    rng = np.random.default_rng(3)
    sensors = [f"N-{number:03d}" for number in range(400)]
    tests = [{s: (Cartesian(*rng.normal(0.0, 3.0, 3).tolist()),) for s in sensors} for _ in range(15)]
    sites, _ = pooled_sites(tests, NOT_STATED, "FP1")
    spread = np.std([(s.place.x_m, s.place.y_m) for s in sites if isinstance(s.place, Cartesian)])
    stated = np.sqrt(np.mean([(s.position_sigma_m or 0.0) ** 2 for s in sites]))
    assert stated == pytest.approx(spread, rel=0.1)


def test_scatter_of_geodetic_places_is_in_metres() -> None:
    degree_m = 111_195.0
    norths = (0.0, 1.0, 2.0, 3.0, 4.0)
    tests = [{"N-1": (Geodetic(6.0, 46.0 + north / degree_m, 0.0),)} for north in norths]
    (site,), _ = pooled_sites(tests, NOT_STATED, "t")
    assert site.position_sigma_m == pytest.approx(math.sqrt(math.pi / 10) * 1.4826 * 0.5, rel=1e-3)


def test_two_sensors_with_one_id_are_refused() -> None:
    places: tuple[Place, ...] = (Cartesian(0.0, 0.0, 0.0), Cartesian(400.0, 0.0, 0.0))
    with pytest.raises(RecordingError, match=r"t: sensor N-1 stands at two places.*within 30 m, found 400\.0"):
        pooled_sites([{"N-1": places}], NOT_STATED, "t")


def test_frames_do_not_mix() -> None:
    places: dict[str, tuple[Place, ...]] = {"N-1": (Cartesian(0.0, 0.0, 0.0),), "N-2": (Geodetic(6.0, 46.0, 0.0),)}
    sentence = r"places of the sensors: expected all Cartesian.*N-1 Cartesian, N-2 Geodetic"
    with pytest.raises(RecordingError, match=sentence):
        pooled_sites([places], NOT_STATED, "t")


def position(root: Path, name: str, shift_m: float) -> Path:
    """A firing position of three tests, whose sensor is read 0, 1 and 5 m east of ``shift_m``; N-2 is heard once."""
    for number, east in enumerate((0.0, 1.0, 5.0)):
        place = {"x": shift_m + east, "y": 0.0, "z": 0.0}
        pulses = [pulse_record(location=place)] + [pulse_record("N-2", location=place)] * (number == 0)
        weather = {"temperature": -1.0, "speed": 2.0, "direction": 90.0}
        folder = write_test(root / name / f"test_{number}", pulses, weather)
        write_recording(folder / f"test_{number}.audio.N-1.wav", location=place)
    return root / name


def test_a_position_pools_and_another_does_not_touch_it(tmp_path: Path) -> None:
    position(tmp_path, "FP1", 0.0)
    position(tmp_path, "FP2", 1000.0)
    sets = open_recordings(tmp_path, published=True)
    assert [(found.group, found.name) for found in sets] == [(f"FP{p}", f"test_{n}") for p in (1, 2) for n in range(3)]
    medians = [Cartesian(1.0, 0.0, 0.0)] * 3 + [Cartesian(1001.0, 0.0, 0.0)] * 3
    assert [found.sites[0].place for found in sets] == medians
    # A sensor heard in one test of a position was there in all of them.
    assert [[site.sensor for site in found.sites] for found in sets] == [["N-1", "N-2"]] * 6
    assert sets[0].weather is not None
    assert sets[0].weather.temperature_c == -1.0
    np.testing.assert_allclose(sets[0].weather.wind_m_s, [-2.0, 0.0, 0.0], atol=1e-12)


def test_audio_pools_too_and_lists_only_who_listened(tmp_path: Path) -> None:
    sets = open_recordings(position(tmp_path, "FP1", 0.0))
    assert [[site.sensor for site in found.sites] for found in sets] == [["N-1"]] * 3
    assert [found.sites[0].place for found in sets] == [Cartesian(1.0, 0.0, 0.0)] * 3
    assert [found.captures[0].place for found in sets] == [Cartesian(1.0, 0.0, 0.0)] * 3
    assert sets[0].captures[0].position_sigma_m == sets[0].sites[0].position_sigma_m
    assert sets[0].captures[0].clock_sigma_s == 1e-4
    assert sets[0].pulses is None


def test_one_test_uses_only_what_it_is_given(tmp_path: Path) -> None:
    folder = position(tmp_path, "FP1", 0.0) / "test_2"
    for is_published in (False, True):
        (found,) = open_recordings(folder, published=is_published)
        assert found.sites[0].place == Cartesian(5.0, 0.0, 0.0)
        assert (found.name, found.group) == ("test_2", "FP1")
    (alone, _, _) = open_recordings(folder.parent, published=True, pool_places=False)
    assert alone.sites[0].place == Cartesian(0.0, 0.0, 0.0)


def test_the_truth_is_never_opened(tmp_path: Path) -> None:
    """Files that hold the truth are made unreadable as JSON; nothing notices."""
    folder = position(tmp_path, "FP1", 0.0)
    for number in range(3):
        for kind in ("survey", "nlos-tuples"):
            (folder / f"test_{number}" / f"test_{number}.{kind}.json").write_text("not to be opened")
    assert len(open_recordings(folder)) == len(open_recordings(folder, published=True)) == 3


def test_all_live_fire_is_read(livefire: Path) -> None:
    sets = open_recordings(livefire)
    assert len(sets) == 108
    assert sum(len(found.captures) for found in sets) == 522
    assert {found.group for found in sets} == {f"FP{number}" for number in range(1, 7)}
    assert all(capture.rate_hz == 12_000.0 for found in sets for capture in found.captures)
    assert all(1.0 < (site.position_sigma_m or 0.0) < 8.0 for found in sets for site in found.sites)
    published_sets = open_recordings(livefire, published=True)
    assert sum(len(found.pulses or ()) for found in published_sets) == 7376
    assert {f.kind for found in published_sets for f in found.findings} == {"duplicate_pulse", "moved_sensor"}
