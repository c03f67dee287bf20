"""Law: an answer is read from the store at one moment, says what it was made from, and never writes into the store.

The edge writes the bytes that come out of here; `verify` goes the way of `report` again, with the numbers beside it.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess import blocked
from clampdown.assess import document as doc
from clampdown.assess.counting import Thresholds, load_thresholds
from clampdown.errors import InputError, UsageError
from clampdown.evidence import Proof
from clampdown.judge.rules import Rules, load_rules
from clampdown.model import TABLES, Terms
from clampdown.pipeline.river import reference_of
from clampdown.publish.page import page
from clampdown.publish.show import Shown
from clampdown.publish.show import show as explain
from clampdown.publish.table import Export
from clampdown.publish.table import export as hand_out
from clampdown.reference import Reference
from clampdown.store.manifest import Manifest
from clampdown.store.store import Filter, Store, moment

Moment = datetime | date | str | None
TABLES_FOR_ALL: Final = ("observations", "verdicts", "cells")


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
    network: int | None = None,
    reference: Reference | None = None,
    rules: Rules | None = None,
    thresholds: Thresholds | None = None,
) -> Paper:
    """Answer what is blocked in a country, as a page, as data, and as the list of all witnesses."""
    code = country.upper()
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        raise UsageError(f"{country!r} is not a country code", hint="Say two letters, such as KE (ISO 3166).")
    question = doc.Question(
        country=code, since=moment(since), until=moment(until), target=target, group=group, network=network
    )
    if question.since and question.until and question.since >= question.until:
        raise UsageError("the period is empty", hint="--since must lie before --until; --until itself is not included.")
    limits = thresholds or load_thresholds()
    used, known = reference_of(store, reference), rules or load_rules()
    manifest = store.manifest()
    wanted = _with_history(question, limits)
    verdicts, fired, coverage = (store.table(name, wanted) for name in ("verdicts", "fired", "coverage"))
    if not verdicts.num_rows:
        raise InputError(f"the store holds no verdict on {code} in this period", where=store.name, hint=_there(store))
    inputs = _inputs(store, manifest, wanted, used)
    answer = blocked.build(verdicts, fired, coverage, question, limits, used, inputs)
    stale = set(store.stale(known.digest, used.digest))
    witnesses = b"".join(hand_out(answer.witnesses, "csv").chunks)
    concerned = {day for day in stale if day in manifest.landing or wanted.passes(day, manifest.days[day])}
    return Paper(answer.report, page(answer.report), doc.encode(answer.report), witnesses, tuple(sorted(concerned)))


def verify(store: Store, report_json: bytes, witnesses_csv: bytes | None = None) -> Proof:
    """Recompute every number of a report. With its list of witnesses, what came later does not count."""
    try:
        question = doc.decode(report_json).question
        limits = doc.decode(report_json).thresholds
    except ValueError:
        question, limits = doc.Question(country="ZZ"), load_thresholds()  # blocked.check says what is wrong with it
    wanted = _with_history(question, limits)
    verdicts, fired, coverage = (store.table(name, wanted) for name in ("verdicts", "fired", "coverage"))
    named = None if witnesses_csv is None else _named(witnesses_csv)
    return blocked.check(report_json, verdicts, fired, coverage, named)


def show(store: Store, measurement: str, *, rules: Rules | None = None) -> Shown:
    """Explain one measurement of the store to a person."""
    wanted = Filter(measurements=frozenset({measurement}))
    found = store.table("measurements", wanted)
    if not found.num_rows:
        hint = "Ids are in witnesses.csv, and in what judge and export write."
        raise InputError(f"the store does not hold the measurement {measurement!r}", where=store.name, hint=hint)
    observations, verdicts, fired = (store.table(name, wanted) for name in ("observations", "verdicts", "fired"))
    return explain(found.to_pylist()[0], observations, verdicts, fired, reasons(rules or load_rules()))


def export(
    store: Store, table: str, form: str, *, wanted: Filter | None = None, reference: Reference | None = None
) -> Export:
    """A table of the store as Parquet, CSV or JSON lines, with the terms of what it was made from."""
    if table not in TABLES:
        raise UsageError(f"there is no table {table!r}", hint=f"There are {', '.join(TABLES)}.")
    sources = set(pc.unique(store.table("measurements", columns=["source"])["source"]).to_pylist())
    terms = tuple(t for t in reference_of(store, reference).terms if t.source in sources)
    return hand_out(store.table(table, wanted), form, terms)


def _with_history(question: doc.Question, limits: Thresholds) -> Filter:
    """What is asked for, and the days before it that say how many vantage points a network usually shows."""
    since = question.since - timedelta(days=limits.cap_days) if question.since else None
    return Filter(since=since, until=question.until, countries=frozenset({question.country}))


def _there(store: Store) -> str:
    counts = store.table("coverage", columns=["country"])["country"].value_counts().to_pylist()
    codes = sorted(str(row["values"]) for row in counts if row["values"])
    return f"It holds {', '.join(codes)}." if codes else "Nothing in it is judged yet: clampdown judge --store DIR."


def _inputs(store: Store, manifest: Manifest, wanted: Filter, reference: Reference) -> doc.Inputs:
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


def _named(witnesses: bytes) -> dict[str, set[str | None]]:
    """Measurement → targets, of a witnesses.csv."""
    try:
        made: dict[str, set[str | None]] = defaultdict(set)
        for row in csv.DictReader(io.StringIO(witnesses.decode("utf-8-sig"), newline="")):
            made[row["measurement"]].add(row["target"] or None)
    except (KeyError, UnicodeDecodeError, csv.Error) as fault:
        raise InputError("this is not a list of witnesses", hint="give the witnesses.csv that report wrote") from fault
    return dict(made)
