"""The configuration of the bus: who may connect, and what each node may touch.

Written as text for nats-server.  A publication to JetStream needs no more than the subject itself and an inbox for the
answer: a node gets nothing of JetStream's own interface (``$JS.API``), so that it can neither read a stream nor change
one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from errors import ConfigurationError
from sensors.delivery.identity import is_public_key
from wire.codec import LONGEST_BYTES
from wire.subjects import KINDS, is_token, may_publish, may_subscribe


def server_config(
    nodes: Mapping[str, str],
    centres: Sequence[str],
    *,
    store: Path | str,
    certificate: Path | str | None = None,
    key: Path | str | None = None,
    host: str = "0.0.0.0",
    port: int = 4222,
    monitor_port: int | None = None,
    name: str = "tocsin",
) -> str:
    """Text of a nats-server configuration.

    Parameters
    ----------
    nodes : public key of each sensor, by its id.
    centres : public keys of the centre's programs.
    store : folder of JetStream's files.
    certificate, key : of the server, PEM; without them nothing is encrypted, for one machine only.
    host, port : where to listen.  monitor_port : of the server's health pages, on this machine only.

    Raises
    ------
    ConfigurationError
        An id that cannot stand in a subject, a key that is none, or one key for two.
    """
    owners: dict[str, str] = {}
    for owner, public in [*nodes.items(), *((f"centre {number}", key) for number, key in enumerate(centres, 1))]:
        if owner in nodes and not is_token(owner):
            raise ConfigurationError("nodes", "id", expected="1 to 100 letters, digits, '_' and '-'", seen=owner)
        if not is_public_key(public):
            raise ConfigurationError(owner, "public key", expected="that of an NKEY user (U...)", seen=public)
        if public in owners:
            raise ConfigurationError(owner, f"its public key is also that of {owners[public]}; each needs its own")
        owners[public] = owner
    if (certificate is None) != (key is None):
        raise ConfigurationError("tls", "certificate and key", expected="both or none")
    lines = [
        f"server_name: {_text(name)}",
        f"host: {_text(host)}",
        f"port: {port}",
        f"max_payload: {LONGEST_BYTES}",
        "# A node behind a cut cable is noticed within a minute.",
        'ping_interval: "20s"',
        "ping_max: 2",
    ]
    if monitor_port is not None:
        lines.append(f'http: "127.0.0.1:{monitor_port}"')
    lines += [
        "jetstream {",
        f"  store_dir: {_text(store)}",
        "  # The default is two minutes; nodes keep what they sent until the centre's receipt, so 200 ms is all that a",
        "  # power cut can delay.",
        '  sync_interval: "200ms"',
        "}",
    ]
    if certificate is not None:
        lines += [
            "tls {",
            f"  cert_file: {_text(certificate)}",
            f"  key_file: {_text(key)}",
            "  # Nodes prove who they are by their NKEY, not by certificates.",
            "  verify: false",
            '  min_version: "1.2"',
            "  timeout: 10",
            "}",
        ]
    lines += ["authorization {", "  timeout: 10", "  users: ["]
    for sensor, public in nodes.items():
        lines += _user(sensor, public, may_publish(sensor), (), may_subscribe(sensor))
    # Not even the centre speaks for a node.
    denied = tuple(f"{kind}.>" for kind in KINDS)
    for number, public in enumerate(centres, 1):
        lines += _user(f"centre {number}", public, (">",), denied, (">",))
    return "\n".join([*lines, "  ]", "}", ""])


def _user(owner: str, public: str, publish: Sequence[str], never: Sequence[str], subscribe: Sequence[str]) -> list[str]:
    deny = f", deny: {json.dumps(list(never))}" if never else ""
    return [
        f"    # {owner}",
        "    {",
        f"      nkey: {public}",
        "      permissions {",
        f"        publish {{ allow: {json.dumps(list(publish))}{deny} }}",
        f"        subscribe {{ allow: {json.dumps(list(subscribe))} }}",
        "      }",
        "    }",
    ]


def _text(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)
