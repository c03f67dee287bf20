"""Law: one draw says of every cell of the common list, tried or not, whether it is blocked; shares of parts of the list
(news, platforms, ...) come from the same draw, so that they agree with each other and with the whole."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from clampdown.assess.breadth_state import State

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_BLOCK: Final = 200_000  # numbers at once: they stay in the processor's cache


def shares(state: State, parts: Bools | None, dice: np.random.Generator) -> Floats:
    """[lists, countries]: share of the common list that is blocked, then of each of `parts` [parts, common targets];
    each network that was measured has the same weight."""
    rest, common = state.rest + state.usual(), state.listed.shape[1]
    # Columns of each list, and no product of matrices: threads of the linear algebra would fight with the chains.
    lists = None if parts is None else [slice(None), *(np.flatnonzero(part) for part in parts)]
    size = np.array([common, *([] if parts is None else np.maximum(parts.sum(axis=1), 1))])
    share = np.zeros((1 if lists is None else len(lists), state.networks))
    height = max(_BLOCK // common, 1)
    for first in range(0, state.networks, height):
        last = min(first + height, state.networks)
        chance = _chances(state, rest, first, last)
        if lists is None:
            total = chance.sum(axis=1)
            spread = np.sqrt(np.maximum(total - np.einsum("ij,ij->i", chance, chance), 0))
            share[0, first:last] = np.clip((total + spread * dice.normal(size=last - first)) / common, 0, 1)
        else:
            blocked = dice.random(chance.shape, dtype=np.float32) < chance
            for place, columns in enumerate(lists):
                share[place, first:last] = np.count_nonzero(blocked[:, columns], axis=1) / size[place]
    of = np.maximum(np.bincount(state.owner[state.seen], minlength=state.countries), 1)
    return np.stack([np.bincount(state.owner[state.seen], each[state.seen], state.countries) / of for each in share])


def _chances(state: State, rest: Singles, first: int, last: int) -> Singles:
    """Of every (network, common target) to be blocked, for some networks."""
    chance = rest[state.owner[first:last]]
    chance += state.network[first:last, None].astype(np.float32)
    mine = state.by_network[state.starts[first] : state.starts[last]]
    chance[state.cells.network[mine] - first, state.place[state.cells.target[mine]]] += state.ratio[mine]
    np.negative(chance, out=chance)
    np.exp(chance, out=chance)
    chance += np.float32(1)
    np.reciprocal(chance, out=chance)
    return chance
