"""Law: nothing is left out of an answer: what counted, what did not, and the days on which nobody looked.

From the verdicts of a country to a frozen report. Below the floor the answer is `insufficient`; a day without data
stays a day without data; nothing that a single vantage point says makes a state.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess import document as doc
from clampdown.assess.connectivity import Connectivity
from clampdown.assess.counting import DECIDED, Bounds, Caps, Row, Thresholds, bounds, caps, decide, rows_of, tally
from clampdown.assess.document import Cell, Inputs, Question, Report
from clampdown.assess.headlines import headlines_of
from clampdown.assess.names import Names, names_of
from clampdown.assess.period import as_of, period_of
from clampdown.assess.signals import Asked as Wanted
from clampdown.assess.signals import Signals, again, connectivity
from clampdown.assess.timeline import Asked, Detected, against, timeline
from clampdown.assess.witnesses import WITNESSES, Listing, listing
from clampdown.errors import InputError, UsageError
from clampdown.evidence import Proof, Value, verify
from clampdown.model import UNKNOWN_DAY, Terms
from clampdown.reference import Reference

HEADLINE_GROUPS: Final = ("social", "messaging")
_STRICTNESS: Final = ("yes", "share-alike", "non-commercial", "no")


class Answer(msgspec.Struct, frozen=True):
    """The report and, beside it, the whole list of witnesses (a table of the schema `WITNESSES`)."""

    report: Report
    witnesses: Any


def build(
    verdicts: pa.Table,
    fired: pa.Table,
    coverage: pa.Table,
    question: Question,
    thresholds: Thresholds,
    reference: Reference | Names,
    inputs: Inputs,
    detected: Detected | None = None,
    given: Signals | None = None,
) -> Answer:
    """Answer `report COUNTRY`. The tables may hold more than was asked for; days before `since` serve as history.
    `detected`: what the store's `detect` said, or why it says nothing; None where there was no store to ask.
    `given`: the signals of the country; None where there are none."""
    signals = None if given is None else connectivity(given, wanted_signals(question))
    country = _of_country(verdicts, question.country)
    names = reference if isinstance(reference, Names) else _names(reference, country, question)
    asked = _asked(country, question, names)
    period = period_of(asked, _of_country(coverage, question.country), question, thresholds, signals)
    counted = _counted(asked)
    limit = caps(rows_of(country), thresholds)
    rows = rows_of(counted)
    covered = _of_country(coverage, question.country)
    networks = _networks(rows, covered, question, period, limit, thresholds)
    listed = listing(asked, {n.network for n in networks if n.day_only}, synthetic=names.synthetic)
    rules = _rules(counted, fired)
    cells = _cells(rows, listed, rules, period.recent, limit, thresholds)
    wanted = _headline_groups(question)
    headlines, untested = headlines_of(cells, names, wanted, question.target, thresholds)
    chosen = _chosen(question, names, period)
    report = Report(
        format=doc.FORMAT, kind=doc.KIND, question=question, names=names, period=period, as_of=as_of(asked, period),
        measurements=pc.count_distinct(counted.column("measurement")).as_py(), vantage=_total(rows, limit),
        headline_groups=wanted, headlines=headlines, untested=untested, cells=cells, networks=networks,
        excluded=_excluded(asked), thresholds=thresholds, inputs=inputs, terms=strictest(inputs, signals),
        witnesses=listed.table.num_rows, witnesses_digest=listed.digest,
        timeline=None if detected is None else timeline(detected, rows, covered, chosen, limit),
        connectivity=msgspec.UNSET if signals is None else signals,
    )  # fmt: skip
    return Answer(report, listed.table)


def wanted_signals(question: Question) -> Wanted:
    """The part of a question that chooses signals."""
    return Wanted(question.country, question.network, question.since, question.until)


def _chosen(question: Question, names: Names, period: doc.Period) -> Asked:
    wanted = targets_of(question, names)
    days = tuple(sorted({*period.tested, *period.silent}))
    return Asked(question.country, None if wanted is None else frozenset(wanted), question.network, days)


def _names(reference: Reference, country: pa.Table, question: Question) -> Names:
    targets = [t for t in pc.unique(country.column("target")).to_pylist() if t is not None]
    networks = [n for n in pc.unique(country.column("network")).to_pylist() if n is not None]
    return names_of(question.country, reference, targets, networks)


def read(data: bytes) -> Report:
    """A report.json as a report; whatever else it is, is said."""
    hint = "Give the report.json that `report` wrote."
    try:
        report = doc.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"this is not a report: {error}", hint=hint) from error
    if report.kind != doc.KIND or report.format != doc.FORMAT:
        raise InputError(
            f"this is a {report.kind[:60]!r} of format {report.format}, which is not known here", hint=hint
        )
    return report


def check(
    data: bytes,
    verdicts: pa.Table,
    fired: pa.Table,
    coverage: pa.Table,
    named: Mapping[str, set[str | None]] | None = None,
    inputs: Inputs | None = None,
    least: Inputs | None = None,
    detected: Detected | None = None,
    given: Signals | None = None,
) -> Proof:
    """Recompute every number of a report.json. `named`: measurement -> targets that its witnesses.csv lists, so that
    what reached the store later does not count; the days before the period still serve as history. `inputs`: what the
    verdicts were made from, by those who hold them; `least`: the same of the listed measurements alone."""
    report = read(data)
    notes: tuple[str, ...] = ()
    said = against(report.timeline, detected)
    grown = False
    if named is not None:
        asked = _asked(_of_country(verdicts, report.question.country), report.question, report.names)
        later = sum(not kept for kept in _listed(asked, named))
        notes = (f"later:{later}",) if later else ()
        verdicts, grown = _named(verdicts, named, report.period.first)
    stated = doc.numbers(report)
    found_inputs: dict[str, Value] = {}
    if inputs is not None:
        own = doc.premises(report.inputs)
        stated |= own
        found_inputs = doc.held(own, inputs, least) if grown else doc.premises(inputs)

    held, more = again(report.connectivity, given)
    notes = (*notes, *more)

    def recount() -> Mapping[str, Value]:
        asked, names = report.question, report.names
        made = build(verdicts, fired, coverage, asked, report.thresholds, names, report.inputs, said, held)
        return doc.numbers(made.report) | found_inputs

    if detected is not None and detected.missing is None and (said is None or said.missing is not None):
        notes = (*notes, "timeline:")  # true when it was written, and no longer the whole
    return verify(stated, recount, notes)


def _listed(verdicts: pa.Table, named: Mapping[str, set[str | None]]) -> list[bool]:
    ids, targets = (verdicts.column(c).to_pylist() for c in ("measurement", "target"))
    return [t in named.get(m, ()) for m, t in zip(ids, targets, strict=True)]


def _named(verdicts: pa.Table, named: Mapping[str, set[str | None]], first: str) -> tuple[pa.Table, bool]:
    """The verdicts that the list names and the days before them; and whether the store holds more than these."""
    listed = _listed(verdicts, named)
    history = [day != UNKNOWN_DAY and day < first for day in verdicts.column("day").to_pylist()]
    kept = [a or b for a, b in zip(listed, history, strict=True)]
    return verdicts.filter(pa.array(kept, pa.bool_())), not all(kept)


def _of_country(table: pa.Table, country: str) -> pa.Table:
    return table.filter(pc.equal(table.column("country"), country))


def _asked(table: pa.Table, question: Question, names: Names) -> pa.Table:
    """The verdicts that the question is about: also those that will count for nothing."""
    time = table.column("time")
    if question.since is not None:
        table = table.filter(pc.greater_equal(time, pa.scalar(question.since, pa.timestamp("us"))))
    if question.until is not None:
        table = table.filter(pc.less(table.column("time"), pa.scalar(question.until, pa.timestamp("us"))))
    if question.network is not None:
        table = table.filter(pc.equal(table.column("network"), question.network))
    wanted = targets_of(question, names)
    if wanted is not None:
        table = table.filter(pc.is_in(table.column("target"), pa.array(sorted(wanted), pa.string())))
    return table


def targets_of(question: Question, names: Names) -> set[str] | None:
    """The targets a question is limited to; None where it is not. A platform's name stands for all of its roles."""
    if question.target is not None:
        platform = next((p for p in names.platforms if p.id == question.target), None)
        return set(platform.roles) if platform else {question.target}
    if question.group is None:
        return None
    if names.group(question.group) is None:
        raise UsageError(
            f"there is no group {question.group!r}", hint=f"Groups: {', '.join(g.id for g in names.groups)}"
        )
    roles = {t for p in names.platforms if question.group in p.groups for t in p.roles}
    return roles | {t for t, groups in names.target_groups.items() if question.group in groups}


