"""Law: every byte of a file ends in a record or in a reject that says where and why; nothing is read twice or guessed.

Bytes to records, in passing: packers (gzip, bzip2, zstd, LZ4), archives (tar, and packed files or one more tar
inside), and texts (a record per line, JSON values over several lines or in an array, legacy YAML reports, CSV tables,
SQL text) are told by content and never by name. A file (or member) that a source of signals takes is handed over
whole. The caller opened the stream; nothing here opens, writes or fetches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol, overload

from clampdown.intake.containers_bytes import (
    BLOCK,
    DEFAULT,
    WHITE,
    Fault,
    Gather,
    Limits,
    Meter,
    Opened,
    Peeked,
    Place,
    Raw,
    Reader,
    Tap,
    broken_off,
    digest,
    reject,
)
from clampdown.intake.containers_csv import csv_columns, csv_table, read_csv
from clampdown.intake.containers_decode import Decoded, canonical_id, decode, decode_noting
from clampdown.intake.containers_expand import OTHERS, Unpacked, packer_of
from clampdown.intake.containers_rows import MOST_ROWS, NULLS, OBSERVATIONS, SCORES, Table, kind_of, missing
from clampdown.intake.containers_sql import read_sql, sql_columns, sql_table
from clampdown.intake.containers_tar import is_tar, members
from clampdown.intake.containers_text import (
    CROWD_BYTES,
    WINDOW,
    crowded,
    read_lines,
    read_values,
    read_yaml,
    shape_of,
    too_deep,
)
from clampdown.model import Reject

__all__ = [
    "CROWD_BYTES", "MOST_ROWS", "NULLS", "OBSERVATIONS", "SCORES", "Decoded", "Limits", "Opened", "Raw", "Table",
    "canonical_id", "crowded", "decode", "decode_noting", "digest", "records", "refused", "reject", "table",
    "table_kind", "too_deep",
]  # fmt: skip

_LAYERS: Final = 4  # packers around one text: a packed file in a packed archive and one to spare
_ARCHIVES: Final = 2  # a tar may hold tars, and these hold files
_SHAPES: Final = {"lines": read_lines, "values": read_values, "yaml": read_yaml, "csv": read_csv, "sql": read_sql}
_HEAD: Final = 1 << 16  # bytes that a source of signals is shown
_PAGE: Final = re.compile(rb"\s*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")


class Taker(Protocol):
    """Who takes whole files: a name, and whether the first bytes are such a file's."""

    @property
    def name(self) -> str: ...

    @property
    def sniff(self) -> Callable[[bytes], bool]: ...


@dataclass(frozen=True, slots=True)
class _Means:
    """What the reading of one file shares with that of its members."""

    limits: Limits
    meter: Meter
    sources: Sequence[Taker]


@overload
def records(stream: BinaryIO, name: str, limits: Limits = DEFAULT) -> Iterator[Raw | Reject]: ...


@overload
def records(
    stream: BinaryIO, name: str, limits: Limits, sources: Sequence[Taker]
) -> Iterator[Raw | Reject | Opened]: ...


def records(
    stream: BinaryIO, name: str, limits: Limits = DEFAULT, sources: Sequence[Taker] = ()
) -> Iterator[Raw | Reject | Opened]:
    """Every record of an open file, in its order; `name` is what a locator shows, never a directory of this machine.

    What one of the sources takes comes out as `Opened`: it is read before the next one is asked for, and what was not
    read of it by then is passed over.
    """
    means = _Means(limits, Meter(limits), sources)
    yield from _text(Tap(stream, means.meter), Place(name, None), means, _ARCHIVES)


def _text(source: Reader, place: Place, means: _Means, archives: int) -> Iterator[Raw | Reject | Opened]:
    """The records of a file or member, whatever it is wrapped in."""
    reader = Peeked(source)
    for _ in range(_LAYERS):
        packer = packer_of(reader.peek(4))
        if packer is None:
            break
        reader = Peeked(Unpacked(reader, packer, means.meter))
    head = reader.peek(512)
    if is_tar(head):
        yield from _archive(reader, place, means, archives)
        return
    if head.startswith(b"\xef\xbb\xbf"):
        reader.drop(3)
    head = reader.peek(WINDOW)
    if not head.strip(WHITE + b"\0") and reader.ended:
        yield _nothing(reader.fault, place)
        return
    taker = next((each.name for each in means.sources if each.sniff(head[:_HEAD])), None)
    found: Raw | Reject | Opened | None = None
    for found in _records(reader, place, means.limits, head) if taker is None else _taken(taker, reader, place):
        yield found
    if found is None:
        yield _nothing(reader.fault, place)


