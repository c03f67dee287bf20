"""Law: of a message, what moves a table is read to its last byte, and what is too short is refused whole.

RFC 4271 (UPDATE), 4760 (MP_REACH, MP_UNREACH), 6793 (four-byte numbers), 4724 (End-of-RIB). The origin of a path
follows RFC 6811: the last network of a sequence; none where the path ends in a set; the peer where it is empty.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from clampdown.intake.sources.bgp.events import UNKNOWN

AS_PATH: Final = 2
MP_REACH: Final = 14
MP_UNREACH: Final = 15
AS4_PATH: Final = 17
_SET, _SEQUENCE, _CONFED_SEQUENCE, _CONFED_SET = 1, 2, 3, 4
_TRANS: Final = 23456  # stands for a number of four bytes among numbers of two
_SPARE: Final = tuple((1 << (8 - bits)) - 1 for bits in range(8))  # bits beyond the prefix in its last byte
_IP4: Final = b"\x00\x01\x01"  # address family and "unicast"
_IP6: Final = b"\x00\x02\x01"


class MalformedError(Exception):
    """A record that does not hold what its type says."""


class Attributes(NamedTuple):
    """What the attributes of a message say of prefixes."""

    origin: int | None  # None: there is no path
    announced: list[bytes]
    withdrawn: list[bytes]
    announced6: list[bytes]
    withdrawn6: list[bytes]
    reached: frozenset[int]  # attribute types that were there


def prefixes(data: bytes, at: int, end: int, most: int) -> list[bytes]:
    """The prefixes between two places; `most` is the length of an address in bits."""
    found: list[bytes] = []
    while at < end:
        bits = data[at]
        after = at + 1 + ((bits + 7) >> 3)
        if bits > most:
            raise MalformedError(f"a prefix of {bits} bits, in addresses of {most}")
        if after > end:
            raise MalformedError("a prefix is cut off")
        key = data[at:after]
        if bits & 7 and key[-1] & _SPARE[bits & 7]:
            key = key[:-1] + bytes((key[-1] & ~_SPARE[bits & 7],))
        found.append(key)
        at = after
    return found


def _segments(data: bytes, at: int, end: int, width: int) -> list[tuple[int, int, int]]:
    """(kind, networks in it, last network) of a path."""
    out: list[tuple[int, int, int]] = []
    while at < end:
        if at + 2 > end:
            raise MalformedError("a path is cut off")
        kind, count = data[at], data[at + 1]
        at += 2 + count * width
        if at > end:
            raise MalformedError("a path is cut off")
        if not _SET <= kind <= _CONFED_SET:
            raise MalformedError(f"a path has a segment of unknown kind {kind}")
        if count:
            out.append((kind, count, int.from_bytes(data[at - width : at], "big")))
    return out


def _last(segments: list[tuple[int, int, int]], peer: int) -> int:
    plain = [s for s in segments if s[0] not in (_CONFED_SEQUENCE, _CONFED_SET)]
    if not plain:
        return peer
    kind, _, network = plain[-1]
    return network if kind == _SEQUENCE and network else UNKNOWN


def _hops(segments: list[tuple[int, int, int]]) -> int:
    return sum(1 if kind == _SET else count for kind, count, _ in segments if kind in (_SET, _SEQUENCE))


def origin_of(data: bytes, path: tuple[int, int], long_path: tuple[int, int] | None, width: int, peer: int) -> int:
    """The network that a path begins at; `long_path` is AS4_PATH, which counts where numbers have two bytes."""
    at, end = path
    if width == 4 and end - at > 2 and data[at] == _SEQUENCE and 2 + 4 * data[at + 1] == end - at:
        return int.from_bytes(data[end - 4 : end], "big") or UNKNOWN  # nearly every path: one sequence
    segments = _segments(data, at, end, width)
    if width == 2 and long_path is not None:
        longer = _segments(data, *long_path, 4)
        if longer and _hops(longer) <= _hops(segments):
            return _last(longer, peer)
    origin = _last(segments, peer)
    return UNKNOWN if width == 2 and origin == _TRANS else origin


def attributes(data: bytes, at: int, end: int, width: int, peer: int) -> Attributes:
    """Walk the attributes between two places; `width` is that of a network's number in a path."""
    path: tuple[int, int] | None = None
    long_path: tuple[int, int] | None = None
    comes: list[bytes] = []
    goes: list[bytes] = []
    comes6: list[bytes] = []
    goes6: list[bytes] = []
    kinds: set[int] = set()
    while at < end:
        if at + 3 > end:
            raise MalformedError("an attribute is cut off")
        flags, kind = data[at], data[at + 1]
        if flags & 0x10:
            size, at = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        else:
            size, at = data[at + 2], at + 3
        after = at + size
        if after > end:
            raise MalformedError(f"attribute {kind} is cut off")
        if kind in kinds:  # of an attribute that comes twice the first counts (RFC 7606)
            at = after
            continue
        kinds.add(kind)
        if kind == AS_PATH:
            path = (at, after)
        elif kind == AS4_PATH:
            long_path = (at, after)
        elif kind == MP_REACH:
            _reach(data, at, after, comes, comes6)
        elif kind == MP_UNREACH:
            _unreach(data, at, after, goes, goes6)
        at = after
    origin = None if path is None else origin_of(data, path, long_path, width, peer)
    return Attributes(origin, comes, goes, comes6, goes6, frozenset(kinds))


