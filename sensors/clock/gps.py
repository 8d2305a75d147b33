"""Where the node is, by GPS: the long-term mean of what gpsd reports, and whether the node has been moved.

Single fixes are off by metres, and the errors of fixes minutes apart are alike (satellites, ionosphere, reflections):
a mean over n seconds is not sqrt(n) better.  So medians of minutes are gathered into medians of hours, and only hours
count as independent (docs/time.md, "The place").  Reports are those of gpsd_json(5), class TPV.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import socket
import statistics
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

from gpsdclient.client import GPSDClient

from sensors.node.config import Clock, Place
from wire.messages import PlaceHealth

SILENT_S = 15.0
"""gpsd reports each second; after so long without a report it is asked anew."""
STALE_S = 10.0
"""A fix is no fix any more after this."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
"""Between two tries to reach gpsd: doubled each time."""
FIX_SIGMA_M = 2.5
"""One standard deviation of a fix on each horizontal axis that no receiver should be believed to beat without help."""
INDEPENDENT_S = 3600.0
"""Errors of fixes so far apart are taken to be independent."""
FLOOR_M = 0.5
"""What no mean removes: reflections that come back each sidereal day, the antenna beside the microphone."""
MINUTE_S = 60.0
HOURS = 720
"""Hours remembered: a month."""
RECENT, FEWEST = 60, 10
"""Fixes that tell where the node is now, and how many it takes."""
SCATTERS = 3.0
"""So many times their scatter must the last fixes lie off."""

Fix = Literal["none", "2d", "3d", "dgps", "rtk"]

_log = logging.getLogger("tocsin.node.gps")


def fix_of(report: dict[str, Any]) -> Fix:
    """Quality of a TPV report."""
    mode = report.get("mode", 0)
    if mode not in (2, 3):
        return "none"
    by_status: dict[object, Fix] = {2: "dgps", 3: "rtk", 4: "rtk"}
    return by_status.get(report.get("status"), "2d" if mode == 2 else "3d")


@dataclass(frozen=True, slots=True)
class _Plane:
    """East and north of a point, metres on the tangent plane of WGS 84; good to a millimetre within a kilometre."""

    longitude: float
    latitude: float

    def _scales(self) -> tuple[float, float]:
        """Metres a degree, east and north (meridian and prime vertical radii; Torge 2001, section 4.1)."""
        a, e2 = 6_378_137.0, 6.694_379_990_14e-3
        sine = math.sin(math.radians(self.latitude))
        w = math.sqrt(1 - e2 * sine * sine)
        degree = math.pi / 180
        east = a / w * math.cos(math.radians(self.latitude)) * degree
        return max(east, 1e-6), a * (1 - e2) / w**3 * degree

    def metres(self, longitude: float, latitude: float) -> tuple[float, float]:
        east, north = self._scales()
        turned = (longitude - self.longitude + 180) % 360 - 180
        return turned * east, (latitude - self.latitude) * north

    def degrees(self, east_m: float, north_m: float) -> tuple[float, float]:
        east, north = self._scales()
        longitude = (self.longitude + east_m / east + 180) % 360 - 180
        return longitude, max(-90.0, min(90.0, self.latitude + north_m / north))


Point = tuple[float, float, float]


def _median(points: list[Point]) -> Point:
    east, north, height = (statistics.median(axis) for axis in zip(*points, strict=True))
    return east, north, height


def _scatter(values: list[float]) -> float:
    """One standard deviation by the median deviation, that outliers do not move."""
    middle = statistics.median(values)
    return 1.4826 * statistics.median([abs(v - middle) for v in values])


class MeanPlace:
    """The long-term place of fixes: their number does not matter, only how long they span."""

    def __init__(self) -> None:
        self.plane: _Plane | None = None
        self._seconds: list[Point] = []
        self._minutes: list[Point] = []
        self._hours: deque[Point] = deque(maxlen=HOURS)
        self._minute_began_s = self._hour_began_s = 0.0
        self._scatters: deque[float] = deque(maxlen=HOURS)
        self._observed_s = 0.0
        self.recent: deque[tuple[float, float]] = deque(maxlen=RECENT)

    def add(self, at_s: float, longitude: float, latitude: float, height_m: float) -> None:
        """A fix at a monotonic time."""
        if self.plane is None:
            self.plane = _Plane(longitude, latitude)
            self._minute_began_s = self._hour_began_s = at_s
        east, north = self.plane.metres(longitude, latitude)
        self.recent.append((east, north))
        if at_s - self._minute_began_s >= MINUTE_S and self._seconds:
            self._minutes.append(_median(self._seconds))
            self._observed_s += MINUTE_S
            self._seconds, self._minute_began_s = [], at_s
            if at_s - self._hour_began_s >= INDEPENDENT_S:
                self._hours.append(_median(self._minutes))
                self._scatters.append(self._minute_scatter())
                self._minutes, self._hour_began_s = [], at_s
        self._seconds.append((east, north, height_m))

    def _minute_scatter(self) -> float:
        if len(self._minutes) < 3:
            return 0.0
        return max(_scatter([p[axis] for p in self._minutes]) for axis in (0, 1))

    def mean(self) -> tuple[Point, float] | None:
        """East, north, height in metres on ``plane``, and one standard deviation of a horizontal axis; None without a
        fix."""
        points = list(self._hours) or self._minutes or self._seconds
        if not points:
            return None
        scatter = max(FIX_SIGMA_M, self._minute_scatter(), *self._scatters)
        if len(self._hours) >= 3:
            scatter = max(scatter, *(_scatter([p[axis] for p in self._hours]) for axis in (0, 1)))
        independent = 1 + min(self._observed_s / INDEPENDENT_S, HOURS)
        return _median(points), math.hypot(scatter / math.sqrt(independent), FLOOR_M)


