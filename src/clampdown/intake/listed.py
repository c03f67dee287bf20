"""Law: a row of a list is found by the words of its columns, with its line; what is no row says so, and costs itself.

For tables of a few thousand rows, published or exported: the whole text is held, a cell may hold line feeds, and
columns without a name at the end (spreadsheets leave hundreds) are nothing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from clampdown.intake.containers_bytes import BLOCK, DEFAULT, Reader
from clampdown.intake.documents import drain, opened
from clampdown.intake.levels import Digested, LevelRows, Opened
from clampdown.model import Batch

Columns = Mapping[str, tuple[str, ...]]  # our name -> what the column may be called
_WORD: Final = re.compile(r"[^\W_]+")
_SIGNS: Final = (",", "\t", ";")
_MOST_LINES: Final = 20  # of one row


class Row(NamedTuple):
    """One row: its line, its cells by column, and its bytes as found (for the digest of a reject)."""

    line: int
    cells: Mapping[str, str]
    data: bytes


class Listing(NamedTuple):
    """A table: its columns as named, in order, and its rows."""

    columns: tuple[str, ...]
    rows: Iterator[Row]


def words(name: str) -> str:
    """The words of a column's name: `Begin time ` and `begin_time` are one."""
    return " ".join(_WORD.findall(name.replace("\ufeff", "").lower()))


def head_of(head: bytes) -> tuple[str, tuple[str, ...]] | None:
    """(delimiter, columns) of the first line; None where it is no head of a table."""
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n ").partition(b"\n")[0]
    if line[:1] in (b"{", b"["):
        return None  # JSON: to look for columns in it cost more than to read it
    try:
        text = line.decode("utf-8").strip("\r")
    except UnicodeDecodeError:
        return None
    sign = max(_SIGNS, key=text.count)
    if text.count(sign) < 1:
        return None
    try:
        cells = next(iter(csv.reader([text], delimiter=sign)), [])
    except csv.Error:
        return None
    while cells and not cells[-1].strip():
        cells.pop()
    return sign, tuple(cell.strip() for cell in cells)


def listing(reader: Reader, rows: LevelRows, fits: Callable[[tuple[str, ...]], bool]) -> Listing | None:
    """The table of a text; None, with a reject, where there is none with columns that fit."""
    text = opened(reader, rows)
    if text is None:
        return None
    blocks: list[bytes] = []
    size = 0
    while block := text.read(BLOCK):
        size += len(block)
        if size > DEFAULT.record:
            drain(text)
            rows.reject(None, "too_long", f"the table is longer than the limit of {DEFAULT.record} bytes; split it")
            return None
        blocks.append(block)
    fault = text.fault
    if fault is not None:
        fault.told = True
    data = b"".join(blocks)
    head = head_of(data)
    if head is None or not fits(head[1]):
        rows.reject(None, "unknown_format", "the first line does not name the columns of such a table")
        return None
    return Listing(
        head[1], _rows(data, head[0], head[1], rows, None if fault is None else (fault.reason, fault.detail))
    )


def _rows(
    data: bytes, sign: str, columns: tuple[str, ...], rows: LevelRows, fault: tuple[str, str] | None
) -> Iterator[Row]:
    text = data.decode("utf-8", "replace")
    lines = text.split("\n")
    if fault is not None and lines:
        rows.reject(len(lines) if lines[-1] else None, *fault)
        lines.pop()  # the last line may have lost its end
    head = seen = False
    for line, row in _joined(lines, rows):
        try:
            cells = [cell.strip() for cell in next(iter(csv.reader(io.StringIO(row, newline=""), delimiter=sign)), [])]
        except csv.Error as error:
            seen = True
            rows.reject(line, "bad_row", f"not a row of a table: {error}", row.encode())
            continue
        if not any(cells):
            continue
        if not head or tuple(cells[: len(columns)]) == columns:
            head = True  # files put together bring their head again
            continue
        seen = True
        if len(cells) < len(columns) or any(cells[len(columns) :]):
            rows.reject(line, "bad_row", f"{len(cells)} cells where the head names {len(columns)}", row.encode())
            continue
        yield Row(line, dict(zip(columns, cells[: len(columns)], strict=True)), row.encode())
    if not seen and fault is None:
        rows.reject(None, "no_data", "a head without rows: holds no data")


def _joined(lines: list[str], rows: LevelRows) -> Iterator[tuple[int, str]]:
    """Rows with their lines; a quote that is left open costs its line only."""
    at = 0
    while at < len(lines):
        row, taken = lines[at], 1
        while row.count('"') & 1 and taken < _MOST_LINES and at + taken < len(lines):
            row += "\n" + lines[at + taken]
            taken += 1
        if row.count('"') & 1:
            rows.reject(at + 1, "bad_row", "a quote is left open", lines[at].encode())
            taken = 1
        else:
            yield at + 1, row.strip("\r")
        at += taken


def column(columns: tuple[str, ...], *choices: str) -> str | None:
    """The first column whose words are one of the choices, or that begins with a choice that ends in `*`."""
    named = {words(name): name for name in reversed(columns)}
    for choice in choices:
        if choice.endswith("*"):
            for plain in sorted(named):
                if plain.startswith(choice[:-1]):
                    return named[plain]
        elif choice in named:
            return named[choice]
    return None


def named(columns: tuple[str, ...], known: Columns) -> dict[str, str]:
    """Our name -> the column that goes by it; what no column says is left out."""
    found = {key: column(columns, *choices) for key, choices in known.items()}
    return {key: name for key, name in found.items() if name is not None}


def published(
    opened: Opened,
    known: Columns,
    fits: Callable[[tuple[str, ...]], bool],
    publish: Callable[[Mapping[str, str], Row, LevelRows], None],
) -> Iterator[Batch]:
    """The rows of a list, each given to `publish` with its cells under our names."""
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    table = listing(reader, rows, fits)
    if table is not None:
        names = named(table.columns, known)
        for row in table.rows:
            publish({key: row.cells[name] for key, name in names.items()}, row, rows)
    yield from rows.finish(reader.digest())
