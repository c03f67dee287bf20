"""Law: an answer is read from the store at one moment, says what it was made from, and never writes into the store.

The edge writes the bytes that come out of here; `verify` goes the way of `report` again, with the numbers beside it.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess import blocked
from clampdown.assess import document as doc
from clampdown.assess.counting import Thresholds, load_thresholds
from clampdown.assess.names import again
from clampdown.assess.signals import Signals
from clampdown.assess.timeline import NOT_DETECTED, STALE, Detected, absent
from clampdown.errors import InputError, UsageError
from clampdown.evidence import Proof, also
from clampdown.judge.rules import Rules, load_rules
from clampdown.model import CONNECTIVITY, DETECTED, TABLES, Terms
from clampdown.pipeline.levels import signals_of
from clampdown.pipeline.references import made_with, present_digest
from clampdown.pipeline.river import reference_of
from clampdown.publish.page import page
from clampdown.publish.show import Shown
from clampdown.publish.show import show as explain
from clampdown.publish.table import Export, unguard
from clampdown.publish.table import export as hand_out
from clampdown.reference import Reference
from clampdown.store.manifest import Manifest
from clampdown.store.store import Filter, Store, country_code, moment, network_number

Moment = datetime | date | str | None
LIST: Final = "witnesses.csv"
TABLES_FOR_ALL: Final = ("observations", "verdicts", "cells", *CONNECTIVITY)


@dataclass(frozen=True, slots=True)
class Paper:
    """A report: the document, and its three files as bytes."""

    report: doc.Report
    html: bytes
    json: bytes
    witnesses: bytes
    stale: tuple[str, ...]  # days judged by other rules or references than asked for, or not yet


def reasons(rules: Rules) -> dict[str, tuple[str, str]]:
    """Rule → why, and its false positives."""
    return {rule.id: (rule.why, rule.false_positives) for rule in rules.rules}


def report(
    store: Store,
    country: str,
    *,
    since: Moment = None,
    until: Moment = None,
    target: str | None = None,
    group: str | None = None,
    network: int | str | None = None,
    reference: Reference | None = None,
    rules: Rules | None = None,
    thresholds: Thresholds | None = None,
) -> Paper:
    """Answer what is blocked in a country, as a page, as data, and as the list of all witnesses."""
    code = country_code(country)
    asked = None if network is None else network_number(network)
    question = doc.Question(
        country=code, since=moment(since), until=moment(until), target=target, group=group, network=asked
    )
    if question.since and question.until and question.since >= question.until:
        raise UsageError("the period is empty", hint="--since must lie before --until; --until itself is not included.")
    limits = thresholds or load_thresholds()
    manifest = store.manifest()
    wanted = _with_history(question, limits)
    used, known = made_with(store, reference, wanted), rules or load_rules()
    verdicts, fired, coverage = (store.table(name, wanted) for name in ("verdicts", "fired", "coverage"))
    given = signals_of(store, blocked.wanted_signals(question), used)
    if not verdicts.num_rows and given is None:
        raise InputError(f"the store holds no verdict on {code} in this period", where=store.name, hint=there(store))
    _known(question, used, verdicts, coverage, given, store)
    inputs = inputs_of(store, manifest, wanted, used)
    answer = blocked.build(verdicts, fired, coverage, question, limits, used, inputs, _said(store), given)
    stale = set(store.stale(known.digest, present_digest(store, reference)))
    witnesses = b"".join(hand_out(answer.witnesses, "csv").chunks)
    concerned = {day for day in stale if day in manifest.landing or wanted.passes(day, manifest.days[day])}
    return Paper(answer.report, page(answer.report), doc.encode(answer.report), witnesses, tuple(sorted(concerned)))


def verify(
    store: Store, report_json: bytes, witnesses_csv: bytes | None = None, *, reference: Reference | None = None
) -> Proof:
    """Recompute every number of a report. With its list of witnesses, what came later does not count."""
    stated = blocked.read(report_json)
    wanted = _with_history(stated.question, stated.thresholds)
    verdicts, fired, coverage = (store.table(name, wanted) for name in ("verdicts", "fired", "coverage"))
    listed = None if witnesses_csv is None else _named(witnesses_csv)
    used = made_with(store, reference, wanted)
    inputs, said = inputs_of(store, store.manifest(), wanted, used), _said(store)
    drawn = None if stated.connectivity is msgspec.UNSET else stated.connectivity
    given = signals_of(store, blocked.wanted_signals(stated.question), used, drawn)
    if listed is None:
        proof = blocked.check(report_json, verdicts, fired, coverage, None, inputs, None, said, given)
    else:
        least = inputs_of(store, store.manifest(), replace(wanted, measurements=frozenset(listed.named)), used)
        proof = blocked.check(report_json, verdicts, fired, coverage, listed.named, inputs, least, said, given)
        proof = also(proof, f"{LIST}/digest", stated.witnesses_digest, listed.digest)
        proof = also(proof, f"{LIST}/rows", stated.witnesses, listed.rows)
    labels = again(
        stated.names, stated.question.country, used,
        (cell.target for cell in stated.cells), (network.network for network in stated.networks),
    )  # fmt: skip
    for part, (mine, found) in labels.items():
        proof = also(proof, f"names/{part}", mine, found)
    return msgspec.structs.replace(proof, notes=(*proof.notes, *_foreign(stated, inputs.version)))


def _said(store: Store) -> Detected:
    """What `detect` said of this store, or why there is nothing of it to show."""
    tables = _detected(store)
    if tables is None:
        return absent(NOT_DETECTED)
    if store.stale_detection():
        return absent(STALE)
    return Detected(tables["events"], tables["event_members"], tables["notes"])


def _detected(store: Store) -> Mapping[str, pa.Table] | None:
    """The tables that `detect` wrote; None where it never ran."""
    return {name: store.detected(name) for name in DETECTED} if store.manifest().detected else None


def _foreign(stated: doc.Report, version: str) -> list[str]:
    """What another version, or its user, may have chosen: no fault while every number holds, and never left unsaid."""
    notes = [] if stated.inputs.version == version else [f"version:{stated.inputs.version}"]
    mine = load_thresholds()
    other = [n for n in mine.__struct_fields__ if getattr(mine, n) != getattr(stated.thresholds, n)]
    return [*notes, f"thresholds:{', '.join(other)}"] if other else notes


def show(store: Store, measurement: str, *, rules: Rules | None = None) -> Shown:
    """Explain one measurement of the store to a person."""
    wanted = Filter(measurements=frozenset({measurement}))
    found = store.table("measurements", wanted)
    if not found.num_rows:
        hint = "Ids are in witnesses.csv, and in what judge and export write."
        raise InputError(f"the store does not hold the measurement {measurement!r}", where=store.name, hint=hint)
    there = replace(wanted, days=frozenset(found["day"].to_pylist()))  # the other days have none of its rows
    observations, verdicts, fired = (store.table(name, there) for name in ("observations", "verdicts", "fired"))
    return explain(found.to_pylist()[0], observations, verdicts, fired, reasons(rules or load_rules()))


def export(
    store: Store, table: str, form: str, *, wanted: Filter | None = None, reference: Reference | None = None
) -> Export:
    """A table of the store as Parquet, CSV or JSON lines, with the terms of what it was made from."""
    if table not in TABLES:
        raise UsageError(f"there is no table {table!r}", hint=f"There are {', '.join(TABLES)}.")
    known = reference_of(store, reference).terms
    if table in CONNECTIVITY:
        if wanted and wanted.targets:
            raise UsageError(f"{table} speak of networks and not of targets", hint="Leave out --target.")
        rows = store.table(table, wanted)
        of = rows["source"] if table != "signals" else _source_of(store, rows["series"])
        used = set(pc.unique(of).to_pylist())
        return hand_out(rows, form, tuple(t for t in known if t.source in used), of)
    sources = set(pc.unique(store.table("measurements", columns=["source"])["source"]).to_pylist())
    terms = tuple(t for t in known if t.source in sources)
    return hand_out(store.table(table, wanted), form, terms)


def _source_of(store: Store, series: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whose data each level is: that of its series."""
    held = store.series()
    at = pc.index_in(series, value_set=held["series"].combine_chunks())
    return held["source"].take(at)


