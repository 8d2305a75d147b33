"""The detector beside ObsPy's and librosa's: recall at equal false triggers, timing, cost, on the same mixtures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from acoustic.detector import DetectorSettings, detect, detect_blocks
from benchmarks.figures import Figure, Section, Table, at_least, failed, told
from benchmarks.mixtures import BACKGROUNDS, RATE_HZ, SNRS_DB, STREAM_S, Stream, streams
from benchmarks.peers import runner
from benchmarks.saved_plots import BLUE, GREEN, VERMILION, drawing

FALSE_PER_MINUTE = (1.0, 3.0, 10.0)
RATES_SHOWN = (0.3, 1, 3, 10, 30)
SPEED_BAR = 150.0
BLOCK = 1024
MATCH_S = 0.050
"""A trigger this near to an onset found it; wide, since librosa's frames are 43 ms long."""
REVERBERATION_S = 0.500
"""Further triggers up to here after an onset are of the same sound: repeats, counted apart from false ones."""
SWEEP_FROM_DB = 1.0

Array = NDArray[np.float64]

TEXT = f"""
Natural gunshots, one of each recording, mixed into a minute each of {', '.join(BACKGROUNDS).replace('_', ' ')} at
{', '.join(map(str, SNRS_DB))} dB (root mean square of the shot's first 50 ms over that of the background,
broadband). A trigger within 50 ms of an onset finds it, triggers in the half second after are repeats, all others
are false: crackles and drops count as false. Every engine's threshold is swept; recall is compared at equal false
triggers a minute, with one threshold for all backgrounds and ratios, as a node has only one. Peers run with the
windows and scaling that served them best of those tried.
"""


@dataclass(slots=True)
class Curve:
    """One engine: per stream, triggers (seconds) at each threshold; ``speed`` in seconds of sound a second."""

    engine: str
    speeds: list[float] = field(default_factory=list)
    picks: list[list[Array]] = field(default_factory=list)

    @property
    def speed(self) -> float:
        return float(np.median(self.speeds))


@dataclass(frozen=True, slots=True)
class Count:
    """Of some streams at one threshold: found (shots,) bool, false and repeated triggers, timing errors."""

    found: NDArray[np.bool_]
    false: int
    repeats: int
    late_s: Array


def count(picks: Array, onsets: Array) -> Count:
    """Sort triggers into found, false and repeated."""
    gaps = picks[:, None] - onsets
    near = np.abs(gaps) <= MATCH_S
    after = (gaps > -MATCH_S) & (gaps <= REVERBERATION_S)
    found = np.asarray(near.any(axis=0), dtype=bool)
    late = [gaps[near[:, k], k][np.abs(gaps[near[:, k], k]).argmin()] for k in np.flatnonzero(found)]
    belonging = after.any(axis=1)
    return Count(found, int((~belonging).sum()), int(belonging.sum() - found.sum()), np.array(late, dtype=float))


def pooled(curve: Curve, chosen: Sequence[int], mixed: Sequence[Stream]) -> tuple[Array, Array, list[list[Count]]]:
    """(t,) false triggers a minute and (t,) recall over some streams, and the counts, at each threshold."""
    thresholds = len(curve.picks[0])
    counts = [[count(curve.picks[i][k], mixed[i].onset_s) for i in chosen] for k in range(thresholds)]
    minutes = len(chosen) * STREAM_S / 60.0
    false = np.array([sum(c.false for c in row) for row in counts]) / minutes
    recall = np.array([np.concatenate([c.found for c in row]).mean() for row in counts])
    return false, recall, counts


def recall_at(false: Array, recall: Array, target: float) -> float:
    """Recall at a rate of false triggers, interpolated along the sweep."""
    order = np.lexsort((recall, false))
    # Of thresholds with fewer false triggers the best recall can always be had.
    best = np.maximum.accumulate(recall[order])
    return float(np.interp(target, false[order], best, left=0.0))


def ours(mixed: Sequence[Stream]) -> Curve:
    """Our detector: one run at a low threshold; its cost is that of the default one, fed block by block."""
    curve = Curve("Tocsin")
    low = replace(DetectorSettings(), threshold_db=min(SWEEP_FROM_DB, DetectorSettings().threshold_db))
    events = [detect(stream.samples, float(RATE_HZ), low) for stream in mixed]
    statistic = np.array([event.statistic for found in events for event in found])
    thresholds = np.unique(np.quantile(statistic, np.linspace(0.0, 1.0, 200))) if len(statistic) else np.zeros(1)
    for found in events:
        rows = np.array([(event.statistic, event.onset) for event in found]).reshape(-1, 2)
        curve.picks.append([rows[rows[:, 0] >= t, 1] / RATE_HZ for t in thresholds])
    for stream in mixed[:: len(SNRS_DB)]:
        blocks = [stream.samples[i : i + BLOCK, None] for i in range(0, len(stream.samples), BLOCK)]
        start = time.perf_counter()
        for _ in detect_blocks(blocks, float(RATE_HZ)):
            pass
        curve.speeds.append(STREAM_S / (time.perf_counter() - start))
    return curve


