"""Law: a rank is a distribution over the countries that were measured; where it is too wide, it is withheld and not
guessed; who was not measured is never ranked, and never passes for good.

Rank 1 is the worst. Ranks are taken within each posterior draw, so the interval carries what is not known of this
country and of all others (Goldstein and Spiegelhalter 1996). Equal values share the mean of their places; the interval
and the chances hold for whichever of them might be first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NO_DATA: Final = "no_data"
TOO_WIDE: Final = "too_wide"


class Place(NamedTuple):
    """Where a country stands among those that were measured."""

    rank: float  # mean over the draws; NaN where nothing was measured
    low: int  # 90 % interval, widened to whole ranks; 0 where nothing was measured
    high: int
    top: float  # probability of being among the `top` worst of those measured
    top_least: float  # the same if every country that was not measured were worse
    withheld: str | None  # NO_DATA | TOO_WIDE


def ranks(values: Floats) -> Floats:
    """Mid-ranks along the last axis, 1 for the largest."""
    flat = values.reshape(-1, values.shape[-1])
    n = flat.shape[1]
    order = np.argsort(-flat, axis=1, kind="stable")
    sorted_ = np.take_along_axis(flat, order, axis=1)
    new = np.concatenate([np.ones((len(flat), 1), bool), sorted_[:, 1:] != sorted_[:, :-1]], axis=1)
    place = np.arange(1.0, n + 1)
    first = np.maximum.accumulate(np.where(new, place, 0), axis=1)
    ends = np.concatenate([new[:, 1:], np.ones((len(flat), 1), bool)], axis=1)
    last = np.minimum.accumulate(np.where(ends, place, n + 1.0)[:, ::-1], axis=1)[:, ::-1]
    made = np.empty_like(flat)
    np.put_along_axis(made, order, (first + last) / 2, axis=1)
    return made.reshape(values.shape)


def _in_any_order(values: Floats) -> Floats:
    """Ranks 1, 2, ... in each row; equal values in an order that differs from row to row and is the same every time."""
    lots = np.random.default_rng(0).random(values.shape)
    order = np.lexsort((lots, -values), axis=-1)
    made = np.empty(values.shape)
    np.put_along_axis(made, order, np.broadcast_to(np.arange(1.0, values.shape[1] + 1), values.shape), axis=1)
    return made


def place(draws: Floats, *, unmeasured: int = 0, top: int = 10, widest: float = 1.0) -> list[Place]:
    """The place of each country. `draws`: [draws, countries], larger is worse, a column of NaN for a country without
    data (counted as unmeasured too); `widest`: the widest interval that is told, as a share of those measured."""
    there = ~np.isnan(draws).any(axis=0) if draws.size else np.zeros(draws.shape[1], bool)
    of = int(there.sum())
    absent = unmeasured + draws.shape[1] - of
    made = [Place(float("nan"), 0, 0, 0.0, 0.0, NO_DATA)] * draws.shape[1]
    if not of:
        return made
    # Nothing tells equal values apart: for the interval and the chances each draw puts them in an order of its own.
    each, mean = _in_any_order(draws[:, there]), ranks(draws[:, there]).mean(axis=0)
    low, high = np.floor(np.quantile(each, 0.05, axis=0)), np.ceil(np.quantile(each, 0.95, axis=0))
    among = (each <= top).mean(axis=0)
    least = (each <= top - absent).mean(axis=0)
    for at, country in enumerate(np.flatnonzero(there)):
        wide = (high[at] - low[at]) > widest * of
        made[country] = Place(
            float(mean[at]), int(low[at]), int(high[at]), float(among[at]), float(least[at]), TOO_WIDE if wide else None
        )
    return made


def weigh(components: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """One number for each draw and country: the weighted mean of the components, each first put on one scale (its
    distance from the median country, in spreads of the countries' means). A country without data on a component that
    has a weight has none of the whole: what is missing is not counted as good. Errors: ValueError without a weight."""
    used = {name: weight for name, weight in weights.items() if weight > 0 and name in components}
    if not used:
        raise ValueError("no component has a weight")
    total = sum(used.values())
    return sum((standard(components[name]) * (weight / total) for name, weight in used.items()), np.float64(0))  # type: ignore[return-value]


def standard(draws: Floats) -> Floats:
    """Distance from the median country in spreads between countries; 0 for all where they do not differ."""
    there = ~np.isnan(draws).any(axis=0)
    if not there.any():
        return draws
    means = draws[:, there].mean(axis=0)
    spread = float(means.std())
    return (draws - float(np.median(means))) / (spread if spread > 0 else 1.0)
