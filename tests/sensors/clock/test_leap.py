"""Names of seconds around a leap second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.clock.leap import LeapSeconds, may_be_leap
from wire.utc import NS_PER_S, parse_utc_ns

MIDNIGHT = parse_utc_ns("2027-01-01T00:00:00Z")
EVENING = MIDNIGHT - 7200 * NS_PER_S


def announced(leap: str) -> LeapSeconds:
    leaps = LeapSeconds()
    leaps.announce("insert" if leap == "insert" else "delete", EVENING)
    return leaps


def test_an_inserted_second_repeats_the_one_before_it_and_has_no_name() -> None:
    leaps = announced("insert")
    assert leaps.utc(MIDNIGHT - 1) == (MIDNIGHT - 1, True)
    assert leaps.utc(MIDNIGHT) == (MIDNIGHT - NS_PER_S, False)
    assert leaps.utc(MIDNIGHT + NS_PER_S - 1) == (MIDNIGHT - 1, False)
    assert leaps.utc(MIDNIGHT + NS_PER_S) == (MIDNIGHT, True)


def test_a_deleted_second_is_skipped() -> None:
    leaps = announced("delete")
    last = MIDNIGHT - NS_PER_S
    assert leaps.utc(last - 1) == (last - 1, True)
    assert leaps.utc(last) == (MIDNIGHT, True)


def test_beside_a_change_of_names_what_is_not_known_well_has_none() -> None:
    """A stamp known to 6 ms, 4 ms before an inserted second, was once told as if it certainly were outside."""
    inserted, deleted = announced("insert"), announced("delete")
    assert inserted.unnamed(MIDNIGHT - 4_000_000, 6_000_000)
    assert not inserted.unnamed(MIDNIGHT - 7_000_000, 6_000_000)
    assert inserted.unnamed(MIDNIGHT + NS_PER_S + 5_000_000, 6_000_000)
    assert not inserted.unnamed(MIDNIGHT + NS_PER_S + 6_000_000, 6_000_000)
    assert deleted.unnamed(MIDNIGHT - NS_PER_S + 1, 6_000_000)
    assert not deleted.unnamed(MIDNIGHT, 6_000_000)


@pytest.mark.parametrize("leap", ["insert", "delete"])
@pytest.mark.parametrize("after_s", [-100, -3, 4, 100])
def test_smooth_undoes_utc(leap: str, after_s: int) -> None:
    leaps = announced(leap)
    smooth_ns = MIDNIGHT + after_s * NS_PER_S
    utc_ns, _ = leaps.utc(smooth_ns)
    assert leaps.smooth(utc_ns + 17, smooth_ns) == smooth_ns + 17


def test_it_is_unsure_until_the_system_clock_or_chrony_confirms() -> None:
    stepped, told = announced("insert"), announced("insert")
    assert not stepped.unsure(MIDNIGHT - 1)
    assert stepped.unsure(MIDNIGHT)
    assert stepped.explains(-NS_PER_S, MIDNIGHT - NS_PER_S, MIDNIGHT + NS_PER_S // 2)
    assert not stepped.unsure(MIDNIGHT)
    told.confirm(MIDNIGHT + 2 * NS_PER_S)  # too near to tell
    assert told.unsure(MIDNIGHT + 2 * NS_PER_S)
    told.confirm(MIDNIGHT + 20 * NS_PER_S)
    assert not told.unsure(MIDNIGHT + 20 * NS_PER_S)


@pytest.mark.parametrize("jump_s", [1.0, -0.9, -2.0])
def test_another_jump_is_not_explained(jump_s: float) -> None:
    assert not announced("insert").explains(round(jump_s * NS_PER_S), MIDNIGHT - NS_PER_S, MIDNIGHT + NS_PER_S)


def test_the_same_jump_at_another_time_is_not_explained() -> None:
    assert not announced("insert").explains(-NS_PER_S, MIDNIGHT + 60 * NS_PER_S, MIDNIGHT + 61 * NS_PER_S)


def test_an_announcement_may_be_withdrawn() -> None:
    leaps = announced("insert")
    leaps.announce("normal", EVENING + 60 * NS_PER_S)
    assert leaps.utc(MIDNIGHT) == (MIDNIGHT, True)


def test_chrony_acts_in_june_and_december_only() -> None:
    leaps = LeapSeconds()
    march = parse_utc_ns("2027-03-31T23:00:00Z")
    leaps.announce("insert", march)
    assert leaps.utc(march + 7200 * NS_PER_S) == (march + 7200 * NS_PER_S, True)


def test_two_leap_seconds_add_up() -> None:
    leaps = announced("insert")
    june = parse_utc_ns("2027-06-30T12:00:00Z") + NS_PER_S
    leaps.announce("insert", june)
    july = parse_utc_ns("2027-07-01T00:00:00Z")
    assert leaps.utc(july + NS_PER_S - 1) == (july - 1, True)
    assert leaps.utc(july + NS_PER_S)[1] is False
    assert leaps.utc(july + 2 * NS_PER_S) == (july, True)


@given(st.integers(-7000, 7000), st.integers(0, 3600), st.sampled_from(["insert", "delete"]))
def test_utc_never_runs_back_but_for_the_inserted_second(at_s: int, later_s: int, leap: str) -> None:
    leaps = announced(leap)
    one, _ = leaps.utc(MIDNIGHT + at_s * NS_PER_S)
    two, _ = leaps.utc(MIDNIGHT + (at_s + later_s) * NS_PER_S)
    assert two - one >= (later_s - 1) * NS_PER_S


def test_an_unannounced_jump_that_may_be_a_leap_second() -> None:
    assert may_be_leap(-NS_PER_S, MIDNIGHT)
    assert not may_be_leap(-NS_PER_S, MIDNIGHT - 3600 * NS_PER_S)
    assert not may_be_leap(-NS_PER_S // 2, MIDNIGHT)
