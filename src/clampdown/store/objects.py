"""Law: in a bucket as in a folder: an object is there whole or not at all, and one writer at a time makes them.

The same names hold the same bytes as in a folder. What a part needs while it grows, what a query spills and what comes
through a pipe lie in a folder of this machine, that of passing files (TMPDIR).
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

from clampdown.errors import EnvironmentFault, StoreError
from clampdown.store.access import Access, place_of
from clampdown.store.bucket import CHUNK, LISTED, Bucket, Patience
from clampdown.store.lease import CLOCK, LOCK, SECONDS, Lease, busy
from clampdown.store.manifest import MARK
from clampdown.store.storage import RAW, TEMPORARY, Lock, Sink, in_store, spoken

_TAIL: Final = 1 << 20  # of an object that is opened, asked for at once: most parts are smaller, any footer is
_OURS: Final = (LOCK, CLOCK, MARK, "landing", "tables", "reference", "manifest", "log", RAW)
_MANIFESTS: Final = "manifest/"
_COMMITS: Final = re.compile(r"(manifest|log)/")


class ObjectStorage:
    """A part of a bucket, s3://bucket/prefix. Without `access`, each process takes that of its environment."""

    def __init__(
        self,
        address: str,
        access: Access | None = None,
        *,
        patience: Patience | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self.address = address
        self.bucket = Bucket(place_of(address), access, patience)
        self._seconds = seconds
        self._lease: Lease | None = None
        # One command asks for the newest manifest a dozen times, and it may be large: it is not brought again while
        # the listing that names it says that it is what it was.
        self._manifest: tuple[str, str, bytes] | None = None
        self._listed: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"ObjectStorage({str(self.bucket.place)!r})"

    def __getstate__(self) -> dict[str, Any]:
        """What a worker needs; the lease stays with the process that took it."""
        return {**self.__dict__, "_lease": None, "_manifest": None, "_listed": {}}

    def read(self, path: str) -> bytes:
        kept = self._manifest
        if kept is not None and kept[0] == path and kept[1] and self._listed.get(path) == kept[1]:
            return kept[2]
        data, version = self.bucket.get(in_store(path))
        if path.startswith(_MANIFESTS):
            self._manifest = (path, version.etag, data)
        return data

    def open(self, path: str) -> BinaryIO:
        # Python's own reader around it would read ahead, a question for every few kilobytes.
        return cast("BinaryIO", _Ranges(self.bucket, in_store(path)))

    def create(self, path: str) -> Sink:
        if self._lease is not None:
            self._lease.check()
        return _ObjectSink(self.bucket, in_store(path))

    def write_new(self, path: str, data: bytes) -> bool:
        if self._lease is not None and _COMMITS.match(path):
            self._lease.confirm()
        return self.bucket.create(in_store(path), data) is not None

    def list(self, prefix: str) -> list[str]:
        found = self.bucket.list(in_store(prefix))
        if f"{prefix}/" == _MANIFESTS:
            self._listed = found
            if not found:
                self._confirm_empty()
        return sorted(found)

    def _confirm_empty(self) -> None:
        """Without manifests a store is taken for a new one. To the client any page with status 200 is a listing of
        nothing, so what is known to be there must be listed too."""
        try:
            self.size(MARK)
        except FileNotFoundError:
            return
        if MARK not in self.bucket.names():
            what = "listings leave out what is there: someone else may have answered"
            raise EnvironmentFault(what, where=str(self.bucket.place), hint=LISTED)

    def delete(self, *paths: str) -> None:
        if self._lease is not None and paths:
            self._lease.confirm()  # another writer may have made what this one would clear away
        self.bucket.delete([in_store(path) for path in paths])

    def size(self, path: str) -> int:
        return self.bucket.head(in_store(path)).size

    def scratch(self) -> IO[bytes]:
        """A passing file on this machine, for what must be read twice (a pipe)."""
        with spoken(tempfile.gettempdir()):
            return tempfile.NamedTemporaryFile(dir=self._folder(), prefix=TEMPORARY)

    def spill(self) -> str:
        """A folder on this machine for what a query cannot hold in memory."""
        with spoken(tempfile.gettempdir()):
            return str(self._folder() / f"{TEMPORARY}spill-{os.getpid()}")

    def _folder(self) -> Path:
        """This store's folder among the passing files; nobody else's."""
        user = str(os.getuid()) if hasattr(os, "getuid") else ""
        name = hashlib.sha256(f"{self.bucket.place}".encode()).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"clampdown-{user}-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or (user and str(about.st_uid) != user):
            raise EnvironmentFault("it is another's", where=str(folder), hint="Name another folder in TMPDIR.")
        return folder

    def sweep(self) -> None:
        """Remove what killed writers of this machine left. Half an upload is no object."""
        with spoken(tempfile.gettempdir()):
            for left in self._folder().iterdir():
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)

    def strange(self) -> list[str]:
        """What lies here that no store would have put here."""
        return [name for name in self.bucket.names() if name not in _OURS]

    def temporary(self) -> list[str]:
        return []  # what is half written is no object

    def busy(self) -> bool:
        """Is another command writing?"""
        return busy(self.bucket)

    def lock(self) -> Lock:
        held = Lease(self._patient(), self._seconds)
        self._lease = held
        return _Seat(self, held)

    def _patient(self) -> Bucket:
        """For the lease: what is not answered within a beat is asked again at the next."""
        known, beat = self.bucket.patience, self._seconds / 3
        shorter = Patience(min(known.connect, beat), min(known.silence, beat), min(known.total, beat), known.tries)
        return Bucket(self.bucket.place, self.bucket.access, shorter)

    def leave(self, lease: Lease) -> None:
        """The seat is given back."""
        if self._lease is lease:
            self._lease = None


class _Seat:
    """The writer's seat: while it is taken, what the storage writes asks for it."""

    def __init__(self, storage: ObjectStorage, lease: Lease) -> None:
        self._storage, self._lease = storage, lease

    def release(self) -> None:
        self._storage.leave(self._lease)
        self._lease.release()


class _ObjectSink:
    """Grows in memory while it is small, then in a passing file; uploaded as a whole when it is closed."""

    def __init__(self, bucket: Bucket, path: str) -> None:
        self._bucket, self._path = bucket, path
        with spoken(tempfile.gettempdir()):
            kept = tempfile.SpooledTemporaryFile(max_size=CHUNK)  # noqa: SIM115 - closed by `close` or `abandon`
        self.file: BinaryIO = cast("BinaryIO", kept)
        self._open = True

    def close(self) -> int:
        if not self._open:
            raise StoreError("a file of the store was closed twice", where=self._path)
        with spoken(tempfile.gettempdir()):
            size = self.file.seek(0, os.SEEK_END)
            self.file.seek(0)
            self._bucket.put(self._path, self.file.read() if size <= CHUNK else self.file)
        self.abandon()
        return size

    def abandon(self) -> None:
        self._open = False
        self.file.close()


class _Ranges(io.RawIOBase):
    """An object as a file: its end is held, the rest is asked for piece by piece. Where the next piece begins is
    written down before it is asked for, so that two threads of one reader do not mix theirs."""

    def __init__(self, bucket: Bucket, path: str) -> None:
        super().__init__()
        self._bucket, self._path = bucket, path
        self._end, self._size = bucket.tail(path, _TAIL)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        start = self._at
        end = self._size if size is None or size < 0 else min(start + size, self._size)
        if start >= end:
            return b""
        self._at = end
        held = self._size - len(self._end)
        if start >= held:
            return self._end[start - held : end - held]
        return self._bucket.span(self._path, start, end)

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)
