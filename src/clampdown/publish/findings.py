"""Law: a row of `detect` goes out with its bracket, count, bounds, doubt and one sentence, and points at nobody.

Where a network has fewer than three vantage points the day is shown and not the time: in JSON and CSV as a date, in
Parquet as its midnight with `days_only` beside it. Ids of witnesses are references, as in a report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess.names import is_synthetic
from clampdown.assess.witnesses import link_of
from clampdown.detect.changes import FEW, counted, few
from clampdown.detect.changes import days_only as thin_event
from clampdown.model import EVENT_MEMBERS, EVENTS, FINDINGS, NOTES, Terms
from clampdown.publish import numbers as num
from clampdown.publish import table as tables
from clampdown.publish.words import codes as said
from clampdown.publish.words import findings as words

DAYS_ONLY: Final = "days_only"
SENTENCE: Final = "sentence"
SCHEMAS: Final = {"findings": FINDINGS, "events": EVENTS, "event_members": EVENT_MEMBERS, "notes": NOTES}
_BATCH: Final = 10_000


class Bracket(msgspec.Struct, frozen=True):
    """Between these two: a time, or a day where a time would point at somebody. Null: not within the data."""

    after: str | None
    before: str | None


class Interval(msgspec.Struct, frozen=True):
    """95 %, clusters respected; `n_effective` independent tries would give the same."""

    low: float | None
    high: float | None
    n_effective: float | None


class Points(msgspec.Struct, frozen=True):
    """Vantage points: at least, at most; null where the source gives only counts."""

    low: int | None
    high: int | None


class Days(msgspec.Struct, frozen=True):
    """Days with data, of the days of the period."""

    data: int
    all: int


class Networks(msgspec.Struct, frozen=True):
    """Country rows: networks in this state, of those with enough data; their share of users where known."""

    hit: int | None
    data: int | None
    users_share: float | None


class Code(msgspec.Struct, frozen=True):
    """A code and what it says."""

    code: str
    text: str


class Named(msgspec.Struct, frozen=True):
    """One measurement behind a finding, and its public address where it has one."""

    measurement: str
    link: str | None


class Behind(msgspec.Struct, frozen=True):
    """How many measurements are behind a finding, the digest of the list, and some of them."""

    count: int
    digest: str | None
    first: tuple[Named, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A graded claim on one target, on one network or (network null) in a country."""

    country: str
    network: str | None
    target: str
    state: str
    grade: str
    mechanism: str | None
    onset: Bracket  # last seen working, first seen in this state
    end: Bracket | None  # last seen in this state, first seen working again; null: it lasts
    last_seen: str | None
    k: int
    n: int
    share: float | None
    interval: Interval
    vantage_points: Points
    days: Days
    networks: Networks | None
    stands: bool
    settled: int
    pattern: tuple[str, ...]
    contradicts: tuple[Code, ...]
    witnesses: Behind
    event: str | None
    event_end: str | None
    days_only: bool
    sentence: str


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one target on one network, within an event."""

    event: str
    country: str
    network: str
    target: str
    direction: str
    bracket: Bracket
    level_before: float | None
    level_after: float | None
    statistic: float
    grade: str
    mechanism: str | None
    k: int
    n: int
    days_only: bool
    sentence: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One happening: the changes that belong together."""

    event: str
    direction: str
    country: str
    grade: str
    targets: tuple[str, ...]
    platforms: tuple[str, ...]
    groups: tuple[str, ...]
    networks: tuple[str, ...]
    mechanisms: tuple[str, ...]
    onset: Bracket
    spread: str | None
    lasts: bool | None
    counterpart: str | None
    members: int
    targets_n: int
    networks_n: int
    networks_data: int
    statistic: float | None
    pattern: tuple[str, ...]
    why: tuple[Code, ...]
    contradicts: tuple[Code, ...]
    supersedes: tuple[str, ...]
    days_only: bool
    sentence: str


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is none of policy."""

    kind: str
    country: str | None
    network: str | None
    target: str | None
    test: str | None
    first: str
    last: str | None
    members: int
    detail: tuple[str, ...]
    countries: tuple[str, ...]
    sentence: str


def shown_time(time: datetime | None, days_only: bool) -> str | None:
    """RFC 3339, or the day alone."""
    if time is None:
        return None
    return time.date().isoformat() if days_only else time.isoformat() + "Z"


def finding_of(row: Mapping[str, Any], labels: words.Labels = words.NO_LABELS) -> Finding:
    """One row, with `days_only`, as it goes out."""
    hide = row[DAYS_ONLY]
    ended = row["end_after"] is not None or row["end_before"] is not None
    synthetic = is_synthetic(row["country"])
    first = (row["witnesses_first"] or "").split()
    return Finding(
        country=row["country"], network=_network(row["network"]), target=row["target"], state=row["state"],
        grade=row["grade"], mechanism=row["mechanism"],
        onset=Bracket(shown_time(row["onset_after"], hide), shown_time(row["onset_before"], hide)),
        end=Bracket(shown_time(row["end_after"], hide), shown_time(row["end_before"], hide)) if ended else None,
        last_seen=shown_time(row["last_seen"], hide), k=row["k"], n=row["n"], share=row["share"],
        interval=Interval(row["low"], row["high"], row["n_effective"]),
        vantage_points=Points(_known(row["vantage_low"]), _known(row["vantage_high"])),
        days=Days(row["days"], row["days_all"]),
        networks=Networks(row["networks_hit"], row["networks_data"], row["users_share"])
        if row["network"] is None
        else None,
        stands=row["stands"], settled=row["settled"], pattern=tuple(said.split(row["pattern"])),
        contradicts=_codes(row["contradicts"], said.contradictions),
        witnesses=Behind(
            row["witnesses"], row["witnesses_digest"],
            tuple(Named(one, link_of(one, synthetic=synthetic)) for one in first),
        ),
        event=row["event"], event_end=row["event_end"], days_only=hide,
        sentence=words.finding(row, days_only=hide, labels=labels),
    )  # fmt: skip


def event_of(row: Mapping[str, Any], labels: words.Labels = words.NO_LABELS) -> Event:
    hide = row[DAYS_ONLY]

    def listed(name: str) -> tuple[str, ...]:
        return tuple((row[name] or "").split())

    return Event(
        event=row["event"], direction=row["direction"], country=row["country"], grade=row["grade"],
        targets=listed("targets"), platforms=listed("platforms"), groups=listed("groups"),
        networks=tuple(f"AS{number}" for number in listed("networks")), mechanisms=listed("mechanisms"),
        onset=Bracket(shown_time(row["onset_after"], hide), shown_time(row["onset_before"], hide)),
        spread=shown_time(row["spread"], hide), lasts=row["lasts"], counterpart=row["counterpart"],
        members=row["members"], targets_n=row["targets_n"], networks_n=row["networks_n"],
        networks_data=row["networks_data"], statistic=row["statistic"], pattern=tuple(said.split(row["pattern"])),
        why=_codes(row["why"], said.reasons), contradicts=_codes(row["contradicts"], said.contradictions),
        supersedes=listed("supersedes"), days_only=hide, sentence=words.event(row, days_only=hide, labels=labels),
    )  # fmt: skip


def member_of(row: Mapping[str, Any], labels: words.Labels = words.NO_LABELS) -> Member:
    hide = row[DAYS_ONLY]
    plain = {name: row[name] for name in EVENT_MEMBERS.names if name not in ("after", "before", "network")}
    return Member(
        **plain, network=num.network(row["network"]), days_only=hide,
        bracket=Bracket(shown_time(row["after"], hide), shown_time(row["before"], hide)),
        sentence=words.member(row, days_only=hide, labels=labels),
    )  # fmt: skip


def note_of(row: Mapping[str, Any], labels: words.Labels = words.NO_LABELS) -> Note:
    plain = {name: row[name] for name in ("kind", "country", "target", "test", "first", "last", "members")}
    return Note(
        **plain, network=_network(row["network"]), detail=tuple(said.details(row["detail"])),
        countries=tuple((row["countries"] or "").split()), sentence=words.note(row, labels=labels),
    )  # fmt: skip


_RECORD: Final[dict[str, Callable[[Mapping[str, Any], words.Labels], Any]]] = {
    "findings": finding_of, "events": event_of, "event_members": member_of, "notes": note_of,
}  # fmt: skip
_SENTENCE: Final[dict[str, Callable[[Mapping[str, Any], words.Labels], str]]] = {
    "findings": lambda row, labels: words.finding(row, days_only=row[DAYS_ONLY], labels=labels),
    "events": lambda row, labels: words.event(row, days_only=row[DAYS_ONLY], labels=labels),
    "event_members": lambda row, labels: words.member(row, days_only=row[DAYS_ONLY], labels=labels),
    "notes": lambda row, labels: words.note(row, labels=labels),
}


def _network(number: int | None) -> str | None:
    return None if number is None else num.network(number)


def _known(points: int) -> int | None:
    return None if points < 0 else points


def _codes(codes: str | None, prose: Callable[[str | None], list[str]]) -> tuple[Code, ...]:
    return tuple(Code(code, prose(code)[0]) for code in said.split(codes))


# ---- who may see times ------------------------------------------------------------------------------------------


def guarded(name: str, rows: pa.Table, findings: pa.Table) -> pa.Table:
    """The rows with `days_only` beside them; where it is true, their times are midnights. `findings` are all those of
    the same countries, whatever else was asked for: they say how many vantage points a network has."""
    if name == "notes":
        return rows
    hide = {"findings": _thin_findings, "events": _thin_events, "event_members": _thin_members}[name](rows, findings)
    flags = pa.array(hide, pa.bool_())
    for field in rows.schema:
        if pa.types.is_timestamp(field.type):
            floored: Any = pc.floor_temporal(rows[field.name], unit="day").cast(field.type)
            column: Any = pc.if_else(flags, floored, rows[field.name])
            rows = rows.set_column(rows.schema.get_field_index(field.name), field, column)
    return rows.append_column(pa.field(DAYS_ONLY, pa.bool_(), nullable=False), flags)


def _thin_findings(rows: pa.Table, findings: pa.Table) -> list[bool]:
    """By the row's own count; a country's row also by those of its networks in the same state."""
    own: Any = findings.filter(pc.and_(pc.is_valid(findings["network"]), pc.less(findings["vantage_high"], FEW)))
    thin = set(zip(*(own[c].to_pylist() for c in ("country", "target", "state")), strict=True))
    columns = (rows[c].to_pylist() for c in ("country", "target", "state", "network", "vantage_high"))
    return [
        high < FEW or (network is None and (country, target, state) in thin)
        for country, target, state, network, high in zip(*columns, strict=True)
    ]


def _thin_events(rows: pa.Table, findings: pa.Table) -> list[bool]:
    thin, known = few(findings), counted(findings)
    pairs = zip(rows["country"].to_pylist(), rows["networks"].to_pylist(), strict=True)
    return [thin_event(country, networks, thin, known) for country, networks in pairs]


def _thin_members(rows: pa.Table, findings: pa.Table) -> list[bool]:
    thin, known = few(findings), counted(findings)
    pairs = zip(rows["country"].to_pylist(), rows["network"].to_pylist(), strict=True)
    return [pair in thin or pair not in known for pair in pairs]


# ---- forms ------------------------------------------------------------------------------------------------------


def records(name: str, rows: pa.Table, labels: words.Labels = words.NO_LABELS) -> Iterator[Any]:
    """Every row as the record that goes out."""
    make = _RECORD[name]
    for row in _dicts(rows):
        yield make(row, labels)


def with_sentences(name: str, rows: pa.Table, labels: words.Labels = words.NO_LABELS) -> pa.Table:
    """The table with a sentence for every row."""
    make = _SENTENCE[name]
    told = pa.array((make(row, labels) for row in _dicts(rows)), pa.string())
    return rows.append_column(pa.field(SENTENCE, pa.string()), told)


def write(
    name: str, rows: pa.Table, form: str, terms: Sequence[Terms] = (), labels: words.Labels = words.NO_LABELS
) -> tables.Export:
    """Guarded rows as jsonl, csv or parquet, with the terms of what they were made from."""
    if form != "jsonl":
        told = with_sentences(name, rows, labels)
        return tables.export(told if form == "parquet" else _as_text(told), form, terms)
    kept, notes = tables.allowed(rows, terms)
    return tables.Export(_lines(records(name, kept, labels)), notes)


def _lines(made: Iterable[Any]) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    held: list[bytes] = []
    for one in made:
        held.append(encoder.encode(one))
        if len(held) == 1000:
            yield b"\n".join(held) + b"\n"
            held = []
    if held:
        yield b"\n".join(held) + b"\n"


def _as_text(rows: pa.Table) -> pa.Table:
    """Times as text: a day where only the day may be shown; networks as people write them."""
    for field in rows.schema:
        if pa.types.is_timestamp(field.type):
            pairs = zip(rows[field.name].to_pylist(), rows[DAYS_ONLY].to_pylist(), strict=True)
            column = pa.array([shown_time(time, hide) for time, hide in pairs], pa.string())
        elif field.name == "network":
            column = pa.array([_network(one) for one in rows[field.name].to_pylist()], pa.string())
        else:
            continue
        rows = rows.set_column(rows.schema.get_field_index(field.name), field.name, column)
    return rows


def _dicts(rows: pa.Table) -> Iterator[dict[str, Any]]:
    for start in range(0, rows.num_rows, _BATCH):
        yield from rows.slice(start, _BATCH).to_pylist()
