"""Law: what a person names is found or refused by name, before anything is written.

Files, folders, globs and pipes become a sorted list of inputs. An input's key covers its name and its bytes, which is
all that intake sees of it. Names that reach a table are single, printable names; the reader's folders never do.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

from clampdown.errors import EnvironmentFault, InputError
from clampdown.store.manifest import MARK
from clampdown.store.storage import Storage, spoken

# What a folder is searched for; a file that is named itself is read whatever its name.
_KINDS: Final = (".json", ".jsonl", ".yaml", ".yml", ".csv", ".tsv", ".sql", ".tar", ".tgz", ".mrt")
_PACKED: Final = (".gz", ".zst", ".lz4", ".bz2")
_MAGIC: Final = frozenset("*?[")
STDIN: Final = "-"


@dataclass(frozen=True, slots=True)
class Input:
    """One file (or pipe) to read."""

    path: str
    name: str  # its own name, printable
    shown: str  # as the person would write it, printable
    size: int  # 0 where it is not known beforehand
    piped: bool = False
    of: str | None = None  # country, where the person named it and the file needs it


def printable(text: str) -> str:
    """A name that can stand in a table, a page and a terminal: hostile characters become a mark."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def is_measurement_file(name: str) -> bool:
    """Would a folder's search take this file?"""
    low = name.lower()
    return low.endswith((*_KINDS, *_PACKED))


def find(paths: Iterable[str | os.PathLike[str] | Input]) -> list[Input]:
    """Every input that the paths name, sorted, each once; a path that names nothing is an error. Inputs that were
    found already (a fetched file goes by another name than its path) are taken as they are."""
    found: dict[str, Input] = {}
    given = [path if isinstance(path, Input) else os.fspath(path) for path in paths]
    if not given:
        raise InputError("no file was named", hint="Name files, folders, globs, or - for stdin.")
    for path in given:
        for one in [path] if isinstance(path, Input) else _expand(path):
            found.setdefault(f"{one.path}\0{one.name}" if isinstance(path, Input) else one.path, one)
    return sorted(found.values(), key=lambda one: (one.shown, one.path))


def _expand(path: str) -> Iterator[Input]:
    if path == STDIN:
        yield Input(STDIN, "stdin", STDIN, 0, piped=True)
        return
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - follows links, takes any name
    except (FileNotFoundError, NotADirectoryError):
        matches = sorted(glob.glob(path, recursive=True)) if _MAGIC & set(path) else []  # noqa: PTH207
        if not matches:
            raise InputError("there is no such file", where=printable(path)) from None
        for match in matches:
            yield from _expand(match)
        return
    except PermissionError as fault:
        raise _refused(path) from fault
    except (OSError, ValueError) as fault:
        raise InputError("the path cannot be read", where=printable(path)) from fault
    if stat.S_ISDIR(mode):
        yield from _folder(path)
    else:
        yield _input(path, printable(path))


def _folder(top: str) -> Iterator[Input]:
    def refuse(fault: OSError) -> None:
        raise _refused(fault.filename or top) from fault

    none = True
    for folder, folders, names in os.walk(top, onerror=refuse):
        if MARK in names:  # a store is not its own input
            folders.clear()
            continue
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)  # noqa: PTH118
            if is_measurement_file(name) and os.path.isfile(path):  # noqa: PTH113
                none = False
                yield _input(path, printable(path))
    if none:
        kinds = ", ".join(_KINDS[:3])
        raise InputError(
            "the folder holds no measurement file", where=printable(top), hint=f"Looked for {kinds}, tar, also packed."
        )


def _input(path: str, shown: str) -> Input:
    about = os.stat(path)  # noqa: PTH116
    piped = not stat.S_ISREG(about.st_mode)
    if not piped and not os.access(path, os.R_OK):
        raise _refused(path)
    name = printable(os.path.basename(path))  # noqa: PTH119
    return Input(path, name, shown, 0 if piped else about.st_size, piped)


def _refused(path: str | bytes) -> InputError:
    hint = "Ask its owner, or leave it out. Nothing was changed."
    return InputError("no permission to read it", where=printable(os.fsdecode(path)), hint=hint)


def open_input(one: Input) -> BinaryIO:
    """The bytes of an input, from the start."""
    if one.path == STDIN:
        if getattr(sys, "stdin", None) is None:
            raise InputError("stdin is closed", where=STDIN)
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    try:
        return Path(one.path).open("rb")
    except PermissionError as fault:
        raise _refused(one.path) from fault
    except FileNotFoundError as fault:
        raise InputError("it was there and is gone", where=one.shown) from fault
    except OSError as fault:
        raise InputError(f"it cannot be read: {fault.strerror}", where=one.shown) from fault


def spool(one: Input, storage: Storage) -> tuple[Input, IO[bytes]]:
    """Keep what comes through a pipe for a while, because it must be named before it is read."""
    kept = storage.scratch()
    with spoken(one.shown), open_input(one) as pipe:
        shutil.copyfileobj(pipe, kept, 1 << 20)
        kept.flush()
    size = kept.tell()
    return Input(str(kept.name), one.name, one.shown, size, of=one.of), kept


def key_begun(name: str) -> hashlib._Hash:  # pyright: ignore[reportPrivateUsage]
    """The digest of `key_of`, before the bytes."""
    data = name.encode()
    return hashlib.sha256(b"%d:%s" % (len(data), data))


def key_of(one: Input) -> str:
    """sha256 over the name and the bytes; and over the country, of a file that names none."""
    found = key_begun(one.name)
    with open_input(one) as file:
        try:
            while block := file.read(1 << 20):
                found.update(block)
        except OSError as fault:
            raise EnvironmentFault(f"reading failed: {fault.strerror}", where=one.shown) from fault
    return key_with(found.hexdigest(), one.of)


def key_with(key: str, of: str | None) -> str:
    """The key of the same file as one of this country: another input, because its rows are others."""
    return key if of is None else hashlib.sha256(f"of {of} {key}".encode()).hexdigest()


class Counted:
    """A stream that says how far it was read, and of which file it is where reading fails."""

    def __init__(self, file: BinaryIO, tell: Any, shown: str, every: int = 4 << 20) -> None:
        self._file, self._tell, self._shown, self._every = file, tell, shown, every
        self._new = 0

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes."""
        try:
            data = self._file.read(size)
        except OSError as fault:
            raise EnvironmentFault(f"reading failed: {fault.strerror}", where=self._shown) from fault
        self._new += len(data)
        if self._new >= self._every:
            self.say()
        return data

    def say(self) -> None:
        """Tell what was read since the last time."""
        if self._new:
            self._tell(Progress(read=self._new))
            self._new = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of the work: bytes and records since the last step, files and days as they are done."""

    stage: str = "read"  # read | settle
    read: int = 0
    records: int = 0
    files: int = 0
    days: int = 0
    total_bytes: int | None = None  # said once, when it is known
    total_days: int | None = None
