"""node.toml: what is taken, what is refused and how that is said, and that its page says what its types say."""

from __future__ import annotations

import hashlib
import re
import traceback
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import ConfigurationError
from sensors.node.config import Capture, Clips, Clock, Detect, NodeConfig, Run, Spool
from sensors.node.masking import masked
from sensors.node.reading import cautions, digest, parse_node_config, read_node_config
from sensors.node.reference import WRITER, reference
from settings.reference import rewritten, tables
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "node-config.md").read_text(encoding="utf-8")
EXAMPLES = [part.split("```")[0] for part in PAGE.split("```toml\n")[1:]]
TABLES = [name for name, _ in tables(NodeConfig)][1:]


def refused(text: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        parse_node_config(text, "node.toml")
    return str(raised.value)


def test_the_least_file_is_all_defaults() -> None:
    read = parse_node_config('sensor = "a"\n', "node.toml")
    assert read.value == NodeConfig(sensor="a")
    assert (read.value.capture, read.value.clock, read.value.clips) == (Capture(), Clock(), Clips())
    assert (read.value.detect, read.value.spool, read.value.run) == (Detect(), Spool(), Run())
    assert read.value.place is None
    assert read.value.uplink is None
    assert cautions(read) == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('sensor = "a b"', r"line 1: sensor: expected a text of the form \^\[A-Za-z0-9_-\]\{1,100\}\$, found 'a b'"),
        ("[capture]", "node.toml: the file has no sensor"),
        ('sensor = "a\\n"', r"line 1: sensor: expected 1 to 100 letters, .*found 'a\\n'"),
        ('sensor = "a"\n[place]\nlatitude = 3', "line 2: place has no longitude"),
        ('sensor = "a"\n[place]\nlatitude = 91\nlongitude = 0', r"line 3: place.latitude: .*-90 \.\. 90, found 91"),
        ('sensor = "a"\n[detect]\nthreshold_db = nan', r"line 3: detect.threshold_db: .* 0 \.\. 60, found nan"),
        ('sensor = "a"\n[spool]\nlimit_mib = inf', "line 3: spool.limit_mib: .* found inf"),
        ('sensor = "a"\n[capture]\ndevice = "u"\nfile = "x"', "line 4: capture.file beside capture.device"),
        ('sensor = "a"\n[capture]\nstdin = true\nfile = "x"', "line 3: capture.stdin beside capture.file"),
        ('sensor = "a"\n[capture]\ndevice = ""', "line 3: capture.device: expected part of a microphone's name"),
        ('sensor = "a"\n[capture]\ndevice = -1', "line 3: capture.device: .* found -1"),
        ('sensor = "a"\n[capture]\nfile = ""', "line 3: capture.file: expected a text that is not empty"),
        ('sensor = "a"\n[capture]\npace = 2', "line 3: capture.pace means nothing without capture.file"),
        ('sensor = "a"\n[capture]\nstdin_format = "f32"', "line 3: capture.stdin_format means nothing without stdin"),
        ('sensor = "a"\n[capture]\nfile = "x"\nrate_hz = 16000', "line 4: capture.rate_hz means nothing beside"),
        ('sensor = "a"\n[capture]\nchannels = 2\nfile = "x"', "line 3: capture.channels means nothing beside"),
        ('sensor = "a"\n[clock]\nsource = "recorded"', "line 3: clock.source: expected \"chrony\" or \"none\""),
        ('sensor = "a"\n[capture]\nfile = "x"\npace = 0', "clock.source: the system clock cannot time a recording"),
        ('sensor = "a"\n[clock]\npps_names = ["PPS", ""]', "line 3: clock.pps_names: .* found ''"),
        ('sensor = "a"\n[clips]\nafter_s = 9\nmemory_s = 11', r"line 4: clips.memory_s: expected 11\.5 s or more"),
        ('sensor = "a"\n[uplink]\nservers = []', r"line 3: uplink.servers: expected a list of 1 or more .* found \[\]"),
        ('sensor = "a"\n[uplink]\nservers = ["ws://h"]', "line 3: uplink.servers: expected tls://HOST:PORT, or nats"),
        ('sensor = "a"\n[uplink]\nservers = ["h:4222"]', "line 3: .* found 'h:4222'"),
        ('sensor = "a"\n[uplink]\nservers = ["tls://"]', "line 3: .* found 'tls://'"),
        ('sensor = "a"\n[uplink]\nservers = ["tls://h:0"]', "line 3: .* found 'tls://h:0'"),
        ('sensor = "a"\n[uplink]\nservers = ["tls://h:70000"]', "line 3: .* found 'tls://h:70000'"),
        ('sensor = "a"\n[uplink]\nservers = ["tls://h/x"]', "line 3: .* found 'tls://h/x'"),
        ('sensor = "a"\n[uplink]\nservers = ["tls://[::1"]', "line 3: uplink.servers"),
        ('sensor = "a"\n[uplink]\nservers = [\n"tls://h",\n"tls://h"]', "line 5: .* each server once"),
        ('sensor = "a"\n[uplink]\nservers = ["tls://h"]\nca_file = ""', "line 4: uplink.ca_file"),
        ('sensor = "a"\nsensor = "b"', "node.toml: is not TOML"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_line_and_key(text: str, sentence: str) -> None:
    assert re.search(sentence, refused(text)), refused(text)


@pytest.mark.parametrize(
    "text",
    [
        '[capture]\nfile = "x"\npace = 0\n[clock]\nsource = "recorded"',
        '[capture]\nfile = "x"\npace = 4\n[clock]\nsource = "none"',
        '[capture]\nstdin = true\nstdin_format = "f32"\nrate_hz = 16000',
        "[capture]\ndevice = 0",
        "[clips]\nsend = false\nafter_s = 10\nmemory_s = 5",
        "[clips]\nbefore_s = 1\nafter_s = 2\nmemory_s = 5",
        '[uplink]\nservers = ["nats://192.0.2.7"]\nca_file = "ca.pem"',
        '[uplink]\nservers = ["nats://127.0.0.1:4222", "nats://localhost", "nats://[::1]:4222", "tls://h"]',
    ],
)
def test_what_makes_sense_is_taken_without_a_caution(text: str) -> None:
    assert cautions(parse_node_config(f'sensor = "a"\n{text}', "node.toml")) == ()


def test_a_server_without_encryption_is_cautioned_about() -> None:
    text = 'sensor = "a"\n[uplink]\nservers = [\n"tls://a",\n"nats://me:secret@192.0.2.7:4222"]'
    (caution,) = cautions(parse_node_config(text, "node.toml"))
    assert caution.startswith(
        "node.toml, line 5: uplink.servers: nothing encrypts what goes to nats://***@192.0.2.7:4222"
    )


@pytest.mark.parametrize(
    "servers",
    [
        '["nats://user:s3cret@bus.example.org:4222"]',
        '["ws://user:s3cret@bus.example.org"]',
        '"nats://user:s3cret@bus.example.org"',
        '["nats://user:a/s3cret@bus.example.org"]',
        """['nats://user:a"s3cret@bus.example.org']""",
        '["user:s3cret@bus.example.org"]',
        '"nats://user:s3cret_of_a_length_that_no_error_shows_whole@bus.example.org"',
        '["tls://user:s3cret@h", "tls://user:s3cret@h"]',
    ],
)
def test_no_password_is_ever_shown(servers: str) -> None:
    try:
        read = parse_node_config(f'sensor = "a"\n[uplink]\nservers = {servers}', "node.toml")
        said = [repr(read.value), str(read.value), *cautions(read)]
    except ConfigurationError as error:
        said = ["".join(traceback.format_exception(error))]  # as --debug shows it
    assert all("s3cret" not in words and "***" in words for words in said), said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tls://h:4222 and nats://u:p@w@h, done", "tls://h:4222 and nats://***@h, done"),
        ("tls://token@h", "tls://***@h"),
        ("mail a@b.example", "mail a@b.example"),
        ("to nats://user:pas...", "to nats://***..."),
        ("seed SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY.", "seed ***."),
    ],
)
def test_masking(text: str, shown: str) -> None:
    assert masked(text) == shown


