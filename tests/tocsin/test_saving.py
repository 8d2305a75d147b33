"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from errors import ConfigurationError
from tocsin.formats.saving import check_target, save_by, save_bytes


def test_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "shots.jsonl"
    path.write_bytes(b"old and longer")
    save_bytes(path, b"new", "--out")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(b"old")

    def half(target: Path) -> None:
        target.write_bytes(b"ha")
        raise OSError(28, "No space left on device")

    with pytest.raises(ConfigurationError, match=r"--plot: .*map.png cannot be written .No space left on device"):
        save_by(path, half, "--plot")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_as_readable_as_others(tmp_path: Path) -> None:
    save_bytes(tmp_path / "a", b"", "--out")
    (tmp_path / "b").write_bytes(b"")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "b").stat().st_mode)


def test_the_directory_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--out: directory of .*/x/y does not exist"):
        check_target(tmp_path / "x" / "y", "--out")
    with pytest.raises(ConfigurationError, match="is a directory"):
        check_target(tmp_path, "--out")


def test_a_pipe_is_written_and_stays(tmp_path: Path) -> None:
    """``--out /dev/stdout`` must not replace the device."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    save_bytes(pipe, b"through", "--out")
    reader.join(timeout=10)
    assert read == [b"through"]
    assert pipe.is_fifo()
