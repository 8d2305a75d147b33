"""Subjects: round trips, and nothing that the bus would read as more than one name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import MessageError
from wire import subjects

TOKENS = st.text("abcXYZ019_-", min_size=1, max_size=100)
NO_TOKENS = ["", " ", "a b", "a.b", "*", ">", "a*", "a>", ".", "a\n", "\ta", "é", "a/b", "a$", "٣", "a" * 101, "a\0"]


@given(st.sampled_from(subjects.KINDS), TOKENS, TOKENS)
def test_round_trip(kind: subjects.Kind, cell: str, sensor: str) -> None:
    assert subjects.parse_node_subject(subjects.node_subject(kind, cell, sensor)) == (kind, cell, sensor)


@pytest.mark.parametrize("token", NO_TOKENS)
def test_what_cannot_stand_in_a_subject_is_refused(token: str) -> None:
    assert not subjects.is_token(token)
    for call in (
        lambda: subjects.node_subject("pulse", token, "s"),
        lambda: subjects.node_subject("pulse", "c", token),
        lambda: subjects.receipt_subject(token),
        lambda: subjects.inbox_prefix(token),
        lambda: subjects.may_publish(token),
        lambda: subjects.may_subscribe(token),
    ):
        with pytest.raises(ValueError, match="expected 1 to 100 letters"):
            call()
    for subject in (f"pulse.{token}.s", f"pulse.c.{token}"):
        with pytest.raises(MessageError, match=r"^subject: form: expected pulse\|clip\|heartbeat"):
            subjects.parse_node_subject(subject)


@given(st.text(max_size=40) | st.lists(st.sampled_from(["pulse", ".", "*", ">", "c", " "]), max_size=8).map("".join))
def test_other_subjects_are_refused(subject: str) -> None:
    try:
        address = subjects.parse_node_subject(subject)
    except MessageError:
        return
    assert subjects.node_subject(*address) == subject


@pytest.mark.parametrize("kind", ["receipt", "", "Pulse", "pulse.", "*"])
def test_other_kinds_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="kind: expected one of"):
        subjects.node_subject(kind, "c", "s")  # type: ignore[arg-type]
    with pytest.raises(MessageError):
        subjects.parse_node_subject(f"{kind}.c.s")


def _covers(pattern: str, subject: str) -> bool:
    """Whether a pattern of NATS covers a subject."""
    wanted, found = pattern.split("."), subject.split(".")
    for place, token in enumerate(wanted):
        if token == ">":
            return len(found) > place
        if place >= len(found) or token not in ("*", found[place]):
            return False
    return len(wanted) == len(found)


@given(st.sampled_from(subjects.KINDS), TOKENS, TOKENS, TOKENS)
def test_a_node_may_publish_its_own_subjects_in_any_cell_and_no_others(
    kind: subjects.Kind, cell: str, sensor: str, other: str
) -> None:
    allowed = subjects.may_publish(sensor)
    assert any(_covers(pattern, subjects.node_subject(kind, cell, sensor)) for pattern in allowed)
    if other != sensor:
        assert not any(_covers(pattern, subjects.node_subject(kind, cell, other)) for pattern in allowed)
        assert not any(_covers(pattern, subjects.receipt_subject(other)) for pattern in allowed)


@given(TOKENS, TOKENS)
def test_a_node_hears_its_receipts_and_its_inbox_and_no_others(sensor: str, other: str) -> None:
    allowed = subjects.may_subscribe(sensor)
    for own in (subjects.receipt_subject(sensor), f"{subjects.inbox_prefix(sensor)}.abc.1"):
        assert any(_covers(pattern, own) for pattern in allowed)
    if other != sensor:
        for foreign in (subjects.receipt_subject(other), f"{subjects.inbox_prefix(other)}.abc.1", "pulse.c.s"):
            assert not any(_covers(pattern, foreign) for pattern in allowed)


@pytest.mark.parametrize("name", ["x", "_", "-", "pulse"])
def test_names_that_look_like_parts_of_the_pattern_are_harmless(name: str) -> None:
    """The wildcard is put in the place of a cell called x: a sensor called x must stay."""
    assert subjects.may_publish(name) == (f"pulse.*.{name}", f"clip.*.{name}", f"heartbeat.*.{name}")
