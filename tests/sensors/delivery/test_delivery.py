"""Delivery end to end at the level of messages: spool, uplink, a real bus, a receiving centre that commits."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from pathlib import Path

import nats
import pytest

from benchmarks.receiving import ensure_streams, tls_context
from sensors.delivery.sending import Sender
from tests.sensors.delivery.bus import Bus, until
from tests.sensors.delivery.conftest import Node
from tests.sensors.delivery.written import clip, heartbeat, pulse
from wire.codec import decode
from wire.messages import Heartbeat


def test_pulses_and_clips_arrive_and_are_forgotten(bus: Bus, node: Node) -> None:
    bus.centre()
    node.uplink.start()
    until(lambda: node.uplink.connected, "connected")
    for number in range(20):
        assert node.spool.put_pulse(pulse(number))
        node.uplink.wake()
    assert node.spool.put_clip(clip(3, size=200_000))
    node.uplink.wake()
    until(lambda: node.waiting == 0, "all acknowledged")
    assert sorted(map(str, bus.received())) == sorted(pulse(number).identity for number in range(20))
    assert bus.received(where="kind = 'clip'") == [clip(3).identity]
    assert node.uplink.notes() == ()
    assert bus.refusals() == []


def test_a_pulse_is_delivered_within_a_fraction_of_a_second(bus: Bus, node: Node) -> None:
    """Between the spool and the centre's commit lies one message; nothing waits for a timer."""
    bus.centre()
    node.uplink.start()
    until(lambda: node.uplink.connected, "connected")
    delays = []
    for number in range(5):
        node.spool.put_pulse(pulse(number))
        began = time.monotonic()
        node.uplink.wake()
        until(lambda: node.waiting == 0, "acknowledged")
        delays.append(time.monotonic() - began)
    assert sorted(delays)[2] < 0.5


def test_a_backlog_arrives_newest_first(bus: Bus, node: Node) -> None:
    for number in range(300):
        node.spool.put_pulse(pulse(number))
    for number in range(3):
        node.spool.put_clip(clip(number))
    bus.centre()
    node.uplink.start()
    until(lambda: node.waiting == 0, "all acknowledged")
    assert bus.received() == [pulse(number).identity for number in reversed(range(300))]
    assert bus.received(where="kind = 'clip'") == [clip(number).identity for number in reversed(range(3))]


def test_news_overtake_a_backlog(bus: Bus, node: Node) -> None:
    """A pulse that is heard while a day of backlog is sent does not wait for its end."""
    for number in range(1200):
        node.spool.put_pulse(pulse(number))
    bus.centre()
    node.uplink.start()
    until(lambda: len(bus.received()) > 50, "the backlog moves")
    node.spool.put_pulse(pulse(9000))
    node.uplink.wake()
    until(lambda: node.waiting == 0, "all acknowledged")
    came = bus.received()
    assert came.index(pulse(9000).identity) < 1150
    assert len(came) == len(set(came)) == 1201


def test_a_bus_that_is_killed_again_and_again_loses_nothing(bus: Bus, node: Node) -> None:
    """Three times kill -9 of nats-server while pulses come and go; its store is synced each 200 ms only."""
    bus.centre()
    node.uplink.start()
    stop = threading.Event()
    numbers: list[int] = []

    def hear() -> None:
        while not stop.wait(0.005):
            numbers.append(len(numbers))
            assert node.spool.put_pulse(pulse(numbers[-1]))
            node.uplink.wake()

    hearing = threading.Thread(target=hear)
    hearing.start()
    for _ in range(3):
        reached = len(bus.received())
        until(lambda reached=reached: len(bus.received()) > reached + 20, "pulses arrive")  # type: ignore[misc]
        bus.kill()
        until(lambda: not node.uplink.connected, "the loss is noticed")
        bus.start()
    stop.set()
    hearing.join()
    until(lambda: node.waiting == 0, "all acknowledged")
    came = bus.received()
    assert sorted(map(str, came)) == sorted(pulse(number).identity for number in numbers)


