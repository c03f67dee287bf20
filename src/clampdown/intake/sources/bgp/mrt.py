"""Law: an MRT stream is cut by its own headers; a broken record costs itself, and a lost header costs the rest.

RFC 6396 (MRT, TABLE_DUMP, TABLE_DUMP_V2, BGP4MP, BGP4MP_ET) and RFC 8050 (tables with additional paths). What says
nothing of unicast prefixes (OPEN, KEEPALIVE, NOTIFICATION) is counted; what would, and is not read, is told once.
"""

from __future__ import annotations

import ipaddress
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from clampdown.intake.containers_bytes import Fault, Reader
from clampdown.intake.sources.bgp.attributes import MalformedError, attributes, update
from clampdown.intake.sources.bgp.events import SECOND, UNKNOWN, Broken, Entry, Event, Peer, State, Still, Table, Update

HEADER: Final = 12
BLOCK: Final = 1 << 20
MOST: Final = 4 << 20  # bytes of a record: a prefix with a thousand peers takes a twentieth of it
TABLE_DUMP, TABLE_DUMP_V2, BGP4MP, BGP4MP_ET = 12, 13, 16, 17
# Every type that a collector was ever seen to write (the registry of RFC 6396); others are no MRT.
TYPES: Final = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 32, 33, 48, 49})
_READ: Final = frozenset({TABLE_DUMP, TABLE_DUMP_V2, BGP4MP, BGP4MP_ET})
_head: Final = struct.Struct(">IHHI").unpack_from
_state: Final = struct.Struct(">HH").unpack_from
_lead: Final = struct.Struct(">IBBBBB").unpack_from  # ORIGIN, and the beginning of what follows it
_ORIGIN: Final = 0x400101  # flags, kind and length of ORIGIN
_word: Final = struct.Struct(">I").unpack_from
_entry: Final = struct.Struct(">HIH").unpack_from
_entry_path: Final = struct.Struct(">HIIH").unpack_from
_UPDATE: Final = 2
_ESTABLISHED: Final = 6
_MARKER: Final = 19  # marker, length, type of a BGP message
_WIDTH: Final = {0: 2, 1: 2, 4: 4, 5: 4, 8: 2, 9: 4}  # of numbers of networks, by subtype
_STATES: Final = (0, 5)
_ADDED_PATHS: Final = (8, 9)
# Subtypes of TABLE_DUMP_V2: family, and whether entries carry the number of a path.
_RIBS: Final = {2: (4, False), 4: (6, False), 8: (4, True), 10: (6, True)}


def plausible(head: bytes) -> bool:
    """Do these bytes begin an MRT stream? The first header, and the second where it is there, must make sense."""
    if len(head) < HEADER:
        return False
    at = 0
    for _ in range(2):
        if len(head) < at + HEADER:
            return True
        time, kind, subtype, length = _head(head, at)
        # BGP collectors exist since 1997; subtypes are few, and a record is never empty.
        if kind not in _READ or subtype > 12 or not 4 <= length <= MOST or time < 852_076_800:
            return False
        at += HEADER + length
        if at == len(head):
            return True
    return True


