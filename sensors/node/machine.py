"""The computer that a node runs on: how warm, how full, what holds it back.  What it does not tell is None."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from wire.messages import MachineHealth

THERMAL = Path("/sys/class/thermal")
FIRMWARE = Path("/sys/devices/platform")
STATUS = Path("/proc/self/status")

ASK_AGAIN_S = 60.0
"""``vcgencmd`` starts a process, which costs 3 ms of a Raspberry Pi: not at each heartbeat."""

ASK_TIMEOUT_S = 2.0

_PROCESSOR = re.compile(r"cpu|soc|pkg|core", re.IGNORECASE)

# Raspberry Pi documentation, "vcgencmd get_throttled": now in bits 0 to 3, has been in bits 16 to 19.
_BITS = ("under_voltage", "frequency_capped", "throttled", "soft_temperature_limit")
_HAS_BEEN = 16


class MachineWatch:
    """Asks the computer how it is.  Used by one thread.

    Parameters
    ----------
    folder : whose file system is watched: that of the spool.
    thermal, firmware, status : where Linux tells temperatures, what a Raspberry Pi tells, and what this process uses.
    vcgencmd : the Raspberry Pi's own command, asked when ``firmware`` does not tell.
    """

    def __init__(
        self,
        folder: Path,
        *,
        thermal: Path = THERMAL,
        firmware: Path = FIRMWARE,
        status: Path = STATUS,
        vcgencmd: str = "vcgencmd",
    ) -> None:
        self._folder = folder
        self._thermal = thermal
        self._firmware = firmware
        self._status = status
        self._vcgencmd = shutil.which(vcgencmd)
        self._asked_s: float | None = None
        self._told: int | None = None
        self._had_been: int | None = None
        self._cpu_s = time.process_time()
        self._at_s = time.monotonic()

    def health(self) -> MachineHealth:
        """As it is now; the share of the processor is since the call before, and so is what held it back."""
        return MachineHealth(
            disk_free_bytes=self._disk_free(),
            temperature_c=self._temperature(),
            throttled=self._throttled(),
            memory_bytes=self._memory(),
            cpu_share=self._cpu_share(),
        )

    def _disk_free(self) -> int | None:
        try:
            found = os.statvfs(self._folder)
        except OSError:
            return None
        return found.f_bavail * found.f_frsize

    def _temperature(self) -> float | None:
        """The warmest zone of the processor, degrees Celsius; of the computer, when none is called a processor's."""
        warmest: dict[bool, float] = {}
        for zone in sorted(self._thermal.glob("thermal_zone*")):
            text = _text(zone / "temp")
            if text is None or not re.fullmatch(r"-?\d+", text) or not -60_000 <= int(text) <= 200_000:
                continue
            is_processor = _PROCESSOR.search(_text(zone / "type") or "") is not None
            warmest[is_processor] = max(warmest.get(is_processor, -273.0), int(text) / 1000.0)
        return warmest.get(True, warmest.get(False))

    def _throttled(self) -> tuple[str, ...]:
        """What holds a Raspberry Pi back now, or did since the call before."""
        bits = self._firmware_bits()
        if bits is None:
            return ()
        has_been = bits >> _HAS_BEEN
        newly = 0 if self._had_been is None else has_been & ~self._had_been
        self._had_been = has_been
        return tuple(name for bit, name in enumerate(_BITS) if (bits | newly) >> bit & 1)

    def _firmware_bits(self) -> int | None:
        # soc/soc:firmware up to the Raspberry Pi 4, soc@107c000000/soc@107c000000:firmware on the 5
        for path in sorted(self._firmware.glob("soc*/soc*:firmware/get_throttled")):
            if (text := _text(path)) is not None:
                return _hexadecimal(text)
        if self._vcgencmd is None:
            return None
        now_s = time.monotonic()
        if self._asked_s is None or now_s - self._asked_s >= ASK_AGAIN_S:
            self._asked_s = now_s
            self._told = self._ask(self._vcgencmd)
        return self._told

    def _ask(self, command: str) -> int | None:
        try:
            done = subprocess.run(
                [command, "get_throttled"], capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=True
            )
        except (OSError, subprocess.SubprocessError, ValueError):
            return None
        return _hexadecimal(done.stdout.strip().removeprefix("throttled="))

    def _memory(self) -> int | None:
        found = re.search(r"^VmRSS:\s*(\d+) kB$", _text(self._status) or "", re.MULTILINE)
        return None if found is None else int(found[1]) * 1024

    def _cpu_share(self) -> float | None:
        cpu_s, at_s = time.process_time(), time.monotonic()
        used_s, passed_s = cpu_s - self._cpu_s, at_s - self._at_s
        self._cpu_s, self._at_s = cpu_s, at_s
        return used_s / passed_s if passed_s > 0.0 else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _hexadecimal(text: str) -> int | None:
    digits = text.removeprefix("0x")
    return int(digits, 16) if re.fullmatch(r"[0-9a-fA-F]{1,8}", digits) else None
