"""Pulse files: JSON lines of arrivals, and the tables made of them.

One object a line::

    {"sensor": "S001", "arrival": "2026-01-01T00:00:05.250000000Z", "sigma_s": 0.002, "snr_db": 20.1, "peak_db_spl": 96}

``arrival`` is ISO 8601 with a zone and up to nine digits of a second; the last three keys may be left out or null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from errors import PulseFileError, found
from localize.instants import utc_ns_of
from localize.network import Network
from localize.pulses import PulseTable
from wire.messages import Pulse
from wire.utc import parse_utc_ns

EARLIEST_NS = parse_utc_ns("2000-01-01T00:00:00Z")
LATEST_NS = parse_utc_ns("2101-01-01T00:00:00Z")

# A sigma beyond 10 s says nothing about a shot; levels beyond these are no sound in air (194 dB is a full vacuum swing
# of 1 atm; shock waves at the muzzle go beyond).
BOUNDS = {"sigma_s": (0.0, 10.0), "snr_db": (-100.0, 200.0), "peak_db_spl": (-50.0, 250.0)}


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    sensor: str
    arrival: str
    sigma_s: float | None = None
    snr_db: float | None = None
    peak_db_spl: float | None = None


_DECODER = msgspec.json.Decoder(_Line)


@dataclass(frozen=True, slots=True)
class PulseFile:
    """What a pulse file held.

    table : its pulses; ``source`` is the line, counted from 0.
    duplicates : lines that repeat another in every value, and were dropped.
    """

    table: PulseTable
    duplicates: int


def read_pulses(path: Path, network: Network) -> PulseFile:
    """The pulses of a file, sorted by arrival; equal arrivals keep the order of the file.

    Raises
    ------
    PulseFileError
        The file cannot be read, or a line is not such an object: bad JSON, unknown key, unknown sensor, an arrival
        that is no instant of 2000..2100, ``sigma_s`` outside (0, 10] s, a level that no sound has.  The message names
        file, line and field.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PulseFileError(path, f"cannot be read ({error.strerror or error})") from error
    return parse_pulses(data, network, path)


