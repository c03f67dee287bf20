"""Law: observe(file) writes rows and rejects and nothing else; every record is one row or one reject.

A task is one large input or several small ones. What is counted here is only what this task can know alone: records
and rejects by reason; what is new is known when the day is settled. The records of a file of signals are its levels
and what it publishes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, BinaryIO, Final

from clampdown.intake.containers import Limits, Opened, Raw, records, refused
from clampdown.intake.features import Kit
from clampdown.intake.sources import (
    SignalSource,
    Source,
    access_now,
    bgp,
    context_csv,
    google_traffic,
    ioda_csv,
    ioda_json,
    ooni,
    outage_list,
    pings,
    plain,
    psiphon,
    radar,
    snapshots,
    snowflake,
    tor_users,
)
from clampdown.model import Batch, Reject
from clampdown.pipeline.inputs import Counted, Input, Progress, open_input
from clampdown.reference import Reference
from clampdown.store import manifest
from clampdown.store.landing import Landing
from clampdown.store.storage import Storage

_TOGETHER: Final = 8 << 20  # bytes of small inputs that share a task
_AT_MOST: Final = 200  # of them
_TABLES: Final = (ooni.OBSERVATIONS, ooni.SCORES)
_TABLE_FORMS: Final = frozenset({"csv", "sql"})
# Sources of signals and of published records; the first whose sniff takes a file reads it.
SIGNALS: Final[tuple[SignalSource, ...]] = (
    bgp.SOURCE,
    psiphon.SOURCE,
    ioda_json.SOURCE,
    radar.SOURCE,
    snowflake.SOURCE,
    google_traffic.SOURCE,
    ioda_csv.SOURCE,
    tor_users.SOURCE,
    pings.SOURCE,
    access_now.SOURCE,
    outage_list.SOURCE,
    context_csv.SOURCE,
    plain.SOURCE,
    snapshots.SOURCE,
)
_SIGNALS_ALONE: Final = (
    "it holds signals, not measurements; clampdown ingest takes them into a store, then clampdown outages says what "
    "they show"
)

Read = Callable[..., Iterator[Batch]]  # as `read_input`; `of` is given where a person named a country


def read_input(
    stream: BinaryIO | Counted, name: str, kit: Kit, limits: Limits, signals: Sequence[SignalSource] = SIGNALS,
    of: str | None = None,
) -> Iterator[Batch]:  # fmt: skip
    """Bytes to batches: each record by its source, neighbours of one source together, a reject by its neighbour's;
    a file of signals as a whole by the source that took it. `of` reaches the sources whose files name no country."""
    found = records(stream, name, limits, signals)  # type: ignore[arg-type]
    takers = {source.name: source for source in signals}
    for source, neighbours in groupby(found, _Sources()):
        if source is not None:
            yield from source.read(_only_records(neighbours), kit)
            continue
        for opened in neighbours:
            if isinstance(opened, Opened):
                taker = takers[opened.source]
                yield from taker.read(opened._replace(of=of) if taker.placeless else opened, kit)


def read_alone(
    stream: BinaryIO | Counted, name: str, kit: Kit, limits: Limits, signals: Sequence[SignalSource] = SIGNALS
) -> Iterator[Batch]:
    """The same where nothing is kept: a file of signals is a reject, because one level alone tells nothing."""
    found = records(stream, name, limits, signals)  # type: ignore[arg-type]
    told = (refused(one, "signals", _SIGNALS_ALONE) if isinstance(one, Opened) else one for one in found)
    for source, neighbours in groupby(told, _Sources()):
        if source is not None:
            yield from source.read(_only_records(neighbours), kit)


def _only_records(found: Iterable[Raw | Reject | Opened]) -> Iterator[Raw | Reject]:
    return (one for one in found if not isinstance(one, Opened))


class _Sources:
    """Which source reads a record, told from the record itself; remembers only its neighbour's. None: a whole file."""

    def __init__(self) -> None:
        self._last = ooni.SOURCE

    def __call__(self, record: Raw | Reject | Opened) -> Source | None:
        if isinstance(record, Opened):
            return None
        if isinstance(record, Raw):
            tables = _TABLES if record.form in _TABLE_FORMS else ()
            self._last = next((source for source in tables if source.sniff(record.data)), ooni.SOURCE)
        return self._last


@dataclass(frozen=True)
class Reader:
    """What every observing process holds."""

    storage: Storage
    kit: Kit
    limits: Limits
    read: Read = read_input


@dataclass(frozen=True, slots=True)
class Task:
    """Inputs that are read together; `key` names their landing parts."""

    key: str
    inputs: tuple[tuple[str, Input], ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """What a task brought."""

    landed: dict[str, manifest.Landed]
    inputs: dict[str, manifest.Input]


def kit_of(reference: Reference) -> Kit:
    """What intake needs of the reference data."""
    return Kit(
        targets=reference.targets,
        bodies=reference.fingerprints.body_matcher(),
        roots=reference.roots,
        references=reference.match_references_digest,
        synthetic_public=reference.public_networks,
        countries=reference.delegations or None,
    )


def reader(storage: Storage, reference: Reference, limits: Limits, read: Read = read_input) -> Reader:
    """Made once in each process."""
    return Reader(storage, kit_of(reference), limits, read)


def tasks(inputs: Iterable[tuple[str, Input]]) -> Iterator[Task]:
    """Small inputs together, large ones alone; the bundle's key follows from its inputs."""
    held: list[tuple[str, Input]] = []
    for key, one in inputs:
        if one.size >= _TOGETHER:
            yield Task(key, ((key, one),))
            continue
        held.append((key, one))
        if len(held) >= _AT_MOST or sum(each.size for _, each in held) >= _TOGETHER:
            yield _bundle(held)
            held = []
    if held:
        yield _bundle(held)


def _bundle(held: list[tuple[str, Input]]) -> Task:
    if len(held) == 1:
        return Task(held[0][0], tuple(held))
    return Task(hashlib.sha256("\n".join(sorted(key for key, _ in held)).encode()).hexdigest(), tuple(held))


def observe(state: Reader, task: Task, tell: Callable[[Any], None]) -> Observed:
    """Read a task's inputs into landing parts."""
    landing = Landing(state.storage, task.key)
    try:
        found = {key: _one(state, landing, key, one, tell) for key, one in task.inputs}
        return Observed(landing.close(), found)
    finally:
        landing.abandon()


def _one(state: Reader, landing: Landing, key: str, one: Input, tell: Callable[[Any], None]) -> manifest.Input:
    count = 0
    reasons: Counter[str] = Counter()
    with open_input(one) as file:
        stream = Counted(file, tell, one.shown)
        said: dict[str, str] = {} if one.of is None else {"of": one.of}
        for batch in state.read(stream, one.name, state.kit, state.limits, **said):
            landing.add(batch, key)
            reasons.update(reject.reason for reject in batch.rejects)
            new = batch.measurements.num_rows + len(batch.rejects)
            if batch.levels is not None:
                new += batch.levels.signals.num_rows + batch.levels.context.num_rows
            count += new
            tell(Progress(records=new))
        stream.say()
    tell(Progress(files=1))
    return manifest.Input(one.name, one.size, state.kit.references, count, dict(sorted(reasons.items())), of=one.of)
