"""Law: what nobody tried is `untested` in every form: no share, no sign and no blank that could read as success.

Lines of JSON are told apart by `kind`: the answer's head with its warning, then ways, users and conflicts. The table
for a terminal is grouped by tool.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

import msgspec

from clampdown.assess.counting import Bounds
from clampdown.assess.ways import Access, Counted, Since, Stage, Usage, Variant, Way
from clampdown.evidence import Witnesses
from clampdown.model import Terms
from clampdown.publish import grid
from clampdown.publish import numbers as num
from clampdown.publish import table as tables
from clampdown.publish.words import ways as words

_HEADS: Final = {
    "way": 0, "where": 0, "state": 0, "grade": 6, "came through": 7, "95 %": 3, "vp": 3, "last ok": 8,
    "last failed": 5, "fails at": 4, "since": 1, "why": 2,
}  # fmt: skip
_USER_HEADS: Final = {
    "way": 0, "day": 0, "users": 0, "usual": 4, "of usual": 3, "connectivity": 2, "adjusted": 5, "trend": 0,
    "operator": 1,
}  # fmt: skip
_ABROAD: Final = "country"


class TestedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A network with any test of any tool."""

    network: str
    measurements: int
    vantage: Bounds
    day_only: bool


class Head(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="access"):
    """What was asked, of which days, and what must be known before the rest is read."""

    format: int
    country: str
    network: str | None
    as_of: str
    first: str
    last: str
    warning: str
    remarks: tuple[str, ...]
    networks: tuple[TestedLine, ...]
    limits: dict[str, float]
    terms: Terms | None
    attribution: tuple[str, ...]
    rules: str
    reference: str
    witnesses_digest: str


class WayLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="way"):
    """One tool by one way, on one network or (network null) in the country."""

    tool: str
    way: str
    labels: dict[str, str]  # language -> "tool, way"
    network: str | None
    state: str
    reason: str | None
    grade: str
    n: int
    ok: int
    share: float | None
    low: float | None
    high: float | None
    vantage: Bounds | None
    networks: int | None
    networks_state: int | None
    first: str | None
    last_ok: str | None
    last_failed: str | None
    age_ok: int | None
    age_failed: int | None
    stages: tuple[Stage, ...]
    mechanisms: tuple[str, ...]
    variants: tuple[Variant, ...]
    since: tuple[Since, ...]
    counted: tuple[Counted, ...]
    targets: tuple[str, ...]
    tests: tuple[str, ...]
    rules: tuple[str, ...]
    witnesses: dict[str, Witnesses]
    sentence: str


class UsageLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="usage"):
    """Users as their operator counts them: no test."""

    tool: str
    way: str
    labels: dict[str, str]
    signal: str
    operator: str
    unit: str
    day: str
    users: float | None
    usual: float | None
    ratio: float | None
    connectivity: float | None
    adjusted: float | None
    trend: str
    withheld: tuple[str, ...]
    reason: str | None
    source: str
    sentence: str


class ConflictLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="conflict"):
    """Tests and users say different things: both numbers."""

    tool: str
    way: str
    labels: dict[str, str]
    conflict: str
    share: float
    n: int
    adjusted: float
    sentence: str


Line = Head | WayLine | UsageLine | ConflictLine


def terms_of(access: Access) -> tuple[Terms, ...]:
    """The terms of all sources of an answer."""
    return tuple(source.terms for source in access.inputs.sources)


def _labels(access: Access, tool: str, way: str) -> dict[str, str]:
    return {language: words.label(access, tool, way, language) for language in sorted(access.labels)}


def _network(number: int | None) -> str | None:
    return None if number is None else num.network(number)


def passed_on(access: Access) -> Access:
    """The answer as it may leave: numbers of a source that may not be passed on stay where they are."""
    closed = {each.source for each in terms_of(access) if each.redistribute == "no"}
    if not closed:
        return access
    ways = tuple(
        msgspec.structs.replace(way, counted=tuple(one for one in way.counted if one.source not in closed))
        for way in access.ways
    )
    usage = tuple(one for one in access.usage if one.source not in closed)
    return msgspec.structs.replace(access, ways=ways, usage=usage)


def lines_of(access: Access) -> Iterator[Line]:
    """Every line, the head first."""
    access = passed_on(access)
    terms = terms_of(access)
    yield Head(
        format=access.format, country=access.question.country, network=_network(access.question.network),
        as_of=access.as_of, first=access.first, last=access.last, warning=words.WARNING, remarks=words.REMARKS,
        networks=tuple(
            TestedLine(network=num.network(t.network), measurements=t.measurements, vantage=t.vantage,
                       day_only=t.day_only)
            for t in access.networks
        ),
        limits=access.limits, terms=access.terms, attribution=tables.attribution(terms), rules=access.inputs.rules,
        reference=access.inputs.reference, witnesses_digest=access.witnesses_digest,
    )  # fmt: skip
    for way in access.ways:
        same: dict[str, Any] = {n: getattr(way, n) for n in Way.__struct_fields__ if n != "network"}
        yield WayLine(
            **same, network=_network(way.network), labels=_labels(access, way.tool, way.way),
            sentence=words.sentence(access, way),
        )  # fmt: skip
    for usage in access.usage:
        same = {name: getattr(usage, name) for name in Usage.__struct_fields__}
        labels = _labels(access, usage.tool, usage.way)
        yield UsageLine(**same, labels=labels, sentence=words.users(access, usage))
    for each in access.conflicts:
        yield ConflictLine(
            tool=each.tool, way=each.way, labels=_labels(access, each.tool, each.way), conflict=each.kind,
            share=each.share, n=each.n, adjusted=each.adjusted, sentence=words.conflict(access, each),
        )  # fmt: skip


