"""Law: a rank is read from the store at one moment; what was not measured is in its frame and not in its order.

`frame`: `all` countries with a settled population, those that were `measured`, or a file of codes or names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess import rank_document as doc
from clampdown.assess.document import Inputs, Snapshot, Source
from clampdown.assess.hours import Cuts, cuts_of
from clampdown.assess.names import is_synthetic
from clampdown.assess.rank_answer import Beside, Given, build
from clampdown.assess.rank_cells import COLUMNS, Tallied, tally
from clampdown.assess.rank_limits import Terms, load_terms, read_weights, weights_of
from clampdown.assess.scores import read as read_scores
from clampdown.engine import Engine, Stream
from clampdown.errors import EnvironmentFault, InputError, UsageError
from clampdown.model import CELLS
from clampdown.pipeline.answers import Moment
from clampdown.pipeline.references import made_with
from clampdown.reference import Reference
from clampdown.reference.countries import country_named, country_of
from clampdown.store.counts import of_day
from clampdown.store.manifest import Manifest
from clampdown.store.store import Filter, Store, moment

ALL: Final = "all"
MEASURED: Final = "measured"
_KINDS: Final = ("shutdown", "outage")


@dataclass(frozen=True, slots=True)
class Ranked:
    """The document, and what must be told beside it."""

    rank: doc.Rank
    detected: bool  # were outages looked for
    stale: bool  # have days changed since


def rank(
    store: Store,
    *,
    since: Moment = None,
    until: Moment = None,
    components: Sequence[str] = (),
    weights: Mapping[str, float] | str | os.PathLike[str] | None = None,
    frame: str | os.PathLike[str] | Sequence[str] = ALL,
    compare: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    higher: str | None = None,
    year: int | None = None,
    reference: Reference | None = None,
    terms: Terms | None = None,
    seed: int = 0,
    threads: int = 2,
) -> Ranked:
    """How countries compare in what was measured of them."""
    begin, end = moment(since), moment(until)
    if begin and end and begin >= end:
        raise UsageError("the period is empty", hint="--since must lie before --until; --until itself is not included.")
    used_terms, chosen = terms or load_terms(), tuple(components)
    given = _weights(weights)
    weighed = weights_of(used_terms, chosen, given)  # a slip of the pen is said before the work
    files = [compare] if isinstance(compare, str | os.PathLike) else list(compare)
    if not files and (higher is not None or year is not None):
        what = "higher" if higher is not None else "year"
        raise UsageError(
            f"`{what}` says how published scores are read, and there are none", hint="Give compare a file."
        )
    held = [(Path(path).name, _bytes(path)) for path in files]
    wanted, manifest = Filter(since=begin, until=end), store.manifest()
    used = made_with(store, reference, wanted)
    days = tuple(day for day in sorted(manifest.days) if wanted.passes(day, manifest.days[day]))
    seen = _days_of_signals(store, wanted)
    tallied = _tallied(store, wanted, used_terms, tuple(seen), threads)
    if not tallied.countries:
        hint = "Leave out --since and --until, or ingest measurements."
        raise InputError("the store holds neither verdicts nor signals in this period", where=store.name, hint=hint)
    until_year = int(days[-1][:4]) if days and days[-1][:4].isdigit() else None
    beside = [
        Beside(name, sha256(data).hexdigest(), read_scores(data, name, higher=higher, year=year, until=until_year))
        for name, data in held
    ]
    cuts = _cuts(store, seen, used, begin, end)
    declared, name = _frame(frame, used, used_terms, tallied)
    question = doc.Question(
        since=begin.isoformat() if begin else None, until=end.isoformat() if end else None, components=chosen,
        frame=name,
    )  # fmt: skip
    made = build(
        Given(
            tallied=tallied, table=used.targets, cuts=cuts, frame=declared,
            names={code: used.country_name(code) for code in {*declared, *tallied.countries}}, weights=weighed,
            people=bool(used.users), inputs=_inputs(store, manifest, days, used),
            days=tuple(day for day in days if day[:1].isdigit()),
        ),
        question, used_terms, beside=beside, asked=bool(chosen) or given is not None, seed=seed,
    )  # fmt: skip
    return Ranked(made, cuts is not None, cuts is not None and store.stale_detection())


def _weights(given: Mapping[str, float] | str | os.PathLike[str] | None) -> Mapping[str, float] | None:
    if given is None or isinstance(given, Mapping):
        return given
    if not isinstance(given, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        hint = "Give a mapping such as {'breadth': 2.0}, or the path of a file."
        raise UsageError("weights are neither a mapping nor a file", hint=hint)
    return read_weights(_bytes(given), os.fspath(given))


def _bytes(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except (FileNotFoundError, IsADirectoryError) as fault:
        raise InputError("there is no such file", where=os.fspath(path)) from fault
    except OSError as fault:
        raise EnvironmentFault(f"it cannot be read: {fault.strerror}", where=os.fspath(path)) from fault


def _tallied(store: Store, wanted: Filter, terms: Terms, also: Sequence[str], threads: int) -> Tallied:
    schema = pa.schema([CELLS.field(name) for name in COLUMNS])

    def read(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        for rows in store.batches("cells", wanted, COLUMNS):
            whole = rows.filter(pc.equal(rows["layer"], "state"))
            yield from (whole if columns is None else whole.select(columns)).to_batches()

    engine = Engine(threads=threads, memory="2GB", spill=store.storage.spill(), most="6GB")
    limits = terms.limits
    return tally(engine, Stream(schema, read), cap=limits.tries_per_vantage, floor=limits.vantage_points, also=also)


def _days_of_signals(store: Store, wanted: Filter) -> dict[str, int]:
    """Country → days with levels of the whole country."""
    rows = store.table("series", wanted, ["country", "entity_kind", "day"])
    rows = rows.filter(pc.and_(pc.equal(rows["entity_kind"], "country"), pc.is_valid(rows["country"])))
    grouped: Any = rows.group_by(["country", "day"]).aggregate([]).group_by("country").aggregate([([], "count_all")])
    return {row["country"]: row["count_all"] for row in grouped.sort_by("country").to_pylist()}


def _cuts(
    store: Store, seen: Mapping[str, int], used: Reference, begin: datetime | None, end: datetime | None
) -> dict[str, dict[str, Cuts]] | None:
    """Outages as `detect` left them; null where it did not run."""
    if store.manifest().detected is None:
        return None
    rows = [row for row in store.detected("outages").to_pylist() if _overlaps(row, begin, end)]
    return {kind: cuts_of(rows, kind, seen, used.users, begin, end) for kind in _KINDS}


def _overlaps(row: Mapping[str, Any], begin: datetime | None, end: datetime | None) -> bool:
    last = row["end_before"] or row["end_after"] or row["last_seen"]
    return not (end and row["onset_before"] >= end) and not (begin and last < begin)


def _frame(
    frame: str | os.PathLike[str] | Sequence[str], used: Reference, terms: Terms, tallied: Tallied
) -> tuple[tuple[str, ...], str]:
    """The declared countries, and how they were named. A fictional world has fictional countries, and no others."""
    if not isinstance(frame, str | os.PathLike):
        return _codes(list(frame), "frame"), "given"
    if frame == MEASURED:
        return tallied.countries, MEASURED
    if frame == ALL:
        every = {code for code in used.countries if is_synthetic(code) == used.synthetic}
        return tuple(sorted(every - set(terms.outside))), ALL
    text = _bytes(frame).decode("utf-8", "replace").removeprefix("\ufeff")
    lines = [line.partition("#")[0].strip().strip('",;') for line in text.splitlines()]
    words = [line for line in lines if line and line.lower() != "country"]
    return _codes(words, os.fspath(frame)), Path(frame).name


def _codes(words: Sequence[str], where: str) -> tuple[str, ...]:
    made = {word: country_of(word) or country_named(word) for word in words}
    wrong = sorted(word for word, code in made.items() if code is None)
    if wrong or not made:
        what = f"{wrong[0]!r} is no country" if wrong else "the frame names no country"
        raise InputError(what, where=where, hint="Write one code of two letters (ISO 3166) or one name a line.")
    return tuple(sorted({code for code in made.values() if code}))


def _inputs(store: Store, manifest: Manifest, days: Sequence[str], used: Reference) -> Inputs:
    """What the numbers were made from. Rows are counted a day at a time, from footers where those say enough."""
    counted: dict[str, int] = {}
    for day in days:
        rows = of_day(store.storage, manifest.days[day])
        for source, n in zip(rows["source"].to_pylist(), rows["rows"].to_pylist(), strict=True):
            counted[source] = counted.get(source, 0) + n
    terms = {each.source: each for each in used.terms}
    judged = [manifest.days[day].judged for day in days]
    return Inputs(
        version=version("clampdown"), rules=" ".join(sorted({each.rules for each in judged if each})),
        reference=" ".join(sorted({each.reference for each in judged if each})),
        snapshots=tuple(
            Snapshot(kind=s.kind, name=s.name, date=s.date, digest=s.digest, licence=s.terms.licence)
            for s in used.snapshots
        ),
        sources=tuple(
            Source(files=None, measurements=n, terms=terms.get(source, terms["given"]))
            for source, n in sorted(counted.items())
        ),
    )  # fmt: skip
