"""Law: text is cut where records end and nowhere else, a block at a time, without understanding the records.

Three shapes: a record per line (the hot path: one copy per record and no parsing); JSON values over several lines, in
sequence or in an array (a walk over brackets and strings, without recursion); YAML documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from clampdown.intake.containers_bytes import (
    BLOCK,
    WHITE,
    Fault,
    Gather,
    Limits,
    Long,
    Peeked,
    Place,
    Raw,
    broken_off,
    deep,
    too_long,
)
from clampdown.model import Reject

WINDOW: Final = 1 << 18
_TOKEN: Final = re.compile(rb'"(?:[^"\\]*+(?:\\.[^"\\]*+)*+")?+|[\[\]{}]', re.DOTALL)
_STRING_END: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_STRUCTURE: Final = bytes(set(range(256)) - set(b'{}[]"'))
_NOT_OPENING: Final = bytes(set(range(256)) - set(b"{["))
_YAML: Final = re.compile(rb"(?:---(?:[ \t\r\n]|\Z)|%YAML|#|[A-Za-z_][A-Za-z0-9_]*:(?:[ \t\r\n]|\Z))")
_MARK: Final = re.compile(rb"(?:---(?:[ \t\r]|\Z)|\.\.\.[ \t\r]*\Z)")
# What is nested deep and written by a machine ends in a run of brackets. Records without one are not walked: what
# they may still hide is bounded by the decoder's own guard, and a full walk of each would cost more than decoding.
_RUN: Final = 128
_RUNS: Final = (b"}" * _RUN, b"]" * _RUN, b"}]" * (_RUN // 2), b"]}" * (_RUN // 2))
# Smaller records cannot hold enough values to matter; real ones of any size hold some thousands.
CROWD_BYTES: Final = 1 << 20
_MOST_OPENS: Final = 300_000
_MOST_COMMAS: Final = 2_000_000
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def shape_of(head: bytes) -> str:
    """`lines`, `values`, `yaml` or `binary`, told from the beginning of the text."""
    text = head.lstrip(WHITE)
    if text.startswith(b"["):
        return "values"
    if not text.startswith(b"{"):
        if _YAML.match(text):
            return "yaml"
        return "binary" if _BINARY.search(text[:512]) else "lines"
    first, end, rest = text.partition(b"\n")
    if not end or depth_of(first, len(first)) == 0:
        return "lines"
    # The first line is not whole: broken, or the beginning of a value over several lines. A line that begins a
    # record in its first column tells the two apart; inside a value only strings and brackets that close stand there.
    return "lines" if rest.lstrip(b"\r\n").startswith(b"{") else "values"


def depth_of(data: bytes, limit: int) -> int:
    """How many brackets stay open at the end of `data`; stops with the depth once it is beyond `limit`."""
    depth = 0
    for bracket in _skeleton(data):
        depth += 1 if bracket in b"{[" else -1
        if depth > limit:
            return depth
    return depth


def cannot_be_deep(data: bytes, limit: int) -> bool:
    """There are not even that many brackets, those in strings included."""
    return len(data.translate(None, _NOT_OPENING)) <= limit


def too_deep(data: bytes, limit: int) -> bool:
    """Is any bracket of this JSON text nested deeper than `limit`? Most records are cleared by counting."""
    if cannot_be_deep(data, limit):
        return False
    bones = _skeleton(data)
    return len(bones.translate(None, b"}]")) > limit and depth_of(bones, limit) > limit


def crowded(data: bytes) -> bool:
    """Does this JSON text hold more values than memory should be asked for? One of 3 bytes may take 100 built."""
    opens, commas = len(data.translate(None, _NOT_OPENING)), data.count(b",")
    if opens <= _MOST_OPENS and commas <= _MOST_COMMAS:
        return False
    data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    inside = opens = commas = 0
    for at in range(0, len(data), BLOCK):  # split as a whole, many short strings would fill the memory themselves
        parts = data[at : at + BLOCK].split(b'"')
        bare = b"".join(parts[inside::2])
        inside ^= (len(parts) - 1) & 1
        opens += len(bare.translate(None, _NOT_OPENING))
        commas += bare.count(b",")
        if opens > _MOST_OPENS or commas > _MOST_COMMAS:
            return True
    return False


def _skeleton(data: bytes) -> bytes:
    """The brackets outside of strings. Four passes in C; a walk in Python would cost more than decoding."""
    data = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE)
    return b"".join(data.split(b'"')[::2])


def _suspicious(text: bytes, limit: int) -> bool:
    objects, arrays, ends, more = _RUNS
    return objects in text or arrays in text or ends in text or more in text or limit < _RUN + 64


def _piece(found: bytes | Long, place: Place, line: int | None, form: str, limits: Limits) -> Raw | Reject | None:
    if isinstance(found, Long):
        return too_long(place, line, found, limits.record)
    if len(found) > limits.record:
        gather = Gather(limits.record)
        gather.add(found)
        return _piece(gather.finish(), place, line, form, limits)
    if form == "json" and _suspicious(found, limits.nesting) and too_deep(found, limits.nesting):
        return deep(Raw(found, place.file, place.member, line, form), limits.nesting)
    return Raw(found, place.file, place.member, line, form) if found else None


def _last(
    found: bytes | Long, place: Place, line: int | None, limits: Limits, fault: Fault | None
) -> Iterator[Raw | Reject]:
    """The end of the text: what came after the last record's end, and why there is no more."""
    if fault is None or (isinstance(found, bytes) and len(found) <= limits.record and _whole(found)):
        piece = _piece(found, place, line, "json", limits)
        if piece is not None:
            yield piece
        found = b""
    if fault is not None and not fault.told:
        yield broken_off(place, line, found, fault)


