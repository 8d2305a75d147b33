"""Logs: lines that people and machines can read, and that hold no secret."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.node.logs import JsonLine, TextLine, set_up

LISTENING = logging.getLogger("tocsin.node.listening")
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) +([\w.]+) +(.*)")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("tocsin")
    before = root.handlers[:], root.level, own.level, logging.raiseExceptions
    yield
    root.handlers[:], level, own_level, logging.raiseExceptions = before
    root.setLevel(level)
    own.setLevel(own_level)
    logging.captureWarnings(False)


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    return LISTENING.makeRecord(LISTENING.name, logging.WARNING, "", 0, message, args, None, extra=extra)


def test_lines_for_people_have_time_level_part_and_sentence() -> None:
    stream = io.StringIO()
    set_up("text", "info", stream)
    LISTENING.info("microphone %s opened", "USB")
    LISTENING.debug("not said")
    logging.getLogger("tocsin.node").error("no\nlines")
    logging.getLogger("nats.aio.client").info("not said")
    logging.getLogger("nats.aio.client").warning("slow")
    lines = stream.getvalue().splitlines()
    assert [LINE.fullmatch(line).groups() for line in lines] == [  # type: ignore[union-attr]
        ("info", "listening", "microphone USB opened"),
        ("error", "node", "no lines"),
        ("warning", "nats.aio.client", "slow"),
    ]


def test_the_time_is_utc_in_milliseconds() -> None:
    made = record("x")
    made.created = 1_778_359_200.1239
    assert TextLine().format(made).startswith("2026-05-09T20:40:00.123Z ")


def test_setting_up_again_replaces_what_was_before() -> None:
    first, second = io.StringIO(), io.StringIO()
    set_up("text", "debug", first)
    set_up("json", "error", second)
    LISTENING.warning("not said")
    LISTENING.error("said")
    assert first.getvalue() == ""
    assert json.loads(second.getvalue())["message"] == "said"


def test_json_lines_carry_extra_fields() -> None:
    made = record("lost %d samples", 12, frame=7, gaps=(1, 2), path=Path("x"), level="mine", bad=float("nan"))
    line = json.loads(JsonLine().format(made))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "part": "listening",
        "message": "lost 12 samples",
        "frame": 7,
        "gaps": [1, 2],
        "path": "x",
        "level_": "mine",
        "bad": None,
    }


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_failure_has_its_traceback(style: str) -> None:
    stream = io.StringIO()
    set_up("json" if style == "json" else "text", "info", stream)
    try:
        raise OSError("nats://me:s3cret@h is gone")
    except OSError:
        LISTENING.exception("it failed")
    text = stream.getvalue()
    assert "s3cret" not in text
    if style == "json":
        assert json.loads(text)["traceback"].splitlines()[-1] == "OSError: nats://***@h is gone"
    else:
        assert text.splitlines()[-1] == "OSError: nats://***@h is gone"


SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"


@pytest.mark.parametrize("formatter", [TextLine(), JsonLine()])
def test_no_secret_is_logged(formatter: logging.Formatter) -> None:
    made = record("to %s with %s", ["tls://u:s3cret@h:1"], SEED, server="nats://t0ken@h", nested={"seed": SEED})
    line = formatter.format(made)
    assert not any(secret in line for secret in ("s3cret", "t0ken", SEED))
    assert "tls://***@h:1" in line


@given(st.text(), st.dictionaries(st.text(min_size=1), st.text() | st.integers(-(2**63), 2**63 - 1), max_size=3))
def test_whatever_is_said_is_one_object_on_one_line(message: str, extra: dict[str, object]) -> None:
    made = record("%s", message)
    vars(made).update({name: value for name, value in extra.items() if name not in vars(made)})
    line = JsonLine().format(made)
    assert "\n" not in line
    assert isinstance(json.loads(line), dict)
    assert "\n" not in TextLine().format(made)


def test_warnings_of_python_are_logged_too() -> None:
    stream = io.StringIO()
    set_up("text", "info", stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    assert "DeprecationWarning: old" in stream.getvalue()


def test_a_stream_that_is_gone_ends_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", buffering=1) as stream:
        set_up("text", "info", stream)
        LISTENING.info("nobody hears")
        LISTENING.info("still there")
        set_up("text", "info", io.StringIO())
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # what it still holds has to go somewhere


def test_the_journal_gets_priorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    with path.open("w") as stream:
        found = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        set_up("text", "info", stream)
        LISTENING.warning("warm")
        LISTENING.info("well")
    assert [line[:3] for line in path.read_text().splitlines()] == ["<4>", "<6>"]
