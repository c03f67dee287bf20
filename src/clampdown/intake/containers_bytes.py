"""Law: memory is bounded by the record limit, whatever the stream holds.

The small parts that every container is built from: the limits, the record as found, readers that give blocks and say
at their end what went wrong, and the gathering of a record that turns into counting and hashing once it is too long.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple, Protocol

from clampdown.model import Reject

BLOCK: Final = 1 << 18  # stays in the processor's cache: with 1 MiB unpacking takes a third longer
WHITE: Final = b" \t\r\n\v\f"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may ask of the reader; documented in the contracts, settable."""

    record: int = 64 << 20
    nesting: int = 200
    expansion: int = 200
    expansion_floor: int = 1 << 30
    members: int = 10**6


DEFAULT: Final = Limits()


class Raw(NamedTuple):
    """One record as found: its bytes without surrounding white space, and where it stood."""

    data: bytes
    file: str
    member: str | None
    line: int | None
    form: str  # json | yaml


@dataclass(slots=True)
class Fault:
    """Why a stream ended before its time; `told` once a reject has said so."""

    reason: str
    detail: str
    told: bool = False


class Reader(Protocol):
    """Gives up to `size` bytes, and none at the end; a fault, where there is one, is known by then."""

    @property
    def fault(self) -> Fault | None: ...

    def read(self, size: int) -> bytes: ...


@dataclass(slots=True)
class Meter:
    """Counts what went into all decompressors of one file and what came out."""

    limits: Limits
    into: int = 0
    out: int = 0

    def fault(self) -> Fault | None:
        limits = self.limits
        if self.out <= limits.expansion_floor or self.out <= limits.expansion * self.into:
            return None
        return Fault("expansion", f"{self.into} bytes unpack to more than {limits.expansion} times as many")


@dataclass(slots=True)
class Tap:
    """The file itself: counts the bytes that are taken from it."""

    stream: BinaryIO
    meter: Meter
    fault: Fault | None = None

    def read(self, size: int) -> bytes:
        block = self.stream.read(size)
        self.meter.into += len(block)
        return block


@dataclass(slots=True)
class Peeked:
    """A reader whose next bytes can be looked at without being taken."""

    inner: Reader
    head: bytes = b""
    ended: bool = False

    @property
    def fault(self) -> Fault | None:
        return self.inner.fault

    def peek(self, size: int) -> bytes:
        while len(self.head) < size and not self.ended:
            block = self.inner.read(max(size - len(self.head), 1 << 16))
            self.ended = not block
            self.head = self.head + block if self.head else block
        return self.head

    def drop(self, size: int) -> None:
        self.head = self.head[size:]

    def read(self, size: int) -> bytes:
        head = self.head
        if not head:
            return b"" if self.ended else self.inner.read(size)
        if len(head) <= size:
            self.head = b""
            return head
        self.head = head[size:]
        return head[:size]


class Part:
    """The next `size` bytes of a reader: one member of an archive."""

    __slots__ = ("_inner", "fault", "left", "size")

    def __init__(self, inner: Reader, size: int) -> None:
        self._inner = inner
        self.size = self.left = size
        self.fault: Fault | None = None

    def read(self, size: int) -> bytes:
        if self.left <= 0 or self.fault is not None:
            return b""
        block = self._inner.read(min(size, self.left))
        self.left -= len(block)
        if not block:
            self.fault = self._inner.fault or Fault("truncated", "the archive ends inside this member")
        return block

    def skip(self) -> None:
        while self.read(BLOCK):
            pass


class Long(NamedTuple):
    """A record beyond the limit: what is left of it."""

    length: int
    digest: str


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def copy(self) -> _Hash: ...
    def hexdigest(self) -> str: ...


class Gather:
    """Collects one record; beyond the limit it keeps nothing but the length and the digest."""

    __slots__ = ("_all", "_limit", "_parts", "_size", "_solid", "_solid_size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._start()

    def _start(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0  # without the white space in front
        self._all: _Hash | None = None  # of everything so far; None while the bytes are kept
        self._solid: _Hash | None = None  # of everything up to the last byte that is not white space
        self._solid_size = 0

    def add(self, block: bytes) -> None:
        if not self._size:
            block = block.lstrip(WHITE)
        if not block:
            return
        if self._all is None:
            self._parts.append(block)
            self._size += len(block)
            if self._size > self._limit:
                parts, self._parts = self._parts, []
                self._all = hashlib.sha256()
                self._size = 0
                for part in parts:
                    self._count(part, self._all)
        else:
            self._count(block, self._all)

    def _count(self, block: bytes, everything: _Hash) -> None:
        solid = block.rstrip(WHITE)
        if solid:
            everything.update(solid)
            self._solid = everything.copy()
            self._solid_size = self._size + len(solid)
        everything.update(block[len(solid) :])
        self._size += len(block)

    def finish(self) -> bytes | Long:
        """The record without surrounding white space; the gathering starts anew."""
        if self._solid is not None:
            found: bytes | Long = Long(self._solid_size, self._solid.hexdigest())
        else:
            found = (self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)).strip(WHITE)
        self._start()
        return found


class Place(NamedTuple):
    """Where records come from."""

    file: str
    member: str | None


class Opened(NamedTuple):
    """A whole file (or member) of signals, unpacked; whoever takes it reads it to its end."""

    source: str  # name of the source whose sniff took it
    reader: Reader
    place: Place
    of: str | None = None  # country, as the person said who gave the file; for sources whose files name none


def digest(data: bytes) -> str:
    """sha256 of the record's bytes, hex."""
    return hashlib.sha256(data).hexdigest()


def reject(raw: Raw, reason: str, detail: str | None = None) -> Reject:
    """A record that was found whole and is no measurement."""
    return Reject(raw.file, raw.member, raw.line, digest(raw.data), len(raw.data), reason, detail)


def deep(raw: Raw, limit: int) -> Reject:
    """A record that no recursion may be trusted with."""
    return reject(raw, "too_deep", f"nested deeper than the limit of {limit}")


def too_long(place: Place, line: int | None, found: Long, limit: int) -> Reject:
    """A record beyond the limit; its digest was taken while it streamed past."""
    detail = f"the record is longer than the limit of {limit} bytes"
    return Reject(place.file, place.member, line, found.digest, found.length, "too_long", detail)


def broken_off(place: Place, line: int | None, rest: bytes | Long | None, fault: Fault) -> Reject:
    """The stream ended before its time; `rest` is the record that it cut."""
    fault.told = True
    if not rest:
        return Reject(place.file, place.member, line, None, None, fault.reason, fault.detail)
    if isinstance(rest, Long):
        length, name = rest
    else:
        length, name = len(rest), digest(rest)
    return Reject(place.file, place.member, line, name, length, fault.reason, fault.detail)
