"""Law: cuts of one entity at the same local time, one to four days apart, are one that recurs, each with its date.

Nightly curfews of the network and exam mornings: listed night by night, never smoothed into a block, and a night on
which nothing was seen is not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from clampdown.detect.fusion import Cut

LEAST: Final = 3  # occurrences that make a rhythm
_LONG: Final = timedelta(hours=16)  # a longer cut is none of a series
_APART: Final = timedelta(hours=2)  # between times of day
_GAP: Final = timedelta(days=4, hours=12)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Series:
    """Cuts that belong together: one, or those of a rhythm in their order."""

    cuts: tuple[Cut, ...]
    pattern: str | None  # nightly | mornings | recurring

    @property
    def main(self) -> Cut:
        """The deepest one speaks for all."""
        return max(self.cuts, key=lambda cut: (cut.main.drop.depth, -cut.main.drop.before))


def series(cuts: Sequence[Cut], local: Callable[[datetime], datetime]) -> list[Series]:
    """The cuts of one entity, those of a rhythm together."""
    chains: list[list[Cut]] = []
    for cut in sorted(cuts, key=lambda c: c.main.onset_before):
        home = next((chain for chain in reversed(chains) if _follows(cut, chain, local)), None)
        if home is None:
            chains.append([cut])
        else:
            home.append(cut)
    made: list[Series] = []
    for chain in chains:
        if len(chain) >= LEAST and all(_short(cut) for cut in chain):
            made.append(Series(tuple(chain), _pattern(chain, local)))
        else:
            made.extend(Series((cut,), None) for cut in chain)
    return sorted(made, key=lambda s: (s.cuts[0].main.onset_before, s.cuts[0].main.about.series))


def _short(cut: Cut) -> bool:
    return cut.length <= _LONG and not cut.main.drop.normal_again


def _follows(cut: Cut, chain: Sequence[Cut], local: Callable[[datetime], datetime]) -> bool:
    """Is it the next of this rhythm?"""
    last = chain[-1]
    if (
        not (_short(cut) and _short(last))
        or not timedelta(hours=12) <= cut.main.onset_before - last.main.onset_before <= _GAP
    ):
        return False
    # A late or early one must not draw the rhythm along: held against the middle of those before.
    times = sorted(_minutes(local(each.main.onset_before)) for each in chain[-7:])
    middle = times[len(times) // 2]
    apart = abs(_minutes(local(cut.main.onset_before)) - middle)
    return min(apart, 1440 - apart) <= _APART / timedelta(minutes=1) and cut.main.about.plane == last.main.about.plane


def _minutes(time: datetime) -> int:
    return time.hour * 60 + time.minute


def _pattern(chain: Sequence[Cut], local: Callable[[datetime], datetime]) -> str:
    hours = sorted((local(cut.main.onset_before).hour - 12) % 24 for cut in chain)
    hour = (hours[len(hours) // 2] + 12) % 24
    if hour >= 20 or hour < 3:
        return "nightly"
    return "mornings" if hour < 12 else "recurring"
