"""The spool: what is in it stays in it, whatever the disk does."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import SpoolError
from sensors.delivery import disk, held, schedule
from sensors.delivery.parcels import Parcel
from sensors.delivery.spool import Spool
from sensors.delivery.spoolfile import FILE_NAME
from tests.conftest import ROOT
from tests.sensors.delivery.written import START_NS, clip, pulse, receipt
from wire.codec import decode, encode
from wire.messages import Pulse, Receipt

ROOM = 2**30


def identities(spool: Spool, now_s: float = 0.0, limit: int = 10_000) -> list[str]:
    return [parcel.identity for parcel in spool.due(now_s, limit)]


def test_pulses_come_newest_first_then_clips_newest_first(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ROOM, 0)
    for number in (2, 0, 3, 1):
        assert spool.put_clip(clip(number))
        assert spool.put_pulse(pulse(number))
    assert [(p.kind, p.identity) for p in spool.due(0.0, 6)] == [
        *(("pulse", pulse(number).identity) for number in (3, 2, 1, 0)),
        *(("clip", clip(number).identity) for number in (3, 2)),
    ]
    assert [decode(p.message, Pulse) for p in spool.due(0.0, 4)] == [pulse(number) for number in (3, 2, 1, 0)]
    spool.close()


def test_a_parcel_that_was_sent_waits_and_comes_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ROOM, 0)
    for number in range(3):
        spool.put_pulse(pulse(number))
    newest = spool.due(0.0, 1)[0]
    spool.put_off(newest, 0.0, 5.0)
    spool.published(newest, 1.0, 30.0)
    assert identities(spool, 30.9) == [pulse(1).identity, pulse(0).identity]
    assert spool.next_due_s(1.0) == 30.0
    again = spool.due(31.0, 10)
    assert [(p.identity, p.tries) for p in again] == [(pulse(n).identity, int(n == 2)) for n in (2, 1, 0)]
    assert spool.forget(receipt(pulse(2), pulse(0))) == 2
    assert spool.forget(receipt(pulse(2), pulse(0))) == 0
    assert identities(spool, 31.0) == [pulse(1).identity]
    assert spool.next_due_s(31.0) is None
    spool.close()


def test_an_answer_after_the_receipt_leaves_nothing_behind(tmp_path: Path) -> None:
    """The broker's answer came after the centre's receipt: plans for rows that were gone filled the line, so that
    nothing was due any more."""
    spool = Spool(tmp_path, ROOM, 0)
    for number in range(50):
        spool.put_pulse(pulse(number))
    sent = spool.due(0.0, 40)
    for parcel in sent:
        spool.put_off(parcel, 0.0, 10.0)
    spool.forget(receipt(*(pulse(number) for number in range(10, 50))))
    for parcel in sent:
        spool.published(parcel, 0.0, 30.0)
    assert spool.next_due_s(0.0) is None
    spool.put_pulse(pulse(99))
    assert identities(spool, 100.0, 5) == [pulse(number).identity for number in (99, 9, 8, 7, 6)]
    spool.close()


def test_clips_that_had_to_go_while_on_their_way_are_not_in_the_way(tmp_path: Path) -> None:
    size = len(encode(clip(1)))
    spool = Spool(tmp_path, 3 * size, 0)
    for number in range(3):
        assert spool.put_clip(clip(number))
    for parcel in spool.due(0.0, 3):
        spool.put_off(parcel, 0.0, 10.0)
    for number in (3, 4, 5):
        assert spool.put_clip(clip(number))
    assert identities(spool, 20.0, 2) == [clip(5).identity, clip(4).identity]
    assert spool.health().clips_dropped == 3
    spool.close()


def test_a_large_plan_goes_into_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "LARGE", 10)
    spool = Spool(tmp_path, ROOM, 0)
    for number in range(30):
        spool.put_pulse(pulse(number))
    for parcel in spool.due(1000.0, 30):
        spool.published(parcel, 1000.0 + parcel.arrival_ns // 10**9 % 100, 50.0)
    assert spool.due(1000.0, 30) == []
    assert spool.next_due_s(1000.0) == pytest.approx(50.0 + START_NS // 10**9 % 100, abs=0.002)
    late = spool.due(2000.0, 30)
    assert [p.identity for p in late] == [pulse(number).identity for number in reversed(range(30))]
    assert {p.tries for p in late} == {1}
    spool.close()
    # Another run has another clock: all is due at once.
    spool = Spool(tmp_path, ROOM, 0)
    assert len(spool.due(0.5, 30)) == 30
    spool.close()


def test_boots_are_new_each_time_also_when_the_file_is_lost(tmp_path: Path) -> None:
    seen = set()
    for run in range(6):
        if run == 3:
            shutil.rmtree(tmp_path / "spool")
        spool = Spool(tmp_path / "spool", ROOM, 0)
        seen |= {spool.next_boot(), spool.next_boot()}
        if run % 2:
            spool.close()
        else:  # as kill -9 leaves it
            shutil.copytree(tmp_path / "spool", tmp_path / "copy")
            spool.close()
            shutil.rmtree(tmp_path / "spool")
            (tmp_path / "copy").rename(tmp_path / "spool")
    assert len(seen) == 12


def test_the_oldest_clips_go_before_any_pulse(tmp_path: Path) -> None:
    size = len(encode(clip(1)))
    spool = Spool(tmp_path, 4 * size, 0)
    for number in range(6):
        assert spool.put_clip(clip(number))
    assert identities(spool) == [clip(number).identity for number in (5, 4, 3, 2)]
    assert not spool.put_clip(clip(0)), "older than all that are kept"
    for number in range(2 * size // len(encode(pulse(1)))):
        assert spool.put_pulse(pulse(number))
    clips = [parcel.identity for parcel in spool.due(0.0, 10_000) if parcel.kind == "clip"]
    assert clips == [clip(5).identity, clip(4).identity]
    for number in range(1000, 1100):
        assert spool.put_pulse(pulse(number)), "pulses may exceed the limit"
    health = spool.health()
    assert (health.clips, health.clips_dropped) == (0, 7)
    assert any("7 clips given up" in note for note in spool.notes())
    spool.close()
    spool = Spool(tmp_path, 4 * size, 0)
    assert spool.health().clips_dropped == 7
    assert spool.notes() == ()
    spool.close()


def test_clips_leave_room_on_the_disk_to_others(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ROOM, keep_free_bytes=2**60)
    assert not spool.put_clip(clip(1))
    assert spool.put_pulse(pulse(1))
    assert spool.health().clips_dropped == 1
    assert any("kept free" in note for note in spool.notes())
    spool.close()


def test_a_full_disk_holds_pulses_in_memory_and_offers_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, ROOM, 0)
    assert spool.put_clip(clip(500, size=20_000))
    assert spool._disk.file is not None
    db = spool._disk.file.db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={pages}")
    taken = [spool.put_pulse(pulse(number)) for number in range(100)]
    assert taken[0], "the clip gave up its place"
    assert not taken[-1]
    assert len(identities(spool)) == 100, "a disk that takes nothing can be read"
    monkeypatch.setattr(disk, "RETRY_S", 0.0)
    spool._disk.insist()
    health = spool.health()
    assert (health.pulses + health.unspooled, health.clips, health.clips_dropped) == (100, 0, 1)
    assert health.unspooled > 20
    assert any("the disk refuses (database or disk is full)" in note for note in spool.notes())
    assert identities(spool) == [pulse(number).identity for number in reversed(range(100))]
    # One of each is sent, and one of each acknowledged.
    for parcel in (spool.due(0.0, 1)[0], spool.due(0.0, 100)[-1]):
        spool.published(parcel, 0.0, 30.0)
    assert spool.forget(receipt(pulse(98), pulse(0))) == 2
    db.execute("PRAGMA max_page_count=100000")
    assert spool.put_pulse(pulse(100))
    assert spool.health().unspooled == 0
    assert spool.notes() == ("spool: 1 clips given up since the start, the last because the disk is full and pulses "
                             "needed the room",)  # fmt: skip
    assert identities(spool) == [pulse(number).identity for number in (100, *range(97, 0, -1))]
    assert next(p.tries for p in spool.due(31.0, 200) if p.identity == pulse(99).identity) == 1
    spool.close()
    spool = Spool(tmp_path, ROOM, 0)
    assert identities(spool) == [pulse(number).identity for number in (*range(100, 98, -1), *range(97, 0, -1))]
    spool.close()


def test_memory_that_is_full_too_loses_the_oldest_and_says_so() -> None:
    size = len(encode(pulse(10)))
    memory = held.Held(3 * size)
    for number in range(10, 15):
        memory.add(parcel := held_parcel(number))
        assert parcel.identity in {p.identity for p in memory.latest(1)}
    assert [p.identity for p in memory.latest(9)] == [pulse(number).identity for number in (14, 13, 12)]
    assert memory.lost == 2


def held_parcel(number: int) -> Parcel:
    return Parcel("pulse", pulse(number).identity, encode(pulse(number)), pulse(number).arrival_ns)


UNWILLING = """
import resource, sys
from pathlib import Path
from sensors.delivery import disk
from sensors.delivery.spool import Spool
from tests.sensors.delivery.written import pulse
disk.RETRY_S = 0.0
spool = Spool(Path(sys.argv[1]), 2**30, 0)
spool.put_pulse(pulse(0))
# Every write beyond this place in a file fails, as on a card that has died.
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
assert not any([spool.put_pulse(pulse(number)) for number in range(1, 20)])
assert any("the disk refuses (disk I/O error)" in note for note in spool.notes()), spool.notes()
assert [p.identity for p in spool.due(0.0, 1)] == [pulse(19).identity]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spool.health()
assert spool.health().unspooled == 0 and spool.health().pulses == 20, spool.health()
assert not spool.notes()
"""


def test_a_disk_that_fails_to_write_is_waited_for(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNWILLING, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    spool = Spool(tmp_path, ROOM, 0)
    assert len(identities(spool)) == 20
    spool.close()


def test_a_damaged_file_is_set_aside_and_what_can_be_read_carried_over(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ROOM, 0)
    boot = spool.next_boot()
    for number in range(200):
        spool.put_pulse(pulse(number))
    spool.put_clip(clip(7))
    spool.close()
    # The journal goes into the file, then some pages in the middle are overwritten.
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        db.execute("PRAGMA journal_mode=DELETE").fetchall()
    db.close()
    content = bytearray((tmp_path / FILE_NAME).read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 8192] = b"\xa5" * 8192
    (tmp_path / FILE_NAME).write_bytes(content)
    spool = Spool(tmp_path, ROOM, 0)
    health = spool.health()
    assert 100 < health.pulses < 200
    assert health.clips == 1
    (note,) = spool.notes()
    assert "was set aside as spool.damaged-" in note
    assert f"{health.pulses} pulses and 1 clips" in note
    (aside,) = tmp_path.glob("spool.damaged-*.sqlite")
    assert aside.read_bytes()[100:] == bytes(content[100:]), "nothing of it was thrown away"
    assert int(spool.next_boot().split("-")[0]) == int(boot.split("-")[0]) + 1
    assert spool.put_pulse(pulse(1000))
    spool.close()


@settings(max_examples=15)
@given(rubbish=st.binary(min_size=1, max_size=300), whole=st.booleans())
def test_a_file_of_anything_is_no_obstacle(
    rubbish: bytes, whole: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    if whole:
        (folder / FILE_NAME).write_bytes(rubbish * 50)
    else:
        spool = Spool(folder, ROOM, 0)
        spool.put_pulse(pulse(1))
        spool.close()
        content = bytearray((folder / FILE_NAME).read_bytes())
        content[: len(rubbish)] = rubbish
        (folder / FILE_NAME).write_bytes(content)
        (folder / f"{FILE_NAME}-wal").unlink(missing_ok=True)
    spool = Spool(folder, ROOM, 0)
    assert spool.put_pulse(pulse(2))
    assert pulse(2).identity in identities(spool)
    spool.close()


VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20) | st.binary(max_size=40) | st.floats()


@settings(max_examples=15)
@given(rows=st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), max_size=5))
def test_rows_that_hold_rubbish_are_put_away(
    rows: list[tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Never offered, never in the way, never deleted."""
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder, ROOM, 0)
    spool.put_pulse(pulse(1))
    assert spool._disk.file is not None
    db = spool._disk.file.db
    for row in rows:
        db.execute("INSERT OR IGNORE INTO pulse (identity, arrival, bytes, tries, message) VALUES (?, ?, 1, ?, ?)", row)
    written = db.execute("SELECT count(*) FROM pulse").fetchone()[0]
    assert identities(spool) == [pulse(1).identity]
    assert db.execute("SELECT count(*) FROM refused").fetchone()[0] == written - 1
    assert len(spool.notes()) == min(10, written - 1)
    spool.close()


