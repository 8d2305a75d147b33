"""Live fire: the command line on real recordings, scored against the survey, position by position.

Cross-validated: a position is located with a tuning that was fitted on the other positions, where one is there.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import command, livefire_plots
from benchmarks.figures import Figure, Section, Table, at_least, at_most, told
from benchmarks.livefire_truth import SURVEY_SD_M, score_file, tests_by_position, truth
from benchmarks.shared_data import ROOT
from benchmarks.shot_rows import ShotRow, row_of_shot, rows_of_file
from errors import NotEnoughEvidence
from localize.locate import locate
from localize.network import Network, Sensor
from localize.pulsefile import table_from_pulses
from localize.tuning import DEFAULT_TUNING, Tuning
from sensors.recording_set import RecordingSet
from wire.messages import Pulse

HELD_OUT = ROOT / "benchmarks" / "held_out"
"""``FP1.toml``: a tuning fitted on every firing position but FP1."""

TEXT = f"""
108 tests of the live-fire recordings that ShotSpotter, Inc. published (CC BY 4.0; Calhoun et al., arXiv
2108.07377): six firing positions, 216 shots, three handguns, a city. Errors are against the survey, itself good
to about 2.5 m. A located shot is matched to a fired one within 0.25 s and 250 m; others are false. Coverage is
judged against the survey widened by {SURVEY_SD_M:.0f} m on each axis.

Cross-validation: each position is located with a tuning of its own, `benchmarks/held_out/`, whose site priors
(timing noise, late arrivals, clutter and echoes; hearing only where the fit makes the audio of those five better, a
rule that was tightened after it had been seen to cost shots at the position held out) were fitted by
`python -m benchmarks.fit` on the published pulses of the other five positions. The priors that the fit itself starts
from, and all other constants of association and location (such as what odds a shot needs to be believed, how alike the
rounds of a burst are, and the scatter of levels) and of the detector, are the same everywhere: they were chosen by
people who looked at all six positions, and nothing here shows what they are worth on a seventh.
"""


def tuning_for(position: str) -> Path | None:
    """The tuning fitted without this position; None when there is none, and the defaults are used."""
    path = HELD_OUT / f"{position}.toml"
    return path if path.exists() else None


def tuning_of(position: str) -> Tuning:
    """What ``tuning_for`` names, read."""
    path = tuning_for(position)
    return DEFAULT_TUNING if path is None else Tuning.read(path)


def network_of(recording: RecordingSet) -> Network:
    """The network that a recording set describes."""
    sensors = [
        Sensor(site.sensor, site.place, np.nan if site.position_sigma_m is None else site.position_sigma_m)
        for site in recording.sites
    ]
    return Network.of(sensors, recording.weather, where=recording.path)


def located_in(recording: RecordingSet, network: Network, tuning: Tuning) -> list[ShotRow]:
    """Shots of the published pulses of one test, in this process, without sensors outside the network."""
    return located_from([pulse for pulse in recording.pulses or () if pulse.sensor in network.index], network, tuning)


def located_from(pulses: Sequence[Pulse], network: Network, tuning: Tuning) -> list[ShotRow]:
    """Shots of some pulses, all of sensors of the network, in this process; none where the geometry bears none."""
    try:
        return [row_of_shot(shot) for shot in locate(table_from_pulses(pulses, network), network, tuning).shots]
    except NotEnoughEvidence:
        return []


def command_scores(*, published: bool) -> tuple[dict[str, dict[str, Any]], Path]:
    """Scores of ``tocsin locate`` on every position, ``all`` and each; and the file of located shots, which stays."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="livefire-") as name:
        for position, folders in tests_by_position().items():
            out = Path(name) / f"{position}.jsonl"
            tuning = tuning_for(position)
            options = [*(["--pulses"] if published else []), *(["--tuning", str(tuning)] if tuning else [])]
            command.run("locate", folders[0].parent, *options, "--format", "jsonl", "--out", out)
            lines += out.read_text().splitlines(keepends=True)
    kept = ROOT / "out" / "benchmarks" / f"livefire-{'pulses' if published else 'audio'}.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("".join(lines))
    return score_file(kept), kept


