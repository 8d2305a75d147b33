"""Located shots as a table that a person likes to read."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from localize.shot import Shot
from tocsin.located import Located, ellipse_95, marks, residual_rms_s
from wire.utc import format_utc_ns

# Width where there is no terminal to ask: all columns on one line.
PLAIN_WIDTH = 132
# Of a hundred tests more than this nobody reads.
MOST_NOTES = 20


def table_text(results: Sequence[Located], *, width: int | None = None, colour: bool = False) -> str:
    """The table, a line of summary, and the notes.

    Parameters
    ----------
    results : tests in the order to show.
    width : columns of the terminal; wide enough for one line a shot when None.
    colour : with escape sequences for a terminal.
    """
    console = Console(
        file=io.StringIO(),
        width=width or PLAIN_WIDTH,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        highlight=False,
        emoji=False,
        markup=False,
    )
    if any(located.shots for located in results):
        console.print(_fitting(results, console))
    console.print(_summary(results))
    every = notes(results)
    shown = every if len(every) <= MOST_NOTES + 1 else every[:MOST_NOTES]
    if len(shown) < len(every):
        shown.append(("", f"and {len(every) - len(shown)} more notes: locate one test to see all of its own"))
    for title, note in shown:
        console.print(Padding(Text(f"{title}{note}", style="dim"), (0, 0, 0, 2)))
    file = console.file
    assert isinstance(file, io.StringIO)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def notes(results: Sequence[Located]) -> list[tuple[str, str]]:
    """(prefix, sentence) of every note: those of a test, then those of its shots by number; repeats once."""
    several = len(results) > 1
    rows: list[tuple[str, str]] = []
    for located in results:
        prefix = f"{located.title}: " if several else ""
        rows += [(prefix, note) for note in located.notes]
        for number, shot in enumerate(located.shots, 1):
            rows += [(f"{prefix}shot {number}: ", note) for note in shot.notes]
    return list(dict.fromkeys(rows))


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table: its head, what it shows of a shot, and whether a narrow terminal can do without."""

    head: str
    cell: Callable[[Located, Shot], str]
    spare: bool = False


def _fitting(results: Sequence[Located], console: Console) -> Table:
    """The table that the console has room for: columns that can be spared go first, the rest may overflow."""
    columns = _columns(results)
    while True:
        table = _table(results, columns)
        needed = console.measure(table, options=console.options.update(width=1000)).minimum
        spare = [column for column in columns if column.spare]
        if needed <= console.width or not spare:
            console.width = max(console.width, needed)
            return table
        columns.remove(spare[-1])


def _columns(results: Sequence[Located]) -> list[_Column]:
    degrees = any(located.network.frame.is_geodetic for located in results)
    return [
        _Column("latitude  longitude" if degrees else "east  north\nm", _position),
        _Column("95 % ellipse\n± m, bearing", _ellipse),
        _Column("sensors\nused/heard", _sensors),
        _Column("residual\nRMS ms", lambda _, shot: _plain(1e3 * residual_rms_s(shot), 1), spare=True),
        _Column("level\ndB SPL 1 m", lambda _, shot: _plain(shot.level_db_spl_1m, 0), spare=True),
        _Column("95 % area\nm²", lambda _, shot: _short(shot.region_95.area), spare=True),
    ]


def _table(results: Sequence[Located], columns: Sequence[_Column]) -> Table:
    tests = any(located.test is not None for located in results) and len(results) > 1
    dates = {format_utc_ns(shot.fired_ns)[:10] for located in results for shot in located.shots}
    heads = ["#", f"fired, UTC\n{next(iter(dates))}" if len(dates) == 1 else "fired, UTC"]
    heads += [*(column.head for column in columns), "marks"]
    rows: list[list[str]] = []
    ends: list[bool] = []
    shown_date = ""
    for located in results:
        for number, shot in enumerate(located.shots, 1):
            date, time = format_utc_ns(shot.fired_ns)[:10], format_utc_ns(shot.fired_ns)[11:23]
            if len(dates) > 1 and date != shown_date:
                time, shown_date = f"{date}\n{time}", date
            cells = [str(number), time, *(column.cell(located, shot) for column in columns), ", ".join(marks(shot))]
            rows.append([located.title if number == 1 else "", *cells] if tests else cells)
            ends.append(number == len(located.shots))
    if tests:
        heads.insert(0, "test")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for k, head in enumerate(heads[:-1]):
        # Without a minimum, a table that is a little too wide would cut every column a little.
        widest = max(cell_len(line) for text in (head, *(row[k] for row in rows)) for line in text.split("\n"))
        table.add_column(head, justify="left" if head == "test" else "right", no_wrap=True, min_width=widest)
    table.add_column(heads[-1], min_width=12 if any(row[-1] for row in rows) else 5)
    shots = (shot for located in results for shot in located.shots)
    for row, last, shot in zip(rows, ends, shots, strict=True):
        table.add_row(*map(Text, row), style="yellow" if shot.provisional else None, end_section=last)
    return table


def _position(located: Located, shot: Shot) -> str:
    places = located.network.frame.to_geodetic(shot.position_m)
    if places is None:
        return f"{shot.position_m[0]:.1f}  {shot.position_m[1]:.1f}"
    return f"{places[0, 1]:.6f}  {places[0, 0]:.6f}"


def _ellipse(_: Located, shot: Shot) -> str:
    ellipse = ellipse_95(shot)
    return f"{_short(ellipse.major_m)} × {_short(ellipse.minor_m)}  {ellipse.bearing_deg:03.0f}°"


def _sensors(_: Located, shot: Shot) -> str:
    heard = len({arrival.sensor for arrival in shot.arrivals if arrival.status in ("used", "rejected")})
    return f"{len(shot.used)}/{heard}"


def _summary(results: Sequence[Located]) -> str:
    shots = [shot for located in results for shot in located.shots]
    pulses = sum(len(located.table) for located in results)
    used = sum(len(shot.used) for shot in shots)
    sensors = len({sensor for located in results for sensor in located.network.ids})
    parts = [_count(len(shots), "shot") if shots else "no shots"]
    provisional = sum(shot.provisional for shot in shots)
    if provisional:
        parts[0] += f" ({provisional} provisional)"
    if len(results) > 1:
        parts.append(_count(len(results), "test"))
    parts += [_count(sensors, "sensor"), f"{used} of {_count(pulses, 'pulse')} used"]
    if shots:
        radii = sorted(math.sqrt(ellipse_95(s).major_m * ellipse_95(s).minor_m) for s in shots)
        parts.append(f"median 95 % radius {_short(radii[len(radii) // 2])} m")
    return ", ".join(parts) + "."


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}" + ("" if n == 1 else "s")


def _short(value: float) -> str:
    """Three digits that matter: 4.3, 27, 1,240."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def _plain(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"