def test_a_pulse_of_another_ones_identity_is_not_swallowed(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ROOM, 0)
    assert spool.put_pulse(pulse(1))
    assert spool.put_pulse(pulse(1)), "a repeat is harmless"
    assert spool.notes() == ()
    spool.put_pulse(pulse(1, snr_db=1.0))
    assert any("identity of another" in note for note in spool.notes())
    assert [decode(parcel.message, Pulse) for parcel in spool.due(0.0, 9)] == [pulse(1)]
    spool.close()


def test_only_this_user_may_read_it_and_only_one_node_at_a_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "new", ROOM, 0)
    spool.put_pulse(pulse(1))
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    for file in (tmp_path / "new").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name
    program = (
        "import sys; from pathlib import Path; from sensors.delivery.spool import Spool; Spool(Path(sys.argv[1]), 1, 1)"
    )
    second = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "new")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "another program has this spool open" in second.stderr
    spool.close()


def test_a_place_that_cannot_hold_a_spool_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match=r"file/spool: the folder of the spool cannot be made \(Not a directory\)"):
        Spool(tmp_path / "file" / "spool", ROOM, 0)
    spool = Spool(tmp_path, ROOM, 0)
    assert spool._disk.file is not None
    spool._disk.file.db.execute("PRAGMA user_version=7")
    spool.close()
    with pytest.raises(SpoolError, match="newer version of the software"):
        Spool(tmp_path, ROOM, 0)


def test_room_is_given_back(tmp_path: Path) -> None:
    """A day without network must not leave a large file for ever."""
    spool = Spool(tmp_path, ROOM, 0)
    for number in range(100):
        spool.put_clip(clip(number, size=100_000))
    assert spool._disk.file is not None
    db = spool._disk.file.db
    largest = db.execute("PRAGMA page_count").fetchone()[0]
    for number in range(100):
        spool.forget(receipt(clip(number)))
    for _ in range(largest // 128):
        spool.health()
    assert db.execute("PRAGMA page_count").fetchone()[0] < 600 < largest // 3
    spool.close()


def test_threads_share_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ROOM, 0)

    def put(first: int) -> None:
        for number in range(first, first + 50):
            assert spool.put_pulse(pulse(number))

    threads = [threading.Thread(target=put, args=(100 * thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    seen: set[str] = set()
    while len(seen) < 200:
        some = spool.due(0.0, 64)
        seen |= {parcel.identity for parcel in some}
        spool.forget(Receipt(sensor="n1", kind="pulse", identities=tuple(parcel.identity for parcel in some)))
    for thread in threads:
        thread.join()
    assert spool.health().pulses == 0
    spool.close()
