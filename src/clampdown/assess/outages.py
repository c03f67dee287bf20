"""Law: a row of `detect` and its parts become one record that holds no more and no less than they say.

Lists of the tables are split, times are UTC, and records that others published stand beside, never within.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final

import pyarrow as pa

from clampdown.assess.connectivity import Feature, Outage, Part, Published
from clampdown.assess.zones import utc
from clampdown.model import GRADES
from clampdown.model_signals import ENTITY_KINDS, OUTAGE_PARTS, OUTAGES, PART_ROLES, PLANES

_LISTS: Final = ("planes", "planes_unmoved", "planes_missing", "signals", "signals_unmoved", "operators", "events")
_SPECIAL: Final = ("kind_why", "contradicts", "features", "published", "sources", "outage", *_LISTS)
_PLAIN: Final = tuple(name for name in OUTAGES.names if name not in _SPECIAL)
_PARTS: Final = tuple(name for name in OUTAGE_PARTS.names if name not in ("outage", "inputs"))
_RECORD: Final = tuple(Published.__struct_fields__)
FELL: Final = ("loss", "occurrence")  # roles of parts that say that a signal fell
_NEAR: Final = timedelta(hours=3)  # around a cut of the country, as around what `detect` takes to begin together


def records(outages: pa.Table, parts: pa.Table, context: pa.Table) -> tuple[Outage, ...]:
    """Country by country: the whole of it, its regions, its networks; each in order of time."""
    beside: dict[str, list[Part]] = defaultdict(list)
    for row in parts.to_pylist():
        beside[row["outage"]].append(_part(row))
    known: dict[str, Published] = {}
    for row in context.to_pylist():
        known.setdefault(row["record"], _published(row))
    return tuple(sorted((_outage(row, beside[row["outage"]], known) for row in outages.to_pylist()), key=rank))


def rank(outage: Outage) -> tuple[object, ...]:
    """Where it stands in a list."""
    country = outage.country or ""
    return (
        not country,
        country,
        kind_of(outage.entity_kind),
        outage.onset_before.timestamp(),
        outage.entity,
        outage.outage,
    )


def kind_of(text: str) -> int:
    """A country before its regions, and these before its networks."""
    return ENTITY_KINDS.index(text) if text in ENTITY_KINDS else len(ENTITY_KINDS)


def weight(outage: Outage) -> tuple[object, ...]:
    """Where it stands among those that may be told: the best evidenced first, then the newest."""
    grade = GRADES.index(outage.grade) if outage.grade in GRADES else -1
    kind = ENTITY_KINDS.index(outage.entity_kind) if outage.entity_kind in ENTITY_KINDS else len(ENTITY_KINDS)
    return (-grade, kind, -outage.onset_before.timestamp(), outage.entity, outage.outage)


def folded(found: Sequence[Outage]) -> dict[str, str]:
    """Outages of regions and networks that began within one of their country, and that one: one cut, told once."""
    whole = [each for each in found if each.entity_kind == "country" and each.country and each.grade != "insufficient"]
    made: dict[str, str] = {}
    for outage in found:
        if outage.entity_kind == "country":
            continue
        first, last = outage.onset_after or outage.onset_before, outage.onset_before
        over = [
            (abs(last - begin), each.outage)
            for each in whole
            if each.country == outage.country
            for begin, end in _cuts(each)
            if first <= end + _NEAR and begin - _NEAR <= last
        ]
        if over:
            made[outage.outage] = min(over)[1]
    return made


def _cuts(outage: Outage) -> Iterator[tuple[datetime, datetime]]:
    """Each cut of an outage, with all that its brackets leave open; of one that lasts, as far as it was seen."""
    for each in outage.of("occurrence") or (outage,):
        begin = each.onset_after or each.onset_before
        end = each.end_before or each.end_after or (outage.last_seen if each is outage else begin)
        if begin is not None and end is not None:
            yield begin, max(begin, end)


def settled(outage: Outage) -> bool:
    """Did the signal that dates it settle at another height, instead of coming back?"""
    own = [part for part in outage.of(*FELL) if part.plane == outage.plane and part.end_before is None]
    return outage.lasts and any(part.normal_again and part.end_after is None for part in own)


def dating(outage: Outage) -> frozenset[str]:
    """The series that date it: those of its cuts, where it is many, else those that fell when it began."""
    cuts = outage.of("occurrence")
    same = [p for p in outage.of("loss") if p.plane == outage.plane and p.onset_before == outage.onset_before]
    return frozenset(part.series for part in cuts or same)


def _outage(row: Mapping[str, Any], parts: Sequence[Part], known: Mapping[str, Published]) -> Outage:
    named = words(row["published"])
    plain: dict[str, Any] = {name: _field(row[name]) for name in _PLAIN}
    lists: dict[str, Any] = {name: words(row[name]) for name in _LISTS}
    return Outage(
        **plain, **lists,
        outage=row["outage"], kind_why=codes(row["kind_why"]), contradicts=codes(row["contradicts"]),
        features=features(row["features"]), sources=words(row["sources"]), published_n=len(named),
        published=tuple(known[each] for each in named if each in known),
        parts=tuple(sorted(parts, key=_order)),
    )  # fmt: skip


def _order(part: Part) -> tuple[object, ...]:
    role = PART_ROLES.index(part.role) if part.role in PART_ROLES else len(PART_ROLES)
    plane = PLANES.index(part.plane) if part.plane in PLANES else len(PLANES)
    time = part.onset_before or part.onset_after
    return (role, plane, time is not None, time.timestamp() if time else 0.0, part.signal, part.series, repr(part))


def _part(row: Mapping[str, Any]) -> Part:
    return Part(**{name: _field(row[name]) for name in _PARTS}, inputs=row["inputs"])


def _published(row: Mapping[str, Any]) -> Published:
    return Published(**{name: _field(row[name]) for name in _RECORD})


def _field(value: Any) -> Any:
    """Times are said to be UTC; a number that is none is no number."""
    if isinstance(value, datetime):
        return utc(value)
    return None if isinstance(value, float) and not isfinite(value) else value


def words(text: str | None) -> tuple[str, ...]:
    """A list of the tables: separated by spaces."""
    return tuple((text or "").split())


def codes(text: str | None) -> tuple[str, ...]:
    """Codes, separated by commas or spaces."""
    return tuple((text or "").replace(",", " ").split())


def features(text: str | None) -> tuple[Feature, ...]:
    """name=value:ratio, separated by spaces; what has no ratio has none."""
    made: list[Feature] = []
    for each in words(text):
        name, _, rest = each.partition("=")
        value, _, ratio = rest.partition(":")
        made.append(Feature(name, value or "unknown", _number(ratio)))
    return tuple(made)


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if isfinite(found) else None
