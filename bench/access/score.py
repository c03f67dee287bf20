"""Law: what was said of each cell is held against what is so on the last day; each figure is a mean over worlds with
its standard error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from access.methods import METHODS, window
from access.world import Cell, Plan, Truth, World, world

NAMES: Final = {
    "wrong_works": "wrong `works` per 100 said",
    "wrong_blocked": "wrong `blocked` per 100 said",
    "said": "share of cells said",
    "said_tried": "share of tried cells said",
    "agreement": "agreement where said",
    "agreement_plain": "agreement, truth works or blocked",
    "same_cells": "agreement on the cells ours says",
    "wrong_same": "wrong per 100 of the cells ours says",
    "stale": "stale, of changed cells said",
    "forged": "wrong, of forged cells said",
}
# Seeds of no other benchmark; nothing of the product was set on them.
FAMILY: Final = 4000


@dataclass(frozen=True, slots=True)
class Mean:
    """A figure over worlds. Worlds in which it has no denominator are left out."""

    value: float
    error: float
    worlds: int


def measured(plan: Plan, worlds: int, begin: int = FAMILY) -> dict[str, dict[str, Mean]]:
    """Method -> figure -> its mean."""
    assert worlds <= 1000, "the families would meet"
    found: dict[str, dict[str, list[float]]] = {name: {} for name in METHODS}
    for seed in range(begin, begin + worlds):
        made = world(seed, plan)
        told = {name: {c: method(rows, made.caps) for c, rows in made.rows.items()} for name, method in METHODS.items()}
        same = {cell for cell, state in told["ours"].items() if state is not None}
        for name, said in told.items():
            for figure, value in score(said, made, same).items():
                if value is not None:
                    found[name].setdefault(figure, []).append(value)
    return {name: {figure: mean(values) for figure, values in figures.items()} for name, figures in found.items()}


def mean(values: Sequence[float]) -> Mean:
    count = len(values)
    middle = math.fsum(values) / count
    spread = math.fsum((value - middle) ** 2 for value in values) / (count - 1) if count > 1 else math.nan
    return Mean(middle, math.sqrt(spread / count) if count > 1 else math.nan, count)


def score(said: Mapping[Cell, str | None], made: World, same: Set[Cell]) -> dict[str, float | None]:
    """The figures of one world; null where nothing was said that could be wrong. `same`: cells of which ours says
    something, so that methods that say more are compared on no harder cells."""
    told = [(state, made.truth[cell], cell) for cell, state in said.items() if state is not None]
    tried = [cell for cell, rows in made.rows.items() if window(rows)]
    plain = [(state, truth) for state, truth, _ in told if truth.now in ("works", "blocked")]
    equal = [(state, truth) for state, truth, cell in told if cell in same]
    changed = [(state, truth) for state, truth, _ in told if truth.changed is not None]
    forged = [
        (state, truth)
        for state, truth, cell in told
        if any((row.vantage or "").startswith("forger") for row in made.rows[cell])
    ]
    return {
        "wrong_works": _per(100, [_wrong_works(state, truth) for state, truth, _ in told]),
        "wrong_blocked": _per(100, [_wrong_blocked(state, truth) for state, truth, _ in told]),
        "said": len(told) / len(said),
        "said_tried": len(told) / len(tried) if tried else None,
        "agreement": _per(1, [state == truth.now for state, truth, _ in told]),
        "agreement_plain": _per(1, [state == truth.now for state, truth in plain]),
        "same_cells": _per(1, [state == truth.now for state, truth in equal]),
        "wrong_same": _per(100, [wrong(s, t) for s, t in equal]),
        "stale": _per(1, [state == truth.before for state, truth in changed]),
        "forged": _per(1, [wrong(s, t) for s, t in forged]),
    }


def _per(scale: float, hits: Sequence[bool]) -> float | None:
    return scale * sum(hits) / len(hits) if hits else None


def wrong(state: str | None, truth: Truth) -> bool:
    """Is it said to work where nothing comes through, or to be blocked where it is not?"""
    return state is not None and (_wrong_works(state, truth) or _wrong_blocked(state, truth))


def _wrong_works(state: str, truth: Truth) -> bool:
    """Nothing comes through, and it is said to work. A way that is impaired lets a part through."""
    return state == "works" and truth.now in ("blocked", "down")


def _wrong_blocked(state: str, truth: Truth) -> bool:
    return state == "blocked" and truth.now != "blocked"
