"""Time, place and disk, checked: what is said of each, and what to do."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

import sensors.node.checking_surroundings
from sensors.node.check import Check
from sensors.node.checking_surroundings import check_place, check_spool, check_time, distance_m, file_system
from sensors.node.config import Capture, Clock, NodeConfig, Place, Spool

PPS = "50505300,PPS,1,1778359200.000000000,0.000000012,0.0,0.0,-3.1,0.0,0.01,0.000000001,0.000001300,16.0,Normal"
NTP = "C0000201,192.0.2.1,3,1778359200.000000000,-0.000200000,0.0,0.0,-3.1,0.0,0.01,0.030,0.001,64.0,Normal"
LOST = "00000000,,0,0.000000000,0.000000000,0.0,0.0,-3.1,0.0,0.01,1.000000000,1.000000000,0.0,Not synchronised"


def clock(folder: Path, answer: str, **other: float) -> Clock:
    """A clock whose chronyc gives this answer."""
    command = folder / "chronyc"
    command.write_text(f"#!/bin/sh\necho '{answer}'\n")
    command.chmod(0o755)
    return msgspec.structs.replace(Clock(chronyc=str(command)), **other)


def test_time_by_a_pulse_per_second(tmp_path: Path) -> None:
    check = check_time(clock(tmp_path, PPS))
    assert check == Check("time", True, "by PPS (pulse per second), stratum 1, within 0.001 ms")


def test_time_by_the_network(tmp_path: Path) -> None:
    """|offset| 0.2 ms + dispersion 1 ms + half a delay of 30 ms."""
    check = check_time(clock(tmp_path, NTP))
    assert check == Check("time", True, "by 192.0.2.1, stratum 3, within 16.200 ms", check.advice)
    assert "GPS" in check.advice
    check = check_time(clock(tmp_path, NTP, worst_sigma_s=0.016))
    assert not check.ok
    assert "worse than clock.worst_sigma_s, 16 ms" in check.advice


def test_time_that_nobody_gives(tmp_path: Path) -> None:
    check = check_time(clock(tmp_path, LOST))
    assert (check.ok, check.said) == (False, "chrony runs, but follows no source")
    check = check_time(Clock(chronyc=str(tmp_path / "none")))
    assert not check.ok
    assert "apt install chrony" in check.advice
    check = check_time(clock(tmp_path, "506 Cannot talk to daemon"))
    assert not check.ok


def test_time_that_nobody_is_asked_for() -> None:
    assert check_time(Clock(source="recorded")) == Check("time", True, "the recording's own")
    check = check_time(Clock(source="none"))
    assert check.ok
    assert "unsynchronised" in check.advice


HERE = Place(longitude=-77.03653, latitude=38.89768, sigma_m=0.5)


def test_places() -> None:
    node = NodeConfig(sensor="a", place=HERE)
    assert check_place(node) == Check(
        "place", True, "latitude 38.897680, longitude -77.036530 as configured, within 0.5 m"
    )
    unsure = msgspec.structs.replace(node, place=msgspec.structs.replace(HERE, sigma_m=None))
    assert check_place(unsure).ok
    assert "sigma_m" in check_place(unsure).advice
    nowhere = check_place(NodeConfig(sensor="a"))
    assert (nowhere.ok, nowhere.said) == (False, "nobody tells where the sensor is")
    assert check_place(NodeConfig(sensor="a", capture=Capture(file="x"))).ok


@pytest.fixture
def gpsd() -> Iterator[Callable[[str], Clock]]:
    """A gpsd that says one report over and over, as settings that ask it."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def serve(report: str) -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as line:
            line.sendall(b'{"class":"VERSION","release":"3.22","rev":"3.22","proto_major":3,"proto_minor":14}\n')
            line.recv(4096)
            while not ended.wait(0.02):
                line.sendall(report.encode() + b"\n")

    def begin(report: str) -> Clock:
        threads.append(threading.Thread(target=serve, args=(report,), daemon=True))
        threads[-1].start()
        return Clock(gpsd=True, gpsd_port=listener.getsockname()[1])

    yield begin
    ended.set()
    for thread in threads:
        thread.join(5.0)
    listener.close()


FIX = '{"class":"TPV","mode":3,"lon":-77.03653,"lat":38.89798,"altHAE":31.0,"time":"2026-05-09T20:40:00.000Z"}'
NO_FIX = '{"class":"TPV","mode":1}'


def test_a_place_that_gps_tells(gpsd: Callable[[str], Clock]) -> None:
    check = check_place(NodeConfig(sensor="a", clock=gpsd(FIX)))
    assert check == Check("place", True, "latitude 38.897980, longitude -77.036530 by GPS, GPS fix 3d")


