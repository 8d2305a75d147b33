"""node.toml as a ``NodeConfig`` that makes sense as a whole, or one sentence that says what is wrong with it."""

from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from errors import ConfigurationError
from sensors.node.config import Capture, Clock, NodeConfig, Uplink
from sensors.node.masking import HIDDEN, masked
from settings.reading import Read, parse, read_text
from wire.subjects import is_token

CUT_S = 2.0
"""A clip is cut so long, at most, after its last sample: the detector's latency (0.22 s), reading and cutting by
blocks, and a processor that is held up for a second."""

SCHEMES = ("tls", "nats")


def read_node_config(path: Path) -> Read[NodeConfig]:
    """A node's settings.

    Raises
    ------
    ConfigurationError
        The file cannot be read, is not TOML, holds a key that is unknown, missing or out of bounds, or contradicts
        itself.  The sentence names file, line and key; passwords in it are masked.
    """
    return parse_node_config(read_text(path), path)


def parse_node_config(text: str, where: object) -> Read[NodeConfig]:
    """As ``read_node_config``, of the text of a file that errors name ``where``."""
    try:
        read = parse(text, where, NodeConfig)
        _check(read)
    except ConfigurationError as error:
        if (sentence := masked(str(error))) == str(error):
            raise
        raise ConfigurationError(error.where, sentence.removeprefix(f"{error.where}: ")) from None
    return read


def digest(read: Read[NodeConfig]) -> str:
    """SHA-256 of the file's text (newlines as on this machine), lower-case hexadecimal: heartbeats carry it."""
    return hashlib.sha256(read.text.encode()).hexdigest()


def cautions(read: Read[NodeConfig]) -> tuple[str, ...]:
    """What is allowed but should be known, one sentence each, naming the line."""
    found: list[str] = []
    uplink = read.value.uplink
    if uplink is None or uplink.ca_file is not None:  # with one, encryption is insisted on
        return ()
    for number, server in enumerate(uplink.servers):
        address = urlsplit(server)
        if address.scheme == "nats" and not _is_loopback(address.hostname or ""):
            sentence = f"uplink.servers: nothing encrypts what goes to {masked(server)}; tls:// does"
            found.append(str(read.refusal(("uplink", "servers", number), sentence)))
    return tuple(found)


def _check(read: Read[NodeConfig]) -> None:
    config = read.value
    if not is_token(config.sensor):  # a pattern's $ lets a newline at the end through
        raise read.refusal(("sensor",), expected="1 to 100 letters, digits, _ and -", seen=config.sensor)
    _check_capture(config.capture, read)
    _check_clock(config.clock, config.capture, read)
    clips = config.clips
    needed_s = clips.before_s + clips.after_s + CUT_S
    if clips.send and needed_s > clips.memory_s:
        raise read.refusal(
            ("clips", "memory_s"),
            expected=f"{needed_s:g} s or more (before_s + after_s + {CUT_S:g} s)",
            seen=clips.memory_s,
        )
    if config.uplink is not None:
        _check_uplink(config.uplink, read)


def _check_capture(capture: Capture, read: Read[NodeConfig]) -> None:
    given = [
        name
        for name, is_given in (
            ("device", capture.device is not None),
            ("file", capture.file is not None),
            ("stdin", capture.stdin),
        )
        if is_given
    ]
    if len(given) > 1:
        reason = f"capture.{given[1]} beside capture.{given[0]}"
        raise read.refusal(("capture", given[1]), reason, expected="one of device, file, stdin")
    if capture.device == "" or (isinstance(capture.device, int) and capture.device < 0):
        expected = "part of a microphone's name, or its number (tocsin node devices)"
        raise read.refusal(("capture", "device"), expected=expected, seen=capture.device)
    if capture.file == "":
        raise read.refusal(("capture", "file"), expected="a text that is not empty", seen=capture.file)
    usual = Capture()
    means_nothing = {
        "without capture.file": ("pace",) if capture.file is None else (),
        "without stdin = true": ("stdin_format",) if not capture.stdin else (),
        "beside capture.file, which has its own": ("rate_hz", "channels") if capture.file is not None else (),
    }
    for why, names in means_nothing.items():
        for name in names:
            if getattr(capture, name) != getattr(usual, name):
                raise read.refusal(("capture", name), f"capture.{name} means nothing {why}")


def _check_clock(clock: Clock, capture: Capture, read: Read[NodeConfig]) -> None:
    key = ("clock", "source")
    if clock.source == "recorded" and capture.file is None:
        raise read.refusal(
            key, expected='"chrony" or "none" (only capture.file has a time of its own)', seen="recorded"
        )
    if clock.source == "chrony" and capture.pace != 1.0:
        reason = "clock.source: the system clock cannot time a recording that is not played at its own pace"
        raise read.refusal(key, reason, expected='capture.pace = 1, or clock.source = "recorded"', seen=capture.pace)
    for number, name in enumerate(clock.pps_names):
        if not name.strip():
            raise read.refusal(("clock", "pps_names", number), expected="a refid, as in chrony.conf", seen=name)


def _check_uplink(uplink: Uplink, read: Read[NodeConfig]) -> None:
    for number, server in enumerate(uplink.servers):
        key = ("uplink", "servers", number)
        if not _is_server(server):
            raise read.refusal(key, expected="tls://HOST:PORT, or nats://HOST:PORT", seen=_shown(server))
        if server in uplink.servers[:number]:
            raise read.refusal(key, expected="each server once", seen=_shown(server))
    if uplink.ca_file == "":
        raise read.refusal(("uplink", "ca_file"), expected="a file of certificates, or no such key", seen="")


def _is_server(server: str) -> bool:
    try:
        address: SplitResult = urlsplit(server)
        port_is_right = address.port is None or 1 <= address.port <= 65_535
    except ValueError:  # a port out of range, half an IPv6 address
        return False
    plain = server.isprintable() and not any(letter.isspace() or letter in "\"'\\" for letter in server)
    alone = address.path in {"", "/"} and not address.query and not address.fragment
    return address.scheme in SCHEMES and bool(address.hostname) and port_is_right and plain and alone


def _shown(server: str) -> str:
    """An address, however malformed, without what stands before its last ``@``."""
    head, at, host = server.rpartition("@")
    scheme, colon, _ = head.partition("://")
    return f"{scheme if colon else ''}{colon}{HIDDEN}@{host}" if at else server


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
