"""Law: a row of a CSV table ends at a line's end outside of quotes; a quote that never closes costs its own line only."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import Final

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
from clampdown.intake.containers_rows import KEY, Groups, Table, columns_of, kind_of
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
    for found, line in _rows(reader, limits):
        if isinstance(found, Fault):
            yield from groups.close()
            yield broken_off(place, None, None, found)
            return
        if isinstance(found, tuple):
            yield from groups.close()
            rest, fault = found
            yield broken_off(place, line, rest, fault)
            return
        if isinstance(found, Long):
            yield too_long(place, line, found, limits.record)
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
    return None if found is None or found in ("", "\\N") else found


_Found = bytes | Long | Fault | tuple[bytes | Long, Fault]


def _rows(reader: Peeked, limits: Limits) -> Iterator[tuple[_Found, int]]:
    """Each row and its line; at the end what was cut and by which fault."""
    held: deque[tuple[bytes, int]] = deque()
    odd = 0  # quotes in what is held
    for found, line in _lines(reader, limits):
        if not isinstance(found, bytes):
            while held:
                yield held.popleft()
            odd = 0
            yield found, line
            continue
        quotes = found.count(b'"')
        if not held and not quotes & 1:
            if found:
                yield found, line
            continue
        held.append((found, line))
        odd += quotes
        while held and (not odd & 1 or len(held) > _MOST_LINES):
            if odd & 1:  # given up: the first line stands alone
                text, at = held.popleft()
                odd -= text.count(b'"')
                yield text, at
                while held and not held[0][0].count(b'"') & 1:
                    text, at = held.popleft()
                    odd -= text.count(b'"')
                    if text:
                        yield text, at
            else:
                yield b"\n".join(text for text, _ in held), held[0][1]
                held.clear()
                odd = 0
    yield from held


def _lines(reader: Peeked, limits: Limits) -> Iterator[tuple[_Found, int]]:
    gather = Gather(limits.record)
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
            if len(line) > limits.record:
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
        yield (found, fault) if found else fault, number


def csv_table(raw: Raw) -> Table:
    """The cells of a record; a row of another width costs that row."""
    text = raw.data.decode("utf-8", "replace")
    notes = {"record:encoding"} if "\ufffd" in text else set[str]()
    head, _, body = text.partition("\n")
    shape = _head_of(head.encode())
    if shape is None:
        return Table((), [], ("row",))
    delimiter, columns = shape
    rows: list[list[str]] = []
    try:
        rows = list(csv.reader(body.splitlines(keepends=True), delimiter=delimiter))
    except csv.Error:
        notes.add("row")
        rows = [cells for line in body.split("\n") if (cells := _cells(line, delimiter)) is not None]
    whole = [row for row in rows if len(row) == len(columns)]
    if len(whole) < len(rows):
        notes.add("row")
    return Table(columns, list(whole), tuple(sorted(notes)))
