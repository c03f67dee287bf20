"""Law: an outage goes out with the brackets of every plane, by local time and UTC, its doubt, and one sentence.

Lines of JSON hold the parts in groups; CSV and Parquet hold the columns of the model, flat, with the sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import pyarrow as pa

from clampdown.assess import zones
from clampdown.assess.connectivity import Outage, Part, Published
from clampdown.assess.outages import FELL, records
from clampdown.model import Terms
from clampdown.publish import numbers as num
from clampdown.publish import table as tables
from clampdown.publish.findings import SENTENCE, Code
from clampdown.publish.words import codes as said
from clampdown.publish.words import outages as words

PARTS: Final = "outage_parts"
_LOCAL: Final = ("onset_local", "end_local")


class Span(msgspec.Struct, frozen=True):
    """Between these two: last bin as before, first bin after, in UTC and by the clocks of the place. Null: not seen."""

    after: str | None
    before: str | None
    after_local: str | None
    before_local: str | None


class Fall(msgspec.Struct, frozen=True, kw_only=True):
    """One signal of one plane that fell, or came back, or fell before."""

    plane: str
    signal: str
    operator: str
    entity: str
    onset: Span
    end: Span | None
    depth: float | None
    expected: float | None
    level: float | None
    worst: str | None
    lost_hours: float | None
    unknown_hours: float | None
    statistic: float | None
    new_normal: bool | None


class Plane(msgspec.Struct, frozen=True, kw_only=True):
    """One plane: the bracket of its deepest signal, and all of its signals that fell."""

    plane: str
    onset: Span
    end: Span | None
    depth: float | None
    signals: tuple[Fall, ...]


class Night(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence of a recurring cut; `date` is the local day that it belongs to (the night to this day)."""

    date: str
    onset: Span
    end: Span | None
    depth: float | None


class Trait(msgspec.Struct, frozen=True):
    """A trait in which cuts and accidents differ; ratios are never multiplied."""

    name: str
    value: str
    ratio: float | None
    text: str


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A published record that speaks of it."""

    record: str
    kind: str
    source: str
    start: str | None
    end: str | None
    precision: str
    cause: str | None
    extent: str | None
    acknowledged: bool | None
    title: str | None
    url: str | None
    evidence: str | None
    doubt: str | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One outage."""

    outage: str
    kind: str
    kind_why: tuple[Code, ...]
    grade: str
    country: str | None
    entity: str
    entity_kind: str
    network: str | None
    plane: str
    onset: Span
    end: Span | None
    last_seen: str
    lasts: bool
    depth: float
    worst: str
    lost_hours: float
    unknown_hours: float
    scope: str
    planes: tuple[Plane, ...]
    planes_unmoved: tuple[str, ...]
    planes_missing: tuple[str, ...]
    signals: tuple[str, ...]
    signals_unmoved: tuple[str, ...]
    signals_missing: tuple[str, ...]
    operators: tuple[str, ...]
    precursors: tuple[Fall, ...]
    restorations: tuple[Fall, ...]
    pattern: str | None
    occurrences: tuple[Night, ...]
    occurrences_n: int
    occurrences_of: int
    features: tuple[Trait, ...]
    contradicts: tuple[Code, ...]
    published: tuple[Named, ...]
    published_n: int
    events: tuple[str, ...]
    zone: str | None
    points: int
    witnesses_digest: str
    sources: tuple[str, ...]
    sentence: str


def line_of(outage: Outage, labels: words.Labels = words.NO_LABELS) -> Line:
    """One record as it goes out."""
    plain = (
        "outage", "kind", "grade", "country", "entity", "entity_kind", "plane", "lasts", "depth", "lost_hours",
        "unknown_hours", "scope", "planes_unmoved", "planes_missing", "signals", "signals_unmoved", "operators",
        "pattern", "occurrences_of", "published_n", "events", "zone", "points", "witnesses_digest", "sources",
    )  # fmt: skip
    same: dict[str, Any] = {name: getattr(outage, name) for name in plain}
    return Line(
        **same, kind_why=_codes(outage.kind_why, said.outage_reasons),
        contradicts=_codes(outage.contradicts, said.outage_doubts),
        network=None if outage.network is None else num.network(outage.network),
        onset=_onset(outage, outage.zone), end=_end(outage, outage.zone), last_seen=_utc(outage.last_seen) or "",
        worst=_utc(outage.worst) or "", planes=_planes(outage),
        signals_missing=tuple(dict.fromkeys(part.signal for part in outage.of("missing"))),
        precursors=tuple(_fall(part, outage.zone) for part in outage.of("precursor")),
        restorations=tuple(_fall(part, outage.zone) for part in outage.of("restoration")),
        occurrences=tuple(_night(part, outage.zone) for part in outage.of("occurrence")),
        occurrences_n=outage.occurrences,
        features=tuple(Trait(f.name, f.value, f.ratio, words.feature(f)) for f in outage.features),
        published=tuple(_named(each) for each in outage.published), sentence=words.sentence(outage, labels),
    )  # fmt: skip


def _codes(codes: Sequence[str], prose: Any) -> tuple[Code, ...]:
    return tuple(Code(code, prose([code])[0]) for code in codes)


