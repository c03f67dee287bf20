"""Law: a shift is found where the level truly changes, from either end alike, and noise alone hardly ever makes one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.detect.detectors import shifts
from clampdown.detect.segments import segments
from clampdown.detect.series import ChangePoint, Series

Pieces = list[tuple[int, float]]


def series(pieces: Pieces, *, seed: int, sd: float = 0.02, n: float = 5000, alike: float = 0.0) -> Series:
    """Shares around levels, on days that resemble the day before by `alike`."""
    rng = np.random.default_rng(seed)
    level = np.concatenate([np.full(days, share) for days, share in pieces])
    noise = rng.standard_normal(len(level))
    for day in range(1, len(level)):
        noise[day] = alike * noise[day - 1] + (1 - alike**2) ** 0.5 * noise[day]
    tries = np.full(len(level), n)
    return Series(0, np.round(tries * np.clip(level + sd * noise, 0, 1)), tries)


def held(found: tuple[ChangePoint, ...], days: list[int]) -> bool:
    """Each true first day of a new level lies in the bracket of its shift."""
    return len(found) == len(days) and all(
        cp.before is not None and cp.before < day <= cp.after for cp, day in zip(found, days, strict=True)
    )


@pytest.mark.parametrize(
    ("pieces", "days"),
    [
        ([(200, 0.3)], []),
        ([(100, 0.25), (100, 0.5)], [100]),
        ([(100, 0.5), (60, 0.25), (100, 0.5)], [100, 160]),
        ([(150, 0.005), (150, 0.1)], [150]),
        ([(100, 0.3), (3, 0.9), (100, 0.3)], []),  # odd days within a week are no level
        ([(3, 0.1), (200, 0.4)], []),  # nor are a few days at an end
        ([(13, 0.1)], []),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_known_series(pieces: Pieces, days: list[int], seed: int) -> None:
    assert held(shifts.detect(series(pieces, seed=seed)), days)


def test_levels_are_those_of_the_reader() -> None:
    (one,) = shifts.detect(series([(100, 0.25), (100, 0.5)], seed=1))
    assert one.level_before == pytest.approx(0.25, abs=0.02)
    assert one.level_after == pytest.approx(0.5, abs=0.02)
    assert one.statistic > 8


def test_missing_days_stay_missing() -> None:
    """A shift within a stretch without data has the whole stretch for its bracket; empty days around add nothing."""
    one = series([(100, 0.25), (100, 0.5)], seed=1)
    n = one.n.copy()
    n[95:120] = 0
    (found,) = shifts.detect(Series(0, one.k, n))
    assert (found.before, found.after) == (94, 120)
    longer = Series(0, np.concatenate([np.zeros(50), one.k]), np.concatenate([np.zeros(50), n]))
    (later,) = shifts.detect(longer)
    assert later == ChangePoint(144, 170, found.level_before, found.level_after, found.statistic)


def mirrored(found: tuple[ChangePoint, ...], length: int) -> list[tuple[float, ...]]:
    return [
        (length - 1 - cp.after, length - 1 - (cp.before or 0), cp.level_after, cp.level_before)
        for cp in reversed(found)
    ]


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(20, 60), st.sampled_from([0.05, 0.3, 0.6])), min_size=1, max_size=4),
    st.integers(0, 1000),
)
def test_reversal(pieces: Pieces, seed: int) -> None:
    one = series(pieces, seed=seed)
    back = shifts.detect(Series(0, one.k[::-1].copy(), one.n[::-1].copy()))
    here = [(cp.before, cp.after, cp.level_before, cp.level_after) for cp in shifts.detect(one)]
    assert np.allclose(np.array(mirrored(back, len(one.k))), np.array(here), atol=1e-9)


@settings(max_examples=40)
@given(
    st.integers(1, 4), st.integers(0, 10_000), st.floats(0.5, 6), st.integers(1, 3), st.integers(6, 11)
)  # fmt: skip
def test_no_segmentation_costs_less(count: int, seed: int, penalty: float, least: int, length: int) -> None:
    """Against all segmentations, one by one."""
    misfit = np.random.default_rng(seed).exponential(2, (count, length))

    def price(edges: tuple[int, ...]) -> float:
        return sum(misfit[:, a:b].sum(axis=1).min() for a, b in itertools.pairwise(edges)) + penalty * (len(edges) - 2)

    every = [
        (0, *inner, length)
        for size in range(length)
        for inner in itertools.combinations(range(1, length), size)
        if all(b - a >= least for a, b in itertools.pairwise((0, *inner, length)))
    ]
    edges, levels = segments(misfit, penalty, least)
    assert tuple(edges) in every
    assert len(levels) == len(edges) - 1
    assert price(tuple(edges)) == pytest.approx(min(map(price, every)))


def test_false_alarms() -> None:
    """The level that PENALTY states, with room for chance: expected are 0.9 and 7 shifts in these 88 years each."""
    for alike, most in ((0.0, 4), (0.6, 5), (0.8, 16)):
        quiet = [shifts.detect(series([(800, 0.3)], seed=seed, sd=0.03, alike=alike)) for seed in range(40)]
        assert sum(map(len, quiet)) <= most


def test_sizes_change_by_factors() -> None:
    rng = np.random.default_rng(3)
    users = np.exp(np.log(9000) + 0.05 * rng.standard_normal(300))
    users[150:] *= 5
    users[20:25], users[200] = np.nan, 0
    (found,) = shifts.detect_sizes(users)
    assert (found.before, found.after) == (149, 150)
    assert found.level_after / found.level_before == pytest.approx(5, rel=0.05)


@pytest.mark.parametrize("size", [0, 1, 5, 14])
def test_hardly_any_data(size: int) -> None:
    assert shifts.detect(Series(0, np.ones(size), np.full(size, 2.0))) == ()
    assert shifts.detect_sizes(np.full(size, np.nan)) == ()
