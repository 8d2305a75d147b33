"""A small receiving centre, for tests and benchmarks: takes pulses and clips off the bus, commits, sends receipts.

    python -m benchmarks.receiving --server tls://127.0.0.1:4222 --ca ca.pem --seed centre.seed --store received.sqlite

It may be killed at any time: what it committed stays, what it had not acknowledged comes again.  Prints a line when it
is ready.  Refuses, and says so on standard error: messages that cannot be read, or that say they are of another sensor
than their subject; a repeat of an identity with other content.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import ssl
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from errors import MessageError
from sensors.delivery.connection import Connection
from wire.codec import decode, encode
from wire.messages import Clip, Pulse, Receipt
from wire.streams import CLIPS, PULSES, STREAMS, Stream
from wire.subjects import parse_node_subject, receipt_subject

log = logging.getLogger("receiving")

Kind = Literal["pulse", "clip"]
Verdict = Literal["new", "repeat", "tampered"]
SOURCES: tuple[tuple[Kind, Stream], ...] = (("pulse", PULSES), ("clip", CLIPS))

BATCH = 500
ACK_WAIT_S = 3.0
"""What was delivered and not acknowledged comes again after this: soon, for tests that kill."""
MOST_UNACKNOWLEDGED = 10_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, identity TEXT NOT NULL, sensor TEXT NOT NULL,
    arrival INTEGER NOT NULL, message BLOB NOT NULL, received_s REAL NOT NULL, repeats INTEGER NOT NULL DEFAULT 0,
    UNIQUE (kind, identity));
CREATE TABLE IF NOT EXISTS refusal (number INTEGER PRIMARY KEY, subject TEXT NOT NULL, why TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says.  dies_after: end abruptly after so many commits, before their receipts; 0 never."""

    server: str
    seed: Path
    store: Path
    ca: Path | None = None
    dies_after: int = 0


