"""Locate simulated folders, and compare what came of it with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from errors import ConfigurationError
from geo.frames import CartesianFrame, Frame, LocalFrame
from geo.place import Geodetic
from sim.scoring import Score, score
from sim.truth import Truth
from sim.truthfile import read_truth
from tocsin.formats.located_file import read_located
from tocsin.locating import Request, locate_inputs
from tocsin.progress import Progress

TRUTH, PULSES, NETWORK = "truth.json", "pulses.jsonl", "network.toml"


@dataclass(frozen=True, slots=True, eq=False)
class ScoredFolder:
    """One folder's score; ``scenario`` as its truth names it."""

    folder: Path
    scenario: str
    score: Score


def score_folders(folder: Path, located: Path | None = None, progress: Progress | None = None) -> list[ScoredFolder]:
    """The score of a folder, or of every folder in it that holds a truth, by name.

    located : JSON lines of ``tocsin locate`` on this folder; it is located when there are none.

    Raises
    ------
    BadInput
        No truth there, or something that cannot be located.
    """
    if not folder.is_dir():
        raise ConfigurationError(folder, "is no folder", expected=f"a folder that holds {TRUTH}")
    folders = [folder] if (folder / TRUTH).exists() else sorted(path.parent for path in folder.glob(f"*/{TRUTH}"))
    if not folders:
        expected = f"{TRUTH} of tocsin sim render or tocsin sim pulses, in it or in its folders"
        raise ConfigurationError(folder, "holds no truth", expected=expected)
    if located is not None and len(folders) > 1:
        raise ConfigurationError(located, "is of one folder", expected=f"DIR with {TRUTH} in it", seen=str(folder))
    return [_scored(one, located, progress) for one in folders]


def frame_of(truth: Truth) -> Frame:
    """The frame of a truth's positions."""
    return CartesianFrame() if truth.origin is None else LocalFrame(Geodetic(*truth.origin))


def _scored(folder: Path, located: Path | None, progress: Progress | None) -> ScoredFolder:
    truth = read_truth(folder / TRUTH)
    if located is not None:
        shots = read_located(located, frame_of(truth))
        tests = sorted({shot.test for shot in shots if shot.test is not None})
        if len(tests) > 1:
            raise ConfigurationError(
                located, "shots of several tests", expected=f"those of {folder.name} alone", seen=tests
            )
        return ScoredFolder(folder, truth.scenario, score(truth, shots))
    request = Request((folder,))
    if (folder / PULSES).exists():
        request = Request((folder / PULSES,), network=folder / NETWORK)
    (result,) = locate_inputs(request, progress)
    return ScoredFolder(folder, truth.scenario, score(truth, result.shots, result.network.frame))
