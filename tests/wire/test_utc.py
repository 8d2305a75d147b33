"""Instants and their text."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import instants_ns
from wire.utc import NS_PER_S, format_utc_ns, parse_utc_ns

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@given(st.integers(0, 253_402_300_800 * NS_PER_S - 1))
def test_text_gives_the_same_integer_back(instant_ns: int) -> None:
    """From 1970 to the end of year 9999, to the nanosecond."""
    assert parse_utc_ns(format_utc_ns(instant_ns)) == instant_ns


@given(st.datetimes(datetime.datetime(1970, 1, 2), datetime.datetime(9999, 12, 30)), st.integers(-1439, 1439))
def test_parsing_agrees_with_the_standard_library(local: datetime.datetime, offset_min: int) -> None:
    moment = local.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=offset_min)))
    expected = (moment - EPOCH) // datetime.timedelta(microseconds=1) * 1000
    assert parse_utc_ns(moment.isoformat(timespec="microseconds")) == expected


@given(instants_ns())
def test_formatting_agrees_with_the_standard_library(instant_ns: int) -> None:
    moment = EPOCH + datetime.timedelta(seconds=instant_ns // NS_PER_S)
    assert format_utc_ns(instant_ns)[:19] == moment.strftime("%Y-%m-%dT%H:%M:%S")


@given(instants_ns(), st.integers(0, 9))
def test_fractions_of_any_length_are_exact(instant_ns: int, digits: int) -> None:
    text = format_utc_ns(instant_ns)
    cut = text[: 20 + digits].rstrip(".") + "Z"
    assert parse_utc_ns(cut) == instant_ns - instant_ns % 10 ** (9 - digits)


@given(instants_ns())
def test_text_sorts_as_time_does(instant_ns: int) -> None:
    assert format_utc_ns(instant_ns) < format_utc_ns(instant_ns + 1)


def test_the_live_fire_times_are_exact() -> None:
    assert parse_utc_ns("2018-12-19T00:49:27.467Z") == 1_545_180_567_467_000_000


@given(st.text(max_size=40))
def test_other_text_is_a_value_error(text: str) -> None:
    try:
        parse_utc_ns(text)
    except ValueError:
        return
    assert text[:4].isdigit()


@pytest.mark.parametrize(
    "text",
    [
        "2018-12-19T00:49:27",
        "2018-12-19T00:49:27.467",
        "2018-12-19",
        "2018-02-29T00:00:00Z",
        "2018-13-01T00:00:00Z",
        "2018-00-01T00:00:00Z",
        "2018-01-32T00:00:00Z",
        "2018-01-01T24:00:00Z",
        "2018-01-01T00:60:00Z",
        "2018-01-01T00:00:61Z",
        "2018-01-01T00:00:00+24:00",
        "1969-12-31T23:59:59Z",
        "2018-01-01T00:00:00.1234567891Z",
        " 2018-01-01T00:00:00Z",
    ],
)
def test_what_is_not_an_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an ISO|no such"):
        parse_utc_ns(text)
