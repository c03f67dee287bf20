"""Law: what is packed comes out in bounded blocks, and where it breaks off, everything before the break comes out.

One shape for all packers: `decompress(data, most)` gives at most `most` bytes (zstd: one block more) and keeps the
rest to itself until `needs_input`. Formats: RFC 1952 (gzip), RFC 8878 (zstd), the LZ4 frame format, bzip2.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

import lz4.frame
import zstandard

from clampdown.intake.containers_bytes import Fault, Meter, Reader

try:
    from isal import igzip_lib
except ImportError:  # no wheel for this machine: the standard library is slower and does the same
    igzip_lib = None

_INPUT: Final = 1 << 17
_GZIP: Final = b"\x1f\x8b\x08"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_LZ4: Final = b"\x04\x22\x4d\x18"
_BZIP2: Final = tuple(b"BZh%d" % size for size in range(1, 10))
_SKIPPABLE: Final = b"\x2a\x4d\x18"  # behind a byte from 0x50 to 0x5f; zstd and LZ4 share it
# Packers that the tools of the field do not use; named so that the reject can say what to do.
OTHERS: Final = ((b"\xfd7zXZ\x00", "xz"), (b"PK\x03\x04", "zip"), (b"7z\xbc\xaf\x27\x1c", "7z"))


class Damaged(Exception):
    """The packed bytes break the rules of their format."""


class Unpacker(Protocol):
    eof: bool
    needs_input: bool
    unused_data: bytes | None

    def decompress(self, data: bytes, most: int, /) -> bytes: ...


class _Gunzip:
    """gzip by the standard library, in the shape of the faster one."""

    def __init__(self) -> None:
        self._inner: Any = zlib.decompressobj(wbits=31)
        self.eof = False
        self.needs_input = True
        self.unused_data: bytes | None = b""

    def decompress(self, data: bytes, most: int) -> bytes:
        out: bytes = self._inner.decompress(self._inner.unconsumed_tail + data, most)
        self.eof = self._inner.eof
        self.unused_data = self._inner.unused_data
        self.needs_input = not self.eof and len(out) < most and not self._inner.unconsumed_tail
        return out


class _Unzstd:
    """zstd, one frame, fed block by block: a block unpacks to 128 KiB at most, so no input can burst the memory.

    The library's own streams either do not bound what comes out or do not say that the input broke off; the walk
    over the block headers gives both.
    """

    def __init__(self) -> None:
        self._inner: Any = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        self._held = bytearray()
        self._at = 0  # start of the next unit within `_held`
        self._stage = "header"  # header | block | checksum | skip
        self._checksum = False
        self._skip = 0
        self.eof = False
        self.needs_input = True
        self.unused_data: bytes | None = b""

    def decompress(self, data: bytes, most: int) -> bytes:
        self._held += data
        out: list[bytes] = []
        size = 0
        while size < most and not self.eof:
            unit = self._unit()
            if unit is None:
                break
            piece: bytes = self._inner.decompress(unit) if unit else b""
            out.append(piece)
            size += len(piece)
        self.needs_input = size < most and not self.eof
        del self._held[: self._at]
        self._at = 0
        if self.eof:
            self.unused_data = bytes(self._held)
        return b"".join(out)

    def _unit(self) -> bytes | None:
        """The next header, block or checksum in full, or None where more input is needed."""
        held, at = self._held, self._at
        have = len(held) - at
        if self._stage == "skip":
            step = min(have, self._skip)
            self._skip -= step
            self._at += step
            self.eof = self._skip == 0
            return b"" if step or self.eof else None
        if self._stage == "header":
            if have < 8:
                return None
            if bytes(held[at + 1 : at + 4]) == _SKIPPABLE:
                self._stage, self._skip = "skip", int.from_bytes(held[at + 4 : at + 8], "little")
                self._at += 8
                return b""
            size = _zstd_header(held[at + 4])
            self._checksum = bool(held[at + 4] & 4)
            return self._take(size, "block") if have >= size else None
        if self._stage == "checksum":
            return self._take(4, "end") if have >= 4 else None
        if have < 3:
            return None
        head = int.from_bytes(held[at : at + 3], "little")
        size = 3 + (1 if head >> 1 & 3 == 1 else head >> 3)
        if have < size:
            return None
        after = "block" if not head & 1 else "checksum" if self._checksum else "end"
        return self._take(size, after)

    def _take(self, size: int, stage: str) -> bytes:
        unit = bytes(self._held[self._at : self._at + size])
        self._at += size
        self._stage = stage
        self.eof = stage == "end"
        return unit


def _zstd_header(descriptor: int) -> int:
    """Length of a frame's header, magic number included."""
    single = descriptor >> 5 & 1
    content = (single, 2, 4, 8)[descriptor >> 6]
    return 5 + (1 - single) + (0, 1, 2, 4)[descriptor & 3] + content


