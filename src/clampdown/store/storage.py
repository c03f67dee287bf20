"""Law: a file of the store is there whole or not at all; only names that the store makes are ever written.

`Storage` is the one door to bytes. `create` gives a sink whose content appears under its name at the end, at once;
`write_new` gives up where the name is taken (that is how a manifest is committed). Paths are relative, with "/".
"""

from __future__ import annotations

import errno
import io
import os
import re
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, Final, Protocol, runtime_checkable

from clampdown.errors import EnvironmentFault, StoreError

# Every name is made by the store itself from digests, days and numbers; this is the last fence, not the first.
_PATH: Final = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_=.-]*(/[A-Za-z0-9_=-][A-Za-z0-9_=.-]*)*\Z")
TEMPORARY: Final = ".tmp-"
_LOCK: Final = "lock"
RAW: Final = "raw"  # folder of fetched files, where no other is named; no part of the store itself


@runtime_checkable
class Storage(Protocol):
    """What the store needs of a disk, or of an object storage."""

    def read(self, path: str) -> bytes: ...
    def open(self, path: str) -> BinaryIO: ...
    def create(self, path: str) -> Sink: ...
    def write_new(self, path: str, data: bytes) -> bool: ...
    def list(self, prefix: str) -> list[str]: ...
    def delete(self, *paths: str) -> None: ...
    def size(self, path: str) -> int: ...
    def scratch(self) -> IO[bytes]: ...
    def spill(self) -> str | None: ...
    def sweep(self) -> None: ...
    def strange(self) -> list[str]: ...
    def temporary(self) -> list[str]: ...
    def busy(self) -> bool: ...
    def lock(self) -> Lock: ...


class Sink(Protocol):
    """A file that is being written: `file` takes the bytes; `close` makes it exist, `abandon` forgets it."""

    file: BinaryIO

    def close(self) -> int: ...
    def abandon(self) -> None: ...


class Lock(Protocol):
    """The one writer's seat."""

    def release(self) -> None: ...


def nothing(_step: str) -> None:
    """What happens at each step of a write, outside of tests."""


def in_store(path: str) -> str:
    """A name within a store, or an error."""
    if _PATH.match(path) is None or ".." in path:
        raise StoreError(f"not a name within a store: {path!r}")
    return path


@contextmanager
def spoken(where: str) -> Generator[None, None, None]:
    """Turn what the machine says into words for a person."""
    try:
        yield
    except FileNotFoundError:
        raise
    except PermissionError as fault:
        raise EnvironmentFault("no permission", where=where, hint="Check who owns the folder.") from fault
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = "Free some and run the same command again: the store is whole."
            raise EnvironmentFault("no space left on the disk", where=where, hint=hint) from fault
        if fault.errno == errno.EROFS:
            raise EnvironmentFault("the disk can only be read", where=where) from fault
        raise EnvironmentFault(f"the disk refuses: {fault.strerror or fault}", where=where) from fault


def _unread(fault: OSError) -> None:
    """A folder could not be listed; one that is gone meanwhile is empty."""
    with suppress(FileNotFoundError), spoken(str(fault.filename)):
        raise fault