def theirs(peer: str, name: str, job: dict[str, object], mixed: Sequence[Stream]) -> Curve:
    """A peer's curve with one of its settings."""
    curve = Curve(name)
    for stream in mixed:
        answer, found = runner.run(peer, job | {"rate_hz": RATE_HZ}, {"samples": stream.samples})
        thresholds = job["thresholds"]
        assert isinstance(thresholds, list)
        curve.picks.append([found["pick_s"][found["threshold"] == k] for k in range(len(thresholds))])
        curve.speeds.append(STREAM_S / answer["seconds"])
    return curve


def obspy_jobs() -> list[tuple[str, dict[str, object]]]:
    thresholds = np.geomspace(1.5, 80.0, 40).tolist()
    rest = {"band_hz": [300.0, 3000.0], "off_share": 0.5, "before_s": 0.020, "after_s": 0.006}
    windows = ((0.003, 0.1), (0.005, 0.5), (0.010, 1.0), (0.020, 0.5))
    return [(f"ObsPy {s:g}/{long:g} s", {"short_s": s, "long_s": long, "thresholds": thresholds, **rest})
            for s, long in windows]  # fmt: skip


def librosa_jobs() -> list[tuple[str, dict[str, object]]]:
    relative, absolute = np.geomspace(0.01, 1.0, 40).tolist(), np.geomspace(0.1, 40.0, 40).tolist()
    return [(f"librosa, hop {hop}{', normalized' if scaled else ''}",
             {"hop": hop, "normalize": scaled, "thresholds": relative if scaled else absolute})
            for hop in (256, 512) for scaled in (True, False)]  # fmt: skip


