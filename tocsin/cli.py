"""The command line: parses, calls one function, prints; everything heavy is imported when it is needed.

Exit codes: 0, 2 when what was given is wrong, 1 when Tocsin itself fails.  What is wrong is one sentence on stderr.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from errors import ConfigurationError, TocsinError
from tocsin.cli_node import node
from tocsin.cli_options import PATH, debug_option
from tocsin.cli_sim import sim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.located import Located

FORMATS = ("table", "jsonl", "geojson")
_FORMAT_OF_SUFFIX = {".jsonl": "jsonl", ".ndjson": "jsonl", ".geojson": "geojson", ".json": "geojson"}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tocsin", message="%(prog)s %(version)s")
@debug_option
def cli() -> None:
    """Tocsin hears gunfire with cheap microphones and tells where and when each shot was fired, and how sure it is."""


@cli.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=PATH)
@click.option("--pulses", is_flag=True, help="Use the pulses published with a live-fire test instead of its sound.")
@click.option("--network", metavar="FILE", type=PATH, help="Sensors and weather (TOML); pulse files need it.")
@click.option("--weather", metavar="KEY=VALUE,...", help='Replace weather, e.g. "temperature_c=3,wind_speed_m_s=4".')
@click.option("--tuning", metavar="FILE", type=PATH, help="What the localizer believes beforehand (TOML).")
@click.option("--format", "style", type=click.Choice(FORMATS), help="Default: by the suffix of --out, else table.")
@click.option("--out", metavar="FILE", type=PATH, help="Write here, whole or not at all, instead of to stdout.")
@click.option("--plot", metavar="FILE", type=PATH, help="Draw map and record section: .png, .svg, .pdf.")
@debug_option
def locate(
    inputs: tuple[Path, ...],
    pulses: bool,
    network: Path | None,
    weather: str | None,
    tuning: Path | None,
    style: str | None,
    out: Path | None,
    plot: Path | None,
) -> None:
    """Locate the shots in recordings or pulses.

    INPUT is a live-fire test folder, a folder of tests, a folder of WAV or FLAC with JSON sidecars, WAV files with
    embedded metadata, or a pulse file (JSON lines).
    """
    from tocsin.formats.saving import check_target, save_bytes  # noqa: PLC0415
    from tocsin.locating import Request, locate_inputs  # noqa: PLC0415
    from tocsin.progress import progress_on_stderr  # noqa: PLC0415

    if out is not None:
        check_target(out, "--out")
        style = style or _FORMAT_OF_SUFFIX.get(out.suffix.lower())
    style = style or "table"
    if plot is not None:
        from tocsin.plots.page import check_plot  # noqa: PLC0415

        check_plot(plot)
    request = Request(inputs, pulses, network, _weather_values(weather), tuning)
    with progress_on_stderr() as progress:
        results = locate_inputs(request, progress)
    content = _render(results, style, to_terminal=out is None and sys.stdout.isatty())
    if out is None:
        _to_stdout(content)
    else:
        save_bytes(out, content, "--out")
    if plot is not None:
        from tocsin.plots.page import save_plot  # noqa: PLC0415

        for sentence in save_plot(results, plot):
            click.echo(f"{plot}: {sentence}", err=True)


cli.add_command(sim)
cli.add_command(node)


@cli.command()
@click.option("--out", metavar="DIR", type=PATH, default="demonstration", show_default=True, help="Where to.")
@click.option("--seed", type=click.IntRange(0, 2**53), help="Of everything random, instead of the scenario's own.")
@debug_option
def demonstrate(out: Path, seed: int | None) -> None:
    """Simulate gunfire in a city, locate it, and say how far that agrees with the truth."""
    from tocsin.demonstration import demonstrate as show  # noqa: PLC0415

    show(out, seed, click.echo)


@cli.command(hidden=True)
@debug_option
def warm() -> None:
    """Compile and cache what is compiled at first use."""
    from tocsin.warming import warm_up  # noqa: PLC0415

    warm_up()


def _render(results: Sequence[Located], style: str, *, to_terminal: bool) -> bytes:
    if style == "table":
        from tocsin.formats.table import table_text  # noqa: PLC0415

        width = os.get_terminal_size().columns if to_terminal else None
        colour = to_terminal and "NO_COLOR" not in os.environ
        return table_text(results, width=width, colour=colour).encode()
    for located in results:  # formats for machines: what people must know goes beside, not into, the data
        for note in located.notes:
            click.echo(f"{located.title}: {note}", err=True)
    if style == "geojson":
        from tocsin.formats.geojson import geojson  # noqa: PLC0415

        return geojson(results)
    from tocsin.formats.jsonlines import json_lines  # noqa: PLC0415

    return json_lines(results)


def _weather_values(text: str | None) -> dict[str, float]:
    """``key=value,...`` as numbers; the names and bounds are checked where weather is made."""
    values: dict[str, float] = {}
    for part in (text or "").split(",") if text and text.strip() else ():
        name, equals, number = (piece.strip() for piece in part.partition("="))
        if not equals or not name:
            raise ConfigurationError("--weather", "a part", expected="key=value, key=value, ...", seen=part)
        if name in values:
            raise ConfigurationError("--weather", "key given twice", expected="each key once", seen=name)
        try:
            values[name] = float(number)
        except ValueError:
            raise ConfigurationError("--weather", name, expected="a number", seen=number) from None
    return values


def _to_stdout(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def main() -> NoReturn:
    """Run the command line; ends the process with its exit code."""
    state: dict[str, bool] = {}
    try:
        outcome = cli.main(standalone_mode=False, obj=state, prog_name="tocsin")
        code = outcome if isinstance(outcome, int) else 0
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see '{context.command_path} --help')" if context is not None else ""
        click.echo(f"tocsin: {error.format_message().rstrip('.')}{hint}", err=True)
        code = 2
    except TocsinError as error:
        if state.get("debug"):
            traceback.print_exc()
        click.echo(f"tocsin: {error}", err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("tocsin: stopped", err=True)
        code = 130
    except BrokenPipeError:
        # The reader (`head`) has what it wanted; point stdout elsewhere so that the flush at exit stays quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        if state.get("debug"):
            traceback.print_exc()
        sentence = " ".join(str(error).split())
        click.echo(
            f"tocsin: internal failure, {type(error).__name__}: {sentence} (run again with --debug for the traceback)",
            err=True,
        )
        code = 1
    sys.exit(code)
