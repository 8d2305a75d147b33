"""Tunings fitted without a firing position, for locating that position: ``python -m benchmarks.fit``.

What a site decides (timing noise, excess delay, hearing, clutter) is fitted on the published pulses of the other five
positions.  Surveyed truth is used in one place only: on those same five, to refuse a fitted hearing curve that makes
their audio no better.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean, median

import click

from benchmarks.livefire import HELD_OUT, located_from, network_of
from benchmarks.livefire_audio import heard, recorded
from benchmarks.livefire_truth import Tally, tests_by_position
from localize.locate import locate
from localize.pulsefile import table_from_pulses
from localize.tuning import DEFAULT_TUNING, Tuning

SHARES = ("late_share", "hearing_max")
HEARING = ("hearing_max", "hearing_half_m", "hearing_width_m")
FITTED = ("propagation_sigma_s", "late_share", "late_mean_s", *HEARING, "clutter_rate_hz", "echo_rate_hz")
"""Priors that a site decides; every other constant of ``Tuning`` is the same at all positions."""

NEAR_M = 15.0
"""A shot located so near to the survey is counted as right."""


@cache
def learnt_at(position: str) -> tuple[Tuning, ...]:
    """What each test of a position teaches (``localize.learning``) from its published pulses alone, no truth."""
    found = []
    for test in recorded(position, published=True).values():
        network = network_of(test)
        found.append(locate(table_from_pulses(test.pulses or (), network), network, DEFAULT_TUNING).learnt)
    return tuple(found)


def average(positions: Sequence[Sequence[Tuning]]) -> dict[str, float]:
    """The fitted priors: median over the tests of a position, then the mean over positions.

    Shares are averaged as log odds, scales and rates as logarithms: 1 % and 4 % have 2 % between them.
    """
    fitted = {}
    for key in FITTED:
        forward, back = (_log_odds, _share) if key in SHARES else (math.log, math.exp)
        middle = fmean(median(forward(getattr(tuning, key)) for tuning in tunings) for tunings in positions)
        fitted[key] = float(f"{back(middle):.3g}")
    return fitted


def audio_gain(positions: Iterable[str], tuning: Tuning) -> int:
    """Shots located from audio within 15 m, less false ones, at some positions."""
    tally = Tally()
    for position in positions:
        tests = recorded(position, published=False)
        for folder in tests_by_position()[position]:
            pulses, network = heard(position)[folder.name], network_of(tests[folder.name])
            tally.add(folder, located_from(pulses, network, tuning))
    return len([found for found in tally.matched if found["error_m"] <= NEAR_M]) - tally.false


def fit(others: Sequence[str]) -> tuple[dict[str, float], str]:
    """The priors fitted on these positions, and a sentence on the hearing curve."""
    fitted = average([learnt_at(position) for position in others])
    rest = {key: value for key, value in fitted.items() if key not in HEARING}
    with_curve = audio_gain(others, dataclasses.replace(DEFAULT_TUNING, **fitted))
    without = audio_gain(others, dataclasses.replace(DEFAULT_TUNING, **rest))
    compared = f"{with_curve} shots within 15 m less false ones with it, {without} with the default curve"
    if with_curve <= without:
        return rest, f"The hearing curve stays at its defaults: the fitted one does their audio no good ({compared})."
    return fitted, f"The fitted hearing curve is kept: it makes their audio better ({compared})."


def text(held_out: str, others: Sequence[str], values: Mapping[str, float], hearing: str) -> str:
    """The file, comments included."""
    lines = [
        f"# For locating {held_out}: priors fitted on {', '.join(others)} only, by `python -m benchmarks.fit`.",
        "# Means over positions of medians over tests of what localize.learning finds in the published pulses.",
        f"# {hearing}",
        *(f"{key} = {value!r}" for key, value in values.items()),
    ]
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HELD_OUT, help="Folder to write to.")
def main(out: Path) -> None:
    """Write FP1.toml and so on: a tuning for each firing position, fitted on all the others."""
    out.mkdir(parents=True, exist_ok=True)
    positions = tuple(tests_by_position())
    for held_out in positions:
        others = tuple(position for position in positions if position != held_out)
        path = out / f"{held_out}.toml"
        path.write_text(text(held_out, others, *fit(others)), encoding="utf-8")
        Tuning.read(path)
        click.echo(path)


def _log_odds(share: float) -> float:
    return math.log(share / (1.0 - share))


def _share(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))


if __name__ == "__main__":
    main()
