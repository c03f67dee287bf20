"""Law: an answer on ways through is read from the store at one moment, as of one day, and never writes.

Verdicts on the targets of the table of tools, their steps, the findings, and published counts of tests; the answer is
made by `assess`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess import access as assess
from clampdown.assess import counted as counts
from clampdown.assess import document, since, stages
from clampdown.assess.access import Given
from clampdown.assess.blocked import strictest
from clampdown.assess.counting import Row, caps
from clampdown.assess.names import is_synthetic
from clampdown.assess.reach import Limits, first_day, load_limits
from clampdown.assess.ways import Access, Question
from clampdown.errors import InputError
from clampdown.model import CONNECTIVITY, UNKNOWN_DAY
from clampdown.pipeline.answers import Moment, inputs_of, there
from clampdown.pipeline.references import made_with
from clampdown.pipeline.usage import beside
from clampdown.reference import Reference
from clampdown.reference.tools import Tools, tool_table, ways_of
from clampdown.store.store import Filter, Store, country_code, moment, network_number

_DEVICE: Final = ("network", "day", "platform", "software", "network_type", "resolver_network")
_ENCRYPTED: Final = ("doh", "dot", "doq")


def access(
    store: Store,
    country: str,
    *,
    network: int | str | None = None,
    at: Moment = None,
    reference: Reference | None = None,
    limits: Limits | None = None,
) -> Access:
    """Which ways through work in a country, or on one network of it, at the end of a day (UTC; the newest with data,
    if none is named)."""
    code = country_code(country)
    number = None if network is None else network_number(network)
    asked = moment(at)
    known, tools = limits or load_limits(), tool_table()
    here = frozenset({code})
    # A day that is named bounds what is read: series have a row for each of their days.
    last = None if asked is None else _midnight(asked.date().isoformat()) + timedelta(days=1)
    begun = None if last is None else last - timedelta(days=known.window_days)
    series = _series(store, Filter(begun, last, here), tools)
    covered = store.table("coverage", Filter(countries=here), ["day", "network"])
    day = asked.date().isoformat() if asked else _newest(covered, series, code, store)
    _known(store, code, number, covered)
    first = first_day(day, known.window_days)
    begin, end = _midnight(first), _midnight(day) + timedelta(days=1)
    wanted = Filter(since=begin, until=end, countries=here)
    used = made_with(store, reference, wanted)
    targets = frozenset(target for way in ways_of(tools) for target in way.targets)
    verdicts = store.table("verdicts", Filter(begin, end, here, targets=targets), assess.NEEDED)
    inputs = _with_sources(inputs_of(store, store.manifest(), wanted, used), series, used)
    given = Given(
        verdicts=verdicts,
        caps=caps(_devices(store, here, begin - timedelta(days=known.counting.cap_days), end), known.counting),
        facts=stages.facts_of(_steps(store, verdicts, Filter(begin, end, here, targets=targets))),
        findings=_findings(store, here),
        counted=counts.counted(series, _levels(store, series, wanted), day, known),
        inputs=inputs,
        terms=strictest(inputs),
        synthetic=used.synthetic or is_synthetic(code),
    )
    question = Question(country=code, network=number, at=None if asked is None else day)
    return beside(assess.build(question, day, tools, given, known), store, day, tools)


def held_days(store: Store, country: str | None = None) -> tuple[str, str] | None:
    """The first and the newest day of which the store holds a test, a count or users, of a country or of every one."""
    wanted = Filter(countries=frozenset(() if country is None else {country_code(country)}))
    covered = store.table("coverage", wanted, ["day"])["day"].unique().to_pylist()
    series = _series(store, wanted, tool_table())
    days = {day for day in covered if day != UNKNOWN_DAY}
    days |= {*series["first"].to_pylist(), *series["last"].to_pylist()}
    return (min(days), max(days)) if days else None


def _midnight(day: str) -> datetime:
    when = date.fromisoformat(day)
    return datetime(when.year, when.month, when.day)


def _newest(covered: pa.Table, series: pa.Table, code: str, store: Store) -> str:
    """The newest day on which anything was tested, or counted; without either, the newest day with users."""
    days = {day for day in covered["day"].to_pylist() if day != UNKNOWN_DAY}
    counted = {r["last"] for r in series.to_pylist() if r["signal"].startswith(counts.PREFIX)}
    found = days | counted or set(series["last"].to_pylist())
    if not found:
        text = f"the store holds no test and no count of {code}"
        raise InputError(text, where=store.name, hint=there(store))
    return max(found)


def _known(store: Store, code: str, number: int | None, covered: pa.Table) -> None:
    """A network that never was seen here is a slip of the pen; one that was seen and not tested is `untested`."""
    if number is not None and number not in set(covered["network"].to_pylist()):
        text = f"the store holds no test from AS{number} in {code}"
        raise InputError(text, where=store.name, hint="Leave out --network to see which networks there are.")


def _devices(store: Store, here: frozenset[str], begin: datetime, end: datetime) -> list[Row]:
    """The devices without credentials that each network showed on each day, whatever they tested."""
    columns = [*_DEVICE, "vantage_kind"]
    made: list[Row] = []
    for table in store.batches("verdicts", Filter(begin, end, here), columns):
        sessions = table.filter(pc.fill_null(pc.equal(table["vantage_kind"], "session"), fill_value=False))
        seen: Any = sessions.group_by(list(_DEVICE)).aggregate([])
        for network, day, platform, software, kind, resolver in zip(
            *(seen[name].to_pylist() for name in _DEVICE), strict=True
        ):
            made.append(
                Row(None, network, None, "session", day, None, "ok", None, None, None, platform, software, kind,
                    resolver, 1)
            )  # fmt: skip
    return made


def _steps(store: Store, verdicts: pa.Table, wanted: Filter) -> Iterator[pa.Table]:
    """Tunnels' own rows, steps that failed, and what else tells tries apart."""
    bad = pc.unique(verdicts.filter(pc.not_equal(verdicts["state"], "ok"))["measurement"])
    every = pc.unique(verdicts["measurement"])
    for table in store.batches("observations", wanted, stages.COLUMNS):
        own = pc.is_in(table["operation"], pa.array(["tunnel_bootstrap"]))
        own = pc.or_(own, pc.fill_null(pc.is_in(table["engine"], pa.array(_ENCRYPTED)), fill_value=False))
        own = pc.and_(own, pc.is_in(table["measurement"], every))
        failed = pc.or_(pc.equal(table["outcome"], "failed"), pc.equal(table["operation"], "transfer"))
        failed = pc.and_(failed, pc.is_in(table["measurement"], bad))
        yield table.filter(pc.or_(own, failed))


