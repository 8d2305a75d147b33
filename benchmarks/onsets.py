"""Onsets of our detector on the live-fire audio against the pulses that the publisher's sensors reported."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Section, Table, at_least, at_most, told
from benchmarks.livefire_truth import published_sets, tests_by_position
from sensors.capture import Capture, end_ns
from sensors.listen import listen
from sensors.recordings import open_recordings
from wire.utc import NS_PER_S, parse_utc_ns

NEAR_S = 8e-3
SHARE, BIAS_MS, SIGMA_MS = 0.98, 0.1, 0.5

TEXT = """
Pulses of the publisher's sets at sensors whose audio was published and holds sound at that moment (the files are
padded with zeros; two tests are cut short). Of our picks the nearest to each is taken. Published times are
rounded to 1 ms, which alone is a standard deviation of 0.29 ms. Bias is the median, sigma 1.4826 times the median
absolute deviation, of the differences (ours minus published) within 8 ms.
"""


def differences() -> Iterator[tuple[str, NDArray[np.float64], int, float]]:
    """Per test: position; seconds from each published pulse to our nearest pick, inf when there is none; number of
    picks; seconds of sound.
    """
    for position, folders in tests_by_position().items():
        tests = {test.name: test for test in open_recordings(folders[0].parent)}
        for folder in folders:
            captures: dict[str, Capture] = {capture.sensor: capture for capture in tests[folder.name].captures}
            late: list[float] = []
            picked = {name: np.array([p.arrival_ns for p in listen(c)]) for name, c in captures.items()}
            sound = {name: _sound_ns(capture) for name, capture in captures.items()}
            for sensor, text in {pair for one in published_sets(folder) for pair in one.arrivals}:
                arrival = parse_utc_ns(text)
                if sensor in captures and sound[sensor][0] <= arrival < sound[sensor][1]:
                    gaps = (picked[sensor] - arrival) / NS_PER_S
                    late.append(float(gaps[np.abs(gaps).argmin()]) if len(gaps) else np.inf)
            heard_s = sum(end - begin for begin, end in sound.values()) / NS_PER_S
            yield position, np.array(late), sum(map(len, picked.values())), heard_s


def measure() -> Section:
    """Over all positions, and each."""
    section = Section("onsets on live-fire audio", "field", TEXT)
    rows = list(differences())
    table = []
    for label in ("all", *tests_by_position()):
        here = [row for row in rows if label in ("all", row[0])]
        late = np.concatenate([row[1] for row in here])
        near = late[np.abs(late) <= NEAR_S]
        share, bias = len(near) / len(late), 1e3 * float(np.median(near))
        sigma = 1.4826 * float(np.median(np.abs(1e3 * near - bias)))
        rate = sum(row[2] for row in here) / sum(row[3] for row in here)
        table.append((label, str(len(late)), f"{share:.4f}", f"{bias:+.3f}", f"{sigma:.3f}", f"{rate:.2f}"))
        if label == "all":
            section.figures = [
                at_least("shots' pulses picked within 8 ms", share, SHARE, ".4f"),
                at_most("bias, magnitude", abs(bias), BIAS_MS, ".3f", " ms"),
                at_most("robust sigma", sigma, SIGMA_MS, ".3f", " ms"),
                told("picks a second of sound", f"{rate:.2f}"),
            ]
    columns = ("position", "pulses", "within 8 ms", "bias ms", "sigma ms", "picks a second")
    section.tables.append(Table("by firing position", columns, tuple(table)))
    return section


def _sound_ns(capture: Capture) -> tuple[int, int]:
    """First and last instant at which the file holds sound and not padding."""
    first, last, done = None, 0, 0
    for block in capture.blocks(1 << 16):
        there = np.flatnonzero(block.any(axis=1))
        if len(there):
            first = done + int(there[0]) if first is None else first
            last = done + int(there[-1])
        done += len(block)
    stop = end_ns(capture)
    if first is None or stop is None:
        return capture.start_ns, capture.start_ns
    one = NS_PER_S / capture.rate_hz
    return capture.start_ns + round(first * one), capture.start_ns + round((last + 1) * one)