class LocalStorage:
    """A folder on this machine. `step` is called at each step of a write, so that tests can stop there."""

    def __init__(self, root: Path | str, step: Callable[[str], None] = nothing) -> None:
        self.root = Path(root)
        self.step = step

    def __repr__(self) -> str:
        return f"LocalStorage({str(self.root)!r})"

    def _at(self, path: str) -> Path:
        return self.root / in_store(path)

    def read(self, path: str) -> bytes:
        with spoken(str(self.root / path)):
            return self._at(path).read_bytes()

    def open(self, path: str) -> BinaryIO:
        with spoken(str(self.root / path)):
            return self._at(path).open("rb")

    def create(self, path: str) -> Sink:
        return _LocalSink(self._at(path), self.step)

    def write_new(self, path: str, data: bytes) -> bool:
        sink = _LocalSink(self._at(path), self.step)
        try:
            with spoken(str(self.root)):
                sink.file.write(data)
            return sink.publish(new=True)
        finally:
            sink.abandon()

    def list(self, prefix: str) -> list[str]:
        """Every finished file below `prefix`, sorted; none where it is not there. What is not listed may be deleted."""
        found = [Path(at) / name for at, _, names in os.walk(self._at(prefix), onerror=_unread) for name in names]
        return sorted(p.relative_to(self.root).as_posix() for p in found if not p.name.startswith(TEMPORARY))

    def delete(self, *paths: str) -> None:
        for path in paths:
            with spoken(str(self.root / path)):
                self.step(f"delete {path}")
                self._at(path).unlink(missing_ok=True)

    def size(self, path: str) -> int:
        with spoken(str(self.root / path)):
            return self._at(path).stat().st_size

    def scratch(self) -> IO[bytes]:
        """A passing file within the store's folder, for what must be read twice (a pipe)."""
        with spoken(str(self.root)):
            return tempfile.NamedTemporaryFile(dir=self.root, prefix=TEMPORARY)

    def spill(self) -> str:
        """A folder for what a query cannot hold in memory."""
        return str(self.root.resolve() / f"{TEMPORARY}spill-{os.getpid()}")

    def sweep(self) -> None:
        """Remove what killed writers left half written, and folders left empty. Only the lock's holder may. The folder
        of fetched files has a lock of its own: what is half written there may still grow."""
        with spoken(str(self.root)):
            for folder, _, names in os.walk(self.root, topdown=False):
                if Path(folder).relative_to(self.root).parts[:1] == (RAW,):
                    continue
                for name in names:
                    if name.startswith(TEMPORARY) or Path(folder).name.startswith(TEMPORARY):
                        (Path(folder) / name).unlink(missing_ok=True)
                passing = "=" in Path(folder).name or Path(folder).name.startswith(TEMPORARY)
                if passing and not any(Path(folder).iterdir()):
                    Path(folder).rmdir()

    def temporary(self) -> list[str]:
        """What killed writers left half written, or a writer writes just now."""
        found: list[str] = []
        for folder, folders, names in os.walk(self.root):
            here = Path(folder).relative_to(self.root)
            if here == Path():
                folders[:] = [name for name in folders if name != RAW]
            left = Path(folder).name.startswith(TEMPORARY)
            found += [(here / name).as_posix() for name in names if left or name.startswith(TEMPORARY)]
        return sorted(found)

    def busy(self) -> bool:
        """Is another command writing? Nothing is made to find out."""
        try:
            number = os.open(self.root / _LOCK, os.O_RDWR)
        except OSError:
            return False  # nobody ever wrote here, or nobody may
        try:
            _seize(number)
        except OSError:
            return True
        finally:
            os.close(number)
        return False

    def strange(self) -> list[str]:
        """What lies here that no store would have put here."""
        ours = ("lock", "clampdown.json", "landing", "tables", "reference", "manifest", "log", RAW)
        with spoken(str(self.root)):
            names = (path.name for path in self.root.iterdir()) if self.root.exists() else ()
            return sorted(name for name in names if name not in ours and not name.startswith(TEMPORARY))

    def lock(self) -> Lock:
        with spoken(str(self.root)):
            self.root.mkdir(parents=True, exist_ok=True)
            return _LocalLock(self.root / _LOCK)


