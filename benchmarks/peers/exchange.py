"""What passes between us and a peer in its own environment: a folder with JSON and arrays, one way and back.

The peer's side of it runs where nothing of ours is installed: numpy and the standard library only.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Job = dict[str, Any]
P = ParamSpec("P")
T = TypeVar("T")


def put(folder: Path, name: str, job: Job, arrays: Arrays) -> None:
    """Write ``name.json`` and ``name.npz``."""
    (folder / f"{name}.json").write_text(json.dumps(job))
    np.savez(folder / f"{name}.npz", **arrays)  # type: ignore[arg-type]  # its stub has no room for keyword arrays


def get(folder: Path, name: str) -> tuple[Job, Arrays]:
    """Read what ``put`` wrote."""
    job: Job = json.loads((folder / f"{name}.json").read_text())
    with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
        return job, {key: stored[key] for key in stored.files}


def timed(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, float]:
    """What the call returns, and the wall seconds that it took."""
    start = time.perf_counter()
    value = call(*args, **kwargs)
    return value, time.perf_counter() - start


def processor_seconds(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> float:
    """Processor time of a call, all threads: what does not grow when others use the machine too."""
    start = time.process_time()
    call(*args, **kwargs)
    return time.process_time() - start


def serve(solve: Callable[[Job, Arrays], tuple[Job, Arrays]]) -> None:
    """A peer's main: read the job of the folder named on the command line, solve it, write the answer."""
    folder = Path(sys.argv[1])
    put(folder, "answer", *solve(*get(folder, "job")))
