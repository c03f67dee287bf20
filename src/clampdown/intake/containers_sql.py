"""Law: SQL text is read as text: nothing of it is executed, and what is not a tuple of plain values is not a row.

`INSERT INTO table (columns) VALUES (...), (...);` as database shells write it. A tuple ends at its bracket outside of
quotes; one that runs into the next (a quote that never closes) costs itself only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from clampdown.intake.containers_bytes import BLOCK, Limits, Peeked, Place, Raw, broken_off, digest
from clampdown.intake.containers_rows import KEY, MOST_ROWS, ROW, Groups, Table, columns_of, kind_of, missing
from clampdown.model import Reject

_BEGIN: Final = re.compile(rb"\s*(?:--|/\*|INSERT\s|CREATE\s|SET\s|BEGIN\b|START\s|USE\s|DROP\s|LOCK\s)", re.IGNORECASE)
_INSERT: Final = re.compile(
    rb"(?<![\w'`\"])INSERT\s+INTO\s+[\w.`\"\[\]]{1,200}\s*\(([^()]{1,60000})\)\s*(?:FORMAT\s+)?VALUES\b", re.IGNORECASE
)
_PLAIN: Final = rb"(?:[^'()]++|'(?:[^'\\]++|\\.|'')*+')"
_TUPLE: Final = re.compile(rb"\((?:" + _PLAIN + rb"|\(" + _PLAIN + rb"*+\))*+\)", re.DOTALL)
_NEXT: Final = re.compile(rb"\n[ \t\r\n,]{0,64}\(")  # the next tuple on a line of its own
_VALUE: Final = re.compile(
    r"\s*+(?:'((?:[^'\\]++|\\.|'')*+)'|([^,'()\[\]]*+)|(\[[^\]]*+\]|[^,]*?\([^)]*+\)))\s*+(?:,|\Z)", re.DOTALL
)
_ESCAPE: Final = re.compile(r"\\(.)|''", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "", "b": ""}


def sql_columns(head: bytes) -> tuple[str, ...] | None:
    """The columns that the first statement of a text inserts; None where the text is no such thing."""
    if _BEGIN.match(head) is None:
        return None
    found = _INSERT.search(head)
    return None if found is None else _columns(found)


def _columns(found: re.Match[bytes]) -> tuple[str, ...] | None:
    names = found[1].decode("utf-8", "replace").split(",")
    return columns_of([name.strip().strip('`"[]') for name in names])


class _Text:
    """The text that was read and not yet used, and its line."""

    def __init__(self, reader: Peeked) -> None:
        self._reader = reader
        self.data = b""
        self.at = 0
        self.line = 1
        self.ended = False

    @property
    def fault(self) -> bool:
        """Whether the stream ended before its time."""
        return self._reader.fault is not None

    def more(self) -> bool:
        """Read on; False at the end."""
        block = b"" if self.ended else self._reader.read(BLOCK)
        self.data = self.data[self.at :] + block
        self.at = 0
        self.ended = not block
        return bool(block)

    def take(self, end: int) -> bytes:
        """The text up to there."""
        found = self.data[self.at : end]
        self.line += found.count(b"\n")
        self.at = end
        return found

    def left(self) -> int:
        """Bytes at hand."""
        return len(self.data) - self.at


def read_sql(reader: Peeked, place: Place, limits: Limits) -> Iterator[Raw | Reject]:
    """A record per measurement; text that belongs to no statement with values is passed over."""
    text = _Text(reader)
    groups = Groups(place, "sql", limits)
    while (head := _statement(text)) is not None:
        columns = _columns(head)
        if columns is None or kind_of(columns) is None:
            detail = missing(columns or ())
            found = head[0]
            yield Reject(*place, text.line, digest(found), len(found), "not_a_measurement", detail)
            continue
        yield from groups.head(head[0])
        yield from _tuples(text, place, groups, columns)
    yield from groups.close()
    fault = reader.fault
    if fault is not None and not fault.told:
        yield broken_off(place, text.line, text.take(len(text.data)), fault)


def _statement(text: _Text) -> re.Match[bytes] | None:
    """The next head; the text stands behind it."""
    while True:
        found = _INSERT.search(text.data, text.at)
        if found is not None:
            text.take(found.end())
            return found
        if text.left() > ROW:  # a head may have begun in the last bytes
            text.take(len(text.data) - (1 << 16))
        if not text.more():
            return None


def _tuples(text: _Text, place: Place, groups: Groups, columns: Sequence[str]) -> Iterator[Raw | Reject]:
    """The tuples of one statement, up to its end."""
    at = columns.index(KEY)
    while True:
        if not _skip(text):
            return
        mark = text.data[text.at]
        if mark != 0x28:  # `;`, ON DUPLICATE KEY, another statement
            return
        found, line, whole = _tuple(text)
        if found is None:
            return
        values = _values(found) if whole else None
        if values is None or len(values) != len(columns):
            detail = f"a tuple that does not hold {len(columns)} values"
            yield Reject(*place, line, digest(found), len(found), "not_a_measurement", detail)
            continue
        yield from groups.add(values[at], found, line)


def _skip(text: _Text) -> bool:
    """To the next mark that is no comma and no white space; False at the end of the text."""
    while True:
        end, data = text.at, text.data
        while end < len(data) and data[end] in b" \t\r\n,":
            end += 1
        text.take(end)
        if end < len(data):
            return True
        if not text.more():
            return False


def _tuple(text: _Text) -> tuple[bytes | None, int, bool]:
    """(text, line, is it whole) of the tuple that begins here; no text where the stream broke off inside it."""
    while True:
        line = text.line
        found = _TUPLE.match(text.data, text.at)
        broken = _NEXT.search(text.data, text.at + 1, found.end() if found else len(text.data))
        if broken is not None and (found is None or broken.end() < found.end()):
            return text.take(broken.start()).strip(), line, False
        if found is not None:
            return text.take(found.end()), line, True
        if text.left() > ROW:
            return text.take(len(text.data)), line, False
        if not text.more():
            if text.fault:
                return None, line, False
            return text.take(len(text.data)).strip(), line, False


def _values(found: bytes) -> list[str | None] | None:
    """The values of a tuple as text; None where it holds anything else."""
    text = found[1:-1].decode("utf-8", "replace")
    values: list[str | None] = []
    at = 0
    while at < len(text):
        value = _VALUE.match(text, at)
        if value is None or value.end() == at:
            return None
        quoted, bare, other = value.groups()
        if quoted is not None:
            values.append(_ESCAPE.sub(_escaped, quoted) if "\\" in quoted or "''" in quoted else quoted)
        else:
            plain = (bare if bare is not None else other).strip()
            values.append(None if plain.upper() == "NULL" or not plain else plain)
        at = value.end()
    return values


def _escaped(found: re.Match[str]) -> str:
    mark = found[1]
    return "'" if mark is None else _ESCAPED.get(mark, mark)


def sql_table(raw: Raw) -> Table:
    """The values of a record's tuples; one that cannot be read costs itself."""
    head = _INSERT.match(raw.data)
    columns = _columns(head) if head is not None else None
    if head is None or columns is None:
        return Table((), [], ("row",))
    rows: list[Sequence[str | None]] = []
    notes: set[str] = set()
    for found in islice(_TUPLE.finditer(raw.data, head.end()), MOST_ROWS + 1):
        values = _values(found[0])
        if values is None or len(values) != len(columns):
            notes.add("row")
            continue
        rows.append(values)
        if any(value is not None and "\ufffd" in value for value in values):
            notes.add("record:encoding")
    return Table(columns, rows, tuple(sorted(notes)))
