"""Law: a rhythm is one of local time; when the clocks change, the evening moves with them and nothing was cut.

A clock turns UTC into the local time of one zone and back, by the changes of offset within the days it was made for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1)
Offset = Callable[[str, datetime], timedelta]


@dataclass(frozen=True, slots=True)
class Clock:
    """Offsets in seconds, each from an instant (seconds since 1970, UTC) on; the first holds for all time before."""

    since: tuple[int, ...]
    offsets: tuple[int, ...]

    def at(self, utc: int) -> int:
        """The offset at this instant, in seconds."""
        return self.offsets[max(0, bisect_right(self.since, utc) - 1)]

    def utc(self, local: datetime) -> datetime:
        """The instant at which these clocks show this; of two the later, of none the one an hour on."""
        seconds = round((local - _EPOCH).total_seconds())
        for number in range(len(self.offsets) - 1, -1, -1):
            instant = seconds - self.offsets[number]
            if instant >= self.since[number]:
                return _EPOCH + timedelta(seconds=instant)
        return _EPOCH + timedelta(seconds=seconds - self.offsets[0])


UTC: Final = Clock((0,), (0,))


def clock_of(zone: str | None, offset: Offset, first: datetime, last: datetime) -> Clock:
    """The clock of a zone for these days; that of UTC where there is none."""
    if zone is None:
        return UTC
    day = first - _DAY
    since, offsets = [_seconds(day)], [_shift(zone, offset, day)]
    while day <= last + _DAY:
        following = day + _DAY
        if _shift(zone, offset, following) != offsets[-1]:
            low, high = _seconds(day), _seconds(following)
            while high - low > 60:
                middle = (low + high) // 2
                if _shift(zone, offset, _EPOCH + timedelta(seconds=middle)) == offsets[-1]:
                    low = middle
                else:
                    high = middle
            since.append(high - high % 60)
            offsets.append(_shift(zone, offset, following))
        day = following
    return Clock(tuple(since), tuple(offsets))


def _seconds(time: datetime) -> int:
    return round((time - _EPOCH).total_seconds())


def _shift(zone: str, offset: Offset, time: datetime) -> int:
    return round(offset(zone, time).total_seconds())
