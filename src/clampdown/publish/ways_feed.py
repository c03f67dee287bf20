"""Law: a feed is files that follow from answers alone: countries and no networks, days and no times, nothing of a
source that does not allow it, and an index that names every file.

Answers and the last map in, names and bytes out. Who signs them, and where they lie, is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, cast

import msgspec

from clampdown.assess import surge
from clampdown.assess.ways import Access, Way
from clampdown.evidence import Witnesses
from clampdown.model import Terms
from clampdown.publish import ways_feed_document as doc
from clampdown.publish import ways_map
from clampdown.publish.words import feed as words
from clampdown.reference.tools import tool_table, ways_of

INDEX: Final = "index.json"
MAP: Final = "map.json"
COUNTRIES: Final = "feed/v1/"
SCHEMAS: Final = {"country": "access-feed", "index": "access-feed-index", "map": "access-feed-map"}
_STRICTNESS: Final = ("yes", "share-alike", "non-commercial")
_REASON: Final = re.compile("[a-z][a-z_]*")


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of one country; `seen` where a map is made, and `then` where a transport qualifies for it."""

    now: Access
    then: Access | None = None
    seen: surge.Watch | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """The files by name, and what the operator should hear of them."""

    files: dict[str, bytes]
    left_out: dict[str, int] = field(default_factory=dict[str, int])  # country -> ways
    frozen: dict[str, doc.Entry] = field(default_factory=dict[str, doc.Entry])


def build(
    given: Mapping[str, Given],
    schemas: Mapping[str, bytes],
    limits: surge.Limits,
    types: ways_map.Types | None = None,
    last: doc.Map | None = None,
) -> Feed:
    """All files of a feed; with `types` a map among them, made from what the last one said."""
    made: dict[str, bytes] = {f"schema/{name}.json": schemas[of] for name, of in SCHEMAS.items()}
    told: list[doc.Country] = []
    entries: doc.Map = {}
    for code in sorted(given):
        one = given[code]
        file, closed = country(one.now, limits)
        told.append(file)
        made[f"{COUNTRIES}{code}.json"] = doc.encode(file)
        if types is not None and one.seen is not None:
            own = code.lower()
            before = (last or {}).get(own)
            entries[own] = ways_map.entry(one.now, one.then, types, closed, one.seen, before, limits)
    if types is not None:
        made[MAP] = doc.encode(entries)
    made[INDEX] = doc.encode(_index(told, made, limits))
    return Feed(
        made,
        {file.country: file.left_out for file in told if file.left_out},
        {code.upper(): each for code, each in entries.items() if each.frozen_since is not None},
    )


def country(answer: Access, limits: surge.Limits) -> tuple[doc.Country, frozenset[tuple[str, str]]]:
    """A country's file, and the ways in it that may not be passed on."""
    shut = {s.terms.source for s in answer.inputs.sources if s.terms.redistribute not in _STRICTNESS}
    known = {s.terms.source for s in answer.inputs.sources}
    measured = {s.terms.source for s in answer.inputs.sources if s.measurements}
    rows: list[doc.Row] = []
    closed: set[tuple[str, str]] = set()
    used: set[str] = set()
    named = {(way.tool, way.id) for way in ways_of(tool_table())}
    for way in answer.ways:
        if way.network is not None or (way.tool, way.way) not in named:
            continue
        rests_on = _rests_on(way, measured)
        if rests_on & shut or rests_on - known:
            closed.add((way.tool, way.way))
            rows.append(_nothing(way, "closed"))
            continue
        row = _row(way, int(answer.limits["counting.private_below"]))
        used |= rests_on if row.state != "no_evidence" else set()
        rows.append(row)
    return doc.Country(
        format=doc.FORMAT, kind=doc.COUNTRY, country=answer.question.country, as_of=answer.as_of[:10],
        valid_until=ways_map.later(answer.as_of[:10], limits.valid_days), first=answer.first, last=answer.last,
        warning=words.WARNING, ways=tuple(rows), left_out=len(closed),
        terms=_strictest(s.terms for s in answer.inputs.sources if s.terms.source in used),
        made_with=doc.MadeWith(
            version=answer.inputs.version, rules=answer.inputs.rules, reference=answer.inputs.reference
        ),
    ), frozenset(closed)  # fmt: skip