class Decoder:
    """Records to events. `seen` counts what came; `other` what would move a table and is not read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.records = 0
        self.bytes = 0
        self.seen: Counter[str] = Counter()
        self.other: dict[str, tuple[int, int]] = {}  # what -> (first record, how many)
        self.fault: Fault | None = None  # why the stream broke off
        self._rest = b""  # of a record that was cut off
        self._heads: dict[bytes, Peer] = {}
        self._index: tuple[Peer, ...] = ()
        self._dumping = False  # within an old table, which has no record that begins it
        self._of: dict[int, Callable[[int, int, bytes], Iterator[Event]]] = {
            TABLE_DUMP: self._old_table,
            TABLE_DUMP_V2: self._table,
            BGP4MP: self._message,
            BGP4MP_ET: self._timed,
        }

    def events(self) -> Iterator[Event]:
        """All events of the stream, in its order."""
        for time, kind, subtype, body in self._cut():
            read = self._of.get(kind)
            if read is None:
                self._pass(f"records of type {kind}")
                continue
            if kind != TABLE_DUMP:
                self._dumping = False
            try:
                yield from read(time * SECOND, subtype, body)
            except MalformedError as error:
                yield Broken(self.records, "damaged", f"record {self.records}: {error}", body)
        if self.fault is not None:
            yield Broken(self.records + 1, self.fault.reason, self.fault.detail, self._rest or None, ends=True)

    def _pass(self, what: str) -> None:
        first, count = self.other.get(what, (self.records, 0))
        self.other[what] = (first, count + 1)

    def _cut(self) -> Iterator[tuple[int, int, int, bytes]]:
        """(time, type, subtype, body) of each record."""
        held, at = b"", 0
        while block := self._reader.read(BLOCK):
            held, at = (held[at:] + block if at < len(held) else block), 0
            while len(held) - at >= HEADER:
                time, kind, subtype, length = _head(held, at)
                if kind not in TYPES or length > MOST:
                    self._lose(len(held) - at)
                    return
                after = at + HEADER + length
                if after > len(held):
                    break
                self.records += 1
                self.bytes += HEADER + length
                yield time, kind, subtype, held[at + HEADER : after]
                at = after
        self.fault = self._reader.fault
        if at < len(held) and self.fault is None:
            self.fault = Fault("truncated", f"record {self.records + 1} is cut off after {len(held) - at} bytes")
        self._rest = held[at:]
        if self.fault is not None:
            self.fault.told = True

    def _lose(self, rest: int) -> None:
        """What follows has no header that makes sense: where the next record begins, nobody knows."""
        while block := self._reader.read(BLOCK):
            rest += len(block)
        where = f"no MRT record begins at byte {self.bytes} (after record {self.records})"
        self.fault = Fault("damaged", f"{where}; the rest, {rest} bytes, was not read")

    # Messages

    def _timed(self, time: int, subtype: int, body: bytes) -> Iterator[Event]:
        if len(body) < 4:
            raise MalformedError("the microseconds are cut off")
        yield from self._message(time + min(int.from_bytes(body[:4], "big"), SECOND - 1), subtype, body[4:])

    def _message(self, time: int, subtype: int, body: bytes) -> Iterator[Event]:
        width = _WIDTH.get(subtype)
        if width is None:
            self._pass(f"messages of subtype {subtype}")
            yield Still(time)
            return
        peer, at = self._peer(body, width)
        if subtype in _STATES:
            if len(body) < at + 4:
                raise MalformedError("the change of state is cut off")
            self.seen["state"] += 1
            yield State(time, peer, _state(body, at)[1] == _ESTABLISHED)
            return
        end = at + int.from_bytes(body[at + 16 : at + 18], "big")
        if at + _MARKER > len(body) or not at + _MARKER <= end <= len(body):
            raise MalformedError("the BGP message is cut off")
        kind = body[at + 18]
        if kind != _UPDATE:
            self.seen["other"] += 1
            yield Still(time)
        elif subtype in _ADDED_PATHS:
            # Which of a peer's paths goes would have to be remembered; its table is not known from here on.
            self._pass("updates with additional paths")
            yield State(time, peer, up=False)
        else:
            self.seen["update"] += 1
            yield Update(time, peer, *update(body, at + _MARKER, end, width, peer.asn))

    def _peer(self, body: bytes, width: int) -> tuple[Peer, int]:
        """Who sent this, and where the message begins."""
        at = 2 * width + 2
        size = 4 if body[at : at + 2] == b"\0\x01" else 16 if body[at : at + 2] == b"\0\x02" else 0
        end = at + 2 + 2 * size
        if not size or end > len(body):
            raise MalformedError("the peer is cut off" if end > len(body) else "the peer's address is of no known kind")
        key = body[: at + 2 + size]
        peer = self._heads.get(key)
        if peer is None:
            peer = self._heads[key] = Peer(_address(key[at + 2 :]), int.from_bytes(body[:width], "big"))
        return peer, end

    # Tables

    def _table(self, time: int, subtype: int, body: bytes) -> Iterator[Event]:
        if subtype == 1:
            self._index = ()  # where the list is broken, entries must not be given to the peers of another
            self._index = _peers(body)
            self.seen["table"] += 1
            yield Table(time, self._index)
            return
        kind = _RIBS.get(subtype)
        if kind is None:
            self._pass(f"entries of tables of subtype {subtype}")
            return
        self.seen["entry"] += 1
        yield self._rib(time, body, *kind)

    def _rib(self, time: int, body: bytes, family: int, paths: bool) -> Entry:
        """One prefix with all its peers; the one hot loop."""
        if len(body) < 5 or body[4] > (32 if family == 4 else 128):
            raise MalformedError("the prefix of an entry is cut off or too long")
        at = 5 + ((body[4] + 7) >> 3)
        size = len(body)
        if at + 2 > size:
            raise MalformedError("the entry is cut off")
        prefix = _clean(body[4:at])
        index = self._index
        peers: list[int] = []
        origins: list[int] = []
        first, step = (_entry_path, 12) if paths else (_entry, 8)
        count = int.from_bytes(body[at : at + 2], "big")
        at += 2
        for _ in range(count):
            if at + step > size:
                raise MalformedError("the entry is cut off")
            row = first(body, at)
            at += step
            end = at + row[-1]
            if end > size or row[0] >= len(index):
                raise MalformedError("the entry is cut off" if end > size else "an entry of a peer that no list names")
            peer, origin = row[0], 0
            if at + 10 <= end:
                # Nearly always: ORIGIN, then a path of one sequence. All else is walked attribute by attribute.
                head, flags, kind, length, segment, hops = _lead(body, at)
                last = at + 7 + length
                if flags & 0x10:
                    length, segment, hops = length << 8 | segment, hops, body[at + 9]
                    last = at + 8 + length
                if head >> 8 == _ORIGIN and kind == 2 and segment == 2 and length == 2 + 4 * hops > 2 and last <= end:
                    origin = _word(body, last - 4)[0]
            if not origin:
                found = attributes_origin(body[at:end], 4, index[peer].asn)
                origin = UNKNOWN if found is None else found
            peers.append(peer)
            origins.append(origin)
            at = end
        return Entry(time, family, prefix, index, peers, origins)

    def _old_table(self, time: int, subtype: int, body: bytes) -> Iterator[Event]:
        """TABLE_DUMP: a record for each prefix and peer, numbers of two bytes."""
        size = {1: 4, 2: 16}.get(subtype, 0)
        if not size:
            self._pass(f"entries of old tables of subtype {subtype}")
            return
        at = 4 + size
        last = at + 6 + size + 4
        if last > len(body):
            raise MalformedError("the entry is cut off")
        bits = body[at]
        if bits > size * 8:
            raise MalformedError(f"a prefix of {bits} bits, in addresses of {size * 8}")
        prefix = _clean(bytes((bits,)) + body[4 : 4 + ((bits + 7) >> 3)])
        end = last + int.from_bytes(body[last - 2 : last], "big")
        if end > len(body):
            raise MalformedError("the entry is cut off")
        asn = int.from_bytes(body[last - 4 : last - 2], "big")
        head = body[at + 6 : last - 2]
        peer = self._heads.get(head)
        if peer is None:
            peer = self._heads[head] = Peer(_address(head[:size]), asn)
        origin = attributes_origin(body[last:end], 2, asn)
        if not self._dumping:
            self._dumping = True
            self.seen["table"] += 1
            yield Table(time, ())
        self.seen["entry"] += 1
        yield Entry(time, 4 if size == 4 else 6, prefix, (peer,), [0], [UNKNOWN if origin is None else origin])


def attributes_origin(said: bytes, width: int, peer: int) -> int | None:
    """The origin alone. In tables MP_REACH is cut down to the next hop, so that it is not looked into."""
    at, end = 0, len(said)
    kept: list[bytes] = []
    while at + 3 <= end:
        start = at
        if said[at] & 0x10:
            at += 4 + int.from_bytes(said[at + 2 : at + 4], "big")
        else:
            at += 3 + said[at + 2]
        if at > end:
            raise MalformedError("an attribute is cut off")
        if said[start + 1] in (2, 17):
            kept.append(said[start:at])
    if at != end:
        raise MalformedError("an attribute is cut off")
    joined = b"".join(kept)
    return attributes(joined, 0, len(joined), width, peer).origin


def _peers(body: bytes) -> tuple[Peer, ...]:
    """The peers of a table, in the order of their numbers."""
    if len(body) < 8:
        raise MalformedError("the list of peers is cut off")
    at = 6 + int.from_bytes(body[4:6], "big")
    count = int.from_bytes(body[at : at + 2], "big")
    at += 2
    out: list[Peer] = []
    for _ in range(count):
        if at >= len(body):
            raise MalformedError("the list of peers is cut off")
        kind = body[at]
        size, width = 16 if kind & 1 else 4, 4 if kind & 2 else 2
        end = at + 5 + size + width
        if end > len(body):
            raise MalformedError("the list of peers is cut off")
        out.append(Peer(_address(body[at + 5 : at + 5 + size]), int.from_bytes(body[end - width : end], "big")))
        at = end
    return tuple(out)


def _clean(prefix: bytes) -> bytes:
    """Spare bits of the last byte are zero, so that equal prefixes are equal bytes."""
    spare = -prefix[0] % 8
    if spare and prefix[-1] & ((1 << spare) - 1):
        return prefix[:-1] + bytes((prefix[-1] >> spare << spare,))
    return prefix


def _address(data: bytes) -> str:
    return str(ipaddress.ip_address(data))
