"""What systemd hears, on a socket like its own."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import sensors.node.watchdog
from sensors.node.watchdog import Watchdog


@pytest.fixture(params=["file", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The receiving end; a path, or a name that has none."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@tocsin-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiving:
        receiving.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        receiving.settimeout(5.0)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield receiving


def test_what_systemd_hears(systemd: socket.socket) -> None:
    watchdog = Watchdog()
    watchdog.ready()
    watchdog.alive()
    watchdog.say("3 pulses; 12 \u00b5s \u2014 well\nsecond line")
    watchdog.stopping()
    heard = [systemd.recv(4096).decode() for _ in range(4)]
    assert heard == ["READY=1", "WATCHDOG=1", "STATUS=3 pulses; 12 \u00b5s \u2014 well second line", "STOPPING=1"]
    watchdog.close()
    watchdog.alive()
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(4096)


def test_a_systemd_that_does_not_read_holds_nothing_up(systemd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue of a datagram socket is short: a blocking sender would hang in it for ever."""
    monkeypatch.setattr(sensors.node.watchdog, "SEND_TIMEOUT_S", 0.1)
    watchdog = Watchdog()
    for _ in range(3):
        watchdog.say("x" * 100_000)
    watchdog.close()


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    watchdog = Watchdog()
    watchdog.ready()
    watchdog.alive()
    watchdog.say("x")
    watchdog.stopping()
    assert watchdog.interval_s is None
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    Watchdog().ready()


@pytest.mark.parametrize(
    ("usec", "pid", "interval_s"),
    [
        ("15000000", None, 7.5),
        ("15000000", "mine", 7.5),
        ("15000000", "1", None),
        ("0", None, None),
        ("", None, None),
        ("soon", None, None),
        ("-5", None, None),
    ],
)
def test_the_interval_is_half_of_what_systemd_allows(
    monkeypatch: pytest.MonkeyPatch, usec: str, pid: str | None, interval_s: float | None
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "mine" else pid)
    assert Watchdog().interval_s == interval_s
