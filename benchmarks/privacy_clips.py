"""Clips with speech in them: speech that triggers the detector, shots, bursts and claps over speech."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import soundfile
from numpy.typing import NDArray

from acoustic.detector import DetectorSettings, detect
from benchmarks.shared_data import shared
from benchmarks.speech import RATE_HZ, RMS, Utterance

BEFORE_S, AFTER_S = 0.5, 2.0
ROUNDS, ROUND_S = 10, 60.0 / 900.0
SNRS_DB = (0, 10, 20)
CLAP_S = 0.25
SEED = 11

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """A clip: ``sound`` (n,) float32, what was said in it, the pulse and all impulses (frames)."""

    kind: str
    sound: NDArray[np.float32]
    speech: NDArray[np.float32]
    onset: float
    impulses: tuple[float, ...]
    identity: str


def _clip(
    kind: str,
    sound: NDArray[np.floating],
    speech: NDArray[np.floating],
    onset: float,
    impulses: Sequence[float],
    name: str,
) -> Case:
    first, stop = max(0, round(onset - BEFORE_S * RATE_HZ)), round(onset + AFTER_S * RATE_HZ)
    near = tuple(i - first for i in impulses if first <= i < stop)
    cut = [np.asarray(x[first:stop], dtype=np.float32) for x in (sound, speech)]
    return Case(kind, cut[0], cut[1], onset - first, near, name)


def talk(kind: str, said: Sequence[Utterance], threshold_db: float | None) -> Iterator[Case]:
    settings = DetectorSettings()
    if threshold_db is not None:
        settings = replace(settings, threshold_db=threshold_db)
    for number, utterance in enumerate(said):
        onsets = [d.onset for d in detect(utterance.samples, float(RATE_HZ), settings)]
        for onset in onsets:
            if len(utterance.samples) - onset > 1.0 * RATE_HZ:
                yield _clip(kind, utterance.samples, utterance.samples, onset, onsets, f"talk {number} {onset:.0f}")


def near_shots() -> Iterator[tuple[str, tuple[Array, int]]]:
    """One natural near shot of each weapon by group: samples from 20 ms before the onset, root mean square of the first
    50 ms 1, and the onset's index."""
    with shared("sounds", "clips.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if (r["source"], r["class"]) == ("ffsl", "gunshot")]
    for row in rows:
        samples, rate = soundfile.read(shared("sounds") / row["file"], dtype="float64")
        if row["quality"] != "natural" or int(row["clipped_samples"]) or rate != RATE_HZ:
            continue
        rise = np.abs(samples[: round(0.4 * rate)])
        onset = int(np.argmax(rise >= 0.1 * rise.max()))
        lead = round(0.020 * rate)
        if onset < lead:
            continue
        piece = samples[onset - lead : onset + round(0.6 * rate)].copy()
        piece[: lead // 2] *= np.linspace(0.0, 1.0, lead // 2)
        loud = np.sqrt(np.mean(np.square(piece[lead : lead + round(0.050 * rate)])))
        yield row["group"], (piece / loud, lead)


def _mixed(speech: NDArray[np.float32], shots: Sequence[tuple[float, Array]]) -> Array:
    out = speech.astype(np.float64)
    for at, shot in shots:
        begin = round(at)
        room = min(len(shot), len(out) - begin)
        out[begin : begin + room] += shot[:room]
    return np.clip(out, -0.999, 0.999)  # the converter's last step is not the filter's matter


def with_shots(said: Sequence[Utterance], shots: dict[str, tuple[Array, int]]) -> Iterator[Case]:
    rng = np.random.default_rng(SEED)
    for number, (utterance, (shot, lead)) in enumerate(zip(said, _cycled(shots), strict=False)):
        snr_db = SNRS_DB[number % len(SNRS_DB)]
        at = rng.uniform(0.45, 0.6) * RATE_HZ
        sound = _mixed(utterance.samples, [(at, shot * RMS * 10 ** (snr_db / 20))])
        onsets = [d.onset for d in detect(sound, float(RATE_HZ))]
        near = [o for o in onsets if abs(o - round(at) - lead) < 0.005 * RATE_HZ]
        if near:
            kind = f"shot, {snr_db} dB over speech"
            yield _clip(kind, sound, utterance.samples, near[0], onsets, f"shot {number}")


def with_bursts(said: Sequence[Utterance], shots: dict[str, tuple[Array, int]]) -> Iterator[Case]:
    for number, (utterance, (shot, _)) in enumerate(zip(said, _cycled(shots), strict=False)):
        snr_db = SNRS_DB[1 + number % 2]
        rounds = [(0.5 + k * ROUND_S) * RATE_HZ for k in range(ROUNDS)]
        sound = _mixed(utterance.samples, [(at, shot * RMS * 10 ** (snr_db / 20)) for at in rounds])
        onsets = [d.onset for d in detect(sound, float(RATE_HZ))]
        if onsets:
            kind = f"burst, {snr_db} dB over speech"
            first = min(onsets, key=lambda o: abs(o - rounds[0] - 0.020 * RATE_HZ))
            yield _clip(kind, sound, utterance.samples, first, onsets, f"burst {number}")


def with_claps(said: Sequence[Utterance]) -> Iterator[Case]:
    rng = np.random.default_rng(SEED)
    decay = np.exp(-np.arange(round(0.05 * RATE_HZ)) / (0.008 * RATE_HZ))
    for number, utterance in enumerate(said[::2]):
        clap = decay * rng.standard_normal(len(decay)) * 2.0 * float(np.abs(utterance.samples).max())
        times = np.arange(0.1, 10.0, CLAP_S) * RATE_HZ
        sound = _mixed(utterance.samples, [(at, clap) for at in times if at < len(utterance.samples)])
        onsets = [d.onset for d in detect(sound, float(RATE_HZ))]
        if onsets:
            main = min(onsets, key=lambda o: abs(o - BEFORE_S * RATE_HZ))
            yield _clip("claps over speech", sound, utterance.samples, main, onsets, f"clap {number}")


def _cycled(shots: dict[str, tuple[Array, int]]) -> Iterator[tuple[Array, int]]:
    while True:
        yield from shots.values()
