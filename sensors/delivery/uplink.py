"""The way to the centre: a thread that keeps a connection to the bus and sends what the spool holds.

The messages of a connection are sent by ``sending``, made by ``connection``; here is what outlives a connection: the
order of servers, the waits between two tries, receipts, heartbeats.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import threading
import time
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from errors import MessageError, TocsinError
from sensors.delivery.connection import ALL_STEPS_S, Connection, connect, shown
from sensors.delivery.sayings import Sayings
from sensors.delivery.sending import Sender
from sensors.delivery.spool import Spool
from sensors.node import config
from wire.codec import decode, encode
from wire.messages import Heartbeat, Receipt
from wire.subjects import node_subject, receipt_subject

log = logging.getLogger("tocsin.node.uplink")

FIRST_WAIT_S = 0.25
"""Before the second try to connect; then twice as long each time."""
PING_S, PONG_S = 10.0, 18.0
"""A line that was cut without a word is noticed within the sum of both."""
LONGEST_CLIP_S = 3600
"""A clip takes no longer over the thinnest line on which bytes still move."""
GOOD_S = 10.0
"""A connection that lasted so long was a good one: the next may be tried at once."""
FRESH_S = 10.0
"""A heartbeat older than this is not sent any more."""


class Uplink:
    """Delivers the spool to the centre.

    Parameters
    ----------
    config : servers, keys, waits.
    sensor, cell : of this node; parts of its subjects.
    spool : what to send.
    """

    def __init__(self, config: config.Uplink, sensor: str, cell: str, spool: Spool) -> None:
        self._config = config
        self._sensor = sensor
        self._cell = cell
        self._spool = spool
        self._sayings = Sayings(log)
        self._heartbeat_subject = node_subject("heartbeat", cell, sensor)
        self._receipt_subject = receipt_subject(sensor)
        self._run_id = secrets.token_hex(3)
        self._loop = asyncio.new_event_loop()
        self._work = asyncio.Event()
        self._stop = asyncio.Event()
        self._stop_by = 0.0
        self._thread = threading.Thread(target=self._thread_main, name="uplink", daemon=True)
        self._heartbeat: tuple[bytes, float] | None = None
        self._connected = False
        self._sender: Sender | None = None

    # ---- for other threads

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def wake(self) -> None:
        """Something was spooled."""
        self._call(self._work.set)

    def beat(self, heartbeat: Heartbeat) -> None:
        """Send a heartbeat, if the bus is reached soon; never blocks."""
        self._heartbeat = (encode(heartbeat), time.monotonic())
        self.wake()

    @property
    def connected(self) -> bool:
        """Whether the bus is reached."""
        return self._connected

    def notes(self) -> tuple[str, ...]:
        """What a technician should know of the way to the centre; empty when all is well."""
        return self._sayings.notes()

    def close(self, timeout_s: float) -> None:
        """Send what is due, if that works within the time, and end."""
        if self._thread.ident is None:
            self._loop.close()
            return
        self._stop_by = time.monotonic() + timeout_s
        self._call(self._stop.set)
        self.wake()
        self._thread.join(timeout_s + 5.0)
        if self._thread.is_alive():
            log.error("the connection to the bus does not close; it is left to itself")

    def _call(self, what: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(what)

    # ---- the thread

    def _thread_main(self) -> None:
        try:
            self._loop.run_until_complete(self._run())
        except Exception:
            log.exception("the uplink has failed")
            self._sayings.say("failed", "bus: the uplink has failed, the log says how; nothing is delivered")
        finally:
            self._connected = False
            self._loop.close()

    async def _run(self) -> None:
        servers = self._config.servers
        turn = failures = 0
        while not self._stop.is_set():
            server = servers[turn % len(servers)]
            turn += 1
            began = time.monotonic()
            good = False
            try:
                good = await self._visit(server)
            except TocsinError as error:
                self._sayings.say(f"connect {server}", f"bus: {error}")
            except (OSError, NatsError) as error:
                self._sayings.say(f"connect {server}", f"bus: {shown(server)}: the connection broke ({error})")
            except Exception as error:
                # A fault of ours or of a library may cost this connection, never the delivery of a night.
                log.exception("the connection to %s has failed", shown(server))
                self._sayings.say(f"connect {server}", f"bus: {shown(server)}: failed ({type(error).__name__})")
            failures = 0 if good or time.monotonic() - began > GOOD_S + ALL_STEPS_S else failures + 1
            if failures % len(servers) == 0:
                rounds = failures // len(servers)
                wait_s = min(self._config.reconnect_s, FIRST_WAIT_S * 2.0 ** min(rounds, 20))
                await self._pause(wait_s * random.uniform(0.5, 1.0))

    async def _pause(self, wait_s: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stop.wait(), wait_s)

    async def _visit(self, server: str) -> bool:
        """One connection, from its beginning to its end; whether it was any good."""
        lost = asyncio.Event()

        async def on_closed() -> None:
            lost.set()
            self._work.set()

        connection = await connect(server, self._config, self._sensor, on_error=self._complained, on_closed=on_closed)
        began = time.monotonic()
        sender = self._sender = Sender(
            connection, self._spool, self._sensor, self._cell, self._config.receipt_s, self._sayings, self._run_id,
            self._work.set,
        )  # fmt: skip
        watching = asyncio.create_task(self._watch(connection, on_closed))
        try:
            await connection.subscribe(self._receipt_subject, cb=self._received)
            self._connected = True
            for other in self._config.servers:
                self._sayings.over(f"connect {other}")
            if not connection.is_encrypted:
                log.warning("the connection to %s is not encrypted", shown(server))
            log.info("connected to %s", shown(server), extra={"server": shown(server)})
            # On its own: on a dead line it may hang in a write.
            delivering = asyncio.create_task(self._deliver(connection, sender, lost))
            losing = asyncio.create_task(lost.wait())
            await asyncio.wait((delivering, losing, watching), return_when=asyncio.FIRST_COMPLETED)
            was_lost = lost.is_set()
            if delivering.done():
                delivering.result()
        finally:
            self._connected = False
            self._sender = None
            await self._sweep()
            sender.end()
            await connection.end()
            await self._sweep()
        good = sender.taken > 0 or time.monotonic() - began > GOOD_S
        if was_lost:
            self._sayings.say(f"connect {server}", f"bus: {shown(server)}: the connection was lost")
        return good

    async def _sweep(self) -> None:
        """End all that still runs for a connection, the library's tasks too; the loop is ours alone."""
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _deliver(self, connection: Connection, sender: Sender, lost: asyncio.Event) -> None:
        while not lost.is_set():
            self._work.clear()
            await self._send_heartbeat(connection)
            wait_s = await sender.send_due()
            if self._stop.is_set():
                left_s = self._stop_by - time.monotonic()
                if sender.is_idle or left_s <= 0.0:
                    await asyncio.wait_for(connection.flush(), max(0.1, min(left_s, 2.0)))
                    return
                wait_s = left_s if wait_s is None else min(wait_s, left_s)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._work.wait(), wait_s)

    async def _send_heartbeat(self, connection: Connection) -> None:
        heartbeat, self._heartbeat = self._heartbeat, None
        if heartbeat is not None and time.monotonic() - heartbeat[1] < FRESH_S:
            await connection.publish(self._heartbeat_subject, heartbeat[0])

    async def _watch(self, connection: Connection, on_closed: Callable[[], Awaitable[None]]) -> None:
        """End a connection that no longer answers."""
        while True:
            await asyncio.sleep(PING_S)
            if not await _answers(connection):
                log.warning("the bus has not answered for %.0f s", PONG_S)
                await on_closed()
                return

    async def _complained(self, error: Exception) -> None:
        """The server, or the library, has something to say."""
        if self._sender is not None and self._sender.denied(error):
            return
        if f'"{self._receipt_subject}"'.lower() in str(error).lower():
            self._sayings.say(
                "receipts", f"bus: this node may not hear {self._receipt_subject}; without receipts its spool fills"
            )
        elif "ermissions" in str(error):
            self._sayings.say("permission", f"bus: {str(error).removeprefix('nats: ')}")
        else:
            log.debug("the bus: %s", error)

    async def _received(self, message: Msg) -> None:
        """A receipt."""
        try:
            receipt = decode(message.data, Receipt, message.subject)
            if receipt.sensor != self._sensor:
                raise MessageError(message.subject, "Receipt.sensor", expected=self._sensor, seen=receipt.sensor)
        except MessageError as error:
            self._sayings.say("receipt", f"bus: a receipt is refused: {error}")
            return
        self._spool.forget(receipt)
        self._sayings.over("receipt")


async def _answers(connection: Connection) -> bool:
    """Whether the server answers a ping within `PONG_S`, or takes in what is on its way before it.

    On a thin line a ping waits behind a clip: as long as bytes move, the line is slow and not dead.
    """
    answer = asyncio.ensure_future(connection.flush(LONGEST_CLIP_S))
    unsent, since_s = connection.unsent_bytes, time.monotonic()
    try:
        while not answer.done():
            await asyncio.wait({answer}, timeout=PONG_S / 6.0)
            now_s, left = time.monotonic(), connection.unsent_bytes
            if left < unsent:
                unsent, since_s = left, now_s
            elif now_s - since_s >= PONG_S:
                return answer.done()
        answer.result()
    except (TimeoutError, OSError, NatsError):
        return False
    finally:
        answer.cancel()
    return True
