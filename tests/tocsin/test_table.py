"""The table shows what matters on one line a shot, whatever the width."""

from __future__ import annotations

import dataclasses

from tests.tocsin.scene import geodetic_network, located
from tocsin.formats.table import table_text
from wire.utc import NS_PER_S


def test_one_line_a_shot() -> None:
    text = table_text([located(flags=("clipped",))])
    lines = text.splitlines()
    rows = [line for line in lines if "00:49:2" in line]
    assert len(rows) == 3
    assert "-10875.5  3421.4" in rows[0]
    assert "18 × 6.0  034°" in rows[0]
    assert "7/8" in rows[0]
    assert "clipped 1x" in rows[0]
    assert text.count("2018-12-19") == 1  # the date once, in the head
    assert "–" in rows[1]  # level not known
    assert lines[-2] == "3 shots, 9 sensors, 21 of 30 pulses used, median 95 % radius 10 m."
    assert lines[-1].strip() == "7 repeated lines dropped"


def test_what_another_round_lent_is_not_counted_as_heard() -> None:
    text = table_text([located(lent=True)])
    assert "6/7" in text
    assert "1 lent" in text


def test_several_tests_are_named_once() -> None:
    text = table_text([located(), dataclasses.replace(located(shots=1, two_roots=True), test="test_002")])
    assert text.count("test_001  ") == 1
    assert "provisional, 2 roots" in text
    assert "4 shots (1 provisional), 2 tests" in text
    assert "test_002: shot 1: two positions fit" in text


def test_degrees_where_they_are_known() -> None:
    result = located(geodetic_network(), shots=1)
    text = table_text([result])
    assert "latitude  longitude" in text
    assert "46.204" in text


def test_a_night_that_passes_midnight_shows_both_dates() -> None:
    result = located(shots=2)
    late = dataclasses.replace(result.shots[1], fired_ns=result.shots[1].fired_ns + 86_400 * NS_PER_S)
    text = table_text([dataclasses.replace(result, shots=(result.shots[0], late))])
    assert text.count("2018-12-19") == 1
    assert text.count("2018-12-20") == 1


def test_nothing_found_is_said() -> None:
    text = table_text([dataclasses.replace(located(), shots=())])
    assert text.splitlines()[0] == "no shots, 9 sensors, 0 of 30 pulses used."


def test_no_escape_sequences_unless_wanted() -> None:
    result = located(two_roots=True)
    assert "\x1b" not in table_text([result])
    assert "\x1b" in table_text([result], colour=True)


def test_names_with_brackets_are_shown_as_they_are() -> None:
    """A folder called ``[red]`` is no markup."""
    result = dataclasses.replace(located(), test="[red]x", notes=("[bold] note",))
    text = table_text([result, located()])
    assert "[red]x" in text
    assert "[bold] note" in text


def test_narrow_terminals_get_all_of_it() -> None:
    for width in (40, 80, 200):
        assert "00:49:27.512" in table_text([located()], width=width)


def test_a_hundred_notes_are_not_read() -> None:
    results = [dataclasses.replace(located(shots=1), test=f"test_{k:03d}", notes=(f"note {k}",)) for k in range(100)]
    text = table_text(results)
    assert "test_019: note 19" in text
    assert "note 20" not in text
    assert text.splitlines()[-1] == "  and 80 more notes: locate one test to see all of its own"
