"""Pulses of real gunfire against those that the publisher's sensors reported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from sensors.listen import listen
from sensors.recordings import open_recordings
from wire.utc import NS_PER_S, parse_utc_ns

PUBLISHED_CUT_NS = 500_000
"""Published times are whole milliseconds, cut rather than rounded: our picks of sharp arrivals lie evenly between 0 and
1 ms after them, so the middle of that millisecond is the best reading."""


def test_one_position_of_live_fire(livefire: Path) -> None:
    """FP3: 166 arrivals of shots at sensors with audio, nearly half of the files clipped, all padded with zeros."""
    late_s: list[float] = []
    sigma_s: list[float] = []
    pulses = captures = 0
    for recording in open_recordings(livefire / "FP3"):
        folder = livefire / "FP3" / recording.name
        published = {p["pulse_uuid"]: p for p in json.loads((folder / f"{recording.name}.allpulses.json").read_text())}
        tuples = json.loads((folder / f"{recording.name}.nlos-tuples.json").read_text())
        wanted = [published[u] for shot in tuples for u in shot["pulse_uuids"] if u in published]
        for capture in recording.captures:
            heard = list(listen(capture))
            pulses, captures = pulses + len(heard), captures + 1
            for pulse in wanted:
                if pulse["serial_number"] == capture.sensor:
                    truth_ns = parse_utc_ns(pulse["arrival_time_utc"]) + PUBLISHED_CUT_NS
                    nearest = min(heard, key=lambda p: abs(p.arrival_ns - truth_ns))
                    late_s.append((nearest.arrival_ns - truth_ns) / NS_PER_S)
                    sigma_s.append(nearest.sigma_s)
    late, sigma = np.array(late_s), np.array(sigma_s)
    near = np.abs(late) <= 8e-3
    assert len(late) >= 160
    assert near.mean() >= 0.98
    bias = np.median(late[near])
    assert abs(bias) <= 1e-4
    assert 1.4826 * np.median(np.abs(late[near] - bias)) <= 5e-4
    standardised = (late[near] - bias) / np.hypot(sigma[near], 1e-3 / np.sqrt(12.0))
    assert 0.7 < 1.4826 * np.median(np.abs(standardised)) < 1.3
    assert pulses / captures < 6.0
