"""The spool: pulses and clips on disk until the centre has acknowledged them.

A pulse that ``put_pulse`` took is on disk, a power cut after it loses nothing.  Pulses are never given up to make room;
the oldest clips are.  When the disk refuses, pulses are held in memory, offered for sending all the same, and written
as soon as the disk takes them again.
"""

from __future__ import annotations

import functools
import heapq
import logging
import secrets
import shutil
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from errors import MessageError
from sensors.delivery.disk import Disk
from sensors.delivery.held import HELD_BYTES, Held
from sensors.delivery.parcels import KINDS, Kind, Parcel, parcel_from_row, parcel_of
from sensors.delivery.schedule import Plan, Schedule
from sensors.delivery.spoolfile import FILE_NAME, SpoolFile
from wire.messages import Clip, Pulse, Receipt, SpoolHealth

log = logging.getLogger("tocsin.node.spool")

CHUNK = 256
"""Pulses written from memory in one transaction."""
OVERDUE_LOOK = 1000
"""Rows looked at, of those that are due again: when there are more, the newest of all may come a little later."""
MAKE_ROOM_BYTES = 256 * 1024
"""Of the oldest clips, given up at once when a full disk refuses a pulse."""
SAY_EVERY = 100
KEPT_NOTES = 10


class Spool:
    """Thread-safe.

    folder : holds the file; made when missing.
    limit_bytes : most that messages may take together; beyond it the oldest clips go.  Pulses alone may exceed it.
    keep_free_bytes : clips are refused while the disk has less room than this.

    Raises SpoolError when it cannot be opened: no such folder, no permission, another node has it.  A disk that is
    merely full is no reason: pulses are held in memory until it takes them.
    """

    def __init__(self, folder: Path, limit_bytes: int, keep_free_bytes: int) -> None:
        self._path = folder / FILE_NAME
        self._limit_bytes = limit_bytes
        self._keep_free_bytes = keep_free_bytes
        self._lock = threading.RLock()
        self._oldest: tuple[int, int | None] = (-1, None)
        self._held = Held(HELD_BYTES)
        self._schedule = Schedule()
        self._gone: dict[Kind, set[str]] = {"pulse": set(), "clip": set()}
        self._unusable: list[str] = []
        self._why_dropped = ""
        self._disk = Disk(self._path, self._opened)
        self._ask = self._disk.ask
        self._boots = self._dropped = self._clashes = 0
        self._disk.open()
        self._dropped_before = self._dropped

    def _opened(self, file: SpoolFile, renumbered: bool) -> None:
        """The file was opened; renumbered: it is another one, and rows have new keys."""
        self._boots = max(self._boots, file.tally("boots"))
        self._dropped = max(self._dropped, file.tally("clips_dropped"))
        self._oldest = (-1, None)
        if renumbered:
            self._schedule = Schedule()
        self._schedule.begin(file.tally("openings"))

    # ---- putting in

    def next_boot(self) -> str:
        """A name for this run of the node that no other has had: a count, and chance in case the file was lost."""
        with self._lock:
            self._boots += 1
            boots = self._boots
            self._ask(lambda file: file.set_tally("boots", boots), durable=True)
            return f"{boots}-{secrets.token_hex(6)}"

    def put_pulse(self, pulse: Pulse) -> bool:
        """Keep a pulse.  True: it is on disk.  False: the disk refused, it is held in memory and tried again."""
        with self._lock:
            parcel = self._held.add(parcel_of(pulse))
            self._write_held()
            return parcel.key not in self._held

    def put_clip(self, clip: Clip) -> bool:
        """Keep a clip.  False: there was no room for it, or the disk refused; it is given up, counted and said."""
        parcel = parcel_of(clip)
        size = len(parcel.message)
        with self._lock:
            try:
                free = shutil.disk_usage(self._path.parent).free
            except OSError as error:
                return self._say_dropped(1, f"the disk does not answer ({error.strerror})")
            if free < self._keep_free_bytes:
                kept = f"{self._keep_free_bytes / 2**20:.0f} are kept free"
                return self._say_dropped(1, f"the disk has {free / 2**20:.0f} MiB left and {kept}")

            def put(file: SpoolFile) -> int | None:
                """Clips that had to go; None when it does not fit."""
                over = file.bytes + size - self._limit_bytes
                oldest = file.oldest_clips(over, before_ns=parcel.arrival_ns) if over > 0 else []
                if sum(length for _, length in oldest) < over:
                    return None
                self._drop(file, [key for key, _ in oldest])
                file.insert(parcel)
                return len(oldest)

            done = self._ask(put, durable=True)
            if done is None:
                return self._say_dropped(1, "the disk refuses")
            if done[0] is None:
                return self._say_dropped(1, "the spool is full of pulses and of newer clips")
            self._say_dropped(done[0], "the spool is full")
            return True

    # ---- taking out

    def due(self, now_s: float, limit: int, kinds: Collection[Kind] = KINDS) -> list[Parcel]:
        """What should be sent now, in order of importance: pulses newest first, then clips newest first.

        Parameters
        ----------
        now_s : by any clock that only grows while the spool is open; the same for ``published`` and ``put_off``.
        limit : most parcels.
        kinds : which to look for.
        """
        with self._lock:
            if self._schedule.is_large:
                self._save_schedule()
            chosen: list[Parcel] = []
            for kind in KINDS:
                while kind in kinds and len(chosen) < limit:
                    more, complete = self._due(kind, now_s, limit - len(chosen))
                    if complete:
                        chosen += more
                        break
            return chosen

    def _due(self, kind: Kind, now_s: float, limit: int) -> tuple[list[Parcel], bool]:
        """Parcels of one kind; False when rows turned out to be gone or unusable, and it should be asked again."""
        plans = self._schedule.plans[kind]
        line = [(plan.arrival_ns, key) for key, plan in plans.items() if plan.at_s <= now_s]
        line += [(at, key) for key, at in self._held.order() if kind == "pulse" and key not in plans]
        now = self._schedule.encoded(now_s)
        gone = self._gone[kind]
        many = limit + len(plans) + len(gone)
        rows = self._ask(lambda file: file.untried(kind, many) + file.overdue(kind, now, OVERDUE_LOOK + many))
        # What has no proper arrival comes first, to be put away.
        line += [
            (at if isinstance(at, int) else 2**63, key) for key, at in (rows[0] if rows else ()) if key not in plans
        ]
        parcels: list[Parcel] = []
        complete = True
        for _, key in heapq.nlargest(limit + len(gone), line):
            try:
                parcel = self._parcel(kind, key)
            except MessageError as error:
                complete = False
                self._put_away(kind, key, str(error))
                continue
            except KeyError:
                complete = False
                plans.pop(key, None)
                continue
            if parcel is not None and parcel.identity not in gone and len(parcels) < limit:
                parcels.append(replace(parcel, tries=plans[key].tries) if key in plans else parcel)
        return parcels, complete

    def _parcel(self, kind: Kind, key: int) -> Parcel | None:
        """None when the disk refuses.  Raises KeyError for a row that is gone, MessageError for an unusable one."""
        if key < 0:
            return self._held[key]
        row = self._ask(lambda file: file.row(kind, key))
        return parcel_from_row(kind, row[0]) if row else None

    def put_off(self, parcel: Parcel, now_s: float, wait_s: float) -> None:
        """Do not offer a parcel again before ``wait_s`` have passed: it is on its way, or was refused."""
        self._plan(parcel, parcel.tries, now_s + wait_s)

    def published(self, parcel: Parcel, now_s: float, wait_s: float = 30.0) -> None:
        """The bus has a parcel; without a receipt it is offered again after ``wait_s``."""
        self._plan(parcel, parcel.tries + 1, now_s + wait_s)

    def _plan(self, parcel: Parcel, tries: int, at_s: float) -> None:
        with self._lock:
            plans = self._schedule.plans[parcel.kind]
            key: int | None = parcel.key
            if parcel.key not in plans and parcel.key not in self._held:
                # Acknowledged since it was offered, or moved from memory to disk; else there is no plan for it yet.
                found = self._ask(lambda file: file.key(parcel.kind, parcel.identity))
                key = found[0] if found else None
            if key is not None:
                plans[key] = Plan(tries, at_s, parcel.arrival_ns)

    def next_due_s(self, now_s: float) -> float | None:
        """How long until something that was put off is due; None when nothing was."""
        with self._lock:
            soonest = self._schedule.soonest_s()
            for kind in KINDS:
                plans = self._schedule.plans[kind]
                rows = self._ask(functools.partial(SpoolFile.planned, kind=kind, limit=len(plans) + 1))
                written = next((value for key, value in (rows[0] if rows else ()) if key not in plans), None)
                if written is not None:
                    at_s = self._schedule.decoded_s(written)
                    soonest = at_s if soonest is None else min(soonest, at_s)
            return None if soonest is None else max(0.0, soonest - now_s)

    def forget(self, receipt: Receipt) -> int:
        """Let go of what the centre has committed; returns how many were still here."""
        with self._lock:
            released = 0
            for identity in receipt.identities:
                parcel = self._held.remove(identity) if receipt.kind == "pulse" else None
                if parcel is not None:
                    self._schedule.plans["pulse"].pop(parcel.key, None)
                    released += 1
            self._gone[receipt.kind].update(receipt.identities)
            return released + self._delete_gone()

    def give_up(self, parcel: Parcel, reason: str) -> None:
        """Let go of a clip that can never be delivered.  Raises ValueError for a pulse: those are kept."""
        if parcel.kind != "clip":
            raise ValueError(f"kind: expected clip, got {parcel.kind} {parcel.identity}")
        with self._lock:
            self._gone["clip"].add(parcel.identity)
            self._delete_gone()
            self._say_dropped(1, reason)

    # ---- telling

    def health(self) -> SpoolHealth:
        """What waits.  Also the moment to try a disk that refused, and to give back room that is not needed."""
        with self._lock:
            self._write_held()
            self._delete_gone()
            if self._disk.refusal is not None and not self._held:
                boots = self._boots
                if self._ask(lambda file: file.set_tally("boots", boots), durable=True):
                    self._disk.over()
            self._ask(SpoolFile.vacuum)
            file = self._disk.file
            if file is not None and file.db.total_changes != self._oldest[0]:
                found = self._ask(SpoolFile.oldest_ns)
                self._oldest = (file.db.total_changes, found[0] if found else None)
            ages = [self._oldest[1], self._held.oldest_ns()]
            return SpoolHealth(
                pulses=file.counts["pulse"] if file else 0,
                clips=file.counts["clip"] if file else 0,
                bytes=file.bytes if file else 0,
                oldest_ns=min((at for at in ages if at is not None), default=None),
                clips_dropped=self._dropped,
                unspooled=len(self._held),
            )

    def notes(self) -> tuple[str, ...]:
        """What a technician should know of the spool; empty when all is well."""
        with self._lock:
            notes = [f"spool: {text}" for text in (*self._disk.damage, *self._unusable)]
            if self._disk.refusal is not None:
                held = f"{len(self._held)} pulses are held in memory, where a power cut loses them"
                notes.append(f"spool: the disk refuses ({self._disk.refusal}); {held}")
            if self._held.lost:
                notes.append(f"spool: {self._held.lost} pulses were lost, memory was full while the disk refused")
            if self._clashes:
                notes.append(f"spool: {self._clashes} pulses had the identity of another one and were not kept")
            if self._dropped > self._dropped_before:
                count = self._dropped - self._dropped_before
                notes.append(f"spool: {count} clips given up since the start, the last because {self._why_dropped}")
            return tuple(notes)

    def close(self) -> None:
        """Write what is still in memory and close the file; harmless when closed."""
        with self._lock:
            if self._disk.closed:
                return
            self._disk.insist()
            self._write_held()
            self._delete_gone()
            self._save_schedule()
            if self._held:
                log.error("closing with %d pulses that the disk refused: they are lost", len(self._held))
            self._disk.close()

    # ---- memory to disk

    def _write_held(self) -> None:
        """Write what the disk has not taken yet, the newest first."""
        while self._held:
            chunk = self._held.latest(CHUNK)
            done = self._ask(functools.partial(self._put, pulses=chunk), durable=True, when_full=self._give_room)
            if done is None:
                return
            keys, dropped = done[0]
            plans = self._schedule.plans["pulse"]
            for parcel, key in zip(chunk, keys, strict=True):
                self._held.remove(parcel.identity)
                plan = plans.pop(parcel.key, None)
                if plan is not None and key is not None:
                    plans[key] = plan
            self._say_dropped(dropped, "pulses needed the room")
            if not self._held:
                self._disk.over()

    def _put(self, file: SpoolFile, pulses: Sequence[Parcel]) -> tuple[list[int | None], int]:
        """Insert pulses and drop clips beyond the limit; returns the keys, and how many clips went."""
        keys = []
        for parcel in pulses:
            key = file.insert(parcel)
            if key is None:
                key = file.key("pulse", parcel.identity)
                if file.message("pulse", parcel.identity) != parcel.message:
                    self._clashes += 1
                    log.error("a pulse with the identity of another one, %s, is not kept", parcel.identity)
            keys.append(key)
        over = file.bytes - self._limit_bytes
        oldest = file.oldest_clips(over) if over > 0 and file.counts["clip"] else []
        self._drop(file, [key for key, _ in oldest])
        return keys, len(oldest)

    def _drop(self, file: SpoolFile, keys: Sequence[int]) -> None:
        """Give clips up, within a transaction."""
        if keys:
            file.delete("clip", keys)
            file.set_tally("clips_dropped", self._dropped + len(keys))

    def _delete_gone(self) -> int:
        """Delete what was acknowledged; what the disk does not let go of now goes later, and is not offered."""
        released = 0
        for kind, identities in self._gone.items():
            if not identities:
                continue

            def delete(file: SpoolFile, kind: Kind = kind, identities: set[str] = identities) -> list[int]:
                keys = [key for identity in identities if (key := file.key(kind, identity)) is not None]
                file.delete(kind, keys)
                return keys

            done = self._ask(delete, write=True)
            if done is not None:
                identities.clear()
                released += len(done[0])
                for key in done[0]:
                    self._schedule.plans[kind].pop(key, None)
        if released:
            self._ask(SpoolFile.vacuum)
        return released

    def _save_schedule(self) -> None:
        """Write the plans into their rows."""
        for kind, plans in self._schedule.plans.items():
            saved = {key: plan for key, plan in plans.items() if key > 0}

            def plan_all(file: SpoolFile, kind: Kind = kind, saved: dict[int, Plan] = saved) -> None:
                for key, plan in saved.items():
                    file.plan(kind, key, plan.tries, self._schedule.encoded(plan.at_s))

            if saved and self._ask(plan_all, write=True) is not None:
                for key in saved:
                    del plans[key]

    def _put_away(self, kind: Kind, key: int, why: str) -> None:
        """A row that no one can use: out of the way, into a table of its own."""
        log.error("%s", why)
        self._unusable = [*self._unusable, why][-KEPT_NOTES:]
        if self._ask(lambda file: file.refuse(kind, key, why), write=True) is None:
            self._schedule.plans[kind][key] = Plan(0, float("inf"), 0)
        else:
            self._schedule.plans[kind].pop(key, None)

    def _say_dropped(self, count: int, why: str) -> bool:
        """Count clips given up and say so; False, so that it can be returned."""
        before = self._dropped
        self._dropped += count
        if count and (why != self._why_dropped or before // SAY_EVERY != self._dropped // SAY_EVERY):
            log.warning("a clip is given up because %s; %d since the spool was made", why, self._dropped)
            self._why_dropped = why
        if count:
            dropped = self._dropped
            self._ask(lambda file: file.set_tally("clips_dropped", dropped), write=True)
        return False

    def _give_room(self, file: SpoolFile) -> bool:
        """The disk is full: give up some of the oldest clips; whether there were any."""
        oldest = [key for key, _ in file.oldest_clips(MAKE_ROOM_BYTES)]
        if not oldest:
            return False
        with file.transaction():
            self._drop(file, oldest)
        self._say_dropped(len(oldest), "the disk is full and pulses needed the room")
        return True
