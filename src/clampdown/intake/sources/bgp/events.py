"""Law: what a collector tells is a stream of small events; a prefix is its own few bytes, a network is its number.

A prefix is kept as BGP writes it: one byte of length in bits, then as many bytes of address as that takes, spare bits
zero. Equal prefixes are equal bytes, whoever wrote them. Times are microseconds since 1970, UTC.
"""

from __future__ import annotations

from typing import Final, NamedTuple

UNKNOWN: Final = 0xFFFFFFFF  # origin that a path does not tell (AS_SET); reserved, so that no network has it
FAMILIES: Final = (4, 6)
BITS: Final = {4: 32, 6: 128}
SECOND: Final = 1_000_000


class Peer(NamedTuple):
    """Who told the collector. Routers' addresses serve to tell peers apart and are never stored."""

    address: str
    asn: int
    host: str = ""  # the collector, where a stream mixes several


class Update(NamedTuple):
    """One UPDATE message: what goes, then what comes, all of it with one origin."""

    time: int
    peer: Peer
    origin: int
    withdrawn: list[bytes]
    announced: list[bytes]
    withdrawn6: list[bytes]
    announced6: list[bytes]
    whole: tuple[int, ...]  # families of which this says that the peer has told all it has (RFC 4724)


class State(NamedTuple):
    """A session came up or went down; what a peer told before means nothing after either."""

    time: int
    peer: Peer
    up: bool


class Table(NamedTuple):
    """A table begins: all that follows of `Entry` is the state of these peers (or of those that entries name)."""

    time: int
    peers: tuple[Peer, ...]


class Entry(NamedTuple):
    """One prefix of a table with the peers that have it, by their places in `table`: one tuple for a whole table."""

    time: int
    family: int
    prefix: bytes
    table: tuple[Peer, ...]
    peers: list[int]
    origins: list[int]


class Still(NamedTuple):
    """A record that changes no table, but shows that the collector was there."""

    time: int


class Broken(NamedTuple):
    """A record that could not be read, and why; the stream goes on."""

    record: int
    reason: str
    detail: str
    data: bytes | None = None
    ends: bool = False  # nothing can be read behind it


Event = Update | State | Table | Entry | Still | Broken
