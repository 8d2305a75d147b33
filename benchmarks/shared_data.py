"""Where the input data lies that is too large or not ours to keep in the repository."""

from __future__ import annotations

import os
from pathlib import Path

from errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[1]


def shared(*parts: str) -> Path:
    """A path below the shared data: the folder ``TOCSIN_SHARED``, else ``shared`` beside the checkout.

    Raises
    ------
    ConfigurationError
        When it is not there.
    """
    path = Path(os.environ.get("TOCSIN_SHARED", ROOT.parent / "shared")).joinpath(*parts)
    if not path.exists():
        raise ConfigurationError("TOCSIN_SHARED", "benchmark data", expected=f"{'/'.join(parts)} in it", seen=str(path))
    return path
