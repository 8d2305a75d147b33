"""The chunks of a WAV file, checked against the file's length.

libsndfile reads a WAV file that was cut short as if it were a shorter recording; for evidence that is a silent loss, so
the sizes written in the file are compared with what is there.  RIFF and RF64 (EBU Tech 3306, more than 4 GB) are read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from errors import RecordingError

MAX_CHUNKS = 4096
"""A real recording holds a dozen; the limit keeps a hostile file from making the walk long."""

_UNWRITTEN = 0xFFFFFFFF
"""What RF64 writes where the true size stands in ``ds64``, and what a recorder writes that has not finished."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: four-character name, where its content begins in the file and how many bytes it holds."""

    name: bytes
    offset: int
    size: int


def read_chunks(path: Path) -> tuple[Chunk, ...]:
    """The chunks of a WAV file, in order.

    Raises
    ------
    RecordingError
        When the file is not a WAV file, has no ``fmt`` or no ``data`` chunk, or is shorter than its chunks say.
    """
    try:
        with path.open("rb") as file:
            length = path.stat().st_size
            head = file.read(12)
            if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
                raise RecordingError(path, "header", expected="a WAV file (RIFF ... WAVE)", seen=head)
            is_rf64 = head[:4] == b"RF64"
            chunks: list[Chunk] = []
            wide_sizes: dict[bytes, int] = {}
            offset = 12
            while offset + 8 <= length and len(chunks) < MAX_CHUNKS:
                file.seek(offset)
                name, size = struct.unpack("<4sI", file.read(8))
                if not _printable(name):
                    if _complete(chunks):
                        break  # bytes that some recorder appended; what is needed came before
                    raise RecordingError(path, f"chunk name at byte {offset}", expected="four letters", seen=name)
                if is_rf64 and size == _UNWRITTEN:
                    size = wide_sizes.get(name, _UNWRITTEN)
                if offset + 8 + size > length:
                    what = f"chunk {name.decode('ascii')!r} is cut short, or was never finished by its recorder"
                    raise RecordingError(path, what, expected=f"{size} bytes", seen=length - offset - 8)
                if is_rf64 and name == b"ds64" and size >= 24:
                    _, data_size, _ = struct.unpack("<QQQ", file.read(24))
                    wide_sizes[b"data"] = data_size
                chunks.append(Chunk(name, offset + 8, size))
                offset += 8 + size + size % 2
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror or error})") from error
    if not _complete(chunks):
        names = ", ".join(chunk.name.decode("ascii") for chunk in chunks) or "nothing"
        raise RecordingError(path, "chunks", expected="'fmt ' and 'data'", seen=names)
    if not is_rf64:
        (stated,) = struct.unpack("<I", head[4:8])
        if stated + 8 > length + 1:  # a last pad byte is often left out
            raise RecordingError(path, "is cut short", expected=f"{stated + 8} bytes", seen=length)
    return tuple(chunks)


def read_chunk(path: Path, chunk: Chunk) -> bytes:
    """The content of one chunk."""
    with path.open("rb") as file:
        file.seek(chunk.offset)
        return file.read(chunk.size)


def _printable(name: bytes) -> bool:
    return all(32 <= byte < 127 for byte in name)


def _complete(chunks: list[Chunk]) -> bool:
    return {b"fmt ", b"data"} <= {chunk.name for chunk in chunks}
