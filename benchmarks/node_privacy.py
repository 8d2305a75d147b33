"""The privacy filter: what of speech is left in clips, and what of gunfire."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pystoi import stoi
from scipy.signal import butter, resample_poly, sosfiltfilt

from acoustic.detector import DetectorSettings, detect
from acoustic.onset import OnsetPicker
from benchmarks.figures import Figure, Section, Table, at_least, at_most, failed, told
from benchmarks.peers import runner
from benchmarks.privacy_clips import (
    AFTER_S,
    BEFORE_S,
    CLAP_S,
    ROUND_S,
    ROUNDS,
    Case,
    near_shots,
    talk,
    with_bursts,
    with_claps,
    with_shots,
)
from benchmarks.saved_plots import drawing
from benchmarks.speech import RATE_HZ, SENTENCES, VOICES, spoken, utterances
from errors import NotEnoughEvidence
from sensors.clips.cutting import make_clip
from sensors.clips.privacy import filtered, surroundings
from sensors.clips.reading import clip_sound
from sensors.clips.stretches import Stretch
from wire.messages import Clip, Pulse

SENSITIVE_DB = 0.0
SEED = 12

ESTOI_BAR, ESTOI_SENSITIVE_BAR, STOI_ABOVE_BAR, ENVELOPE_BAR = 0.20, 0.30, 0.15, 0.05
LONGEST_BAR_S, SHARE_BAR, WORDS_BAR = 0.25, 0.40, 0.05
ONSET_BAR_US, ROUNDS_BAR, LEVEL_BAR_DB, CPU_BAR_MS = 20.0, 0.95, 3.0, 50.0

JUDGED_HZ, ENVELOPE_HZ = 10_000, 200
"""Rates at which intelligibility is judged (that of STOI), and envelopes are compared."""

MODULATION_HZ = (2.0, 16.0)
"""Where the modulation of speech lies that carries words (Drullman, Festen and Plomp 1994)."""

Array = NDArray[np.float64]

TEXT = f"""
Speech is espeak-ng, {len(SENTENCES)} languages, {len(VOICES)} voices, at 48 kHz; a clip is cut at each detection
that the real detector makes in it, {BEFORE_S:g} s before to {AFTER_S:g} s after.  Shots are one near recording of each
weapon of the Free Firearm Sound Library at three levels over speech (root mean square of their first 50 ms), bursts ten
of the same.  Claps come every {CLAP_S:g} s, twice as loud as the loudest sample of the speech.  "Any sound a pulse" is
an attack: the detector's threshold is {SENSITIVE_DB:g} dB, so that a talker triggers as much as can be.