class Record:
    """The store: each identity once."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def take(self, kind: Kind, message: Pulse | Clip, document: bytes) -> Verdict:
        """Keep a message, or say that it is a repeat, or that its identity stands for something else already."""
        arrival_ns = message.arrival_ns if isinstance(message, Pulse) else message.start_ns
        done = self._db.execute(
            "INSERT OR IGNORE INTO message (kind, identity, sensor, arrival, message, received_s) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (kind, message.identity, message.sensor, arrival_ns, document, time.time()),
        )
        if done.rowcount:
            return "new"
        (before,) = self._db.execute(
            "SELECT message FROM message WHERE kind = ? AND identity = ?", (kind, message.identity)
        ).fetchone()
        if before != document:
            return "tampered"
        self._db.execute(
            "UPDATE message SET repeats = repeats + 1 WHERE kind = ? AND identity = ?", (kind, message.identity)
        )
        return "repeat"

    def refuse(self, subject: str, why: str) -> None:
        """Keep the reason of a refusal."""
        self._db.execute("INSERT INTO refusal (subject, why) VALUES (?, ?)", (subject, why))

    def close(self) -> None:
        """Close the file."""
        self._db.close()


async def ensure_streams(jetstream: JetStreamContext) -> None:
    """Make the streams that are missing, and bring those that exist to what ``wire.streams`` says."""
    for stream in STREAMS:
        wanted = StreamConfig(
            name=stream.name,
            subjects=list(stream.subjects),
            max_age=stream.max_age_s,
            max_bytes=stream.max_bytes,
            max_msg_size=stream.longest_bytes,
            max_msgs_per_subject=stream.max_messages_each,
            duplicate_window=stream.window_s,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
        )
        try:
            await jetstream.stream_info(stream.name)
        except NotFoundError:
            await jetstream.add_stream(wanted)
        else:
            await jetstream.update_stream(wanted)


class Receiver:
    """Takes messages off the bus until it is told to stop."""

    def __init__(self, client: Client, record: Record, dies_after: int) -> None:
        self._client = client
        self._record = record
        self._dies_after = dies_after
        self._commits = 0

    async def receive(self, kind: Kind, stream: Stream) -> None:
        """One kind, for ever."""
        jetstream = self._client.jetstream()
        config = ConsumerConfig(
            ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT_S, max_ack_pending=MOST_UNACKNOWLEDGED, max_deliver=-1
        )
        # Pushed, not fetched: a fetch that times out just as a message comes loses it until ACK_WAIT_S is over.
        source = await jetstream.subscribe(
            f"{kind}.>", durable=f"receiving-{kind}", stream=stream.name, manual_ack=True, config=config
        )
        while True:
            messages = [await source.next_msg(timeout=None)]
            while source.pending_msgs and len(messages) < BATCH:
                messages.append(await source.next_msg(timeout=1.0))
            await self._take(kind, messages)

    async def _take(self, kind: Kind, messages: list[Msg]) -> None:
        committed: dict[str, list[str]] = defaultdict(list)
        refused: list[Msg] = []
        with self._record.transaction():
            for message in messages:
                try:
                    address = parse_node_subject(message.subject)
                    content: Pulse | Clip = (
                        decode(message.data, Pulse, message.subject)
                        if kind == "pulse"
                        else decode(message.data, Clip, message.subject)
                    )
                    if content.sensor != address.sensor:
                        raise MessageError(message.subject, "sensor", expected=address.sensor, seen=content.sensor)
                    verdict = self._record.take(kind, content, message.data)
                    if verdict == "tampered":
                        raise MessageError(message.subject, f"{content.identity} is here already with other content")
                    if verdict == "repeat":
                        log.warning("%s: %s is here already; its sender gets another receipt", kind, content.identity)
                    committed[content.sensor].append(content.identity)
                except MessageError as error:
                    log.error("refused: %s", error)
                    self._record.refuse(message.subject, str(error))
                    refused.append(message)
        self._commits += 1
        if self._commits == self._dies_after:
            os._exit(9)
        for sensor, identities in committed.items():
            receipt = Receipt(sensor=sensor, kind=kind, identities=tuple(identities))
            await self._client.publish(receipt_subject(sensor), encode(receipt))
        for message in messages:
            await (message.term() if message in refused else message.ack())


async def main(options: Options) -> None:
    """Receive until SIGTERM."""
    record = Record(options.store)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def complain(error: Exception) -> None:
        log.debug("bus: %s", error)

    client = Connection()
    await client.connect(
        [options.server],
        nkeys_seed=str(options.seed),
        tls=tls_context(options.ca) if options.server.startswith("tls://") else None,
        error_cb=complain,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,  # type: ignore[arg-type]
        ping_interval=10,
        name="receiving",
    )
    await ensure_streams(client.jetstream())
    receiver = Receiver(client, record, options.dies_after)

    async def keep_receiving(kind: Kind, stream: Stream) -> None:
        while True:
            try:
                await receiver.receive(kind, stream)
            except (nats.errors.Error, OSError) as error:
                log.warning("%s: %r", kind, error)
                await asyncio.sleep(0.2)

    tasks = [asyncio.create_task(keep_receiving(kind, stream)) for kind, stream in SOURCES]
    sys.stdout.write("receiving\n")
    sys.stdout.flush()
    await asyncio.wait([asyncio.create_task(stop.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for done in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(done, Exception):
            raise done
    await client.end()
    record.close()


def tls_context(ca: Path | None) -> ssl.SSLContext:
    """TLS as a client does it."""
    return ssl.create_default_context(cafile=None if ca is None else str(ca))


def options_from(arguments: list[str]) -> Options:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.receiving", description=__doc__)
    parser.add_argument("--server", required=True, help="address of the bus")
    parser.add_argument("--seed", type=Path, required=True, help="the centre's secret key")
    parser.add_argument("--store", type=Path, required=True, help="SQLite file")
    parser.add_argument("--ca", type=Path, help="certificates that vouch for the bus")
    parser.add_argument("--dies-after", type=int, default=0, help="commits, then an abrupt end before their receipts")
    return Options(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    asyncio.run(main(options_from(sys.argv[1:])))
