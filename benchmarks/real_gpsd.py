"""A real gpsd that hears a made-up receiver (gpsfake plays NMEA 0183 sentences to it)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

METRES_A_DEGREE = 111_320.0


def missing() -> str | None:
    """Why it cannot be run here; None when it can."""
    absent = [p for p in ("gpsd", "gpsfake") if shutil.which(p, path="/usr/sbin:/usr/bin:/usr/local/bin") is None]
    return f"{absent[0]} is not installed" if absent else None


def sentence(body: str) -> str:
    """An NMEA 0183 sentence with its checksum."""
    total = 0
    for character in body:
        total ^= ord(character)
    return f"${body}*{total:02X}\r\n"


def _degrees(value: float, width: int, signs: str) -> str:
    whole, fraction = divmod(abs(value), 1)
    return f"{int(whole):0{width}d}{fraction * 60:09.6f},{signs[value < 0]}"


def nmea(fixes: Iterable[tuple[float, float]], quality: int = 1) -> str:
    """A log of one fix a second at (longitude, latitude) degrees; height 20 m above sea, the geoid 30 m below the
    ellipsoid.  quality : of GGA, 1 GPS, 2 differential, 4 RTK."""
    lines = []
    for second, (longitude, latitude) in enumerate(fixes):
        clock = f"{12 + second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}.00"
        place = f"{_degrees(latitude, 2, 'NS')},{_degrees(longitude, 3, 'EW')}"
        lines += [
            sentence(f"GPRMC,{clock},A,{place},0.0,0.0,140826,,,A"),
            sentence(f"GPGGA,{clock},{place},{quality},09,0.9,20.0,M,-30.0,M,,"),
            sentence("GPGSA,A,3,01,02,03,04,05,06,07,08,09,,,,1.5,0.9,1.2"),
        ]
    return "".join(lines)


class RealGpsd:
    """gpsd on a free port, fed with a log, sentence by sentence."""

    def __init__(self, folder: Path, log: str, pause_s: float = 0.005) -> None:
        recorded = folder / "receiver.nmea"
        recorded.write_text(log, encoding="ascii")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._said = (folder / "gpsfake.log").open("wb")
        self._process = subprocess.Popen(
            ["gpsfake", "-c", str(pause_s), "-q", "-P", str(self.port), str(recorded)],
            stdout=self._said, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def __enter__(self) -> RealGpsd:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._said.close()

    def kill(self) -> None:
        """End gpsd and its feeder."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
