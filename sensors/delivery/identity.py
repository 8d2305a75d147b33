"""Who a node is: an NKEY pair (Ed25519).  The seed is secret and stays on the node; the public key goes to the bus.

The seed is in no repr, log line or error of this software.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import stat
from pathlib import Path

from errors import ConfigurationError

LONGEST_BYTES = 1024
"""A seed has 58 characters; a file much longer is something else."""

_PUBLIC_KEY = re.compile(r"U[A-Z2-7]{55}")


def make_seed(path: str | Path) -> str:
    """Make a new identity: write its seed into a new file that only this user may read; returns the public key.

    Raises
    ------
    ConfigurationError
        The file exists (an identity is never overwritten), or cannot be written.
    """
    import nkeys  # noqa: PLC0415  only a node that enrols or connects needs it

    path = Path(path)
    seed = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise ConfigurationError(path, "there is a key already; remove it yourself to give the node another") from None
    except OSError as error:
        raise ConfigurationError(path, f"the key cannot be written ({error.strerror})") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(seed + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink()
        raise ConfigurationError(path, f"the key cannot be written ({error.strerror})") from error
    return public_key(path)


def public_key(seed_path: str | Path) -> str:
    """The public key of the seed in a file.

    Raises
    ------
    ConfigurationError
        The file is missing, others may read it, or it does not hold the seed of a user.
    """
    import nkeys  # noqa: PLC0415

    path = Path(seed_path)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(LONGEST_BYTES + 1).strip()
    except FileNotFoundError:
        raise ConfigurationError(path, "no such file; `tocsin node enrol` makes the node's key") from None
    except OSError as error:
        raise ConfigurationError(path, f"the key cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(mode):
        raise ConfigurationError(path, "the key: expected a file")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(
            path, "others may read the key; run `chmod 600` on it", expected="mode 0600", seen=oct(stat.S_IMODE(mode))
        )
    try:
        pair = nkeys.from_seed(bytearray(text))
        key = pair.public_key.decode()
        # The checksum of a seed is not looked at by the library: a mistyped one would be another identity.
        if (
            _PUBLIC_KEY.fullmatch(key)
            and nkeys.encode_seed(bytes(nkeys.decode_seed(text)[1]), nkeys.PREFIX_BYTE_USER) == text
        ):
            return str(key)
    except Exception:
        # Whatever it says may hold a part of what was read, so it goes no further.
        pass
    raise ConfigurationError(path, "is not the key of a node", expected="one line, the seed of an NKEY user (SU...)")


def is_public_key(text: str) -> bool:
    """Whether a text is the public key of an NKEY user, checksum included."""
    import nkeys  # noqa: PLC0415

    if _PUBLIC_KEY.fullmatch(text) is None:
        return False
    raw = bytearray(base64.b32decode(text + "=" * (-len(text) % 8)))
    return bool(int.from_bytes(raw[-2:], "little") == nkeys.crc16(raw[:-2]))
