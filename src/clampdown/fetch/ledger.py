"""Law: what was brought is written down once it lies on the disk whole, line by line; a torn last line is no line.

`RAW/ledger.jsonl` names every file by service and key, with its digest; the file itself is `RAW/<2>/<digest>`. The
last line about a key counts; answers that came under it before, and that a store has read, stay named beside it. Times
of fetching stand here, outside of the tables.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from clampdown.errors import EnvironmentFault, StoreError
from clampdown.store.storage import spoken

NAME: Final = "ledger.jsonl"


class Got(msgspec.Struct, frozen=True, tag="got", tag_field="is", omit_defaults=True):
    """One file that was brought (or, with digest null, that the service does not have)."""

    service: str
    key: str
    name: str
    digest: str | None  # sha256 of the bytes
    size: int
    at: str  # when, RFC 3339
    etag: str | None = None
    modified: str | None = None  # as the service said it
    settled: bool = True
    input: str | None = None  # key of the store's input that it became; its being there is for the store to say
    kept: bool = True  # False: the file was removed after it was read

    @property
    def which(self) -> tuple[str, str, str]:
        """Which answer it is: what a service says under one key may change."""
        return self.service, self.key, self.digest or ""


class Request(msgspec.Struct, frozen=True, tag="asked", tag_field="is", omit_defaults=True):
    """One question that was answered whole: the coverage of the store follows from these."""

    service: str
    since: str  # of the time that the data speak of; RFC 3339 without a zone, half-open
    until: str
    at: str  # when the last of it was there
    country: str | None = None
    networks: tuple[int, ...] = ()
    tests: tuple[str, ...] = ()
    options: dict[str, tuple[str, ...]] = {}
    until_received: str | None = None  # uploads after this moment were not looked for
    files: int = 0
    bytes: int = 0
    missing: int = 0  # files that a listing or a rhythm named, and that were not to be had
    failed: tuple[str, ...] = ()  # their keys
    base: str | None = None


class Forgot(msgspec.Struct, frozen=True, tag="forgot", tag_field="is", omit_defaults=True):
    """Retention: what lies before this day was removed on purpose."""

    before: str
    at: str


Line = Got | Request | Forgot


class Ledger:
    """The ledger of one folder of raw files."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self.path = self.root / NAME
        self.got: dict[tuple[str, str], Got] = {}
        self.earlier: dict[tuple[str, str, str], Got] = {}  # other answers of these keys that were read
        self.requests: list[Request] = []
        self.forgot: list[Forgot] = []
        self.torn = 0  # lines that could not be read
        self.known: Container[str] = ()  # inputs that the store holds: files of these may be gone
        self._lock = threading.Lock()
        for line in _lines(self.path):
            if line is None:
                self.torn += 1
            else:
                self._take(line)

    def _take(self, line: Line) -> None:
        if isinstance(line, Got):
            before = self.got.get((line.service, line.key))
            if before is not None and before.digest is not None and before.input is not None:
                self.earlier[before.which] = before
            self.earlier.pop(line.which, None)
            self.got[line.service, line.key] = line
        elif isinstance(line, Request):
            self.requests.append(line)
        else:
            self.forgot.append(line)

    def file(self, digest: str) -> Path:
        """Where the bytes of this digest lie."""
        return self.root / digest[:2] / digest

    def held(self) -> int:
        """Bytes of the files that are kept, each once."""
        return sum(self.kept().values())

    def every(self) -> Iterator[Got]:
        """All that was brought and still counts, in a fixed order; of one key the newest comes last."""
        yield from (self.earlier[which] for which in sorted(self.earlier))
        yield from (self.got[key] for key in sorted(self.got))

    def kept(self) -> dict[str, int]:
        """Digest -> size of the files that are kept."""
        return {got.digest: got.size for got in self.every() if got.digest and got.kept}

    def here(self, service: str, key: str) -> Got | None:
        """What was brought under this key and still counts: its file lies here whole, or the store holds it."""
        found = self.got.get((service, key))
        if found is None or found.digest is None:
            return found
        if found.input is not None and found.input in self.known:
            return found
        if not found.kept:
            return None
        try:
            whole = self.file(found.digest).stat().st_size == found.size
        except OSError:
            whole = False
        return found if whole else None

    def add(self, *lines: Line) -> None:
        """Write lines down; they are on the disk when this comes back."""
        if not lines:
            return
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        with self._lock, spoken(str(self.root)):
            self.root.mkdir(parents=True, exist_ok=True)
            number = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(number).st_size
                if size and os.pread(number, 1, size - 1) != b"\n":
                    data = b"\n" + data  # a killed run left half a line
                view = memoryview(data)
                while view:  # a disk that is nearly full takes a part
                    view = view[os.write(number, view) :]
                os.fsync(number)
            finally:
                os.close(number)
        for line in lines:
            self._take(line)

    def rewrite(self, lines: Iterable[Line]) -> None:
        """Replace the whole ledger (`forget`, `doctor`)."""
        part = self.path.with_name(f".tmp-{NAME}")
        with self._lock, spoken(str(self.root)):
            with part.open("wb") as file:
                file.writelines(msgspec.json.encode(line) + b"\n" for line in lines)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        self.__init__(self.root)

    def lines(self) -> Iterator[Line]:
        """What counts, in a fixed order."""
        yield from self.every()
        yield from self.requests
        yield from self.forgot


def _lines(path: Path) -> Iterator[Line | None]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as fault:
        raise EnvironmentFault(f"cannot be read: {fault.strerror}", where=str(path)) from fault
    decoder = msgspec.json.Decoder(Line)
    for text in data.split(b"\n"):
        if text.strip():
            try:
                yield decoder.decode(text)
            except msgspec.MsgspecError:
                yield None


class RawLock:
    """One run at a time brings files to a folder; the operating system ends the lock with the process."""

    def __init__(self, root: Path) -> None:
        from clampdown.store.storage import LocalStorage

        try:
            self._held = LocalStorage(root).lock()
        except StoreError as fault:
            hint = "Wait until it is done, then run the same command; it goes on where that one ends."
            raise StoreError("another run is fetching into this folder", where=str(root), hint=hint) from fault

    def release(self) -> None:
        """Let the next one in."""
        self._held.release()