def _rests_on(way: Way, measured: set[str]) -> set[str]:
    """The sources without which nothing would be said of it. Which of several measured what is not told apart."""
    if way.state == "untested":
        return set()
    if way.vantage is None:
        return {count.source for count in way.counted}
    return measured


def _nothing(way: Way, reason: str) -> doc.Row:
    """No number goes with no evidence: a share of one try would be read as more than it is."""
    return doc.Row(tool=way.tool, way=way.way, state="no_evidence", reason=reason, grade="insufficient")


def _row(way: Way, private: int) -> doc.Row:
    if way.state in ("untested", "insufficient"):
        return _nothing(way, way.state)
    named = way.vantage is not None and way.vantage.low >= private
    vantage = None if way.vantage is None else doc.Vantage(low=way.vantage.low, high=way.vantage.high)
    return doc.Row(
        tool=way.tool, way=way.way, state=cast("doc.State", way.state), reason=_code(way.reason),
        grade=cast("doc.Grade", way.grade), n=way.n, share=way.share, low=way.low, high=way.high, vantage=vantage,
        networks=way.networks, networks_state=way.networks_state, last_ok=_day(way.last_ok),
        last_failed=_day(way.last_failed), age_ok=way.age_ok, age_failed=way.age_failed,
        evidence={
            kind: _evidence(found, named=named) for kind in ("ok", "failed") if (found := way.witnesses.get(kind))
        },
    )  # fmt: skip


def _evidence(found: Witnesses, *, named: bool) -> doc.Evidence:
    return doc.Evidence(count=found.count, digest=found.digest if named else None)


def _day(when: str | None) -> str | None:
    """The day of a day or a time."""
    return None if when is None else when[:10]


def _code(reason: str | None) -> str | None:
    """Only a code: what has the form of something else is not passed on."""
    return reason if reason is not None and _REASON.fullmatch(reason) else None


def _strictest(terms: Iterable[Terms]) -> doc.FeedTerms | None:
    every = sorted(terms, key=lambda one: (_STRICTNESS.index(one.redistribute), one.source))
    if not every:
        return None
    return doc.FeedTerms(
        redistribute=cast("doc.Redistribute", every[-1].redistribute), licence=every[-1].licence,
        attribution=tuple(sorted({f"{one.attribution} ({one.licence})" for one in every})),
    )  # fmt: skip


def _together(terms: Sequence[doc.FeedTerms]) -> doc.FeedTerms | None:
    if not terms:
        return None
    last = max(terms, key=lambda one: (_STRICTNESS.index(one.redistribute), one.licence))
    attribution = tuple(sorted({line for one in terms for line in one.attribution}))
    return msgspec.structs.replace(last, attribution=attribution)


def _index(told: Sequence[doc.Country], made: Mapping[str, bytes], limits: surge.Limits) -> doc.Index:
    as_of = max(file.as_of for file in told)
    return doc.Index(
        format=doc.FORMAT, kind=doc.FEED, as_of=as_of, valid_until=ways_map.later(as_of, limits.valid_days),
        about=words.ABOUT, warning=words.WARNING, countries=tuple(file.country for file in told),
        files=tuple(
            doc.Held(name=name, sha256=sha256(data).hexdigest(), size=len(data)) for name, data in sorted(made.items())
        ),
        left_out=sum(file.left_out for file in told),
        terms=_together([file.terms for file in told if file.terms is not None]),
    )  # fmt: skip


__all__ = ["COUNTRIES", "INDEX", "MAP", "SCHEMAS", "Feed", "Given", "build", "country"]
