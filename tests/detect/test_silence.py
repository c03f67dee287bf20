"""Law: nothing is not ok: silence, `down`, `refused` and `unknown` end no block, and silence is no finding."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tried import SITE, at, events, findings, found, holds, iso, notes, own, path

OPEN, CUT = "." * 12, "x" * 8
AFTER = st.text(alphabet=" rd?", min_size=1, max_size=20)
few = settings(max_examples=10)


@few
@given(after=AFTER, crew=st.integers(2, 4), elsewhere=st.booleans())
def test_what_is_no_recovery_ends_nothing(after: str, crew: int, elsewhere: bool) -> None:
    days = OPEN + CUT + after
    others = [path("." * len(days), network=64501)] if elsewhere else []
    tables = found(path(days, crew=crew), *others)
    assert [one["direction"] for one in events(tables)] == ["block"]
    (first,) = own(tables)
    assert (first["state"], first["end_after"], first["end_before"]) == ("blocked", None, None)
    assert events(tables)[0]["lasts"] is True
    assert first["last_seen"] <= at(20)


@pytest.mark.parametrize(("days", "code"), [(6, None), (7, "silent:7"), (20, "silent:20")])
def test_how_long_nobody_looked_is_said(days: int, code: str | None) -> None:
    """As far as the store reaches: others are still measured."""
    tables = found(path(OPEN + CUT + " " * days), path("." * (20 + days), target="web/other.example"))
    (first,) = own(tables)
    assert (first["state"], first["contradicts"], first["end_before"]) == ("blocked", code, None)
    assert (first["days"], first["days_all"]) == (8, 8 + days)
    assert events(tables)[0]["contradicts"] == code


@few
@given(between=AFTER)
def test_what_is_no_recovery_divides_nothing(between: str) -> None:
    tables = found(path(OPEN + CUT + between + CUT + OPEN))
    assert [one["direction"] for one in events(tables)] == ["block", "unblock"]
    blocked, fine = own(tables)
    assert holds(blocked, at(12))
    assert holds(blocked, at(28 + len(between)), "end")
    assert fine["state"] == "ok"


@few
@given(gap=st.integers(1, 20))
def test_a_bracket_holds_the_silence_in_it(gap: int) -> None:
    """Nobody tried between the last failure and the first success: anything may have happened there."""
    tables = found(path(OPEN + " " * gap + CUT + " " * gap + OPEN))
    blocked, _ = own(tables)
    assert blocked["onset_after"] <= at(12)
    assert blocked["onset_before"] >= at(12 + gap)
    assert blocked["end_after"] <= at(20 + gap)
    assert blocked["end_before"] >= at(20 + 2 * gap)


@pytest.mark.parametrize(("letter", "state"), [("r", "refused"), ("d", "down"), ("?", "insufficient")])
def test_neither_blocked_nor_ok(letter: str, state: str) -> None:
    tables = found(path(letter * 30))
    assert events(tables) == []
    (one,) = own(tables)
    assert one["state"] == state
    assert one["k"] == 0
    assert (one["last_seen"] is None) == (letter == "?")  # nothing that counts was seen


def test_nobody_tried_is_no_finding() -> None:
    tables = found(path("." * 30), path(" " * 30, target="web/other.example"))
    assert {one["target"] for one in tables["findings"].to_pylist()} == {SITE}
    for nothing in ([], path("." * 9, country=None), path("." * 9, network=None)):
        made = found(nothing)
        assert tables.keys() <= made.keys()
        assert not any(rows.num_rows for rows in made.values())


@pytest.mark.parametrize("tries", [1, 2])
def test_below_the_floor_nothing_is_said(tries: int) -> None:
    tables = found(path("x" * 2, tries=tries))
    assert {one["state"] for one in tables["findings"].to_pylist()} == {"insufficient"}
    assert {one["grade"] for one in tables["findings"].to_pylist()} == {"insufficient"}


def quiet_then(days: str, **words: Any) -> Any:
    """A country in which four sites are tried often, so that measuring has a rhythm."""
    return [path(days, target=f"web/site{n}.example", tries=12, **words) for n in range(4)]


@pytest.mark.parametrize("letter", [".", "x"])
def test_a_collapse_of_measuring_is_noted_and_never_an_end(letter: str) -> None:
    days = "." * 35 + letter * 7
    rows = quiet_then(days + " " * 10 + days[-7:], network=64500) + quiet_then("." * 59, network=64501)
    tables = found(*rows, covered=True)
    volume = notes(tables, "volume")
    assert [(one["country"], one["network"], one["first"], one["last"]) for one in volume] == [
        ("XA", 64500, iso(42), iso(51))
    ]
    assert volume[0]["detail"] == "measurements:0 days:10 usual:48"
    assert events(tables, "unblock") == []
    blocked = findings(tables, state="blocked", network=64500)
    assert len(blocked) == (4 if letter == "x" else 0)
    assert all(one["end_before"] is None for one in blocked)


def test_a_collapse_that_lasts_says_so() -> None:
    rows = quiet_then("." * 42, network=64500) + quiet_then("." * 55, network=64501)
    (note,) = notes(found(*rows, covered=True), "volume")
    assert (note["network"], note["first"], note["last"]) == (64500, iso(42), None)


def test_weekends_are_no_collapse() -> None:
    week = "....." + "  "
    assert notes(found(*quiet_then(week * 8), covered=True), "volume") == []
