"""The place by GPS: reports read, averaged honestly, and a node that was moved."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.real_gpsd import RealGpsd, missing, nmea
from sensors.clock.gps import FIX_SIGMA_M, FLOOR_M, GpsWatch, MeanPlace, fix_of
from sensors.node.config import Clock, Place

LONGITUDE, LATITUDE = -122.42, 37.77
EAST, NORTH = 1 / 88_096.0, 1 / 110_995.0
"""Degrees a metre there."""


def report(east_m: float = 0.0, north_m: float = 0.0, **more: object) -> str:
    fields = {"lon": LONGITUDE + east_m * EAST, "lat": LATITUDE + north_m * NORTH, "altHAE": 12.0}
    return json.dumps({"class": "TPV", "mode": 3, **fields, **more})


def until(found: Callable[[], bool], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not found():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("mode", "status", "fix"),
    [(0, None, "none"), (1, 1, "none"), (2, None, "2d"), (2, 1, "2d"), (3, 1, "3d"), (3, 2, "dgps"), (3, 3, "rtk"),
     (3, 4, "rtk"), (1, 2, "none"), ("3", 1, "none"), (3, 9, "3d")],
)  # fmt: skip
def test_quality_of_a_fix(mode: object, status: object, fix: str) -> None:
    assert fix_of({"mode": mode, "status": status}) == fix


def test_nobody_knows() -> None:
    watch = GpsWatch(Clock(), None)
    watch.start()
    assert watch.health() is None
    assert watch.note() is None
    watch.close()


def test_the_surveyed_place_is_told_without_gps() -> None:
    health = GpsWatch(Clock(), Place(longitude=5.0, latitude=-6.0, height_m=7.0, sigma_m=0.1)).health()
    assert health is not None
    assert (health.longitude, health.latitude, health.height_m, health.sigma_m) == (5.0, -6.0, 7.0, 0.1)
    assert (health.origin, health.fix, health.moved_m) == ("configured", "none", None)


def test_the_mean_place() -> None:
    watch, rng = GpsWatch(Clock(), None), np.random.default_rng(1)
    for n, (east, north) in enumerate(rng.normal(0, 2, (600, 2)).tolist()):
        watch.take(report(east, north), float(n))
    health = watch.health(600.0)
    assert health is not None
    assert math.hypot((health.longitude - LONGITUDE) / EAST, (health.latitude - LATITUDE) / NORTH) < 0.5
    assert health.height_m == 12.0
    assert health.sigma_m is not None
    assert FIX_SIGMA_M * 0.8 < health.sigma_m < FIX_SIGMA_M * 1.2  # ten minutes are hardly better than one fix
    assert (health.origin, health.fix) == ("gps", "3d")


def test_a_fix_does_not_last() -> None:
    watch = GpsWatch(Clock(), None)
    watch.take(report(), 0.0)
    assert getattr(watch.health(5.0), "fix", None) == "3d"
    assert getattr(watch.health(15.0), "fix", None) == "none"


def test_sigma_counts_hours_not_fixes() -> None:
    """Errors that wander over an hour: the stated sigma must hold, and sqrt(n) of the fixes would not."""
    rng = np.random.default_rng(2)
    within = []
    for _ in range(12):
        place, error = MeanPlace(), rng.normal(0, 2.5, 2)
        for n in range(6 * 360):  # six hours, a fix each ten seconds
            error = error * math.exp(-10 / 1800) + rng.normal(0, 2.5, 2) * math.sqrt(1 - math.exp(-20 / 1800))
            place.add(n * 10.0, LONGITUDE + error[0] * EAST, LATITUDE + error[1] * NORTH, 0.0)
        mean = place.mean()
        assert mean is not None
        assert place.plane is not None
        (east, north, _), sigma_m = mean
        origin = place.plane.metres(LONGITUDE, LATITUDE)
        within += [abs(east - origin[0]) <= 2 * sigma_m, abs(north - origin[1]) <= 2 * sigma_m]
        assert FLOOR_M < sigma_m < 2.5
    assert np.mean(within) >= 0.85


def test_a_node_that_was_moved() -> None:
    here = Place(longitude=LONGITUDE, latitude=LATITUDE, sigma_m=1.0)
    rng = np.random.default_rng(3)
    watch, far = GpsWatch(Clock(moved_m=25.0), here), GpsWatch(Clock(moved_m=25.0), here)
    for n, (east, north) in enumerate(rng.normal(0, 3, (100, 2)).tolist()):
        watch.take(report(east + 15.0, north), float(n))
        far.take(report(east, north - 40.0), float(n))
    near_health, far_health = watch.health(100.0), far.health(100.0)
    assert near_health is not None
    assert far_health is not None
    assert near_health.moved_m is None
    assert watch.note() is None
    assert far_health.moved_m == pytest.approx(40.0, abs=2.0)
    note = far.note()
    assert note is not None
    assert "moved" in note


def test_scatter_explains_a_far_median() -> None:
    here = Place(longitude=LONGITUDE, latitude=LATITUDE, sigma_m=1.0)
    watch = GpsWatch(Clock(moved_m=5.0), here)
    for n, (east, north) in enumerate(np.random.default_rng(4).normal(0, 60, (100, 2)).tolist()):
        watch.take(report(east + 8.0, north), float(n))
    health = watch.health(100.0)
    assert health is not None
    assert health.moved_m is None


@given(st.floats(-180, 180), st.floats(-89.9, 89.9), st.floats(-500, 500), st.floats(-500, 500))
def test_the_tangent_plane_undoes_itself(longitude: float, latitude: float, east: float, north: float) -> None:
    place = MeanPlace()
    place.add(0.0, longitude, latitude, 0.0)
    assert place.plane is not None
    back = place.plane.metres(*place.plane.degrees(east, north))
    if abs(latitude) < 89.0:
        assert back == pytest.approx((east, north), abs=1e-3)


@given(st.one_of(st.text(max_size=50), st.dictionaries(st.sampled_from(["class", "mode", "lat", "lon", "altHAE"]),
    st.sampled_from(["TPV", 3, 1e400, None, "x", -999, 37.0, [], True])).map(json.dumps)))  # fmt: skip
def test_garbage_from_gpsd_is_harmless(line: str) -> None:
    watch = GpsWatch(Clock(), None)
    watch.take(line, 0.0)
    watch.health(0.0)


def test_memory_is_bounded_by_hours() -> None:
    place = MeanPlace()
    for n in range(0, 3600 * 20, 20):
        place.add(float(n), LONGITUDE, LATITUDE, 0.0)
    assert len(place._hours) == 19
    assert len(place._minutes) <= 61


def test_no_gpsd_is_noted_and_not_fatal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    watch = GpsWatch(Clock(gpsd=True, gpsd_port=port), None)
    watch.start()
    until(lambda: watch.note() is not None)
    assert str(port) in str(watch.note())
    watch.close()
    assert not any(t.name == "gps" for t in threading.enumerate())


def test_something_else_on_the_port_is_noted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        watch = GpsWatch(Clock(gpsd=True, gpsd_port=server.getsockname()[1]), None)
        watch.start()
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
            until(lambda: "version header" in str(watch.note()))
        watch.close()


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_a_real_gpsd(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    fixes = [(LONGITUDE + e * EAST, LATITUDE + n * NORTH) for e, n in rng.normal(0, 2, (300, 2)).tolist()]
    with RealGpsd(tmp_path, nmea(fixes, quality=2)) as gpsd:
        watch = GpsWatch(Clock(gpsd=True, gpsd_port=gpsd.port), None)
        watch.start()

        def known() -> bool:
            health = watch.health()
            return health is not None and health.fix == "dgps" and len(watch._place.recent) >= 40

        until(known, 20.0)
        health = watch.health()
        assert health is not None
        assert abs(health.longitude - LONGITUDE) / EAST < 2.0
        assert abs(health.latitude - LATITUDE) / NORTH < 2.0
        assert health.height_m == pytest.approx(-10.0)
        gpsd.kill()
        until(lambda: watch.note() is not None)
        watch.close()


def test_nonsense_is_no_report() -> None:
    """Each of these once ended the thread that listens to gpsd."""
    watch = GpsWatch(Clock(gpsd=True), None)
    for line in (
        '{"class":"TPV","mode":3,"status":[1],"lon":1.0,"lat":2.0}',
        '{"class":"TPV","mode":3,"lon":1' + "0" * 400 + ',"lat":2}',
        "[" * 100_000,
    ):
        assert not watch.take(line)
