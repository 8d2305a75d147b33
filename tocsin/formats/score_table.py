"""Scores of simulations, for people and for machines."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from rich.table import Table

from sim.scoring import Score, combined
from tocsin.formats.plain_table import cells_table, printed
from tocsin.scoring_folders import ScoredFolder


def score_table(rows: Sequence[ScoredFolder]) -> str:
    """A row a folder, a row of all when there are several, and what the columns mean."""
    table: Table = cells_table(
        ("", "left"), ("gunshots", "right"), ("found", "right"), ("missed", "right"), ("false", "right"),
        ("of these\nlook-alikes", "right"), ("median\nerror m", "right"), ("95 % of\nerrors m", "right"),
        ("in 50 %\nregion", "right"), ("in 95 %\nregion", "right"), ("rounds off\nan incident", "right"),
    )  # fmt: skip
    for row in rows:
        table.add_row(*_cells(row.folder.name if len(rows) > 1 else row.scenario, row.score))
    if len(rows) > 1:
        table.add_section()
        table.add_row(*_cells("all", combined([row.score for row in rows])))
    return printed(table)


def score_json(rows: Sequence[ScoredFolder]) -> str:
    """A JSON array of objects, numbers that are not known null."""
    records = [{"folder": str(row.folder), "scenario": row.scenario, **record(row.score)} for row in rows]
    return msgspec.json.format(msgspec.json.encode(records), indent=1).decode() + "\n"


def record(score: Score) -> dict[str, object]:
    """A score by the names of its fields."""
    return {
        "shots": score.shots,
        "found": score.found,
        "missed": score.missed,
        "false": score.false,
        "lookalikes": score.lookalikes,
        "median_m": _known(_quantile(score, 0.5)),
        "p95_m": _known(_quantile(score, 0.95)),
        "covered_50": _known(score.covered_50),
        "covered_95": _known(score.covered_95),
        "round_count_error": _known(score.round_count_error),
        "errors_m": [round(error, 3) for error in score.errors_m.tolist()],
    }


def _cells(name: str, score: Score) -> list[str]:
    return [
        name,
        str(score.shots),
        str(score.found),
        str(score.missed),
        str(score.false),
        str(score.lookalikes),
        _plain(_quantile(score, 0.5), 1),
        _plain(_quantile(score, 0.95), 1),
        _percent(score.covered_50),
        _percent(score.covered_95),
        _plain(score.round_count_error, 1),
    ]


def _quantile(score: Score, share: float) -> float:
    return float(np.quantile(score.errors_m, share)) if score.found else math.nan


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else "–"


def _plain(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _known(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
