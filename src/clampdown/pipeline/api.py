"""Law: the command line is this, spelled in words: a dozen functions, tables that anyone's tools take.

What leaves here for a person's notebook carries ordinals for vantage points and no report ids, as exports do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from clampdown.errors import EnvironmentFault, InputError, UsageError
from clampdown.intake.containers import Limits
from clampdown.judge.rules import Rules, load_rules
from clampdown.model import FIRED, MEASUREMENTS, VERDICTS, Reject
from clampdown.pipeline import alone, answers, river, whose
from clampdown.pipeline.alone import Alone
from clampdown.pipeline.inputs import Progress
from clampdown.pipeline.river import Summary
from clampdown.publish import judged
from clampdown.publish.table import Export, public
from clampdown.reference import Reference
from clampdown.reference import load_reference as _load_reference
from clampdown.reference.load import kind_of
from clampdown.store.access import folder_of, is_address
from clampdown.store.storage import LocalStorage, Storage
from clampdown.store.store import Filter, Store, country_code, moment, network_number

Path_: TypeAlias = str | PathLike[str]
Moment = answers.Moment
Tell = Callable[[Progress], None]
report, verify, show = answers.report, answers.verify, answers.show


def open_store(path: Path_, *, create: bool = False) -> Store:
    """The store in this folder, or at s3://bucket/prefix; with `create`, an empty one where there is none."""
    held, name = _storage(path)
    return river.open_storage(held, name, create=create)


def storage_at(path: Path_) -> Storage:
    """The storage in this folder, or at s3://bucket/prefix, whether or not it is a store."""
    return _storage(path)[0]


def _storage(path: Path_) -> tuple[Storage, str]:
    """A storage, and how a person is told of it."""
    folder = os.fspath(path)
    if is_address(folder):
        from clampdown.store.objects import ObjectStorage

        held = ObjectStorage(folder)
        return held, str(held.bucket.place)
    folder = folder_of(folder)
    if Path(folder).exists() and not Path(folder).is_dir():
        raise EnvironmentFault("a store is a folder, and this is a file", where=folder)
    return LocalStorage(folder), folder


def load_reference(source: Path_ | Mapping[str, bytes] | None = None) -> Reference:
    """The package's own reference data, extended by a folder (or by files given as name -> content)."""
    if source is None or isinstance(source, Mapping):
        return _load_reference(source)
    folder = Path(source)
    if not folder.is_dir():
        raise InputError("there is no such folder of reference data", where=str(folder))
    try:
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
            and (path.suffix.lower() in (".toml", ".csv", ".pem") or kind_of(path.name) == "delegated")
        }
    except PermissionError as fault:
        raise InputError("no permission to read it", where=str(fault.filename)) from fault
    return _load_reference(files)


def ingest(
    paths: Path_ | Iterable[Path_],
    store: Store | Path_,
    *,
    reference: Reference | None = None,
    rules: Rules | None = None,
    workers: int = 0,
    progress: Tell = river.quiet,
    judge: bool = True,
    again: bool = False,
    limits: Limits | None = None,
    of: str | None = None,
) -> Summary:
    """Read files into a store (made where there is none), settle and judge the days that they touch. `of`: the country
    of files that name none."""
    of = None if of is None else whose.country_said(of)
    given = [paths] if isinstance(paths, str | PathLike) else list(paths)
    found = river.find(given)  # before a store is made for nothing
    held = store if isinstance(store, Store) else open_store(store, create=True)
    return river.ingest(
        [one.path for one in found], held, reference=reference, rules=rules, workers=workers, progress=progress,
        judge=judge, again=again, limits=limits, of=of,
    )  # fmt: skip


@dataclass(frozen=True)
class Judgements:
    """What `judge` found. From files, each record was judged alone; from a store, with the controls of its day."""

    parts: tuple[Alone, ...]
    rules: Rules
    days: tuple[str, ...] = ()  # days of a store that were judged again by this call

    @cached_property
    def measurements(self) -> pa.Table:
        return public(pa.concat_tables([MEASUREMENTS.empty_table(), *(part.measurements for part in self.parts)]))

    @cached_property
    def verdicts(self) -> pa.Table:
        return public(pa.concat_tables([VERDICTS.empty_table(), *(part.verdicts for part in self.parts)]))

    @cached_property
    def fired(self) -> pa.Table:
        return pa.concat_tables([FIRED.empty_table(), *(part.fired for part in self.parts)])

    @property
    def rejects(self) -> tuple[Reject, ...]:
        return tuple(reject for part in self.parts for reject in part.rejects)

    def lines(self) -> Iterator[judged.Line]:
        """One line per measurement and target, in the shape of the contract."""
        reasons = answers.reasons(self.rules)
        for part in self.parts:
            yield from judged.lines(part.measurements, part.verdicts, part.fired, reasons, _places(part))


def _places(part: Alone) -> list[judged.Place]:
    """Where each record lies, the file being named as the person named it."""
    locators = part.measurements["locator"].to_pylist()
    if not part.files:
        return [judged.place_of(locator) for locator in locators]
    return [judged.place_of(locator)._replace(file=file) for locator, file in zip(locators, part.files, strict=True)]