def _counted(asked: pa.Table) -> pa.Table:
    """Without what counts for nothing. Resubmissions are kept in the store and counted once."""
    keep = pc.and_(pc.is_valid(asked.column("target")), pc.is_valid(asked.column("network")))
    keep = pc.and_(keep, pc.invert(pc.fill_null(asked.column("repeat"), fill_value=False)))
    return asked.filter(pc.and_(keep, pc.is_in(asked.column("state"), pa.array([*DECIDED, "unknown"]))))


def _excluded(asked: pa.Table) -> tuple[doc.Excluded, ...]:
    counts: Counter[tuple[str, str | None]] = Counter()
    columns = (asked.column(name).to_pylist() for name in ("state", "rule", "repeat", "network", "target"))
    for state, rule, repeat, network, target in zip(*columns, strict=True):
        if repeat:
            counts["repeat", None] += 1
        elif state in ("invalid", "not_applicable"):
            counts[state, rule if state == "invalid" else None] += 1
        elif network is None or target is None:
            counts["no_network" if network is None else "no_target", None] += 1
    ordered = sorted(counts.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    return tuple(doc.Excluded(reason=reason, rule=rule, measurements=n) for (reason, rule), n in ordered)


def _networks(
    rows: Sequence[Row], coverage: pa.Table, question: Question, period: doc.Period, limit: Caps, limits: Thresholds
) -> tuple[doc.Network, ...]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[cast("int", row.network)].append(row)
    tested: dict[int, set[str]] = defaultdict(set)
    for network, day in zip(coverage.column("network").to_pylist(), coverage.column("day").to_pylist(), strict=True):
        if network is not None and question.network in (None, network):
            tested[network].add(day)
    made: list[doc.Network] = []
    for network, mine in grouped.items():
        days = tested[network] | {row.day for row in mine}
        vantage = bounds(mine, limit)
        made.append(
            doc.Network(
                network=network,
                measurements=sum(row.n for row in mine),
                vantage=vantage,
                days=sum(day in days for day in period.tested),
                silent=tuple(sorted({*period.tested, *period.silent} - days)),
                day_only=vantage.low < limits.private_below,
            )
        )
    return tuple(sorted(made, key=lambda n: (-n.measurements, n.network)))


def _total(rows: Sequence[Row], limit: Caps) -> Bounds:
    """Over networks: a device may move, so the lower bound is that of the best network, not a sum."""
    grouped: dict[int | None, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.network].append(row)
    credentials = {row.vantage for row in rows if row.vantage_kind == "credential" and row.vantage}
    keys = {row.vantage for row in rows if row.vantage_kind in ("credential", "session") and row.vantage}
    low = max([len(credentials), *(bounds(mine, limit).low for mine in grouped.values())])
    return Bounds(low=low, high=len(keys))


CellRules = Mapping[tuple[str, int], tuple[tuple[doc.RuleCount, ...], tuple[doc.FingerprintCount, ...]]]


def _rules(counted: pa.Table, fired: pa.Table) -> CellRules:
    """Every rule that fired, the winners and the others, per cell; null targets have no cell."""
    slim = counted.select(["measurement", "target", "network"])
    names = ["measurement", "target", "rule", "verdict", "mechanism", "decides", "fingerprint"]
    joined = fired.select(names).join(slim, keys=["measurement", "target"], join_type="inner")
    keys = ["target", "network", "rule", "verdict", "mechanism", "decides", "fingerprint"]
    # A rule that fires at several steps of one measurement has fired once in it.
    grouped = joined.group_by(keys).aggregate([("measurement", "count_distinct")])
    rules: dict[tuple[str, int], dict[str, list[Any]]] = defaultdict(dict)
    prints: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    columns = (grouped.column(name).to_pylist() for name in (*keys, "measurement_count_distinct"))
    for target, network, rule, verdict, mechanism, decides, fingerprint, n in zip(*columns, strict=True):
        entry = rules[target, network].setdefault(rule, [verdict, mechanism, 0, 0])
        entry[1] = max(filter(None, (entry[1], mechanism)), default=None)
        entry[2] += n
        entry[3] += n if decides else 0
        if fingerprint is not None:
            prints[target, network][fingerprint] += n
    return {
        cell: (
            tuple(
                doc.RuleCount(rule=rule, verdict=v, mechanism=m, fired=f, decided=d)
                for rule, (v, m, f, d) in sorted(found.items(), key=lambda item: (-item[1][2], item[0]))
            ),
            tuple(
                doc.FingerprintCount(fingerprint=name, fired=n)
                for name, n in sorted(prints[cell].items(), key=lambda item: (-item[1], item[0]))
            ),
        )
        for cell, found in rules.items()
    }


def _cells(
    rows: Iterable[Row], listed: Listing, rules: CellRules, recent: str | None, limit: Caps, limits: Thresholds
) -> tuple[Cell, ...]:
    grouped: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[cast("str", row.target), cast("int", row.network)].append(row)
    return tuple(
        _cell(key, mine, listed, rules.get(key, ((), ())), recent, limit, limits)
        for key, mine in sorted(grouped.items())
    )


def _recent(rows: Sequence[Row], since: str | None, limit: Caps, limits: Thresholds) -> doc.Recent | None:
    if since is None:
        return None
    made = tally(row for row in rows if row.day >= since and row.day != UNKNOWN_DAY)
    said = decide(made, limit, limits)
    return doc.Recent(
        state=said.state, reason=said.reason, grade=said.grade, n=made.decided, vantage=said.vantage,
        stands=said.stands, settled=said.settled,
    )  # fmt: skip


def _cell(
    key: tuple[str, int],
    rows: Sequence[Row],
    listed: Listing,
    rules: tuple[tuple[doc.RuleCount, ...], tuple[doc.FingerprintCount, ...]],
    recent: str | None,
    limit: Caps,
    limits: Thresholds,
) -> Cell:
    target, network = key
    made = tally(rows)
    said = decide(made, limit, limits)
    kinds: Counter[str] = Counter()
    for (state, mechanism), tries in made.mechanisms.items():
        if state == said.state or (said.state not in DECIDED and state != "ok"):
            kinds[mechanism] += tries
    return Cell(
        target=target, network=network, state=said.state, reason=said.reason, grade=said.grade, n=made.decided,
        tries=dict(sorted(made.tries.items())), measurements=dict(sorted(made.measured.items())),
        shares=said.shares, vantage=said.vantage, support=said.support, settled=said.settled, stands=said.stands,
        mechanisms=tuple(
            doc.MechanismCount(mechanism=name, tries=n)
            for name, n in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
        ),
        rules=rules[0], fingerprints=rules[1],
        days=tuple(doc.Day(day=day, tries=dict(sorted(c.items()))) for day, c in sorted(made.days.items())),
        recent=_recent(rows, recent, limit, limits),
        witnesses={
            state: listed.witnesses(target, network, state, limits.witnesses_ok if state == "ok" else limits.witnesses)
            for state in sorted(made.measured)
        },
    )  # fmt: skip


def _headline_groups(question: Question) -> tuple[str, ...]:
    if question.target is not None:
        return ()
    return HEADLINE_GROUPS if question.group is None else (question.group,)


def strictest(inputs: Inputs, signals: Connectivity | None = None) -> Terms | None:
    """The terms that a document made from these sources must carry."""
    terms = [source.terms for source in (*inputs.sources, *(signals.sources if signals else ()))]
    if not terms:
        return None
    unknown = len(_STRICTNESS)
    return max(terms, key=lambda t: _STRICTNESS.index(t.redistribute) if t.redistribute in _STRICTNESS else unknown)


__all__ = ["WITNESSES", "Answer", "build", "check", "read", "strictest", "targets_of"]
