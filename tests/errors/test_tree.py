"""The sentences of errors, and their exit codes."""

from __future__ import annotations

import pytest

import errors
from errors import BadInput, ConfigurationError, NotEnoughEvidence, PulseFileError, RecordingError, TocsinError, found


def test_a_sentence_names_place_field_expected_and_found() -> None:
    error = RecordingError("a.wav", "sample rate", expected="8000 .. 96000 Hz", seen=4000)
    assert str(error) == "a.wav: sample rate: expected 8000 .. 96000 Hz, found 4000"
    assert (error.where, error.what) == ("a.wav", "sample rate")


def test_parts_may_be_left_out() -> None:
    assert str(BadInput("a.wav", "no such file")) == "a.wav: no such file"
    assert str(BadInput("a.toml", "frame", expected="a name")) == "a.toml: frame: expected a name"
    assert str(BadInput("a.toml", "frame", seen=None)) == "a.toml: frame, found None"


def test_long_values_are_cut() -> None:
    assert found("x" * 1000).endswith("...")
    assert len(found("x" * 1000)) == 60
    assert found(3) == "3"


@pytest.mark.parametrize("kind", [ConfigurationError, RecordingError, PulseFileError])
def test_bad_input_exits_with_2(kind: type[BadInput]) -> None:
    assert issubclass(kind, BadInput)
    assert kind.exit_code == 2


def test_every_error_is_in_the_tree_and_in_its_drawing() -> None:
    assert NotEnoughEvidence.exit_code == TocsinError.exit_code == 1
    for name in errors.__all__:
        member = getattr(errors, name)
        if isinstance(member, type):
            assert issubclass(member, TocsinError)
            assert name in str(errors.__doc__)
