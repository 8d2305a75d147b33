"""The demonstration: gunfire that nobody fired, heard, located, and compared with what is true of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from sim.scoring import score
from sim.staging.copied import text_in
from sim.staging.scenario import read_scenario
from sim.writing import write_recordings
from tocsin.animating import animate_scene
from tocsin.formats.geojson import geojson
from tocsin.formats.jsonlines import json_lines
from tocsin.formats.saving import save_bytes
from tocsin.formats.score_table import score_table
from tocsin.formats.table import table_text
from tocsin.locating import Request, locate_inputs
from tocsin.plots.page import save_plot
from tocsin.plots.sim_page import save_sim_plot
from tocsin.progress import progress_on_stderr, share_on_stderr
from tocsin.scoring_folders import ScoredFolder
from tocsin.simulated_scene import scene_of
from tocsin.simulating import world_of

SCENARIO = "burst"
"""The commonest shooting, and rounds that follow each other faster than their echoes die."""

Say = Callable[[str], None]


def demonstrate(folder: Path, seed: int | None, say: Say) -> None:
    """Render ``SCENARIO``, locate it, score it, and draw it.

    Parameters
    ----------
    folder : made when missing; its files of the same names are replaced, each whole or not at all.
    seed : instead of the scenario's own.
    say : told what happens, sentence by sentence.

    Raises
    ------
    ConfigurationError
        The folder cannot be written.
    """
    begun = time.monotonic()
    world = world_of(SCENARIO, seed)
    recordings = folder / world.name
    shots, buildings = sum(sound.is_gunshot for sound in world.sounds), len(world.city.buildings)
    say(
        f"{world.title}, simulated: {shots} gunshot{'s' * (shots != 1)} in a city of {buildings:,} buildings,"
        f" heard by {len(world.stations)} microphones for {world.duration_s:g} s."
    )
    with share_on_stderr("rendering") as progress:
        truth = write_recordings(
            world, recordings, progress=progress, scenario=text_in(recordings, read_scenario(SCENARIO))
        )
    paths = sum(len(arrival.paths) for sound in truth.sounds for arrival in sound.arrivals)
    say(f"Rendered into {_shown(recordings)} over {paths:,} paths: straight, over roofs, around corners, off walls.")
    say("Located from that sound alone:")
    with progress_on_stderr() as bar:
        (located,) = locate_inputs(Request((recordings,)), bar)
    say(table_text([located]))
    say("Against the truth, which the locator has not seen (errors in metres, regions as shares that hold the truth):")
    found = score(truth, located.shots, located.network.frame)
    say("\n" + score_table([ScoredFolder(recordings, truth.scenario, found)]))
    results = [located]
    save_bytes(folder / "shots.jsonl", json_lines(results), "--out")
    save_bytes(folder / "shots.geojson", geojson(results), "--out")
    save_plot(results, folder / "map.png")
    scene, _ = scene_of(str(recordings))
    save_sim_plot(scene, folder / "scene.png")
    animate_scene(world, folder / "front.gif", None, fps=10.0, slow=None)
    shown = _shown(folder)
    say(f"{shown / 'map.png'}: where the shots were located, and when each microphone heard them.")
    say(f"{shown / 'scene.png'}: the ways of the first round through the city, and what one microphone made of it.")
    say(f"{shown / 'front.gif'}: its wave front crossing the city, held up by buildings and bent around them.")
    say(f"{shown / 'shots.jsonl'}, shots.geojson: the shots for other programs.")
    say(f"All in {time.monotonic() - begun:.0f} s.")


def _shown(path: Path) -> Path:
    """The path from where the user stands, when it lies below."""
    absolute, here = path.absolute(), Path.cwd()
    return absolute.relative_to(here) if absolute.is_relative_to(here) else path
