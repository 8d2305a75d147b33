"""The animation of one sound crossing a world."""

from __future__ import annotations

import math
from pathlib import Path

from errors import ConfigurationError
from sim.front_tracing import front_map
from sim.propagation.surroundings import Surroundings
from sim.world import World
from tocsin.plots.animation_file import check_animation, save_animation
from tocsin.plots.sim_wavefront import MARKS, MOST_FRAMES, Pace, frames, grid_of, longest_s
from tocsin.simulated_scene import chosen_sound, world_scene

ACROSS = 150
"""Grid points a side: a front bends within a few metres of a corner, and 22,500 receivers take seconds."""
LASTS_S = 8.0
"""How long an animation is, when nothing else is asked for."""


def animate_scene(world: World, path: Path, sound: str | None, fps: float, slow: float | None) -> None:
    """Trace a sound to a grid and save its front as a moving picture.

    Parameters
    ----------
    world : what sounds and who hears.
    path : .gif or .mp4.
    sound : an id; None for the first gunshot.
    fps, slow : frames a second; times slower than life, None for ``LASTS_S`` in all.

    Raises
    ------
    ConfigurationError
        A path that cannot be written, no such sound, or more frames than a file should have.
    """
    check_animation(path, "--out")
    shown = chosen_sound(world.sounds, sound, world.name)
    scene = world_scene(world, shown.id, recorded=False)
    x_m, y_m = grid_of(scene, ACROSS)
    surroundings = Surroundings.of(world.city)
    fronts = front_map(surroundings, world.city.buildings, world.surfaces, world.weather, shown, x_m, y_m)
    until_s = longest_s(scene, fronts)
    pace = Pace(fps, _round(LASTS_S / until_s) if slow is None else slow, until_s)
    count = len(pace.times_s)
    if count > MOST_FRAMES:
        expected = f"{MOST_FRAMES} frames or fewer: {until_s:.1f} s of sound times --fps times --slow"
        raise ConfigurationError("--slow, --fps", "too many frames", expected=expected, seen=count)
    save_animation(frames(scene, fronts, pace), path, "--out", fps=fps, kept=MARKS)


def _round(value: float) -> float:
    """The nearest of 1, 1.5, 2, 3, 5, 7 times a power of ten: a pace that can be said."""
    power = 10.0 ** math.floor(math.log10(value))
    return min((step * power for step in (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)), key=lambda s: abs(math.log(s / value)))
