"""Law: bytes that come in are counted and hashed as they come; a file is whole, or it has no name.

A sink takes the body of one transfer: `open` begins (or goes on, from where it stopped), `write` takes bytes, `restart`
forgets them. What comes beyond the most that is expected is refused at once.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Protocol

from clampdown.store.storage import spoken


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
    """A file that is being brought; `md5` only where there is one to compare with."""

    def __init__(self, path: Path, *, md5: bool) -> None:
        self.path = path
        self._md5 = md5
        self._file: BinaryIO | None = None
        self.received = 0
        self._forget()

    def _forget(self) -> None:
        self.sha256 = hashlib.sha256()
        # MD5 is what object storages call a file by; it proves nothing against an attacker and is not asked to.
        self.md5 = hashlib.md5(usedforsecurity=False) if self._md5 else None

    def open(self) -> None:
        if self._file is None:
            with spoken(str(self.path)):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("wb", buffering=0)

    def write(self, data: bytes) -> None:
        file = self._file
        assert file is not None  # noqa: S101 - `open` comes first
        with spoken(str(self.path)):
            view = memoryview(data)
            while view:  # a disk that is nearly full takes a part
                view = view[file.write(view) :]
        self.sha256.update(data)
        if self.md5 is not None:
            self.md5.update(data)
        self.received += len(data)

    def restart(self) -> None:
        self.received = 0
        self._forget()
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()

    def finish(self, target: Path) -> None:
        """Sync and name it."""
        file = self._file
        assert file is not None  # noqa: S101
        with spoken(str(target)):
            os.fsync(file.fileno())
            file.close()
            self._file = None
            self.path.replace(target)

    def close(self) -> None:
        """Close it, as it is (for a look at it before it is named)."""
        if self._file is not None:
            self._file.flush()

    def abandon(self) -> None:
        """Forget it."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self.path.unlink(missing_ok=True)
