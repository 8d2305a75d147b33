"""Who may do what on the bus, against a real server with TLS and NKEYs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.errors import Error, NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import NoStreamResponseError

from benchmarks.certificates import Authority
from benchmarks.node_bus import free_port
from benchmarks.receiving import ensure_streams
from sensors.delivery.spool import Spool
from sensors.delivery.uplink import Uplink
from tests.sensors.delivery.bus import Bus, until
from tests.sensors.delivery.conftest import Node
from tests.sensors.delivery.written import clip, pulse, receipt
from wire.codec import encode
from wire.messages import Receipt
from wire.streams import MESSAGE_ID
from wire.subjects import inbox_prefix, receipt_subject


@contextlib.asynccontextmanager
async def joined(bus: Bus, who: str, complaints: list[str] | None = None) -> AsyncIterator[Client]:
    """A client of the bus with someone's key, bound by no rule but the server's."""

    async def complain(error: Exception) -> None:
        if complaints is not None:
            complaints.append(str(error).lower())

    client = await nats.connect(
        bus.server,
        nkeys_seed=str(bus.seeds[who]),
        tls=ssl.create_default_context(cafile=str(bus.authority.file)),
        inbox_prefix="_INBOX" if who == "centre" else inbox_prefix(who),
        error_cb=complain,
        allow_reconnect=False,
    )
    try:
        yield client
    finally:
        await client.close()


def test_a_node_can_only_speak_for_itself(bus: Bus) -> None:
    complaints: list[str] = []
    forbidden = [
        "pulse.u33dc.n2", "clip.u33dc.n2", "heartbeat.u33dc.n2", "receipt.n1", "receipt.n2", "pulse.n1", "task.x",
        "pulse.u33dc.n1.more", "$JS.API.STREAM.PURGE.PULSES", "$JS.API.INFO", "$SYS.REQ.ACCOUNT.PING", "_INBOX.x",
    ]  # fmt: skip

    async def scenario() -> None:
        async with joined(bus, "centre") as centre, joined(bus, "n1", complaints) as node:
            await ensure_streams(centre.jetstream())
            heard = []
            subscription = await centre.subscribe(">")
            await centre.flush()
            for subject in forbidden:
                await node.publish(subject, b"{}")
            await node.jetstream().publish("pulse.anywhere.n1", encode(pulse(1)))
            await node.flush()
            await centre.flush()
            with contextlib.suppress(NatsTimeoutError):
                while True:
                    heard.append((await subscription.next_msg(timeout=0.2)).subject)
            assert "pulse.anywhere.n1" in heard
            assert not set(forbidden) & set(heard)
            assert (await centre.jetstream().stream_info("PULSES")).state.messages == 1

    asyncio.run(scenario())
    for subject in forbidden:
        assert any(f'publish to "{subject.lower()}"' in complaint for complaint in complaints), subject


def test_a_node_can_only_hear_its_own(bus: Bus) -> None:
    complaints: list[str] = []
    forbidden = ["receipt.n2", "receipt.*", ">", "pulse.>", "pulse.*.n2", "_INBOX.>", "_INBOX_n2.>", "$JS.>", "$SYS.>"]

    async def scenario() -> None:
        async with joined(bus, "centre") as centre, joined(bus, "n1", complaints) as node:
            await ensure_streams(centre.jetstream())
            overheard: list[str] = []

            async def hear(message: object) -> None:
                overheard.append(str(message))

            for subject in forbidden:
                await node.subscribe(subject, cb=hear)
            await node.flush()
            mine = await node.subscribe(receipt_subject("n1"))
            await node.flush()
            for subject in ("receipt.n2", "pulse.u33dc.n2", "receipt.n1"):
                with contextlib.suppress(Error):
                    await centre.publish(subject, b"{}")
            await centre.flush()
            assert (await mine.next_msg(timeout=5.0)).subject == "receipt.n1"
            assert overheard == []
            with pytest.raises((NatsTimeoutError, NoRespondersError)):
                await node.request("$JS.API.STREAM.MSG.GET.PULSES", b'{"seq":1}', timeout=0.3)

    asyncio.run(scenario())
    for subject in forbidden:
        assert any(f'subscription to "{subject.lower()}"' in complaint for complaint in complaints), subject


def test_the_centre_cannot_speak_for_a_node(bus: Bus) -> None:
    async def scenario() -> None:
        async with joined(bus, "centre") as centre:
            await ensure_streams(centre.jetstream())
            with pytest.raises((NatsTimeoutError, NoStreamResponseError)):
                await centre.jetstream().publish("pulse.u33dc.n1", encode(pulse(1)), timeout=0.3)

    asyncio.run(scenario())


def test_the_answer_to_a_node_cannot_be_turned_against_others(bus: Bus, node: Node) -> None:
    """A publication may name any subject for the broker's answer, another node's receipts or JetStream's own interface
    as well: the answer is no receipt, and purges nothing."""
    bus.centre()
    node.spool.put_pulse(pulse(1))
    node.uplink.start()
    until(lambda: node.waiting == 0, "delivered")

    async def scenario() -> None:
        async with joined(bus, "n2") as attacker:
            for reply in (receipt_subject("n1"), "$JS.API.STREAM.PURGE.PULSES", "$JS.API.STREAM.DELETE.PULSES"):
                await attacker.publish("pulse.x.n2", encode(pulse(1, sensor="n2")), reply=reply)
            await attacker.flush()
        async with joined(bus, "centre") as centre:
            # The broker drops a repeat by its id only: these three have none.
            assert (await centre.jetstream().stream_info("PULSES")).state.messages == 4

    asyncio.run(scenario())
    until(lambda: any("a receipt is refused" in note for note in node.uplink.notes()), "it is refused and said")


def test_a_replay_is_known(bus: Bus, node: Node) -> None:
    """Within the window the broker drops the repeat of an id; later, or under another id, the centre knows the
    identity."""
    bus.centre()
    node.spool.put_pulse(pulse(1))
    node.uplink.start()
    until(lambda: node.waiting == 0, "delivered")
    node.uplink.close(1.0)

    async def scenario() -> None:
        async with joined(bus, "n1") as replayer:
            jetstream = replayer.jetstream()
            same = {MESSAGE_ID: pulse(1).identity}
            assert (await jetstream.publish("pulse.u33dc.n1", encode(pulse(1)), headers=same)).duplicate
            other = {MESSAGE_ID: "another"}
            assert not (await jetstream.publish("pulse.u33dc.n1", encode(pulse(1)), headers=other)).duplicate

    asyncio.run(scenario())
    until(lambda: bus.received("repeats") == [1], "the repeat is counted")
    assert bus.received() == [pulse(1).identity]
    until(lambda: "is here already; its sender gets another receipt" in bus.centre_log(), "and logged")


def test_what_is_forged_is_refused_and_logged(bus: Bus, node: Node) -> None:
    """The same identity with other content; a message of another sensor under one's own subject; no message at all."""
    bus.centre()
    node.spool.put_pulse(pulse(1))
    node.spool.put_clip(clip(1))
    node.uplink.start()
    until(lambda: node.waiting == 0, "delivered")

    async def scenario() -> None:
        async with joined(bus, "n1") as forger:
            jetstream = forger.jetstream()
            await jetstream.publish("pulse.u33dc.n1", encode(pulse(1, snr_db=99.0)))
            await jetstream.publish("clip.u33dc.n1", encode(clip(1, size=10)))
            await jetstream.publish("pulse.u33dc.n1", encode(pulse(2, sensor="n2")))
            await jetstream.publish("pulse.u33dc.n1", b'{"sensor":')

    asyncio.run(scenario())
    until(lambda: len(bus.refusals()) == 4, "all are refused")
    refusals = "\n".join(bus.refusals())
    assert refusals.count("is here already with other content") == 2
    assert "sensor: expected n1, found 'n2'" in refusals
    assert "is not JSON" in refusals
    assert bus.centre_log().count("refused:") == 4
    assert bus.received("message") == [encode(pulse(1))]


