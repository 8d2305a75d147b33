"""A PipeWire of our own with a sink that goes nowhere: what is played into it is recorded from its monitor.

The sink runs on a timer with a quantum of 1024 frames, as a sound card would.  ALSA programs, PortAudio too, find
its monitor as the capture device ``street``.  Nothing of the user's own PipeWire, if there is one, is touched.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from ctypes.util import find_library
from pathlib import Path
from types import TracebackType

from errors import Mishap

RATE_HZ, QUANTUM = 48_000, 1024
DEVICE = "street"
START_S = 15.0
PROGRAMS = ("pipewire", "wireplumber", "pw-cli", "aplay", "dbus-run-session")

SERVER = f"""
context.properties = {{
    core.daemon = true
    core.name = pipewire-0
    default.clock.rate = {RATE_HZ}
    default.clock.quantum = {QUANTUM}
    default.clock.min-quantum = {QUANTUM}
    default.clock.max-quantum = {QUANTUM}
}}
context.spa-libs = {{
    audio.convert.* = audioconvert/libspa-audioconvert
    support.* = support/libspa-support
}}
context.modules = [
    {{ name = libpipewire-module-rt args = {{ nice.level = -11 }} flags = [ ifexists nofail ] }}
    {{ name = libpipewire-module-protocol-native }}
    {{ name = libpipewire-module-metadata }}
    {{ name = libpipewire-module-spa-node-factory }}
    {{ name = libpipewire-module-client-node }}
    {{ name = libpipewire-module-client-device }}
    {{ name = libpipewire-module-access }}
    {{ name = libpipewire-module-adapter }}
    {{ name = libpipewire-module-link-factory }}
    {{ name = libpipewire-module-session-manager }}
]
context.objects = [
    {{ factory = adapter
        args = {{
            factory.name = support.null-audio-sink
            node.name = {DEVICE}
            node.description = "{DEVICE}"
            media.class = Audio/Sink
            object.linger = true
            audio.position = [ FL FR ]
            audio.rate = {RATE_HZ}
        }}
    }}
]
"""

ALSA = f"""
pcm.{DEVICE} {{
    type pipewire
    capture_node "{DEVICE}"
    playback_node "{DEVICE}"
    hint {{ show on description "{DEVICE}" }}
}}
"""


def absent() -> str | None:
    """What this machine lacks for it; None when it has all."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if find_library("portaudio") is None:
        missing.append("libportaudio2")
    if not any(Path("/usr/lib").glob("**/alsa-lib/libasound_module_pcm_pipewire.so")):
        missing.append("pipewire-alsa")
    return f"not on this machine: {', '.join(missing)}" if missing else None


class NullSink:
    """The sink, while entered.

    environment : for programs that play to it or record from it.
    """

    def __init__(self) -> None:
        # Not where tests keep their files: the path of a socket has at most 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="sink-"))
        self._servers: list[subprocess.Popen[bytes]] = []
        run, home, settings = (self._folder / name for name in ("run", "home", "settings"))
        for folder in (run, home, settings):
            folder.mkdir(mode=0o700)
        (settings / "pipewire.conf").write_text(SERVER)
        for name in ("client.conf", "client-rt.conf"):
            installed = Path("/usr/share/pipewire") / name
            if installed.is_file():
                shutil.copy(installed, settings / name)
        (home / ".asoundrc").write_text(ALSA)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "DBUS_SESSION_BUS_ADDRESS"},
            "XDG_RUNTIME_DIR": str(run),
            "PIPEWIRE_RUNTIME_DIR": str(run),
            "PIPEWIRE_CONFIG_DIR": str(settings),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_STATE_HOME": str(home / "state"),
        }

    def __enter__(self) -> NullSink:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def play(self, file: Path) -> subprocess.Popen[bytes]:
        """Begin to play a sound file into the sink; half a second ahead, for a player that is late leaves out sound."""
        command = ["aplay", "--quiet", f"--device={DEVICE}", "--buffer-time=500000", "--period-time=50000", str(file)]
        return subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def start(self) -> None:
        """Start the servers, and wait until they can be played to and recorded from.

        Raises Mishap when they do not come up.
        """
        self._serve("pipewire")
        self._until_clients_show("pipewire")
        self._serve("dbus-run-session", "--", "wireplumber")
        self._until_clients_show("WirePlumber")

    def stop(self) -> None:
        """Stop the servers, with all that they have started."""
        for server in reversed(self._servers):
            for how in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(server.pid, how)
                    server.wait(5.0)
                except ProcessLookupError:
                    break
                except subprocess.TimeoutExpired:
                    continue
            server.wait()
        self._servers.clear()

    def close(self) -> None:
        """Stop, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self, *command: str) -> None:
        with (self._folder / f"{command[0]}.log").open("wb") as said:
            server = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self._servers.append(server)

    def _until_clients_show(self, name: str) -> None:
        """Wait until the server answers and lists a client of this name."""
        until_s = time.monotonic() + START_S
        asked = ["pw-cli", "ls", "Client"]
        while time.monotonic() < until_s:
            answer = subprocess.run(asked, env=self.environment, capture_output=True, text=True, check=False)
            if answer.returncode == 0 and name in answer.stdout:
                return
            time.sleep(0.1)
        said = " ".join(path.read_text(errors="replace")[-500:] for path in self._folder.glob("*.log"))
        raise Mishap("PipeWire", f"{name} did not start within {START_S:g} s: {said}")