def test_a_place_that_gps_agrees_with(gpsd: Callable[[str], Clock]) -> None:
    """0.0003 degrees north are 33.4 m."""
    near = msgspec.structs.replace(gpsd(FIX), moved_m=40.0)
    check = check_place(NodeConfig(sensor="a", clock=near, place=HERE))
    assert check == Check(
        "place", True, "latitude 38.897680, longitude -77.036530 as configured, GPS fix 3d agrees within 33 m"
    )


def test_a_place_that_gps_does_not_agree_with(gpsd: Callable[[str], Clock]) -> None:
    check = check_place(NodeConfig(sensor="a", clock=gpsd(FIX), place=HERE))
    assert not check.ok
    assert check.said == "latitude 38.897680, longitude -77.036530 as configured, but GPS fix 3d is 33 m from there"


def test_a_receiver_without_a_fix(gpsd: Callable[[str], Clock], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors.node.checking_surroundings, "FIX_S", 0.3)
    check = check_place(NodeConfig(sensor="a", clock=gpsd(NO_FIX)))
    assert (check.ok, check.said) == (False, "no GPS fix within 0.3 s")
    assert "open sky" in check.advice


def test_no_gpsd() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    clock = Clock(gpsd=True, gpsd_port=port)
    check = check_place(NodeConfig(sensor="a", clock=clock))
    assert not check.ok
    assert check.said.startswith(f"gpsd 127.0.0.1:{port}: gpsd cannot be asked")
    assert check_place(NodeConfig(sensor="a", clock=clock, place=HERE)).ok


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        ((0.0, 0.0), (0.0, 90.0), 10_007_557.0),
        ((179.9995, 0.0), (-179.9995, 0.0), 111.195),
        ((5.0, 60.0), (5.0, 60.0), 0.0),
    ],
)
def test_distances(one: tuple[float, float], other: tuple[float, float], metres: float) -> None:
    assert distance_m(one, other) == pytest.approx(metres, rel=1e-5)


def test_a_spool_that_takes_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors.node.checking_surroundings, "file_system", lambda folder: "ext4")
    check = check_spool(Spool(folder=str(tmp_path), keep_free_mib=0.0))
    assert check.ok, check
    assert check.said.startswith(f"{tmp_path}: ")
    assert "MiB free, a pulse is stored in " in check.said
    assert list(tmp_path.iterdir()) == []
    check = check_spool(Spool(folder=str(tmp_path / "a" / "b"), keep_free_mib=0.0))
    assert check.ok
    assert check.said.endswith("to be made")
    assert list(tmp_path.iterdir()) == []


def test_a_spool_that_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    check = check_spool(Spool(folder=str(tmp_path / "file")))
    assert (check.ok, check.said) == (False, f"{tmp_path / 'file'}: cannot be written (Not a directory)")
    monkeypatch.setattr(sensors.node.checking_surroundings, "file_system", lambda folder: "ext4")
    check = check_spool(Spool(folder=str(tmp_path), keep_free_mib=1e6))
    assert not check.ok
    assert "spool.keep_free_mib, 1,000,000 MiB" in check.advice
    monkeypatch.setattr(sensors.node.checking_surroundings, "file_system", lambda folder: "tmpfs")
    check = check_spool(Spool(folder=str(tmp_path), keep_free_mib=0.0))
    assert not check.ok
    assert check.said.endswith("but in memory (tmpfs)")
    monkeypatch.setattr(sensors.node.checking_surroundings, "file_system", lambda folder: "overlay")
    assert "raspi-config" in check_spool(Spool(folder=str(tmp_path), keep_free_mib=0.0)).advice


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_spool_of_somebody_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    check = check_spool(Spool(folder=str(tmp_path)))
    tmp_path.chmod(0o700)
    assert not check.ok
    assert "sudo -u tocsin" in check.advice


def test_a_disk_that_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors.node.checking_surroundings, "SLOW_S", 0.0)
    monkeypatch.setattr(sensors.node.checking_surroundings, "file_system", lambda folder: "ext4")
    check = check_spool(Spool(folder=str(tmp_path), keep_free_mib=0.0))
    assert check.ok
    assert "faster card" in check.advice


def test_the_kind_of_a_file_system(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/root / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n/dev/sda1 /var/lib/my\\040disk ext4 rw 0 0\n"
        "tmpfs /var/lib/my\\040disk tmpfs rw 0 0\nodd\n"
    )
    assert file_system(Path("/run/tocsin"), mounts) == "tmpfs"
    assert file_system(Path("/running"), mounts) == "ext4"
    assert file_system(Path("/var/lib/my disk/spool"), mounts) == "tmpfs"
    assert file_system(Path("/"), tmp_path / "none") == ""
    assert file_system(Path("/proc")) == "proc"