def _gunzip() -> Unpacker:
    if igzip_lib is None:
        return _Gunzip()
    return cast("Unpacker", igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP))


def _unlz4() -> Unpacker:
    return cast("Unpacker", lz4.frame.LZ4FrameDecompressor())


def _unbzip2() -> Unpacker:
    return cast("Unpacker", bz2.BZ2Decompressor())


_MAKERS: Final[dict[str, Callable[[], Unpacker]]] = {"gzip": _gunzip, "zstd": _Unzstd, "lz4": _unlz4, "bzip2": _unbzip2}
_ISAL_ERROR: Final[type[Exception]] = zlib.error if igzip_lib is None else cast("type[Exception]", igzip_lib.error)
# What the packers raise about their input (bzip2: OSError); none of them reads, so no failure of a disk can be taken
# for damage.
_ERRORS: Final = (RuntimeError, ValueError, EOFError, OSError, zlib.error, zstandard.ZstdError, _ISAL_ERROR)


def packer_of(head: bytes) -> str | None:
    """The packer that these first bytes speak of."""
    if head.startswith(_GZIP):
        return "gzip"
    if head.startswith(_ZSTD) or (head[1:4] == _SKIPPABLE and 0x50 <= head[0] <= 0x5F):
        return "zstd"
    if head.startswith(_BZIP2):
        return "bzip2"
    return "lz4" if head.startswith(_LZ4) else None


class Unpacked:
    """Reads a packed stream, one frame or gzip member after another."""

    def __init__(self, inner: Reader, packer: str, meter: Meter) -> None:
        self.fault: Fault | None = None
        self._inner = inner
        self._packer = packer
        self._meter = meter
        self._unpacker: Unpacker | None = _MAKERS[packer]()
        self._input = b""

    def read(self, size: int) -> bytes:
        while self._unpacker is not None:
            out = self._step(self._unpacker, size)
            if out:
                self._meter.out += len(out)
                fault = self._meter.fault()
                return out if fault is None else self._end(fault)
        return b""

    def _step(self, unpacker: Unpacker, size: int) -> bytes:
        if unpacker.eof:
            self._next_frame(unpacker.unused_data or b"")
            return b""
        data, self._input = self._input, b""
        if not data and unpacker.needs_input:
            data = self._inner.read(_INPUT)
            if not data:
                return self._end(self._inner.fault or Fault("truncated", f"the {self._packer} stream breaks off"))
        try:
            return unpacker.decompress(data, size)
        except _ERRORS as error:
            return self._end(Fault("damaged", f"{self._packer}: {error}"))

    def _next_frame(self, rest: bytes) -> None:
        """Another frame, zeros that fill a block, or bytes that do not belong here."""
        while True:
            rest = rest.lstrip(b"\0") if not packer_of(rest[:4]) else rest
            if len(rest) >= 4:
                break
            more = self._inner.read(_INPUT)
            if not more:
                break
            rest += more
        if not rest:
            self._end(self._inner.fault)
            return
        packer = packer_of(rest[:4])
        if packer is None:
            short = self._inner.fault or Fault("damaged", f"{len(rest)} or more bytes after the {self._packer} stream")
            self._end(short)
            return
        self._packer, self._input = packer, rest
        self._unpacker = _MAKERS[packer]()

    def _end(self, fault: Fault | None) -> bytes:
        self._unpacker = None
        self.fault = fault
        return b""
