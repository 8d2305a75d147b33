"""From a scenario's name to a world, and from a world to what the commands write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from errors import BadInput, ConfigurationError
from sim.staging.build import build_world
from sim.staging.catalogue import shipped
from sim.staging.copied import COPY, text_in
from sim.staging.scenario import read_scenario
from sim.world import World
from wire.utc import NS_PER_S

RUN = "run_"
"""What folders of several runs are called, before their number."""

Share = Callable[[float], None]
"""Told the share of the work that is done, 0..1."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """A shipped scenario in figures; None where it cannot be built here, and then ``why``."""

    name: str
    title: str
    sensors: int | None
    sounds: int | None
    shots: int | None
    duration_s: float | None
    why: str = ""


def world_of(scenario: str, seed: int | None = None, rate_hz: int | None = None) -> World:
    """The world of a scenario by name or path.

    seed, rate_hz : instead of the scenario's own, and of every station's.

    Raises
    ------
    ConfigurationError
        No such scenario, or something in it that cannot be.
    """
    world = build_world(read_scenario(scenario), seed=seed)
    if rate_hz is None:
        return world
    return replace(world, stations=tuple(replace(station, rate_hz=rate_hz) for station in world.stations))


def listing() -> Iterator[Shipped]:
    """Every shipped scenario, built to be counted."""
    for one in shipped():
        try:
            world = build_world(read_scenario(one.path))
        except BadInput as error:  # one that needs a city which is not here must not hide the others
            yield Shipped(one.name, one.title, None, None, None, None, str(error))
            continue
        shots = sum(sound.is_gunshot for sound in world.sounds)
        yield Shipped(one.name, one.title, len(world.stations), len(world.sounds), shots, world.duration_s)


def render_folder(
    world: World,
    scenario: str,
    folder: Path,
    style: Literal["flac", "wav"],
    from_s: float | None,
    for_s: float | None,
    workers: int | None,
    progress: Share,
) -> str:
    """Render a world, or a window of it, into a folder; a sentence about what was written.

    scenario : name or path of the file that the world is of, for a copy beside the truth.

    Raises
    ------
    ConfigurationError
        A window outside the scenario, or a folder that cannot be written or replaced.
    """
    from sim.writing import write_recordings  # noqa: PLC0415  takes scipy.signal, which pulses need not

    start_s = from_s or 0.0
    if start_s >= world.duration_s:
        expected = f"less than the {world.duration_s:g} s of {world.name}"
        raise ConfigurationError("--from", "beyond the end", expected=expected, seen=start_s)
    truth = write_recordings(
        world,
        folder,
        start_s=start_s,
        duration_s=for_s,
        format=style,
        workers=workers,
        progress=progress,
        scenario=text_in(folder, read_scenario(scenario)),
    )
    shots = _count(sum(sound.kind == "gunshot" for sound in truth.sounds), "gunshot")
    what = f"{_count(len(truth.sensors), 'sensor')}, {_count(len(truth.sounds), 'sound')}, {shots} among them"
    return f"{folder}: {what}; tocsin locate {folder} finds them, tocsin sim score {folder} compares with the truth"


def pulse_folders(world: World, scenario: str, folder: Path, runs: int, progress: Share) -> str:
    """Simulate pulses into a folder, or several runs into folders below it; a sentence about what was written.

    scenario : as of ``render_folder``.

    Raises
    ------
    ConfigurationError
        The folder holds something else, or cannot be written.
    """
    from sim.arrivals import simulate_pulses  # noqa: PLC0415
    from sim.propagation.surroundings import Surroundings  # noqa: PLC0415
    from sim.pulse_writing import NETWORK, PULSES, TRUE_PULSES, write_pulses  # noqa: PLC0415
    from sim.truthfile import save_truth  # noqa: PLC0415
    from tocsin.formats.folder import whole_folder  # noqa: PLC0415

    surroundings = Surroundings.of(world.city) if len(world.city.buildings) else None
    total = 0
    read = read_scenario(scenario)
    names = {PULSES, NETWORK, TRUE_PULSES, "truth.json", COPY}
    with whole_folder(folder, "--out", names, folders=rf"{RUN}\d+") as target:
        for number in range(runs):
            one = replace(world, seed=world.seed + number)
            below = "" if runs == 1 else f"{RUN}{number + 1:04d}"
            simulated = simulate_pulses(one, surroundings=surroundings)
            into = target / below
            write_pulses(simulated, into)
            save_truth(simulated.truth, into / "truth.json")
            (into / COPY).write_text(text_in(folder / below, read), encoding="utf-8", newline="\n")
            total += len(simulated.columns)
            progress((number + 1) / runs)
    place = folder if runs == 1 else folder / f"{RUN}0001"
    return (
        f"{folder}: {_count(total, 'pulse')} of {_count(len(world.stations), 'sensor')}"
        + (f" in {runs} runs" if runs > 1 else "")
        + f"; tocsin locate {place / PULSES} --network {place / NETWORK}"
    )


def seconds_in(world: World, at_ns: int) -> float:
    """Seconds after the start of the scenario."""
    return (at_ns - world.start_ns) / NS_PER_S


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}" + ("" if n == 1 else "s")
