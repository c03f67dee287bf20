"""Law: the share blocked is inferred from cells, says how unsure it is, and never fills silence with good."""

from __future__ import annotations

from dataclasses import replace
from math import comb, exp

import numpy as np
import pytest
from ranks.world import PLAIN, World, make

from clampdown.assess import breadth_evidence as evidence
from clampdown.assess.breadth import Cells, Posterior, breadth
from clampdown.assess.breadth_lure import Choice, Lure

SMALL = replace(
    PLAIN, name="test", countries=16, targets=40, least=300, tail=3.0, country=1.8, biased=0.0, networks=(2, 4)
)


def _cells(world: World) -> Cells:
    return Cells(world.country, world.network, world.target, world.tried, world.hit)


def _posterior(world: World, draws: int = 60, seed: int = 1) -> Posterior:
    return breadth(_cells(world), world.countries, world.common, category=world.category, draws=draws, seed=seed)


@pytest.mark.parametrize("clumps", range(len(evidence.CLUMPS)))
def test_the_likelihoods_are_those_of_a_distribution(clumps: int) -> None:
    n = 9
    tried, hit = np.full(n + 1, n), np.arange(n + 1)
    held = evidence.tables(tried, hit)
    ways = np.array([comb(n, k) for k in hit])
    for rate in range(len(evidence.RATES)):
        assert (ways * np.exp(held.false[clumps][held.pair, rate])).sum() == pytest.approx(1)
    for seen in range(len(evidence.SEEN)):
        assert (ways * np.exp(held.true[seen][held.pair])).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ((1, 0), (1, 1)),
        ((5, 0), (1, 0)),  # more tries that got through say more
        ((1, 1), (5, 5)),
        ((5, 2), (5, 4)),
        ((400, 0), (400, 400)),
        ((10_000, 0), (10_000, 10_000)),
    ],
)
def test_what_tries_say(weaker: tuple[int, int], stronger: tuple[int, int]) -> None:
    held = evidence.tables(np.array([weaker[0], stronger[0]]), np.array([weaker[1], stronger[1]]))
    for clumps in range(len(evidence.CLUMPS)):
        less, more = evidence.ratio(held, clumps, 8)[held.pair, 6]
        assert less < more


def test_one_hit_says_less_where_false_positives_are_frequent() -> None:
    held = evidence.tables(np.array([1]), np.array([1]))
    said = evidence.ratio(held, 2, 8)[0]
    assert (np.diff(said) < 0).all()
    assert exp(said[-1]) < 3  # at a rate of 0.4 a hit hardly says anything


def test_the_severe_are_told_from_the_mild() -> None:
    world = make(SMALL, 3)
    made = _posterior(world)
    order = np.argsort(-world.truth)
    assert made.mean[order[:4]].min() > made.mean[order[-4:]].max()
    assert (made.low <= made.mean).all()
    assert (made.mean <= made.high).all()
    assert np.abs(made.mean - world.truth).max() < 0.15
    assert ((made.low - 0.02 <= world.truth) & (world.truth <= made.high + 0.02)).mean() > 0.7


def test_same_seed_same_draws_and_another_seed_the_same_answer() -> None:
    world = make(SMALL, 4)
    one, same, other = _posterior(world), _posterior(world), _posterior(world, seed=2)
    assert (one.draws == same.draws).all()
    assert not (one.draws == other.draws).all()
    assert np.abs(one.mean - other.mean).max() < 0.05


def test_a_country_that_nobody_measured_has_no_share() -> None:
    world = make(SMALL, 5)
    made = breadth(_cells(world), world.countries + 2, world.common, draws=20)
    assert np.isnan(made.mean[-2:]).all()
    assert np.isnan(made.draws[:, -2:]).all()
    assert made.cells[-2:].tolist() == [0, 0]
    assert not np.isnan(made.mean[:-2]).any()
    empty = Cells(*(np.zeros(0, np.int64) for _ in range(5)))
    assert np.isnan(breadth(empty, 3, world.common, draws=20).mean).all()


def test_fewer_tries_give_a_wider_interval() -> None:
    world = make(SMALL, 6)
    all_of_it = _posterior(world)
    mine = np.flatnonzero(world.country == 0)
    kept = np.delete(np.arange(len(world.country)), mine[4:])
    thin = Cells(*(part[kept] for part in _cells(world)))
    made = breadth(thin, world.countries, world.common, category=world.category, draws=60, seed=1)
    assert made.high[0] - made.low[0] > 1.5 * (all_of_it.high[0] - all_of_it.low[0])


def test_hard_targets_are_not_a_hard_country() -> None:
    """Two countries that block the same; one measures only what is blocked nearly everywhere."""
    dice = np.random.default_rng(7)
    countries, targets = 12, 30
    hard = np.arange(targets) < 8
    rows = []
    for country in range(countries):
        for target in np.flatnonzero(hard) if country == 0 else range(targets):
            blocked = hard[target] or dice.random() < 0.05
            rows.append((country, country, target, 10, 9 if blocked else 0))
    made = breadth(Cells(*np.array(rows).T), countries, np.ones(targets, bool), draws=100, seed=1)
    raw = 0.9
    assert made.mean[0] < raw / 1.5
    assert abs(made.mean[0] - made.mean[1:].mean()) < 0.25


def test_a_list_that_was_chosen_is_noticed() -> None:
    dice = np.random.default_rng(8)
    odds = dice.normal(-3, 1.5, (40, 200)).astype(np.float32)
    listed = dice.random(odds.shape) < 0.3
    listed[:10] = dice.random((10, 200)) < 1 / (1 + np.exp(-(2.0 * odds[:10] + 4)))
    lure, choice = Lure(listed), _without_pairs(listed)
    slopes = []
    for _ in range(30):
        moves = lure.draw(odds, choice, dice)
        slopes.append(lure.slope.copy())
        assert (moves == 0).all()
    mean = np.mean(slopes[10:], axis=0)
    assert mean[:10].mean() > 1.2
    assert mean[10:].mean() < 0.2
    whole = Lure(np.ones((3, 5), bool))
    whole.draw(np.zeros((3, 5), np.float32), _without_pairs(whole.listed), dice)
    assert (whole.slope == 0).all()  # who tests all of a list chose nothing


def _without_pairs(listed: np.ndarray) -> Choice:
    """Countries have nothing of their own on a target, and their cells say nothing."""
    rows = np.where(listed, np.cumsum(listed).reshape(listed.shape) - 1, -1)
    cells = np.ones((int(listed.sum()), 1), np.float32)
    return Choice(np.zeros(1), np.ones(1, np.float32), 1, cells, rows, np.zeros((len(listed), 1)))