@given(st.sampled_from(["", *TABLES]), st.text("abcdefghijklmnopqrstuvwxyz_0123456789-", min_size=1, max_size=12))
def test_unknown_keys_are_refused_by_name(table: str, key: str) -> None:
    kinds = dict(tables(NodeConfig))
    node = kinds[table or "the file itself"]
    if key in {field.encode_name for field in node.fields}:
        return
    text = f"{key} = 1\nsensor = 'a'" if not table else f"sensor = 'a'\n[{table}]\n{key} = 1"
    line = 1 if not table else 3
    sentence = refused(text)
    assert sentence.startswith(
        f"node.toml, line {line}: unknown key{f' in {table}' if table else ''}: expected one of "
    )
    assert sentence.endswith(f"found {key!r}")


VALUES = st.one_of(
    st.text(max_size=8).map(lambda text: msgspec.json.encode(text).decode().replace("\x7f", "")),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.booleans().map(lambda value: str(value).lower()),
    st.sampled_from(["[]", "{}", "[[1], 'a']", "{a = {b = 1}}", "2026-05-09", "2026-05-09T20:40:00Z", "07:32:00"]),
)
PAIRS = st.tuples(
    st.sampled_from([field.encode_name for _, node in tables(NodeConfig) for field in node.fields]), VALUES
)


