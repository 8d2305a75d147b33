"""Write a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from errors import ConfigurationError


def check_target(path: Path, option: str) -> None:
    """Refuse, before the long work, a file that could not be written after it.

    Raises
    ------
    ConfigurationError
        Its directory does not exist, or the path is a directory.
    """
    if not path.parent.is_dir():
        raise ConfigurationError(option, f"directory of {path} does not exist", expected="a directory that exists")
    if path.is_dir():
        raise ConfigurationError(option, f"{path} is a directory", expected="a file name")


def save_bytes(path: Path, content: bytes, option: str) -> None:
    """Write ``content``; readers see the old file or the whole new one.

    Raises
    ------
    ConfigurationError
        The file cannot be written; what was there before is as it was.
    """
    save_by(path, lambda temporary: temporary.write_bytes(content), option)


def save_by(path: Path, write: Callable[[Path], object], option: str) -> None:
    """As ``save_bytes``, for a writer that wants a path: it gets one of the same suffix in the same directory.

    Raises
    ------
    ConfigurationError
        The file cannot be written; what was there before is as it was.
    """
    check_target(path, option)
    temporary: Path | None = None
    try:
        if path.exists() and not path.is_file():  # a pipe or /dev/stdout: nothing to keep whole, nothing to replace
            write(path)
            return
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        temporary = Path(name)
        with os.fdopen(handle, "rb") as file:
            write(temporary)
            os.fsync(file.fileno())
        # mkstemp makes files private; a result is as readable as any file of its writer.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    except OSError as error:
        raise ConfigurationError(option, f"{path} cannot be written ({error.strerror or error})") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