def said(bus: Bus, folder: Path, expected: str, **other: object) -> None:
    """A node says a sentence, keeps its pulse and keeps trying."""
    node = Node(bus, folder, settings={"reconnect_s": 0.1, **other})
    try:
        node.spool.put_pulse(pulse(1))
        node.uplink.start()
        until(lambda: any(expected in note for note in node.uplink.notes()), f"{expected!r} in {node.uplink.notes()}")
        (note,) = node.uplink.notes()
        assert note.startswith("bus: ")
        assert "Traceback" not in note
        assert not node.uplink.connected
        assert node.waiting == 1
    finally:
        node.close()


def test_who_is_not_known_is_refused(bus: Bus, tmp_path: Path) -> None:
    key = bus.keys["stranger"]
    said(bus, tmp_path / "a", f"does not know this node's key {key}", seed_file=str(bus.seeds["stranger"]))
    said(bus, tmp_path / "b", "no such file; `tocsin node enrol` makes", seed_file=str(tmp_path / "none.seed"))


def test_a_server_that_cannot_prove_who_it_is_gets_nothing(bus: Bus, authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    cases = [
        (authority.certificate("expired", begins_days=-10, days=5), "has expired, or this machine's clock is wrong"),
        (authority.certificate("early", begins_days=5), "is not valid yet, or this machine's clock is wrong"),
        (authority.certificate("elsewhere", host="bus.example.org"), "is for another host"),
        (other.certificate("forged"), f"is not vouched for by {authority.file}"),
    ]
    for number, (paper, expected) in enumerate(cases):
        bus.kill()
        bus.use(paper)
        bus.start()
        said(bus, tmp_path / f"spool{number}", expected)
    said(bus, tmp_path / "system", "is not vouched for by the certificates of this system", ca_file=None)
    said(bus, tmp_path / "missing", "no such file; it should hold the certificates", ca_file=str(tmp_path / "none.pem"))
    (tmp_path / "empty.pem").write_text("")
    said(bus, tmp_path / "empty", "holds no certificates", ca_file=str(tmp_path / "empty.pem"))
    # And the right one is taken, by a node that had been refused before.
    bus.kill()
    bus.use(authority.certificate("good"))
    bus.start()
    bus.centre()
    node = Node(bus, tmp_path / "spool0")
    node.uplink.start()
    until(lambda: node.waiting == 0, "delivered after all")
    node.close()


@contextlib.contextmanager
def clear_text_server() -> Iterator[tuple[int, list[bytes]]]:
    """Someone between node and bus who offers no TLS, and keeps what is sent to him."""
    port, got = free_port("127.0.0.1"), [b""]
    info = b'INFO {"server_id":"x","version":"2.10.0","nonce":"abc","headers":true,"auth_required":true}\r\n'
    listener = socket.create_server(("127.0.0.1", port))
    listener.settimeout(0.1)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                line, _ = listener.accept()
                with line:
                    line.settimeout(1.0)
                    line.sendall(info)
                    while part := line.recv(4096):
                        got.append(part)

    thread = threading.Thread(target=serve)
    thread.start()
    yield port, got
    stop.set()
    thread.join()
    listener.close()


def test_tls_cannot_be_talked_out_of(bus: Bus, tmp_path: Path) -> None:
    """The library goes on in clear text when the server does not ask for TLS; a node must not."""
    with clear_text_server() as (port, got):
        said(bus, tmp_path / "spool", "it offers no TLS, and tls:// asks for it", servers=(f"tls://127.0.0.1:{port}",))
        assert b"".join(got) == b"", "neither key nor signature left the node"


def test_a_node_that_may_not_publish_says_so_once(bus: Bus, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A key of one sensor in the configuration of another: every publication is denied, but the log is no flood."""
    bus.centre()
    spool = Spool(tmp_path / "spool", 2**26, 0)
    uplink = Uplink(bus.uplink("n1"), "n2", "u33dc", spool)
    with caplog.at_level(logging.INFO, "tocsin"):
        for number in range(200):
            spool.put_pulse(pulse(number, sensor="n2"))
        uplink.start()
        until(lambda: any("may not publish to pulse.u33dc.n2" in note for note in uplink.notes()), "it is said")
        until(lambda: any("may not hear receipt.n2" in note for note in uplink.notes()), "that as well")
        uplink.close(1.0)
    assert spool.health().pulses == 200
    spool.close()
    assert len(caplog.records) < 10, [record.message for record in caplog.records]


def test_receipts_of_others_are_refused(bus: Bus, node: Node) -> None:
    node.spool.put_pulse(pulse(1))
    node.uplink.start()
    until(lambda: node.uplink.connected, "connected")

    async def scenario() -> None:
        async with joined(bus, "centre") as centre:
            for wrong in (
                encode(addressed(receipt(pulse(1)), "n2")),
                b"{}",
                b"\xff",
                encode(receipt(pulse(1))).replace(b'"schema":1', b'"schema":99'),
            ):
                await centre.publish(receipt_subject("n1"), wrong)
            await centre.flush()

    asyncio.run(scenario())
    until(lambda: any("a receipt is refused" in note for note in node.uplink.notes()), "it is said")
    assert node.waiting == 1


def addressed(message: Receipt, sensor: str) -> Receipt:
    """The receipt as if it were for another sensor."""
    return Receipt(sensor=sensor, kind=message.kind, identities=message.identities)


@settings(max_examples=40)
@given(kind=st.sampled_from(["pulse", "clip"]), identities=st.lists(st.text(max_size=30), max_size=5))
def test_receipts_for_anything_forget_only_what_they_name(
    kind: str, identities: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    spool = Spool(tmp_path_factory.getbasetemp() / "named", 2**26, 0)
    try:
        spool.put_pulse(pulse(1))
        assert spool.forget(Receipt(sensor="n1", kind=kind, identities=tuple(identities))) == 0  # type: ignore[arg-type]
        assert [parcel.identity for parcel in spool.due(0.0, 9)] == [pulse(1).identity]
    finally:
        spool.close()
