"""Law: a timeline counts as everything counts, tells silence from zero, and holds against the store."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown import assess
from clampdown.assess.events import Timeline, numbers
from clampdown.assess.names import Names
from clampdown.assess.timeline import Detected, absent, wilson
from clampdown.model import EVENT_MEMBERS

sys.path.insert(0, str(Path(__file__).parent))
from happenings import DAYS, LIMITS, at, cover, days_of, draw, event, note, only, plain, told

Make = Callable[..., dict[str, Any]]
Tables = tuple[pa.Table, pa.Table, pa.Table]
# ---- the days ----------------------------------------------------------------------------------------------------


def test_a_day_is_tried_or_untested_or_nobody(verdict: Make) -> None:
    rows = [
        verdict(1, time=at(3), state="blocked"), verdict(2, time=at(3, 12), state="ok"),
        verdict(3, time=at(4), state="unknown"), verdict(4, time=at(5), target="web/other.example"),
        verdict(5, time=at(7), network=64501),
    ]  # fmt: skip
    found = only(draw(told(event("e", onset_before=at(3), lasts=True)), rows, cover(6)))
    assert [(d.day, d.k, d.n, d.undecided) for d in found.days] == [
        ("2026-09-03", 1, 2, 0), ("2026-09-04", 0, 0, 1)
    ]  # fmt: skip
    assert found.days[0].low is not None
    assert found.days[1].low is None  # nothing decided is no share of zero
    assert days_of(found.untested) == {"2026-09-05", "2026-09-06"}
    assert days_of(found.nobody) == set(DAYS[:2]) | set(DAYS[6:])  # another network's day is no day of this one


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_day_stands_in_one_place(data: st.DataObject) -> None:
    picks = data.draw(st.lists(st.tuples(st.integers(1, 30), st.sampled_from(("ok", "blocked", "unknown", "down")))))
    covered = data.draw(st.lists(st.integers(1, 30)))
    rows = [plain(i, time=at(day), day=DAYS[day - 1], state=state) for i, (day, state) in enumerate(picks)]
    found = only(draw(told(event("e", onset_before=at(3), lasts=True)), rows, cover(*covered)))
    places = [*(d.day for d in found.days), *sorted(days_of(found.untested)), *sorted(days_of(found.nobody))]
    assert sorted(places) == list(DAYS)
    assert all(0 <= d.k <= d.n for d in found.days)
    assert all((d.n > 0) == (d.low is not None) for d in found.days)
    assert {d.day for d in found.days} == {DAYS[day - 1] for day, _ in picks}


@pytest.mark.parametrize(
    ("vantage", "kind", "tries", "points"),
    [("c1", "credential", 1, (1, 1)), ("s{}", "session", 10_000, (1, 10_000)), (None, None, 1, (0, 0))],
    ids=["one device", "one description, many sessions", "only counts"],
)
def test_ten_thousand_rows_of_an_hour(verdict: Make, vantage: Any, kind: Any, tries: int, points: Any) -> None:
    """Rows of one vantage point count once an hour; sessions are cheap, so they make no interval narrow."""
    rows = [
        verdict(i, time=at(3), state="blocked", vantage=vantage and vantage.format(i), vantage_kind=kind)
        for i in range(10_000)
    ]
    day = only(draw(told(event("e", onset_before=at(3))), rows)).days[0]
    assert (day.k, day.n, (day.vantage.low, day.vantage.high)) == (tries, tries, points)
    assert (day.low, day.high) == wilson(1, 1, 1)


def test_several_targets_and_networks_are_counted_together(verdict: Make) -> None:
    rows = [
        verdict(i, time=at(3), target=t, network=n, state=state, vantage=f"c{n}{i % 2}")
        for i, (t, n, state) in enumerate(
            (t, n, s) for t in ("telegram/web", "web/a.example", "web/b.example") for n in (64500, 64501, 64502)
            for s in ("blocked", "ok")
        )
    ]  # fmt: skip
    both = event("e", targets="telegram/web web/a.example", networks="64500 64501", onset_before=at(3))
    assert [(d.k, d.n) for d in only(draw(told(both), rows)).days] == [(4, 8)]
    assert [(d.k, d.n) for d in only(draw(told(both), rows, network=64500)).days] == [(2, 4)]
    narrow = only(draw(told(both), rows, network=64500, targets=frozenset({"web/a.example"})))
    assert [(d.k, d.n) for d in narrow.days] == [(1, 2)]


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(dice: random.Random) -> None:
    rows = [
        plain(i, time=at(1 + i % 20), day=DAYS[i % 20], state=("ok", "blocked")[i % 3 == 0], vantage=f"c{i % 4}",
              network=64500 + i % 2, hour=i % 24)
        for i in range(60)
    ]  # fmt: skip
    events = [
        event("a", networks="64500 64501", onset_after=at(3), onset_before=at(5), counterpart="b"),
        event("b", "unblock", onset_after=at(9), onset_before=at(11), counterpart="a"),
        event("c", onset_before=at(12), lasts=True, grade="confirmed"),
        event("d", "unblock", onset_before=at(4)),
    ]  # fmt: skip
    members = [
        dict.fromkeys(EVENT_MEMBERS.names) | {
            "event": e, "country": "XA", "network": n, "target": "telegram/web", "direction": "block", "statistic": 1.0,
            "grade": "consistent", "k": 1, "n": 2,
        } for e in "abc" for n in (64500, 64501)
    ]  # fmt: skip
    notes = [note(), note(kind="instrument", test="t"), note(network=64500)]
    parts = [rows, events, members, notes, cover(1, 2, 3)]
    before = draw(told(*events, members=members, notes=notes), rows, parts[4])
    for part in parts:
        dice.shuffle(part)
    assert draw(told(*events, members=members, notes=notes), rows, parts[4]) == before


@pytest.mark.parametrize(("k", "n", "effective"), [(0, 5, 5), (5, 5, 5), (1, 2, 1), (3, 10, 4), (7, 7, 0), (1, 3, 9)])
def test_the_interval(k: int, n: int, effective: int) -> None:
    low, high = wilson(k, n, effective)
    assert 0 <= low <= k / n <= high <= 1
    assert high - low > 0.2  # so few tries never tell much
    fewer = wilson(k, n, max(1, effective - 1))
    assert fewer[1] - fewer[0] >= high - low


def test_the_interval_is_wilsons() -> None:
    assert wilson(8, 10, 10) == pytest.approx((0.490162, 0.943318), abs=1e-5)
    assert wilson(80, 100, 10) == wilson(8, 10, 10)  # ten vantage points with ten tries each weigh as ten


# ---- which events ------------------------------------------------------------------------------------------------

PAIR = (
    event("b", onset_after=at(3), onset_before=at(5), counterpart="u"),
    event("u", "unblock", onset_after=at(9), onset_before=at(11), counterpart="b"),
)


@pytest.mark.parametrize(
    ("events", "bars"),
    [
        (PAIR, [("b", "u")]),
        ((PAIR[0] | {"counterpart": None}, PAIR[1]), [("b", "u")]),  # one of them names the other
        ((PAIR[0], PAIR[1] | {"counterpart": None}), [("b", "u")]),
        ((PAIR[0] | {"counterpart": "gone"}, PAIR[1] | {"counterpart": None}), [("b", None), (None, "u")]),
        ((PAIR[1],), [(None, "u")]),
        ((PAIR[0] | {"lasts": True}, PAIR[1]), [("b", None), (None, "u")]),  # the end of a part
        ((*PAIR, event("c", onset_before=at(2), counterpart="u")), [("b", "u"), ("c", "u")]),  # one end for both
        ((*PAIR, *PAIR), [("b", "u")]),  # a row twice is one event
        ((event("x", country="XB", onset_before=at(3)),), []),
    ],
)
def test_a_beginning_and_its_end_are_one_bar(events: Any, bars: Any) -> None:
    made = draw(told(*events), [])
    found = [(e.began and e.began.event, e.ended and e.ended.event) for e in made.events]
    assert sorted(found, key=str) == sorted(bars, key=str)
    assert len({e.id for e in made.events}) == len(made.events)


@pytest.mark.parametrize(
    ("first", "last", "there"),
    [(1, 2, False), (1, 3, True), (5, 6, True), (11, 20, True), (12, 20, False), (1, 30, True)],
)
def test_an_event_is_shown_where_its_bar_touches_the_period(first: int, last: int, there: bool) -> None:
    assert bool(draw(told(*PAIR), [], days=DAYS[first - 1 : last]).events) == there


def test_what_lasts_belongs_to_every_later_period() -> None:
    block = event("b", onset_after=at(3), onset_before=at(5), lasts=True)
    assert draw(told(block), [], days=DAYS[20:]).events
    assert draw(told(event("u", "unblock", onset_before=at(20))), [], days=DAYS[:3]).events


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ({"targets": frozenset({"telegram/web"})}, True), ({"targets": frozenset({"web/x"})}, False),
        ({"network": 64500}, True), ({"network": 64501}, False), ({"country": "XB"}, False),
        ({"targets": frozenset({"telegram/web"}), "network": 64501}, False),
    ],
)  # fmt: skip
def test_the_question_chooses_events_and_notes(asked: Any, there: bool) -> None:
    about = note(country="XA", network=64500, target="telegram/web")
    made = draw(told(*PAIR, notes=[about]), [], **asked)
    assert (bool(made.events), bool(made.notes)) == (there, there)


@pytest.mark.parametrize(
    ("given", "there"),
    [
        ({}, True), ({"country": "XB"}, False), ({"countries": "XB XA"}, True), ({"countries": "XB XC"}, False),
        ({"first": "2026-10-01", "last": None}, False), ({"first": "2020-01-01", "last": None}, True),
        ({"first": "2020-01-01", "last": "2020-01-02"}, False),
    ],
)  # fmt: skip
def test_which_notes_are_of_this_country_and_period(given: Any, there: bool) -> None:
    assert bool(draw(told(notes=[note(**given)]), []).notes) == there


def test_the_best_evidenced_and_largest_come_first() -> None:
    events = [
        event(f"{grade[:4]}{members}", grade=grade, members=members, onset_before=at(9))
        for grade in ("consistent", "confirmed", "insufficient", "corroborated") for members in (1, 5)
    ]  # fmt: skip
    assert [e.id for e in draw(told(*events), []).events] == [
        "conf5", "conf1", "corr5", "corr1", "cons5", "cons1", "insu5", "insu1"
    ]  # fmt: skip


def test_before_within_and_after(verdict: Make) -> None:
    states = {1: "ok", 3: "ok", 4: "blocked", 5: "blocked", 7: "blocked", 9: "blocked", 10: "ok", 11: "ok", 13: "ok"}
    rows = [verdict(day, time=at(day), day=DAYS[day - 1], state=state) for day, state in states.items()]
    found = only(draw(told(*PAIR), rows))
    told_of = [(s.k, s.n, s.days) for s in (found.before, found.during, found.after)]
    assert told_of == [(0, 2, 2), (3, 3, 3), (0, 2, 2)]  # 4 and 10 lie within a bracket: in none of them
    same = only(draw(told(event("s", onset_after=at(5, 1), onset_before=at(5, 20), lasts=True)), rows))
    assert [(s.k, s.n) for s in (same.before, same.during, same.after)] == [(1, 3), (3, 6), (0, 0)]


# ---- what verify holds -------------------------------------------------------------------------------------------


def test_a_timeline_is_recomputed(world: Tables, eventful: assess.Answer, detected: Detected) -> None:
    proof = assess.check(assess.encode(eventful.report), *world, detected=detected)
    assert proof.holds
    assert sum(c.number.startswith("event/") for c in proof.checks) > 1000
    assert proof.notes == ()


@pytest.mark.parametrize(
    ("path", "value", "number"),
    [
        (("events", 0, "days", 3, "k"), 99, "event/e-carrier/day/2026-09-04/k"),
        (("events", 0, "days", 3, "high"), 0.5, "event/e-carrier/day/2026-09-04/high"),
        (("events", 0, "began", "grade"), "consistent", "event/e-carrier/began/grade"),
        (("events", 0, "began", "before"), "2026-09-02", "event/e-carrier/began/before"),
        (("events", 0, "began", "lasts"), False, "event/e-carrier/began/lasts"),
        (("events", 0, "nobody"), [], "event/e-carrier/nobody"),
        (("events", 0, "during", "k"), 1, "event/e-carrier/during/k"),
        (("events", 0, "members", 0, "n"), 1, "event/e-carrier/member/block/carrier/app@AS64500/2026-10-02/n"),
        (("events", 1, "ended"), None, "event/e-news/ended"),
        (("notes",), [], "timeline/notes"),
        (("events",), [], "timeline/events"),
    ],
)
def test_a_changed_number_of_a_timeline_does_not_hold(
    world: Tables, eventful: assess.Answer, detected: Detected, path: Any, value: Any, number: str
) -> None:
    document = msgspec.json.decode(assess.encode(eventful.report))
    place = document["timeline"]
    for step in path[:-1]:
        place = place[step]
    assert place[path[-1]] != value
    place[path[-1]] = value
    proof = assess.check(msgspec.json.encode(document), *world, detected=detected)
    assert number in {c.number for c in proof.checks if not c.holds}


def test_an_event_that_the_store_no_longer_says_is_named(
    world: Tables, eventful: assess.Answer, detected: Detected
) -> None:
    data = assess.encode(eventful.report)
    gone = detected._replace(events=detected.events.slice(1))
    for other in (gone, absent("stale"), None):
        proof = assess.check(data, *world, detected=other)
        wrong = {c.number for c in proof.checks if not c.holds}
        assert {"timeline/events", "event/e-carrier/began/grade"} <= wrong
        assert not any(number.startswith(("cell/", "headline/")) for number in wrong)


def test_a_report_without_events_stays_verifiable(
    world: Tables, names: Names, inputs: assess.Inputs, answer: assess.Answer, detected: Detected
) -> None:
    old = msgspec.json.decode(assess.encode(answer.report))
    del old["timeline"]  # as an earlier version wrote it
    asked = assess.Question(country="XA")
    early = assess.build(*world, asked, LIMITS, names, inputs, absent("not_detected")).report
    for data in (msgspec.json.encode(old), assess.encode(early)):
        for found, notes in ((None, ()), (absent("stale"), ()), (detected, ("timeline:",))):
            proof = assess.check(data, *world, detected=found)
            assert proof.holds
            assert proof.notes == notes


@pytest.mark.parametrize(
    ("stated", "now", "holds"),
    [
        ("not_detected", "not_detected", True), ("not_detected", "stale", True), ("stale", "stale", True),
        ("stale", "not_detected", False), ("other", "not_detected", False), ("other", "stale", False),
        (None, "stale", False),
    ],
)  # fmt: skip
def test_why_there_is_no_timeline_is_held_against_the_store(
    world: Tables, names: Names, inputs: assess.Inputs, stated: str | None, now: str, holds: bool
) -> None:
    asked = assess.Question(country="XA", target="telegram")
    report = assess.build(*world, asked, LIMITS, names, inputs, absent("not_detected")).report
    said = msgspec.structs.replace(report, timeline=Timeline(missing=stated, events=(), notes=()))
    assert assess.check(assess.encode(said), *world, detected=absent(now)).holds == holds


def leaves(part: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every value of a document, and every list that could be emptied."""
    steps = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    if not isinstance(part, dict):
        yield way
    for step, inner in steps:
        yield from leaves(inner, (*way, step))


