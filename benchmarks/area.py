"""What every area of ``script/bench`` does: measure its parts, print their figures, write its pages, judge.

A page is written when everything that stands on it was measured in this run, so that no page mixes old and new figures.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from benchmarks.figures import Kind, Section, failed, show, write_page
from benchmarks.shared_data import ROOT
from errors import BadInput, TocsinError


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark.

    page : that it stands on, a key of the area's pages.
    run : measures it, with or without peers.
    needs_peers : without them it has less to say than its page needs.
    kind : of its figures, when it fails before it can say so.
    """

    page: str
    run: Callable[[bool], Sequence[Section]]
    needs_peers: bool = False
    kind: Kind = "cost"


@dataclass(slots=True)
class Area:
    """The parts of one area, and the title and introduction of each page of docs/ that they fill."""

    name: str
    pages: Mapping[str, tuple[str, str]]
    parts: Mapping[str, Part]
    root: Path = ROOT

    def command(self, what: str) -> click.Command:
        """The command line that measures the area; ``what`` completes "Measure the figures of ..."."""

        def chosen(_: click.Context, __: click.Parameter, text: str | None) -> tuple[str, ...]:
            names = tuple(self.parts) if text is None else tuple(part.strip() for part in text.split(","))
            for name in names:
                if name not in self.parts:
                    raise click.BadParameter(f"expected some of {', '.join(self.parts)}, found {name!r}")
            return names

        @click.command(help=f"Measure the figures of {what}; exit code 1 when one misses its bar.")
        @click.option("--only", metavar="PART,...", callback=chosen, help=f"Some of {', '.join(self.parts)}.")
        @click.option(
            "--no-peers", is_flag=True, help="Leave out what others offer; pages that show it stay as they are."
        )
        def main(only: tuple[str, ...], no_peers: bool) -> None:
            sys.exit(self.measure(only, peers=not no_peers))

        return main

    def measure(self, only: Sequence[str], *, peers: bool) -> int:
        """Measure the parts named, print, write the pages that are complete; the exit code."""
        console = Console(width=None if sys.stdout.isatty() else 140)
        done: dict[str, Sequence[Section]] = {}
        for name in only:
            start = time.perf_counter()
            part = self.parts[name]
            try:
                done[name] = part.run(peers)
            except BadInput as error:
                click.echo(f"script/bench: {name}: {error}", err=True)
                return error.exit_code
            except TocsinError as error:
                # The other figures took minutes: this one is missed, they stand.
                done[name] = [Section(name, part.kind, "", [failed("could not be measured", "runs", str(error))])]
            click.echo(f"{name}: {time.perf_counter() - start:.0f} s", err=True)
        for page, (title, introduction) in self.pages.items():
            parts = {name: part for name, part in self.parts.items() if part.page == page}
            if parts.keys() <= done.keys() and (peers or not any(part.needs_peers for part in parts.values())):
                sections = [section for name in parts for section in done[name]]
                write_page(self.root / "docs" / f"{page}.md", title, introduction, sections)
        return show(console, [section for sections in done.values() for section in sections])
