"""Law: bytes that come in are counted and hashed as they come; a file is whole, or it has no name.

A sink takes the body of one transfer: `open` begins (or goes on, from where it stopped), `write` takes bytes, `restart`
forgets them. What comes beyond the most that is expected is refused at once.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from clampdown.store.storage import spoken

_HELD: Final = 1 << 20  # bytes that wait in memory, a file


class Sink(Protocol):
    """Where a body goes."""

    received: int

    def open(self) -> None: ...
    def write(self, data: bytes) -> None: ...
    def restart(self) -> None: ...


class Memory:
    """A small answer."""

    def __init__(self) -> None:
        self._parts = bytearray()
        self.received = 0

    def open(self) -> None:
        """Small answers always begin anew."""
        self.restart()

    def write(self, data: bytes) -> None:
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
    that the disk is not asked for each file while bytes come in."""

    def __init__(self, path: Path, *, md5: bool) -> None:
        self.path = path
        self._md5 = md5
        self._file: BinaryIO | None = None
        self._held = bytearray()
        self.received = 0
        self._forget()

    def _forget(self) -> None:
        self.sha256 = hashlib.sha256()
        # MD5 is what object storages call a file by; it proves nothing against an attacker and is not asked to.
        self.md5 = hashlib.md5(usedforsecurity=False) if self._md5 else None
        self._held.clear()

    def open(self) -> None:
        """Nothing is opened before there is much to write."""

    def write(self, data: bytes) -> None:
        self._held += data
        self.received += len(data)
        if len(self._held) >= _HELD:
            self.spill()

    def spill(self) -> None:
        """What is held is hashed (in one go: that lets other threads run) and goes to the disk, not yet synced."""
        self.sha256.update(self._held)
        if self.md5 is not None:
            self.md5.update(self._held)
        with spoken(str(self.path)):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("wb", buffering=0)
            view = memoryview(self._held)
            while view:  # a disk that is nearly full takes a part
                view = view[self._file.write(view) :]
            view.release()
        self._held = bytearray()

    def restart(self) -> None:
        self.received = 0
        self._forget()
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

    def abandon(self) -> None:
        """Forget it."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._held.clear()
        self.path.unlink(missing_ok=True)
