"""Gunshots mixed into city noise: streams whose truth is known to the sample."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from benchmarks.shared_data import shared

RATE_HZ = 48_000
BACKGROUNDS = ("rain", "helicopter", "siren", "chainsaw", "fire_crackling")
SNRS_DB = (0, 5, 10, 15, 20)
STREAM_S = 60.0
SHOTS_PER_STREAM = 20
SEED = 7

LEAD_S, LENGTH_S, FADE_S = 0.020, 0.400, 0.020
SNR_WINDOW_S = 0.050
"""Signal is the root mean square over so long from the onset; noise that of the whole background."""
BACKGROUND_RMS = 0.01
SEAM_S = 0.050
FROM_SESA = 16
PADDED_SHARE = 0.02

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stream:
    """One minute: ``samples`` (n,) float32, and where the shots begin in it, ``onset_s`` (shots,) seconds."""

    background: str
    snr_db: int
    samples: NDArray[np.float32]
    onset_s: Array


def streams() -> Iterator[Stream]:
    """Every background at every ratio; the same shots, in another order and at other moments, in each."""
    shots = list(_shots())
    for background in BACKGROUNDS:
        noise = _noise(background)
        for snr_db in SNRS_DB:
            rng = np.random.default_rng([SEED, BACKGROUNDS.index(background), snr_db])
            yield _mixed(background, snr_db, noise, shots, rng)


def _mixed(
    background: str, snr_db: int, noise: Array, shots: list[tuple[Array, int]], rng: np.random.Generator
) -> Stream:
    samples = noise.copy()
    step = STREAM_S / SHOTS_PER_STREAM
    onsets = []
    for number, which in enumerate(rng.permutation(len(shots))[:SHOTS_PER_STREAM]):
        shot, onset = shots[which]
        begin = round((number + 0.25 + 0.4 * rng.random()) * step * RATE_HZ)
        loud = np.sqrt(np.mean(shot[onset : onset + round(SNR_WINDOW_S * RATE_HZ)] ** 2))
        samples[begin : begin + len(shot)] += shot * (BACKGROUND_RMS * 10 ** (snr_db / 20) / loud)
        onsets.append((begin + onset) / RATE_HZ)
    return Stream(background, snr_db, samples.astype(np.float32), np.array(onsets))


def _clips(kind: str) -> list[dict[str, str]]:
    with shared("sounds", "clips.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["class"] == kind]


def _read(name: str) -> Array:
    path: Path = shared("sounds") / name
    samples, rate = soundfile.read(path, dtype="float64")
    divisor = np.gcd(RATE_HZ, rate)
    found: Array = resample_poly(samples, RATE_HZ // divisor, rate // divisor)
    return found


def _shots() -> Iterator[tuple[Array, int]]:
    """One natural gunshot of each recording (``group``): samples, and the index of its onset.

    The onset is the first sample above a tenth of the peak: on a clean recording that is the rise of the muzzle blast.
    """
    taken: set[str] = set()
    from_sesa = 0
    for row in _clips("gunshot"):
        unclean = row["quality"] != "natural" or int(row["clipped_samples"]) or not row["onsets_s"]
        if unclean or row["group"] in taken or (row["source"] == "sesa" and from_sesa >= FROM_SESA):
            continue
        marks = [float(text) for text in row["onsets_s"].split(";")]
        # The next mark is a reflection or the next round; the piece ends before it.
        length = min(LENGTH_S, (marks[1] - marks[0] - 0.010) if len(marks) > 1 else LENGTH_S)
        if length < 2 * SNR_WINDOW_S:
            continue
        taken.add(row["group"])
        from_sesa += row["source"] == "sesa"
        sound = _read(row["file"])
        begin = max(round((marks[0] - LEAD_S) * RATE_HZ), 0)
        piece = sound[begin : round((marks[0] + length) * RATE_HZ)].copy()
        fade = round(FADE_S * RATE_HZ)
        piece[-fade:] *= np.linspace(1.0, 0.0, fade)
        head = np.abs(piece[: round((LEAD_S + 0.030) * RATE_HZ)])
        yield piece, int(np.argmax(head >= 0.1 * head.max()))


def _noise(background: str) -> Array:
    """A minute of a background: clips of equal loudness, faded into each other."""
    seam = round(SEAM_S * RATE_HZ)
    rise = np.sin(np.linspace(0.0, np.pi / 2, seam))
    out = np.zeros(round(STREAM_S * RATE_HZ))
    place = 0
    for row in _clips(background):
        clip = _read(row["file"])
        # Clips that were padded with silence would make a step of their own.
        if np.mean(np.abs(clip) < 1e-5) > PADDED_SHARE:
            continue
        clip *= BACKGROUND_RMS / np.sqrt(np.mean(clip**2))
        clip[:seam] *= rise
        clip[-seam:] *= rise[::-1]
        room = len(out) - place
        out[place : place + len(clip)] += clip[:room]
        place += len(clip) - seam
        if place >= len(out):
            return out
    raise ValueError(f"{background}: {place / RATE_HZ:.0f} s of sound, expected {STREAM_S:.0f} s")
