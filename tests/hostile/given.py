"""Law: hostile files are made here, each with what must become of it: how many measurements, which rejects, where."""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

import lz4.frame
import zstandard

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
import made

LINES: list[bytes] = [json.dumps(made.record("given.example", 1, 9, session)).encode() for session in (1, 2, 3)]
LINES.append(json.dumps(made.record("denied.example", 1, 9, 4)).encode())
ONE, TWO, THREE, FOUR = LINES
PACKERS = {"gzip": gzip.compress, "zstd": zstandard.compress, "lz4": lz4.frame.compress}


class File(NamedTuple):
    """A file, and what becomes of it."""

    name: str
    data: bytes
    measurements: int
    rejects: tuple[str, ...] = ()  # `place: reason`, the place behind the file's name


def lines(*records: bytes) -> bytes:
    return b"".join(record + b"\n" for record in records)


def tar(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


def special(name: str, kind: bytes, to: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def _swapped(record: bytes, old: bytes, new: bytes) -> bytes:
    assert old in record
    return record.replace(old, new, 1)


def _numbers(to: bytes) -> bytes:
    """The record with every number replaced."""
    return re.sub(rb": \d+(\.\d+)?(?=[,}])", b": " + to, ONE)


def _deep(opens: bytes, shuts: bytes, depth: int) -> bytes:
    return _swapped(ONE, b'"test_keys": {', b'"test_keys": {"x": ' + opens * depth + b"1" + shuts * depth + b", ")


_ALL = lines(*LINES)
_LONG = b"".join(lines(ONE.replace(b"0001a000", b"%08x" % n)) for n in range(300))
_LAUGHS = b"".join(
    b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 9)) for name in range(ord("b"), ord("n"))
)
_REPORT = b"---\ntest_name: web_connectivity\nprobe_cc: XA\n...\n---\ninput: http://a.example/\n"

