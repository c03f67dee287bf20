"""Law: a file that a source of signals takes is handed over whole, wherever it lies; what lies beside it is read."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from clampdown.intake.containers import Limits, Opened, Raw, records, refused
from clampdown.model import Reject

MRT = b"\0\0MRT" + bytes(range(256)) * 3000
LINE = b'{"test_name": "web_connectivity"}\n'


@dataclass
class Taker:
    name: str
    mark: bytes
    seen: int = 0

    def sniff(self, head: bytes) -> bool:
        self.seen = max(self.seen, len(head))
        return head.startswith(self.mark)


def tar(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def told(data: bytes, most: int = -1, limits: Limits | None = None, file: str = "f") -> list[tuple[Any, ...]]:
    """What comes out; `most` is how much of each whole file its reader takes."""
    takers = (Taker("other", b"#other"), Taker("mrt", b"\0\0MRT"), Taker("mine", b"#mine"))
    made: list[tuple[Any, ...]] = []
    for found in records(io.BytesIO(data), file, limits or Limits(), takers):
        if isinstance(found, Opened):
            blocks = iter(partial(found.reader.read, 1 << 16), b"")
            text = b"".join(blocks) if most < 0 else found.reader.read(most)
            made.append((found.source, found.place.member, text))
        else:
            made.append(("raw", found.member, found.data) if isinstance(found, Raw) else ("reject", found.reason))
    assert all(taker.seen <= 1 << 16 for taker in takers)
    return made


@pytest.mark.parametrize("most", [-1, 0, 7])
def test_whole_files_packed_or_plain_and_in_archives(most: int) -> None:
    text = b"#mine\n" + b"1,2\n" * 100_000
    cut = slice(None) if most < 0 else slice(0, most)
    for packed in (text, gzip.compress(text), bz2.compress(text[:9]) + bz2.compress(text[9:]), b"\xef\xbb\xbf" + text):
        assert told(packed, most) == [("mine", None, text[cut])]
    assert told(MRT, most) == told(bz2.compress(MRT), most) == [("mrt", None, MRT[cut])]
    data = tar(("a.json", LINE), ("b.gz", gzip.compress(text)), ("c", MRT), ("d.json", LINE), ("e", text))
    assert told(gzip.compress(data), most) == [
        ("raw", "a.json", LINE.strip()),
        ("mine", "b.gz", text[cut]),
        ("mrt", "c", MRT[cut]),
        ("raw", "d.json", LINE.strip()),
        ("mine", "e", text[cut]),
    ]


def test_without_a_source_nothing_is_taken() -> None:
    (found,) = records(io.BytesIO(MRT), "f")
    assert isinstance(found, Reject)
    assert found.reason == "unknown_format"
    assert told(b"") == [("reject", "empty")]


@pytest.mark.parametrize("most", [-1, 3])
def test_a_break_is_told_once(most: int) -> None:
    """A reader that says nothing of it leaves it to the container; in an archive, the archive says no more."""
    text = b"#mine\n" + bytes(hashlib.shake_256(b"x").digest(200_000))
    for packed, reason in ((bz2.compress(text)[:-9], "truncated"), (gzip.compress(text)[:-300], "truncated")):
        found = told(packed, most)
        assert [one[0] for one in found] == ["mine", "reject"]
        assert found[1] == ("reject", reason)
    bomb = bz2.compress(b"#mine\n" + b"0" * (64 << 20))
    small = Limits(expansion_floor=1 << 21)
    assert [one[:2] for one in told(bomb, most, small)] == [("mine", None), ("reject", "expansion")]
    inside = told(tar(("a", text), ("b", text))[:-200_000], most)
    assert [one[0] for one in inside] == ["mine", "mine", "reject"]


def test_a_file_that_nobody_here_can_use_is_one_reject_with_its_digest() -> None:
    for found in records(io.BytesIO(MRT), "f", Limits(), [Taker("mrt", MRT[:3])]):
        assert isinstance(found, Opened)
        said = refused(found, "signals", "why")
        assert (said.reason, said.detail, said.length) == ("signals", "why", len(MRT))
        assert said.digest == hashlib.sha256(MRT).hexdigest()
