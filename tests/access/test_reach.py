"""Law: newest days decide, nothing old opens a way, and one vantage point neither opens nor shuts it."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from way_tries import AT, LIMITS, many, row

from clampdown.assess.counting import Row, caps
from clampdown.assess.reach import Reach, interval, load_limits, reach
from clampdown.assess.ways import STATES
from clampdown.errors import RuleError
from clampdown.publish.words import ways as words


def judged(rows: list[Row], at: str = AT, changed: str | None = None) -> Reach:
    return reach(rows, at, LIMITS, caps(rows, LIMITS.counting), changed)


ALL = "o" * 28
CASES = [
    # a text for each vantage point, state, reason, grade
    ((), "untested", None, "insufficient"),
    ((ALL,), "insufficient", "few_vantage_points", "insufficient"),
    (("b" * 28,), "insufficient", "few_vantage_points", "insufficient"),
    (("u" * 28, "u" * 28), "insufficient", "nothing_decided", "insufficient"),
    ((ALL, ALL, ALL), "works", None, "corroborated"),
    (("b" * 28,) * 3, "blocked", None, "corroborated"),
    (("t" * 28,) * 3, "impaired", None, "corroborated"),
    (("r" * 28,) * 3, "refused", None, "corroborated"),
    (("d" * 28,) * 3, "down", None, "corroborated"),
    # 25 days of success do not speak for the last three
    (("o" * 25 + "bbb",) * 3, "blocked", None, "corroborated"),
    (("b" * 25 + "ooo",) * 3, "works", None, "corroborated"),
    # it changed, twice over, and too little was tried since: neither is said
    (("o" * 27 + "b",) * 2, "insufficient", "changed_lately", "insufficient"),
    # on and off and on again
    (("o" * 10 + "b" * 10 + "o" * 8,) * 3, "works", None, "corroborated"),
    # one vantage point that says otherwise changes nothing
    ((ALL, ALL, "o" * 25 + "bbb"), "works", None, "corroborated"),
    ((ALL, ALL, "b" * 28), "works", None, "consistent"),
    ((ALL, "b" * 28), "insufficient", "no_two_agree", "insufficient"),
    # two against two
    ((ALL, ALL, "b" * 28, "b" * 28), "conflicting", None, "consistent"),
    # on and off for everybody
    (("ob" * 14, "bo" * 14, "ob" * 14), "impaired", None, "corroborated"),
    (("oob" * 9,) * 2, "impaired", None, "consistent"),
    # fails for reasons that do not agree
    (("r" * 14 + "d" * 14, "d" * 14 + "r" * 14, "rd" * 14), "insufficient", "no_single_cause", "insufficient"),
    # old successes are none, old blocks are weak
    (("o" * 14,) * 3, "insufficient", "stale", "insufficient"),
    (("o" * 15,) * 3, "works", None, "corroborated"),
    (("b" * 14,) * 3, "blocked", "stale", "consistent"),
    # what nobody decided is no success
    (("ouuu" * 7, "ouuu" * 7), "insufficient", "mostly_undecided", "insufficient"),
]


@pytest.mark.parametrize(("tries", "state", "reason", "grade"), CASES)
def test_states(tries: tuple[str, ...], state: str, reason: str | None, grade: str) -> None:
    said = judged(many(*tries))
    assert (said.state, said.reason, said.grade) == (state, reason, grade)


def test_the_days_before_a_change_are_not_counted() -> None:
    said = judged(many(*("o" * 25 + "bbb",) * 3))
    assert (said.n, said.ok, said.first, said.share) == (9, 0, "2026-09-26", 0.0)


def test_a_finding_says_when_it_changed() -> None:
    rows = many("o" * 20 + "ooobbooo", "o" * 20 + "oobobooo")
    assert judged(rows).state in ("works", "impaired")
    since = judged(rows, changed="2026-09-26")
    assert (since.first, since.state) == ("2026-09-26", "works")
    assert judged(many(ALL, ALL), changed="2026-09-28").reason == "changed_lately"


def test_the_window_ends_with_the_day_asked_about() -> None:
    rows = many(*("o" * 25 + "bbb",) * 3)
    assert judged(rows, "2026-09-25").state == "works"
    assert judged(rows, "2026-11-30").state == "untested"


def test_rows_without_a_known_day_are_left_aside() -> None:
    assert judged([row("v0", 0, "ok")._replace(day="unknown")]).state == "untested"


def test_counts_of_sources_without_vantage_points_decide_nothing() -> None:
    rows = [row(None, day, "ok", vantage_kind="none") for day in range(28)]
    said = judged(rows)
    assert (said.state, said.reason) == ("insufficient", "vantage_points_unknown")


STATE = st.sampled_from(["ok", "blocked", "throttled", "refused", "down", "unknown"])


@settings(max_examples=60)
@given(
    honest=st.integers(2, 4),
    truth=st.sampled_from(["ok", "blocked"]),
    forged=st.lists(st.tuples(st.integers(0, 27), st.integers(0, 23), STATE), min_size=1, max_size=120),
    times=st.integers(1, 10_000),
)
def test_one_vantage_point_neither_opens_nor_shuts(
    honest: int, truth: str, forged: list[tuple[int, int, str]], times: int
) -> None:
    """Among vantage points that agree, whatever one more sends, and however often."""
    rows = many(*(("o" if truth == "ok" else "b") * 28,) * honest)
    rows += [row("forger", day, state, hour, n=times) for day, hour, state in forged]
    said = judged(rows)
    assert said.state != ("blocked" if truth == "ok" else "works")
    alone = judged([each for each in rows if each.vantage == "forger"])
    assert alone.state == "insufficient"
    if honest >= 3:
        assert said.state == ("works" if truth == "ok" else "blocked")


@settings(max_examples=40)
@given(
    tries=st.lists(st.text("obtrdu.", min_size=28, max_size=28), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
)
def test_nothing_depends_on_the_order(tries: list[str], seed: int) -> None:
    rows = many(*tries)
    mixed = random.Random(seed).sample(rows, len(rows))
    assert judged(rows) == judged(mixed)


@settings(max_examples=60)
@given(tries=st.lists(st.text("obtrdu.", min_size=28, max_size=28), min_size=0, max_size=5))
def test_no_state_without_its_reason(tries: list[str]) -> None:
    """What works has a success in the last two weeks; what was never tried is untested; every code has words."""
    said = judged(many(*tries))
    assert said.state in STATES
    recent = any("o" in text[14:] for text in tries)
    assert recent or said.state not in ("works", "conflicting")
    assert (said.state == "untested") is (not any(text.strip(".") for text in tries))
    assert (said.grade == "insufficient") is (said.state in ("insufficient", "untested"))
    assert said.reason is None or said.reason in words.REASON
    assert said.share is None or (said.low is not None and said.low <= said.share <= (said.high or 0))


def test_an_interval_knows_of_clusters() -> None:
    few = judged(many(*("ooob" * 7,) * 2))
    many_points = judged(many(*("ooob" * 7,) * 10))
    hours = judged(
        [row(f"v{i}", d, "b" if d % 4 == 3 else "ok", h) for i in range(2) for d in range(28) for h in range(9)]
    )
    wide = {
        name: (each.high or 0) - (each.low or 0) for name, each in (("few", few), ("many", many_points), ("h", hours))
    }
    assert 0 < wide["many"] < wide["few"]
    assert wide["h"] > 0.6 * wide["few"], "nine tries a day are not nine witnesses"
    assert interval({}, 0.3) == (None, None, None)


@pytest.mark.parametrize("text", ["", "[window_days]\nvalue = 28", "x = 1", "[window_days]\nvalue = -1\nreason = 'x'"])
def test_limits_that_are_none(text: str) -> None:
    with pytest.raises(RuleError):
        load_limits(text.encode())


def test_limits_travel_with_an_answer() -> None:
    values = LIMITS.values()
    assert values["window_days"] == 28.0
    assert values["counting.ok"] == 0.9
    assert date.fromisoformat(AT) - timedelta(days=27) == date(2026, 9, 1)