FILES: dict[str, File] = {
    "plain": File("a.jsonl", _ALL, 4),
    "gzip cut in its header": File("a.jsonl.gz", gzip.compress(_LONG)[:6], 0, (": truncated",)),
    "gzip with a wrong checksum": File("a.jsonl.gz", gzip.compress(_ALL)[:-8] + b"12345678", 0, (": damaged",)),
    "a picture named .gz": File("a.gz", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, 0, (": unknown_format",)),
    "gzip members": File("a.jsonl.gz", gzip.compress(lines(ONE)) + gzip.compress(lines(*LINES[1:])), 4),
    "gzip members cut inside a line": File("a.gz", gzip.compress(_ALL[:700]) + gzip.compress(_ALL[700:]), 4),
    "garbage behind gzip": File("a.jsonl.gz", gzip.compress(_ALL) + b"garbage" * 9, 4, (":5: damaged",)),
    "zeros behind gzip": File("a.jsonl.gz", gzip.compress(_ALL) + b"\0" * 999, 4),
    "zstd frames": File("a.zst", zstandard.compress(lines(ONE, TWO)) + zstandard.compress(lines(THREE, FOUR)), 4),
    "byte order mark": File("a.jsonl", b"\xef\xbb\xbf" + _ALL, 4),
    "UTF-16": File("a.jsonl", _ALL.decode().encode("utf-16"), 0, (": unknown_format",)),
    "CRLF": File("a.jsonl", _ALL.replace(b"\n", b"\r\n"), 4),
    "a line of NUL": File("a.jsonl", lines(ONE, b"\0\0\0", TWO), 2, (":2: truncated",)),
    "NUL in a string": File("a.jsonl", lines(_swapped(ONE, b"http://given", b"\0http://given"), TWO), 2),
    "NUL alone": File("a.jsonl", b"\0" * 4096, 0, (": empty",)),
    "empty": File("a.jsonl", b"", 0, (": empty",)),
    "empty gzip": File("a.jsonl.gz", gzip.compress(b""), 0, (": empty",)),
    "blank lines": File("a.jsonl", b"\n \n\r\n", 0, (": empty",)),
    "a key twice": File("a.jsonl", lines(ONE[:-1] + b',"probe_cc":"XB","probe_cc":"XC"}', TWO), 2),
    "not finite": File("a.jsonl", lines(_numbers(b"NaN"), TWO, _swapped(THREE, b"1.0", b"-Infinity")), 3),
    "invalid UTF-8": File("a.jsonl", lines(_swapped(ONE, b"Hello", b"He\xff\xfe\xc3("), TWO), 2),
    "invalid UTF-8 in a key": File("a.jsonl", lines(_swapped(ONE, b'"probe_cc"', b'"probe_\xff"'), TWO), 2),
    "lone surrogates": File(
        "a.jsonl",
        lines(_swapped(ONE, b"Hello", b"\\ud800x\\udc00"), _swapped(TWO, b'"linux"', b'"\\udfff"'))
        + lines(_swapped(THREE, b'"input": "http://given', b'"input": "http://\\ud83d')),
        3,
    ),
    "nested arrays": File("a.jsonl", lines(TWO, _deep(b"[", b"]", 10_000)), 1, (":2: too_deep",)),
    "nested objects": File("a.jsonl", lines(TWO, _deep(b'{"a":', b"}", 10_000)), 1, (":2: too_deep",)),
    "nested and never closed": File("a.jsonl", lines(b'{"a":' * 10_000, TWO), 1, (":1: too_deep",)),
    "nested YAML": File("a.yaml", _REPORT + b"a: " + b"[" * 10_000 + b"]" * 10_000 + b"\n", 0, (":5: too_deep",)),
    "YAML that multiplies": File("a.yaml", _REPORT + b"a: &a [x,x]\n" + _LAUGHS, 0, (":5: expansion",)),
    "YAML that asks for a program": File(
        "a.yaml", _REPORT + b"a: !!python/object/apply:os.system ['touch written']\n", 1
    ),
    "an array cut": File("a.json", b"[" + b",".join(LINES), 4, (": truncated",)),
    "an array of other things": File(
        "a.json", b"[1," + ONE + b',null,"x",[],' + TWO + b"]", 2, (": not_a_measurement",) * 2 + (": not_json",)
    ),
    "a tar that climbs": File(
        "a.tar", tar(("../../evil.jsonl", lines(ONE)), ("/evil.jsonl", lines(TWO)), ("a/../b.jsonl", lines(THREE))), 3
    ),
    "a tar of links": File(
        "a.tar",
        tar(
            ("a.jsonl", lines(ONE)), special("to", tarfile.SYMTYPE, "../secret"),
            special("hard", tarfile.LNKTYPE, "a.jsonl"), special("pipe", tarfile.FIFOTYPE),
            special("device", tarfile.CHRTYPE), special("folder", tarfile.DIRTYPE), ("b.jsonl", lines(TWO)),
        ),
        2,
        ("!device: tar_special", "!hard: tar_link", "!pipe: tar_special", "!to: tar_link"),
    ),
    "a tar cut": File("a.tar", tar(("a.jsonl", lines(ONE)), ("b.jsonl", _ALL))[:1500], 0, ("!a.jsonl:1: truncated",)),
    "an empty member": File("a.tar", tar(("a.jsonl", b""), ("b.jsonl", lines(ONE))), 1, ("!a.jsonl: empty",)),
    "tars too deep": File(
        "a.tar", tar(("a.tar", tar(("b.tar", tar(("c.jsonl", lines(ONE))))))), 0, ("!a.tar/b.tar: unknown_format",)
    ),
    "zip": File("a.json", b"PK\x03\x04" + bytes(100), 0, (": unknown_format",)),
    "more values than memory": File(
        "a.jsonl", lines(TWO, b'{"test_name":"x","test_keys":[' + b'{"":0},' * 310_000 + b"0]}"), 1, (":2: too_many",)
    ),
    "more redirects than can be counted": File(
        "a.jsonl", lines(_swapped(ONE, b'"requests": [', b'"requests": [' + b'{"failure":"x"},' * 40_000), TWO), 2
    ),
} | {
    f"numbers like {number[:25].decode()}": File("a.jsonl", lines(_numbers(number), TWO), 2)
    for number in (
        b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616",
        b"32767", b"-1", b"1e308", b"1e999", b"9" * 5000,
    )
} | {
    f"{packer} cut": File("a", pack(_LONG)[:-40], -1)
    for packer, pack in PACKERS.items()
}  # fmt: skip
