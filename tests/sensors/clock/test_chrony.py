"""What chronyc prints, read field by field, and everything else refused in one sentence."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import ClockError
from sensors.clock.chrony import FIELDS, LEAPS, Tracking, ask, parse_tracking

LINE = (
    "50505300,PPS,1,1795376253.785055122,0.005321735,0.000000108,0.000000109,-20.014,0.001,0.272,"
    "0.000001000,0.000004981,4.0,Normal"
)


def test_every_field() -> None:
    assert parse_tracking(LINE) == Tracking(
        refid=0x50505300,
        name="PPS",
        stratum=1,
        reference_ns=1_795_376_253_785_055_122,
        offset_s=0.005321735,
        last_offset_s=0.000000108,
        rms_offset_s=0.000000109,
        frequency_ppm=-20.014,
        residual_ppm=0.001,
        skew_ppm=0.272,
        root_delay_s=0.000001,
        root_dispersion_s=0.000004981,
        update_interval_s=4.0,
        leap="normal",
    )


def test_names_of_a_reference_clock() -> None:
    assert parse_tracking(LINE).names == {"PPS", "50505300"}


def test_an_unsynchronised_chronyd() -> None:
    """As chronyd 4.3 answers before its first measurement."""
    line = "00000000,,0,0.000000000,0.0,0.0,0.0,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised"
    assert not parse_tracking(line).synchronised


def test_the_local_mode_is_not_synchronised() -> None:
    """chronyd with `local` serves its own clock with a reference id of 127.127.1.1 and a normal leap status."""
    assert not parse_tracking(LINE.replace("50505300,PPS,1", "7F7F0101,,10")).synchronised


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (0, "5050530"), (0, "5050530G"), (1, "P\x07S"), (2, "17"), (2, "-1"), (2, "1.0"), (2, "١"), (3, "1795376253"),
        (3, "-1.000000000"), (4, "nan"), (4, "inf"), (4, "1e3"), (4, ""), (4, "0x1"), (6, "-0.1"), (9, "-0.1"),
        (10, "-0.1"), (11, "-1"), (12, "-4.0"), (13, "normal"), (13, ""),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(field: int, value: str) -> None:
    fields = LINE.split(",")
    fields[field] = value
    with pytest.raises(ClockError, match=FIELDS[field]):
        parse_tracking(",".join(fields))


@given(st.text(max_size=300))
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(ClockError):
        parse_tracking(text)


@given(st.lists(st.sampled_from([*LINE.split(","), "", "-1", "1e400", "9" * 25]), min_size=12, max_size=16))
def test_shuffled_fields_are_refused_or_sound(fields: list[str]) -> None:
    try:
        tracking = parse_tracking(",".join(fields))
    except ClockError:
        return
    assert tracking.leap in LEAPS.values()
    assert tracking.rms_offset_s >= 0


def script(folder: Path, text: str) -> str:
    path = folder / "chronyc here"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"'{path}' -h sock"


def test_the_command_may_hold_arguments(tmp_path: Path) -> None:
    chronyc = script(tmp_path, f'test "$*" = "-h sock -n -c tracking" && echo "{LINE}"')
    assert ask(chronyc, 5).name == "PPS"


@pytest.mark.parametrize(
    ("chronyc", "said"),
    [("/nonexistent/chronyc", "is chrony installed"), ("'open", "is not a command"), (" ", "expected a command")],
)
def test_a_command_that_cannot_be_run(chronyc: str, said: str) -> None:
    with pytest.raises(ClockError, match=said):
        ask(chronyc, 5)


def test_a_daemon_that_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(ClockError, match="506 Cannot talk to daemon"):
        ask(script(tmp_path, "echo 506 Cannot talk to daemon; exit 1"), 5)


def test_an_answer_that_does_not_come(tmp_path: Path) -> None:
    with pytest.raises(ClockError, match=r"within 0\.2 s"):
        ask(script(tmp_path, "exec sleep 30"), 0.2)