def _findings(store: Store, here: frozenset[str]) -> pa.Table | None:
    if store.manifest().detected is None:
        return None
    return store.detected("findings", Filter(countries=here), ["country", *since.COLUMNS])


def _series(store: Store, wanted: Filter, tools: Tools) -> pa.Table:
    """The series that count tests or users of a tool here."""
    found = store.series(wanted)
    ways = ways_of(tools)
    kept = [s.startswith(counts.PREFIX) or any(way.counts(s) for way in ways) for s in found["signal"].to_pylist()]
    return found.filter(pa.array(kept, pa.bool_()))


def _levels(store: Store, series: pa.Table, wanted: Filter) -> pa.Table:
    """The levels of the series that count tests, of the window."""
    own = series.filter(pc.starts_with(series["signal"], counts.PREFIX))["series"].combine_chunks()
    empty = CONNECTIVITY["signals"].empty_table().select(["series", "time", "value"])
    if not len(own):
        return empty
    days = (table for _, table in store.levels(wanted))
    return pa.concat_tables(
        [empty, *(d.filter(pc.is_in(d["series"], own)).select(["series", "time", "value"]) for d in days)]
    )


def _with_sources(inputs: document.Inputs, series: pa.Table, used: Reference) -> document.Inputs:
    """The sources of counts and users beside those of measurements."""
    terms = {each.source: each for each in used.terms}
    named: Collection[str] = sorted(set(series["source"].to_pylist()) - {s.terms.source for s in inputs.sources})
    more = tuple(
        document.Source(files=None, measurements=0, terms=terms.get(source, terms["given"])) for source in named
    )
    return msgspec.structs.replace(inputs, sources=(*inputs.sources, *more))
