"""``tocsin node``: a sensor node on the command line; thin, and everything heavy is imported when it is needed.

A node is small: nothing here may bring in what only the centre or a plot needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocsin.cli_options import PATH, debug_option

if TYPE_CHECKING:
    from sensors.node.config import NodeConfig
    from settings.reading import Read

CONFIG = Path("/etc/tocsin/node.toml")
SEED = Path("/etc/tocsin/node.seed")

_config_option = click.option(
    "--config", metavar="FILE", type=PATH, help=f"The node's settings (TOML).  [default: {CONFIG}]"
)


@click.group(invoke_without_command=True)
@_config_option
@click.pass_context
@debug_option
def node(context: click.Context, config: Path | None) -> int | None:
    """Listen, day and night, and send what may have been a shot to the centre.

    Without a command it runs until it is told to stop (Ctrl-C, SIGTERM). docs/node-config.md says what FILE may hold;
    to set a node up: devices, enrol, check.
    """
    if context.invoked_subcommand is not None:
        return None
    from sensors.node.reading import cautions  # noqa: PLC0415

    read = _read(context, None)
    for caution in cautions(read):
        click.echo(f"tocsin: {caution}", err=True)
    from sensors.node.daemon import run_node  # noqa: PLC0415

    return run_node(read)


@node.command(short_help="List the microphones of this machine.")
@debug_option
def devices() -> None:
    """List the microphones of this machine, and the sampling rates that each takes."""
    from sensors.microphone.devices import list_devices  # noqa: PLC0415

    found = list_devices()
    for device in found:
        rates = ", ".join(f"{rate_hz:,}" for rate_hz in device.rates_hz) + " Hz" if device.rates_hz else "busy"
        star = "*" if device.default else " "
        inputs = f"{device.inputs} channel{'' if device.inputs == 1 else 's'}"
        click.echo(f"{star} {device.number:>3}  {device.name}  ({device.host_api}, {inputs}; {rates})")
    if not found:
        click.echo("No microphone is known here: plug one in; arecord -l tells whether Linux sees it.")


@node.command(short_help="Make the node's secret key.")
@click.option(
    "--seed", metavar="FILE", type=PATH, help=f"Where the secret key goes.  [default: as the settings say, or {SEED}]"
)
@_config_option
@click.pass_context
@debug_option
def enrol(context: click.Context, seed: Path | None, config: Path | None) -> None:
    """Make the node's secret key, and say what the centre needs to know it by.

    The secret never leaves FILE, and an existing one is never replaced.
    """
    from sensors.delivery.identity import make_seed  # noqa: PLC0415

    settings = _settings_if_any(context, config)
    if seed is None:
        seed = SEED if settings is None or settings.uplink is None else Path(settings.uplink.seed_file)
    key = make_seed(seed)
    click.echo(f"{seed}: made; keep it here, it is the node's secret.")
    click.echo(f"Public key: {key}")
    click.echo("For the centre, so that its bus knows this node (docs/node.md):")
    click.echo(f'    "{"SENSOR-ID" if settings is None else settings.sensor}" = "{key}"')


@node.command(short_help="Try everything that the node needs.")
@_config_option
@click.pass_context
@debug_option
def check(context: click.Context, config: Path | None) -> int:
    """Try microphone, level, time, place, spool, key and network as the node would use them.

    Says what to do where something is wrong; exit code 1 then. Each takes some seconds at most.
    """
    from sensors.node.check import run_checks  # noqa: PLC0415
    from sensors.node.reading import cautions  # noqa: PLC0415

    read = _read(context, config)
    failed = 0
    for caution in cautions(read):
        click.echo(f"note  {'settings':<10} {caution}")
    for done in run_checks(read):
        failed += not done.ok
        word = "FAIL" if not done.ok else "note" if done.advice else "ok"
        click.echo(f"{word:<5} {done.name:<10} {done.said}")
        if done.advice:
            click.echo(f"{'':<16} -> {done.advice}")
    return 1 if failed else 0


@node.command(short_help="Show how the running node is.")
@_config_option
@click.option("--file", "status_file", metavar="FILE", type=PATH, help="The status file itself, instead of FILE's.")
@click.pass_context
@debug_option
def status(context: click.Context, config: Path | None, status_file: Path | None) -> int:
    """Show how the node on this machine is, by its last heartbeat; what is wrong comes first.

    Exit code 1 when no node runs: there is no heartbeat, or it is too old.
    """
    import time  # noqa: PLC0415

    from sensors.node.status import OLD_HEARTBEATS, OLD_S, is_old, read_status, status_text  # noqa: PLC0415

    old_after_s = OLD_S
    if status_file is None:
        run = _read(context, config).value.run
        status_file, old_after_s = Path(run.status_file), OLD_HEARTBEATS * run.heartbeat_s
    heartbeat = read_status(status_file)
    now_ns = time.time_ns()
    click.echo(status_text(heartbeat, now_ns, old_after_s), nl=False)
    return 1 if is_old(heartbeat, now_ns, old_after_s) else 0


def _read(context: click.Context, config: Path | None) -> Read[NodeConfig]:
    """The settings that ``--config`` names, before or after the command."""
    from sensors.node.reading import read_node_config  # noqa: PLC0415

    return read_node_config(_path(context, config) or CONFIG)


def _path(context: click.Context, config: Path | None) -> Path | None:
    if config is None and context.parent is not None:
        given: Path | None = context.parent.params.get("config")
        config = given
    return config if config is not None else context.params.get("config")


def _settings_if_any(context: click.Context, config: Path | None) -> NodeConfig | None:
    """The settings, when they are there; those that are named must be."""
    from sensors.node.reading import read_node_config  # noqa: PLC0415

    path = _path(context, config)
    if path is None and not CONFIG.exists():
        return None
    return read_node_config(path or CONFIG).value
