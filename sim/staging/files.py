"""Files that a scenario names: beside it, or among the shared inputs."""

from __future__ import annotations

import os
from pathlib import Path

from settings.tomllines import Key
from sim.staging.scenario import Scenario

SHARED = "shared:"
_BESIDE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared"


def shared_folder() -> Path:
    """Where the shared inputs are: ``TOCSIN_SHARED``, else ``../shared`` beside the repository."""
    return Path(os.environ.get("TOCSIN_SHARED") or _BESIDE_CHECKOUT)


def resolved(scenario: Scenario, text: str, key: Key) -> Path:
    """The file or folder that ``text`` names: relative to the scenario file, or to the shared inputs when it begins
    with ``shared:``.

    Raises
    ------
    ConfigurationError
        It is not there.
    """
    if text.startswith(SHARED):
        folder = shared_folder()
        if not folder.is_dir():
            expected = f"the shared inputs at {folder} (TOCSIN_SHARED names another folder)"
            raise scenario.refusal(key, expected=expected, seen=text)
        path = folder / text.removeprefix(SHARED)
    else:
        path = scenario.folder / text
    if not path.exists():
        raise scenario.refusal(key, expected=f"a file, but there is none at {path}", seen=text)
    return path
