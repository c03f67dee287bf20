"""Law: what a hostile file asks of this machine is bounded; measured as the peak of a whole process."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

sys.path.insert(0, str(Path(__file__).parent))
import given

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX resource usage")
CHILD = (
    "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:]).returncode;"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(code)"
)
UNIT = 1 if sys.platform == "darwin" else 1024
MB = 1 << 20


def long_line() -> Iterator[bytes]:
    yield given.lines(given.ONE) + b'{"test_name":"x","body":"'
    for _ in range(200):
        yield b"y" * MB
    yield b'"}\n' + given.lines(given.TWO)


def blank(size: int) -> Iterator[bytes]:
    yield given.lines(given.ONE)
    for _ in range(size):
        yield b" " * MB


def many(piece: bytes, count: int) -> Iterator[bytes]:
    yield given.lines(given.ONE) + b'{"test_name":"x","test_keys":[' + piece * count + b"0]}\n" + given.lines(given.TWO)


def gzipped(parts: Iterator[bytes]) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as file:
        for part in parts:
            file.write(part)
    return out.getvalue()


def zstd(parts: Iterator[bytes]) -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    return b"".join([*(packer.compress(part) for part in parts), packer.flush()])


# name -> what makes it, the reason of its one reject, how many measurements stay
CASES: dict[str, tuple[Callable[[], bytes], str, int]] = {
    "a line of 200 MB": (lambda: b"".join(long_line()), "too_long", 2),
    "a line of 200 MB, packed": (lambda: gzipped(long_line()), "too_long", 2),
    "a bomb, gzip": (lambda: gzipped(blank(300)), "expansion", 1),
    "a bomb, zstd": (lambda: zstd(blank(300)), "expansion", 1),
    "a bomb in a tar in gzip": (lambda: gzipped(iter([given.tar(("a.gz", gzipped(blank(300))))])), "expansion", 1),
    "empty lists": (lambda: gzipped(many(b"[],", 20 * MB)), "too_many_values", 2),
    "small maps": (lambda: gzipped(many(b'{"":0},', 8 * MB)), "too_many_values", 2),
    "short texts": (lambda: gzipped(many(b'"ab",', 12 * MB)), "too_many_values", 2),
}


@pytest.mark.parametrize("case", CASES)
def test_memory_stays_bounded(case: str, tmp_path: Path) -> None:
    make, reason, measurements = CASES[case]
    (tmp_path / "a").write_bytes(make())
    words = [sys.executable, "-m", "clampdown", "ingest", "a", "--store", "s", "--json", "--no-judge"]
    words += ["--workers", "1", "--limit-expansion-floor", "256M" if "bomb" in case else "1G"]
    done = subprocess.run([sys.executable, "-c", CHILD, *words], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert (got["measurements"], got["rejects"]) == (measurements, {reason: 1})
    peak = int(done.stderr.split()[-1]) * UNIT / MB
    assert peak < 500, f"{peak:.0f} MB"
