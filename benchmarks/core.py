"""``script/bench core``: hearing, association and location, figure by figure, against their bars.

Writes docs/accuracy.md and docs/performance.md when everything that stands on a page was measured.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click
from rich.console import Console

from benchmarks import association, cost, detector, livefire, onsets, solvers, subarrays
from benchmarks.figures import Kind, Section, failed, show, write_page
from benchmarks.shared_data import ROOT
from errors import BadInput, TocsinError

ACCURACY, PERFORMANCE = "accuracy", "performance"

INTRODUCTIONS = {
    ACCURACY: (
        "Accuracy on real gunfire",
        "Written by `script/bench core`.  Everything on this page was measured on recordings and pulses of real shots "
        "whose places were surveyed; nothing simulated stands beside it.",
    ),
    PERFORMANCE: (
        "Association, detection and cost",
        "Written by `script/bench core`.  Simulated figures have exact truth and an easier world; they are not to be "
        "compared with those of [accuracy.md](accuracy.md).  Times are of the machine that ran it, on one core of a "
        "virtual machine, and peers ran on it in the same command.",
    ),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark: the page that it stands on, and what runs it, with or without peers."""

    page: str
    run: Callable[[bool], Sequence[Section]]
    needs_peers: bool = False


PARTS = {
    "livefire": Part(ACCURACY, lambda _: livefire.measure()),
    "subarrays": Part(ACCURACY, lambda _: [subarrays.measure()]),
    "solvers": Part(ACCURACY, lambda peers: [solvers.measure()] if peers else [], needs_peers=True),
    "onsets": Part(ACCURACY, lambda _: [onsets.measure()]),
    "association": Part(PERFORMANCE, lambda peers: [association.measure(peers=peers)], needs_peers=True),
    "detector": Part(PERFORMANCE, lambda peers: [detector.measure(peers=peers), detector.cost()], needs_peers=True),
    "cost": Part(PERFORMANCE, lambda _: [cost.measure()]),
}


def chosen(_: click.Context, __: click.Parameter, text: str | None) -> tuple[str, ...]:
    """The parts named by ``--only``; all of them without it."""
    names = tuple(PARTS) if text is None else tuple(part.strip() for part in text.split(","))
    for name in names:
        if name not in PARTS:
            raise click.BadParameter(f"expected some of {', '.join(PARTS)}, found {name!r}")
    return names


@click.command()
@click.option("--only", metavar="PART,...", callback=chosen, help=f"Some of {', '.join(PARTS)}.")
@click.option("--no-peers", is_flag=True, help="Leave out what others offer; pages that show it are not written.")
def main(only: tuple[str, ...], no_peers: bool) -> None:
    """Measure the figures of hearing, association and location; exit code 1 when one misses its bar."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    done: dict[str, Sequence[Section]] = {}
    for name in only:
        start = time.perf_counter()
        try:
            done[name] = PARTS[name].run(not no_peers)
        except BadInput as error:
            click.echo(f"script/bench: {name}: {error}", err=True)
            sys.exit(error.exit_code)
        except TocsinError as error:
            # The other figures took minutes: this one is missed, they stand.
            kind: Kind = "field" if PARTS[name].page == ACCURACY else "cost"
            done[name] = [Section(name, kind, "", [failed("could not be measured", "runs", str(error))])]
        click.echo(f"{name}: {time.perf_counter() - start:.0f} s", err=True)
    for page, (title, introduction) in INTRODUCTIONS.items():
        parts = {name: part for name, part in PARTS.items() if part.page == page}
        if parts.keys() <= done.keys() and not (no_peers and any(part.needs_peers for part in parts.values())):
            sections = [section for name in parts for section in done[name]]
            write_page(ROOT / "docs" / f"{page}.md", title, introduction, sections)
    sys.exit(show(console, [section for sections in done.values() for section in sections]))


if __name__ == "__main__":
    main()
