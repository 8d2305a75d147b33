"""Moving pictures in files: GIF by Pillow, MP4 by ffmpeg where there is one; whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from errors import ConfigurationError
from tocsin.formats.saving import check_target, save_by

SUFFIXES = (".gif", ".mp4")
# Few tones compress well; the pictures have few.
_COLOURS = 128
# One palette for all frames, from a few of them: pixels that do not change then cost nothing.
_SAMPLED = 6


def check_animation(path: Path, option: str) -> None:
    """Refuse, before the long work, a file that could not be written after it.

    Raises
    ------
    ConfigurationError
        Another suffix than .gif or .mp4, no ffmpeg for the latter, or a directory that does not exist.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        expected = "one of " + ", ".join(SUFFIXES)
        raise ConfigurationError(option, f"suffix of {path}", expected=expected, seen=path.suffix)
    if suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise ConfigurationError(option, f"{path} needs ffmpeg on the PATH, and there is none: use .gif instead")
    check_target(path, option)


def save_animation(
    frames: Iterator[NDArray[np.uint8]],
    path: Path,
    option: str,
    *,
    fps: float,
    hold_s: float = 1.0,
    kept: Sequence[str] = (),
) -> None:
    """Save frames one after the other; a GIF repeats for ever.

    Parameters
    ----------
    frames : one or more of (height, width, 3) uint8, all of one size.
    fps : frames a second.
    hold_s : how long the last frame stays.
    kept : colours of small marks, which a GIF's palette must hold.

    Raises
    ------
    ConfigurationError
        The file cannot be written, or ffmpeg fails; what was there before is as it was.
    """
    check_animation(path, option)

    def write(target: Path) -> None:
        if target.suffix.lower() == ".gif":
            _gif(frames, fps, hold_s, kept, target)
        else:
            _mp4(frames, fps, hold_s, target)

    save_by(path, write, option)


def _gif(frames: Iterator[NDArray[np.uint8]], fps: float, hold_s: float, kept: Sequence[str], path: Path) -> None:
    pictures = [Image.fromarray(frame) for frame in frames]
    palette = _palette(pictures[:: max(len(pictures) // _SAMPLED, 1)], [ImageColor.getrgb(colour) for colour in kept])
    drawn = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    duration_ms = [round(1000.0 / fps)] * (len(drawn) - 1) + [round(1000.0 * max(hold_s, 1.0 / fps))]
    drawn[0].save(path, format="GIF", save_all=True, append_images=drawn[1:], duration=duration_ms, loop=0)


def _palette(pictures: Sequence[Image.Image], kept: Sequence[tuple[int, ...]]) -> Image.Image:
    """One palette for all: the tones of some pictures, and the colours of marks too small to get one by themselves."""
    width, height = pictures[0].size
    mosaic = Image.new("RGB", (width, height * len(pictures)))
    for k, picture in enumerate(pictures):
        mosaic.paste(picture, (0, k * height))
    found = mosaic.quantize(_COLOURS - len(kept), method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    colours = (found.getpalette() or [])[: 3 * (_COLOURS - len(kept))]
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(part for colour in kept for part in colour[:3]), *colours])
    return palette


def _mp4(frames: Iterator[NDArray[np.uint8]], fps: float, hold_s: float, path: Path) -> None:
    first = next(frames)
    height, width = first.shape[:2]
    command = ["ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    command += ["-r", f"{fps:g}", "-i", "-", "-an", "-c:v", "libx264", "-crf", "23", "-pix_fmt", "yuv420p"]
    # Players want even sides; bit exact: no version and no date in the file.
    command += ["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-fflags", "+bitexact", "-map_metadata", "-1", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        last = first
        with contextlib.suppress(BrokenPipeError):  # it says why on stderr
            for last in chain((first,), frames):
                process.stdin.write(last.tobytes())
            for _ in range(round(hold_s * fps)):
                process.stdin.write(last.tobytes())
        with contextlib.suppress(BrokenPipeError):  # closing sends what is left
            process.stdin.close()
        said = process.stderr.read().decode(errors="replace").split("\n")
        if process.wait() != 0:
            raise ConfigurationError("ffmpeg", f"failed ({' '.join(said[0].split()) or 'without a word'})")
