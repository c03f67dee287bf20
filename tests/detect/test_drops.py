"""Law: a fall is found where one was made, dated where it was made, and nowhere else; missing is neither."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detect.levels import HOUR, START, cut, manner, quiet

from clampdown.detect.detectors.drops import Drop, detect

DAYS = 35
AT = 28 * 24 + 13  # an hour of the fifth week


def falls(values: Any, plane: str = "data", step: int = HOUR, strictness: float = 1.0) -> tuple[Drop, ...]:
    found = detect(np.asarray(values, float)[None], START, step, manner(plane), strictness)[0]
    return tuple(drop for drop in found if not drop.rise)


@pytest.mark.parametrize("plane", ["control", "data", "background", "usage"])
@pytest.mark.parametrize("seed", range(4))
def test_a_quiet_series_has_no_fall(plane: str, seed: int) -> None:
    swing = 0.8 if plane == "usage" else 0.05
    noise = {"control": 0.0005, "data": 0.01, "background": 0.1, "usage": 0.06}[plane]
    assert falls(quiet(90, seed=seed, swing=swing, noise=noise), plane) == ()


@pytest.mark.parametrize(("left", "hours"), [(0.0, 2), (0.05, 2), (0.3, 3), (0.5, 6), (0.8, 12), (0.03, 200)])
def test_a_cut_is_found_and_dated_to_the_hour(left: float, hours: int) -> None:
    (drop,) = falls(cut(quiet(DAYS + 10, swing=0.05), AT, AT + hours, left))
    assert (drop.after, drop.before, drop.end_after, drop.end_before) == (AT - 1, AT, AT + hours - 1, AT + hours)
    assert drop.depth == pytest.approx(1 - left, abs=0.04)
    assert drop.lost == pytest.approx(hours * (1 - left), rel=0.1)


@pytest.mark.parametrize(("step", "plane"), [(300, "control"), (600, "data"), (1800, "usage"), (3600, "data")])
def test_a_single_bad_bin_is_none(step: int, plane: str) -> None:
    values = quiet(DAYS, step=step, noise=0.01)
    for at in (20, 24, 28):
        values[at * 86_400 // step + 7] = 0.0
    assert falls(values, plane, step) == ()


@pytest.mark.parametrize("left", [0.05, 0.5])
def test_at_five_minutes_a_cut_ends_where_it_ends_and_is_one(left: float) -> None:
    at = 28 * 288 + 60
    (drop,) = falls(cut(quiet(DAYS, step=300), at, at + 66, left), step=300)
    assert (drop.before, drop.end_before) == (at, at + 66)


@pytest.mark.parametrize("day", [15, 16, 17, 18, 25])
@pytest.mark.parametrize("seed", range(6))
def test_a_series_of_days_dates_a_cut_to_the_day_or_does_not_find_it(day: int, seed: int) -> None:
    values = cut(quiet(40, step=86_400, noise=0.03, size=10_000, seed=seed), day, day + 3, 0.05)
    found = falls(values, "usage", 86_400)
    assert [(d.before, d.end_before) for d in found] in ([], [(day, day + 3)])
    assert found or day < 18


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_on_a_diurnal_series_at_any_hour(hour: int) -> None:
    at = 28 * 24 + hour
    found = falls(cut(quiet(DAYS, swing=1.0, noise=0.06), at, at + 4, 0.3), "usage")
    assert [(d.before, d.end_before) for d in found] == [(at, at + 4)]


def test_a_night_is_no_fall_and_a_dark_afternoon_is() -> None:
    values = quiet(DAYS, swing=1.2, noise=0.05)
    assert values.min() < 0.1 * values.max()
    assert falls(values, "usage") == ()
    noon = 28 * 24 + 6  # the daily high
    assert len(falls(cut(values, noon, noon + 4, 0.35), "usage")) == 1


def test_a_cut_of_half_a_year_is_one_and_ends_where_it_ends() -> None:
    """What is expected stays as it was before, with no limit of time."""
    (drop,) = falls(cut(quiet(260), AT, AT + 180 * 24, 0.03))
    assert (drop.before, drop.end_before) == (AT, AT + 180 * 24)


def test_a_level_that_settles_is_said_to_be_a_new_normal_and_watched_again() -> None:
    values = cut(quiet(120), AT, 120 * 24, 0.7)
    first, second = falls(cut(values, AT + 60 * 24, AT + 60 * 24 + 5, 0.1))
    assert first.normal_again
    assert first.end_after is None
    assert (second.before, second.end_before) == (AT + 60 * 24, AT + 60 * 24 + 5)
    assert second.depth == pytest.approx(0.9, abs=0.03)


def test_seventy_nights_in_a_row_are_seventy() -> None:
    """A reference that took in the nights would lose them after some weeks."""
    values = quiet(90, noise=0.05)
    nights = [day * 24 + 18 for day in range(10, 80)]
    for night in nights:
        values = cut(values, night, night + 8, 0.02)
    assert [drop.before for drop in falls(values)] == nights


def test_partial_returns_and_a_lesser_fall_before_are_said_and_are_neither_end_nor_beginning() -> None:
    values = quiet(60)
    values = cut(values, AT - 8, AT, 0.92)
    values = cut(values, AT, AT + 100, 0.03)
    values = cut(values, AT + 100, AT + 160, 0.4)
    (drop,) = falls(values)
    assert (drop.before, drop.end_before) == (AT, AT + 160)
    assert [(level.first, round(level.share, 1)) for level in drop.later] == [(AT + 100, 0.4)]
    assert [(level.first, level.last) for level in drop.earlier] == [(AT - 8, AT - 1)]


# ---- what is missing -------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, DAYS * 24 - 1), st.integers(1, 60)), max_size=12), st.integers(0, 5))
def test_what_is_missing_is_no_fall(gaps: list[tuple[int, int]], seed: int) -> None:
    values = quiet(DAYS, seed=seed, swing=0.1)
    for first, length in gaps:
        values[first : first + length] = np.nan
    assert falls(values) == ()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 100), st.integers(1, 80))
def test_what_is_missing_within_a_fall_does_not_end_it(first: int, length: int) -> None:
    values = cut(quiet(DAYS + 14), AT, AT + 200, 0.05)
    values[AT + first : AT + first + length] = np.nan
    (drop,) = falls(values)
    assert (drop.before, drop.end_before) == (AT, AT + 200)
    assert drop.unknown == length


def test_a_gap_that_starts_with_a_fall_is_more_of_it() -> None:
    """One bin low, then nothing: with the gap it is a fall that lasts; the gap alone is none."""
    values = quiet(DAYS, step=1800, noise=0.1, seed=3)
    at = 28 * 48
    gone = values.copy()
    gone[at + 1 :] = np.nan
    assert falls(gone, "background", 1800) == ()
    fell = gone.copy()
    fell[at] *= 0.12
    (drop,) = falls(fell, "background", 1800)
    assert (drop.before, drop.end_after) == (at, None)
    back = values.copy()
    back[at] *= 0.65  # that bin alone would not be enough
    assert falls(back, "background", 1800) == ()


def test_the_end_of_the_data_is_no_end() -> None:
    (drop,) = falls(cut(quiet(DAYS), AT, DAYS * 24, 0.1))
    assert drop.end_after is None
    assert drop.end_before is None
    assert drop.last == DAYS * 24 - 1


def test_nothing_is_said_of_a_series_that_is_not_known_yet() -> None:
    assert falls(cut(quiet(DAYS), 40, 50, 0.0)) == ()


def test_nor_of_one_below_the_least_level() -> None:
    assert falls(cut(quiet(DAYS, size=12.0), AT, AT + 10, 0.0)) == ()


@pytest.mark.parametrize(
    "values", [np.full(DAYS * 24, 500.0), np.zeros(DAYS * 24), np.full(DAYS * 24, np.nan), quiet(1)]
)
def test_constant_empty_and_short_series_have_none(values: Any) -> None:
    assert falls(values) == ()


def test_a_constant_series_that_falls_has_one() -> None:
    (drop,) = falls(cut(np.full(DAYS * 24, 500.0), AT, AT + 3, 0.2))
    assert (drop.before, drop.end_before) == (AT, AT + 3)


# ---- laws ------------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-3, 1e6), st.integers(1, 4))
def test_the_unit_does_not_matter(factor: float, seed: int) -> None:
    values = cut(quiet(DAYS, seed=seed, swing=0.3), AT, AT + 5, 0.2)
    loose = manner()
    import msgspec

    loose = msgspec.structs.replace(loose, least_level=0.0)
    one = detect(values[None], START, HOUR, loose)[0]
    other = detect(factor * values[None], START, HOUR, loose)[0]
    assert [(d.before, d.end_before) for d in one] == [(d.before, d.end_before) for d in other] != []


@settings(max_examples=10, deadline=None)
@given(st.integers(-30, 30), st.integers(1, 4))
def test_weeks_later_the_same_is_found_weeks_later(weeks: int, seed: int) -> None:
    values = cut(quiet(DAYS, seed=seed, swing=0.5, noise=0.05), AT, AT + 6, 0.2)
    one = detect(values[None], START, HOUR, manner("usage"))
    assert detect(values[None], START + timedelta(weeks=weeks), HOUR, manner("usage")) == one


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 6 * 24))
def test_what_comes_later_changes_nothing_of_what_was_noticed(more: int) -> None:
    values = cut(cut(quiet(DAYS + 7, swing=0.2), AT, AT + 5, 0.1), AT + 40, AT + 48, 0.3)
    whole = falls(values)
    part = falls(values[: DAYS * 24 + more])
    assert [(d.begin, d.before) for d in part] == [(d.begin, d.before) for d in whole]


def test_series_side_by_side_do_not_disturb_each_other() -> None:
    rows = [cut(quiet(DAYS, seed=n, noise=0.02 * (n + 1)), AT + n, AT + n + 5, 0.1) for n in range(5)]
    together = detect(np.stack(rows), START, HOUR, manner())
    assert together == [detect(row[None], START, HOUR, manner())[0] for row in rows]


def test_a_surge_is_kept_out_of_the_reference() -> None:
    """Users tenfold for a week, then as before: the classical detector calls the return a censorship."""
    values = quiet(80, step=86_400, noise=0.05, size=10_000)
    values[40:47] *= 10
    found = detect(values[None], START, 86_400, manner("usage"))[0]
    assert [(drop.rise, drop.before, drop.end_before) for drop in found] == [(True, 40, 47)]
