"""Faults made on purpose: a disk that is full, a network that is cut (both need root), a clock that is stepped."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors import ConfigurationError


def fill(path: Path) -> None:
    """Write until the disk is full."""
    try:
        with path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        return


@contextmanager
def small_disk(mib: int) -> Iterator[Path]:
    """A file system of its own."""
    folder = Path(tempfile.mkdtemp(prefix="loss-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tocsin", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def namespace() -> Iterator[tuple[str, str]]:
    """A network namespace with a link to this one: its name, and the address of this side."""
    name = f"tocsin-{time.monotonic_ns() % 1_000_000}"
    inside, outside = "tocsin-in", f"t{name[-6:]}"
    address = "10.213.7.1"

    def run(*words: str) -> None:
        subprocess.run(words, check=True, capture_output=True)

    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        run("ip", "addr", "add", f"{address}/30", "dev", outside)
        run("ip", "link", "set", outside, "up")
        run("ip", "-n", name, "addr", "add", "10.213.7.2/30", "dev", inside)
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "link", "set", inside, "up")
        yield name, address
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def link(name: str, *, up: bool) -> None:
    """Take the link down, or up again."""
    subprocess.run(["ip", "-n", name, "link", "set", "tocsin-in", "up" if up else "down"], check=True)


STEPPED = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*real)(clockid_t, struct timespec *);
static volatile int64_t *offset_ns;

__attribute__((constructor)) static void begin(void)
{
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("STEPPED_CLOCK");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file < 0)
        return;
    void *page = mmap(0, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    offset_ns = page == MAP_FAILED ? 0 : page;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int done = real(clock, at);
    if (done == 0 && clock == CLOCK_REALTIME && offset_ns) {
        int64_t ns = at->tv_sec * 1000000000LL + at->tv_nsec + *offset_ns;
        at->tv_sec = ns / 1000000000LL;
        at->tv_nsec = ns % 1000000000LL;
    }
    return done;
}
"""


class SteppedClock:
    """CLOCK_REALTIME of one process, which can be stepped while it runs; its other clocks are the machine's.

    Parameters
    ----------
    folder : for the compiled shim and the offset.

    Raises
    ------
    ConfigurationError
        No C compiler, or it refuses.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise ConfigurationError("cc", "stepping a clock needs a C compiler: apt-get install gcc libc6-dev")
        library, source = folder / "stepped.so", folder / "stepped.c"
        source.write_text(STEPPED, encoding="utf-8")
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ConfigurationError("cc", f"refuses the shim: {done.stderr.strip()[-200:]}")
        self._offset = folder / "offset"
        self._offset.write_bytes(struct.pack("=q", 0))
        self.environment = {"LD_PRELOAD": str(library), "STEPPED_CLOCK": str(self._offset)}

    def set(self, offset_s: float) -> None:
        """From now on the clock is ahead of the machine's by so much."""
        with self._offset.open("r+b", buffering=0) as file:  # in place: the process has mapped this very file
            file.write(struct.pack("=q", round(offset_s * 1e9)))