def parse_pulses(data: bytes, network: Network, where: object) -> PulseFile:
    """The pulses of the bytes of a pulse file; ``where`` names it in errors.

    Raises
    ------
    PulseFileError
        As ``read_pulses``.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    texts = data.split(b"\n")
    numbers = np.array([k for k, text in enumerate(texts) if text and not text.isspace()], dtype=np.int64)
    at = _At(where, numbers)
    lines = _decode(data, texts, at, numbers)
    columns = {name: np.array([getattr(line, name) for line in lines], dtype=np.float64) for name in BOUNDS}
    _check(columns, at)
    arrival_ns = _arrival_ns(lines, at)
    sensor = _rows([line.sensor for line in lines], network, at)
    order = _distinct(arrival_ns, sensor, columns)
    return PulseFile(_table(arrival_ns, sensor, columns, numbers, order), duplicates=len(lines) - len(order))


def table_from_pulses(pulses: Sequence[Pulse], network: Network, where: object = "pulses") -> PulseTable:
    """The columns of pulses that nodes sent; ``source`` is the index into ``pulses``; repeats of a pulse are dropped.

    ``where`` names the pulses in errors.

    Raises
    ------
    PulseFileError
        A sensor that the network does not hold, or a value out of the bounds of ``read_pulses``.
    """
    at = _At(where, None)
    first: dict[tuple[str, str, int, int], int] = {}
    for k, pulse in enumerate(pulses):
        if not EARLIEST_NS <= pulse.arrival_ns < LATEST_NS:
            raise PulseFileError(at(k), "arrival_ns", expected="an instant of 2000..2100", seen=pulse.arrival_ns)
        first.setdefault((pulse.sensor, pulse.boot, pulse.sequence, pulse.arrival_ns), k)
    columns = {name: np.array([getattr(pulse, name) for pulse in pulses], dtype=np.float64) for name in BOUNDS}
    _check(columns, at)
    arrival_ns = np.array([pulse.arrival_ns for pulse in pulses], dtype=np.int64)
    sensor = _rows([pulse.sensor for pulse in pulses], network, at)
    kept = np.array(list(first.values()), dtype=np.int64)
    order = kept[np.argsort(arrival_ns[kept], kind="stable")]
    flags = tuple(pulses[k].flags for k in order)
    table = _table(arrival_ns, sensor, columns, np.arange(len(pulses)), order, flags)
    peak_dbfs = np.array([pulses[k].features.get("peak_dbfs", np.nan) for k in order])
    return replace(table, peak_dbfs=peak_dbfs) if np.isfinite(peak_dbfs).any() else table


def _table(
    arrival_ns: NDArray[np.int64],
    sensor: NDArray[np.int32],
    columns: Mapping[str, NDArray[np.float64]],
    source: NDArray[np.int64],
    order: NDArray[np.int64],
    flags: tuple[tuple[str, ...], ...] = (),
) -> PulseTable:
    return PulseTable(
        arrival_ns=arrival_ns[order],
        sensor=sensor[order],
        sigma_s=columns["sigma_s"][order],
        snr_db=columns["snr_db"][order],
        peak_db_spl=columns["peak_db_spl"][order],
        source=source[order],
        flags=flags,
    )


class _At:
    """Names the row of a column in errors: its line in the file, or its number in a sequence."""

    def __init__(self, where: object, numbers: NDArray[np.int64] | None) -> None:
        self._where = where
        self._numbers = numbers

    def __call__(self, row: int) -> str:
        if self._numbers is None:
            return f"{self._where}, pulse {row + 1}"
        return f"{self._where}, line {self._numbers[row] + 1}"


def _decode(data: bytes, texts: Sequence[bytes], at: _At, numbers: NDArray[np.int64]) -> list[_Line]:
    """Every line that is not blank, as an object; all at once, and one by one when that fails, to name the line."""
    try:
        lines = _DECODER.decode_lines(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        lines = []
    if len(lines) == len(numbers):
        return lines
    lines = []
    for row, number in enumerate(numbers):
        try:
            lines.append(_DECODER.decode(texts[number]))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise PulseFileError(at(row), _fault(texts[number], error)) from error
    return lines


def _fault(text: bytes, error: Exception) -> str:
    """What is wrong with a line, in the words of the format."""
    sentence = str(error)
    if isinstance(error, msgspec.ValidationError):
        if "unknown field" in sentence:
            key = sentence.split("`")[1]
            return f"unknown key {found(key)}: expected one of {', '.join(_Line.__struct_fields__)}"
        if "missing required field" in sentence:
            return f"no {sentence.split('`')[1]}"
        return sentence.replace("`", "").replace(" - at $.", ", in ")
    return f"is not JSON ({sentence.replace('`', '')}), found {found(text.decode(errors='replace'), 40)}"


def _arrival_ns(lines: Sequence[_Line], at: _At) -> NDArray[np.int64]:
    """(n,) int64, UTC nanoseconds, refused outside 2000..2100."""
    arrival_ns, unread = utc_ns_of([line.arrival for line in lines])
    for row in np.flatnonzero(unread).tolist():
        try:
            exact = parse_utc_ns(lines[row].arrival)
        except ValueError:
            expected = 'ISO 8601 with a zone, "2026-01-31T23:59:59.123456789Z"'
            raise PulseFileError(at(row), "arrival", expected=expected, seen=lines[row].arrival) from None
        arrival_ns[row] = min(max(exact, EARLIEST_NS - 1), LATEST_NS)  # year 9999 does not fit 64 bits
    for row in np.flatnonzero((arrival_ns < EARLIEST_NS) | (arrival_ns >= LATEST_NS)).tolist():
        raise PulseFileError(at(row), "arrival", expected="an instant of 2000..2100", seen=lines[row].arrival)
    return arrival_ns


def _check(columns: Mapping[str, NDArray[np.float64]], at: _At) -> None:
    """Refuse numbers that are stated but cannot be; NaN stands for "not stated"."""
    for name, (low, high) in BOUNDS.items():
        column = columns[name]
        bad = (column < low) | (column > high)
        if name == "sigma_s":
            bad |= column == 0.0
        for row in np.flatnonzero(bad).tolist():
            expected = f"more than {low:g}, up to {high:g}" if name == "sigma_s" else f"{low:g} .. {high:g}"
            raise PulseFileError(at(row), name, expected=expected, seen=float(column[row]))


def _rows(sensors: Sequence[str], network: Network, at: _At) -> NDArray[np.int32]:
    """(n,) int32, the row of each sensor in the network."""
    index = network.index
    rows = np.array([index.get(name, -1) for name in sensors], dtype=np.int32)
    for row in np.flatnonzero(rows < 0).tolist():
        raise PulseFileError(at(row), "sensor", expected="an id of the network", seen=sensors[row])
    return rows


def _distinct(
    arrival_ns: NDArray[np.int64], sensor: NDArray[np.int32], columns: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.int64]:
    """(m,) int64, rows sorted by arrival (ties as in the input), each repeat of an earlier row left out."""
    order = np.argsort(arrival_ns, kind="stable")
    grouped = np.lexsort((sensor, arrival_ns))
    same = (np.diff(arrival_ns[grouped]) == 0) & (np.diff(sensor[grouped]) == 0)
    seen: set[tuple[object, ...]] = set()
    repeats: list[int] = []
    suspects = np.unique(np.concatenate([grouped[1:][same], grouped[:-1][same]]))
    for row in suspects.tolist():
        values = (None if math.isnan(v) else v for v in (float(columns[name][row]) for name in BOUNDS))
        key = (int(arrival_ns[row]), int(sensor[row]), *values)
        if key in seen:
            repeats.append(int(row))
        seen.add(key)
    return order[~np.isin(order, repeats)] if repeats else order
