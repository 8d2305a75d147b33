"""Does the way to the centre hold: key, name, port, encryption, who we are, and whether we may speak?

The steps are taken one by one, so that what is said is the one that fails and not "no servers available".
"""

from __future__ import annotations

import asyncio
import json
import queue
import socket
import threading
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import nats.errors

from errors import BusError, ConfigurationError
from sensors.delivery.connection import Connection, connect
from sensors.delivery.identity import public_key
from sensors.node.check import Check
from sensors.node.config import Uplink
from sensors.node.masking import masked
from wire.subjects import node_subject

PORT = 4222
RESOLVE_S = 2.0
REACH_S = 2.0
LET_IN_S = 4.0
ANSWER_S = 1.0
"""All steps together stay below ``check.LONGEST_S``."""

NO_SUCH_STREAM = "tocsin-check"
"""A message that is to be stored in a stream of this name only is judged by the bus like any other, and refused."""

_NOT_THE_STREAM = 10060
"""JetStream's code of that refusal (nats-server, "expected stream does not match")."""


class _Failure(Exception):
    """What was found, and what to do."""


def check_key(uplink: Uplink) -> Check:
    """Whether the node has its key, and nobody else."""
    try:
        return Check("key", True, f"{uplink.seed_file}: public key {public_key(uplink.seed_file)}")
    except ConfigurationError as error:
        path = Path(uplink.seed_file)
        if _exists(path):
            advice = f"chown tocsin {path}; chmod 600 {path}; and check as the node's user: sudo -u tocsin tocsin ..."
        else:
            advice = f"tocsin node enrol --seed {path}, then give the centre the public key that it prints"
        return Check("key", False, str(error), advice)


def check_server(uplink: Uplink, sensor: str, cell: str, server: str) -> Check:
    """Whether a server of the bus is reached, is the one it says it is, knows this node, and stores what it sends.

    cell : of the sensor's place.  server : one of ``uplink.servers``.
    """
    shown = masked(server)
    try:
        _reach(urlsplit(server))
        how = asyncio.run(_speak(uplink, sensor, cell, server))
    except _Failure as failure:
        said, advice = failure.args
        return Check("network", False, f"{shown}: {masked(said)}", advice)
    return Check("network", True, f"{shown}: connected, {how}, pulses and clips are taken")


def _reach(address: SplitResult) -> None:
    """Whether anything listens there."""
    host, port = address.hostname or "", address.port or PORT
    place = _resolve(host, port)
    where = f"port {port} of {host}" if place == host else f"port {port} of {host} ({place})"
    try:
        socket.create_connection((place, port), REACH_S).close()
    except ConnectionRefusedError as error:
        raise _Failure(f"nothing listens on {where}", "is the port right, and does the bus run?") from error
    except TimeoutError as error:
        raise _Failure(f"no answer from {where}", "a firewall stands between, or there is no route") from error
    except OSError as error:
        raise _Failure(
            f"{where} is not reached ({error.strerror or error})", "is the network up? ip address"
        ) from error


def _resolve(host: str, port: int) -> str:
    """The address of a server; in a thread that is left behind, since name servers can hold one for long."""
    answer: queue.SimpleQueue[str | OSError] = queue.SimpleQueue()

    def run() -> None:
        try:
            answer.put(str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]))
        except (OSError, UnicodeError) as error:
            answer.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=run, name="resolve", daemon=True).start()
    advice = "is the name right, and is the network up? ip address; resolvectl status"
    try:
        found = answer.get(timeout=RESOLVE_S)
    except queue.Empty:
        raise _Failure(f"the name {host} is not resolved within {RESOLVE_S:g} s", advice) from None
    if isinstance(found, OSError):
        raise _Failure(f"the name {host} is not resolved ({found.strerror or found})", advice)
    return found


async def _speak(uplink: Uplink, sensor: str, cell: str, server: str) -> str:
    """Connect as the node does, and try the subjects of pulses and clips; says whether it is encrypted."""
    refusals: list[str] = []

    async def remember(error: Exception) -> None:
        refusals.append(str(error).removeprefix("nats: "))

    async def ignore() -> None:
        return None

    try:
        connecting = connect(server, uplink, sensor, on_error=remember, on_closed=ignore)
        connection = await asyncio.wait_for(connecting, LET_IN_S)
    except BusError as error:
        raise _Failure(error.what, _advice(error.what, uplink)) from error
    except ConfigurationError as error:
        raise _Failure("reached, but without a key nothing is sent", "see the key, above") from error
    except TimeoutError as error:
        raise _Failure("reached, but no answer", "is it a bus that listens there, and is it well?") from error
    try:
        for kind in ("pulse", "clip"):
            await _try_subject(connection, node_subject(kind, cell, sensor), refusals)
        return "encrypted" if connection.is_encrypted else "not encrypted"
    finally:
        await connection.end()


def _advice(said: str, uplink: Uplink) -> str:
    """What to do about a connection that failed, by the words of ``sensors.delivery.connection``."""
    if "certificate" in said:
        vouching = uplink.ca_file or "the system's certificates"
        return (
            f"is the clock right (date)? does {vouching} vouch for the bus, and is its name the one in uplink.servers?"
        )
    if "key" in said:
        return f"give the centre this node's public key, {public_key(uplink.seed_file)}"
    if "TLS" in said:
        return "have the bus encrypt, or find out who answers in its place"
    return "is it a bus that listens there, and is it well?"


async def _try_subject(connection: Connection, subject: str, refusals: list[str]) -> None:
    """Whether the bus would store what is sent there: it must refuse for the stream that the message wants alone."""
    request = connection.request(subject, b"", ANSWER_S, headers={"Nats-Expected-Stream": NO_SUCH_STREAM})
    try:
        answer = json.loads((await request).data)
    except nats.errors.NoRespondersError as error:
        raise _Failure(f"no stream takes {subject}", "the centre is not set up, or does not run yet") from error
    except (nats.errors.Error, TimeoutError) as error:
        if refusals:
            advice = "the centre lists this key under the id of another sensor"
            raise _Failure(f"{subject} is refused ({refusals[-1]})", advice) from error
        raise _Failure(f"no answer to {subject}", "is JetStream of the bus well?") from error
    except ValueError as error:
        raise _Failure(
            f"the answer to {subject} is not understood", "does something else answer on the bus?"
        ) from error
    problem = answer.get("error", {})
    if problem.get("err_code") != _NOT_THE_STREAM:
        said = problem.get("description") or "it was stored, which it should not have been"
        raise _Failure(f"{subject} is not stored ({said})", "is JetStream of the bus well, and has its disk room?")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True