def jsonl(access: Access) -> Iterator[bytes]:
    """The answer as lines of JSON."""
    encoder = msgspec.json.Encoder(order="sorted")
    for line in lines_of(access):
        yield encoder.encode(line) + b"\n"


# ---- a terminal ---------------------------------------------------------------------------------------------------


def text(access: Access, width: int, *, sentences: bool = False) -> Iterator[str]:
    """The table: tools in their order, each way's country first, then the networks on which it was tried."""
    period = num.period(access.first, access.last)
    networks = num.plural(len(access.networks), "network")
    yield words.HEAD.format(country=access.question.country, period=period, networks=networks)
    every = _in_order(access)
    cells = [tuple(num.plain(cell) for cell in _cells(access, way, more)) for _, way, more in every]
    shown, widths = grid.fitted(_HEADS, [tuple(_HEADS), *cells], width)
    yield grid.line(tuple(_HEADS), shown, widths)
    yield "  ".join("-" * widths[index] for index in shown)
    for tool, group in groupby(zip(every, cells, strict=True), key=lambda each: each[0][0]):
        yield access.labels.get("en", {}).get(tool, tool)
        for (_, way, more), row in group:
            yield grid.line(row, shown, widths)
            if sentences and not more:
                yield f"      {num.visible(words.sentence(access, way))}"
    if access.usage:
        yield from _users(access, width)
    if access.conflicts:
        yield from ("", words.DISAGREE, *(words.conflict(access, each) for each in access.conflicts))


def _in_order(access: Access) -> list[tuple[str, Way, int]]:
    """(tool, cell, networks that this one line stands for, or 0)"""
    keys = list(dict.fromkeys((way.tool, way.way) for way in access.ways))
    made: list[tuple[str, Way, int]] = []
    for tool, name in keys:
        mine = [way for way in access.ways if (way.tool, way.way) == (tool, name)]
        silent = [way for way in mine if way.network is not None and way.state == "untested"]
        one = access.question.network is not None
        made += [(tool, way, 0) for way in mine if one or way.network is None or way.state != "untested"]
        if silent and not one and mine[0].state != "untested":
            made.append((tool, silent[0], len(silent)))
    return made


def _cells(access: Access, way: Way, more: int) -> tuple[str, ...]:
    label = "  " + access.labels.get("en", {}).get(f"{way.tool}/{way.way}", way.way)
    where = _ABROAD if way.network is None else num.network(way.network)
    if way.state == "untested":
        return (label, num.plural(more, "network") if more else where, words.STATE["untested"], *["-"] * 9)
    if way.networks:
        where += f" ({num.count(way.networks_state or 0)} of {num.count(way.networks)})"
    interval = "-" if way.low is None or way.high is None else f"{way.low:.2f}-{way.high:.2f}"
    return (
        label, where, words.state(way), "-" if way.state == "insufficient" else way.grade,
        f"{num.count(way.ok)} of {num.count(way.n)}" if way.n else "-", interval,
        "?" if way.vantage is None else num.bounds(way.vantage.low, way.vantage.high),
        (way.last_ok or "-")[:10], (way.last_failed or "-")[:10], _stages(way.stages), _since(way.since),
        words.reason(way.reason) or "-",
    )  # fmt: skip


def _stages(found: Sequence[Stage]) -> str:
    """`bootstrap 5-40 %`: the stage at which most fail."""
    if not found:
        return "-"
    most = max(found, key=lambda each: each.n)
    far = most.progress_high
    size = most.bytes_high
    detail = f" {num.percent(far)}" if far is not None else f" {words.kilobytes(size)}" if size is not None else ""
    return most.stage + detail + (f" +{len(found) - 1}" if found[1:] else "")


def _since(found: Sequence[Since]) -> str:
    """`blocked 2026-02-03`: of the first target that the findings speak of."""
    if not found:
        return "-"
    return f"{found[0].state} {(found[0].before or 'before the data')[:15]}" + (
        f" +{len(found) - 1}" if found[1:] else ""
    )


def _users(access: Access, width: int) -> Iterator[str]:
    def part(value: float | None) -> str:
        return "-" if value is None else num.percent(value)

    rows: list[tuple[str, ...]] = []
    for each in access.usage:
        count = ["-" if v is None else f"{v:,.0f}" for v in (each.users, each.usual)]
        rows.append(
            (words.label(access, each.tool, each.way), each.day or "-", *count, part(each.ratio),
             part(each.connectivity), part(each.adjusted), words.TREND.get(each.trend, each.trend), each.operator)
        )  # fmt: skip
    shown, widths = grid.fitted(_USER_HEADS, [tuple(_USER_HEADS), *rows], width)
    yield from ("", words.USERS, grid.line(tuple(_USER_HEADS), shown, widths))
    for row in rows:
        yield grid.line(tuple(num.plain(cell) for cell in row), shown, widths)
