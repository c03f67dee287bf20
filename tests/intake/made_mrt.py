"""Law: MRT is written here from its standards (RFC 6396, 8050, 4271, 4760, 6793), and by no code of the reader.

Prefixes are texts, times seconds; everything is laid out by hand, so that a test can also write what is wrong.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence

Path = Sequence[int | Sequence[int]]  # a set within a path is a sequence of its own
MARKER = b"\xff" * 16
LOCAL = {4: "192.0.2.254", 6: "2001:db8:ffff::fe"}


def record(kind: int, subtype: int, body: bytes, time: int, micro: int | None = None) -> bytes:
    if micro is not None:
        kind, body = 17, struct.pack(">I", micro) + body
    return struct.pack(">IHHI", time, kind, subtype, len(body)) + body


def prefix(text: str, path_id: int | None = None) -> bytes:
    network = ipaddress.ip_network(text)
    size = (network.prefixlen + 7) // 8
    number = b"" if path_id is None else struct.pack(">I", path_id)
    return number + bytes([network.prefixlen]) + network.network_address.packed[:size]


def key(text: str) -> bytes:
    """As the reader keeps a prefix."""
    return prefix(text)


def family(text: str) -> int:
    return ipaddress.ip_network(text).version


def attribute(kind: int, value: bytes, flags: int = 0x40) -> bytes:
    if len(value) > 255 or flags & 0x10:
        return struct.pack(">BBH", flags | 0x10, kind, len(value)) + value
    return struct.pack(">BBB", flags, kind, len(value)) + value


def as_path(path: Path, width: int) -> bytes:
    out, run = b"", list[int]()

    def segment(kind: int, numbers: Sequence[int]) -> bytes:
        form = ">I" if width == 4 else ">H"
        short = [n if width == 4 or n < 1 << 16 else 23456 for n in numbers]
        return bytes([kind, len(numbers)]) + b"".join(struct.pack(form, n) for n in short)

    for each in path:
        if isinstance(each, int):
            run.append(each)
            continue
        out += (segment(2, run) if run else b"") + segment(1, each)
        run = []
    return out + (segment(2, run) if run else b"")


def path_attributes(path: Path, width: int = 4, *, long: bool = False) -> bytes:
    """ORIGIN, AS_PATH, and AS4_PATH where numbers of two bytes cannot say it."""
    out = attribute(1, b"\0") + attribute(2, as_path(path, width), 0x50 if long else 0x40)
    wide = any(n >= 1 << 16 for each in path for n in ([each] if isinstance(each, int) else each))
    return out + (attribute(17, as_path(path, 4), 0xC0) if width == 2 and wide else b"")


def message(kind: int, body: bytes) -> bytes:
    return MARKER + struct.pack(">HB", 19 + len(body), kind) + body


def update(announced: Iterable[str] = (), withdrawn: Iterable[str] = (), path: Path = (), width: int = 4) -> bytes:
    """An UPDATE: IPv4 in its own fields, IPv6 in MP_REACH and MP_UNREACH."""
    here, gone = list(announced), list(withdrawn)
    four = b"".join(prefix(p) for p in here if family(p) == 4)
    six = b"".join(prefix(p) for p in here if family(p) == 6)
    left = b"".join(prefix(p) for p in gone if family(p) == 4)
    left6 = b"".join(prefix(p) for p in gone if family(p) == 6)
    attributes = b""
    if here:
        attributes += path_attributes(path, width)
    if four:
        attributes += attribute(3, bytes([192, 0, 2, 1]))
    if six:
        attributes += attribute(14, b"\0\2\1\x10" + ipaddress.ip_address("2001:db8::1").packed + b"\0" + six, 0x80)
    if left6:
        attributes += attribute(15, b"\0\2\1" + left6, 0x80)
    return message(2, struct.pack(">H", len(left)) + left + struct.pack(">H", len(attributes)) + attributes + four)


def end_of_rib(version: int) -> bytes:
    body = b"" if version == 4 else attribute(15, b"\0\2\1", 0x80)
    return message(2, b"\0\0" + struct.pack(">H", len(body)) + body)


def heading(address: str, asn: int, width: int = 4) -> bytes:
    """The peer, the collector, and the family of their addresses."""
    ip = ipaddress.ip_address(address)
    form = ">IIHH" if width == 4 else ">HHHH"
    near = ipaddress.ip_address(LOCAL[ip.version]).packed
    return struct.pack(form, asn, 12654, 0, 1 if ip.version == 4 else 2) + ip.packed + near


def told(
    time: int, address: str, asn: int, sent: bytes, *, width: int = 4, micro: int | None = None, subtype: int = -1
) -> bytes:
    """A BGP4MP record of a message."""
    kind = subtype if subtype >= 0 else (4 if width == 4 else 1)
    return record(16, kind, heading(address, asn, width) + sent, time, micro)


def state(time: int, address: str, asn: int, old: int, new: int, *, width: int = 4) -> bytes:
    return record(16, 5 if width == 4 else 0, heading(address, asn, width) + struct.pack(">HH", old, new), time)


def peers(time: int, table: Sequence[tuple[str, int]], view: bytes = b"") -> bytes:
    """PEER_INDEX_TABLE."""
    body = bytes([192, 0, 2, 254]) + struct.pack(">H", len(view)) + view + struct.pack(">H", len(table))
    for address, asn in table:
        ip = ipaddress.ip_address(address)
        wide = asn >= 1 << 16
        body += bytes([(ip.version == 6) | wide << 1]) + bytes(4) + ip.packed
        body += struct.pack(">I" if wide else ">H", asn)
    return record(13, 1, body, time)


def entry(
    time: int, text: str, rows: Iterable[tuple[int, Path]], *, number: int = 0, paths: bool = False, long: bool = False
) -> bytes:
    """One prefix of a table with (peer's place, path) of each peer; IPv6 with the short MP_REACH of tables."""
    six = family(text) == 6
    body, count = b"", 0
    for at, path in rows:
        said = path_attributes(path, long=long)
        if six:
            said += attribute(14, b"\x10" + ipaddress.ip_address("2001:db8::1").packed, 0x80)
        body += struct.pack(">HI", at, time) + (struct.pack(">I", 7) if paths else b"")
        body += struct.pack(">H", len(said)) + said
        count += 1
    subtype = {(False, False): 2, (True, False): 4, (False, True): 8, (True, True): 10}[six, paths]
    return record(13, subtype, struct.pack(">I", number) + prefix(text) + struct.pack(">H", count) + body, time)


def old_entry(time: int, text: str, address: str, asn: int, path: Path, number: int = 0) -> bytes:
    """TABLE_DUMP: one prefix of one peer, numbers of two bytes."""
    network = ipaddress.ip_network(text)
    size = 4 if network.version == 4 else 16
    peer = ipaddress.ip_address(address).packed.ljust(size, b"\0")
    said = path_attributes(path, 2)
    body = struct.pack(">HH", 0, number) + network.network_address.packed + bytes([network.prefixlen, 1])
    body += struct.pack(">I", time) + peer + struct.pack(">HH", asn, len(said)) + said
    return record(12, 1 if size == 4 else 2, body, time)
