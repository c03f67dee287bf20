"""Law: what changed between two runs is a pure function of their tables; equal tables give no change at all.

An entry of the log says what one run said that the run before it did not: events new, ended, revised, withdrawn or
superseded (as whole rows), and findings of interference whose state or grade is another one. Numbers that move with
every further day (`QUIET`) revise nothing by themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

INTERFERENCE: Final = ("blocked", "throttled")
KINDS: Final = ("new", "ended", "revised", "superseded", "withdrawn")
QUIET: Final = ("statistic", "networks_data")
# Below this many vantage points a time would point at a person: documents show the day (law 9).
FEW: Final = 3
_KEY: Final = ("country", "network", "target")

Value = str | int | float | bool | None


class Shift(msgspec.Struct, frozen=True, kw_only=True, rename={"before": "from", "after": "to"}):
    """A column that says something else than before."""

    before: Value
    after: Value


class EventChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one event. `row` is the event as it stands now, or as it last stood."""

    kind: str  # KINDS
    event: str
    days_only: bool  # its times are for the store alone: one of its networks has few vantage points
    row: dict[str, Value]
    columns: dict[str, Shift] = {}
    by: tuple[str, ...] = ()  # superseded: the events that stand in its place


class FindingChange(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of interference that began, ended, or is graded otherwise; null where there was or is none."""

    country: str
    network: int | None
    target: str
    state_before: str | None
    grade_before: str | None
    state: str | None
    grade: str | None
    event: str | None


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one run says differently."""

    events: tuple[EventChange, ...] = ()
    findings: tuple[FindingChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.events or self.findings)


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run that said something new: when, from which inputs, and what. Each entry names the one before it."""

    number: int
    previous: str | None  # digest of the entry before
    when: str  # RFC 3339, of the machine that ran it
    as_of: str | None  # the newest measurement it knew
    manifest: int
    inputs: str
    rules: str
    reference: str
    thresholds: str
    changes: Changes


def encode(entry: Entry) -> bytes:
    """An entry as it lies in the log."""
    return msgspec.json.format(msgspec.json.encode(entry, order="sorted"), indent=1) + b"\n"


def digest(data: bytes) -> str:
    """What the next entry calls this one."""
    return sha256(data).hexdigest()


def changes(before: Mapping[str, pa.Table], now: Mapping[str, pa.Table]) -> Changes:
    """Old tables, new tables → what is said differently. Tables that are missing are empty."""
    return Changes(events=_events(before, now), findings=_findings(before.get("findings"), now.get("findings")))


def few(findings: pa.Table | None) -> frozenset[tuple[str, int]]:
    """(country, network) pairs for which nothing but the day is shown."""
    if findings is None:
        return frozenset()
    own = findings.select(["country", "network", "vantage_high"])
    own = own.filter(pc.is_valid(own["network"]))
    most: Any = own.group_by(["country", "network"]).aggregate([("vantage_high", "max")])
    few_: Any = most.filter(pc.less(most["vantage_high_max"], FEW))
    return frozenset(zip(few_["country"].to_pylist(), few_["network"].to_pylist(), strict=True))


def counted(findings: pa.Table | None) -> frozenset[tuple[str, int]]:
    """(country, network) pairs of which any finding says how many vantage points they have."""
    if findings is None:
        return frozenset()
    own: Any = findings.group_by(["country", "network"]).aggregate([])
    pairs = zip(own["country"].to_pylist(), own["network"].to_pylist(), strict=True)
    return frozenset((country, network) for country, network in pairs if network is not None)


def days_only(country: str, networks: str, thin: frozenset[tuple[str, int]], known: frozenset[tuple[str, int]]) -> bool:
    """Is one of an event's networks thin, or does nothing say how many vantage points it has?"""
    own = {(country, int(network)) for network in networks.split() if network.isdecimal()}
    return not own or bool(own & thin) or not own <= known


def _events(before: Mapping[str, pa.Table], now: Mapping[str, pa.Table]) -> tuple[EventChange, ...]:
    old, new = _by_id(before.get("events")), _by_id(now.get("events"))
    if old == new:
        return ()
    thin = few(before.get("findings")) | few(now.get("findings"))
    known = counted(before.get("findings")) | counted(now.get("findings"))
    heirs: dict[str, list[str]] = defaultdict(list)
    for event, row in new.items():
        for earlier in (row["supersedes"] or "").split():
            heirs[earlier].append(event)
    made: list[EventChange] = []
    for event in sorted(old.keys() | new.keys()):
        was, row = old.get(event), new.get(event)
        kind, columns = _became(was, row, event in heirs)
        if kind is not None:
            stated: dict[str, Any] = row or was or {}
            hide = days_only(stated["country"], stated["networks"], thin, known)
            made.append(
                EventChange(
                    kind=kind, event=event, days_only=hide, row=_plain(stated),
                    columns=columns, by=tuple(sorted(heirs[event])) if kind == "superseded" else (),
                )
            )  # fmt: skip
    return tuple(sorted(made, key=lambda one: (KINDS.index(one.kind), one.event)))


def _became(
    was: dict[str, Any] | None, row: dict[str, Any] | None, inherited: bool
) -> tuple[str | None, dict[str, Shift]]:
    if row is None:
        return ("superseded" if inherited else "withdrawn"), {}
    if was is None:
        return "new", {}
    columns = {
        name: Shift(before=_value(was[name]), after=_value(value))
        for name, value in row.items()
        if _value(was[name]) != _value(value)
    }
    if was["lasts"] and row["lasts"] is False:
        return "ended", columns
    return ("revised" if columns.keys() - set(QUIET) else None), columns


def _by_id(events: pa.Table | None) -> dict[str, dict[str, Any]]:
    return {} if events is None else {row["event"]: row for row in events.to_pylist()}


_Stand = tuple[str, str, str | None]


def _findings(before: pa.Table | None, now: pa.Table | None) -> tuple[FindingChange, ...]:
    old, new = _standing(before), _standing(now)
    made: list[FindingChange] = []
    for key in old.keys() | new.keys():
        was, row = old.get(key), new.get(key)
        hit = [one for one in (was, row) if one is not None and one[0] in INTERFERENCE]
        if hit and (was or ("", ""))[:2] != (row or ("", ""))[:2]:
            country, network, target = key
            made.append(
                FindingChange(
                    country=country, network=network, target=target,
                    state_before=was[0] if was else None, grade_before=was[1] if was else None,
                    state=row[0] if row else None, grade=row[1] if row else None,
                    event=(row or was or hit[0])[2],
                )
            )  # fmt: skip
    return tuple(sorted(made, key=lambda f: (f.country, f.network is not None, f.network or 0, f.target)))


def _standing(findings: pa.Table | None) -> dict[tuple[str, int | None, str], _Stand]:
    """Of each target on each network (and country) the state that was reached last."""
    if findings is None or not findings.num_rows:
        return {}
    columns = (*_KEY, "state", "grade", "event", "onset_before", "last_seen")
    rows = zip(*(findings[name].to_pylist() for name in columns), strict=True)
    made: dict[tuple[str, int | None, str], tuple[tuple[datetime, datetime, str, str], _Stand]] = {}
    for country, network, target, state, grade, event, onset, seen in rows:
        place = (onset or datetime.min, seen or datetime.min, state, grade)
        held = made.get((country, network, target))
        if held is None or held[0] < place:
            made[country, network, target] = (place, (state, grade, event))
    return {key: stand for key, (_, stand) in made.items()}


def _plain(row: Mapping[str, Any]) -> dict[str, Value]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Value:
    """A value as JSON keeps it; times are RFC 3339, numbers that are none are null."""
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, float) and value - value != 0.0:
        return None
    return value