@given(st.text())
def test_garbage_is_refused(text: str) -> None:
    refused(text)


@given(st.lists(st.tuples(st.sampled_from(["", *TABLES]), PAIRS), max_size=5))
def test_values_of_any_kind_are_taken_or_refused_in_one_sentence(pairs: list[tuple[str, tuple[str, str]]]) -> None:
    text = 'sensor = "a"\n' + "".join(f"[{table}]\n{key} = {value}\n" for table, (key, value) in pairs if table)
    sentence = "node.toml"
    try:
        parse_node_config(text, "node.toml")
    except ConfigurationError as error:
        sentence = str(error)
    assert sentence.startswith("node.toml")
    assert "\n" not in sentence


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read \(No such file or directory\)"):
        read_node_config(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'sensor = "\xe9"')
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        read_node_config(tmp_path / "latin.toml")


def test_the_digest_is_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text('sensor = "a"  # \u00b5\n', encoding="utf-8")
    assert digest(read_node_config(path)) == hashlib.sha256(path.read_bytes()).hexdigest()
    other = parse_node_config('sensor = "a"\n', "node.toml")
    assert digest(other) != digest(read_node_config(path))


def test_the_page_is_up_to_date() -> None:
    """Where it is not: ``python -m sensors.node.reference docs/node-config.md``."""
    assert rewritten(PAGE, WRITER, reference()) == PAGE


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_of_the_page_are_nodes(text: str) -> None:
    read = parse_node_config(text, "example.toml")
    assert cautions(read) == ()


def test_the_first_example_of_the_page_has_every_table() -> None:
    config = parse_node_config(EXAMPLES[0], "example.toml").value
    assert all(f"[{table}]" in EXAMPLES[0] for table in TABLES)
    assert config.uplink is not None
    assert len(config.uplink.servers) == 2


def test_the_file_that_technicians_begin_with() -> None:
    """It is taken as it is; what it shows commented out are the defaults, but for what has none."""
    path = ROOT / "deploy" / "node.toml"
    read = read_node_config(path)
    assert cautions(read) == ()
    text = path.read_text(encoding="utf-8")
    shown = parse_node_config(re.sub(r"(?m)^# (?=[a-z_]+ = )", "", text), "node.toml").value
    assert shown.capture.full_scale_db_spl == 120.0
    capture = msgspec.structs.replace(shown.capture, full_scale_db_spl=None)
    assert msgspec.structs.replace(shown, capture=capture) == read.value
    commented = re.findall(r"(?m)^# ([a-z_]+) = ", text)
    assert {"rate_hz", "pps_names", "threshold_db", "privacy_filter", "seed_file", "log_level"} <= set(commented)
