"""Law: a tar is read in passing: nothing is written to disk, no name in it is a path, and a member is only bytes.

POSIX ustar, pax (path and size), GNU long names, and the V7 format of the oldest archives; no links are followed.
The reader is our own because it must hold no more than a header in memory and must tell a cut from an end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clampdown.intake.containers_bytes import Fault, Limits, Part, Peeked, Place, Reader
from clampdown.model import Reject

_HEADER: Final = 512
_NAME_LIMIT: Final = 1 << 16
_KINDS: Final = {b"1": "tar_link", b"2": "tar_link"}
_NAMED: Final = {
    "tar_link": "a link; links are never followed",
    "tar_special": "a device, a sparse file or another kind",
}


def is_tar(head: bytes) -> bool:
    """Does a tar begin here? The checksum decides: the oldest archives carry no magic."""
    return len(head) >= _HEADER and head[0] != 0 and _checksum_holds(head[:_HEADER])


def members(reader: Peeked, place: Place, limits: Limits) -> Iterator[tuple[str, Part] | Reject]:
    """Each regular member with its bytes to read (what is left unread is skipped), rejects for all other kinds."""
    count = 0
    path: str | None = None
    size: int | None = None
    ended = False
    while True:
        head = _exactly(reader, _HEADER)
        if len(head) == _HEADER and not any(head):
            ended = True  # the mark of the end; what another archive appended to it holds is read as well
            continue
        if ended and not head and reader.fault is None:
            return
        fault = _head_fault(reader, head)
        if fault is not None:
            yield from _stop(fault, place)
            return
        ended = False
        kind = head[156:157]
        part = Part(reader, _number(head[124:136]))
        if kind == b"L":
            path = _text(_small(part))
        elif kind == b"x":
            pax_path, size = _pax(_small(part))
            path = pax_path or path
        elif kind not in (b"K", b"g"):
            if size is not None:
                part = Part(reader, size)
            count += 1
            if count > limits.members:
                detail = f"the archive holds more than {limits.members} members; the rest was not read"
                yield from _stop(Fault("too_many_members", detail), place)
                return
            found = _member(kind, path or _name(head), part, place)
            path = size = None
            if found is not None:
                yield found
        fault = _skip(reader, part)
        if fault is not None:
            yield from _stop(fault, place)
            return


def _stop(fault: Fault | None, place: Place) -> Iterator[Reject]:
    if fault is not None and not fault.told:
        fault.told = True
        yield Reject(place.file, place.member, None, None, None, fault.reason, fault.detail)


def _skip(reader: Peeked, part: Part) -> Fault | None:
    """Over what is left of a member and its padding to the next header."""
    part.skip()
    if part.fault is not None:
        return part.fault
    padding = -part.size % _HEADER
    if len(_exactly(reader, padding)) < padding:
        return reader.fault or Fault("truncated", "the archive ends inside its padding")
    return None


def _member(kind: bytes, name: str, part: Part, place: Place) -> tuple[str, Part] | Reject | None:
    directory = kind == b"5" or name.endswith("/")
    if directory:
        return None
    shown = safe_name(name)
    if kind in (b"0", b"\0", b"7"):
        return shown, part
    reason = _KINDS.get(kind, "tar_special")
    where = shown if place.member is None else f"{place.member}/{shown}"
    return Reject(place.file, where, None, None, part.size, reason, _NAMED[reason])


def safe_name(name: str) -> str:
    """A member's name fit for printing: no way up, no root, no control characters. It is never used as a path."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name.replace("\\", "/"))
    return "/".join(step for step in shown.split("/") if step not in ("", ".", "..")) or "(no name)"


def _head_fault(reader: Peeked, head: bytes) -> Fault | None:
    if len(head) < _HEADER:
        return reader.fault or Fault("truncated", "the archive has no end mark; it may have lost members")
    if not _checksum_holds(head):
        return Fault("damaged", "a member's header does not match its checksum; the rest was not read")
    if _number(head[124:136]) < 0:
        return Fault("damaged", "a member's size is not a number; the rest was not read")
    return None


def _exactly(reader: Reader, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0:
        block = reader.read(size)
        if not block:
            break
        parts.append(block)
        size -= len(block)
    return b"".join(parts)


def _small(part: Part) -> bytes:
    """The content of a header extension; one beyond the limit is cut, its rest skipped by the caller."""
    return _exactly(part, min(part.left, _NAME_LIMIT))


def _checksum_holds(head: bytes) -> bool:
    told = _number(head[148:156])
    return told > 0 and told == sum(head) - sum(head[148:156]) + 8 * 32


def _number(text: bytes) -> int:
    """Octal digits, or the GNU form for large numbers; -1 where it is neither."""
    if text[0] & 0x80:
        return int.from_bytes(text, "big") & (1 << (8 * len(text) - 1)) - 1
    digits = text.split(b"\0", 1)[0].strip()
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        return -1


def _name(head: bytes) -> str:
    name = _text(head[:100])
    prefix = _text(head[345:500]) if head[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


def _pax(data: bytes) -> tuple[str | None, int | None]:
    """`path` and `size` of a pax header: records of the form `length key=value` and a line feed."""
    path: str | None = None
    size: int | None = None
    while data:
        length, _, rest = data.partition(b" ")
        if not length.isdigit() or len(length) > 6 or not len(length) + 1 < int(length) <= len(data):
            break
        key, _, value = rest[: int(length) - len(length) - 1].removesuffix(b"\n").partition(b"=")
        if key == b"path":
            path = _text(value)
        elif key == b"size" and value.isdigit() and len(value) < 20:
            size = int(value)
        data = data[int(length) :]
    return path, size
