"""Law: a place is told among those measured, with its interval and with what other weights and priors would make of
it; who was not measured has no place, and counts as possibly worse.

Everything is a function of the components' draws, the frame, the weights and the limits; draws of weights are seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from clampdown.assess.components import Made, aligned
from clampdown.assess.placing import TOO_WIDE, Place, place, ranks, weigh
from clampdown.assess.rank_document import Change, Component, Estimate, Standing, UnderPrior
from clampdown.assess.rank_limits import Limits

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FACTORS: Final = (("double", 2.0), ("half", 0.5), ("without", 0.0))
_THIN: Final = 200  # draws behind each other set of weights
_ORDER: Final = ("ranked", "withheld", "outside_frame", "not_enough_data", "untested")


class Whole(NamedTuple):
    """Which components are in the whole, and which countries have data on all of them."""

    weights: dict[str, float]  # used: of the components that are in it
    components: tuple[Component, ...]
    enough: Bools  # [countries]


class Placed(NamedTuple):
    """What is said of every country, and the draws behind it (for comparisons)."""

    standings: tuple[Standing, ...]
    ranked: tuple[str, ...]  # of the frame, with enough data
    draws: Floats  # [draws, ranked]


Refit = Callable[[str], tuple[Made, ...]]


def whole_of(made: Sequence[Made], weights: Mapping[str, float], limits: Limits, *, asked: bool) -> Whole:
    """Decide what is in the whole. The first component that has a weight is (breadth, as the table stands); any other
    that few of its countries have is left out, unless it was asked for by name or by weight; it is told all the same.
    So signals of every country do not crowd out the blocking that was measured in some."""
    has = {one.kind.id: ~np.isnan(one.draws).any(axis=0) for one in made}
    wanted = [one.kind.id for one in made if weights.get(one.kind.id, 0) > 0 and one.reason is None]
    wanted = [name for name in wanted if has[name].any()]
    nobody = np.zeros(len(made[0].estimates), bool)
    first = has[wanted[0]] if wanted else nobody
    used = [n for n in wanted if asked or (has[n] & first).sum() >= limits.coverage * first.sum()]
    enough = np.all([has[name] for name in used], axis=0) if used else nobody
    total = sum(weights[name] for name in used) or 1.0

    def why(one: Made) -> str | None:
        if one.kind.id in used:
            return None
        return one.reason or ("coverage" if one.kind.id in wanted else "no_weight")

    return Whole(
        {name: weights[name] for name in used},
        tuple(
            Component(
                component=one.kind.id, label=one.kind.label, unit=one.unit, weight=weights.get(one.kind.id, 0.0),
                used=round(weights[one.kind.id] / total, 6) if one.kind.id in used else 0.0, reason=why(one),
                countries=int(has[one.kind.id].sum()), targets=one.targets, agree=one.agree, thinned=one.cells,
            )
            for one in made
        ),
        enough,
    )  # fmt: skip


def values(made: Sequence[Made], weights: Mapping[str, float], among: Bools, n: int) -> Floats:
    """One number for each draw and country of `among`; larger is worse."""
    return weigh({one.kind.id: aligned(one.draws, n)[:, among] for one in made}, weights)


def stand(
    made: Sequence[Made], whole: Whole, countries: Sequence[str], names: Mapping[str, str], frame: Sequence[str],
    limits: Limits, *, seed: int, digests: Mapping[str, str], left_out: Mapping[str, int], refits: Mapping[str, Refit],
) -> Placed:  # fmt: skip
    """Every country of the frame, and every other that was measured."""
    inside = np.array([country in set(frame) for country in countries], bool)
    among = whole.enough & inside
    ranked = tuple(country for country, there in zip(countries, among, strict=True) if there)
    n = max((len(one.draws) for one in made if one.kind.id in whole.weights), default=1)
    draws = values(made, whole.weights, among, n) if ranked else np.zeros((1, 0))
    unmeasured = len(set(frame) - set(ranked))
    places = place(draws, unmeasured=unmeasured, top=limits.top, widest=limits.widest)
    few = len(ranked) < limits.countries
    bands, changes = _bands(made, whole, among, n, limits, seed) if ranked and not few else ({}, {})
    priors = _priors(made, whole, among, refits) if ranked and not few else {}
    at = {country: index for index, country in enumerate(ranked)}
    estimates = {country: tuple(one.estimates[i] for one in made) for i, country in enumerate(countries)}
    standings: list[Standing] = []
    for country in sorted({*countries, *frame}):
        there = at.get(country)
        own = estimates.get(country, ())
        state, reason = _state(country, own, None if there is None else places[there], few, whole, countries)
        spot = None if there is None or few else places[there]
        base = Standing(
            country=country, name=names.get(country, country), state=state, reason=reason, rank=None, low=None,
            high=None, top=None, top_least=None, band_low=None, band_high=None, changes=(), priors=(), components=own,
            networks_left_out=left_out.get(country, 0), digest=digests.get(country) if _measured(own) else None,
        )  # fmt: skip
        if spot is not None and there is not None:
            base = replace(base, low=spot.low, high=spot.high)
            if state == "ranked":
                low, high = bands[there]
                base = replace(
                    base, top=round(spot.top, 4) if len(ranked) > limits.top else None,
                    # Of a frame of no more than ten everybody is among its ten worst: that tells nothing.
                    top_least=round(spot.top_least, 4) if len(set(frame)) > limits.top else None,
                    rank=round(spot.rank, 2), band_low=low, band_high=high, changes=changes.get(there, ()),
                    priors=priors.get(there, ()),
                )  # fmt: skip
        standings.append(base)
    order = sorted(standings, key=lambda one: (_ORDER.index(one.state), one.rank or 0.0, one.name, one.country))
    return Placed(tuple(order), ranked, draws)


def _measured(own: Sequence[Estimate]) -> bool:
    return any(one.cells for one in own)


def _state(
    country: str, own: Sequence[Estimate], spot: Place | None, few: bool, whole: Whole, countries: Sequence[str]
) -> tuple[str, str | None]:
    """What may be said, and why no more."""
    if spot is not None:
        if few:
            return "withheld", "few_countries"
        return ("withheld", TOO_WIDE) if spot.withheld else ("ranked", None)
    if country in countries and whole.enough[list(countries).index(country)]:
        return "outside_frame", "outside_frame"
    seen = any(one.tries or one.months or one.cells for one in own)
    short = next((one.reason for one in own if one.component in whole.weights and one.reason), None)
    if short is None:
        short = next((one.reason for one in own if one.reason), "no_data")
    if not seen and any(one.reason == "not_detected" for one in own):
        # It was measured, or it would have no estimates; what is asked of it hangs on outages that nobody looked for.
        return "not_enough_data", "not_detected" if short == "no_data" else short
    if not seen and short not in ("few_vantage_points", "no_signals"):
        return "untested", "no_data"
    return "not_enough_data", short


def _bands(
    made: Sequence[Made], whole: Whole, among: Bools, n: int, limits: Limits, seed: int
) -> tuple[dict[int, tuple[float, float]], dict[int, tuple[Change, ...]]]:
    """Ranks over other weights: each one doubled, halved, left out; and 90 % of those drawn around the stated ones."""
    few = min(_THIN, n)
    thin = {one.kind.id: aligned(one.draws, few)[:, among] for one in made if one.kind.id in whole.weights}

    def mean_ranks(weights: Mapping[str, float]) -> Floats:
        return ranks(weigh(thin, weights)).mean(axis=0)

    named: list[tuple[str, Floats]] = []
    for name in whole.weights if len(whole.weights) > 1 else ():
        for change, factor in _FACTORS:
            named.append((f"{change}:{name}", mean_ranks({**whole.weights, name: whole.weights[name] * factor})))
    all_found = [mean_ranks(whole.weights), *(found for _, found in named)]
    low, high = np.min(all_found, axis=0), np.max(all_found, axis=0)
    if len(whole.weights) > 1:
        total = sum(whole.weights.values())
        alpha = limits.concentration * np.array([weight / total for weight in whole.weights.values()])
        dice = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, 41))))
        mixed = [
            mean_ranks(dict(zip(whole.weights, row.tolist(), strict=True)))
            for row in np.maximum(dice.dirichlet(alpha, limits.mixtures), 1e-9)
        ]
        around = np.quantile(mixed, (0.05, 0.95), axis=0)
        low, high = np.minimum(low, around[0]), np.maximum(high, around[1])
    bands = {i: (round(float(a), 2), round(float(b), 2)) for i, (a, b) in enumerate(zip(low, high, strict=True))}
    changes = {i: tuple(Change(change=name, rank=round(float(found[i]), 2)) for name, found in named) for i in bands}
    return bands, changes


def _priors(
    made: Sequence[Made], whole: Whole, among: Bools, refits: Mapping[str, Refit]
) -> dict[int, tuple[UnderPrior, ...]]:
    """Ranks with the shares fitted under other priors, all else as it is."""
    found: dict[int, list[UnderPrior]] = {}
    for name, refit in refits.items():
        again = {one.kind.id: one for one in refit(name)}
        if not any(one.draws.shape[0] > 1 for one in again.values()):
            continue
        other = [one._replace(draws=_there(again, one)) for one in made]
        n = min(len(one.draws) for one in other if one.kind.id in whole.weights)
        for i, spot in enumerate(place(values(other, whole.weights, among, n), widest=1.0)):
            under = UnderPrior(prior=name, rank=round(spot.rank, 2), low=spot.low, high=spot.high)
            found.setdefault(i, []).append(under)
    return {i: tuple(each) for i, each in found.items()}


def _there(again: Mapping[str, Made], one: Made) -> Floats:
    other = again.get(one.kind.id)
    return one.draws if other is None or other.reason is not None else other.draws