def _utc(time: datetime | None) -> str | None:
    return None if time is None else zones.utc(time).replace(tzinfo=None).isoformat() + "Z"


def _there(time: datetime | None, zone: str | None) -> str | None:
    there = zones.local(time, zone)
    return None if there is None else there.isoformat()


def _span(after: datetime | None, before: datetime | None, zone: str | None) -> Span:
    return Span(_utc(after), _utc(before), _there(after, zone), _there(before, zone))


def _onset(each: Outage | Part, zone: str | None) -> Span:
    return _span(each.onset_after, each.onset_before, zone)


def _end(each: Outage | Part, zone: str | None) -> Span | None:
    if each.end_after is None and each.end_before is None:
        return None
    return _span(each.end_after, each.end_before, zone)


def _fall(part: Part, zone: str | None) -> Fall:
    same = ("plane", "signal", "operator", "entity", "depth", "expected", "level", "lost_hours", "unknown_hours")
    plain: dict[str, Any] = {name: getattr(part, name) for name in same}
    return Fall(
        **plain, onset=_onset(part, zone), end=_end(part, zone), worst=_utc(part.worst), statistic=part.statistic,
        new_normal=part.normal_again,
    )  # fmt: skip


def _planes(outage: Outage) -> tuple[Plane, ...]:
    """Every plane that fell, the one that dates the outage by the outage's own bracket."""
    made: list[Plane] = []
    for plane in outage.planes:
        fell = [part for part in outage.of(*FELL) if part.plane == plane]
        deepest = max(fell, key=lambda part: (part.depth or 0.0, part.signal), default=None)
        own = outage if plane == outage.plane else deepest
        made.append(
            Plane(
                plane=plane, onset=_onset(own, outage.zone) if own else Span(None, None, None, None),
                end=_end(own, outage.zone) if own else None, depth=own.depth if own else None,
                signals=tuple(_fall(part, outage.zone) for part in fell),
            )
        )  # fmt: skip
    return tuple(made)


def _night(part: Part, zone: str | None) -> Night:
    begun = part.onset_before or part.onset_after
    date = words.night(begun, zone) if begun else "unknown"
    return Night(date=date, onset=_onset(part, zone), end=_end(part, zone), depth=part.depth)


def _named(each: Published) -> Named:
    same: dict[str, Any] = {n: getattr(each, n) for n in Named.__struct_fields__ if n not in ("start", "end")}
    return Named(**same, start=_utc(each.start), end=_utc(each.end))


# ---- forms ------------------------------------------------------------------------------------------------------


def with_sentences(
    outages: pa.Table, parts: pa.Table, context: pa.Table, labels: words.Labels = words.NO_LABELS
) -> pa.Table:
    """The rows, a country before its regions and networks, with their local times and their sentence."""
    told = records(outages, parts, context)
    place = {outage: index for index, outage in enumerate(outages["outage"].to_pylist())}
    rows = outages.take(pa.array([place[each.outage] for each in told], pa.int64()))
    ends = ((each.onset_before, each.end_after) for each in told)
    local = zip(*([_there(a, o.zone), _there(b, o.zone)] for (a, b), o in zip(ends, told, strict=True)), strict=True)
    for name, column in zip(_LOCAL, [*local] or [(), ()], strict=True):
        rows = rows.append_column(pa.field(name, pa.string()), pa.array(column, pa.string()))
    sentences = pa.array([words.sentence(each, labels) for each in told], pa.string())
    return rows.append_column(pa.field(SENTENCE, pa.string()), sentences)


def shown(
    found: Mapping[str, pa.Table],
    *,
    parts: bool = False,
    terms: Sequence[Terms] = (),
    labels: words.Labels = words.NO_LABELS,
) -> tuple[pa.Table, tuple[str, ...]]:
    """The rows, flat, and what must be told beside them."""
    rows = found[PARTS] if parts else found["outages"]
    notes = (*tables.attribution(terms), *_closed(terms))
    if not rows.num_rows:
        notes = (*notes, "no row fits what was asked for")
    return rows if parts else with_sentences(rows, found[PARTS], found["context"], labels), notes


def _closed(terms: Sequence[Terms]) -> tuple[str, ...]:
    """An outage is what we found, not the levels it was found in: those of a closed source stay where they are."""
    closed = sorted({each.source for each in terms if each.redistribute == "no"})
    if not closed:
        return ()
    return (f"the terms of {', '.join(closed)} do not allow passing its levels on; what was found in them is said",)


def write(
    found: Mapping[str, pa.Table],
    form: str,
    *,
    parts: bool = False,
    terms: Sequence[Terms] = (),
    labels: words.Labels = words.NO_LABELS,
) -> tables.Export:
    """`outages`, `outage_parts` and `context` as jsonl, csv or parquet; with `parts`, a row for each part."""
    rows, notes = shown(found, parts=parts, terms=terms, labels=labels)
    if parts or form != "jsonl":
        made = tables.export(rows, form)
        return tables.Export(made.chunks, notes)
    told = records(found["outages"], found[PARTS], found["context"])
    return tables.Export(_lines(line_of(each, labels) for each in told), notes)


def _lines(made: Iterable[Line]) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    for each in made:
        yield encoder.encode(each) + b"\n"
