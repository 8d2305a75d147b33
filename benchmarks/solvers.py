"""Location alone: the publisher's own pulse sets, located by us and by OpenSoundscape's least squares.

With the association given, every sound solver gives about the same answer; what differs is how often one fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Section, Table, failed, told
from benchmarks.livefire import network_of, tuning_of
from benchmarks.livefire_truth import PublishedSet, published_sets, tests_by_position, truth
from benchmarks.peers import runner
from errors import NotEnoughEvidence
from localize.locate import locate
from localize.network import Network
from localize.pulsefile import table_from_pulses
from localize.pulses import PulseTable
from localize.tuning import Tuning
from sensors.recording_set import RecordingSet
from sensors.recordings import open_recordings
from wire.utc import parse_utc_ns

FEWEST_SENSORS = 3
CAP_M = 250.0
"""Errors count no more than this in a root mean square: one fix on the horizon would drown the rest."""


def measure() -> Section:
    """Both solvers on every set of three sensors or more."""
    text = "Association taken as given: each published pulse set is located alone."
    section = Section("solvers given the pulse sets", "field", text)
    folders, tables, networks, ours = [], [], [], []
    for folder, table, network, tuning in _sets():
        folders.append(folder)
        tables.append(table)
        networks.append(network)
        ours.append(_error_m(folder, _located(table, network, tuning)))
    sensor_m = [n.positions_m[t.sensor, :2] for n, t in zip(networks, tables, strict=True)]
    arrays = {
        "sensor_m": np.concatenate(sensor_m),
        "arrival_s": np.concatenate([(t.arrival_ns - t.arrival_ns[0]) * 1e-9 for t in tables]),
        "first": np.concatenate([[0], np.cumsum([len(t) for t in tables])]),
        "speed_m_s": np.array([n.weather.sound_speed_m_s for n in networks]),
    }
    try:
        answer, found = runner.run("opensoundscape", {}, arrays)
    except runner.PeerError as error:
        section.figures.append(failed("OpenSoundscape beside us", "runs", str(error)))
        return section
    theirs = [_error_m(folder, place) for folder, place in zip(folders, found["position_m"], strict=True)]
    rows = (_row("Tocsin", np.array(ours)), _row("OpenSoundscape 0.13.2", np.array(theirs)))
    columns = ("engine", "sets", "none given", "within 15 m", f"RMS m (capped at {CAP_M:.0f})", "median m", "largest m")
    section.tables.append(Table("each set alone", columns, rows))
    section.figures = [
        told("sets within 15 m, Tocsin / OpenSoundscape", f"{rows[0][3]} / {rows[1][3]}"),
        told("OpenSoundscape's time a set", f"{1e3 * answer['seconds'] / len(tables):.2f} ms"),
    ]
    return section


def _sets() -> Iterator[tuple[Path, PulseTable, Network, Tuning]]:
    for position, folders in tests_by_position().items():
        tests = {test.name: test for test in open_recordings(folders[0].parent, published=True)}
        for folder in folders:
            network = network_of(tests[folder.name])
            for given in published_sets(folder):
                table = _table(tests[folder.name], given, network)
                if len(table) >= FEWEST_SENSORS:
                    yield folder, table, network, tuning_of(position)


def _table(test: RecordingSet, given: PublishedSet, network: Network) -> PulseTable:
    # Some sets hold a sensor twice; the earlier pulse is the direct sound.
    wanted: dict[str, int] = {}
    for sensor, text in given.arrivals:
        wanted[sensor] = min(parse_utc_ns(text), wanted.get(sensor, 2**62))
    return table_from_pulses([p for p in test.pulses or () if wanted.get(p.sensor) == p.arrival_ns], network)


def _located(table: PulseTable, network: Network, tuning: Tuning) -> NDArray[np.float64]:
    """(2,) place of the shot that most pulses are of, NaN when there is none."""
    try:
        shots = locate(table, network, tuning).shots
    except NotEnoughEvidence:
        shots = ()
    best = max(shots, key=lambda shot: len(shot.used), default=None)
    return np.full(2, np.nan) if best is None else best.position_m[:2]


def _error_m(folder: Path, place: NDArray[np.float64]) -> float:
    return float(np.hypot(*(place - truth(folder)["xy"])))


def _row(engine: str, error: NDArray[np.float64]) -> tuple[str, ...]:
    given = error[np.isfinite(error)]
    share = np.count_nonzero(given <= 15.0) / len(error)
    numbers = (share, np.sqrt(np.mean(np.minimum(given, CAP_M) ** 2)), np.median(given), given.max())
    return (engine, str(len(error)), str(len(error) - len(given)), *(f"{v:.3f}" for v in numbers))