def test_a_centre_that_dies_between_commit_and_receipt(bus: Bus, node: Node) -> None:
    """The pulses come again, are known by their identity, and get their receipts."""
    for number in range(30):
        node.spool.put_pulse(pulse(number))
    first = bus.centre(dies_after=1)
    node.uplink.start()
    assert first.wait(10.0) == 9
    committed = len(bus.received())
    assert committed > 0
    assert node.waiting == 30
    bus.centre()
    until(lambda: node.waiting == 0, "all acknowledged")
    came = bus.received()
    assert len(came) == len(set(came)) == 30
    assert sum(map(int, map(str, bus.received("repeats")))) >= committed


def test_without_a_receipt_a_pulse_is_sent_again_under_another_id(bus: Bus, node: Node) -> None:
    """The stream drops repeats of an id for two minutes: the same id would never reach the centre again."""

    async def prepare() -> None:
        client = await nats.connect(
            bus.server, nkeys_seed=str(bus.seeds["centre"]), tls=tls_context(bus.authority.file)
        )
        await ensure_streams(client.jetstream())
        await client.close()

    asyncio.run(prepare())
    node.spool.put_pulse(pulse(1))
    node.uplink.start()

    async def ids() -> list[str]:
        client = await nats.connect(
            bus.server, nkeys_seed=str(bus.seeds["centre"]), tls=tls_context(bus.authority.file)
        )
        jetstream = client.jetstream()
        deadline = time.monotonic() + 10.0
        while (await jetstream.stream_info("PULSES")).state.messages < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        headers = [(await jetstream.get_msg("PULSES", number)).headers or {} for number in (1, 2)]
        found = [str(header["Nats-Msg-Id"]) for header in headers]
        await client.close()
        return found

    first, second = asyncio.run(ids())
    assert first == pulse(1).identity
    assert second.startswith(f"{first}#")
    assert node.waiting == 1
    bus.centre()
    until(lambda: node.waiting == 0, "acknowledged in the end")
    assert bus.received() == [first]


def test_a_restarted_node_goes_on(bus: Bus, tmp_path: Path) -> None:
    """What was sent without a receipt by one run is sent by the next."""
    node = Node(bus, tmp_path / "spool")
    for number in range(10):
        node.spool.put_pulse(pulse(number))
    node.uplink.start()
    until(lambda: node.uplink.notes() or node.spool.next_due_s(time.monotonic()), "it has tried")
    node.close()
    bus.centre()
    node = Node(bus, tmp_path / "spool")
    node.uplink.start()
    until(lambda: node.waiting == 0, "acknowledged")
    node.close()
    assert len(bus.received()) == 10


def test_heartbeats_are_not_kept_for_later(bus: Bus, node: Node) -> None:
    bus.centre()
    node.uplink.start()
    until(lambda: node.uplink.connected, "connected")
    node.uplink.beat(heartbeat(1))

    async def last() -> Heartbeat:
        client = await nats.connect(
            bus.server, nkeys_seed=str(bus.seeds["centre"]), tls=tls_context(bus.authority.file)
        )
        try:
            deadline = time.monotonic() + 10.0
            while True:
                try:
                    message = await client.jetstream().get_last_msg("HEARTBEATS", "heartbeat.u33dc.n1")
                    assert message.data is not None
                    return decode(message.data, Heartbeat)
                except nats.js.errors.NotFoundError:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.02)
        finally:
            await client.close()

    assert asyncio.run(last()) == heartbeat(1)
    assert node.waiting == 0


def test_a_bus_without_streams_is_said_and_waited_for(bus: Bus, node: Node) -> None:
    node.spool.put_pulse(pulse(1))
    node.uplink.start()
    until(lambda: any("no stream at the bus" in note for note in node.uplink.notes()), "it is said")
    assert node.waiting == 1
    bus.centre()
    until(lambda: node.waiting == 0, "delivered when there is a stream")
    until(lambda: node.uplink.notes() == (), "and the complaint is over")


