"""``tocsin sim``: synthetic gunfire on the command line; thin, and everything heavy is imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from tocsin.cli_options import PATH, debug_option

Command = TypeVar("Command", bound=Callable[..., Any])

_SECONDS = click.FloatRange(0.0, min_open=True)


def _scenario(command: Command) -> Command:
    return click.argument("scenario", metavar="SCENARIO")(command)


def _seed(command: Command) -> Command:
    text = "Of everything random, instead of the scenario's own."
    return click.option("--seed", type=click.IntRange(0, 2**53), help=text)(command)


@click.group()
@debug_option
def sim() -> None:
    """Synthetic gunfire: render it, replay it, look at it, score what was located.

    SCENARIO is the name of a shipped scenario (tocsin sim list) or the path of a .toml file.
    """


@sim.command("list")
@debug_option
def list_scenarios() -> None:
    """Show the shipped scenarios."""
    from tocsin.formats.scenario_table import scenario_table  # noqa: PLC0415
    from tocsin.simulating import listing  # noqa: PLC0415

    click.echo(scenario_table(listing()), nl=False)


@sim.command()
@_scenario
@click.option(
    "--out", metavar="DIR", type=PATH, required=True, help="Folder to make; an earlier rendering is replaced."
)
@click.option("--format", "style", type=click.Choice(("flac", "wav")), default="flac", show_default=True)
@_seed
@click.option("--from", "from_s", metavar="S", type=click.FloatRange(0.0), help="Begin so many seconds in.")
@click.option("--for", "for_s", metavar="S", type=_SECONDS, help="Only so many seconds.")
@click.option("--rate", metavar="HZ", type=click.IntRange(8_000, 96_000), help="Of every sensor, instead of its own.")
@click.option("--workers", metavar="N", type=click.IntRange(1, 256), help="Default: one a processor.")
@debug_option
def render(
    scenario: str,
    out: Path,
    style: Literal["flac", "wav"],
    seed: int | None,
    from_s: float | None,
    for_s: float | None,
    rate: int | None,
    workers: int | None,
) -> None:
    """Render what every sensor records: FLAC or WAV with sidecars, truth.json, a copy of the scenario.

    ``tocsin locate DIR`` reads the folder.
    """
    from tocsin.progress import share_on_stderr  # noqa: PLC0415
    from tocsin.simulating import render_folder, world_of  # noqa: PLC0415

    world = world_of(scenario, seed, rate)
    with share_on_stderr(world.name) as progress:
        sentence = render_folder(world, scenario, out, style, from_s, for_s, workers, progress)
    click.echo(sentence)


@sim.command()
@_scenario
@click.option("--out", metavar="DIR", type=PATH, required=True, help="Folder to make; earlier pulses are replaced.")
@_seed
@click.option(
    "--runs", metavar="N", type=click.IntRange(1, 9_999), default=1, help="Repeat the scene in DIR/run_0001 ..."
)
@debug_option
def pulses(scenario: str, out: Path, seed: int | None, runs: int) -> None:
    """Simulate the sensors' pulses without sound: pulses.jsonl, network.toml, truth.json, a copy of the scenario.

    Runs share the scene; chance (noise, timing, what is missed) has its own seed in each: that of the scenario, and
    those after it.
    """
    from tocsin.progress import share_on_stderr  # noqa: PLC0415
    from tocsin.simulating import pulse_folders, world_of  # noqa: PLC0415

    world = world_of(scenario, seed)
    with share_on_stderr(world.name) as progress:
        sentence = pulse_folders(world, scenario, out, runs, progress)
    click.echo(sentence)


@sim.command()
@_scenario
@click.option("--speed", metavar="N", type=_SECONDS, default=1.0, show_default=True, help="So many times real time.")
@click.option("--for", "for_s", metavar="S", type=_SECONDS, help="Only so many seconds of the scenario.")
@_seed
@debug_option
def replay(scenario: str, speed: float, for_s: float | None, seed: int | None) -> None:
    """Feed the samples to the listening code as live sensors would, and print each pulse as it comes (JSON lines)."""
    from tocsin.replaying import Replay  # noqa: PLC0415
    from tocsin.simulating import world_of  # noqa: PLC0415

    run = Replay(world_of(scenario, seed), speed, for_s)
    for line in run.lines():
        click.echo(line)
    click.echo(run.summary(), err=True)


@sim.command()
@click.argument("scene", metavar="SCENARIO|DIR")
@click.option("--out", metavar="FILE", type=PATH, required=True, help=".png, .svg or .pdf")
@click.option("--sound", metavar="ID", help="Whose ways are drawn; default: the first gunshot.")
@click.option("--sensor", metavar="ID", help="Whose recording is shown; default: where it is loudest.")
@_seed
@debug_option
def plot(scene: str, out: Path, sound: str | None, sensor: str | None, seed: int | None) -> None:
    """Draw a sound's ways through the city, and what a sensor heard of it, with the truth marked.

    DIR is a rendered folder: its recordings are shown, as they are.
    """
    from tocsin.plots.figure_file import check_plot  # noqa: PLC0415

    check_plot(out, "--out")
    from tocsin.plots.sim_page import save_sim_plot  # noqa: PLC0415
    from tocsin.simulated_scene import scene_of  # noqa: PLC0415

    shown, notes = scene_of(scene, sound, sensor, seed)
    save_sim_plot(shown, out)
    for note in notes:
        click.echo(f"{out}: {note}", err=True)


@sim.command()
@_scenario
@click.option("--out", metavar="FILE", type=PATH, required=True, help=".gif, or .mp4 where there is ffmpeg")
@click.option("--sound", metavar="ID", help="Which sound; default: the first gunshot.")
@click.option("--fps", metavar="N", type=click.FloatRange(1.0, 60.0), default=10.0, show_default=True)
@click.option(
    "--slow", metavar="N", type=click.FloatRange(0.1, 1000.0), help="Times slower than life.  [default: 8 s in all]"
)
@_seed
@debug_option
def animate(scenario: str, out: Path, sound: str | None, fps: float, slow: float | None, seed: int | None) -> None:
    """Let the wave front of a sound cross the city."""
    from tocsin.plots.animation_file import check_animation  # noqa: PLC0415

    check_animation(out, "--out")
    from tocsin.animating import animate_scene  # noqa: PLC0415
    from tocsin.simulating import world_of  # noqa: PLC0415

    animate_scene(world_of(scenario, seed), out, sound, fps, slow)


@sim.command()
@click.argument("folder", metavar="DIR", type=PATH)
@click.argument("located", metavar="[LOCATED.jsonl]", required=False, type=PATH)
@click.option("--format", "style", type=click.Choice(("table", "json")), default="table", show_default=True)
@debug_option
def score(folder: Path, located: Path | None, style: str) -> None:
    """Compare what is located with the truth of a rendered folder, or of a folder of them.

    Without LOCATED.jsonl (of ``tocsin locate DIR --format jsonl``) the folder is located first.
    """
    from tocsin.formats.score_table import score_json, score_table  # noqa: PLC0415
    from tocsin.progress import progress_on_stderr  # noqa: PLC0415
    from tocsin.scoring_folders import score_folders  # noqa: PLC0415

    with progress_on_stderr() as progress:
        rows = score_folders(folder, located, progress)
    click.echo(score_table(rows) if style == "table" else score_json(rows), nl=False)