def _reach(data: bytes, at: int, end: int, comes: list[bytes], comes6: list[bytes]) -> None:
    family = data[at : at + 3]
    if end - at < 5:
        raise MalformedError("MP_REACH is cut off")
    first = at + 5 + data[at + 3]  # behind the next hop and a reserved byte
    if first > end:
        raise MalformedError("MP_REACH is cut off")
    if family == _IP4:
        comes.extend(prefixes(data, first, end, 32))
    elif family == _IP6:
        comes6.extend(prefixes(data, first, end, 128))


def _unreach(data: bytes, at: int, end: int, goes: list[bytes], goes6: list[bytes]) -> None:
    if end - at < 3:
        raise MalformedError("MP_UNREACH is cut off")
    family = data[at : at + 3]
    if family == _IP4:
        goes.extend(prefixes(data, at + 3, end, 32))
    elif family == _IP6:
        goes6.extend(prefixes(data, at + 3, end, 128))


class Message(NamedTuple):
    """The body of an UPDATE in what moves a table."""

    origin: int
    withdrawn: list[bytes]
    announced: list[bytes]
    withdrawn6: list[bytes]
    announced6: list[bytes]
    whole: tuple[int, ...]


def update(data: bytes, at: int, end: int, width: int, peer: int) -> Message:
    """An UPDATE between two places: withdrawn prefixes, attributes, announced prefixes."""
    if at + 4 > end:
        raise MalformedError("the message is cut off")
    middle = at + 2 + int.from_bytes(data[at : at + 2], "big")
    if middle + 2 > end:
        raise MalformedError("the withdrawn prefixes are cut off")
    last = middle + 2 + int.from_bytes(data[middle : middle + 2], "big")
    if last > end:
        raise MalformedError("the attributes are cut off")
    gone = prefixes(data, at + 2, middle, 32)
    here = prefixes(data, last, end, 32)
    if last == middle + 2:
        if here:
            raise MalformedError("prefixes are announced without a path")
        return Message(UNKNOWN, gone, here, [], [], () if gone else (4,))
    said = attributes(data, middle + 2, last, width, peer)
    if said.origin is None and (here or said.announced or said.announced6):
        raise MalformedError("prefixes are announced without a path")
    whole: tuple[int, ...] = ()
    if (
        len(said.reached) == 1
        and MP_UNREACH in said.reached
        and not (gone or here or said.withdrawn or said.withdrawn6)
    ):
        whole = _ended(data, middle + 2, last)
    if said.withdrawn:
        gone = gone + said.withdrawn
    if said.announced:
        here = here + said.announced
    origin = UNKNOWN if said.origin is None else said.origin
    return Message(origin, gone, here, said.withdrawn6, said.announced6, whole)


def _ended(data: bytes, at: int, end: int) -> tuple[int, ...]:
    """Of which family a message says that all was told: an MP_UNREACH that withdraws nothing."""
    family = data[end - 3 : end]
    return (4,) if family == _IP4 else (6,) if family == _IP6 and at + 3 <= end else ()