ESTOI (Jensen and Taal 2016) is 0 for noise that knows nothing of the speech, 1 for the speech itself.  STOI (Taal et
al. 2011) clips what it compares and gives 0.41 to white noise that knows nothing; it is told as the difference from
noise with the same levels and nothing kept.  Envelopes are of third-octave bands, {MODULATION_HZ[0]:g} to
{MODULATION_HZ[1]:g} Hz, where syllables and phonemes are: of the clip, of the noise in it alone, and of white noise.
"""


@dataclass(frozen=True, slots=True)
class Leak:
    """What of speech is left in a clip."""

    estoi: float
    above_floor: float
    envelope: float
    noise_envelope: float
    chance: float
    share: float
    longest_s: float


def measure(*, peers: bool = True) -> Section:
    """All of it."""
    section = Section("privacy filter", "simulated", TEXT)
    try:
        said = list(utterances())
    except NotEnoughEvidence as error:
        section.figures = [failed("speech", "measured", str(error))]
        return section
    shots = dict(near_shots())
    cases = [*talk("speech", said, None), *talk("speech, any sound a pulse", said[::2], SENSITIVE_DB)]
    cases += [*with_shots(said, shots), *with_bursts(said, shots), *with_claps(said)]
    leaks: dict[str, list[Leak]] = {}
    for case in cases:
        leaks.setdefault(case.kind, []).append(_leak(case))
    section.figures += _speech_figures(leaks)
    if peers:
        section.figures += _words()
    section.figures += _evidence([c for c in cases if c.kind.startswith(("shot", "burst"))], shots)
    section.figures += _cost(cases[0])
    section.tables = [_table(leaks)]
    section.images = [_picture(next(c for c in cases if c.kind == "shot, 20 dB over speech"))]
    return section


def _filtered(case: Case) -> tuple[NDArray[np.float32], tuple[Stretch, ...]]:
    sound, kept = filtered(case.sound[:, None], float(RATE_HZ), case.onset, case.impulses, case.identity)
    return sound[:, 0], kept


def _leak(case: Case) -> Leak:
    """Of the speech alone: what of it is left is judged against it, not against the shots."""
    left, kept = _filtered(case)
    generator = np.random.Generator(np.random.PCG64(SEED))
    replacing = surroundings(case.sound, float(RATE_HZ), kept, generator)
    nothing_kept = surroundings(case.sound, float(RATE_HZ), (), generator)
    unrelated = generator.standard_normal(len(left), dtype=np.float32)
    lengths = [b - a for a, b in kept]
    speech, sound, noise, nothing, white = (
        resample_poly(x.astype(np.float64), 5, 24) for x in (case.speech, left, replacing, nothing_kept, unrelated)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "not enough frames" of pystoi, where a clip is nearly all pause
        estoi = stoi(speech, sound, JUDGED_HZ, extended=True)
        above = stoi(speech, sound, JUDGED_HZ) - stoi(speech, nothing, JUDGED_HZ)
    return Leak(
        estoi=float(estoi),
        above_floor=float(above),
        envelope=_envelope_correlation(speech, sound),
        noise_envelope=_envelope_correlation(speech, noise),
        chance=_envelope_correlation(speech, white),
        share=sum(lengths) / len(case.sound),
        longest_s=max(lengths) / RATE_HZ,
    )


def _envelope_correlation(speech: Array, heard: Array) -> float:
    """Median over third-octave bands (150 to 3800 Hz) of the correlation of their envelopes' modulation."""
    step = JUDGED_HZ // ENVELOPE_HZ
    modulation = butter(2, MODULATION_HZ, "bandpass", fs=ENVELOPE_HZ, output="sos")
    found = []
    for centre in 150.0 * 2.0 ** (np.arange(15) / 3.0):
        band = butter(2, (centre * 2 ** (-1 / 6), centre * 2 ** (1 / 6)), "bandpass", fs=JUDGED_HZ, output="sos")
        pair = []
        for x in (speech, heard):
            envelope = np.abs(sosfiltfilt(band, x))
            frames = envelope[: len(envelope) // step * step].reshape(-1, step).mean(axis=1)
            pair.append(sosfiltfilt(modulation, frames))
        found.append(float(np.corrcoef(pair)[0, 1]))
    return float(np.median(found))


def _speech_figures(leaks: dict[str, list[Leak]]) -> list[Figure]:
    talk, sensitive = leaks["speech"], leaks["speech, any sound a pulse"]
    every = [leak for rows in leaks.values() for leak in rows]
    spoken_only = [*talk, *sensitive]

    def top(rows: Sequence[Leak], name: str) -> float:
        return float(np.percentile([getattr(row, name) for row in rows], 95))

    return [
        told("clips at speech", f"{len(talk)}; any sound a pulse: {len(sensitive)}"),
        at_most("ESTOI of clips at speech, 95th percentile", top(talk, "estoi"), ESTOI_BAR, ".2f"),
        at_most("the same, any sound a pulse", top(sensitive, "estoi"), ESTOI_SENSITIVE_BAR, ".2f"),
        at_most("STOI above that of noise, 95th percentile", top(talk, "above_floor"), STOI_ABOVE_BAR, ".2f"),
        told("correlation of band envelopes with the speech's, 95th percentile", f"{top(talk, 'envelope'):.2f}"),
        at_most(
            "the same of the noise alone, beyond white noise", top(spoken_only, "noise_envelope")
            - top(spoken_only, "chance"), ENVELOPE_BAR, ".2f",
        ),
        at_most(
            "longest stretch of speech kept, any sound a pulse", max(s.longest_s for s in spoken_only),
            LONGEST_BAR_S, ".3f", " s",
        ),
        at_most("largest share of any clip kept", max(s.share for s in every), SHARE_BAR, ".3f"),
    ]  # fmt: skip


def _words() -> list[Figure]:
    """How many of the longer words PocketSphinx hears, in the speech and in clips of it."""
    sounds: dict[str, NDArray[np.float32]] = {}
    texts: dict[str, set[str]] = {}
    for number, text in enumerate(SENTENCES["en-us"]):
        for voice in VOICES[:2]:
            name = f"{number}{voice}"
            samples = spoken("en-us", voice, text)
            texts[name] = {w for w in text.lower().strip(".").split() if len(w) > 3}
            settings = replace(DetectorSettings(), threshold_db=SENSITIVE_DB)
            onsets = [d.onset for d in detect(samples, float(RATE_HZ), settings)]
            main = onsets[len(onsets) // 2] if onsets else 0.0
            left = filtered(samples[:, None], float(RATE_HZ), main, onsets, name)[0][:, 0]
            for kind, sound in (("whole", samples), ("filtered", left)):
                sounds[f"{name} {kind}"] = resample_poly(sound, 1, 3).astype(np.float32)
    bar = f"<= {WORDS_BAR:.2f}"
    try:
        answer, _ = runner.run("pocketsphinx", {}, sounds)
    except runner.PeerError as error:
        return [failed("words that a recogniser hears in filtered speech", bar, str(error))]
    right = {
        kind: np.mean([w in answer["words"][f"{name} {kind}"] for name, words in texts.items() for w in sorted(words)])
        for kind in ("whole", "filtered")
    }
    return [
        told("words that a recogniser hears in the speech as it was", f"{right['whole']:.2f}"),
        at_most("words that it hears once filtered, any sound a pulse", float(right["filtered"]), WORDS_BAR, ".2f"),
    ]


def _evidence(cases: Sequence[Case], shots: dict[str, tuple[Array, int]]) -> list[Figure]:
    """What of the shots is left: kept stretches bit for bit, onsets, rounds, levels."""
    picker = OnsetPicker(float(RATE_HZ))
    moved, off_steps, heard_rounds, rounds, level_db = [], [], [], [], []
    for case in cases:
        clip = _made(case)
        heard = clip_sound(clip)
        for a, b in clip.kept:
            off = np.abs(heard.samples[a:b, 0] - case.sound[a:b]).max() / heard.step
            off_steps.append(float(off))
        at = int(case.onset)
        picks = [picker.pick(picker.filter(x), at).position for x in (case.sound, heard.samples[:, 0])]
        moved.append(abs(picks[1] - picks[0]) / RATE_HZ * 1e6)
        if case.kind.startswith("burst"):
            first = case.onset
            for k in range(ROUNDS):
                begin, end = first + (k * ROUND_S - 0.005) * RATE_HZ, first + (k * ROUND_S + 0.040) * RATE_HZ
                known = any(abs(i - begin) < 0.010 * RATE_HZ for i in case.impulses)
                heard_rounds.append(known)
                if known:
                    rounds.append(any(a <= begin and end <= b for a, b in clip.kept))
        level_db.append(_level_error_db(case.sound, heard.samples[:, 0], clip.kept))
    return [
        told("clips with shots, and weapons in them", f"{len(cases)}, {len(shots)}"),
        at_most("kept samples differ by, steps of the FLAC", max(off_steps), 0.5, ".2f"),
        at_most("onset picked on the clip moves, 95th percentile", float(np.percentile(moved, 95)), ONSET_BAR_US,
                ".1f", " us"),
        told(f"rounds detected of bursts of {ROUNDS} at 900 a minute", f"{np.mean(heard_rounds):.3f}"),
        at_least("rounds kept of those detected", float(np.mean(rounds)), ROUNDS_BAR, ".3f"),
        at_most("level of what was replaced, octaves, 95th percentile", float(np.percentile(level_db, 95)),
                LEVEL_BAR_DB, ".1f", " dB"),
    ]  # fmt: skip


def _level_error_db(before: NDArray[np.float32], after: NDArray[np.float32], kept: Sequence[Stretch]) -> float:
    """Largest error of an octave's level (125 to 8000 Hz) over all that was replaced."""
    outside = np.ones(len(before), dtype=bool)
    margin = round(0.005 * RATE_HZ)
    for a, b in kept:
        outside[max(0, a - margin) : b + margin] = False
    worst = 0.0
    for low in 125.0 * 2.0 ** np.arange(6):
        band = butter(2, (low, 2 * low), "bandpass", fs=RATE_HZ, output="sos")
        power = [np.mean(np.square(sosfiltfilt(band, x.astype(np.float64))[outside])) for x in (before, after)]
        worst = max(worst, abs(10.0 * np.log10(power[1] / power[0])))
    return float(worst)


def _made(case: Case) -> Clip:
    pulse = Pulse(sensor="node", boot=case.identity, sequence=1, arrival_ns=10**18, sigma_s=1e-4)
    return make_clip(
        pulse, case.sound[:, None], first=0, onset=case.onset, impulses=case.impulses, start_ns=10**18,
        rate_hz=float(RATE_HZ), measured_rate_hz=float(RATE_HZ), full_scale_db_spl=None, privacy_filter=True,
    )  # fmt: skip


def _cost(case: Case) -> list[Figure]:
    whole = np.resize(case.sound, round((BEFORE_S + AFTER_S) * RATE_HZ))
    spent, flac = [], []
    for _ in range(9):
        start = time.process_time()
        filtered(whole[:, None], float(RATE_HZ), case.onset, case.impulses, case.identity)
        spent.append(1e3 * (time.process_time() - start))
        start = time.process_time()
        _made(replace(case, sound=whole))
        flac.append(1e3 * (time.process_time() - start))
    return [
        at_most("processor time to filter 2.5 s at 48 kHz", float(np.median(spent)), CPU_BAR_MS, ".0f", " ms"),
        told("with FLAC and digest", f"{np.median(flac):.0f} ms"),
    ]


def _table(leaks: dict[str, list[Leak]]) -> Table:
    rows = []
    for kind, found in leaks.items():
        columns = [np.array([getattr(leak, name) for leak in found]) for name in Leak.__slots__]
        cells = [f"{np.median(c):.2f} / {np.percentile(c, 95):.2f}" for c in columns]
        rows.append((kind, str(len(found)), *cells))
    heads = (
        "ESTOI",
        "STOI above noise",
        "envelopes",
        "of the noise",
        "of white noise",
        "share kept",
        "longest kept, s",
    )
    return Table("clips by kind, median / 95th percentile", ("clips of", "clips", *heads), tuple(rows))


def _picture(case: Case) -> tuple[str, str]:
    sound, kept = _filtered(case)
    with drawing("privacy-filter", 2, 1, (6.8, 4.6), sharex=True, sharey=True) as page:
        for axis, samples, title in zip(
            page.axes[:, 0], (case.sound, sound), ("As the microphone heard it", "As it leaves the node"), strict=True
        ):
            axis.specgram(samples + 1e-7, NFFT=1024, noverlap=768, Fs=RATE_HZ, cmap="magma", vmin=-140, vmax=-50)
            axis.set(ylim=(0, 8000), ylabel="Hz", title=title)
            axis.grid(visible=False)
        for a, b in kept:
            page.axes[1, 0].plot([a / RATE_HZ, b / RATE_HZ], [7800, 7800], color="white", linewidth=3)
        page.axes[1, 0].set_xlabel("seconds into the clip")
    text = "A shot over speech, before the privacy filter and after it; white bars mark what is kept as it was."
    return text, page.saved
