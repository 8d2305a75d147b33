"""The spool beside a model of it: whatever is done in whatever order, nothing is lost and the order is right."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sensors.delivery import disk, schedule
from sensors.delivery.parcels import Kind, Parcel
from sensors.delivery.spool import Spool
from tests.sensors.delivery.written import START_NS, clip, pulse
from wire.codec import encode
from wire.messages import Receipt

LIMIT_BYTES = 60_000
NUMBERS = st.integers(0, 60)
WAIT_S = 10.0


class SpoolModel(RuleBasedStateMachine):
    """Model: what waits (arrival and size by identity), and until when; clips within the limit."""

    def __init__(self) -> None:
        super().__init__()
        disk.RETRY_S, schedule.LARGE = 0.0, 8
        self.folder = Path(tempfile.mkdtemp(prefix="spool-"))
        self.spool = Spool(self.folder / "0", LIMIT_BYTES, 0)
        self.runs = 0
        self.now_s = 0.0
        self.waiting: dict[Kind, dict[str, tuple[int, int]]] = {"pulse": {}, "clip": {}}
        self.until_s: dict[tuple[Kind, str], float] = {}
        self.tries: dict[tuple[Kind, str], int] = {}
        self.sent: list[Parcel] = []
        self.full = False
        self.in_memory: set[str] = set()
        self.dropped = 0

    def teardown(self) -> None:
        self.spool.close()
        shutil.rmtree(self.folder)
        disk.RETRY_S, schedule.LARGE = 5.0, 4096

    @rule(number=NUMBERS)
    def put_pulse(self, number: int) -> None:
        message = pulse(number)
        durable = self.spool.put_pulse(message)
        assert durable or self.full
        if message.identity not in self.waiting["pulse"]:
            self.waiting["pulse"][message.identity] = (message.arrival_ns, len(encode(message)))
        self.in_memory = set() if durable else self.in_memory | {message.identity}
        self.make_room()

    @rule(number=NUMBERS, size=st.integers(100, 30_000))
    def put_clip(self, number: int, size: int) -> None:
        message = clip(number, size=size)
        if message.identity in self.waiting["clip"] or self.full:
            return
        taken = self.spool.put_clip(message)
        clips = self.waiting["clip"]
        length = len(encode(message))
        older = sorted((entry, name) for name, entry in clips.items() if entry[0] <= message.start_ns)
        over = self.bytes + length - LIMIT_BYTES
        going = []
        for (_, its_length), name in older:
            if over <= 0:
                break
            going.append(name)
            over -= its_length
        assert taken == (over <= 0)
        self.dropped += 1 if over > 0 else len(going)
        if taken:
            for name in going:
                self.remove("clip", name)
            clips[message.identity] = (message.start_ns, length)

    @property
    def bytes(self) -> int:
        return sum(length for kind in self.waiting.values() for _, length in kind.values())

    def make_room(self) -> None:
        """Clips go for pulses: by the limit, and, when the disk is full, as the spool finds necessary."""
        if self.full:
            here = {parcel.identity for parcel in self.spool.due(1e9, 1000) if parcel.kind == "clip"}
            for name in set(self.waiting["clip"]) - here:
                self.dropped += 1
                self.remove("clip", name)
            return
        for _, name in sorted((entry, name) for name, entry in self.waiting["clip"].items()):
            if self.bytes <= LIMIT_BYTES:
                break
            self.dropped += 1
            self.remove("clip", name)

    def remove(self, kind: Kind, identity: str) -> None:
        self.waiting[kind].pop(identity, None)
        self.until_s.pop((kind, identity), None)
        self.tries.pop((kind, identity), None)

    @rule(limit=st.integers(1, 80))
    def send(self, limit: int) -> None:
        """What is due is exactly this, in this order."""
        due = self.spool.due(self.now_s, limit)
        expected = [
            (kind, name, self.tries.get((kind, name), 0))
            for kind in self.waiting
            for _, name in sorted(
                ((at, name) for name, (at, _) in self.waiting[kind].items() if self.is_due(kind, name)), reverse=True
            )
        ]
        assert [(parcel.kind, parcel.identity, parcel.tries) for parcel in due] == expected[:limit]
        for parcel in due:
            self.spool.put_off(parcel, self.now_s, WAIT_S)
            self.until_s[parcel.kind, parcel.identity] = self.now_s + WAIT_S
        self.sent += due

    def is_due(self, kind: Kind, name: str) -> bool:
        return self.until_s.get((kind, name), -1.0) <= self.now_s

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """The broker has some; the centre may have acknowledged them before."""
        if self.sent:
            parcel = self.sent.pop(data.draw(st.integers(0, len(self.sent) - 1)))
            self.spool.published(parcel, self.now_s, 3 * WAIT_S)
            if parcel.identity in self.waiting[parcel.kind]:
                self.until_s[parcel.kind, parcel.identity] = self.now_s + 3 * WAIT_S
                self.tries[parcel.kind, parcel.identity] = parcel.tries + 1

    @rule(kind=st.sampled_from(["pulse", "clip"]), numbers=st.sets(NUMBERS, max_size=12))
    def forget(self, kind: Kind, numbers: set[int]) -> None:
        names = tuple(pulse(number).identity for number in sorted(numbers))
        self.spool.forget(Receipt(sensor="n1", kind=kind, identities=names))
        for name in names:
            self.remove(kind, name)
        self.sent = [parcel for parcel in self.sent if parcel.kind != kind or parcel.identity not in names]
        self.in_memory -= set(names) if kind == "pulse" else set()

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.now_s += seconds

    @rule(clean=st.booleans())
    def reopen(self, clean: bool) -> None:
        """A new run; kill -9 leaves the file as it is, and what was in memory is gone (the spool had said so)."""
        before = self.folder / str(self.runs)
        self.runs += 1
        after = self.folder / str(self.runs)
        if clean and not self.full:
            self.spool.close()
            shutil.copytree(before, after)
        else:
            shutil.copytree(before, after)
            self.spool.close()
            for name in self.in_memory:
                self.remove("pulse", name)
        self.full, self.in_memory = False, set()
        self.spool = Spool(after, LIMIT_BYTES, 0)
        self.now_s = 0.0  # another clock
        self.until_s, self.sent = {}, []
        tries = {(p.kind, p.identity): p.tries for p in self.spool.due(0.0, 1000)}
        self.tries = {key: count for key, count in tries.items() if count}

    @rule()
    def fill_disk(self) -> None:
        assert self.spool._disk.file is not None
        db = self.spool._disk.file.db
        db.execute(f"PRAGMA max_page_count={db.execute('PRAGMA page_count').fetchone()[0]}")
        self.full = True

    @rule()
    def free_disk(self) -> None:
        assert self.spool._disk.file is not None
        self.spool._disk.file.db.execute("PRAGMA max_page_count=1000000")
        self.spool.health()
        self.full, self.in_memory = False, set()
        self.make_room()

    @invariant()
    def counts(self) -> None:
        if not self.full:
            health = self.spool.health()
            assert (health.pulses, health.clips) == tuple(map(len, self.waiting.values()))
            assert health.unspooled == 0
            assert health.bytes == self.bytes
            assert health.clips_dropped == self.dropped
            oldest = min((at for at, _ in self.waiting["pulse"].values()), default=None)
            assert health.oldest_ns == oldest
            assert oldest is None or oldest >= START_NS


SpoolModel.TestCase.settings = settings(max_examples=25, stateful_step_count=40)
TestSpoolModel = SpoolModel.TestCase
