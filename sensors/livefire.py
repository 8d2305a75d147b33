"""Live-fire tests: one folder a test, one parent folder a firing position.

A test folder ``test_NNN`` holds the audio of a few sensors with sidecars (``sensors.sidecar``), ``*.weather.json``, and
``*.allpulses.json``: the pulses that the publisher's sensors reported, of more sensors than there is audio of.  The
surveyed truth and the publisher's own choice of pulses may lie beside them; they are never opened.

Every firing position has its own arbitrary origin: places are pooled over the tests of one position, never further.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from errors import RecordingError
from geo.place import Cartesian, Geodetic, Place
from sensors import metadata
from sensors.capture import Finding
from sensors.recording_set import Site
from wire.messages import Pulse

PICKING_SIGMA_S = 0.5e-3
"""One standard deviation of a good automatic onset pick, beside the rounding of its published text."""

NODE_CLOCK_SIGMA_S = 1e-4
"""Of a node that is disciplined by satellite, as the publisher's are."""

SAME_PLACE_M = 30.0
"""Within one test a sensor's places differ by metres; further apart, two sensors have one id."""

FEWEST_TESTS_FOR_SCATTER = 3

MOVED_M = 15.0
"""A sensor whose places lie further apart than this horizontally is reported: five standard deviations of a fix."""


@dataclass(frozen=True, slots=True)
class PlaceAccuracy:
    """How far a place in a file is to be trusted: standard deviations on each horizontal axis, metres; None: not known.

    one : of one place.  slow : the part that stays for hours, which a median over tests minutes apart does not remove.
    """

    one_m: float | None
    slow_m: float


# One standard deviation of one fix between buildings; multipath and the atmosphere change over hours.
NAVIGATION_FIX = PlaceAccuracy(3.0, 2.0)
# A place that the sensor has averaged over days, as published pulses give; better cannot be known from inside.
SURVEYED = PlaceAccuracy(1.0, 1.0)
NOT_STATED = PlaceAccuracy(None, 0.0)


class _PulseRecord(msgspec.Struct):
    serial_number: str
    arrival_time_utc: str
    location: metadata.Location | None = None
    signal_to_noise_db: float | None = msgspec.field(default=None, name="signal_to_noise_dB")
    power_db_spl: float | None = msgspec.field(default=None, name="power_dB_SPL")


@dataclass(frozen=True, slots=True)
class PublishedPulses:
    """The pulses of one test.

    pulses : sorted by arrival, then by sensor; ``boot`` is the file's name up to ".allpulses", ``sequence`` the number
        of the record in the file, from 0.
    places : of every sensor in the file, the place of each of its pulses, in file order.
    """

    pulses: tuple[Pulse, ...]
    places: Mapping[str, tuple[Place, ...]]
    findings: tuple[Finding, ...]


def pulses_path(folder: Path) -> Path | None:
    """The file of published pulses in a folder; None when there is none.

    Raises RecordingError when there are several.
    """
    files = sorted(folder.glob("*allpulses.json"))
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise RecordingError(folder, "published pulses", expected="one allpulses.json", seen=names)
    return files[0] if files else None


def read_published_pulses(path: Path) -> PublishedPulses:
    """The published pulses of one test.

    A sensor that reports two pulses in the same millisecond has reported one twice (they differ in the noise at most):
    the one with the better signal-to-noise ratio is kept, and a finding says so.

    Raises
    ------
    RecordingError
        When the file is damaged, or a record has no place, no time, or a value out of bounds.
    """
    records = metadata.read(path, list[_PulseRecord])
    kept: dict[tuple[str, int], Pulse] = {}
    places: dict[str, list[Place]] = {}
    repeats = 0
    for number, record in enumerate(records):
        at = f"[{number}]"
        sensor = metadata.sensor_of(record.serial_number, path, f"{at}.serial_number")
        arrival_ns = metadata.instant_of(record.arrival_time_utc, path, f"{at}.arrival_time_utc")
        places.setdefault(sensor, []).append(metadata.place_of(record.location, path, f"{at}.location"))
        bounds = metadata.Bounds(-60.0, 200.0, "dB")
        pulse = Pulse(
            sensor=sensor,
            arrival_ns=arrival_ns,
            sigma_s=math.hypot(PICKING_SIGMA_S, _resolution_s(record.arrival_time_utc) / math.sqrt(12.0)),
            boot=path.name.split(".allpulses")[0],
            sequence=number,
            snr_db=metadata.number_of(record.signal_to_noise_db, bounds, path, f"{at}.signal_to_noise_dB"),
            peak_db_spl=metadata.number_of(record.power_db_spl, bounds, path, f"{at}.power_dB_SPL"),
        )
        earlier = kept.get((sensor, arrival_ns))
        repeats += earlier is not None
        if earlier is None or (pulse.snr_db or -math.inf) > (earlier.snr_db or -math.inf):
            kept[sensor, arrival_ns] = pulse
    findings = []
    if repeats:
        what = f"{repeats} of {len(records)} pulses repeat another of the same sensor and millisecond; dropped"
        findings.append(Finding("duplicate_pulse", str(path), what))
    pulses = sorted(kept.values(), key=lambda pulse: (pulse.arrival_ns, pulse.sensor))
    return PublishedPulses(tuple(pulses), {sensor: tuple(found) for sensor, found in places.items()}, tuple(findings))


