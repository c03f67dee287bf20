"""Law: an event is dated after it was found, from all of its bins at once, and every date is a bracket.

The shares of what was expected are cut into levels. The event begins with the level that loses a third of what is
lost at worst, and ends where all but a quarter is back; between half and a quarter lies the bracket of a slow end.
Lesser losses before it are precursors; levels that rise for a while and stay below are partial returns.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from clampdown.detect.segments import segments, where
from clampdown.detect.votes import Floats

_GRID: Final = 61  # levels between the lowest and the highest share
_TOP: Final = 1.2
_PENALTY: Final = 8.0  # nats that a further level must gain. Provisional.
_BOUND: Final = 18.0  # one bin's misfit at most
_WITHIN: Final = 3.0
_LOW: Final = 0.15  # below this share noise is no smaller than here
_NONE: Final = 0.02  # what a bin with nothing in it counts as
_MOST: Final = 2400  # bins that are cut; of longer events the two ends
_ONSET: Final = 0.35  # of the worst loss: what an event begins with; less is a precursor. Provisional.
_PART: Final = 0.25  # what may be missing when it is over
_HALF: Final = 0.5
_FEW: Final = 6  # bins that tell a level
_USUAL: Final = 0.4  # of what is expected: how low the time right before may be and still be what it is held against
_RETURN: Final = 0.15  # of the expected level by which a partial return must rise
_LONG: Final = 3  # hours (or bins, where they are longer) that it must last


class Level(NamedTuple):
    """A stretch of bins at one share of what was expected."""

    first: int
    last: int
    share: float


class Edges(NamedTuple):
    """An event within the bins given to `edges`."""

    after: int | None
    before: int
    end_after: int | None
    end_before: int | None
    worst: int
    depth: float
    expected: float
    level: float
    lost: float
    unknown: int
    last: int
    earlier: tuple[Level, ...]
    later: tuple[Level, ...]


def edges(
    x: Floats, expected: Floats, begin: int, noise: float, *, back: int, sign: int, hour: int, lasting: bool
) -> Edges:
    """Date an event that was noticed at bin `begin` by a window of `back` bins; x and expected hold the time before it
    and the hour after it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(expected > 0, np.maximum(x, 0) / expected, np.nan)
        shown = share if sign < 0 else 1 / np.maximum(share, 1e-6)
    at = np.flatnonzero(np.isfinite(shown))
    if not len(at):  # nothing was expected in any bin that is there
        return Edges(None, begin, None, None, begin, 0.0, 0.0, 0.0, 0.0, 0, begin, (), ())
    if len(at) > _MOST:
        at = np.concatenate([at[: _MOST // 2], at[-_MOST // 2 :]])
    levels = _levels(shown[at], noise)
    usual = _usual(shown[at], int(np.searchsorted(at, begin)) - hour)
    loss = [1 - level.share / usual for level in levels]
    place = int(np.searchsorted(at, begin, side="right")) - 1
    early = int(np.searchsorted(at, begin - back + 1))
    noticed = [n for n, each in enumerate(levels) if each.last >= early and each.first <= place]
    main = max(noticed, key=lambda n: loss[n], default=len(levels) - 1)
    first, final = _extent(loss, main, lasting)
    worst = max(range(first, final + 1), key=lambda n: loss[n])
    if first:
        low, high = _bracket(levels, first, shown[at], noise)
    else:  # all that is known of the time before is that it was noticed here
        low, high = (0, place) if place > 0 else (None, 0)
    end_after, end_before = _ends(levels, final, loss, loss[worst], lasting)
    inside = slice(
        int(at[high]), int(at[-1 if end_after is None else end_after]) + 1
    )  # not what the data lack after it
    lost = shown[inside]
    known = np.isfinite(lost)
    deepest = _deepest(shown, levels[worst], at)
    return Edges(
        after=None if low is None else int(at[low]), before=int(at[high]),
        end_after=None if end_after is None else int(at[end_after]),
        end_before=None if end_before is None else int(at[end_before]),
        worst=deepest, depth=float(np.clip(1 - shown[deepest], 0, 1)), expected=float(expected[deepest]),
        level=float(x[deepest]), lost=float(np.clip(1 - lost[known], 0, 1).sum()), unknown=int((~known).sum()),
        last=int(at[-1] if end_after is None else at[end_after]), earlier=_earlier(levels, loss, first, at, noise),
        later=_later(levels, worst, final, at, hour),
    )  # fmt: skip


def _levels(shown: Floats, noise: float) -> list[Level]:
    """Cut into levels; a level lasts one bin at least, and one bin can be misread by no more than `_BOUND`."""
    clipped = np.clip(shown, 0, _TOP)
    low, high = float(clipped.min()), max(float(clipped.max()), 1.0)
    grid = np.linspace(low, high, _GRID)
    variance, misfit = _misfit(clipped, grid, noise, (high - low) / (_GRID - 1) / 2 + 1e-6)
    spread = 0.5 * np.log(variance / variance.min())[:, None]
    bounds, chosen = segments(np.minimum(misfit, _BOUND) + spread, _PENALTY, 1)
    return [
        Level(a, b - 1, float(np.median(clipped[a:b])) if b - a > 2 else float(grid[level]))
        for a, b, level in zip(bounds[:-1], bounds[1:], chosen, strict=True)
    ]


def _misfit(shown: Floats, levels: Floats, noise: float, least: float) -> tuple[Floats, Floats]:
    """(variance of each level, misfit of each level on each bin in nats).

    Noise is known in log units: a bin below a level is held against it in those, so that a bin with nothing in it does
    not pass for a low one; above, and near zero, as a share of the level. `least`: nothing is known better than that.
    """
    width = np.maximum(noise * np.maximum(levels, _LOW), least)
    linear = (shown[None, :] - levels[:, None]) / width[:, None]
    ratio = np.log(np.maximum(shown, _NONE)[None, :] / np.maximum(levels, _NONE)[:, None])
    scale = np.maximum(noise, least / np.maximum(levels, _LOW))[:, None]
    apart = np.where(shown[None, :] < levels[:, None], ratio / scale, linear)
    return width**2, apart**2 / 2


def _usual(shown: Floats, until: int) -> float:
    """The level right before, where it is known: a day may be lower than expected without an event."""
    before = shown[:until] if until >= _FEW else shown[:0]
    return float(np.clip(np.median(before), _USUAL, 1.15)) if len(before) else 1.0


def _extent(loss: list[float], main: int, lasting: bool) -> tuple[int, int]:
    """First and last level of the event around the one in which it was noticed."""
    end = len(loss) - 1 if lasting else max(main, len(loss) - 2)
    worst = max(loss[main : end + 1])
    first = main
    # Noticed late, or early in a slow fall: the event is all that hangs together at a third of the worst loss.
    while first > 0 and loss[first - 1] >= _ONSET * worst:
        first -= 1
    while first < end and loss[first] < _ONSET * worst:
        first += 1
    final = end
    while final > first and not lasting and loss[final] < _PART * worst:
        final -= 1
    return first, final


def _bracket(levels: list[Level], first: int, shown: Floats, noise: float) -> tuple[int | None, int]:
    """Where the change into a level may lie: last bin before, first bin after."""
    old, new = levels[first - 1], levels[first]
    whole = slice(old.first, new.last + 1)
    shares = np.array([old.share, new.share])
    _, (one, other) = _misfit(shown[whole], shares, noise, abs(old.share - new.share) / _GRID + 1e-6)
    one, other = np.minimum(one, _BOUND), np.minimum(other, _BOUND)
    low, high = where(one, other, new.first - old.first, _WITHIN)
    return old.first + low - 1, old.first + high


def _ends(
    levels: list[Level], final: int, loss: list[float], worst: float, lasting: bool
) -> tuple[int | None, int | None]:
    """Last bin of half the loss (of any, where the end is sharp), and the first bin that is back."""
    if lasting or final == len(levels) - 1:
        return None, None
    half = final
    while half > 0 and loss[half] < _HALF * worst:
        half -= 1
    return levels[half].last, levels[final + 1].first


def _deepest(shown: Floats, level: Level, at: Floats) -> int:
    """The bin that stands for the worst moment: the one in the middle of the worst level's values."""
    own = at[level.first : level.last + 1]
    values = shown[own]
    return int(own[int(np.argsort(values, kind="stable")[(len(values) - 1) // 2])])


def _earlier(levels: list[Level], loss: list[float], first: int, at: Floats, noise: float) -> tuple[Level, ...]:
    """Lesser losses right before the event."""
    made: list[Level] = []
    number = first - 1
    while number >= 0 and loss[number] > max(2 * noise, 0.02):
        one = levels[number]
        made.append(Level(int(at[one.first]), int(at[one.last]), one.share))
        number -= 1
    return tuple(made[::-1])


def _later(levels: list[Level], worst: int, final: int, at: Floats, hour: int) -> tuple[Level, ...]:
    """Levels within the event, after its worst, that rise and stay below what an end asks for."""
    made: list[Level] = []
    base = levels[worst].share
    for one in levels[worst + 1 : final + 1]:
        if one.share >= base + _RETURN and one.last - one.first + 1 >= _LONG * hour:
            made.append(Level(int(at[one.first]), int(at[one.last]), one.share))
            base = one.share
    return tuple(made)
