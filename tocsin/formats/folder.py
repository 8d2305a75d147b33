"""Write a folder whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from errors import ConfigurationError


@contextmanager
def whole_folder(path: Path, option: str, names: Collection[str], *, folders: str = "") -> Iterator[Path]:
    """A hidden folder beside ``path`` to write into; it takes its name when the block ends well, and is gone otherwise.

    Parameters
    ----------
    path : made, with its parents; replaced when it holds nothing but what an earlier run of this command wrote.
    option : names it in errors.
    names : of the files that this command writes.
    folders : a regular expression of the names of folders in it that hold such files; "" for none.

    Raises
    ------
    ConfigurationError
        ``path`` is no folder, holds something else, or cannot be written; what was there is as it was.
    """
    check_folder(path, option, names, folders=folders)
    target = path.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
        try:
            yield partial
            mask = os.umask(0)
            os.umask(mask)
            partial.chmod(0o777 & ~mask)
            if target.is_dir():
                # Nothing but an earlier run's files is lost, and only once the new ones are complete.
                earlier = partial.with_suffix(".earlier")
                target.rename(earlier)
                partial.rename(target)
                shutil.rmtree(earlier, ignore_errors=True)
            else:
                partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(option, f"{path} cannot be written ({error.strerror or error})") from error


def check_folder(path: Path, option: str, names: Collection[str], *, folders: str = "") -> None:
    """Refuse, before the long work, a folder that could not be written or replaced after it.

    Raises
    ------
    ConfigurationError
        As ``whole_folder``.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise ConfigurationError(option, f"{path} exists and is no folder", expected="a new or an empty folder")
    try:
        for entry in sorted(path.iterdir()):
            inside = sorted(entry.iterdir()) if folders and re.fullmatch(folders, entry.name) else [entry]
            for file in inside:
                if file.name not in names or not file.is_file():
                    expected = "a new or an empty folder, or one that this command wrote"
                    raise ConfigurationError(option, f"{path} holds something else", expected=expected, seen=file.name)
    except OSError as error:
        raise ConfigurationError(option, f"{path} cannot be read ({error.strerror or error})") from error
