"""Law: plan, haul, ingest, and say what was covered; each step may be cut off and done again, and nothing is lost.

A question becomes a list of wanted files (the plan, before anything is brought); those that are not here are brought
in portions; each portion goes through the river as any file does. What was asked and answered whole is written down.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from clampdown.errors import EnvironmentFault, Error, UsageError, amount
from clampdown.fetch import fitting
from clampdown.fetch.asking import newest
from clampdown.fetch.bucket import folder_of
from clampdown.fetch.client import Client
from clampdown.fetch.faults import place
from clampdown.fetch.haul import Brought, Haul, Tally, still
from clampdown.fetch.known import all_known
from clampdown.fetch.ledger import Got, Ledger, Request
from clampdown.fetch.services import google, ioda, ooni, ooni_api, radar, ris, routeviews, tor_metrics
from clampdown.fetch.wanted import Asked, Service, Wanted
from clampdown.pipeline import river
from clampdown.pipeline.asked import begins
from clampdown.pipeline.forgetting import recall
from clampdown.pipeline.inputs import Input, Progress, key_of, printable
from clampdown.pipeline.river import Summary, Tell
from clampdown.store.store import Store

SERVICES: Final[Mapping[str, Service]] = {
    one.SERVICE.name: one.SERVICE for one in (ooni, ooni_api, ioda, tor_metrics, radar, google, ris, routeviews)
}
_PORTION: Final = 1 << 30  # bytes that are brought before they are read; provisional
_PORTION_FILES: Final = 5000
_GUESSED_RATE: Final = 2.5e6  # bytes a second, of a plan's time: 20 Mbit/s, and said so
_GUESSED_WAIT: Final = 0.15  # seconds that a request takes beside its bytes
_SETTLED: Final = timedelta(days=3)  # after which nothing is added to an hour of uploads; provisional
_SPARE: Final = 1 << 30  # bytes of disk that stay free


@dataclass(frozen=True)
class Plan:
    """What a question would bring."""

    service: Service
    asked: Asked
    wanted: tuple[Wanted, ...]
    here: int  # of them, that need not be brought
    bytes: int  # of the others, as far as listings say
    unsized: int  # of the others, those of which no listing says the size
    seconds: float  # a guess

    @property
    def files(self) -> int:
        return len(self.wanted)

    @property
    def received(self) -> tuple[datetime, datetime] | None:
        """The uploads that are looked at, where upload and measurement differ."""
        return None if self.service.received is None else self.service.received(self.asked)


@dataclass(frozen=True)
class Fetched:
    """What a run brought and what the store took of it."""

    tally: Tally
    seconds: float
    files: int = 0
    records: int = 0
    measurements: int = 0
    levels: int = 0
    published: int = 0
    copies: int = 0
    rejects: dict[str, int] = field(default_factory=dict[str, int])
    days: tuple[str, ...] = ()
    unread: tuple[Any, ...] = ()


def service_of(name: str) -> Service:
    """The service of this name."""
    if name not in SERVICES:
        raise UsageError(f"there is no service {name!r}", hint=f"Services: {', '.join(SERVICES)}.")
    return SERVICES[name]


def plan(
    service: Service, asked: Asked, client: Client, ledger: Ledger, tell: Tell = river.quiet, *, fresh: bool = False
) -> Plan:
    """List what there is. Nothing is brought yet. `ledger.known` are the inputs of the store. What the same question
    listed long enough ago is taken from the ledger, unless `fresh` wants it listed again."""
    fitting.check(service, asked)
    fitting.has_token(service, asked)
    wanted: list[Wanted] = []
    if service.listed is not None and not fresh:
        asked, wanted = _listed(service, asked, ledger)
    for one in service.plan(asked, client):
        wanted.append(one)
        tell(Progress(stage="list", files=1))
    new = [one for one in wanted if _to_bring(one, ledger)]
    known = sum(one.size or 0 for one in new)
    seconds = known / _GUESSED_RATE + len(new) * _GUESSED_WAIT / client.manners.parallel
    unsized = sum(one.size is None for one in new)
    return Plan(service, asked, tuple(wanted), len(wanted) - len(new), known, unsized, seconds)


def _listed(service: Service, asked: Asked, ledger: Ledger) -> tuple[Asked, list[Wanted]]:
    """What an earlier run of the same question listed, if it was answered whole, and until which upload. Nobody knows
    when a mirror is complete, so it is listed each time; and what was forgotten is listed again."""
    if asked.base is not None:
        return asked, []
    same = (service.name, asked.country, asked.networks, asked.tests, dict(asked.options), None)
    ends: list[datetime] = []
    for one in ledger.requests:
        if (one.service, one.country, one.networks, one.tests, one.options, one.base) != same or one.missing:
            continue
        if one.until_received is None or begins(one, ledger.forgot) > asked.since:
            continue
        looked = datetime.fromisoformat(one.at).replace(tzinfo=None)
        ends.append(min(datetime.fromisoformat(one.until_received), looked - _SETTLED))
    if not ends or service.listed is None or service.at is None:
        return asked, []
    closed = replace(asked, closed=max(ends).replace(minute=0, second=0, microsecond=0))
    found = [
        Wanted(got.service, got.key, service.at(asked, got.key), got.name, size=got.size)
        for (name, key), got in sorted(ledger.got.items())
        if name == service.name and service.listed(closed, key)
    ]
    if any(ledger.here(one.service, one.key) is None for one in found):
        return asked, []  # something is gone: ask for the listing, with its sizes and digests
    return closed, found


def _base(asked: Asked) -> str | None:
    """The mirror as it may be written down: without a user or a query, which may hold a secret."""
    return None if asked.base is None else place(asked.base)


def _to_bring(one: Wanted, ledger: Ledger) -> bool:
    here = ledger.here(one.service, one.key)
    return here is None or not still(one, here)


def fetch(
    made: Plan,
    store: Store,
    client: Client,
    ledger: Ledger,
    *,
    keep: bool = True,
    cap: int | None = None,
    judge: bool = True,
    workers: int = 0,
    parallel: int | None = None,
    tell: Tell = river.quiet,
    portion: int = _PORTION,
) -> Fetched:
    """Bring what the plan lists, and take it into the store. The caller holds the lock of the folder."""
    begun = time.monotonic()
    _check_room(made, ledger, keep=keep, cap=cap)
    recall(store, ledger, made.wanted, made.asked.since)
    haul = _haul(client, ledger, parallel, cap, tell)
    tell(Progress(stage="fetch", total_bytes=made.bytes + sum(_here_bytes(made, ledger))))
    total = _Total()
    ended: Error | None = None
    for some in _portions(made.wanted, _at_once(portion, ledger, keep=keep, cap=cap)):
        brought, ended = _bring(haul, some)
        total.add(_take(brought, store, ledger, keep=keep, workers=workers, tell=tell))
        if not keep:
            haul.let_go()
        if ended is not None:
            break
    if judge and (days := river.unjudged(store)):  # also what a killed run left
        river.judge_store(store, days, workers=workers, progress=tell)
    if ended is not None:
        if haul.tally.new + haul.tally.here:
            ended.what += f"; what came before it is in the store ({haul.tally.new + haul.tally.here:,} files)"
        raise ended
    _write_request(made, ledger, haul.tally)
    return total.fetched(haul.tally, time.monotonic() - begun)


def _bring(haul: Haul, some: Iterable[Wanted]) -> tuple[list[Brought], Error | None]:
    """What came, and the fault that ended the run, if one did: the store takes what came before it. Else a service that
    fails for some files, each time, would keep the others out of the store for ever."""
    brought: list[Brought] = []
    try:
        brought.extend(haul.bring(some))
    except Error as fault:
        return brought + haul.rest(), fault
    return brought, None


def _at_once(portion: int, ledger: Ledger, *, keep: bool, cap: int | None) -> int:
    """Bytes that are brought before they are read: where files go after that, no more than may lie there."""
    return portion if keep or cap is None else max(1, min(portion, cap - ledger.held()))


def _here_bytes(made: Plan, ledger: Ledger) -> Iterator[int]:
    for one in made.wanted:
        if not _to_bring(one, ledger):
            got = ledger.here(one.service, one.key)
            yield got.size if got is not None else 0


def bring(made: Plan, client: Client, ledger: Ledger, *, cap: int | None = None, parallel: int | None = None,
          tell: Tell = river.quiet) -> Tally:  # fmt: skip
    """Only bring the files."""
    haul = _haul(client, ledger, parallel, cap, tell)
    for _ in haul.bring(made.wanted):
        pass
    return haul.tally


def _haul(client: Client, ledger: Ledger, parallel: int | None, cap: int | None, tell: Tell) -> Haul:
    def step(size: int, files: int) -> None:
        tell(Progress(stage="fetch", read=size, files=files))

    return Haul(client, ledger, parallel=parallel, cap=cap, tell=step)


def _check_room(made: Plan, ledger: Ledger, *, keep: bool, cap: int | None) -> None:
    """Is there a place for it? Said before the first byte."""
    if made.asked.base is not None and folder_of(made.asked.base) is not None:
        return  # files of a mirror on this machine are read where they lie
    held = ledger.held()
    if keep and cap is not None and held + made.bytes > cap:
        hint = "Ask for less, raise raw_cap, or let files go after they are read (--no-keep)"
        what = f"{amount(made.bytes)} are to be brought, {amount(held)} are here, and raw_cap allows {amount(cap)}"
        raise EnvironmentFault(what, where=str(ledger.root), hint=hint)
    place = next((folder for folder in (ledger.root, *ledger.root.absolute().parents) if folder.exists()), Path())
    free = shutil.disk_usage(place).free
    wants = made.bytes if keep else min(made.bytes, _PORTION)
    if wants + _SPARE > free:
        hint = "Free some, ask for less, or name another folder with --raw"
        raise EnvironmentFault(
            f"{amount(wants)} are wanted, and {amount(free)} are free", where=str(ledger.root), hint=hint
        )


def _portions(wanted: Iterable[Wanted], most: int) -> Iterator[list[Wanted]]:
    held: list[Wanted] = []
    size = 0
    for one in wanted:
        if held and (size + (one.size or 0) > most or len(held) >= _PORTION_FILES):
            yield held
            held, size = [], 0
        held.append(one)
        size += one.size or 0
    if held:
        yield held


@dataclass
class _Total:
    """Summaries of portions added up."""

    parts: list[Summary] = field(default_factory=list[Summary])
    days: set[str] = field(default_factory=set[str])

    def add(self, part: Summary | None) -> None:
        if part is not None:
            self.parts.append(part)
            self.days.update(part.days)

    def fetched(self, tally: Tally, seconds: float) -> Fetched:
        rejects: Counter[str] = Counter()
        for part in self.parts:
            rejects.update(part.rejects)
        names = ("files", "records", "measurements", "levels", "published", "copies")
        counts = {name: sum(getattr(part, name) for part in self.parts) for name in names}
        unread = tuple(one for part in self.parts for one in part.unread)[:20]
        rejected = dict(sorted(rejects.items()))
        return Fetched(tally, seconds, **counts, rejects=rejected, days=tuple(sorted(self.days)), unread=unread)


def _take(
    brought: list[Brought], store: Store, ledger: Ledger, *, keep: bool, workers: int, tell: Tell
) -> Summary | None:
    """What the store does not hold yet goes through the river; then it is written down which input it became."""
    known = store.manifest().inputs
    fresh: list[tuple[Brought, Input]] = []
    for one in brought:
        if one.path is None or (one.got.input is not None and one.got.input in known):
            continue
        name = printable(one.got.name)
        fresh.append((one, Input(str(one.path), name, name, one.got.size)))
    made = None
    if fresh:
        made = river.ingest([one for _, one in fresh], store, workers=workers, progress=tell, judge=False)
    lines: list[Got] = []
    for one, given in fresh:
        lines.append(msgspec.structs.replace(one.got, input=key_of(given), kept=one.got.kept and keep))
    if not keep:  # also what an earlier run left
        again = {id(one) for one, _ in fresh}
        lines += [msgspec.structs.replace(b.got, kept=False) for b in brought if b.got.kept and id(b) not in again]
    ledger.add(*lines)
    if not keep:
        _let_go(brought, ledger)
    return made


def _let_go(brought: Iterable[Brought], ledger: Ledger) -> None:
    """Remove files that were read, unless another key still keeps the same bytes."""
    wanted = ledger.kept()
    for one in brought:
        if one.got.digest is not None and one.got.digest not in wanted:
            ledger.file(one.got.digest).unlink(missing_ok=True)


def _write_request(made: Plan, ledger: Ledger, tally: Tally) -> None:
    """What was asked, as far as the service could answer it."""
    asked, received = made.asked, made.received
    until = min(asked.until, newest(asked, all_known()[made.service.name], made.service.grain))
    if "uid" in asked.options or until <= asked.since:
        return  # single measurements cover no period; and of this one nothing can be there yet
    ledger.add(
        Request(
            made.service.name,
            asked.since.isoformat(timespec="seconds"),
            until.isoformat(timespec="seconds"),
            datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            country=asked.country,
            networks=asked.networks,
            tests=asked.tests,
            options=dict(asked.options),
            until_received=None if received is None else received[1].isoformat(),
            files=made.files,
            bytes=tally.bytes,
            missing=len(tally.failed),
            failed=tuple(sorted({one.key for one, _ in tally.failed})),
            base=_base(asked),
        )
    )


def failures(tally: Tally, most: int = 10) -> Iterator[str]:
    """The first files that could not be had, in words."""
    for wanted, fault in tally.failed[:most]:
        yield f"{wanted.key}: {fault.what}"
