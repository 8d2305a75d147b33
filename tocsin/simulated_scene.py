"""What a picture of a simulation shows: a scenario as it will be, or a rendered folder as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import numpy as np

from errors import BadInput, ConfigurationError
from sensors.capture import Capture
from sensors.recordings import open_recordings
from sim.reach import Soundscape
from sim.render import rendered
from sim.staging.copied import COPY
from sim.truth import TrueSound, Truth
from sim.truthfile import read_truth, truth_of
from sim.world import World
from tocsin.plots.sim_look import SimScene
from tocsin.simulating import seconds_in, world_of

# Other sounds this near in time may be heard in the stretch that is shown.
NEAR_S = 12.0
# So many of them at the most are traced.
MOST_NEAR = 24
_NAMED = 6


class _Named(Protocol):
    @property
    def id(self) -> str: ...


class _Sounding(_Named, Protocol):
    @property
    def kind(self) -> str: ...


One = TypeVar("One", bound=_Named)
Sounding = TypeVar("Sounding", bound=_Sounding)


def scene_of(
    scenario_or_folder: str, sound: str | None = None, sensor: str | None = None, seed: int | None = None
) -> tuple[SimScene, list[str]]:
    """The scene of a scenario, or of a folder with truth.json; and sentences about what is missing in it.

    Parameters
    ----------
    scenario_or_folder : a folder when there is one of that name; else a scenario by name or path.
    sound, sensor : ids; by default the first gunshot (or else sound), and where it is loudest.
    seed : of a scenario, instead of its own.

    Raises
    ------
    BadInput
        No such scenario, folder, sound or sensor.
    """
    folder = Path(scenario_or_folder)
    if folder.is_dir():
        if seed is not None:
            raise ConfigurationError("--seed", f"{folder} is rendered already", expected="a scenario", seen=seed)
        return _rendered_scene(folder, sound, sensor)
    world = world_of(scenario_or_folder, seed)
    return world_scene(world, sound, sensor), []


def world_scene(
    world: World, sound: str | None = None, sensor: str | None = None, *, recorded: bool = True
) -> SimScene:
    """The scene of a world; ``recorded`` with what the sensor records, as of ``scene_of``."""
    shown = chosen_sound(world.sounds, sound, world.name)
    soundscape = Soundscape(world)
    index = world.sounds.index(shown)
    near = [k for k, one in enumerate(world.sounds) if abs(one.at_ns - shown.at_ns) <= NEAR_S * 1e9] if recorded else []
    near = sorted(sorted({index, *near}, key=lambda k: abs(world.sounds[k].at_ns - shown.at_ns))[:MOST_NEAR])
    told = truth_of(world, (soundscape.reached(k) for k in near))
    heard = {one.id: one for one in told.sounds}
    truth = replace_sounds(told, [heard.get(one.id) or _unheard(world, k) for k, one in enumerate(world.sounds)])
    row = _sensor_row(truth, heard[shown.id], sensor, world.name)
    capture: Capture | None = None
    if row is not None and recorded:
        start_s = min(max(seconds_in(world, shown.at_ns) - 2.0, 0.0), 0.999 * world.duration_s)
        capture = rendered(world, start_s=start_s, soundscape=soundscape)[row]
    chosen = None if row is None else truth.sensors[row]
    return SimScene(truth, heard[shown.id], chosen, world.city, shown.bullet, capture)


def chosen_sound(sounds: Sequence[Sounding], wanted: str | None, where: object) -> Sounding:
    """The sound of an id; by default the first gunshot, or else the first sound.

    Raises
    ------
    ConfigurationError
        No such id, or no sound at all.
    """
    if not sounds:
        raise ConfigurationError(where, "nothing sounds in it", expected="a scenario with a sound")
    if wanted is None:
        return next((one for one in sounds if one.kind == "gunshot"), sounds[0])
    return _of_id(sounds, wanted, "--sound", where)


def replace_sounds(truth: Truth, sounds: Sequence[TrueSound]) -> Truth:
    """The same truth with other sounds."""
    return msgspec.structs.replace(truth, sounds=list(sounds))


def _rendered_scene(folder: Path, sound: str | None, sensor: str | None) -> tuple[SimScene, list[str]]:
    truth = read_truth(folder / "truth.json")
    shown = chosen_sound(truth.sounds, sound, folder)
    row = _sensor_row(truth, shown, sensor, folder)
    chosen = None if row is None else truth.sensors[row]
    notes = []
    capture = None
    if chosen is not None:
        try:
            (recordings,) = open_recordings(folder)
        except BadInput as error:
            notes.append(f"drawn without a recording ({error})")
        else:
            capture = next((one for one in recordings.captures if one.sensor == chosen.id), None)
    world, why = _same_world(truth, folder)
    if world is None:
        notes.append(f"drawn without buildings: {why}")
    elif not any(path.points_m for _, path in SimScene(truth, shown, chosen).ways()):
        # Pulses come without the corners of their ways: trace them again.
        scene = world_scene(world, shown.id, None if chosen is None else chosen.id, recorded=False)
        return replace(scene, capture=capture), notes
    city = None if world is None else world.city
    bullet = None if world is None else chosen_sound(world.sounds, shown.id, folder).bullet
    return SimScene(truth, shown, chosen, city, bullet, capture), notes


def _same_world(truth: Truth, folder: Path) -> tuple[World | None, str]:
    """The world that was rendered, when the copy of its scenario (or else the scenario of that name) still gives the
    same sounds; and why not."""
    copied = folder / COPY
    try:
        world = world_of(str(copied) if copied.exists() else truth.scenario, truth.seed)
    except BadInput as error:
        return None, str(error) if copied.exists() else f"scenario {truth.scenario!r} is not at hand"
    made = {one.id: one for one in world.sounds}  # of which a rendered window has some
    same = all(
        one.id in made
        and made[one.id].at_ns == one.at_ns
        and np.allclose(made[one.id].position_m, one.position_m, atol=1e-3)
        for one in truth.sounds
    )
    if not same:
        return None, f"scenario {truth.scenario!r} is not at hand as it was rendered"
    return replace(world, name=truth.scenario), ""


def _unheard(world: World, index: int) -> TrueSound:
    """A sound without its arrivals, which costs no tracing."""
    sound = world.sounds[index]
    east, north, up = sound.position_m.tolist()
    x, y, z = sound.axis.tolist()
    return TrueSound(
        id=sound.id,
        kind=sound.kind,
        source=sound.source,
        label=sound.label,
        round=sound.round,
        at_ns=sound.at_ns,
        position_m=(east, north, up),
        axis=(x, y, z),
        peak_db_spl_1m=sound.signal.peak_db_spl_1m,
    )


def _sensor_row(truth: Truth, sound: TrueSound, wanted: str | None, where: object) -> int | None:
    """Row of the sensor asked for, else of that at which the sound is loudest; None when none heard it."""
    if wanted is not None:
        return truth.sensors.index(_of_id(truth.sensors, wanted, "--sensor", where))
    if not sound.arrivals:
        return None
    loudest = max(sound.arrivals, key=lambda arrival: arrival.snr_db)
    return [sensor.id for sensor in truth.sensors].index(loudest.sensor)


def _of_id(every: Sequence[One], wanted: str, option: str, where: object) -> One:
    for one in every:
        if one.id == wanted:
            return one
    ids = [one.id for one in every]
    some = ", ".join(ids[:_NAMED]) + (f" ... {ids[-1]}" if len(ids) > _NAMED else "")
    raise ConfigurationError(option, f"not in {where}", expected=f"one of {some}", seen=wanted)
