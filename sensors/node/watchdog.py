"""What a node tells systemd: that it works, that it still works, and in a sentence how.  Harmless without systemd."""

from __future__ import annotations

import os
from pathlib import Path

import sdnotify

SEND_TIMEOUT_S = 0.5
"""systemd reads at once; should it not, a node must not wait for it."""


class Watchdog:
    """Notifications to systemd (sd_notify(3)).  Thread-safe.

    interval_s : ``alive`` must be called at least so often: half of what systemd allows, as sd_watchdog_enabled(3)
        advises.  None when nobody watches.
    """

    def __init__(self) -> None:
        self.interval_s = _interval_s()
        self._notifier = None
        address = os.environ.get("NOTIFY_SOCKET", "")
        if address.startswith("@") or (address and Path(address).exists()):  # sdnotify leaks its socket otherwise
            self._notifier = sdnotify.SystemdNotifier()
            if self._notifier.socket is not None:
                self._notifier.socket.settimeout(SEND_TIMEOUT_S)

    def ready(self) -> None:
        """The node has started."""
        self._tell("READY=1")

    def alive(self) -> None:
        """The node works: call it only when it truly does."""
        self._tell("WATCHDOG=1")

    def say(self, text: str) -> None:
        """A sentence for ``systemctl status``; its first line is shown."""
        self._tell("STATUS=" + " ".join(text.split("\n")))

    def stopping(self) -> None:
        """The node is about to end."""
        self._tell("STOPPING=1")

    def close(self) -> None:
        """Close the socket; calls do nothing afterwards."""
        notifier, self._notifier = self._notifier, None
        if notifier is not None and notifier.socket is not None:
            notifier.socket.close()

    def _tell(self, state: str) -> None:
        if self._notifier is not None:
            # sdnotify sends Latin-1 and leaves out, silently, what is not; systemd reads UTF-8.
            self._notifier.notify(state.encode().decode("latin-1"))


def _interval_s() -> float | None:
    """Half of ``WATCHDOG_USEC``, when that is meant for this process (``WATCHDOG_PID``)."""
    pid = os.environ.get("WATCHDOG_PID", "")
    if pid and pid != str(os.getpid()):
        return None
    allowed = os.environ.get("WATCHDOG_USEC", "")
    if not (allowed.isascii() and allowed.isdigit()) or int(allowed) == 0:
        return None
    return int(allowed) / 1e6 / 2.0
