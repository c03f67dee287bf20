"""Law: a component is told with its interval and what stands behind it; below the floor it is null, with the reason.

Shares of the common list come from one fit (assess/breadth.py), so that components agree with each other and are told
from tries of every target. Nothing here loops over cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from clampdown.assess.breadth import PRIOR, Cells, Posterior, Prior, breadth
from clampdown.assess.hours import Cuts, lost
from clampdown.assess.rank_cells import Tallied, thinned
from clampdown.assess.rank_document import Estimate
from clampdown.assess.rank_limits import OF_CELLS, Kind, Limits, OtherPrior, Terms
from clampdown.reference.targets import Targets

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Fit = Callable[..., Posterior]

SHARE: Final = "share"
HOURS: Final = "hours_per_month"


class Made(NamedTuple):
    """One component of all countries."""

    kind: Kind
    draws: Floats  # [draws, countries]; NaN where there is not enough data
    estimates: tuple[Estimate, ...]  # of each country
    targets: tuple[str, ...]
    reason: str | None  # why nobody has it
    agree: float | None = None
    cells: int | None = None  # where it was not fitted to all

    @property
    def unit(self) -> str:
        return SHARE if self.kind.saw in OF_CELLS else HOURS


class Lists(NamedTuple):
    """Which targets are compared."""

    common: Bools
    parts: Mapping[str, Bools]  # component → its targets on the common list
    category: Ints  # of each target, for the model


def lists_of(tallied: Tallied, table: Targets, terms: Terms) -> Lists:
    """The common list, and the part of it that each component is about."""
    limits, n = terms.limits, len(tallied.targets)
    pairs = np.unique(tallied.country * max(n, 1) + tallied.target)
    tried_in = np.bincount(pairs % max(n, 1), minlength=n)
    with_data = len(np.unique(tallied.country))
    common = tried_in >= max(limits.common_countries, ceil(limits.common_share * with_data))
    groups = [table.groups_of(target) for target in tallied.targets]
    categories = [table.category(target) for target in tallied.targets]
    keys = {
        group: {f"{p.id}/{role}" for p in table.platforms.values() if group in p.groups for role in p.key_roles}
        for group in table.groups()
    }
    parts: dict[str, Bools] = {}
    for kind in terms.components:
        wanted = {target for group in kind.platforms for target in keys.get(group, ())}
        own = np.array([
            kind.whole or bool({*kind.groups} & {*of}) or (category in kind.categories) or target in wanted
            for target, of, category in zip(tallied.targets, groups, categories, strict=True)
        ], bool)  # fmt: skip
        parts[kind.id] = own & common
    first = [of[0] if of else category or "" for of, category in zip(groups, categories, strict=True)]
    _, category = np.unique(np.array(first, dtype=str), return_inverse=True)
    return Lists(common, parts, category.astype(np.int64))


def prior_of(other: OtherPrior | None) -> Prior:
    return PRIOR if other is None else PRIOR._replace(centre=other.centre, country=other.country)


def shares(
    tallied: Tallied, lists: Lists, terms: Terms, *, seed: int, fit: Fit = breadth, other: OtherPrior | None = None,
    few: bool = False,
) -> tuple[Made, ...]:  # fmt: skip
    """Every component that speaks of what was blocked, from one fit; `few`: to fewer cells, with fewer draws."""
    kinds = [kind for kind in terms.components if kind.saw == "blocked"]
    draws = terms.limits.draws_of_priors if few else terms.limits.draws
    return _fitted(tallied, lists, terms, kinds, "blocked", seed, fit, other, few=few, draws=draws)


def throttling(tallied: Tallied, lists: Lists, terms: Terms, *, seed: int, fit: Fit = breadth) -> tuple[Made, ...]:
    """Components that speak of what was held back. Where no try saw it, they tell no country from another."""
    kinds = [kind for kind in terms.components if kind.saw == "throttled"]
    if not tallied.throttled.any():
        return tuple(_none(tallied, lists, terms.limits, kind, "never_seen") for kind in kinds)
    many = len(tallied.country) > terms.limits.thinned
    draws = terms.limits.draws_thinned if many else terms.limits.draws
    return _fitted(tallied, lists, terms, kinds, "throttled", seed + 1, fit, None, few=True, draws=draws)


def _fitted(
    tallied: Tallied, lists: Lists, terms: Terms, kinds: Sequence[Kind], saw: str, seed: int, fit: Fit,
    other: OtherPrior | None, *, few: bool, draws: int,
) -> tuple[Made, ...]:  # fmt: skip
    limits = terms.limits
    if int(lists.common.sum()) < limits.targets or not kinds:
        return tuple(_none(tallied, lists, limits, kind, "few_common") for kind in kinds)
    some, common = np.ones(len(tallied.country), bool), lists.common
    if few:
        some, common = thinned(tallied, limits.thinned, lists.common, limits.thinned_targets)
    within = np.stack([lists.parts[kind.id] & common for kind in kinds])
    # Countries without a cell are no part of the fit: nobody's place hangs on how many of them there are.
    known, country = np.unique(tallied.country, return_inverse=True)
    columns = (country, tallied.network, tallied.target, tallied.tried, tallied.hits(saw))
    posterior = fit(
        Cells(*(column[some] for column in columns)), len(known), common, category=lists.category, draws=draws,
        seed=seed, prior=prior_of(other), parts=within,
    )  # fmt: skip
    at = None if some.all() else int(some.sum())
    made: list[Made] = []
    for kind, found, part in zip(kinds, posterior.parts, within, strict=True):
        least = limits.targets if kind.whole else limits.part_targets
        if int(part.sum()) < least:
            made.append(_none(tallied, lists, limits, kind, "few_common"))
            continue
        counts = _counts(tallied, lists, limits, kind)
        every = np.full((len(found), len(counts)), np.nan)
        every[:, known] = found
        own = np.where(np.array([one.reason is None for one in counts]), every, np.nan)
        made.append(
            Made(kind, own, _told(counts, own), _names(tallied, lists, kind), None, round(posterior.agree, 3), at)
        )
    return tuple(made)


def _names(tallied: Tallied, lists: Lists, kind: Kind) -> tuple[str, ...]:
    return tuple(tallied.targets[place] for place in np.flatnonzero(lists.parts[kind.id]))


def _none(tallied: Tallied, lists: Lists, limits: Limits, kind: Kind, reason: str) -> Made:
    counts = [_without(one, reason) for one in _counts(tallied, lists, limits, kind)]
    nothing = np.full((1, len(counts)), np.nan)
    return Made(kind, nothing, tuple(counts), _names(tallied, lists, kind), reason)


def _without(one: Estimate, reason: str) -> Estimate:
    why = reason if one.cells else one.reason or reason
    return msgspec.structs.replace(one, mean=None, low=None, high=None, reason=why)


def _counts(tallied: Tallied, lists: Lists, limits: Limits, kind: Kind) -> list[Estimate]:
    """What stands behind a component in each country, and whether it is enough."""
    n = len(tallied.countries)
    inside = lists.parts[kind.id][tallied.target]
    country, target, network = tallied.country[inside], tallied.target[inside], tallied.network[inside]
    tries = np.bincount(country, tallied.tried[inside], n).astype(int)
    hits = np.bincount(country, tallied.hits(kind.saw)[inside], n).astype(int)
    targets = np.bincount(np.unique(country * (len(tallied.targets) or 1) + target) // (len(tallied.targets) or 1),
                          minlength=n)  # fmt: skip
    networks = np.bincount(tallied.owner[np.unique(network)], minlength=n)
    cells = np.bincount(tallied.country, minlength=n)
    whole = kind.whole
    floors = (
        (networks, limits.networks, "few_networks"),
        (targets, limits.targets if whole else limits.part_targets, "few_targets"),
        (tries, limits.tries if whole else limits.part_tries, "few_tries"),
    )
    made: list[Estimate] = []
    for place in range(n):
        short = next((why for have, need, why in floors if have[place] < need), None)
        if not tries[place]:
            short = "few_vantage_points" if tallied.left_out[place] and not cells[place] else "no_data"
        made.append(Estimate(
            component=kind.id, mean=None, low=None, high=None, reason=short, tries=int(tries[place]),
            hits=int(hits[place]), targets=int(targets[place]), networks=int(networks[place]),
            cells=int(cells[place]), months=None, cuts=None, narrower=None,
        ))  # fmt: skip
    return made


def _told(counts: Sequence[Estimate], draws: Floats) -> tuple[Estimate, ...]:
    """Estimates with mean and interval, where there is enough."""
    with np.errstate(invalid="ignore"):
        mean, (low, high) = draws.mean(axis=0), np.quantile(draws, (0.05, 0.95), axis=0)
    return tuple(
        one if one.reason else msgspec.structs.replace(
            one, mean=round(float(mean[place]), 6), low=round(float(low[place]), 6), high=round(float(high[place]), 6)
        )
        for place, one in enumerate(counts)
    )  # fmt: skip


def cut_off(
    kind: Kind, countries: Sequence[str], cuts: Mapping[str, Cuts] | None, limits: Limits, *, draws: int, seed: int
) -> Made:
    """Hours lost a month. `cuts`: null where nobody looked for outages."""
    held = [None if cuts is None else cuts.get(country) for country in countries]
    reasons = [
        "not_detected" if cuts is None else "no_signals" if each is None
        else "few_months" if each.months < limits.months else None
        for each in held
    ]  # fmt: skip
    found = lost(
        [each or Cuts(0.0, (), 0) for each in held], prior_cuts=limits.cut_prior_cuts,
        prior_months=limits.cut_prior_months, prior_hours=limits.cut_prior_hours, draws=draws, seed=seed,
    )  # fmt: skip
    own = np.where(np.array([reason is None for reason in reasons], bool), found, np.nan)
    counts = [
        Estimate(
            component=kind.id, mean=None, low=None, high=None, reason=reason, tries=0, hits=0, targets=0, networks=0,
            cells=0, months=None if each is None else round(each.months, 3), cuts=None if each is None else each.n,
            narrower=None if each is None else each.narrower,
        )
        for each, reason in zip(held, reasons, strict=True)
    ]  # fmt: skip
    none = None if any(reason is None for reason in reasons) else "not_detected" if cuts is None else "no_signals"
    return Made(kind, own, _told(counts, own), (), none)


def aligned(draws: Floats, n: int) -> Floats:
    """As many draws as asked for, evenly taken."""
    return draws[(np.arange(n) * len(draws)) // n]
