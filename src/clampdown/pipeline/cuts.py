"""Law: outages are read as they were detected; where nothing was, they are found in memory, and that is said.

`since` and `until` choose what overlaps the period: an outage that lasts, or that was there when the data begin, is
open on that side. `grade` is the least one that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.errors import InputError, UsageError
from clampdown.model import CONNECTIVITY, GRADES, Terms
from clampdown.model_signals import OUTAGE_KINDS, PLANES
from clampdown.pipeline import outages as found_now
from clampdown.pipeline.answers import Moment
from clampdown.pipeline.levels import levels_at_hand, named, parts_of
from clampdown.pipeline.references import made_with
from clampdown.reference import Reference
from clampdown.store.store import Store, country_code, moment, network_number

_TABLES: Final = ("outages", "outage_parts", "notes")
_SHORT: Final = "short_history"


@dataclass(frozen=True, slots=True)
class Cuts:
    """Outages as they may go out, and what must be told beside them."""

    tables: Mapping[str, pa.Table]  # outages, outage_parts, context
    terms: tuple[Terms, ...]
    as_of: str | None
    stale: bool  # days have changed since
    kept: bool  # false: found in memory just now
    labels: Mapping[str, str]  # country -> name
    unjudged: int  # series of what was asked that are too short to be judged: silence about them says nothing


def outages(
    store: Store,
    country: str | None = None,
    *,
    network: int | str | None = None,
    region: str | None = None,
    plane: str | None = None,
    grade: str | None = None,
    kind: str | None = None,
    since: Moment = None,
    until: Moment = None,
    reference: Reference | None = None,
) -> Cuts:
    """Outages that fit what is asked for, with their parts and what was published of them."""
    code = None if country is None else country_code(country)
    number = None if network is None else network_number(network)
    begin, end = moment(since), moment(until)
    if begin and end and begin >= end:
        raise UsageError("the period is empty", hint="--since must lie before --until; --until itself is not included.")
    for what, asked, of in (("plane", plane, PLANES), ("grade", grade, GRADES), ("kind", kind, OUTAGE_KINDS)):
        if asked is not None and asked not in of:
            raise UsageError(f"there is no {what} {asked!r}", hint=f"Say {', '.join(of)}.")
    found, kept = _found(store)
    rows = found["outages"]
    for column, asked in (("country", code), ("network", number), ("kind", kind)):
        if asked is not None:
            rows = rows.filter(pc.equal(rows[column], asked))
    if grade is not None:
        rows = rows.filter(pc.is_in(rows["grade"], pa.array(GRADES[GRADES.index(grade) :])))
    rows = rows.filter(pa.array([_fits(row, region, plane, begin, end) for row in rows.to_pylist()], pa.bool_()))
    if not rows.num_rows:
        _known(store, found["outages"], code, number)
    used = made_with(store, reference)
    detection = store.manifest().detected
    return Cuts(
        tables={
            "outages": rows, "outage_parts": parts_of(found["outage_parts"], rows),
            "context": named(store, rows) if rows.num_rows else CONNECTIVITY["context"].empty_table(),
        },
        terms=_terms(rows, used), as_of=detection.as_of if kept and detection else None,
        stale=kept and store.stale_detection(), kept=kept,
        unjudged=_unjudged(found["notes"], code, number),
        labels={each: used.country_name(each) for each in pc.unique(rows["country"]).to_pylist() if each},
    )  # fmt: skip


def _found(store: Store) -> tuple[Mapping[str, pa.Table], bool]:
    """The tables of outages, and whether a run of `detect` left them."""
    if store.manifest().detected is not None:
        return {name: store.detected(name) for name in _TABLES}, True
    if not levels_at_hand(store):
        hint = f"Ingest files of signals, then: clampdown detect --store {store.name}"
        raise InputError("nothing was detected yet, and the store holds no signals", where=store.name, hint=hint)
    made = found_now.compute(store)
    return {name: made[name] for name in _TABLES}, False


def _unjudged(notes: pa.Table, code: str | None, number: int | None) -> int:
    """How many series a note says to be too short."""
    rows = notes.filter(pc.equal(notes["kind"], _SHORT))
    for column, asked in (("country", code), ("network", number)):
        if asked is not None:
            rows = rows.filter(pc.equal(rows[column], asked))
    return rows.num_rows


def _fits(
    row: Mapping[str, Any], region: str | None, plane: str | None, begin: datetime | None, end: datetime | None
) -> bool:
    if region is not None and region.casefold() not in (row["entity"].casefold(), _region(row["entity"])):
        return False
    if plane is not None and plane not in (row["plane"], *row["planes"].split()):
        return False
    last = row["end_before"] or (None if row["lasts"] else row["end_after"] or row["last_seen"])
    first = row["onset_after"] and row["onset_before"]
    return not (end and first and first >= end) and not (begin and last and last < begin)


def _region(entity: str) -> str:
    """MM/Bago → bago"""
    return entity.partition("/")[2].casefold()


def _terms(rows: pa.Table, used: Reference) -> tuple[Terms, ...]:
    sources = {source for text in rows["sources"].to_pylist() for source in (text or "").split()}
    return tuple(each for each in used.terms if each.source in sources)


def _known(store: Store, rows: pa.Table, code: str | None, number: int | None) -> None:
    """Nothing fits: is it that nothing is known of the place at all?"""
    held = store.table("series", columns=["country", "network"])
    countries = sorted({*pc.unique(held["country"]).to_pylist(), *rows["country"].to_pylist()} - {None})
    if code is not None and code not in countries:
        hint = f"It has signals of {', '.join(countries)}." if countries else "It has no signals at all."
        raise InputError(f"the store has no signals of {code}", where=store.name, hint=hint)
    if number is not None and number not in set(held["network"].to_pylist()):
        place = f" in {code}" if code else ""
        hint = "Leave out --network to see which networks there are."
        raise InputError(f"the store has no signals of AS{number}{place}", where=store.name, hint=hint)
