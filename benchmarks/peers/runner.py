"""One wrapper for every peer: makes its environment when it is not there, hands it a job, takes its answer.

Time is measured by the peer around its own call, after a warm-up: starting Python and importing are not its fault.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peers.exchange import Arrays, Job, get, put
from errors import TocsinError

ROOT = Path(__file__).resolve().parents[2]

# The environment of each peer, and the module that runs inside it.
PEERS = {
    "obspy": "benchmarks.peers.obspy_triggers",
    "librosa": "benchmarks.peers.librosa_onsets",
    "pyocto": "benchmarks.peers.pyocto_events",
    "opensoundscape": "benchmarks.peers.opensoundscape_fixes",
    "pyroomacoustics": "benchmarks.peers.pyroomacoustics_rooms",
    "yamnet": "benchmarks.peers.yamnet_scores",
    "pocketsphinx": "benchmarks.peers.pocketsphinx_words",
}


class PeerError(TocsinError):
    """The peer's environment cannot be made here, or the peer failed."""


def environment(peer: str) -> Path:
    """The Python of the peer's environment, made from its pinned requirements when missing or outdated.

    Raises
    ------
    PeerError
        When the environment cannot be made.
    """
    requirements = Path(__file__).with_name(f"{peer}.txt")
    place = ROOT / ".peers" / peer
    stamp, wanted = place / ".made-from", hashlib.sha256(requirements.read_bytes()).hexdigest()
    python = place / "bin" / "python"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"making the environment of {peer}", file=sys.stderr)
    _call([sys.executable, "-m", "venv", "--clear", str(place)], f"{peer}: no environment", 120)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    _call([*pip, "--requirement", str(requirements)], f"{peer}: {requirements.name} cannot be installed", 900)
    stamp.write_text(wanted)
    return python


def run(peer: str, job: Job, arrays: Arrays, timeout_s: float = 900.0) -> tuple[Job, Arrays]:
    """The answer of a peer to a job.

    Parameters
    ----------
    peer : a key of ``PEERS``.
    job, arrays : what the peer's module documents.
    timeout_s : after which the peer is stopped.

    Returns
    -------
    dict, dict of arrays : as the peer's module documents; ``seconds`` in the first is the peer's own wall time.

    Raises
    ------
    PeerError
        No environment, a failure inside the peer, or no answer in time.
    """
    python = environment(peer)
    with tempfile.TemporaryDirectory(prefix=f"{peer}-") as name:
        folder = Path(name)
        put(folder, "job", job, arrays)
        _call([str(python), "-m", PEERS[peer], str(folder)], f"{peer} failed", timeout_s)
        return get(folder, "answer")


def _call(command: list[str], what: str, timeout_s: float) -> None:
    # One thread each, as for us: the figures compare work, not cores.
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"{what}: no answer within {timeout_s:.0f} s") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PeerError(f"{what}: {last}")
