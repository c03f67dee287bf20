"""Law: two orders agree as far as their rank correlation says, within an interval that carries what we do not know of
ours and how few the countries are; with too few countries there is no number.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from clampdown.assess.placing import ranks
from clampdown.assess.rank_document import Agreement, Comparison, Pair
from clampdown.assess.rank_limits import Limits
from clampdown.assess.scores import IS_BETTER, Scores

Floats = npt.NDArray[np.float64]


def compare(
    draws: Floats, countries: Sequence[str], scores: Scores, limits: Limits, *, file: str, digest: str, seed: int,
    component: str | None = None, outside: Collection[str] = (),
) -> Comparison:  # fmt: skip
    """Ours ([draws, countries], larger is worse, no NaN) beside theirs. `outside`: countries with a value of ours that
    are not in the declared frame; they are not compared, and are not called unmeasured."""
    common = [i for i, c in enumerate(countries) if c in scores.values and c not in outside]
    names = [countries[i] for i in common]
    sign = -1.0 if scores.higher == IS_BETTER else 1.0
    theirs = np.array([sign * scores.values[name] for name in names], float)
    ours = draws[:, common]
    mine = ranks(ours).mean(axis=0) if names else np.zeros(0)
    reason = None
    if len(common) < limits.compare_countries:
        reason = "few_in_common"
    elif len(np.unique(theirs)) < 2 or len(np.unique(mine)) < 2:
        reason = "no_order"
    other = ranks(theirs[None, :])[0] if names else np.zeros(0)
    pairs = [
        Pair(country=name, ours=round(float(a), 2), theirs=float(b))
        for name, a, b in zip(names, mine, other, strict=True)
    ]
    return Comparison(
        publisher=scores.publisher, measure=scores.measure, file=file, digest=digest, year=scores.year,
        higher=scores.higher, component=component, n=len(common),
        missing=tuple(country for country in countries if country not in scores.values and country not in outside),
        unmeasured=tuple(sorted(set(scores.values) - set(countries) - set(outside))), unknown=scores.unknown,
        agreement=() if reason else _agreement(ours, theirs, limits.bootstraps, seed), reason=reason,
        pairs=tuple(sorted(pairs, key=lambda pair: (pair.ours, pair.country))),
    )  # fmt: skip


def _agreement(ours: Floats, theirs: Floats, samples: int, seed: int) -> tuple[Agreement, ...]:
    """Each sample takes one draw of ours and draws countries with replacement."""
    dice = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, 53))))
    n, mean = len(theirs), ranks(ours).mean(axis=0)
    found: dict[str, list[float]] = {"spearman": [], "kendall": []}
    for draw in dice.integers(0, len(ours), samples):
        some = dice.integers(0, n, n)
        for name, measure in (("spearman", spearman), ("kendall", kendall)):
            found[name].append(measure(-ours[draw, some], -theirs[some]))
    point = {"spearman": spearman(mean, -theirs), "kendall": kendall(mean, -theirs)}
    made: list[Agreement] = []
    for name, values in found.items():
        # Some samples hold only equals of one side, and tell nothing.
        told = [value for value in values if not np.isnan(value)]
        low, high = np.quantile(told, (0.05, 0.95)) if told else (-1.0, 1.0)
        made.append(
            Agreement(of=name, value=round(point[name], 4), low=round(float(low), 4), high=round(float(high), 4))
        )
    return tuple(made)


def spearman(a: Floats, b: Floats) -> float:
    """Correlation of mid-ranks; NaN where one side has no order."""
    x, y = ranks(a[None, :])[0], ranks(b[None, :])[0]
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 0 else float("nan")


def kendall(a: Floats, b: Floats) -> float:
    """Tau-b; NaN where one side has no order."""
    x, y = _signs(a), _signs(b)
    scale = float(np.sqrt((x != 0).sum() * (y != 0).sum()))
    return float((x * y).sum()) / scale if scale > 0 else float("nan")


def _signs(a: Floats) -> Floats:
    """Which of two is larger. Not by their difference: that of two large numbers is more than a float holds."""
    return (a[:, None] > a[None, :]).astype(float) - (a[:, None] < a[None, :])
