"""Law: a world is made from its family and its seed alone; the truth of every (network, target) is fixed before a probe
looks, and what probes see follows from it.

The design of the first family is that of METHODS.md: 80 countries, 300 targets, tries heavy-tailed from 30 a country,
blocking that persists per network and target, false positives that differ by network (mean 2 %), and 30 % of the
countries that measure a biased part of the list. The others break one assumption at a time, the last two several.
Seeds below 1,000 of the design, of "categories" and of "national lists" were looked at while the sampler was made;
figures come from seeds from 1,000 on, and the last six families were not looked at before they were reported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Family:
    """How a world comes about. What a value means stands beside it."""

    name: str
    countries: int = 80
    targets: int = 300
    networks: tuple[int, int] = (1, 8)  # of a country, uniform
    least: int = 30  # tries of a country: Pareto from here,
    tail: float = 0.6  # with this exponent,
    most: int = 60_000  # up to here
    centre: float = -3.2  # log odds that a usual target is blocked in a usual country
    country: float = 1.2  # spread between countries
    network: float = 0.5  # between networks of one country
    target: float = 1.2  # between targets
    shape: str = (
        "normal"  # of countries: normal | heavy (most free, few severe) | two (groups) | none (most block nothing)
    )
    category: float = 0.0  # spread of (country, category)
    categories: int = 12
    national: float = 0.0  # spread of (country, target): lists that hold in the whole country
    false: float = 0.02  # mean share of false positives
    false_shape: float = 0.5  # of the gamma between networks; smaller: more unequal
    flaky: float = 0.0  # share of targets that fail for everyone at times
    flaky_rate: float = 0.1
    clumps: float = 0.02  # correlation of tries of one cell (a bad probe)
    seen: tuple[float, float] = (0.9, 0.98)  # of blocked tries, per network
    biased: float = 0.3  # share of countries with a part of the list
    part: float = 0.2  # how much of the list those have
    pull: float = 2.0  # how strongly they choose what is likely blocked
    lure: str = "odds"  # what draws them: odds (here) | fame (everywhere) | category (a third of the categories)
    own: int = 0  # targets of each country's own list, beside the common one
    own_odds: float = 1.5  # how much likelier those are blocked


PLAIN: Final = Family("design")
MANY: Final = replace(
    PLAIN, name="everything at once", countries=160, networks=(1, 12), national=1.2, category=0.8, flaky=0.05, own=20,
    clumps=0.1, seen=(0.5, 0.97), least=20, shape="heavy", network=0.8,
)  # fmt: skip
UNSEEN: Final = (
    replace(PLAIN, name="world", countries=190, most=200_000),
    replace(PLAIN, name="categories", countries=120, category=1.5),
    replace(PLAIN, name="national lists", countries=100, national=2.0, country=1.4),
    replace(PLAIN, name="few severe", countries=150, shape="heavy"),
    replace(PLAIN, name="two groups", countries=120, shape="two"),
    replace(PLAIN, name="flaky targets", countries=100, flaky=0.1, flaky_rate=0.15, false_shape=0.3),
    replace(PLAIN, name="bad probes", countries=100, clumps=0.25, false=0.03, false_shape=0.3),
    replace(PLAIN, name="intermittent", countries=100, seen=(0.35, 0.95)),
    replace(PLAIN, name="own lists", countries=120, own=60, biased=0.5),
    replace(PLAIN, name="lists by fame", countries=100, lure="fame"),
    replace(PLAIN, name="lists by category", countries=100, lure="category", category=1.0),
    replace(PLAIN, name="few tries", countries=120, least=15, tail=1.4, most=4_000),
    replace(PLAIN, name="unlike networks", countries=100, network=1.5),
    replace(PLAIN, name="most block nothing", countries=140, shape="none"),
    MANY,
)


class World(NamedTuple):
    """What probes saw, and what is true. `truth`: share blocked of (network, common target), networks that were
    measured, each the same weight."""

    family: Family
    country: Ints
    network: Ints
    target: Ints
    tried: Ints
    hit: Ints
    countries: int
    common: Bools
    category: Ints
    truth: Floats


def make(family: Family, seed: int) -> World:
    """One world of a family."""
    dice = np.random.default_rng((seed, *family.name.encode()))
    size = dice.integers(family.networks[0], family.networks[1] + 1, family.countries)
    place = np.repeat(np.arange(family.countries), size)
    targets = family.targets + family.own * family.countries
    category = dice.integers(0, family.categories, targets)
    odds, hard = _odds(family, dice, place, category, targets)
    blocked = dice.random(odds.shape) < 1 / (1 + np.exp(-odds))
    network, target, tried = _looked(family, dice, place, odds, hard, category)
    hit = _seen(family, dice, blocked, place, network, target, tried)
    measured = np.zeros(len(place), bool)
    measured[network] = True
    share = blocked[:, : family.targets].mean(axis=1)
    truth = np.bincount(place[measured], share[measured], family.countries)
    truth /= np.maximum(np.bincount(place[measured], minlength=family.countries), 1)
    common = np.arange(targets) < family.targets
    return World(
        family, place[network], network, target, tried, hit, family.countries, common, category, truth
    )  # fmt: skip


def _lure(family: Family, dice: np.random.Generator, here: Floats, hard: Floats, category: Ints) -> Floats:
    """What a biased country looks for, of each common target."""
    n = family.targets
    if family.lure == "fame":
        return hard[:n]
    if family.lure == "category":
        return 3.0 * (dice.random(family.categories) < 1 / 3)[category[:n]]
    return here[:n]


def _odds(
    family: Family, dice: np.random.Generator, place: Ints, category: Ints, targets: int
) -> tuple[Floats, Floats]:
    level = _levels(family, dice)
    own = np.arange(targets) >= family.targets
    hard = dice.normal(0, family.target, targets) + family.own_odds * own
    odds = family.centre + level[place][:, None] + dice.normal(0, family.network, len(place))[:, None] + hard[None, :]
    if family.category:
        odds += dice.normal(0, family.category, (family.countries, family.categories))[place][:, category]
    if family.national:
        odds += dice.normal(0, family.national, (family.countries, targets))[place]
    return odds, hard


def _levels(family: Family, dice: np.random.Generator) -> Floats:
    n = family.countries
    if family.shape == "heavy":
        return family.country * (dice.exponential(1.0, n) ** 1.5 - 1.2)
    if family.shape == "two":
        return np.where(dice.random(n) < 0.15, 2.4, -0.8) + dice.normal(0, 0.7, n)
    level = dice.normal(0, family.country, n)
    return np.where(dice.random(n) < 0.6, -9.0, level) if family.shape == "none" else level


def _looked(
    family: Family, dice: np.random.Generator, place: Ints, odds: Floats, hard: Floats, category: Ints
) -> tuple[Ints, Ints, Ints]:
    """Which cells were tried, and how often."""
    n = family.countries
    total = np.minimum(family.least * (1 - dice.random(n)) ** (-1 / family.tail), family.most).astype(int)
    biased = dice.random(n) < family.biased
    found: list[tuple[Ints, Ints, Ints]] = []
    for c in range(n):
        mine = np.flatnonzero(place == c)
        held = dice.dirichlet(np.full(len(mine), 0.7))
        chosen = np.arange(family.targets)
        if biased[c]:
            lure = dice.gumbel(size=family.targets) + family.pull * _lure(family, dice, odds[mine[0]], hard, category)
            chosen = np.argsort(-lure)[: max(int(family.part * family.targets), 5)]
        own = family.targets + c * family.own + np.arange(family.own)
        chosen = np.concatenate([chosen, own])
        like = dice.gamma(0.8, size=len(chosen))  # some targets are tried far more often than others
        for network, tries in zip(mine, dice.multinomial(total[c], held), strict=True):
            counts = dice.multinomial(tries, like / like.sum())
            some = np.flatnonzero(counts)
            found.append((np.full(len(some), network), chosen[some], counts[some]))
    network, target, tried = (np.concatenate(part) for part in zip(*found, strict=True))
    return network, target, tried


def _seen(
    family: Family, dice: np.random.Generator, blocked: Bools, place: Ints, network: Ints, target: Ints, tried: Ints
) -> Ints:
    """Tries that showed interference, true or false."""
    wrong = dice.gamma(family.false_shape, family.false / family.false_shape, len(place))
    flaky = np.where(dice.random(blocked.shape[1]) < family.flaky, dice.random(blocked.shape[1]), 0)
    right = dice.uniform(*family.seen, len(place))
    rate = np.where(blocked[network, target], right[network], wrong[network] + 2 * family.flaky_rate * flaky[target])
    rate = np.clip(rate, 1e-4, 0.999)
    tight = 1 / family.clumps - 1
    return dice.binomial(tried, dice.beta(rate * tight, (1 - rate) * tight))
