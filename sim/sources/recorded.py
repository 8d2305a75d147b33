"""Real sounds from a folder, in place of modelled ones.

A folder holds WAV or FLAC files, one sound each, and may hold beside ``bang.wav`` a ``bang.json`` or ``bang.toml`` with

    peak_db_spl_1m = 148.0      # peak level at one metre from the source, dB re 20 uPa

A recording carries the place where it was made with it: its reflections, its background, its microphone.  The simulator
adds those of its own world to them; short, dry recordings are the honest ones.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from errors import ConfigurationError, RecordingError
from sim.sources.friedlander import pressure_of_level_pa

SUFFIXES = (".flac", ".wav")

LEVEL_KEY = "peak_db_spl_1m"

LEVEL_BOUNDS = (40.0, 200.0)
"""dB re 20 uPa: from a dropped pin to beyond what small arms do."""

FINEST_RATIO = 100_000
"""Resampling ratios are rounded to fractions with no greater denominator: 1e-10 in pitch."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSignal:
    """A ``Signal`` from a file.

    samples : (n,) float64, of peak 1, at ``native_rate_hz``.
    """

    samples: NDArray[np.float64]
    native_rate_hz: float
    peak_db_spl_1m: float

    @property
    def duration_s(self) -> float:
        """Length of the file, seconds."""
        return len(self.samples) / self.native_rate_hz

    def pressure_pa(self, rate_hz: float) -> NDArray[np.float64]:
        """(n,) float64, Pa at one metre; the file's first sample is the instant of emission; band-limited by
        polyphase resampling, whose ringing before the first sample is cut."""
        ratio = Fraction(rate_hz / self.native_rate_hz).limit_denominator(FINEST_RATIO)
        samples = self.samples
        if ratio != 1:
            samples = resample_poly(samples, ratio.numerator, ratio.denominator)
        return np.asarray(pressure_of_level_pa(self.peak_db_spl_1m) * samples, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSounds:
    """The sounds of a folder.

    folder : as it was named.
    files : by name, the file's without suffix.
    levels_db : peak level at one metre of those that state one.
    """

    folder: Path
    files: Mapping[str, Path]
    levels_db: Mapping[str, float]

    @classmethod
    def read(cls, folder: Path | str) -> RecordedSounds:
        """What a folder holds; the audio itself is read by ``signal``.

        Raises
        ------
        RecordingError : when it is no folder, holds no audio, two files of one name, or a level that is none.
        """
        root = Path(folder)
        if not root.is_dir():
            raise RecordingError(folder, "no such folder of recorded sounds")
        files: dict[str, Path] = {}
        levels: dict[str, float] = {}
        for path in sorted(root.iterdir()):
            if path.suffix.lower() not in SUFFIXES:
                continue
            if path.stem in files:
                raise RecordingError(
                    path, f"the name {path.stem!r} is taken by {files[path.stem].name}", expected="one file a name"
                )
            files[path.stem] = path
            level = _stated_level_db(path)
            if level is not None:
                levels[path.stem] = level
        if not files:
            raise RecordingError(folder, "no sound in this folder", expected="WAV or FLAC files")
        return cls(root, files, levels)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self.files))

    def signal(self, name: str, peak_db_spl_1m: float | None = None) -> RecordedSignal:
        """One sound; channels are averaged.

        Parameters
        ----------
        name : the file's, without suffix.
        peak_db_spl_1m : peak level at one metre, dB re 20 uPa; None for the one stated beside the file.

        Raises
        ------
        ConfigurationError : for an unknown name.
        RecordingError : when the file cannot be read, is silent or not finite, or no level is known.
        """
        if name not in self.files:
            raise ConfigurationError(
                self.folder, "no recorded sound of this name", expected="one of " + ", ".join(self.names), seen=name
            )
        path = self.files[name]
        level = self.levels_db.get(name) if peak_db_spl_1m is None else peak_db_spl_1m
        if level is None:
            raise RecordingError(
                path,
                "its level is not known",
                expected=f"{LEVEL_KEY} in {path.with_suffix('.json').name} or {path.with_suffix('.toml').name}",
            )
        _check_level(path, level)
        try:
            channels, rate = soundfile.read(path, dtype="float64", always_2d=True)
        except (soundfile.LibsndfileError, OSError) as fault:
            raise RecordingError(path, f"cannot be read as audio ({fault})") from fault
        samples = np.asarray(channels.mean(axis=1), dtype=np.float64)
        if not np.isfinite(samples).all():
            raise RecordingError(path, "holds samples that are no numbers")
        peak = float(np.abs(samples).max()) if len(samples) else 0.0
        if peak == 0.0:
            raise RecordingError(path, "holds no sound", expected="samples that are not all zero")
        return RecordedSignal(samples / peak, float(rate), float(level))


def _stated_level_db(audio: Path) -> float | None:
    """The level in the JSON or TOML file beside an audio file; None without one."""
    for suffix in (".json", ".toml"):
        path = audio.with_suffix(suffix)
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
            stated = json.loads(text) if suffix == ".json" else tomllib.loads(text)
        except (OSError, ValueError) as fault:
            raise RecordingError(path, f"cannot be read as {suffix[1:].upper()} ({fault})") from fault
        if not isinstance(stated, dict) or LEVEL_KEY not in stated:
            raise RecordingError(path, f"no {LEVEL_KEY}", expected="the peak level at one metre, dB re 20 uPa")
        _check_level(path, stated[LEVEL_KEY])
        return float(stated[LEVEL_KEY])
    return None


def _check_level(path: Path, level: object) -> None:
    """Refuse what is no level."""
    low, high = LEVEL_BOUNDS
    number = isinstance(level, (int, float)) and not isinstance(level, bool) and math.isfinite(level)
    if not number or not low <= level <= high:  # type: ignore[operator]
        raise RecordingError(path, LEVEL_KEY, expected=f"{low:g} .. {high:g} dB re 20 uPa", seen=level)
