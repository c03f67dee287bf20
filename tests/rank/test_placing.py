"""Law: a rank is a distribution over those measured; others have none, and what is too wide is withheld."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.assess.placing import NO_DATA, TOO_WIDE, place, ranks, standard, weigh


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0, 1.0, 2.0], [1, 3, 2]),
        ([1.0, 1.0, 0.0], [1.5, 1.5, 3]),  # equal values share the mean of their places
        ([0.0, 0.0, 0.0], [2, 2, 2]),
        ([5.0, 7.0, 7.0, 7.0], [4, 2, 2, 2]),
        ([0.2], [1]),
    ],
)
def test_mid_ranks(values: list[float], expected: list[float]) -> None:
    assert ranks(np.array(values)).tolist() == expected
    assert ranks(np.array([values, values])).tolist() == [expected, expected]


@given(st.lists(st.lists(st.integers(0, 5), min_size=4, max_size=4), min_size=1, max_size=6))
@settings(max_examples=50)
def test_ranks_add_up(rows: list[list[int]]) -> None:
    made = ranks(np.array(rows, float))
    assert np.allclose(made.sum(axis=1), 10)


def _apart() -> np.ndarray:
    """Twelve countries that no draw confuses, the first the worst."""
    return np.tile(np.arange(12.0)[::-1], (200, 1)) + np.linspace(0, 0.4, 200)[:, None]


def test_without_doubt() -> None:
    made = place(_apart(), top=3)
    assert [(p.rank, p.low, p.high) for p in made] == [(r, r, r) for r in range(1, 13)]
    assert [p.top for p in made] == [1.0] * 3 + [0.0] * 9
    assert all(p.withheld is None for p in made)


def test_the_unmeasured_may_all_be_worse() -> None:
    made = place(_apart(), top=3, unmeasured=2)
    assert [p.top for p in made[:3]] == [1.0] * 3
    assert [p.top_least for p in made[:3]] == [1.0, 0.0, 0.0]
    assert all(p.top_least == 0 for p in place(_apart(), top=3, unmeasured=3))


def test_a_country_without_data_has_no_rank_and_counts_as_unmeasured() -> None:
    draws = _apart()
    draws[:, 0] = np.nan  # the first in its place: neither the worst nor the best
    made = place(draws, top=3)
    assert math.isnan(made[0].rank)
    assert (made[0].low, made[0].high, made[0].top, made[0].withheld) == (0, 0, 0.0, NO_DATA)
    assert made[1].rank == 1
    assert (made[1].top_least, made[2].top_least, made[3].top_least) == (1.0, 1.0, 0.0)
    assert [p.withheld for p in place(np.full((5, 2), np.nan))] == [NO_DATA, NO_DATA]


def test_equal_countries_are_not_told_apart() -> None:
    """Nothing was blocked in fifteen countries: each might have any place, and ten seats are ten seats."""
    made = place(np.zeros((400, 15)), top=10, widest=0.5)
    assert all((p.rank, p.withheld) == (8, TOO_WIDE) and p.low <= 2 and p.high >= 14 for p in made)
    assert sum(p.top for p in made) == pytest.approx(10)
    assert all(0.55 < p.top < 0.8 for p in made)
    one = np.zeros((400, 15))
    one[:, 3] = 1.0  # but for one
    made = place(one, top=10)
    assert (made[3].low, made[3].high, made[3].top) == (1, 1, 1.0)
    assert made[0].low in (2, 3)
    assert made[0].high >= 14


def test_too_wide_is_withheld() -> None:
    dice = np.random.default_rng(1)
    draws = _apart() + 0.0
    draws[:, 4] = dice.uniform(-1, 13, 200)
    made = place(draws, widest=0.5)
    assert made[4].withheld == TOO_WIDE
    assert made[0].withheld is None
    assert made[4].high - made[4].low > 6


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
@settings(max_examples=20)
def test_the_chances_of_the_ten_worst_add_up(seed: int, top: int) -> None:
    draws = np.random.default_rng(seed).normal(size=(50, 12))
    made = place(draws, top=top, unmeasured=1)
    assert sum(p.top for p in made) == pytest.approx(top)
    assert all(p.low <= p.rank <= p.high and p.top_least <= p.top for p in made)


def test_weights() -> None:
    one, other = _apart(), _apart()[:, ::-1].copy()
    assert np.allclose(weigh({"a": one, "b": other}, {"a": 1, "b": 0}), standard(one))
    assert np.allclose(weigh({"a": one, "b": other}, {"a": 1, "b": 1}), (standard(one) + standard(other)) / 2)
    # Ten times the unit of one component changes nothing.
    assert np.allclose(
        weigh({"a": 10 * one, "b": other}, {"a": 2, "b": 1}), weigh({"a": one, "b": other}, {"a": 2, "b": 1})
    )
    one[:, 3] = np.nan
    made = weigh({"a": one, "b": other}, {"a": 1, "b": 1})
    assert np.isnan(made[:, 3]).all()
    assert not np.isnan(np.delete(made, 3, axis=1)).any()
    assert not np.isnan(weigh({"a": one, "b": other}, {"a": 0, "b": 1})).any()
    with pytest.raises(ValueError, match="weight"):
        weigh({"a": one}, {"b": 1})


def test_countries_that_do_not_differ() -> None:
    assert (standard(np.ones((3, 4))) == 0).all()
