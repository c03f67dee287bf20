"""Law: what changed is a pure function of two runs: nothing between equal ones, and there and back is both ways."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.detect.changes import FEW, INTERFERENCE, KINDS, QUIET, Changes, changes
from clampdown.model import EVENTS, FINDINGS

TIMES = st.none() | st.integers(0, 4000).map(lambda hours: datetime(2023, 1, 1) + timedelta(hours=hours))
STATES = st.sampled_from(("ok", "blocked", "throttled", "insufficient", "down", "conflicting"))
GRADES = st.sampled_from(("insufficient", "consistent", "corroborated", "confirmed"))


def _row(schema: pa.Schema, **known: Any) -> dict[str, Any]:
    plain = {pa.string(): "", pa.int64(): 1, pa.int32(): 1, pa.float64(): 0.5, pa.bool_(): True}
    return {f.name: known.get(f.name, None if f.nullable else plain[f.type]) for f in schema}


@st.composite
def events(draw: st.DrawFn) -> pa.Table:
    names = draw(st.lists(st.sampled_from([f"e{n}" for n in range(6)]), unique=True))
    rows = [
        _row(
            EVENTS, event=name, direction="block", country=draw(st.sampled_from(("KE", "UG"))), grade=draw(GRADES),
            networks=draw(st.sampled_from(("1", "1 2", "3"))), onset_after=draw(TIMES), lasts=draw(st.booleans()),
            statistic=draw(st.floats(0, 9)), supersedes=draw(st.none() | st.sampled_from(("e0", "e1 e2", "e5"))),
        )
        for name in names
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=EVENTS)


@st.composite
def findings(draw: st.DrawFn) -> pa.Table:
    keys = draw(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from((None, 1, 2, 3))), unique=True))
    rows = [
        _row(
            FINDINGS, country=draw(st.sampled_from(("KE", "UG"))), network=network, target=target, state=draw(STATES),
            grade=draw(GRADES), vantage_high=draw(st.integers(-1, 5)), onset_before=draw(TIMES),
        )
        for target, network in keys
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=FINDINGS)


TABLES = st.fixed_dictionaries({"findings": findings(), "events": events()})


@settings(max_examples=40)
@given(TABLES, st.randoms(use_true_random=False))
def test_equal_tables_change_nothing_in_any_order(tables: dict[str, pa.Table], chance: Any) -> None:
    other: dict[str, pa.Table] = {}
    for name, rows in tables.items():
        order = list(range(rows.num_rows))
        chance.shuffle(order)
        other[name] = rows.take(pa.array(order, pa.int64()))
    assert changes(tables, other) == Changes()
    assert not changes(tables, tables)
    assert not changes({}, {})


@settings(max_examples=40)
@given(TABLES, TABLES)
def test_there_and_back(one: dict[str, pa.Table], two: dict[str, pa.Table]) -> None:
    """Every change back undoes one on the way there: new and gone, from and to."""
    there, back = changes(one, two), changes(two, one)
    there_by, back_by = ({c.event: c for c in each.events} for each in (there, back))
    old, new = (set(each["events"]["event"].to_pylist()) for each in (one, two))
    assert {e for e, c in there_by.items() if c.kind == "new"} == new - old
    assert {e for e, c in there_by.items() if c.kind in ("withdrawn", "superseded")} == old - new
    for event in there_by.keys() & back_by.keys() & old & new:
        mine, theirs = there_by[event].columns, back_by[event].columns
        assert mine.keys() == theirs.keys() != set()
        assert all((mine[c].before, mine[c].after) == (theirs[c].after, theirs[c].before) for c in mine)
    turned = {
        (f.country, f.network, f.target): (f.state_before, f.grade_before, f.state, f.grade) for f in there.findings
    }
    again = {
        (f.country, f.network, f.target): (f.state, f.grade, f.state_before, f.grade_before) for f in back.findings
    }
    assert turned == again


@settings(max_examples=40)
@given(TABLES, TABLES)
def test_every_change_is_one(one: dict[str, pa.Table], two: dict[str, pa.Table]) -> None:
    found = changes(one, two)
    assert [c.event for c in found.events] == list(dict.fromkeys(c.event for c in found.events))
    for change in found.events:
        assert change.kind in KINDS
        assert all(shift.before != shift.after for shift in change.columns.values())
        if change.kind == "revised":
            assert change.columns.keys() - set(QUIET)
        if change.kind == "ended":
            assert (change.columns["lasts"].before, change.columns["lasts"].after) == (True, False)
        assert (change.kind == "superseded") == bool(change.by)
    for finding in found.findings:
        assert {finding.state, finding.state_before} & set(INTERFERENCE)
        assert (finding.state, finding.grade) != (finding.state_before, finding.grade_before)


@settings(max_examples=40)
@given(TABLES, TABLES)
def test_an_event_of_a_thin_or_unknown_network_is_for_days(one: dict[str, pa.Table], two: dict[str, pa.Table]) -> None:
    most: dict[tuple[str, int], list[int]] = {}
    for tables in (one, two):
        run: dict[tuple[str, int], int] = {}
        for row in tables["findings"].to_pylist():
            if row["network"] is not None:
                key = (row["country"], row["network"])
                run[key] = max(run.get(key, -1), row["vantage_high"])
        for key, high in run.items():
            most.setdefault(key, []).append(high)
    for change in changes(one, two).events:
        networks = [(change.row["country"], int(n)) for n in str(change.row["networks"]).split()]
        firm = all(key in most and min(most[key]) >= FEW for key in networks)  # type: ignore[index]
        assert change.days_only == (not firm)


@settings(max_examples=40)
@given(TABLES, TABLES)
def test_changes_survive_being_written(one: dict[str, pa.Table], two: dict[str, pa.Table]) -> None:
    found = changes(one, two)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Changes) == found