def test_every_value_of_a_timeline_is_a_number_that_verify_holds(eventful: assess.Answer) -> None:
    whole = msgspec.to_builtins(eventful.report.timeline, builtin_types=())
    stated = numbers(msgspec.convert(whole, Timeline))
    kinds: set[str] = set()
    for way in leaves(msgspec.json.decode(msgspec.json.encode(whole))):
        kind = ".".join("*" if isinstance(step, int) else step for step in way)
        changed = msgspec.json.decode(msgspec.json.encode(whole))
        at_: Any = changed
        for step in way[:-1]:
            at_ = at_[step]
        value = at_[way[-1]]
        if kind in kinds or value == []:
            continue
        kinds.add(kind)
        at_[way[-1]] = (
            [] if isinstance(value, list) else (not value) if isinstance(value, bool)
            else value + 1 if isinstance(value, int | float) else f"{value}0"
        )  # fmt: skip
        try:
            touched = msgspec.convert(changed, Timeline, strict=False)
        except msgspec.ValidationError:
            continue  # no timeline at all
        assert numbers(touched) != stated, kind
    assert {"missing", "events.*.days.*.high", "events.*.began.networks.*", "notes.*.countries"} <= kinds


def test_what_a_store_says_of_its_detection(monkeypatch: pytest.MonkeyPatch, detected: Detected) -> None:
    from clampdown.pipeline import answers

    tables = {"events": detected.events, "event_members": detected.members, "notes": detected.notes}
    for there, stale, missing in ((None, False, "not_detected"), (tables, True, "stale"), (tables, False, None)):
        monkeypatch.setattr(answers, "_detected", lambda _store, said=there: said)
        store: Any = SimpleNamespace(stale_detection=lambda said=stale: said)
        said = answers._said(store)
        assert said.missing == missing
        assert said.events.num_rows == (0 if missing else detected.events.num_rows)


def test_no_time_of_day_is_in_a_timeline(eventful: assess.Answer) -> None:
    assert eventful.report.timeline
    assert not re.search(rb"\d\dT\d\d|\d\d:\d\d", msgspec.json.encode(eventful.report.timeline.events))
