"""Law: bytes that come in are counted and hashed as they come; a file is whole, or it has no name.

A sink takes the body of one transfer: `open` begins (or goes on, from where it stopped), `write` takes bytes, `restart`
forgets them. What comes beyond the most that is expected is refused at once.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from clampdown.store.storage import spoken

_HELD: Final = 1 << 20  # bytes that wait in memory, a file
_SYNCED: Final = 16 << 20  # bytes of a large file between two notes of how far it came
LARGE: Final = 8 << 20  # bytes from which a file is worth going on with in another run


class Sink(Protocol):
    """Where a body goes."""

    received: int
    etag: str | None

    def open(self) -> None: ...
    def write(self, data: bytes | memoryview) -> None: ...
    def restart(self) -> None: ...


class Memory:
    """A small answer."""

    etag: str | None = None

    def __init__(self) -> None:
        self._parts = bytearray()
        self.received = 0

    def open(self) -> None:
        """Small answers always begin anew."""
        self.restart()

    def write(self, data: bytes | memoryview) -> None:
        self._parts += data
        self.received += len(data)

    def restart(self) -> None:
        self._parts.clear()
        self.received = 0

    def bytes(self) -> bytes:
        """What came."""
        return bytes(self._parts)


class File:
    """A file that is being brought; `md5` only where there is one to compare with. What is small waits in memory, so
    that the disk is not asked for each file while bytes come in.

    A large one is `lasting`: its first part stays when the run ends before its time, with a note beside it of what is
    synced and of which version (`etag`) it is. The next run goes on from there."""

    def __init__(self, path: Path, *, md5: bool, lasting: bool = False, pool: Executor | None = None) -> None:
        self.path = path
        self._pool = pool  # who hashes and writes while the next bytes come in
        self._putting: Future[None] | None = None
        self._written = 0
        self.etag: str | None = None  # of the answer whose bytes these are
        self._md5 = md5
        self._lasting = lasting
        self._note = path.with_name(f"{path.name}.etag")
        self._unsynced = 0
        self._file: BinaryIO | None = None
        self._held = bytearray()
        self.received = 0
        self._forget()
        if lasting:
            self._go_on()

    def _go_on(self) -> None:
        """Take up what an earlier run left, as far as it was synced."""
        try:
            synced, _, etag = self._note.read_text(encoding="latin-1").strip().partition(" ")
            if not etag.startswith('"') or not synced.isdecimal() or self.path.stat().st_size < int(synced):
                raise ValueError
            file = self.path.open("r+b", buffering=0)
        except (OSError, ValueError):
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)
            return
        file.truncate(int(synced))
        while block := file.read(_HELD):
            self.sha256.update(block)
            if self.md5 is not None:
                self.md5.update(block)
        self._file, self.etag = file, etag
        self.received = self._written = int(synced)

    def _forget(self) -> None:
        self.sha256 = hashlib.sha256()
        # MD5 is what object storages call a file by; it proves nothing against an attacker and is not asked to.
        self.md5 = hashlib.md5(usedforsecurity=False) if self._md5 else None
        self._held.clear()

    def open(self) -> None:
        """Nothing is opened before there is much to write."""

    def write(self, data: bytes | memoryview) -> None:
        self._held += data
        self.received += len(data)
        if len(self._held) >= _HELD:
            self._wait()
            block, self._held = self._held, bytearray()
            if self._pool is None:
                self._put(block)
            else:
                self._putting = self._pool.submit(self._put, block)

    def spill(self) -> None:
        """What is held is hashed and goes to the disk, not yet synced."""
        self._wait()
        block, self._held = self._held, bytearray()
        self._put(block)

    def _wait(self) -> None:
        """Until what was handed on is written, so that blocks keep their order, and no more than two wait."""
        putting, self._putting = self._putting, None
        if putting is not None:
            putting.result()

    def _put(self, block: bytearray) -> None:
        """Hash (in one go: that lets other threads run) and write."""
        self.sha256.update(block)
        if self.md5 is not None:
            self.md5.update(block)
        with spoken(str(self.path)):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("wb", buffering=0)
            view = memoryview(block)
            while view:  # a disk that is nearly full takes a part
                view = view[self._file.write(view) :]
            self._written += len(block)
            self._unsynced += len(block)
            if self._lasting and self.etag is not None and self._unsynced >= _SYNCED:
                os.fsync(self._file.fileno())
                self._note.write_text(f"{self._written} {self.etag}\n", encoding="latin-1")
                self._unsynced = 0

    def restart(self) -> None:
        self._wait()
        self.received = self._unsynced = self._written = 0
        self.etag = None
        self._forget()
        self._note.unlink(missing_ok=True)
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()

    def sync(self) -> None:
        """All of it lasts from here on, without a name yet."""
        with spoken(str(self.path)):
            if self._file is not None:
                os.fsync(self._file.fileno())
                self._file.close()
                self._file = None

    def name(self, target: Path) -> None:
        """Give it its name."""
        with spoken(str(target)):
            self.path.replace(target)
            if self._lasting:
                self._note.unlink(missing_ok=True)

    def abandon(self, *, whole: bool = False) -> None:
        """Forget it; what may be gone on with stays, unless its bytes are known to be wrong (`whole`)."""
        with suppress(Exception):  # the disk's fault, where it has one, is told by what comes next
            self._wait()
        if self._file is not None:
            self._file.close()
            self._file = None
        self._held.clear()
        if whole or not (self._lasting and self._note.exists()):
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)
