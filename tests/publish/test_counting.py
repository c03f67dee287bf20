"""Law: a vantage point counts once per cell and hour, votes once per cell, and cannot decide alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.assess.counting import (
    CONFLICTING,
    INSUFFICIENT,
    Bounds,
    Judgement,
    Row,
    bounds,
    caps,
    decide,
    load_thresholds,
    rows_of,
    tally,
)
from clampdown.errors import RuleError

LIMITS = load_thresholds()
START = datetime(2026, 9, 1)
Make = Callable[..., dict[str, Any]]


def row(vantage: str | None, day: int, hour: int, state: str, **given: Any) -> Row:
    fields: dict[str, Any] = {
        "target": "t/web", "network": 64500, "vantage": vantage, "vantage_kind": "credential",
        "day": (START + timedelta(days=day)).date().isoformat(), "hour": hour, "state": state, "mechanism": None,
        "rule": None, "settled": False, "platform": "linux", "software": "probe/1", "network_type": "wifi",
        "resolver_network": 64500, "n": 1,
    }  # fmt: skip
    return Row(**(fields | given))


def judged(rows: list[Row], limit: dict[Any, int] | None = None) -> Judgement:
    return decide(tally(rows), limit if limit is not None else caps(rows, LIMITS), LIMITS)


def many(vantage: str, states: str, **given: Any) -> list[Row]:
    """One try a day for each letter: o ok, b blocked, t throttled, r refused, d down, u unknown."""
    known = {"o": "ok", "b": "blocked", "t": "throttled", "r": "refused", "d": "down", "u": "unknown"}
    return [row(vantage, day, 1, known[letter], **given) for day, letter in enumerate(states)]


CASES = [
    # vantage points' tries, state, grade
    ((), INSUFFICIENT, INSUFFICIENT),
    (("bbbb",), INSUFFICIENT, INSUFFICIENT),
    (("bbbbbbbbbb",), INSUFFICIENT, INSUFFICIENT),  # many tries, one vantage point
    (("bb", "bb"), INSUFFICIENT, INSUFFICIENT),  # four tries
    (("bbb", "bb"), "blocked", "corroborated"),
    (("ooo", "oo"), "ok", "corroborated"),
    (("ttt", "tt"), "throttled", "corroborated"),
    (("rrr", "rr"), "refused", "corroborated"),
    (("ddd", "dd"), "down", "corroborated"),
    (("bbb", "ooo"), CONFLICTING, None),
    (("bbbb", "bbbb", "oooo"), "blocked", "consistent"),  # does not stand with one left out
    (("oooo", "oooo", "bbbb"), "ok", "consistent"),  # one dissenter alone cannot unmake it
    (("oooo", "bbbb", "bobo"), CONFLICTING, None),
    (("bbtt", "ttbb", "bbtt"), CONFLICTING, None),  # neither has its share: not added up to `blocked`
    (("bboo", "bboo", "bboo"), CONFLICTING, None),
    (("buuuuuuu", "buuuuuuu", "bbbuuuuuuu"), "unknown", INSUFFICIENT),
    (("uuuuu", "uuuuu"), INSUFFICIENT, INSUFFICIENT),
    (("bbbbb", "bobbb", "obbbo"), "blocked", "corroborated"),
]  # fmt: skip


@pytest.mark.parametrize(("tries", "state", "grade"), CASES)
def test_state_and_grade(tries: tuple[str, ...], state: str, grade: str | None) -> None:
    said = judged([r for index, letters in enumerate(tries) for r in many(f"c{index}", letters)])
    assert (said.state, said.grade) == (state, grade)


def test_an_hour_counts_once_however_many_rows() -> None:
    made = tally([row("c1", 0, 1, "blocked", n=500), row("c1", 0, 1, "blocked", rule="x"), row("c1", 0, 2, "ok")])
    assert made.tries == Counter(blocked=1, ok=1)
    assert made.measured == Counter(blocked=501, ok=1)


def test_an_hour_that_says_two_things_says_neither() -> None:
    made = tally([row("c1", 0, 1, "blocked"), row("c1", 0, 1, "ok")])
    assert made.tries == Counter(mixed=1)


def test_undecided_beside_decided_is_the_decided() -> None:
    assert tally([row("c1", 0, 1, "unknown"), row("c1", 0, 1, "ok")]).tries == Counter(ok=1)


def test_one_day_is_consistent_at_most() -> None:
    rows = [row(f"c{v}", 0, hour, "blocked") for v in range(4) for hour in range(4)]
    assert judged(rows).grade == "consistent"


def test_confirmed_needs_two_who_saw_the_artefact() -> None:
    seen = many("c1", "bbb", settled=True)
    assert judged(seen + many("c2", "bbb")).grade == "corroborated"
    assert judged(seen + many("c2", "bbb", settled=True)).grade == "confirmed"


def test_what_is_reachable_is_never_confirmed() -> None:
    assert judged(many("c1", "ooo", settled=True) + many("c2", "ooo", settled=True)).grade == "corroborated"


def test_sessions_of_one_device_are_one_at_least_and_many_at_most() -> None:
    rows = [row(f"s{i}", 0, i, "blocked", vantage_kind="session") for i in range(12)]
    assert bounds(rows, {}) == Bounds(low=1, high=12)
    rows += [row("s99", 0, 3, "blocked", vantage_kind="session", platform="ios")]
    assert bounds(rows, {}) == Bounds(low=2, high=13)


def test_unknown_vantage_points_are_none() -> None:
    rows = [row(None, d, 1, "blocked", vantage_kind="none") for d in range(30)]
    assert bounds(rows, {}) == Bounds(low=0, high=0)
    assert judged(rows).reason == "vantage_points_unknown"


def test_a_sudden_crowd_of_sessions_is_capped_by_the_weeks_before() -> None:
    calm = [row(f"s{d}", d, 1, "ok", vantage_kind="session") for d in range(20)]
    crowd = [row(f"f{i}", 20, 1, "blocked", vantage_kind="session", software=f"fake/{i}") for i in range(50)]
    limit = caps(calm + crowd, LIMITS)
    assert limit[64500, "2026-09-21"] == 2
    assert bounds(crowd, limit) == Bounds(low=2, high=50)
    assert bounds(crowd, {(64500, "2026-09-21"): 50}).low == 50  # without the cap it would be a crowd


def test_the_unknown_day_has_no_history() -> None:
    lost = row("s1", 0, 1, "ok", vantage_kind="session")._replace(day="unknown")
    assert caps([lost], LIMITS) == {(64500, "unknown"): 2}


def test_rows_are_counted_whatever_their_order(verdict: Make, table: Callable[..., pa.Table]) -> None:
    rows = [verdict(i, vantage=f"c{i % 3}", state="blocked" if i % 2 else "ok") for i in range(40)]
    assert rows_of(table("verdicts", rows)) == rows_of(table("verdicts", rows[::-1]))
    assert sum(r.n for r in rows_of(table("verdicts", rows))) == 40


@pytest.mark.parametrize("text", [b"", b"x = 1", b"\xff", b"[blocked]\nvalue = 1\nreason = ''"])
def test_thresholds_that_are_not_whole_are_refused(text: bytes) -> None:
    with pytest.raises(RuleError):
        load_thresholds(text)


def test_every_threshold_has_a_reason() -> None:
    assert set(LIMITS.reasons) == set(LIMITS.__struct_fields__) - {"reasons"}
    assert all(LIMITS.reasons.values())


# Law 4 and law 6 as properties.
STATES = st.sampled_from(("ok", "blocked", "throttled", "refused", "down", "unknown"))
ANY_ROW = st.builds(
    row, st.sampled_from(("c1", "c2", "c3", "c4")), st.integers(0, 9), st.integers(0, 3), STATES, n=st.integers(1, 9)
)
FORGED = st.builds(
    row,
    st.just("forged"),
    st.integers(0, 59),
    st.integers(0, 23),
    STATES,
    n=st.integers(1, 10_000),
    settled=st.booleans(),
    platform=st.sampled_from(("a", "b", "c", "d")),
    software=st.sampled_from(("x/1", "x/2", "x/3")),
    network_type=st.sampled_from(("wifi", "mobile")),
)
KINDS = st.sampled_from(("credential", "session"))
ABOVE = ("corroborated", "confirmed")


def forged(rows: list[Row], kind: str) -> list[Row]:
    return [r._replace(vantage_kind=kind) for r in rows]


@given(st.lists(FORGED, min_size=1, max_size=120), KINDS)
@settings(max_examples=40, deadline=None)
def test_one_vantage_point_alone_says_nothing(rows: list[Row], kind: str) -> None:
    said = judged(forged(rows, kind))
    assert said.vantage.low <= 1
    assert said.state == INSUFFICIENT


@given(
    st.lists(st.builds(row, st.sampled_from(("c1", "c2", "c3", "c4", "c5")), st.integers(0, 59), st.integers(0, 23),
                       st.just("ok")), max_size=80),
    st.lists(FORGED, min_size=1, max_size=120),
    KINDS,
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_one_vantage_point_makes_nothing_of_a_quiet_world(honest: list[Row], rows: list[Row], kind: str) -> None:
    said = judged(honest + forged(rows, kind))
    assert said.state in ("ok", CONFLICTING, INSUFFICIENT, "unknown")
    assert said.state == "ok" or said.grade not in ABOVE


NOISE = st.builds(row, st.sampled_from(("c0", "c1", "c2", "c3")), st.integers(0, 9), st.integers(0, 3), STATES)


@given(
    st.integers(2, 6),
    st.integers(2, 6),
    st.lists(FORGED, min_size=1, max_size=120),
    KINDS,
    st.lists(NOISE, max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_one_vantage_point_does_not_end_what_is_corroborated(
    points: int, days: int, rows: list[Row], kind: str, noise: list[Row]
) -> None:
    world = noise + [row(f"c{p}", d, h + 5, "blocked") for p in range(points) for d in range(days) for h in range(2)]
    before = judged(world)
    if before.grade in ABOVE:
        assert judged(world + forged(rows, kind)).state == before.state


@given(st.lists(ANY_ROW, max_size=60))
@settings(max_examples=80, deadline=None)
def test_nothing_is_not_ok(rows: list[Row]) -> None:
    """What was not decided never helps a state, and too little never becomes one."""
    said = judged(rows)
    decided = sum(n for state, n in tally(rows).tries.items() if state != "unknown")
    if decided < LIMITS.measurements:
        assert said.state == INSUFFICIENT
    if said.state not in (INSUFFICIENT, "unknown", CONFLICTING):
        backing = {r.vantage for r in rows if r.state == said.state}
        assert len(backing) >= 2
    undecided = [row("c9", d, h, "unknown") for d in range(30) for h in range(4)]
    after = judged(rows + undecided)
    assert after.state in (said.state, "unknown")


@given(st.lists(ANY_ROW, max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_more_rows_in_the_same_hours_change_nothing(rows: list[Row], dice: Any) -> None:
    again = [r._replace(n=r.n * 7, rule="again") for r in rows]
    shuffled = rows + again
    dice.shuffle(shuffled)
    assert judged(shuffled) == judged(rows)
