"""Fuzzing guided by coverage, of every decoder of a node: ``python -m benchmarks.fuzzing --seconds N [DECODER...]``.

Not a part of the tests: it takes as long as it is given, and atheris has an environment of its own.  A finding is an
exception that the decoder does not name, a crash, an input that takes more than 10 s or 1 GB.  Inputs that were found
stay in out/fuzzing/<decoder>/.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.decoders import DECODERS, seeds

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "out" / "fuzzing"
INSTRUMENTED = ["wire", "sensors", "settings", "errors", "json", "tomllib"]
SLOWEST_S, MOST_MB, LONGEST_BYTES = 10, 1024, 4096


def main() -> int:
    """Run them; the exit code is 1 when there was a finding."""
    parser = argparse.ArgumentParser(description="Fuzz the decoders of a node.")
    parser.add_argument("decoders", nargs="*", metavar="DECODER", help=f"of {', '.join(DECODERS)}; all without any")
    parser.add_argument("--seconds", type=int, default=60, help="for each decoder")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    known, rest = parser.parse_known_args()
    unknown = [name for name in known.decoders if name not in DECODERS]
    if unknown:
        parser.error(f"unknown decoder {unknown[0]!r}: expected one of {', '.join(DECODERS)}")
    if known.inside:
        inside(known.decoders[0], rest)
        return 0
    if rest:
        parser.error(f"unknown option {rest[0]!r}")
    findings = [name for name in known.decoders or DECODERS if not fuzz(name, known.seconds)]
    print(f"{len(findings)} findings{': ' if findings else ''}{', '.join(findings)}")
    return 1 if findings else 0


def fuzz(name: str, seconds: int) -> bool:
    """Fuzz one decoder in a process of its own, and tell; whether nothing was found."""
    from benchmarks.peers import runner  # noqa: PLC0415  # the environment of atheris has nothing of the house's

    python = runner.environment("atheris")
    kept = KEPT / name
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzzing-") as corpus:
        for number, seed in enumerate(seeds(name)):
            (Path(corpus) / str(number)).write_bytes(seed)
        options = [f"-max_total_time={seconds}", f"-timeout={SLOWEST_S}", f"-rss_limit_mb={MOST_MB}"]
        options += [f"-max_len={LONGEST_BYTES}", f"-artifact_prefix={kept}/", "-print_final_stats=1", corpus]
        command = [str(python), "-m", "benchmarks.fuzzing", "--inside", name, *options]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "TMPDIR": str(Path(corpus).parent)}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", check=False,
        )  # fmt: skip
    said = done.stdout + done.stderr
    runs = next((line.split()[-1] for line in said.splitlines() if "number_of_executed_units" in line), "?")
    allowed = ", ".join(DECODERS[name].allowed) or "none"
    if done.returncode == 0:
        print(f"{name}: {runs} inputs, nothing but the errors allowed ({allowed})", flush=True)
        return True
    told = [line.strip() for line in said.splitlines() if "Error" in line or "ERROR" in line or "Test unit" in line]
    print(f"{name}: FOUND after {runs} inputs, allowed are {allowed}:", flush=True)
    print("\n".join(f"  {line}" for line in told[:8] or said.splitlines()[-8:]), flush=True)
    return False


def inside(name: str, options: list[str]) -> None:
    """In the environment of atheris: never returns."""
    import atheris  # type: ignore[import-untyped]  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    decoder = DECODERS[name]
    with atheris.instrument_imports(include=INSTRUMENTED):
        decode = decoder.load()

    def once(data: bytes) -> None:
        try:
            decode(data)
        except Exception as error:
            # By name, of the class or a base: loading the tree of errors here would hide it from atheris.
            if not {kind.__name__ for kind in type(error).__mro__} & set(decoder.allowed):
                raise

    atheris.Setup([sys.argv[0], *options], once)
    atheris.Fuzz()


if __name__ == "__main__":
    raise SystemExit(main())
