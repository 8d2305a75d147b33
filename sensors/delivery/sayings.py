"""What is wrong at the moment, one sentence a topic: logged when it changes, kept for the heartbeats until it ends."""

from __future__ import annotations

import logging
import threading
import time

LEAST_S = 10.0
"""Between two log lines of one topic: whoever sends us rubbish shall not fill the disk with what we say of it."""


class Sayings:
    """Thread-safe."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._sentences: dict[str, str] = {}
        self._logged_at: dict[str, float] = {}

    def say(self, topic: str, sentence: str, *, level: int = logging.WARNING) -> None:
        """Something is wrong; said once, until it changes."""
        with self._lock:
            if self._sentences.get(topic) == sentence:
                return
            self._sentences[topic] = sentence
            now = time.monotonic()
            if now - self._logged_at.get(topic, float("-inf")) >= LEAST_S:
                self._logged_at[topic] = now
                self._log.log(level, "%s", sentence)

    def over(self, topic: str, sentence: str | None = None) -> None:
        """It is over; ``sentence`` says so in the log."""
        with self._lock:
            if self._sentences.pop(topic, None) is not None:
                self._logged_at.pop(topic, None)
                if sentence is not None:
                    self._log.info("%s", sentence)

    def notes(self) -> tuple[str, ...]:
        """What is wrong now."""
        with self._lock:
            return tuple(self._sentences.values())
