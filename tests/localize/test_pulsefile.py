"""Pulse files: exact times, stable order, repeats dropped, and one sentence for what is wrong."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import PulseFileError, TocsinError
from geo.place import Cartesian
from localize.network import Network, Sensor
from localize.pulsefile import PulseFile, parse_pulses, read_pulses, table_from_pulses
from tests.strategies import instants_ns, mutations
from wire.messages import Pulse
from wire.utc import NS_PER_S, format_utc_ns, parse_utc_ns

NETWORK = Network.of([Sensor(f"S{k}", Cartesian(100.0 * k, 50.0 * k * k, 0.0)) for k in range(5)])
LINE = {
    "sensor": "S1",
    "arrival": "2026-01-01T00:00:05.250000001Z",
    "sigma_s": 0.002,
    "snr_db": 20.5,
    "peak_db_spl": 96,
}


def _lines(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def test_reads_every_column() -> None:
    bare = {"sensor": "S3", "arrival": "2026-01-01T00:00:04Z", "snr_db": None}
    file = parse_pulses(_lines(LINE, bare), NETWORK, "p")
    table = file.table
    assert table.arrival_ns.tolist() == [parse_utc_ns("2026-01-01T00:00:04Z"), parse_utc_ns(str(LINE["arrival"]))]
    assert table.arrival_ns.dtype == np.int64
    assert table.sensor.tolist() == [3, 1]
    assert table.sensor.dtype == np.int32
    assert table.sigma_s[1] == 0.002
    assert table.snr_db[1] == 20.5
    assert table.peak_db_spl[1] == 96.0
    assert all(math.isnan(column[0]) for column in (table.sigma_s, table.snr_db, table.peak_db_spl))
    assert table.source.tolist() == [1, 0]
    assert file.duplicates == 0


@given(st.lists(st.tuples(instants_ns(), st.integers(0, 4)), max_size=30, unique=True))
def test_sorted_by_arrival_and_traceable(cases: list[tuple[int, int]]) -> None:
    data = _lines(*({"sensor": f"S{k}", "arrival": format_utc_ns(t)} for t, k in cases))
    table = parse_pulses(data, NETWORK, "p").table
    assert table.arrival_ns.tolist() == sorted(t for t, _ in cases)
    for arrival, sensor, source in zip(table.arrival_ns, table.sensor, table.source, strict=True):
        assert cases[source] == (arrival, sensor)


def test_equal_arrivals_keep_the_order_of_the_file() -> None:
    same = [{"sensor": f"S{k}", "arrival": LINE["arrival"]} for k in (4, 0, 2)]
    assert parse_pulses(_lines(*same), NETWORK, "p").table.sensor.tolist() == [4, 0, 2]


def test_a_repeated_line_is_dropped_and_counted() -> None:
    louder = {**LINE, "peak_db_spl": 97}
    spaced = json.dumps(LINE, indent=None, separators=(", ", " : ")).encode() + b"\n"
    file = parse_pulses(_lines(LINE, louder, LINE) + spaced + _lines(louder), NETWORK, "p")
    assert file.duplicates == 3
    assert file.table.peak_db_spl.tolist() == [96.0, 97.0]
    assert file.table.source.tolist() == [0, 1]


def test_blank_lines_and_windows_line_ends_are_nothing() -> None:
    data = b"\xef\xbb\xbf\n  \r\n" + _lines(LINE).replace(b"\n", b"\r\n") + b"\n\n" + _lines(LINE)[:-1]
    file = parse_pulses(data, NETWORK, "p")
    assert (len(file.table), file.duplicates) == (1, 1)
    assert file.table.source.tolist() == [2]


def test_zones_are_understood() -> None:
    file = parse_pulses(_lines({"sensor": "S0", "arrival": "2026-01-01T01:00:05.5+01:00"}), NETWORK, "p")
    assert file.table.arrival_ns.tolist() == [parse_utc_ns("2026-01-01T00:00:05.5Z")]


def test_an_empty_file_is_an_empty_table() -> None:
    file = parse_pulses(b"", NETWORK, "p")
    assert len(file.table) == 0
    assert file.table.sensor.dtype == np.int32


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sensor": "S9"}, "sensor: expected an id of the network, found 'S9'"),
        ({"sensor": 1}, "Expected str, got int, in sensor"),
        ({"station": "S1"}, "unknown key 'station': expected one of sensor, arrival"),
        ({"arrival": "yesterday"}, "arrival: expected ISO 8601 with a zone.*found 'yesterday'"),
        ({"arrival": "2026-01-01T00:00:05"}, "arrival: expected ISO 8601 with a zone"),
        ({"arrival": "2026-02-29T00:00:05Z"}, "arrival: expected ISO 8601"),
        ({"arrival": "1999-12-31T23:59:59Z"}, "arrival: expected an instant of 2000..2100"),
        ({"arrival": "2101-01-01T00:00:00Z"}, "arrival: expected an instant of 2000..2100"),
        ({"arrival": "9999-12-31T23:59:59Z"}, "arrival: expected an instant of 2000..2100"),
        ({"sigma_s": 0}, "sigma_s: expected more than 0, up to 10, found 0"),
        ({"sigma_s": -0.001}, "sigma_s: expected more than 0"),
        ({"sigma_s": 10.5}, "sigma_s: expected more than 0, up to 10, found 10.5"),
        ({"sigma_s": "2 ms"}, "in sigma_s"),
        ({"sigma_s": True}, "in sigma_s"),
        ({"snr_db": 1e9}, "snr_db: expected -100 .. 200"),
        ({"peak_db_spl": 400}, "peak_db_spl: expected -50 .. 250, found 400"),
    ],
)
def test_names_the_line_and_the_field(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PulseFileError, match=f"^pulses.jsonl, line 3: .*{sentence}") as raised:
        parse_pulses(b"\n" + _lines(LINE, {**LINE, **change}), NETWORK, "pulses.jsonl")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"{", "is not JSON"),
        (b'{"sensor": "S1", "arrival": "2026-01-01T00:00:00Z", "sigma_s": NaN}', "is not JSON"),
        (b'{"sensor": "S1", "arrival": "2026-01-01T00:00:00Z", "sigma_s": 1e999}', "sigma_s"),
        (b'{"sensor": "S1", "arrival": "2026-01-01T00:00:00Z"} {}', "is not JSON"),
        (b"[]", "Expected object"),
        (b'{"sensor": "S1"}', "no arrival"),
        (b'{"sensor": "\xff"}', "is not JSON"),
        (b"\x00\x01", "is not JSON"),
        (b"sensor,arrival", "is not JSON"),
    ],
)
def test_what_is_no_object_is_refused(text: bytes, sentence: str) -> None:
    with pytest.raises(PulseFileError, match=f"^p, line 2: .*{sentence}"):
        parse_pulses(_lines(LINE) + text, NETWORK, "p")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PulseFileError, match="cannot be read"):
        read_pulses(tmp_path / "absent.jsonl", NETWORK)


@given(mutations(LINE), st.integers(0, 3))
def test_any_json_is_read_or_refused_in_a_sentence(document: Any, before: int) -> None:
    _read_or_refuse(_lines(*[LINE] * before) + json.dumps(document).encode())


@given(st.binary(max_size=80) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_in_a_sentence(data: bytes) -> None:
    _read_or_refuse(data)
    _read_or_refuse(_lines(LINE) + data)


@given(st.integers(0, 110), st.binary(max_size=3))
def test_any_damage_to_a_line_is_read_or_refused(position: int, damage: bytes) -> None:
    line = _lines(LINE)
    _read_or_refuse(line[:position] + damage + line[position + len(damage) :])


def _read_or_refuse(data: bytes) -> None:
    outcome: PulseFile | TocsinError
    try:
        outcome = parse_pulses(data, NETWORK, "p")
    except TocsinError as error:
        outcome = error
    if isinstance(outcome, TocsinError):
        assert str(outcome).startswith("p, line ")
        assert outcome.exit_code == 2
    else:
        assert np.all(np.diff(outcome.table.arrival_ns) >= 0)


def test_fifteen_thousand_lines_take_a_moment(tmp_path: Path) -> None:
    """The bar is 60 ms; a busy test machine gets five times that, which still tells one parse a line from another."""
    start = parse_utc_ns("2026-01-01T00:00:00Z")
    rng = np.random.default_rng(1)
    lines = [
        {"sensor": f"S{k % 5}", "arrival": format_utc_ns(start + int(t)), "sigma_s": 0.002}
        for k, t in enumerate(rng.integers(0, 10**14, 15_000))
    ]
    path = tmp_path / "pulses.jsonl"
    path.write_bytes(_lines(*lines))
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        assert len(read_pulses(path, NETWORK).table) == 15_000
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 0.3


PULSES = [
    Pulse(sensor="S2", arrival_ns=10**18 + 5, sigma_s=1e-3, sequence=1, flags=("clipped",)),
    Pulse(sensor="S1", arrival_ns=10**18, sigma_s=2e-3, snr_db=12.0, peak_db_spl=99.0),
    Pulse(sensor="S2", arrival_ns=10**18 + 5, sigma_s=1e-3, sequence=1, flags=("clipped",)),
]


def test_pulses_of_nodes_become_columns() -> None:
    table = table_from_pulses(PULSES, NETWORK)
    assert table.arrival_ns.tolist() == [10**18, 10**18 + 5]
    assert table.sensor.tolist() == [1, 2]
    assert table.source.tolist() == [1, 0]
    assert table.flags == ((), ("clipped",))
    assert table.sigma_s.tolist() == [2e-3, 1e-3]
    assert table.snr_db[0] == 12.0
    assert math.isnan(table.snr_db[1])


@pytest.mark.parametrize(
    ("pulse", "sentence"),
    [
        (Pulse(sensor="S9", arrival_ns=10**18, sigma_s=1e-3), "pulse 2: sensor: expected an id of the network"),
        (Pulse(sensor="S1", arrival_ns=10**18, sigma_s=0.0), "pulse 2: sigma_s: expected more than 0"),
        (Pulse(sensor="S1", arrival_ns=5 * NS_PER_S, sigma_s=1e-3), "pulse 2: arrival_ns: expected an instant"),
        (Pulse(sensor="S1", arrival_ns=10**25, sigma_s=1e-3), "pulse 2: arrival_ns: expected an instant"),
    ],
)
def test_pulses_that_cannot_be_are_refused(pulse: Pulse, sentence: str) -> None:
    with pytest.raises(PulseFileError, match=sentence):
        table_from_pulses([PULSES[0], pulse], NETWORK)


def test_no_pulses_are_an_empty_table() -> None:
    assert len(table_from_pulses([], NETWORK)) == 0