def measure() -> list[Section]:
    """Published pulses and audio, through the command line."""
    pulses, pulse_file = command_scores(published=True)
    audio, audio_file = command_scores(published=False)
    given = Section("live fire, published pulses", "field", TEXT)
    score = pulses["all"]
    given.figures = [
        at_least("found", score["found"], 216, "d"),
        at_least("within 15 m", score.get("within_15m", 0.0), 1.0, ".4f"),
        at_most("false", score["false"], 1, "d"),
        at_most("RMS to the survey", score.get("rms_m", np.inf), 4.4, ".2f", " m"),
        told("coverage of 50 % / 95 %", f"{score.get('coverage_50', 0):.3f} / {score.get('coverage_95', 0):.3f}"),
    ]
    given.tables.append(_positions(pulses))
    heard = Section("live fire, audio only", "field", "At most six sensors a test have audio, often four; all is used.")
    score = audio["all"]
    heard.figures = [
        at_least("found", score["found"], 208, "d"),
        at_least("within 15 m", score.get("within_15m", 0.0), 0.92, ".4f"),
        at_most("false", score["false"], 4, "d"),
        told("coverage of 50 % / 95 %", f"{score.get('coverage_50', 0):.3f} / {score.get('coverage_95', 0):.3f}"),
    ]
    heard.figures += three_sensor_figures(audio_file)
    heard.tables.append(_positions(audio))
    held_out = [position for position in tests_by_position() if tuning_for(position) is not None]
    given.figures.append(at_least("positions located with a tuning fitted without them", len(held_out), 6, "d"))
    if left := sorted(tests_by_position().keys() - set(held_out)):
        given.text += f"\nNot cross-validated, located with the default tuning: {', '.join(left)}.\n"
    given.images = livefire_plots.offsets(pulse_file, "livefire-pulses", "published pulses")
    heard.images = livefire_plots.offsets(audio_file, "livefire-audio", "audio only")
    heard.images += livefire_plots.distributions({"published pulses": pulse_file, "audio": audio_file})
    return [given, heard]


def three_sensor_figures(shots: Path) -> list[Figure]:
    """What fixes of three sensors must show: never given as firm, and with honest regions."""
    tests = [json.loads(line)["test"] for line in shots.read_text().splitlines()]
    folders = {folder.name: folder for found in tests_by_position().values() for folder in found}
    few = [(folders[test], row) for test, row in zip(tests, rows_of_file(shots), strict=True) if row.sensors <= 3]
    firm = sum(not row.provisional for _, row in few)
    covered = sum(row.nearly_covers(truth(folder)["xy"], SURVEY_SD_M) for folder, row in few)
    return [
        at_most("fixes of three sensors that are not marked provisional", firm, 0, "d"),
        told(f"fixes of three sensors whose 95 % region comes within {SURVEY_SD_M:.0f} m", f"{covered} of {len(few)}"),
    ]


def _positions(scores: Mapping[str, Mapping[str, Any]]) -> Table:
    """The compact table: what was found of what was fired, how far off, and how honest the regions are."""
    rows = []
    for label, score in scores.items():
        near = round(score.get("within_15m", 0.0) * score["fired"])
        numbers = (score.get("rms_m"), score.get("median_m"), score.get("max_m"))
        errors = ["" if v is None else f"{v:.1f}" for v in numbers]
        covered = [f"{100 * score[key]:.0f} %" if key in score else "" for key in ("coverage_50", "coverage_95")]
        counts = (str(score["fired"]), str(score["found"]), str(near), str(score["false"]))
        rows.append((label, *counts, *errors, *covered, f"{score.get('median_sensors', 0):.0f}"))
    columns = ("position", "fired", "found", "within 15 m", "false", "RMS m", "median m", "largest m")
    regions = ("50 % region holds", "95 % region holds")
    return Table("by firing position", (*columns, *regions, "median sensors"), tuple(rows))
