"""Law: a table in a text is read row by row; what cannot be a row is told with its line and costs that line alone.

The head is the first line that is neither empty nor a remark (`#`). Cells are divided by a comma, a semicolon or a tab.
A cell in quotes may go over a few lines; a quote that is left open costs its line only.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from clampdown.intake.containers_bytes import BLOCK, Gather, Long, Place, Reader, broken_off
from clampdown.intake.levels import LevelRows

# How tables write that there is no value. `NA` is not among them where countries stand: it is Namibia.
NO_VALUE: Final = frozenset({"", "nan", "null", "none", "na", "n/a", "<na>", "\\n"})
PAUSE: Final = 1 << 12  # rows after which a reader asks whether batches are due
_DELIMITERS: Final = (",", ";", "\t")
_LINE: Final = 1 << 16  # bytes of one line; real ones hold a few hundred
_MOST_LINES: Final = 20  # that one cell in quotes may go over
_MOST_COLUMNS: Final = 500
_BOM: Final = b"\xef\xbb\xbf"


class Head(NamedTuple):
    """The head of a table."""

    delimiter: str
    columns: tuple[str, ...]  # in lower case, without white space around them


class Bad(NamedTuple):
    """What cannot be a row, or is no table at all."""

    reason: str
    detail: str


class Row(NamedTuple):
    """One row with its line; where it is bad, `cells` are empty."""

    line: int
    cells: list[str]
    raw: bytes
    bad: Bad | None = None


def head_of(head: bytes) -> Head | None:
    """The head that the first bytes of a text hold; None where they hold none."""
    for line in head.removeprefix(_BOM).split(b"\n", 1000)[:1000]:
        if line.strip() and not line.lstrip().startswith(b"#"):
            return _head(line.strip(b"\r"))
    return None


def _head(line: bytes) -> Head | None:
    if len(line) > _LINE or b"\0" in line:
        return None
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return None
    delimiter = max(_DELIMITERS, key=text.count)
    cells = _quoted(text, delimiter)
    if cells is None or not 2 <= len(cells) <= _MOST_COLUMNS:
        return None
    columns = tuple(cell.strip().lower() for cell in cells)
    named = [column for column in columns if column]
    return Head(delimiter, columns) if len(set(named)) == len(named) >= 2 else None


def _quoted(text: str, delimiter: str) -> list[str] | None:
    """The cells of a row with quotes."""
    try:
        rows = list(csv.reader(text.split("\n"), delimiter=delimiter))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


@dataclass(slots=True)
class Table:
    """A text that is read as a table; `problem` says why it is none."""

    reader: Reader
    head: Head | None = None
    problem: Bad | None = None
    head_line: int | None = None
    count: int = 0  # of rows, bad ones too
    rest: bytes | Long | None = None  # what a fault of the reader cut

    def rows(self) -> Iterator[Row]:
        """Each row. Nothing comes where there is no head; then `problem` is set."""
        lines = self._lines()
        for found, line in lines:
            plain = found if isinstance(found, bytes) else b""
            if isinstance(found, bytes) and (not plain.strip() or plain.lstrip().startswith(b"#")):
                continue
            self.head, self.head_line = _head(plain), line
            if self.head is None:
                self.problem = _no_head(found)
                for _ in lines:  # to its end, so that the digest is that of the whole
                    pass
                return
            yield from self._body(_joined(lines, self.head.delimiter), self.head, plain)
            break
        if self.count == 0:
            said = "there is nothing in it" if self.head is None else "there is a head and no row below it"
            self.problem = Bad("empty", said)

    def _body(self, lines: Iterable[tuple[bytes | Long, int]], head: Head, first: bytes) -> Iterator[Row]:
        width, delimiter = len(head.columns), head.delimiter
        for found, line in lines:
            if isinstance(found, Long):
                detail = f"a line of {found.length} bytes is no row of a table"
                row = Row(line, [], b"", Bad("too_long", detail))
            elif found == first:
                continue  # files that were put together
            else:
                row = _row(found, line, delimiter, width)
            self.count += 1
            yield row

    def _lines(self) -> Iterator[tuple[bytes | Long, int]]:
        """Lines that are not empty, each with its number; not the last one of a reader that ended before its time."""
        gather, number, rest, begun = Gather(_LINE), 0, b"", False
        long = False
        while block := self.reader.read(BLOCK):
            if not begun:
                block, begun = block.removeprefix(_BOM), True
            lines = block.split(b"\n")
            lines[0] = lines[0] if long else rest + lines[0]
            rest = lines.pop()
            for text in lines:
                number += 1
                if long or len(text) > _LINE:
                    gather.add(text)
                    yield _ended(gather), number
                    long = False
                elif text := text.rstrip(b"\r"):
                    yield text, number
            if long or len(rest) > _LINE:
                gather.add(rest)
                rest, long = b"", True
        last = _ended(gather) if long else rest.rstrip(b"\r")
        if self.reader.fault is not None:
            self.rest = last or None
        elif last:
            yield last, number + 1


def _ended(gather: Gather) -> Long:
    found = gather.finish()
    return found if isinstance(found, Long) else Long(len(found), "")


def _no_head(found: bytes | Long) -> Bad:
    if isinstance(found, Long):
        return Bad("unknown_format", f"its first line has {found.length} bytes: this is no table")
    if b"\0" in found:
        return Bad("unknown_format", "it holds zero bytes: no text, or text in UTF-16; save it as UTF-8")
    return Bad("unknown_format", "its first line is no head of a table: no names of columns, or one of them twice")


def _row(found: bytes, line: int, delimiter: str, width: int) -> Row:
    if b"\0" in found:
        return Row(line, [], found, Bad("damaged", "the row holds zero bytes"))
    text = found.decode("utf-8", "replace")
    if '"' in text:
        cells = None if _open(found, delimiter) else _quoted(text, delimiter)
        if cells is None:
            return Row(line, [], found, Bad("not_a_row", "a quote is left open"))
    else:
        cells = text.split(delimiter)
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) != width:
        return Row(line, [], found, Bad("not_a_row", f"it has {len(cells)} cells where the head names {width}"))
    return Row(line, cells, found)


def _joined(lines: Iterator[tuple[bytes | Long, int]], delimiter: str) -> Iterator[tuple[bytes | Long, int]]:
    """Lines put together where a quoted cell goes over their ends."""
    waiting: deque[tuple[bytes | Long, int]] = deque()
    while True:
        found, line = waiting.popleft() if waiting else next(lines, (None, 0))
        if found is None:
            return
        if isinstance(found, Long) or not found.count(b'"') & 1 or not _open(found, delimiter):
            yield found, line
            continue
        taken: list[tuple[bytes | Long, int]] = []
        whole = found
        while len(taken) < _MOST_LINES and len(whole) <= _LINE:
            more = waiting.popleft() if waiting else next(lines, None)
            if more is None:
                break
            taken.append(more)
            if isinstance(more[0], Long):
                break
            whole += b"\n" + more[0]
            if more[0].count(b'"') & 1 and not _open(whole, delimiter):
                taken = []
                break
        if taken:  # given up: each line stands alone
            waiting.extendleft(reversed(taken))
            whole = found
        yield whole, line


def _open(text: bytes, delimiter: str) -> bool:
    """Does a quote that the text opens swallow what would follow?"""
    try:
        return len(list(csv.reader([text.decode("utf-8", "replace") + "\n", "x"], delimiter=delimiter))) == 1
    except csv.Error:
        return False


def close(table: Table, rows: LevelRows, place: Place) -> None:
    """Say what was wrong with the file as a whole: no table, nothing in it, ended before its time."""
    fault = table.reader.fault
    if fault is not None and not fault.told:
        told = broken_off(place, None, table.rest, fault)
        rows.reject(told.line, told.reason, told.detail or told.reason, _bytes(table.rest))
        if table.problem is not None and table.problem.reason == "empty":
            return  # what there was, the fault cut
    if table.problem is not None:
        rows.reject(table.head_line, table.problem.reason, table.problem.detail)


def _bytes(rest: bytes | Long | None) -> bytes | None:
    return rest if isinstance(rest, bytes) else None


def places(columns: Sequence[str], *names: str) -> tuple[int, ...]:
    """Where the columns of these names stand; -1 for one that is not there."""
    return tuple(columns.index(name) if name in columns else -1 for name in names)