class GpsWatch:
    """Asks gpsd beside the node's work; nothing that gpsd does or does not do disturbs it.

    config : of the clock; without ``gpsd`` nothing is asked.
    surveyed : where the node should be; None when only GPS tells.
    """

    def __init__(self, config: Clock, surveyed: Place | None) -> None:
        self._config = config
        self._surveyed = surveyed
        self._lock = threading.Lock()
        self._place = MeanPlace()
        self._fix: Fix = "none"
        self._fix_at_s = -math.inf
        self._problem: str | None = None
        self._stop = threading.Event()
        self._client: GPSDClient | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, when the configuration asks for it."""
        if self._config.gpsd and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="gps", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        host, port = self._config.gpsd_host, self._config.gpsd_port
        while not self._stop.is_set():
            try:
                client = self._client = GPSDClient(host, port, SILENT_S)
                for line in client.json_stream(filter=["TPV"]):
                    if self._stop.is_set():
                        break
                    if self.take(line):
                        wait_s = FIRST_WAIT_S
                problem = "gpsd has ended the connection"
            except TimeoutError:
                problem = f"gpsd has not reported for {SILENT_S:g} s; is the receiver connected?"
            except (OSError, ValueError) as error:
                first = str(error).strip().splitlines() or [type(error).__name__]
                problem = f"gpsd cannot be asked ({first[0]})"
            finally:
                self._hang_up()
            if self._stop.is_set():
                return
            self._note(f"gpsd {host}:{port}: {problem}")
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _note(self, problem: str | None) -> None:
        if problem != self._problem:
            self._problem = problem
            _log.log(*((logging.WARNING, problem) if problem else (logging.INFO, "gpsd reports again")))

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()  # type: ignore[no-untyped-call]

    def take(self, line: str, at_s: float | None = None) -> bool:
        """Take one report of gpsd; whether it was a position report.  Nonsense is not.

        line : JSON.  at_s : monotonic seconds; None for now.
        """
        try:
            return self._taken(line, at_s)
        except (ValueError, TypeError, OverflowError, RecursionError):
            return False  # lists where numbers belong, numbers of 400 digits, brackets without end

    def _taken(self, line: str, at_s: float | None) -> bool:
        report = json.loads(line)
        if not isinstance(report, dict) or report.get("class") != "TPV":
            return False
        now_s = time.monotonic() if at_s is None else at_s
        fix = fix_of(report)
        numbers = [report.get(name) for name in ("lon", "lat")]
        height = report.get("altHAE", 0.0)
        sound = all(isinstance(n, int | float) and math.isfinite(n) for n in (*numbers, height))
        longitude, latitude = numbers
        with self._lock:
            self._note(None)
            self._fix = "none"
            if fix != "none" and sound and longitude is not None and latitude is not None:
                if abs(longitude) > 180 or abs(latitude) > 90:
                    return False
                self._fix, self._fix_at_s = fix, now_s
                self._place.add(now_s, longitude, latitude, height)
        return True

    def health(self, at_s: float | None = None) -> PlaceHealth | None:
        """Where the node is; None when nobody knows.  ``at_s``: monotonic seconds; None for now."""
        now_s = time.monotonic() if at_s is None else at_s
        with self._lock:
            fix = self._fix if now_s - self._fix_at_s <= STALE_S else "none"
            mean, plane = self._place.mean(), self._place.plane
            surveyed = self._surveyed
            if surveyed is not None:
                moved_m = None
                if plane is not None:
                    at = plane.metres(surveyed.longitude, surveyed.latitude)
                    moved_m = self._moved_m(at, surveyed.sigma_m or 0.0)
                return PlaceHealth(
                    longitude=surveyed.longitude,
                    latitude=surveyed.latitude,
                    height_m=surveyed.height_m,
                    sigma_m=surveyed.sigma_m,
                    origin="configured",
                    fix=fix,
                    moved_m=moved_m,
                )
            if mean is None or plane is None:
                return None
            (east, north, height), sigma_m = mean
            longitude, latitude = plane.degrees(east, north)
            return PlaceHealth(
                longitude=longitude,
                latitude=latitude,
                height_m=height,
                sigma_m=sigma_m,
                origin="gps",
                fix=fix,
                moved_m=self._moved_m((east, north), sigma_m),
            )

    def _moved_m(self, place: tuple[float, float], sigma_m: float) -> float | None:
        """How far the last fixes lie from the place, when farther than allowed and than their scatter explains."""
        recent = list(self._place.recent)
        if len(recent) < FEWEST:
            return None
        east, north = (statistics.median(axis) for axis in zip(*recent, strict=True))
        away_m = math.hypot(east - place[0], north - place[1])
        scatter = max(FIX_SIGMA_M, *(_scatter([p[axis] for p in recent]) for axis in (0, 1)))
        return away_m if away_m > max(self._config.moved_m, SCATTERS * math.hypot(scatter, sigma_m)) else None

    def note(self) -> str | None:
        """What a technician should read, one sentence; None when all is well."""
        if self._problem is not None:
            return self._problem
        health = self.health()
        if health is None or health.moved_m is None:
            return None
        return (
            f"GPS: the last fixes lie {health.moved_m:.0f} m from where the sensor should be "
            f"(clock.moved_m is {self._config.moved_m:g}): it has been moved, or its place is wrong in node.toml"
        )

    def close(self) -> None:
        """Stop; harmless when not started."""
        self._stop.set()
        client = self._client
        if client is not None and client.sock is not None:
            with contextlib.suppress(OSError):  # closed meanwhile
                client.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread out of its read
        if self._thread is not None:
            self._thread.join(SILENT_S + 1)
            self._thread = None
