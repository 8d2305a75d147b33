"""What commands share: the option for tracebacks, and how paths are taken."""

from __future__ import annotations

from pathlib import Path

import click

PATH = click.Path(path_type=Path)


def _debug(context: click.Context, _: click.Parameter, value: bool) -> bool:
    state: dict[str, bool] = context.ensure_object(dict)
    state["debug"] = state.get("debug", False) or value
    return value


debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, callback=_debug, help="Show the traceback of a failure."
)
