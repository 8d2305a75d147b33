"""Is a node fit to run where it stands?  Each part is tried as the node would use it, and advice given where it fails.

A check never touches what a running node keeps: nothing is spooled, nothing is sent that anyone would take for a pulse.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from errors import TocsinError
from sensors.node.config import NodeConfig
from sensors.node.masking import masked
from settings.reading import Read
from wire.cells import NOWHERE, cell_of

LONGEST_S = 10.0
"""No check lasts longer, whatever hangs."""


@dataclass(frozen=True, slots=True)
class Check:
    """What came of one check.

    name : ``microphone``, ``level``, ``time``, ``place``, ``spool``, ``key``, ``network``.
    ok : whether the node will work, in this.
    said : what was found.
    advice : what to do; empty when there is nothing to do.  With ``ok``: what would make it better.
    """

    name: str
    ok: bool
    said: str
    advice: str = ""


def run_checks(read: Read[NodeConfig]) -> Iterator[Check]:
    """Check everything that node.toml speaks of, one after the other; some seconds each, ``LONGEST_S`` at most."""
    # Each part brings libraries of its own (numpy, PortAudio, the bus); nobody else needs to load them.
    from sensors.node.checking_network import check_key, check_server  # noqa: PLC0415
    from sensors.node.checking_sound import check_sound  # noqa: PLC0415
    from sensors.node.checking_surroundings import check_place, check_spool, check_time  # noqa: PLC0415

    config = read.value
    yield from within(LONGEST_S, "microphone", lambda: check_sound(config.capture))
    yield from within(LONGEST_S, "time", lambda: [check_time(config.clock)])
    yield from within(LONGEST_S, "place", lambda: [check_place(config)])
    yield from within(LONGEST_S, "spool", lambda: [check_spool(config.spool)])
    uplink = config.uplink
    if uplink is None:
        yield Check("network", True, "node.toml has no [uplink]", "without one, everything stays in the spool")
        return
    yield from within(LONGEST_S, "key", lambda: [check_key(uplink)])
    place = config.place
    cell = NOWHERE if place is None else cell_of(place.longitude, place.latitude)
    for server in uplink.servers:
        check = partial(check_server, uplink, config.sensor, cell, server)
        yield from within(LONGEST_S, "network", lambda: [check()])  # noqa: B023  called before the next turn


def within(limit_s: float, name: str, check: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    """What a check finds; when it fails, or has not ended after ``limit_s`` seconds, that is what was found.

    It runs in a thread that is left behind when it hangs: drivers and name servers can hold a thread for minutes.
    """
    answer: queue.SimpleQueue[Sequence[Check]] = queue.SimpleQueue()

    def run() -> None:
        try:
            found = check()
        except TocsinError as error:
            found = [Check(name, False, masked(str(error)))]
        except Exception as error:  # one part that fails unexpectedly must not hide what the others are like
            sentence = masked(" ".join(f"{type(error).__name__}: {error}".split()))
            found = [Check(name, False, f"the check itself failed, {sentence}", "tell the makers of Tocsin")]
        answer.put(found)

    threading.Thread(target=run, name=f"check {name}", daemon=True).start()
    try:
        return answer.get(timeout=limit_s)
    except queue.Empty:
        return [Check(name, False, f"no answer within {limit_s:g} s", "look at what hangs: journalctl -b, dmesg")]