def best(peer: str, jobs: Sequence[tuple[str, dict[str, object]]], mixed: Sequence[Stream]) -> Curve:
    """The peer with the settings that serve it best: highest mean recall over the rates that are compared.

    Settings are compared on the streams at the middle ratio, and the winner is run on all.
    """
    middle = [i for i, stream in enumerate(mixed) if stream.snr_db == SNRS_DB[len(SNRS_DB) // 2]]
    some = [mixed[i] for i in middle]

    def merit(candidate: tuple[str, dict[str, object]]) -> float:
        false, recall, _ = pooled(theirs(peer, *candidate, some), range(len(some)), some)
        return float(np.mean([recall_at(false, recall, target) for target in FALSE_PER_MINUTE]))

    return theirs(peer, *max(jobs, key=merit), mixed)


def measure(*, peers: bool = True) -> Section:
    """All engines on all mixtures."""
    section = Section("detector in city noise", "simulated", TEXT)
    mixed = list(streams())
    curves = [ours(mixed)]
    if peers:
        rivals: tuple[tuple[str, Callable[[], list[tuple[str, dict[str, object]]]]], ...]
        rivals = (("obspy", obspy_jobs), ("librosa", librosa_jobs))
        for peer, jobs in rivals:
            try:
                curves.append(best(peer, jobs(), mixed))
            except runner.PeerError as error:
                section.figures.append(failed(f"{peer} beside us", "runs", str(error)))
    rows = {curve.engine: _overall(curve, mixed) for curve in curves}
    mine = rows[curves[0].engine]
    for k, target in enumerate(FALSE_PER_MINUTE):
        name = f"recall at {target:g} false triggers a minute"
        if len(curves) == 1:
            section.figures.append(told(name, f"{mine[k]:.3f}"))
        for curve in curves[1:]:
            section.figures.append(better(f"{name}, against {curve.engine}", mine[k], rows[curve.engine][k]))
    means = [_mean_over_backgrounds(curve, mixed) for curve in curves]
    for curve, mean in zip(curves[1:], means[1:], strict=True):
        name = f"mean recall, {FALSE_PER_MINUTE[1]:g} a minute in each background, against {curve.engine}"
        section.figures.append(better(name, means[0], mean))
    section.tables += [_summary(curves, mixed), *_by_stream(curves, mixed)]
    section.images = _sweep(curves, mixed)
    return section


def _sweep(curves: Sequence[Curve], mixed: Sequence[Stream]) -> list[tuple[str, str]]:
    """Recall by false triggers a minute, over each engine's sweep of thresholds."""
    with drawing("detector-sweep", 1, 1, (6.4, 3.7)) as page:
        axis = page.axes[0, 0]
        for curve, colour, dash in zip(curves, (BLUE, VERMILION, GREEN), ("-", "--", "-."), strict=False):
            false, recall, _ = pooled(curve, range(len(mixed)), mixed)
            order = np.lexsort((recall, false))
            axis.plot(false[order], 100 * recall[order], dash, color=colour, linewidth=1.6, label=curve.engine)
        axis.set(xscale="log", xlim=(0.3, 60), ylim=(0, 100), xlabel="false triggers a minute", ylabel="shots found, %")
        axis.set_xticks(RATES_SHOWN, [f"{rate:g}" for rate in RATES_SHOWN])
        axis.set_title("Shots found in city noise, one threshold for all streams")
        axis.legend(frameon=False, loc="lower right")
    return [("Shots found by false triggers a minute, all backgrounds and ratios together.", page.saved)]


def better(name: str, value: float, other: float) -> Figure:
    """A figure that must be above another's; equal is not better."""
    return Figure(name, f"> {other:.3f}", f"{value:.3f}", value > other)


def cost() -> Section:
    """Our detector's speed alone, on one minute of each background."""
    text = f"Streamed in {BLOCK:,}-sample blocks at {RATE_HZ:,} Hz, all bands, one core."
    section = Section("detector", "cost", text)
    mixed = [stream for stream in streams() if stream.snr_db == SNRS_DB[2]]
    speeds = []
    for stream in mixed:
        blocks = [stream.samples[i : i + BLOCK, None] for i in range(0, len(stream.samples), BLOCK)]
        start = time.perf_counter()
        for _ in detect_blocks(blocks, float(RATE_HZ)):
            pass
        speeds.append(STREAM_S / (time.perf_counter() - start))
    section.figures = [at_least("times real time, median", float(np.median(speeds)), SPEED_BAR, ".0f")]
    section.figures += [told("times real time, slowest background", f"{min(speeds):.0f}")]
    return section


def _overall(curve: Curve, mixed: Sequence[Stream]) -> list[float]:
    false, recall, _ = pooled(curve, range(len(mixed)), mixed)
    return [recall_at(false, recall, target) for target in FALSE_PER_MINUTE]


def _mean_over_backgrounds(curve: Curve, mixed: Sequence[Stream]) -> float:
    recalls = []
    for background in BACKGROUNDS:
        chosen = [i for i, stream in enumerate(mixed) if stream.background == background]
        false, recall, _ = pooled(curve, chosen, mixed)
        recalls.append(recall_at(false, recall, FALSE_PER_MINUTE[1]))
    return float(np.mean(recalls))


def _summary(curves: Sequence[Curve], mixed: Sequence[Stream]) -> Table:
    rows = []
    for curve in curves:
        false, recall, counts = pooled(curve, range(len(mixed)), mixed)
        at = int(np.argmin(np.abs(false - FALSE_PER_MINUTE[1])))
        late = 1e3 * np.concatenate([c.late_s for c in counts[at]])
        bias = float(np.median(late))
        spread = np.abs(late - bias)
        repeats = sum(c.repeats for c in counts[at]) / max(sum(int(c.found.sum()) for c in counts[at]), 1)
        recalls = [recall_at(false, recall, target) for target in FALSE_PER_MINUTE]
        numbers = (*recalls, bias, 1.4826 * float(np.median(spread)), float(np.percentile(spread, 95)), repeats)
        rows.append((curve.engine, *(f"{v:.3f}" for v in numbers), f"{curve.speed:.0f}"))
    recalls_at = tuple(f"recall at {target:g}/min" for target in FALSE_PER_MINUTE)
    timing = ("bias ms", "robust sigma ms", "95th percentile ms", "repeats a shot found")
    return Table("all backgrounds and ratios, one threshold; timing at 3 a minute",
                 ("engine", *recalls_at, *timing, "times real time"), tuple(rows))  # fmt: skip


def _by_stream(curves: Sequence[Curve], mixed: Sequence[Stream]) -> list[Table]:
    tables = []
    for what, labels in (("background", BACKGROUNDS), ("snr_db", SNRS_DB)):
        rows = []
        for label in labels:
            chosen = [i for i, stream in enumerate(mixed) if getattr(stream, what) == label]
            cells = []
            for curve in curves:
                false, recall, _ = pooled(curve, chosen, mixed)
                cells.append(f"{recall_at(false, recall, FALSE_PER_MINUTE[1]):.3f}")
            rows.append((str(label).replace("_", " "), *cells))
        title = f"recall at 3 false triggers a minute, threshold set for each {what.replace('snr_db', 'ratio, dB')}"
        tables.append(Table(title, (what.replace("_db", ", dB"), *(c.engine for c in curves)), tuple(rows)))
    return tables