class _LocalSink:
    """Write beside the name, sync, then give it the name."""

    def __init__(self, target: Path, step: Callable[[str], None]) -> None:
        self._target = target
        self._step = step
        with spoken(str(target.parent)):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._step(f"begin {target.name}")
            number, name = tempfile.mkstemp(dir=target.parent, prefix=TEMPORARY)
        self._temporary: Path | None = Path(name)
        self.file: BinaryIO = os.fdopen(number, "wb")

    def close(self) -> int:
        self.publish(new=False)
        return self._target.stat().st_size

    def publish(self, *, new: bool) -> bool:
        """Give the name; with `new`, only where nothing has it yet (False: it is taken)."""
        temporary = self._temporary
        if temporary is None:
            raise StoreError("a file of the store was closed twice", where=str(self._target))
        with spoken(str(self._target.parent)):
            self._step(f"written {self._target.name}")
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
            self._step(f"synced {self._target.name}")
            done = _name_new(temporary, self._target) if new else _name(temporary, self._target)
            self._temporary = None
            self._step(f"named {self._target.name}")
            _sync_folder(self._target.parent)
            self._step(f"done {self._target.name}")
        return done

    def abandon(self) -> None:
        """Forget what was written; nothing after `close`."""
        temporary, self._temporary = self._temporary, None
        if temporary is None:
            return
        with suppress(OSError):
            self.file.close()  # may try to write what is still buffered onto a full disk
        temporary.unlink(missing_ok=True)


def _name(temporary: Path, target: Path) -> bool:
    temporary.chmod(0o644)
    temporary.replace(target)
    return True


def _name_new(temporary: Path, target: Path) -> bool:
    """A hard link fails where the name is taken; a disk without hard links gets an exclusive create."""
    temporary.chmod(0o644)
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError:
        try:
            number = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(number, "wb") as file:
            file.write(temporary.read_bytes())
            file.flush()
            os.fsync(file.fileno())
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _sync_folder(folder: Path) -> None:
    """Make the name itself last; not every system lets a folder be opened."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    with suppress(OSError):
        os.fsync(number)
    os.close(number)


class _LocalLock:
    """Held by the operating system for this process: a killed writer's lock ends with it."""

    def __init__(self, path: Path) -> None:
        self._number = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _seize(self._number)
        except OSError as fault:
            os.close(self._number)
            hint = "Wait until it is done, then run the same command."
            raise StoreError("another command is writing to this store", where=str(path.parent), hint=hint) from fault

    def release(self) -> None:
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)


def _seize(number: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: said to be respected, and that it was not tried
        import msvcrt

        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)


class MemoryStorage:
    """A store in memory, for a look at files without leaving any, and for tests; crosses no process border."""

    def __init__(self, before_write: Callable[[str], None] = nothing) -> None:
        self.files: dict[str, bytes] = {}
        self.before_write = before_write
        self._locked = False

    def read(self, path: str) -> bytes:
        with spoken(path):
            if path not in self.files:
                raise FileNotFoundError(path)
            return self.files[path]

    def open(self, path: str) -> BinaryIO:
        return io.BytesIO(self.read(path))

    def create(self, path: str) -> Sink:
        with spoken(path):
            self.before_write(path)
        return _MemorySink(self, path)

    def write_new(self, path: str, data: bytes) -> bool:
        with spoken(path):
            self.before_write(path)
            if path in self.files:
                return False
            self.files[path] = data
            return True

    def list(self, prefix: str) -> list[str]:
        return sorted(path for path in self.files if path.startswith(f"{prefix}/"))

    def delete(self, *paths: str) -> None:
        for path in paths:
            self.files.pop(path, None)

    def size(self, path: str) -> int:
        return len(self.read(path))

    def scratch(self) -> IO[bytes]:
        return tempfile.NamedTemporaryFile(prefix=TEMPORARY)

    def spill(self) -> None:
        return None

    def sweep(self) -> None:
        """Nothing is ever half written here."""

    def strange(self) -> list[str]:
        return []

    def temporary(self) -> list[str]:
        return []

    def busy(self) -> bool:
        return self._locked

    def lock(self) -> Lock:
        if self._locked:
            raise StoreError("another command is writing to this store")
        self._locked = True
        return self

    def release(self) -> None:
        self._locked = False


class _MemorySink:
    def __init__(self, storage: MemoryStorage, path: str) -> None:
        self._storage, self._path = storage, path
        self.file: BinaryIO = io.BytesIO()

    def close(self) -> int:
        with spoken(self._path):
            self._storage.before_write(self._path)
        data = self.file.getvalue()  # type: ignore[attr-defined]
        self._storage.files[self._path] = data
        return len(data)

    def abandon(self) -> None:
        self.file = io.BytesIO()
