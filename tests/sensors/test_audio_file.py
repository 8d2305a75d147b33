"""WAV and FLAC files: read exactly, in blocks, and refused when damaged."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from errors import RecordingError, TocsinError
from sensors.audio_file import FileCapture, read_header
from sensors.riff import read_chunks
from tests.sensors.written import noise, write_audio


def opened(path: Path) -> FileCapture:
    return FileCapture(path, read_header(path), "N-1", 0, None, None, 1e-4, None, None)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.WAV"])
@pytest.mark.parametrize("n", [1, 7, 1024, 5000, 70_000, 10**6])
def test_blocks_are_the_sound_whatever_their_size(tmp_path: Path, name: str, n: int) -> None:
    frames = 5000 if n < 10 else 150_000
    samples = noise(frames, 2)
    capture = opened(write_audio(tmp_path / name, samples))
    for _ in range(2):
        blocks = list(capture.blocks(n))
        assert all(len(block) == n for block in blocks[:-1])
        np.testing.assert_array_equal(np.concatenate(blocks), samples)
    assert (capture.channels, capture.frames, capture.rate_hz) == (2, frames, 12_000.0)
    assert capture.findings == ()


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_linear_format_is_read(tmp_path: Path, subtype: str) -> None:
    capture = opened(write_audio(tmp_path / "a.wav", subtype=subtype))
    (block,) = capture.blocks(5000)
    np.testing.assert_allclose(block, noise(), atol=2**-7)


def test_rf64_is_read_and_checked(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav", format="RF64")
    assert path.read_bytes()[:4] == b"RF64"
    np.testing.assert_array_equal(np.concatenate(list(opened(path).blocks(100))), noise())
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(RecordingError, match="cut short"):
        read_header(path)


@given(st.floats(0.0, 1.0, exclude_max=True), st.sampled_from(["a.wav", "a.flac"]))
def test_a_file_cut_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, part: float, name: str) -> None:
    """libsndfile reads a cut WAV file as a shorter one without a word."""
    path = write_audio(tmp_path_factory.mktemp("cut") / name, noise(20_000))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(RecordingError, match=path.name):
        list(opened(path).blocks(1000))


def test_a_cut_file_names_what_is_missing(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(RecordingError, match=r"chunk 'data' is cut short.*: expected 2400 bytes, found 1400$"):
        read_header(path)


def test_a_recorder_that_never_finished_is_refused(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav")
    body = bytearray(path.read_bytes())
    struct.pack_into("<I", body, 40, 0xFFFFFFFF)
    path.write_bytes(bytes(body))
    with pytest.raises(RecordingError, match="never finished"):
        read_header(path)


def test_bytes_after_the_end_do_no_harm(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes() + b"\x00\x01" * 20)
    assert read_header(path).frames == 1200


def test_a_file_that_shrinks_after_opening_is_refused(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav", noise(200_000))
    capture = opened(path)
    write_audio(path, noise(150_000))
    with pytest.raises(RecordingError, match="is cut short: expected 200000 samples, found 150000"):
        list(capture.blocks(1000))


def test_a_file_that_vanishes_is_refused(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav")
    capture = opened(path)
    path.unlink()
    with pytest.raises(RecordingError, match="cannot be read"):
        list(capture.blocks(1000))
    with pytest.raises(RecordingError, match="cannot be read"):
        read_header(path)


HEADS = [b"", b"RIFF\x00\x01\x00\x00WAVE", b"RF64\xff\xff\xff\xffWAVEds64", b"fLaC"]


@given(st.binary(max_size=300), st.sampled_from(HEADS))
def test_random_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, noise_bytes: bytes, head: bytes) -> None:
    folder = tmp_path_factory.mktemp("random")
    for name in ("a.wav", "a.flac"):
        path = folder / name
        path.write_bytes(head + noise_bytes)
        with pytest.raises(RecordingError):
            read_header(path)


@given(st.data())
def test_a_flipped_byte_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = write_audio(tmp_path_factory.mktemp("flip") / data.draw(st.sampled_from(["a.wav", "a.flac"])))
    body = bytearray(path.read_bytes())
    body[data.draw(st.integers(0, min(len(body), 120) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(body))
    try:
        for block in opened(path).blocks(100):
            assert np.isfinite(block).all()
    except TocsinError:
        pass


@pytest.mark.parametrize(("rate_hz", "fine"), [(4000, False), (8000, True), (96_000, True), (192_000, False)])
def test_rates_that_the_filter_bank_cannot_serve_are_refused(tmp_path: Path, rate_hz: int, fine: bool) -> None:
    path = write_audio(tmp_path / "a.wav", rate_hz=rate_hz)
    if fine:
        assert read_header(path).rate_hz == rate_hz
    else:
        with pytest.raises(RecordingError, match=rf"sample rate: expected 8000 \.\. 96000 Hz, found {rate_hz}"):
            read_header(path)


def test_other_codings_and_containers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"sample format: expected .*, found 'ULAW'"):
        read_header(write_audio(tmp_path / "a.wav", subtype="ULAW"))
    with pytest.raises(RecordingError, match="file format: expected WAV or FLAC, found 'AIFF'"):
        read_header(write_audio(tmp_path / "a.flac", format="AIFF"))
    with pytest.raises(RecordingError, match="expected a WAV file"):
        read_header(write_audio(tmp_path / "b.wav", format="AIFF"))


def test_an_empty_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="number of samples: expected one or more"):
        read_header(write_audio(tmp_path / "a.wav", np.zeros((0, 1), np.float32)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_sample_that_is_no_number_is_named(tmp_path: Path, value: float) -> None:
    samples = noise(100_000)
    samples[77_777] = value
    capture = opened(write_audio(tmp_path / "a.wav", samples, subtype="FLOAT"))
    sentence = rf"a\.wav: sample 77777 of channel 0: expected a finite number, found {value}"
    with pytest.raises(RecordingError, match=sentence):
        list(capture.blocks(1024))


def test_a_silent_channel_is_found_once_the_sound_was_read(tmp_path: Path) -> None:
    samples = noise(1200, 3)
    samples[:, 1] = 0.0
    samples[:, 2] = np.arange(1200) % 2 / 32768.0  # a resting converter that flickers in its last bit
    capture = opened(write_audio(tmp_path / "a.wav", samples))
    before = capture.findings
    assert not before
    for _ in range(2):
        list(capture.blocks(100))
        assert [(finding.kind, finding.where[-9:]) for finding in capture.findings] == [
            ("silent_channel", "channel 1"),
            ("silent_channel", "channel 2"),
        ]


def test_samples_beyond_full_scale_are_found(tmp_path: Path) -> None:
    capture = opened(write_audio(tmp_path / "a.wav", noise() * 100.0, subtype="FLOAT"))
    list(capture.blocks(100))
    assert [finding.kind for finding in capture.findings] == ["over_full_scale"]


def test_chunks_are_counted(tmp_path: Path) -> None:
    assert [(chunk.name, chunk.size) for chunk in read_chunks(write_audio(tmp_path / "a.wav"))] == [
        (b"fmt ", 16),
        (b"data", 2400),
    ]


def test_an_hour_is_read_in_little_memory(tmp_path: Path) -> None:
    """One hour at 48 kHz is 345 MB in the file and 691 MB as float32; what stays is a block."""
    path = write_audio(tmp_path / "hour.wav", rate_hz=48_000)
    size = 48_000 * 3600 * 2
    with path.open("r+b") as file:  # a sparse file: it takes no room on the disk
        file.seek(4)
        file.write(struct.pack("<I", size + 36))
        file.seek(40)
        file.write(struct.pack("<I", size))
        file.truncate(44 + size)
    program = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from sensors.audio_file import FileCapture, read_header\n"
        "path = Path(sys.argv[1])\n"
        "capture = FileCapture(path, read_header(path), 'N-1', 0, None, None, 1e-4, None, None)\n"
        "assert sum(len(block) for block in capture.blocks(4096)) == 48_000 * 3600\n"
        # not getrusage: its peak is inherited from the process that forked this one
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True, timeout=120
    )
    assert int(done.stdout) < 120_000  # kB


def test_soundfile_still_reads_cut_files_silently(tmp_path: Path) -> None:
    """The reason for ``sensors.riff``: when this fails, that module may go."""
    path = write_audio(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes()[:-1000])
    assert soundfile.info(str(path)).frames == 700
