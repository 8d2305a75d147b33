"""Cross-validation is only worth its name when nothing of a position reaches the tuning it is scored with."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import fit
from benchmarks.livefire import HELD_OUT
from localize.tuning import DEFAULT_TUNING, Tuning

POSITIONS = ("FP1", "FP2", "FP3")


def taught(sigma_s: float, late_share: float = 0.05) -> Tuning:
    return replace(DEFAULT_TUNING, propagation_sigma_s=sigma_s, late_share=late_share)


def test_scales_are_averaged_as_logarithms_and_shares_as_log_odds() -> None:
    fitted = fit.average([[taught(0.001, 0.2)] * 3, [taught(0.004, 0.5)] * 3])
    assert fitted["propagation_sigma_s"] == 0.002
    assert fitted["late_share"] == pytest.approx(1.0 / (1.0 + math.sqrt(4.0)), abs=1e-3)
    assert set(fitted) == set(fit.FITTED)


def test_one_odd_test_moves_nothing() -> None:
    assert fit.average([[taught(0.003), taught(0.003), taught(0.9)]])["propagation_sigma_s"] == 0.003


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Positions that the fit looked at; the audio neither gains nor loses."""
    seen: set[str] = set()

    def learnt_at(position: str) -> tuple[Tuning, ...]:
        seen.add(position)
        return (replace(taught(0.001 * int(position[2:])), hearing_half_m=700.0),)

    def audio_gain(positions: tuple[str, ...], tuning: Tuning) -> int:
        seen.update(positions)
        return 10

    monkeypatch.setattr(fit, "learnt_at", learnt_at)
    monkeypatch.setattr(fit, "audio_gain", audio_gain)
    monkeypatch.setattr(fit, "tests_by_position", lambda: dict.fromkeys(POSITIONS))
    return seen


def test_the_held_out_position_is_never_looked_at(asked: set[str]) -> None:
    fit.fit(("FP1", "FP3"))
    assert asked == {"FP1", "FP3"}


def test_a_hearing_curve_stays_only_where_it_makes_audio_better(
    asked: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for with_it, kept in ((9, False), (10, False), (11, True)):
        monkeypatch.setattr(fit, "audio_gain", lambda _, t, gain=with_it: gain if t.hearing_half_m == 700.0 else 10)
        values, said = fit.fit(POSITIONS)
        assert bool(set(values) & set(fit.HEARING)) == kept
        assert f"({with_it} shots within 15 m less false ones with it, 10 with the default curve)" in said


def test_files_read_back_as_they_were_fitted(asked: set[str], tmp_path: Path) -> None:
    assert fit.main.main(["--out", str(tmp_path)], standalone_mode=False) is None
    for position in POSITIONS:
        text = (tmp_path / f"{position}.toml").read_text()
        others = [name for name in POSITIONS if name != position]
        assert text.startswith(f"# For locating {position}: priors fitted on {', '.join(others)} only")
    # geometric mean of 1 and 2 ms; the hearing curve does the audio no good here and stays at its default
    assert Tuning.read(tmp_path / "FP3.toml") == replace(DEFAULT_TUNING, propagation_sigma_s=0.00141)


def test_kept_files_say_which_positions_they_saw() -> None:
    for number in range(1, 7):
        path = HELD_OUT / f"FP{number}.toml"
        seen = path.read_text().split("fitted on ")[1].split(" only")[0].split(", ")
        assert seen == [f"FP{k}" for k in range(1, 7) if k != number]
        Tuning.read(path)
