"""A connection to the bus: nats-py, with what a node needs beyond it.

Each connection is made anew by ``connect``; nats-py's own reconnecting is off.  It would add servers that are named
in clear text before TLS begins, hang on a cut cable while it flushes what can no longer be sent, and choose its waits
itself.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import socket
import ssl
import termios
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.errors import Error as NatsError

from errors import BusError
from sensors.delivery import identity
from sensors.node import config
from wire.subjects import inbox_prefix

CONNECT_S = 10
"""For each step: reaching the server, TLS, and its first answer."""
ALL_STEPS_S = 30.0
CLOSE_S = 2.0
UNACKNOWLEDGED_MS = 30_000
"""The kernel ends a connection on which nothing was acknowledged for so long, however much there is still to send."""
SCHEMES = ("tls", "nats")
IN_CLEAR = "in clear text"

# OpenSSL's reasons to refuse a certificate (x509_vfy.h).
_NOT_YET_VALID, _EXPIRED, _OTHER_NAME, _OTHER_ADDRESS = 9, 10, 62, 64
_UNTRUSTED = (2, 18, 19, 20, 21)


class _Failed(Exception):
    """The first failure of a connection, instead of the library's own next try."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Connection(Client):
    """One connection to one server."""

    def _connect_command(self) -> bytes:
        # The library goes on in clear text when a server does not ask for TLS, so anyone between could read along.
        if self.options.get("tls") is not None and not self.is_encrypted:
            raise NatsError(IN_CLEAR)
        return super()._connect_command()

    def _writer(self) -> asyncio.StreamWriter | None:
        writer: asyncio.StreamWriter | None = getattr(self._transport, "_io_writer", None)
        return writer

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the other side has not acknowledged yet: here, and in the kernel."""
        writer = self._writer()
        if writer is None or writer.transport.is_closing():
            return 0
        line = writer.get_extra_info("socket")
        waiting = array.array("i", [0])
        with contextlib.suppress(OSError):
            fcntl.ioctl(line.fileno(), termios.TIOCOUTQ, waiting)
        return writer.transport.get_write_buffer_size() + waiting[0]

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS has been agreed on."""
        writer = self._writer()
        return writer is not None and writer.get_extra_info("ssl_object") is not None

    def set_line_timeout(self) -> None:
        """Let the kernel tell a line that is cut from one that is slow."""
        writer = self._writer()
        line = writer.get_extra_info("socket") if writer is not None else None
        if line is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)

    async def end(self) -> None:
        """Close, whatever state the line is in: what has not been sent is dropped."""
        for name in ("_io_writer", "_bare_io_writer"):
            writer: asyncio.StreamWriter | None = getattr(self._transport, name, None)
            if writer is not None:
                # Python 3.11.2, that of Debian 12, fails here when TLS is closing already.
                with contextlib.suppress(AttributeError, RuntimeError):
                    writer.transport.abort()
        if self._reading_task is not None:  # else it never was a connection, and nothing runs for it
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.close(), CLOSE_S)


def shown(server: str) -> str:
    """A server's address without a password that someone may have put into it."""
    scheme, mark, rest = server.rpartition("://")
    return scheme + mark + rest.rpartition("@")[2]


async def connect(
    server: str,
    uplink: config.Uplink,
    sensor: str,
    *,
    on_error: Callable[[Exception], Awaitable[None]],
    on_closed: Callable[[], Awaitable[None]],
) -> Connection:
    """Connect to a server of the bus as this node.

    Parameters
    ----------
    server : its address; ``tls://`` insists on encryption.
    on_error, on_closed : called later, when the server complains, and when the connection has ended.

    Raises
    ------
    BusError
        The server cannot be reached, is not who it should be, or does not let this node in.
    ConfigurationError
        The node's key cannot be used.
    """
    where = shown(server)
    parts = urlsplit(server if "://" in server else f"nats://{server}")
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise BusError(where, "is not an address of a bus; expected something like tls://bus.example.org:4222")
    public = identity.public_key(uplink.seed_file)
    tls = _tls(uplink.ca_file) if parts.scheme == "tls" or uplink.ca_file is not None else None
    connected = False

    async def error(exception: Exception) -> None:
        if connected:
            await on_error(exception)
        else:
            raise _Failed(exception)

    client = Connection()
    try:
        await asyncio.wait_for(
            client.connect(
                [server], error_cb=error, closed_cb=on_closed, name=f"tocsin node {sensor}", allow_reconnect=False,
                connect_timeout=CONNECT_S, ping_interval=10**9, tls=tls, nkeys_seed=str(uplink.seed_file),
                inbox_prefix=inbox_prefix(sensor),
            ),
            ALL_STEPS_S,
        )  # fmt: skip
        if not client.is_connected:
            raise NatsError("nats: 'it closed the connection'")
    except (TimeoutError, _Failed, OSError, NatsError, ValueError) as failure:
        connected = True  # its complaints while it closes are of no interest
        await client.end()
        cause = failure.error if isinstance(failure, _Failed) else failure
        raise BusError(where, _said(cause, uplink.ca_file, public)) from None
    except BaseException:
        connected = True
        await client.end()
        raise
    connected = True
    client.set_line_timeout()
    return client


def _tls(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except FileNotFoundError:
        raise BusError(ca_file, "no such file; it should hold the certificates that vouch for the bus") from None
    except OSError as error:
        why = "holds no certificates" if isinstance(error, ssl.SSLError) else f"cannot be read ({error.strerror})"
        raise BusError(ca_file, f"{why}; it should hold those that vouch for the bus") from None


def _said(error: Exception, ca_file: str | None, public: str) -> str:
    """What went wrong, in a technician's words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code == _EXPIRED:
            return "its certificate has expired, or this machine's clock is wrong"
        if code == _NOT_YET_VALID:
            return "its certificate is not valid yet, or this machine's clock is wrong"
        if code in (_OTHER_NAME, _OTHER_ADDRESS):
            return "its certificate is for another host; it is not who it should be"
        if code in _UNTRUSTED:
            by = f"by {ca_file}" if ca_file else "by the certificates of this system"
            return f"its certificate is not vouched for {by}; it may not be who it should be"
        return f"its certificate is refused ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS could not be agreed on ({error.reason or error})"
    if isinstance(error, socket.gaierror):
        return f"its name cannot be looked up ({error.strerror})"
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    text = str(error)
    if IN_CLEAR in text:
        return "it offers no TLS, and tls:// asks for it; nothing was sent"
    if "uthorization" in text:
        return (
            f"it does not know this node's key {public}; enter it at the centre, or give the node the right seed file"
        )
    if isinstance(error, OSError):
        return f"cannot be reached ({error.strerror or text})"
    return f"it refuses the connection ({text.removeprefix('nats: ')})"
