"""Tuning files: what is known is read, what is not is refused by name."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import ConfigurationError
from localize.tuning import DEFAULT_TUNING, Tuning

NAMES = sorted(field.name for field in dataclasses.fields(Tuning))


def _read(folder: Path, text: str) -> Tuning:
    path = folder / "tuning.toml"
    path.write_text(text, encoding="utf-8")
    return Tuning.read(path)


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert _read(tmp_path, "") == DEFAULT_TUNING


def test_every_field_can_be_set(tmp_path: Path) -> None:
    assert _read(tmp_path, "\n".join(f"{name} = 0.25" for name in NAMES)) == Tuning(**dict.fromkeys(NAMES, 0.25))


@given(st.sampled_from(NAMES), st.floats(1e-6, 0.99))
def test_one_value_changes_one_field(tmp_path: Path, name: str, value: float) -> None:
    assert _read(tmp_path, f"{name} = {value!r}") == dataclasses.replace(DEFAULT_TUNING, **{name: value})


def test_every_field_is_explained() -> None:
    assert Tuning.__doc__ is not None
    for name in NAMES:
        assert name in Tuning.__doc__ or name == "repeat_span_s"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("acept_nats = 9.0", "unknown key 'acept_nats': expected one of accept_nats"),
        ("late_share = 1.0", "late_share: expected a share below 1, found 1.0"),
        ("hearing_max = 2", "hearing_max: expected a share below 1, found 2"),
        ("late_mean_s = 0.0", "late_mean_s: expected a positive number, found 0.0"),
        ("late_mean_s = -1", "late_mean_s: expected a positive number, found -1"),
        ("late_mean_s = nan", "late_mean_s: expected a positive number, found nan"),
        ("late_mean_s = inf", "late_mean_s: expected a positive number, found inf"),
        ("late_mean_s = true", "late_mean_s: expected a positive number, found True"),
        ("late_mean_s = '1'", "late_mean_s: expected a positive number, found '1'"),
        ("late_mean_s =", "not TOML"),
        ("[late]\nmean = 1.0", "unknown key 'late'"),
    ],
)
def test_refuses(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"tuning\.toml: {sentence}"):
        _read(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml: cannot be read"):
        Tuning.read(tmp_path / "nowhere.toml")


def test_hearing_range_is_where_one_in_a_hundred_hears() -> None:
    t = DEFAULT_TUNING
    share = 1.0 / (1.0 + math.exp((t.hearing_range_m - t.hearing_half_m) / t.hearing_width_m))
    assert share == pytest.approx(0.01, rel=1e-9)