def pooled_sites(
    tests: Sequence[Mapping[str, Sequence[Place]]], accuracy: PlaceAccuracy, where: str
) -> tuple[tuple[Site, ...], tuple[Finding, ...]]:
    """One place a sensor, from what several tests of one firing position say.

    The place is the median over the tests of the median within each test, axis by axis: a sensor's places scatter by
    metres between tests, and some jump by tens of metres.  Its standard deviation follows from the robust scatter
    ``s`` between the n tests (1.4826 x median absolute deviation, mean of both axes): the median of n has variance
    ``pi/2 s^2/n``, to which that of ``accuracy.slow_m`` is added.  With fewer than three tests the scatter is not known
    and ``accuracy.one_m`` is taken.

    Parameters
    ----------
    tests : per test, the places of each sensor; all of one kind.
    where : what to name in findings and errors.

    Returns
    -------
    sites : sorted by sensor.
    findings : ``moved_sensor`` for each sensor whose places lie more than ``MOVED_M`` apart.

    Raises
    ------
    RecordingError
        When places of both kinds are mixed, or one test has two sensors with one id.
    """
    kinds = {type(place): sensor for test in tests for sensor, places in test.items() for place in places}
    if len(kinds) > 1:
        expected = "all Cartesian, or all longitude and latitude"
        seen = ", ".join(f"{sensor} {kind.__name__}" for kind, sensor in sorted(kinds.items(), key=str))
        raise RecordingError(where, "places of the sensors", expected=expected, seen=seen)
    kind = Geodetic if Geodetic in kinds else Cartesian
    heard: dict[str, list[NDArray[np.float64]]] = {}
    for test in tests:
        for sensor, places in test.items():
            rows = np.array([_axes(place) for place in places])
            if _spread_m(rows, kind) > SAME_PLACE_M:
                what = f"sensor {sensor} stands at two places, or two sensors have its id; distance"
                raise RecordingError(where, what, expected=f"within {SAME_PLACE_M:g} m", seen=_spread_m(rows, kind))
            heard.setdefault(sensor, []).append(np.median(rows, axis=0))
    sites: list[Site] = []
    findings: list[Finding] = []
    for sensor, medians in sorted(heard.items()):
        rows = np.array(medians)
        middle = np.median(rows, axis=0)
        sigma_m = accuracy.one_m
        if len(rows) >= FEWEST_TESTS_FOR_SCATTER:
            east_north = (rows - middle)[:, :2] * _metres_per_unit(middle, kind)
            scatter_m = 1.4826 * float(np.median(np.abs(east_north), axis=0).mean())
            sigma_m = math.hypot(accuracy.slow_m, math.sqrt(math.pi / 2.0 / len(rows)) * scatter_m)
        if _spread_m(rows, kind) > MOVED_M:
            what = f"sensor {sensor} moves by {_spread_m(rows, kind):.0f} m over {len(rows)} tests; the median is taken"
            findings.append(Finding("moved_sensor", where, what))
        sites.append(Site(sensor, kind(*(float(value) for value in middle)), sigma_m))
    return tuple(sites), tuple(findings)


def _axes(place: Place) -> tuple[float, float, float]:
    if isinstance(place, Cartesian):
        return place.x_m, place.y_m, place.z_m
    return place.longitude, place.latitude, place.height_m


def _metres_per_unit(place: NDArray[np.float64], kind: type[Place]) -> NDArray[np.float64]:
    """(2,) float64: metres per unit of the two horizontal axes, on a sphere: good to 0.5 %, enough for a scatter."""
    if kind is Cartesian:
        return np.ones(2)
    degree_m = math.radians(6_371_009.0)
    return np.array([degree_m * math.cos(math.radians(float(place[1]))), degree_m])


def _spread_m(rows: NDArray[np.float64], kind: type[Place]) -> float:
    """Largest horizontal extent of (n, 3) places, metres."""
    return float((np.ptp(rows[:, :2], axis=0) * _metres_per_unit(rows[0], kind)).max())


def _resolution_s(instant: str) -> float:
    """Seconds in one step of the last digit of an ISO instant."""
    _, point, fraction = instant.partition(".")
    digits = len(fraction) - len(fraction.lstrip("0123456789"))
    return float(10.0**-digits) if point else 1.0
