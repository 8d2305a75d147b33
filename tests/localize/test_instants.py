"""Instants read by the thousand are the instants read one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localize.instants import utc_ns_of
from tests.strategies import instants_ns
from wire.utc import format_utc_ns, parse_utc_ns


@given(st.lists(st.tuples(instants_ns(), st.integers(0, 9)), max_size=20))
def test_equals_the_exact_parser(cases: list[tuple[int, int]]) -> None:
    texts = []
    for instant, digits in cases:
        whole = format_utc_ns(instant)[:-1]
        texts.append((whole[: 20 + digits] if digits else whole[:19]) + "Z")
    instants, unread = utc_ns_of(texts)
    assert not unread.any()
    assert instants.tolist() == [parse_utc_ns(text) for text in texts]


@given(st.lists(st.text("0123456789-T:.Z +", max_size=32) | st.text(max_size=32), max_size=10))
def test_reads_nothing_that_the_exact_parser_refuses(texts: list[str]) -> None:
    instants, unread = utc_ns_of(texts)
    for text, instant, left in zip(texts, instants.tolist(), unread.tolist(), strict=True):
        assert left or instant == parse_utc_ns(text)


@given(instants_ns(), st.integers(0, 29), st.characters(max_codepoint=0x3FF))
def test_one_wrong_letter_is_noticed(instant: int, position: int, letter: str) -> None:
    text = format_utc_ns(instant)
    wrong = text[:position] + letter + text[position + 1 :]
    (value,), (left,) = utc_ns_of([wrong])
    assert left or value == parse_utc_ns(wrong)


def test_dates_that_do_not_exist_are_left() -> None:
    days = ("2100-02-29", "2026-02-29", "2026-04-31", "2026-00-10", "2026-13-01", "2026-01-00", "1969-12-31")
    times = ("24:00:00", "10:60:00", "10:00:60")
    texts = [f"{day}T00:00:00Z" for day in days] + [f"2026-01-01T{time}Z" for time in times]
    _, unread = utc_ns_of(texts)
    assert unread.all()
    _, unread = utc_ns_of(["2024-02-29T23:59:59.999999999Z", "2000-02-29T00:00:00Z"])
    assert not unread.any()


def test_other_forms_are_left_for_the_exact_parser() -> None:
    forms = (
        "2026-01-01T00:00:00+01:00",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
    )
    _, unread = utc_ns_of(forms)
    assert unread.all()


def test_nothing_is_read_from_nothing() -> None:
    instants, unread = utc_ns_of([])
    assert len(instants) == len(unread) == 0