def test_a_clip_that_the_bus_finds_too_large_is_given_up_loudly(bus: Bus, node: Node) -> None:
    """It must not stand in the way of others."""
    bus.kill()
    text = (bus.folder / "bus.conf").read_text()
    (bus.folder / "bus.conf").write_text(text.replace("max_payload: 8388608", "max_payload: 100000"))
    bus.start()
    bus.centre()
    node.spool.put_clip(clip(2, size=100_000))
    node.spool.put_clip(clip(1, size=1_000))
    node.spool.put_pulse(pulse(1))
    node.uplink.start()
    until(lambda: node.waiting == 0, "nothing is left")
    assert bus.received(where="kind = 'clip'") == [clip(1).identity]
    assert node.spool.health().clips_dropped == 1
    assert any("1 clips given up" in note and "100000 bytes" in note for note in node.spool.notes())


def test_close_sends_what_is_due(bus: Bus, node: Node) -> None:
    bus.centre()
    node.uplink.start()
    until(lambda: node.uplink.connected, "connected")
    for number in range(50):
        node.spool.put_pulse(pulse(number))
    node.uplink.wake()
    node.uplink.close(5.0)
    until(lambda: len(bus.received()) == 50, "all on their way before it ended")


def test_an_idle_uplink_costs_next_to_nothing(bus: Bus, node: Node) -> None:
    """0.1 % of a core: no timer runs but the pings."""
    bus.centre()
    node.uplink.start()
    until(lambda: node.uplink.connected, "connected")
    time.sleep(0.3)  # what follows a connection is over
    began, cpu = time.monotonic(), time.process_time()
    time.sleep(2.0)
    share = (time.process_time() - cpu) / (time.monotonic() - began)
    assert share < 0.005, f"{100 * share:.2f} % of a core"


def test_a_bus_that_hangs_is_left(bus: Bus, node: Node, monkeypatch: object) -> None:
    """A cut cable says nothing; the missing answer to a ping does."""
    from sensors.delivery import uplink  # noqa: PLC0415

    assert uplink.PING_S + uplink.PONG_S <= 30.0
    monkeypatch.setattr(uplink, "PING_S", 0.1)  # type: ignore[attr-defined]
    monkeypatch.setattr(uplink, "PONG_S", 0.5)  # type: ignore[attr-defined]
    bus.centre()
    node.uplink.start()
    until(lambda: node.uplink.connected, "connected")
    bus.signal(signal.SIGSTOP)
    try:
        node.spool.put_clip(clip(1, size=2_000_000))  # more than the line takes: writing must not hang either
        node.uplink.wake()
        until(lambda: not node.uplink.connected, "the silence is noticed", 8.0)
    finally:
        bus.signal(signal.SIGCONT)
    assert node.waiting == 1
    until(lambda: node.waiting == 0, "delivered after all")


def test_more_servers_than_one(bus: Bus, tmp_path: Path) -> None:
    """Dead servers, and names that nobody knows, are passed over."""
    servers = ("tls://127.0.0.1:1", "tls://no-such-host.invalid:4222", bus.server)
    node = Node(bus, tmp_path / "spool", {"servers": servers})
    node.spool.put_pulse(pulse(1))
    bus.centre()
    node.uplink.start()
    until(lambda: node.waiting == 0, "delivered by the third")
    node.close()


def test_a_fault_costs_a_connection_and_not_the_delivery(bus: Bus, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11.2 raised AttributeError when a connection ended, and the uplink's thread ended with it for good."""
    faults = iter([AttributeError("as Python 3.11.2 did")])
    end = Sender.end

    def ends(sender: Sender) -> None:
        end(sender)
        for fault in faults:
            raise fault

    monkeypatch.setattr(Sender, "end", ends)
    bus.centre()
    node.uplink.start()
    until(lambda: node.uplink.connected, "connected")
    bus.kill()
    until(lambda: not node.uplink.connected, "the loss is noticed")
    bus.start()
    node.spool.put_pulse(pulse(1))
    node.uplink.wake()
    until(lambda: node.waiting == 0, "delivered after all")
    assert next(faults, None) is None, "it was raised"
