"""Law: a file is brought once, lies under its digest only when it is whole, and is written down only then.

Bytes come through the client in one thread; what is done is checked, synced and named by a few helpers beside it, so
that the disk does not keep the network waiting. What was here already is handed out without a request.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

import msgspec

from clampdown.errors import EnvironmentFault, Error, FetchError, InputError, amount
from clampdown.fetch.client import Client, Transfer
from clampdown.fetch.faults import Kind, told
from clampdown.fetch.ledger import Got, Ledger
from clampdown.fetch.sinks import LARGE, File
from clampdown.fetch.wanted import Nothing, Wanted
from clampdown.store.storage import spoken

TEMPORARY: Final = ".tmp-"
PART: Final = ".part-"  # of a large file, which the next run goes on with
_TOGETHER: Final = 32  # lines of the ledger that are synced at once
_TOGETHER_BYTES: Final = 8 << 20  # and bytes of them, most of which wait in memory
_SOON: Final = 0.5  # seconds that a file waits for others to be synced with it
_WAITING: Final = 6  # groups of files that may wait for the disk
_SYNCERS: Final = 4
_MORE_TRIES: Final = 3  # of a file whose bytes are not those that the listing names
_PACKED_NAMES: Final = (".gz", ".bz2", ".lz4", ".zst", ".tgz")
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Brought:
    """One wanted file that is here."""

    wanted: Wanted
    got: Got
    path: Path | None  # None: the service has none (a gap), or it was read and removed
    new: bool


@dataclass(slots=True)
class Tally:
    """What a haul did."""

    new: int = 0
    here: int = 0
    bytes: int = 0  # that came over the network
    gaps: int = 0  # files that the service does not have, where that may be
    failed: list[tuple[Wanted, Error]] = field(default_factory=list["tuple[Wanted, Error]"])


@dataclass(slots=True)
class _Job:
    wanted: Wanted
    before: Got | None
    tries: int = 1


Done = list[tuple[_Job, Brought | Error]]
Pending = deque[Future[Done]]


class Haul:
    """One run that brings files into one folder. `cap` is the most bytes that may lie there; `tell(bytes, files)` is
    called as they come."""

    def __init__(
        self, client: Client, ledger: Ledger, *, parallel: int | None = None, cap: int | None = None,
        tell: Callable[[int, int], None] = lambda _bytes, _files: None,
    ) -> None:  # fmt: skip
        self.client, self.ledger, self.tally = client, ledger, Tally()
        self._parallel, self._cap, self._tell = parallel, cap, tell
        self._held = ledger.held()
        self._number = 0
        self._waiting: list[Brought] = []
        self._ready: deque[Brought] = deque()
        self._more: deque[Transfer] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self._group: list[Transfer] = []
        self._group_bytes = 0
        self._grouped = 0.0
        self._clock = time.monotonic
        self._folders: set[Path] = set()
        self._seen: set[tuple[str, str]] = set()

    def bring(self, wanted: Iterable[Wanted]) -> Iterator[Brought]:
        """Each wanted file, and what follows from it, as it is here. A file that could not be had is in the tally; a
        fault that all the others would meet is raised, after what came before it was written down."""
        _sweep(self.ledger.root)
        source: Iterator[Wanted] = iter(wanted)
        pending: Pending = deque()
        with ThreadPoolExecutor(_SYNCERS) as pool:
            self._pool = pool
            try:
                while True:
                    requests = self._transfers(source, pool, pending)
                    for done in self.client.run(requests, parallel=self._parallel, more=self._more):
                        self._done(done)
                        if self._is_full():
                            self._submit(pool, pending)
                        self._collect(pending, most=_WAITING)
                        yield from self._hand_out()
                    self._submit(pool, pending)
                    self._collect(pending, most=0)
                    self._write_down()
                    yield from self._hand_out()
                    if not self._more:
                        return
                    source = iter(())
            finally:
                self._leave(pool, pending)

    def _leave(self, pool: ThreadPoolExecutor, pending: Pending) -> None:
        """At the end, also a bad one: what is whole is written down, the rest forgotten."""
        self._submit(pool, pending)
        for future in pending:
            came = [one for _, one in future.result() if isinstance(one, Brought)]
            self.tally.new += len(came)
            self._waiting += came
        self._write_down()
        for transfer in self._more:
            _forget(transfer)
        self._more.clear()
        _sweep(self.ledger.root)

    def _hand_out(self) -> Iterator[Brought]:
        while self._ready:
            yield self._ready.popleft()

    def _transfers(self, wanted: Iterator[Wanted], pool: ThreadPoolExecutor, pending: Pending) -> Iterator[Transfer]:
        """Requests for what is not here."""
        for one in wanted:
            if (one.service, one.key) in self._seen:
                continue
            self._seen.add((one.service, one.key))
            before = self.ledger.here(one.service, one.key)
            if before is not None and still(one, before):
                self._is_here(one, before)
                continue
            if one.url.startswith("file:"):
                pending.append(pool.submit(_read_local, _Job(one, before)))
                self._collect(pending, most=_WAITING)
                continue
            yield self._transfer(_Job(one, before))

    def _is_here(self, one: Wanted, before: Got) -> None:
        self.tally.here += 1
        path = self.ledger.file(before.digest) if before.digest and before.kept else None
        if path is not None and not path.exists():
            path = None  # the store holds it, and the file is gone
        self._ready.append(Brought(one, before, path, new=False))
        self._tell(before.size, 1)
        self._follow(one, path)

    def _transfer(self, job: _Job) -> Transfer:
        one, before = job.wanted, job.before
        more = (one.size or 0) if job.tries == 1 else 0  # tried again, it was counted
        if self._cap is not None and self._held + more > self._cap:
            hint = "Raise raw_cap, or let files go after they are read: --no-keep"
            raise EnvironmentFault(
                f"the fetched files would take more than {amount(self._cap)}",
                where=str(self.ledger.root),
                hint=hint,
            )
        self._held += more  # from now on: what is under way will lie there, too
        self._number += 1
        large = one.size is None or one.size >= LARGE
        name = _part(one) if large else f"{TEMPORARY}{os.getpid()}-{self._number}"
        sink = File(self.ledger.root / name, md5=one.md5 is not None, lasting=large, pool=self._pool)
        made = Transfer(one.url, sink, token=one.token, size=one.size, tag=job)
        made.packed = one.size is None and not one.name.lower().endswith(_PACKED_NAMES)
        made.most = None if one.size is not None else self.client.manners.most_file
        if before is not None and before.kept and before.digest is not None:
            made.etag, made.modified = before.etag, before.modified
        return made

    def _done(self, done: Transfer) -> None:
        job: _Job = done.tag
        one, fault = job.wanted, done.fault
        if fault is None and done.status == 304 and job.before is not None:
            _forget(done)
            same = msgspec.structs.replace(job.before, settled=one.settled, at=_now())
            self.tally.here += 1
            self._tell(same.size, 1)
            self._keep(Brought(one, same, self.ledger.file(same.digest or ""), new=False))
        elif fault is None:
            self.tally.bytes += done.sink.received
            if not self._group:
                self._grouped = self._clock()
            self._group.append(done)
            self._group_bytes += done.sink.received
        elif one.absent_ok and isinstance(fault, FetchError) and fault.status in (404, 410):
            _forget(done)
            self._gap(one)
        else:
            _forget(done)
            if not isinstance(fault, FetchError) or fault.whole:
                raise fault
            self._give_up(one, fault)

    def _give_up(self, one: Wanted, fault: Error) -> None:
        self._held -= one.size or 0
        self.tally.failed.append((one, fault))

    def let_go(self) -> None:
        """Files of the ledger were removed, to make room for others."""
        self._held = self.ledger.held()

    def rest(self) -> list[Brought]:
        """After a fault that ended the run: what had come by then and was not handed out."""
        return list(self._hand_out())

    def _gap(self, one: Wanted) -> None:
        """The service has none: that is remembered, so that it need not be asked again once it has settled."""
        self.tally.gaps += 1
        got = Got(one.service, one.key, one.name, None, 0, _now(), settled=one.settled)
        self._keep(Brought(one, got, None, new=True))

    def _submit(self, pool: ThreadPoolExecutor, pending: Pending) -> None:
        if self._group:
            pending.append(pool.submit(self._finish, self._group))
            self._group, self._group_bytes = [], 0

    def _is_full(self) -> bool:
        """Is it time to sync what has come?"""
        many = len(self._group) >= _TOGETHER or self._group_bytes >= _TOGETHER_BYTES
        return many or self._clock() - self._grouped > _SOON

    def _finish(self, group: list[Transfer]) -> Done:
        """Check, write, sync and name some files (beside the network's thread). All are written before the first is
        synced: a disk that keeps a journal then syncs them in one go."""
        made: Done = []
        whole: list[tuple[_Job, File, Transfer]] = []
        for done in group:
            job, sink = done.tag, done.sink
            assert isinstance(sink, File)  # noqa: S101 - `_transfer` made it
            try:
                _check(job.wanted, done, sink)
                whole.append((job, sink, done))
            except Error as fault:
                sink.abandon(whole=True)
                made.append((job, fault))
        for job, sink, done in whole:
            try:
                sink.sync()
                target = self.ledger.file(sink.sha256.hexdigest())
                if target.parent not in self._folders:
                    with spoken(str(target)):
                        target.parent.mkdir(parents=True, exist_ok=True)
                    self._folders.add(target.parent)
                sink.name(target)
                made.append((job, Brought(job.wanted, _got(job.wanted, done, sink), target, new=True)))
            except Error as fault:
                sink.abandon()
                made.append((job, fault))
        return made

    def _collect(self, pending: Pending, *, most: int) -> None:
        """Take what the disk is done with; wait where more than `most` groups stand in line."""
        while pending and (len(pending) > most or pending[0].done()):
            for job, found in pending.popleft().result():
                if isinstance(found, Brought):
                    self.tally.new += 1
                    self._held += found.got.size if found.got.kept and found.wanted.size is None else 0
                    self._tell(found.got.size, 1)
                    self._keep(found)
                elif isinstance(found, Nothing) and job.wanted.absent_ok:
                    self._gap(job.wanted)
                elif not isinstance(found, FetchError | InputError):
                    raise found  # the disk
                elif isinstance(found, FetchError) and job.tries < _MORE_TRIES and self.client.budget.spend():
                    self._more.append(self._transfer(_Job(job.wanted, None, job.tries + 1)))
                else:
                    self._give_up(job.wanted, found)

    def _keep(self, brought: Brought) -> None:
        self._waiting.append(brought)
        if len(self._waiting) >= _TOGETHER:
            self._write_down()
        self._follow(brought.wanted, brought.path)

    def _follow(self, one: Wanted, path: Path | None) -> None:
        """What an answer leads to: the next page, the records of a list."""
        if one.follow is None or path is None:
            return
        for following in one.follow(path):
            before = self.ledger.here(following.service, following.key)
            if before is not None and still(following, before):
                self._is_here(following, before)
            else:
                self._more.append(self._transfer(_Job(following, before)))

    def _write_down(self) -> None:
        self.ledger.add(*(one.got for one in self._waiting))
        self._ready.extend(self._waiting)
        self._waiting = []


def still(one: Wanted, before: Got) -> bool:
    """Is what is here what is wanted? What may have changed is asked for again, and so is what the listing says
    is of another size."""
    return before.settled and (one.size is None or before.size == one.size or before.digest is None)


def _part(one: Wanted) -> str:
    """The name of a file while it comes in, the same in each run."""
    return PART + hashlib.sha256(one.service.encode() + b"\0" + one.key.encode()).hexdigest()[:32]


def _check(one: Wanted, done: Transfer, sink: File) -> None:
    """Is it what was wanted? It lies on the disk afterwards, without its name."""
    sink.spill()
    if sink.md5 is not None and sink.md5.hexdigest() != one.md5:
        raise told(Kind("the bytes are not those that the listing names"), one.url, status=done.status)
    kind = done.headers.get("content-type", "").lower()
    if kind.startswith("text/html") and not one.name.lower().endswith((".html", ".htm")):
        hint = "A portal or a filter may have answered in its place: try again, or through a proxy"
        raise told(Kind("a web page came in place of data", hint), one.url, status=done.status)
    if one.check is not None:
        one.check(sink.path)


def _got(one: Wanted, done: Transfer, sink: File) -> Got:
    return Got(
        one.service, one.key, one.name, sink.sha256.hexdigest(), sink.received, _now(),
        etag=done.headers.get("etag"), modified=done.headers.get("last-modified"), settled=one.settled,
    )  # fmt: skip


def _read_local(job: _Job) -> Done:
    try:
        return [(job, _local(job.wanted))]
    except Error as fault:
        return [(job, fault)]


def _local(one: Wanted) -> Brought:
    """A file of a mirror on this machine is read where it lies."""
    path = Path(url2pathname(urlsplit(one.url).path))
    found, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                found.update(block)
                size += len(block)
    except FileNotFoundError as fault:
        raise InputError("the mirror does not have it", where=str(path)) from fault
    except OSError as fault:
        raise InputError(f"it cannot be read: {fault.strerror}", where=str(path)) from fault
    if one.check is not None:
        one.check(path)
    got = Got(one.service, one.key, one.name, found.hexdigest(), size, _now(), settled=one.settled, kept=False)
    return Brought(one, got, path, new=True)


def _forget(transfer: Transfer) -> None:
    if isinstance(transfer.sink, File):
        transfer.sink.abandon()


def _sweep(root: Path) -> None:
    """Remove what a killed run left half brought; only the holder of the folder's lock comes here."""
    for path in root.glob(f"{TEMPORARY}*") if root.is_dir() else ():
        path.unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
