"""Law: no file, however long, deep or tightly packed, takes more memory than the limits say, and none crashes."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import tarfile
import tracemalloc
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import lz4.frame
import pytest
import zstandard

from clampdown.intake.containers import Limits, Raw, decode, records
from clampdown.model import Reject

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
    "bzip2": bz2.compress,
}
ROWS: list[dict[str, Any]] = [{"test_name": "web_connectivity", "n": n} for n in range(3)]
DEFAULT = Limits()


def lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


SHAPES: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "lines": lines,
    "array": lambda rows: json.dumps(rows).encode(),
    "pretty array": lambda rows: json.dumps(rows, indent=2).encode(),
    "pretty values": lambda rows: "\n".join(json.dumps(row, indent=1) for row in rows).encode(),
}


def tar(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read(data: bytes, limits: Limits = DEFAULT, name: str = "a") -> list[Raw | Reject]:
    return list(records(io.BytesIO(data), name, limits))


def whole(data: bytes, limits: Limits = DEFAULT) -> list[Any]:
    """All values; a reject among them fails the test."""
    values: list[Any] = []
    for found in read(data, limits):
        assert isinstance(found, Raw), found
        value = decode(found, limits)
        assert isinstance(value, dict), value
        values.append(value)
    return values


def reasons(data: bytes, limits: Limits = DEFAULT) -> list[str]:
    """What becomes of each record: `ok`, or the reason of its reject, found while cutting or while decoding."""
    ends = [found if isinstance(found, Reject) else decode(found, limits) for found in read(data, limits)]
    return [end.reason if isinstance(end, Reject) else "ok" for end in ends]


@pytest.mark.parametrize("packer", PACKERS)
def test_expansion_bomb(packer: str) -> None:
    small = Limits(expansion_floor=1 << 21)
    bomb = PACKERS[packer](lines(ROWS[:1]) + b" " * (64 << 20))
    tracemalloc.start()
    try:
        found = read(bomb, small)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [f.reason for f in found if isinstance(f, Reject)] == ["expansion"]
    assert peak < 16 << 20
    nested = tar(("a.gz", bomb), ("b.gz", PACKERS["gzip"](lines(ROWS[:1]))))
    assert reasons(nested, small)[-1] == "expansion"
    assert whole(PACKERS[packer](lines(ROWS[:1]) + b" " * (1 << 20)), small) == ROWS[:1]


class Endless(io.RawIOBase):
    """A line of `size` bytes between two records, made while it is read."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._parts = iter(
            [lines(ROWS[:1]), b'{"a":"', *[b"x" * (1 << 20)] * (size >> 20), b'"}  \n', lines(ROWS[1:2])]
        )

    def read(self, size: int = -1) -> bytes:
        return next(self._parts, b"")


def test_a_line_of_200_megabytes_leaves_memory_flat() -> None:
    tracemalloc.start()
    try:
        first, long, last = records(cast("BinaryIO", Endless(200 << 20)), "a", Limits(record=8 << 20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20
    assert isinstance(long, Reject)
    expected = hashlib.sha256(b'{"a":"')
    for _ in range(200):
        expected.update(b"x" * (1 << 20))
    expected.update(b'"}')
    assert (long.reason, long.line, long.length) == ("too_long", 2, (200 << 20) + 8)
    assert long.digest == expected.hexdigest()
    assert (first.line, last.line) == (1, 3)


@pytest.mark.parametrize("shape", SHAPES)
def test_too_long_in_every_shape(shape: str) -> None:
    rows: list[dict[str, Any]] = [ROWS[0], {**ROWS[1], "pad": "y" * 3_000_000}, ROWS[2]]
    found = read(SHAPES[shape](rows), Limits(record=100_000))
    assert [isinstance(f, Reject) for f in found] == [False, True, False]
    assert isinstance(found[1], Reject)
    assert found[1].reason == "too_long"
    assert found[1].length is not None
    assert found[1].length > 3_000_000
    assert found[1].digest
    assert [f.line for f in found] == [f.line for f in read(SHAPES[shape](rows))]


@pytest.mark.parametrize("depth", [198, 199, 5_000, 10_000, 200_000])
@pytest.mark.parametrize(("opens", "shuts"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]"), (b"[ ", b"\n,1]")])
def test_nesting_is_bounded(depth: int, opens: bytes, shuts: bytes) -> None:
    each = len(opens.translate(None, b'"a: '))
    steps = depth // each
    inner = opens * steps + b'"[[["' + shuts * steps
    over = 2 + steps * each > 200
    for text in (
        b'{"test_name":"x","test_keys":{"a":' + inner.replace(b"\n", b"") + b"}}",
        b'[{\n"test_name":"x","test_keys":{"a":' + inner + b"}}]",
        b'{"test_name":"x","nan":NaN,"test_keys":{"a":' + inner.replace(b"\n", b"") + b"}}",
    ):
        assert reasons(text) == ["too_deep" if over else "ok"]


def test_brackets_in_strings_are_no_nesting() -> None:
    row = {"test_name": "x", "body": '\\"[{' * 9_000 + "]" * 300 + "\\" + "}" * 300}
    assert whole(lines([row, row])) == [row, row]
    assert whole(json.dumps(row, indent=1).encode()) == [row]
