"""Tables of plain cells, wide enough for what they hold."""

from __future__ import annotations

import io
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table


def cells_table(*columns: tuple[str, Literal["left", "right"]]) -> Table:
    """An empty table with these heads, in the look of located shots."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for head, side in columns:
        table.add_column(head, justify=side, no_wrap=True)
    return table


def printed(table: Table) -> str:
    """The table as text, as wide as it needs, without escape sequences."""
    file = io.StringIO()
    console = Console(file=file, width=400, color_system=None, highlight=False, emoji=False, markup=False)
    console.print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n") + "\n"
