"""Law: a row of a CSV table ends where a line does, outside of quotes; a quote left open costs its line only."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from clampdown.intake.containers_bytes import (
    BLOCK,
    Fault,
    Gather,
    Limits,
    Long,
    Peeked,
    Place,
    Raw,
    broken_off,
    too_long,
)
from clampdown.intake.containers_rows import KEY, MOST_ROWS, ROW, Groups, Table, columns_of, kind_of
from clampdown.model import Reject

# A quoted cell of these tables never holds a line feed; one that does is waited for this long, then given up.
_MOST_LINES: Final = 20
_DELIMITERS: Final = (",", "\t", ";")
_HEAD: Final = 1 << 16


def csv_columns(head: bytes) -> tuple[str, ...] | None:
    """The columns that the first line of a text names; None where it is no head of a table."""
    found = _head_of(head[:_HEAD].lstrip(b"\r\n ").partition(b"\n")[0])
    return None if found is None else found[1]


def _head_of(line: bytes) -> tuple[str, tuple[str, ...]] | None:
    """(delimiter, columns) of a head; None where the line is none."""
    try:
        text = line.strip().decode("utf-8")
    except UnicodeDecodeError:
        return None
    for delimiter in _DELIMITERS:
        if text.count(delimiter) >= 2:
            columns = columns_of(_cells(text, delimiter) or ())
            if columns is not None:
                return delimiter, columns
    return None


def _cells(text: str, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text], delimiter=delimiter))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def read_csv(reader: Peeked, place: Place, limits: Limits) -> Iterator[Raw | Reject]:
    """A record per measurement. A head that stands in the file once more (files put together) begins anew."""
    groups = Groups(place, "csv", limits)
    head, at, sign = b"", 0, b","
    for found, line in _rows(_lines(reader, limits)):
        if isinstance(found, _Cut):
            yield from groups.close()
            yield broken_off(place, line, found.rest, found.fault)
            return
        if isinstance(found, Long):
            yield too_long(place, line, found, min(limits.record, ROW))
            continue
        if not head or (KEY.encode() in found and found != head):
            shape = _head_of(found)
            if shape is not None and kind_of(shape[1]) is not None:
                head, at, sign = found, shape[1].index(KEY), shape[0].encode()
                yield from groups.head(head)
                continue
        if found != head:
            yield from groups.add(_key(found, at, sign), found, line)
    yield from groups.close()


def _key(row: bytes, at: int, sign: bytes) -> str | None:
    if b'"' not in row:
        cells = row.split(sign, at + 1)
        found = cells[at].decode("utf-8", "replace") if len(cells) > at else None
    else:
        texts = _cells(row.decode("utf-8", "replace"), sign.decode())
        found = texts[at] if texts is not None and len(texts) > at else None
    return found


class _Cut(NamedTuple):
    """The stream ended before its time: what it cut, and why."""

    rest: bytes | Long | None
    fault: Fault


_Found = bytes | Long | _Cut


def _rows(lines: Iterable[tuple[_Found, int]]) -> Iterator[tuple[_Found, int]]:
    """Each row and its line; at the end what was cut and by which fault."""
    held: deque[tuple[bytes, int]] = deque()
    odd = size = 0  # quotes and bytes in what is held
    for found, line in lines:
        if not isinstance(found, bytes):
            while held:
                yield held.popleft()
            odd = size = 0
            yield found, line
            continue
        quotes = found.count(b'"')
        if not held and not quotes & 1:
            if found:
                yield found, line
            continue
        held.append((found, line))
        odd += quotes
        size += len(found)
        while held and (not odd & 1 or len(held) > _MOST_LINES or size > ROW):
            if odd & 1:  # given up: the first line stands alone
                text, at = held.popleft()
                odd, size = odd - text.count(b'"'), size - len(text)
                yield text, at
                while held and not held[0][0].count(b'"') & 1:
                    text, at = held.popleft()
                    odd, size = odd - text.count(b'"'), size - len(text)
                    if text:
                        yield text, at
            else:
                yield b"\n".join(text for text, _ in held), held[0][1]
                held.clear()
                odd = size = 0
    yield from held


def _lines(reader: Peeked, limits: Limits) -> Iterator[tuple[_Found, int]]:
    limit = min(limits.record, ROW)
    gather = Gather(limit)
    number = 1
    rest = b""
    while block := reader.read(BLOCK):
        lines = block.split(b"\n")
        if len(lines) == 1:
            gather.add(rest + block)
            rest = b""
            continue
        gather.add(rest + lines[0])
        found = gather.finish()
        yield found.strip(b"\r") if isinstance(found, bytes) else found, number
        for line in lines[1:-1]:
            number += 1
            if len(line) > limit:
                gather.add(line)
                yield gather.finish(), number
            else:
                yield line.rstrip(b"\r"), number
        rest = lines[-1]
        number += 1
    gather.add(rest)
    found = gather.finish()
    fault = reader.fault
    if fault is None:
        if found:
            yield found, number
    elif not fault.told:
        yield _Cut(found or None, fault), number


def csv_table(raw: Raw) -> Table:
    """The cells of a record; a row of another width costs that row."""
    head, _, body = raw.data.partition(b"\n")
    shape = _head_of(head)
    if shape is None:
        return Table((), [], ("row",))
    delimiter, columns = shape
    notes: set[str] = set()
    rows: list[Sequence[str | None]] = []
    for found, _ in _rows((line, 0) for line in body.split(b"\n")):
        text = found.decode("utf-8", "replace") if isinstance(found, bytes) else ""
        row = _cells(text, delimiter)
        if row is None or len(row) != len(columns):
            notes.add("row")
            continue
        if "\ufffd" in text:
            notes.add("record:encoding")
        rows.append(row)
        if len(rows) > MOST_ROWS:
            break
    return Table(columns, rows, tuple(sorted(notes)))