def _whole(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return False
    return True


def read_lines(reader: Peeked, place: Place, limits: Limits) -> Iterator[Raw | Reject]:
    """A record per line; blank lines are no records."""
    file, member = place
    limit = limits.record
    number = 1
    held = Gather(limit)
    while block := reader.read(BLOCK):
        # Searching for line ends is several times faster here than splitting at them.
        end = block.find(b"\n")
        if end < 0:
            held.add(block)
            continue
        held.add(block[:end])
        piece = _piece(held.finish(), place, number, "json", limits)
        if piece is not None:
            yield piece
        suspicious = _suspicious(block, limits.nesting)
        while (end := block.find(b"\n", start := end + 1)) >= 0:
            number += 1
            data = block[start:end].strip()
            if suspicious or len(data) > limit:
                piece = _piece(data, place, number, "json", limits)
                if piece is not None:
                    yield piece
            elif data:
                yield Raw(data, file, member, number, "json")
        held.add(block[start:])
        number += 1
    yield from _last(held.finish(), place, number, limits, reader.fault)


class _Walk:
    """Where a block of JSON text leaves off: inside which value, inside a string or not, at which line."""

    def __init__(self, limit: int) -> None:
        self.gather = Gather(limit)
        self.depth = 0
        self.base = 0  # 1 inside a top-level array
        self.in_string = False
        self.escaped = False  # the block ended behind a backslash
        self.line = 1
        self.start_line = 1

    def cuts(self, block: bytes) -> Iterator[tuple[int, bool]]:
        """Positions at which a value begins (False) or has ended (True), at the level of records."""
        at = self._leave_string(block, 0) if self.in_string else 0
        for token in _TOKEN.finditer(block, at) if at >= 0 else ():
            mark = block[token.start()]
            if mark == 0x22:
                if token.end() - token.start() == 1:
                    # An opening quote alone: the string goes on in the next block.
                    self.in_string = True
                    self._tail(block, token.end())
                    return
            elif mark in b"{[":
                if self.depth == self.base:
                    if mark == 0x5B and self.base == 0:
                        yield token.start(), False
                        self.base = self.depth = 1
                        yield token.end(), True
                        continue
                    yield token.start(), False
                self.depth += 1
            elif self.depth > self.base:
                self.depth -= 1
                if self.depth == self.base:
                    yield token.end(), True
            elif mark == 0x5D and self.base == 1:
                yield token.start(), False
                self.base = self.depth = 0
                yield token.end(), True

    def _leave_string(self, block: bytes, at: int) -> int:
        found = _STRING_END.match(block, at + 1 if self.escaped else at)
        if found is None:
            self._tail(block, at + 1 if self.escaped else at)
            return -1
        self.in_string = self.escaped = False
        return found.end()

    def _tail(self, block: bytes, at: int) -> None:
        tail = block[at:]
        self.escaped = (len(tail) - len(tail.rstrip(b"\\"))) % 2 == 1


def read_values(reader: Peeked, place: Place, limits: Limits) -> Iterator[Raw | Reject]:
    """JSON values one after another, or the elements of an array (whose lines are null: they may share one)."""
    walk = _Walk(limits.record)
    begun = False  # inside a value rather than between two
    while block := reader.read(BLOCK):
        last = counted = 0
        for at, ended in walk.cuts(block):
            walk.gather.add(block[last:at])
            found = walk.gather.finish()
            # Between values only white space and commas belong; anything else is handed on, to be rejected.
            piece = _value(found, ended, place, walk, limits)
            if piece is not None:
                yield piece
            walk.line += block.count(b"\n", counted, at)
            walk.start_line, counted = walk.line, at
            begun = not ended
            last = at
        walk.gather.add(block[last:])
        walk.line += block.count(b"\n", counted)
    found = walk.gather.finish()
    if not begun and isinstance(found, bytes):
        found = found.strip(b", \t\r\n")
    line = None if walk.base else walk.start_line
    fault = reader.fault
    if fault is None and walk.base and not found:
        fault = Fault("truncated", "the array is not closed; it may have lost records")
    yield from _last(found, place, line, limits, fault)


def _value(found: bytes | Long, ended: bool, place: Place, walk: _Walk, limits: Limits) -> Raw | Reject | None:
    if isinstance(found, bytes):
        if found in (b"[", b"]"):
            return None
        if not ended:
            found = found.strip(b", \t\r\n")
    return _piece(found, place, None if walk.base else walk.start_line, "json", limits)


def read_yaml(reader: Peeked, place: Place, limits: Limits) -> Iterator[Raw | Reject]:
    """The documents of a legacy report, each behind the report's first document, its header."""
    header: bytes | None = None
    header_line = 1
    entries = 0
    for found, line, fault in _documents(reader, limits):
        if fault is not None:
            yield broken_off(place, line, found, fault)
            entries += 1
        elif isinstance(found, Long):
            yield too_long(place, line, found, limits.record)
            header, entries = header or b"", entries + 1
        elif header is None:
            header, header_line = found, line
        else:
            entries += 1
            data = header + b"\n" + (found if found.startswith(b"---") else b"---\n" + found)
            piece = _piece(data if header else found, place, line, "yaml", limits)
            if piece is not None:
                yield piece
    if header and not entries:
        # Alone it may still be a measurement; decoding decides.
        piece = _piece(header, place, header_line, "yaml", limits)
        if piece is not None:
            yield piece


def _documents(reader: Peeked, limits: Limits) -> Iterator[tuple[bytes | Long, int, Fault | None]]:
    """Each document from its mark on, its line, and at the end the fault that cut the last one."""
    gather = Gather(limits.record)
    start = number = 1
    kept = False  # the document holds more than marks, comments and blank lines
    for line, begins, ends in _fragments(reader):
        if begins and _MARK.match(line):
            found = gather.finish()
            if kept:
                yield found, start, None
            kept, start = False, number
            if line.startswith(b"---"):
                gather.add(line + b"\n")
                kept = len(line.strip()) > 3
        else:
            gather.add(line + b"\n" if ends else line)
            kept = kept or (bool(line.strip()) and not (begins and line.lstrip().startswith(b"#")))
        number += ends
    found = gather.finish()
    fault = reader.fault
    if kept or fault is not None:
        yield (found if kept else b""), start, fault


def _fragments(reader: Peeked) -> Iterator[tuple[bytes, bool, bool]]:
    """Lines, or pieces of long ones, without the line feed; does the piece begin a line, does it end one."""
    begins = True
    rest = b""
    while block := reader.read(BLOCK):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        for line in lines:
            yield line, begins, True
            begins = True
        if len(rest) > 8:  # too long to become a mark
            yield rest, begins, False
            begins, rest = False, b""
    if rest:
        yield rest, begins, False