def _with_history(question: doc.Question, limits: Thresholds) -> Filter:
    """What is asked for, and the days before it that say how many vantage points a network usually shows."""
    since = question.since - timedelta(days=limits.cap_days) if question.since else None
    return Filter(since=since, until=question.until, countries=frozenset({question.country}))


def _known(
    question: doc.Question,
    reference: Reference,
    verdicts: pa.Table,
    coverage: pa.Table,
    given: Signals | None,
    store: Store,
) -> None:
    """A name that nothing answers to is a slip of the pen, not a service without data."""
    if question.network is not None:
        tables = (coverage, verdicts, *((given.series,) if given else ()))
        seen = {network for table in tables for network in table["network"].to_pylist()}
        if question.network not in seen:
            text = f"the store holds no verdict from AS{question.network} in {question.country} in this period"
            raise InputError(text, where=store.name, hint="Leave out --network to see which networks there are.")
    if question.target is not None:
        known_target(question.target, reference, set(verdicts["target"].to_pylist()))


def known_target(asked: str, reference: Reference, seen: Collection[str | None]) -> None:
    """Refuse a name that is neither a target of the reference, nor one that was seen, nor a site that might be."""
    table = reference.targets
    names = {*table.platforms, *(f"{p.id}/{role}" for p in table.platforms.values() for role in p.roles)}
    if asked in names or asked in seen:
        return
    host = asked.partition("://")[2].partition("/")[0] or asked.removeprefix("web/")
    own = table.target_of_host(host) if "." in host else None
    if own == asked:
        return  # a site that might have been measured: silence is an answer
    near = [own] if own else difflib.get_close_matches(asked.lower(), sorted(names), n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else "Say web/<host>, <platform> or <platform>/<role>."
    raise UsageError(f"there is no target {asked!r}", hint=hint)


def there(store: Store) -> str:
    table = store.table("coverage", columns=["country", "day"]).group_by("country").aggregate([("day", "min_max")])
    held = sorted(
        (r["country"], r["day_min_max"]["min"], r["day_min_max"]["max"]) for r in table.to_pylist() if r["country"]
    )
    if not held:
        return "Nothing in it is judged yet: clampdown judge --store DIR."
    return f"It holds {', '.join(f'{code} ({first} to {last})' for code, first, last in held)}."


def inputs_of(store: Store, manifest: Manifest, wanted: Filter, reference: Reference) -> doc.Inputs:
    """Everything that the verdicts were made from, by name and digest."""
    rows = store.table("measurements", wanted, ["source", "locator", "day", "references"])
    judged = [entry.judged for day, entry in manifest.days.items() if wanted.passes(day, entry)]
    rules = sorted({each.rules for each in judged if each})
    used = sorted({each.reference for each in judged if each})
    return doc.Inputs(
        version=version("clampdown"),
        rules=" ".join(rules),
        reference=" ".join(used),
        snapshots=tuple(
            doc.Snapshot(kind=s.kind, name=s.name, date=s.date, digest=s.digest, licence=s.terms.licence)
            for s in reference.snapshots
        ),
        sources=_sources(rows, {t.source: t for t in reference.terms}),
        bodies=_bodies(rows),
    )


def _sources(rows: pa.Table, terms: Mapping[str, Terms]) -> tuple[doc.Source, ...]:
    made: list[doc.Source] = []
    for source in sorted(pc.unique(rows["source"]).to_pylist()):
        own = rows.filter(pc.equal(rows["source"], source))
        files = pc.count_distinct(pc.replace_substring_regex(own["locator"], "[!:].*$", "")).as_py()
        made.append(doc.Source(files=files, measurements=own.num_rows, terms=terms.get(source, terms["given"])))
    return tuple(made)


def _bodies(rows: pa.Table) -> tuple[doc.Bodies, ...]:
    """Runs of days whose bodies were matched with the same fingerprints."""
    days: dict[str, list[str]] = defaultdict(list)
    pairs: Any = rows.group_by(["references", "day"]).aggregate([])
    for row in pairs.to_pylist():
        days[row["references"]].append(row["day"])
    return tuple(
        doc.Bodies(first=min(found), last=max(found), references=digest) for digest, found in sorted(days.items())
    )


class _List(NamedTuple):
    """A witnesses.csv: measurement → targets, its rows, and the digest of the list that it is."""

    named: dict[str, set[str | None]]
    rows: int
    digest: str


def _named(witnesses: bytes) -> _List:
    rows = 0
    made: dict[str, set[str | None]] = defaultdict(set)
    total = sha256()
    try:
        for row in csv.DictReader(io.StringIO(witnesses.decode("utf-8-sig"), newline="")):
            measurement, target, state = (unguard(row[name]) for name in ("measurement", "target", "state"))
            made[measurement].add(target or None)
            rows += 1
            total.update(f"{measurement}\t{target}\t{state}\n".encode())
    except (KeyError, AttributeError, TypeError, UnicodeDecodeError, csv.Error) as fault:
        raise InputError("this is not a list of witnesses", hint="Give the witnesses.csv that report wrote.") from fault
    return _List(dict(made), rows, total.hexdigest())
