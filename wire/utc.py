"""UTC instants as integer nanoseconds since 1970-01-01, and their ISO 8601 text.

Floats never hold an absolute time: a float64 of seconds since 1970 resolves only 0.24 us.
"""

from __future__ import annotations

import calendar
import re

NS_PER_S = 1_000_000_000

_ISO = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[T ](?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?:\.(?P<fraction>\d{1,9})0*)?(?P<zone>Z|[+-]\d\d:?\d\d)",
    re.ASCII,
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def parse_utc_ns(text: str) -> int:
    """UTC nanoseconds of an ISO 8601 instant.

    Parameters
    ----------
    text : ``YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm)``, fraction up to nanoseconds.  A zone is required: an instant
        without one is a guess.

    Returns
    -------
    int, nanoseconds since 1970-01-01T00:00:00Z, exact.

    Raises
    ------
    ValueError
        When the text is not such an instant, or names a date that does not exist.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"not an ISO 8601 instant with a zone: {text!r}")
    names = ("year", "month", "day", "hour", "minute", "second")
    year, month, day, hour, minute, second = (int(match[name]) for name in names)
    leap_february = month == 2 and day == 29 and not calendar.isleap(year)
    if not (1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]) or leap_february or year < 1970:
        raise ValueError(f"no such date: {text!r}")
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"no such time of day: {text!r}")
    offset_s = 0
    if match["zone"] != "Z":
        zone = match["zone"].replace(":", "")
        if int(zone[1:3]) > 23 or int(zone[3:5]) > 59:
            raise ValueError(f"no such zone: {text!r}")
        offset_s = (int(zone[1:3]) * 3600 + int(zone[3:5]) * 60) * (1 if zone[0] == "+" else -1)
    whole = calendar.timegm((year, month, day, hour, minute, second, 0, 0, 0)) - offset_s
    return whole * NS_PER_S + int((match["fraction"] or "0").ljust(9, "0"))


def format_utc_ns(instant_ns: int) -> str:
    """ISO 8601 text of UTC nanoseconds, nine digits and ``Z``; ``parse_utc_ns`` gives the same integer back."""
    whole, fraction = divmod(instant_ns, NS_PER_S)
    days, rest = divmod(whole, 86_400)
    # Civil date from days since the epoch, proleptic Gregorian: Hinnant 2013, "chrono-compatible low-level date
    # algorithms"; datetime would do, but overflows at year 9999 with another exception.
    shifted = days + 719_468
    era, day_of_era = divmod(shifted, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_index = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_index + 2) // 5 + 1
    month = month_index + 3 if month_index < 10 else month_index - 9
    year = year_of_era + era * 400 + (month <= 2)
    hour, minute, second = rest // 3600, rest // 60 % 60, rest % 60
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{fraction:09d}Z"
