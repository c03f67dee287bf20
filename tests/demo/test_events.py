"""Law: what `detect` found is held against the script: nothing true is counted twice, nothing false is passed over."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from clampdown.demo.archive import SIZES
from clampdown.demo.events import EventComparison, compare_events
from clampdown.demo.run import run_demo
from clampdown.demo.script import load_script
from clampdown.model import EVENT_MEMBERS, FINDINGS

SCRIPT = load_script()
DAYS = range(1, SCRIPT.days + 1)


def at(day: int, hour: int) -> datetime:
    date = SCRIPT.date(day)
    return datetime(date.year, date.month, date.day) + timedelta(hours=hour)


def member(target: str, network: int, day: int, direction: str = "block", **given: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(EVENT_MEMBERS.names)
    row |= {
        "event": f"e{day}", "country": "XA", "network": network, "target": target, "direction": direction,
        "after": at(day - 1, 20), "before": at(day, 9), "statistic": 9.0, "grade": "corroborated", "k": 9, "n": 9,
    }  # fmt: skip
    return row | given


def finding(target: str, network: int | None, state: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(FINDINGS.names)
    counts = dict.fromkeys(("k", "n", "vantage_low", "vantage_high", "days", "days_all", "settled", "witnesses"), 0)
    told = {"country": "XA", "network": network, "target": target, "state": state, "grade": "consistent"}
    return row | counts | told | {"stands": False}


def compared(members: list[dict[str, Any]], findings: list[dict[str, Any]] | None = None) -> EventComparison:
    tables = (pa.Table.from_pylist(members, EVENT_MEMBERS), pa.Table.from_pylist(findings or [], FINDINGS))
    return compare_events(SCRIPT, *tables, DAYS, "XA")


WHATSAPP = "whatsapp/web"  # scripted on AS64497 and AS64501 from day 38 on


def test_the_script_holds_what_is_to_be_shown() -> None:
    """A block of several targets on several networks with an end; a partial one; one that has no beginning."""
    happenings = compared([]).happenings()
    begun, ended = happenings[33, "block"], happenings[51, "unblock"]
    assert {(c.target, c.network) for c in begun} == {(c.target, c.network) for c in ended}
    assert len({c.target for c in begun}) >= 3
    assert len({c.network for c in begun}) >= 5
    assert any(0 < act.share < 1 for act in SCRIPT.acts)
    assert not any(c.target == "tunnelhop/web" for c in compared([]).changes)
    assert {day for day, _ in happenings} & {1, SCRIPT.days + 1} == set()


def test_nothing_found_is_all_missed() -> None:
    made = compared([])
    assert made.count("missed") == len(made.changes) > 100
    assert (made.count("true"), made.count("false"), made.holding) == (0, 0, 0)
    assert ("tunnelhop/web", 64496) in made.missed
    assert (made.found, made.false) == ((), ())


@pytest.mark.parametrize(
    ("given", "verdict", "holds"),
    [
        (member(WHATSAPP, 64497, 38), "true", True),
        (member(WHATSAPP, 64497, 39), "true", False),
        (member(WHATSAPP, 64497, 36), "true", False),
        (member(WHATSAPP, 64497, 38, after=None), "true", True),
        (member(WHATSAPP, 64497, 44), "false", False),
        (member(WHATSAPP, 64496, 38), "false", False),
        (member(WHATSAPP, 64497, 38, "unblock"), "false", False),
        (member("opendia/web", 64502, 22), "false", False),
    ],
)
def test_a_change_is_true_near_its_day_on_its_network(given: dict[str, Any], verdict: str, holds: bool) -> None:
    made = compared([given])
    assert made.count(verdict) == 1
    assert made.holding == int(holds)
    assert made.false_events == ((given["event"],) if verdict == "false" else ())
    assert made.csv().count(verdict.encode() + b",") >= 1


def test_the_same_change_twice_is_once_false() -> None:
    made = compared([member(WHATSAPP, 64497, 38), member(WHATSAPP, 64497, 39)])
    assert (made.count("true"), made.count("false"), made.holding) == (1, 1, 1)
    assert made.false_events == ("e39",)


def test_an_event_over_several_happenings_is_named() -> None:
    made = compared([member(WHATSAPP, 64497, 38, event="x"), member("pingme/web", 64498, 30, event="x")])
    assert made.joined == ("x",)
    assert "joined: x holds several scripted happenings" in made.text()
    assert compared([member(WHATSAPP, 64497, 38)]).joined == ()


def test_findings_are_held_against_the_courses() -> None:
    rows = [
        finding(WHATSAPP, 64497, "blocked"),
        finding(WHATSAPP, 64496, "blocked"),
        finding(WHATSAPP, None, "blocked"),
    ]
    made = compared([], [*rows, finding("pingme/web", 64498, "ok")])
    assert made.found == ((WHATSAPP, 64497),)
    assert made.false == ((WHATSAPP, 64496),)
    assert ("pingme/web", 64498) in made.missed
    assert "false finding: whatsapp/web on AS64496" in made.text()


def test_only_days_that_are_measured_count() -> None:
    few = compare_events(
        SCRIPT, pa.Table.from_pylist([], EVENT_MEMBERS), pa.Table.from_pylist([], FINDINGS), SIZES["small"].days, "XA"
    )
    assert {day for day, _ in few.happenings()} == {22, 27, 30, 33, 38, 43}


@pytest.mark.long
def test_the_whole_demo_finds_what_was_scripted(tmp_path: Path) -> None:
    whole = run_demo(tmp_path / "out", "medium")
    assert whole.problems == (), "outages and notes"
    made = whole.events
    assert (made.count("missed"), made.count("false"), made.false_events) == (0, 0, ())
    assert made.count("true") > 100
    assert made.holding >= 0.95 * made.count("true"), "a bracket holds the time in 19 of 20 cases"
    assert (made.missed, made.false) == ((), ())
