"""What chrony says of the system clock: ``chronyc -c tracking`` asked and read.

The fields are those of chronyc(1), "tracking"; ``-c`` prints them as comma-separated values, ``-n`` keeps chronyc from
asking name servers.  The signs were checked against chronyd with a reference clock of known offset
(tests/sensors/clock/test_chronyd.py): in the comma-separated form a positive "System time" means that the system clock
is slow, so that UTC = system clock + offset.
"""

from __future__ import annotations

import math
import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import Literal

from errors import ClockError, found
from wire.utc import NS_PER_S

Leap = Literal["normal", "insert", "delete", "unsynchronised"]

LEAPS: dict[str, Leap] = {
    "Normal": "normal",
    "Insert second": "insert",
    "Delete second": "delete",
    "Not synchronised": "unsynchronised",
}
FIELDS = (
    "reference id", "name", "stratum", "reference time", "system time", "last offset", "RMS offset", "frequency",
    "residual frequency", "skew", "root delay", "root dispersion", "update interval", "leap status",
)  # fmt: skip
LOCAL_REFID = 0x7F7F0101
"""Reference id 127.127.1.1: chrony's ``local`` mode, which serves the system clock as it is."""
LONGEST = 1000
"""Characters of an answer; chronyc prints some 150."""

_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,20})?", re.ASCII)
_REFERENCE_TIME = re.compile(r"(\d{1,11})\.(\d{9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tracking:
    """One answer.

    refid : reference id of the source, 0 when there is none.  name : its address, or the name of a reference clock.
    stratum : of the system clock; 0 when chrony is not synchronised.
    reference_ns : UTC nanoseconds when the last measurement of the source was processed, by chrony's clock.
    offset_s : UTC = system clock + offset; what chrony knows and has not yet corrected.
    last_offset_s : what the last measurement changed; positive when chrony's clock was ahead.
    rms_offset_s : long-term average of it.
    frequency_ppm : how much too fast the system clock would run uncorrected (negative: too slow).
    residual_ppm : of the frequency, not yet corrected.  skew_ppm : error bound of the frequency.
    root_delay_s, root_dispersion_s : network delay to, and error accumulated from, the primary clock.
    update_interval_s : between the last two measurements; 0 before the second.
    leap : what is to come at the end of the month.
    """

    refid: int
    name: str
    stratum: int
    reference_ns: int
    offset_s: float
    last_offset_s: float
    rms_offset_s: float
    frequency_ppm: float
    residual_ppm: float
    skew_ppm: float
    root_delay_s: float
    root_dispersion_s: float
    update_interval_s: float
    leap: Leap

    @property
    def synchronised(self) -> bool:
        """Whether chrony follows a source outside this machine."""
        return self.leap != "unsynchronised" and 0 < self.stratum < 16 and self.refid not in (0, LOCAL_REFID)

    @property
    def names(self) -> frozenset[str]:
        """What the source may be called: its name, and its reference id as hexadecimal and as text."""
        text = self.refid.to_bytes(4, "big").rstrip(b"\0")
        written = text.decode("ascii") if text.isascii() else ""
        return frozenset({self.name, f"{self.refid:08X}", written}) - {""}


def ask(chronyc: str, timeout_s: float) -> Tracking:
    """What chrony says now.

    Parameters
    ----------
    chronyc : the command, which may hold arguments (``chronyc -h /run/chrony/chronyd.sock``), quoted as in a shell.
    timeout_s : longest wait for its answer.

    Raises
    ------
    ClockError
        The command is missing, does not answer in time, fails, or says something else.
    """
    try:
        command = shlex.split(chronyc)
    except ValueError as error:
        raise ClockError(f"clock.chronyc {found(chronyc)}", f"is not a command ({error})") from error
    if not command:
        raise ClockError("clock.chronyc", "expected a command, found none")
    try:
        done = subprocess.run(
            [*command, "-n", "-c", "tracking"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ClockError(command[0], f"did not answer within {timeout_s:g} s; is chronyd well?") from error
    except (OSError, ValueError) as error:
        raise ClockError(command[0], f"cannot be run ({error}); is chrony installed?") from error
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        raise ClockError(command[0], f"failed with {found(said or done.returncode)}; is chronyd running?")
    return parse_tracking(said)


def parse_tracking(line: str) -> Tracking:
    """The answer that a line of ``chronyc -c tracking`` holds.

    Raises
    ------
    ClockError
        The line has not the fourteen fields, or one of them is not what it should be; the sentence names it.
    """
    if len(line) > LONGEST:
        raise _wrong("answer", f"at most {LONGEST} characters", len(line))
    fields = line.strip().split(",")
    if len(fields) != len(FIELDS):
        raise _wrong("answer", f"{len(FIELDS)} comma-separated fields", line)
    if not re.fullmatch(r"[0-9A-Fa-f]{8}", fields[0], re.ASCII):
        raise _wrong(FIELDS[0], "eight hexadecimal digits", fields[0])
    if not fields[1].isprintable():
        raise _wrong(FIELDS[1], "printable text", fields[1])
    if not re.fullmatch(r"\d{1,2}", fields[2], re.ASCII) or int(fields[2]) > 16:
        raise _wrong(FIELDS[2], "0 .. 16", fields[2])
    instant = _REFERENCE_TIME.fullmatch(fields[3])
    if instant is None:
        raise _wrong(FIELDS[3], "seconds since 1970 with nine decimals", fields[3])
    if fields[13] not in LEAPS:
        raise _wrong(FIELDS[13], f"one of {', '.join(LEAPS)}", fields[13])
    least = (-math.inf, -math.inf, 0.0, -math.inf, -math.inf, 0.0, 0.0, 0.0, 0.0)
    numbers = [_number(name, text, low) for name, text, low in zip(FIELDS[4:13], fields[4:13], least, strict=True)]
    return Tracking(
        refid=int(fields[0], 16),
        name=fields[1],
        stratum=int(fields[2]),
        reference_ns=int(instant[1]) * NS_PER_S + int(instant[2]),
        offset_s=numbers[0],
        last_offset_s=numbers[1],
        rms_offset_s=numbers[2],
        frequency_ppm=numbers[3],
        residual_ppm=numbers[4],
        skew_ppm=numbers[5],
        root_delay_s=numbers[6],
        root_dispersion_s=numbers[7],
        update_interval_s=numbers[8],
        leap=LEAPS[fields[13]],
    )


def _number(name: str, text: str, low: float) -> float:
    if not _NUMBER.fullmatch(text) or float(text) < low:
        raise _wrong(name, "a number" if low < 0 else "a number, zero or more", text)
    return float(text)


def _wrong(field: str, expected: str, seen: object) -> ClockError:
    return ClockError("chronyc tracking", f"{field}: expected {expected}, found {found(seen)}")