def _taken(taker: str, reader: Peeked, place: Place) -> Iterator[Opened | Reject]:
    """The whole text for whom it is; a fault that was not told by then is told here."""
    yield Opened(taker, reader, place)
    while reader.read(BLOCK):
        pass
    if reader.fault is not None and not reader.fault.told:
        yield broken_off(place, None, None, reader.fault)


def _records(reader: Peeked, place: Place, limits: Limits, head: bytes) -> Iterator[Raw | Reject]:
    """The records of a text that nobody takes as a whole."""
    problem = _foreign(head)
    if problem is not None:
        yield _whole(reader, place, Fault("unknown_format", problem))
        return
    shape, columns = _table(head)
    if columns is not None and kind_of(columns) is None:
        yield _whole(reader, place, Fault("not_a_measurement", missing(columns)))
        return
    if columns is None and (strange := _strange(head)) is not None:
        yield _whole(reader, place, Fault("unknown_format", strange))
        return
    yield from _SHAPES[shape or shape_of(head)](reader, place, limits)


def _strange(head: bytes) -> str | None:
    """A table of which nothing here knows the columns: said once, and not row by row as broken JSON."""
    lines = [line for line in head.split(b"\n")[:3] if line.strip()]
    if len(lines) < 2 or lines[0].lstrip(WHITE)[:1] in (b"{", b"[", b"-", b"#", b"%"):
        return None
    for mark in (b",", b"\t", b";"):
        counts = {line.count(mark) for line in lines}
        if counts and counts != {0} and len(counts) == 1 and b": " not in lines[0]:
            names = lines[0].strip().decode("utf-8", "replace")[:200]
            return f"a table that nothing here reads; its columns are {names} (docs/signal-tables.md names those known)"
    return None


def _table(head: bytes) -> tuple[str | None, tuple[str, ...] | None]:
    """The shape of a text that is a table, and its columns; nothing where it is none."""
    if head.lstrip(WHITE)[:1] in (b"{", b"["):
        return None, None
    for shape, columns in (("sql", sql_columns(head)), ("csv", csv_columns(head))):
        if columns is not None:
            return shape, columns
    return None, None


def table(raw: Raw) -> Table:
    """The rows of a record of a table."""
    return sql_table(raw) if raw.form == "sql" else csv_table(raw)


def table_kind(data: bytes) -> str | None:
    """What the rows of a record speak of, told by its head; None where it is no record of a table."""
    columns = _table(data)[1]
    return None if columns is None else kind_of(columns)


def _nothing(fault: Fault | None, place: Place) -> Reject:
    return broken_off(place, None, None, fault or Fault("empty", "there is nothing in it"))


def refused(opened: Opened, reason: str, detail: str) -> Reject:
    """One reject for a whole file of signals that nobody here can use."""
    return _whole(opened.reader, opened.place, Fault(reason, detail))


def _whole(reader: Reader, place: Place, fault: Fault) -> Reject:
    """One reject for everything that is left: its length and digest are taken as it streams past."""
    gather = Gather(0)
    while block := reader.read(BLOCK):
        gather.add(block)
    return broken_off(place, None, gather.finish(), reader.fault or fault)


def _foreign(head: bytes) -> str | None:
    """What this is, where it is no text that could hold records."""
    for magic, packer in OTHERS:
        if head.startswith(magic):
            return f"packed by {packer}; unpack it first"
    if packer_of(head[:4]) is not None:
        return "packed more often than a measurement file ever is"
    if head.startswith(_WIDE):
        return "text in UTF-16; convert it to UTF-8"
    if _PAGE.match(head):
        return "a web page, not data: was it saved from a browser, or is it a server's error?"
    return "neither JSON nor YAML" if shape_of(head) == "binary" else None


def _archive(reader: Peeked, place: Place, means: _Means, archives: int) -> Iterator[Raw | Reject | Opened]:
    if archives == 0:
        yield _whole(reader, place, Fault("unknown_format", "an archive in an archive in an archive"))
        return
    for found in members(reader, place, means.limits):
        if isinstance(found, Reject):
            yield found
            continue
        name, part = found
        where = name if place.member is None else f"{place.member}/{name}"
        # What a reader leaves behind (bytes after a fault) the archive skips; a fault is told once, by who meets it.
        yield from _text(part, Place(place.file, where), means, archives - 1)
        if means.meter.fault() is not None:
            return