def judge(
    paths: Path_ | Iterable[Path_] | None = None,
    *,
    store: Store | Path_ | None = None,
    reference: Reference | None = None,
    rules: Rules | None = None,
    workers: int = 0,
    progress: Tell = river.quiet,
    limits: Limits | None = None,
    since: Moment = None,
    until: Moment = None,
    country: str | None = None,
) -> Judgements:
    """Judge files, each record alone; or what a store holds, judging again the days that are stale."""
    known = rules or load_rules()
    if (paths is None) == (store is None):
        raise UsageError("judge takes files or a store", hint="Give one of them.")
    if paths is not None:
        given = [paths] if isinstance(paths, str | PathLike) else list(paths)
        found = alone.judge_files(
            given, reference=reference, rules=known, workers=workers, progress=progress, limits=limits
        )
        return Judgements(tuple(found), known)
    held = store if isinstance(store, Store) else open_store(store or "")
    days = river.judge_store(held, reference=reference, rules=known, workers=workers, progress=progress)
    wanted = filter_of(since=since, until=until, country=country)
    tables = [held.table(name, wanted) for name in ("measurements", "verdicts", "fired")]
    return Judgements((Alone(tables[0], tables[1], tables[2], (), ()),), known, days)


def filter_of(
    *,
    since: Moment = None,
    until: Moment = None,
    country: str | Collection[str] | None = None,
    network: int | str | Collection[int | str] | None = None,
    target: str | Collection[str] | None = None,
    group: str | None = None,
    measurement: str | Collection[str] | None = None,
    reference: Reference | None = None,
) -> Filter:
    """A filter in the words of the command line. A group or a platform stands for the targets of all its roles."""
    targets = _set(target)
    if targets or group:
        table = (reference or _load_reference()).targets
        roles = {f"{p.id}/{role}" for p in table.platforms.values() if p.id in targets for role in p.roles}
        targets = frozenset({one for one in targets if "/" in one} | roles) if targets else targets
        if group is not None:
            if group not in table.groups():
                raise UsageError(f"there is no group {group!r}", hint=f"Groups: {', '.join(table.groups())}")
            members = frozenset(table.group(group))
            targets = targets & members if targets else members
        if not targets:
            raise UsageError("no target goes by this name", hint="Say web/<host>, <platform> or <platform>/<role>.")
    return Filter(
        since=moment(since),
        until=moment(until),
        countries=frozenset(country_code(one) for one in _set(country)),
        networks=frozenset(map(network_number, _all(network))),
        targets=targets,
        measurements=_set(measurement),
    )


def _all(value: object) -> tuple[object, ...]:
    """One value, or those of a collection; nothing asked for is none."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, Collection) and not isinstance(value, str | bytes) else (value,)


def _set(value: object) -> frozenset[str]:
    texts = _all(value)
    for text in texts:
        if not isinstance(text, str):
            raise UsageError(f"{text!r} is not a name", hint="Give it as text.")
    return frozenset(text for text in texts if isinstance(text, str) and text)


def _rows(name: str, store: Store | Path_, wanted: Mapping[str, object]) -> pa.Table:
    held = store if isinstance(store, Store) else open_store(store)
    return public(held.table(name, _filter(held, wanted)))


def _filter(store: Store, wanted: Mapping[str, object]) -> Filter:
    """A filter whose groups and platforms are those of the reference that the store used last."""
    words = dict(wanted)
    if words.get("reference") is None and (words.get("target") or words.get("group")):
        words["reference"] = river.reference_of(store, None)
    return filter_of(**words)  # type: ignore[arg-type]


def observations(store: Store | Path_, **wanted: object) -> pa.Table:
    """What happened: one flat fact a row. Filters: since, until, country, network, target, group, measurement."""
    return _rows("observations", store, wanted)


def verdicts(store: Store | Path_, **wanted: object) -> pa.Table:
    """What the rules say: one row per measurement and target. Filters as for observations."""
    return _rows("verdicts", store, wanted)


def cells(store: Store | Path_, **wanted: object) -> pa.Table:
    """Counts per day, hour, country, network, target, test, layer and vantage point. Filters as for observations."""
    return _rows("cells", store, wanted)


def export(
    store: Store | Path_,
    table: str,
    to: Path_ | None = None,
    *,
    format: str = "parquet",  # noqa: A002 - the word of the command line
    reference: Reference | None = None,
    **wanted: object,
) -> Export:
    """A table as Parquet, CSV or JSON lines, with its terms. With `to`, written there; else the chunks are yours."""
    held = store if isinstance(store, Store) else open_store(store)
    chosen = _filter(held, {"reference": reference, **wanted})
    made = answers.export(held, table, format, wanted=chosen, reference=reference)
    if to is None:
        return made
    try:
        with Path(to).open("wb") as file:
            file.writelines(made.chunks)
    except OSError as fault:
        raise EnvironmentFault(f"it cannot be written: {fault.strerror}", where=os.fspath(to)) from fault
    return Export((), made.notes)
