"""Located shots as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tocsin.formats.record import shot_record
from tocsin.located import Located


def json_lines(results: Iterable[Located]) -> bytes:
    """One object a line, one line a shot, in the order of the tests and of discharge."""
    encode = msgspec.json.Encoder().encode
    return b"".join(encode(shot_record(located, shot)) + b"\n" for located in results for shot in located.shots)
