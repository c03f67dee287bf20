"""Law: archives of routes are asked by the clock: tables and changes at their rhythm, of the collectors that are named.

Both large archives (RIS, RouteViews) are of this kind; they differ in names and rhythms, which their files say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from clampdown.errors import UsageError
from clampdown.fetch import asking
from clampdown.fetch.known import known
from clampdown.fetch.wanted import Asked, Wanted

_HOUR: Final = timedelta(hours=1)
_KINDS: Final = ("ribs", "updates", "both")


@dataclass(frozen=True, slots=True)
class Archive:
    """What tells one archive from another."""

    name: str
    title: str
    collector: str  # where none is named
    fits: Callable[[str], bool]  # may this be a collector's name?
    such: str  # what such names look like
    ribs: timedelta  # between two tables
    updates: timedelta  # between two files of changes
    spacing: int  # hours between the tables that are asked for, where nothing is said
    table: str  # the kind of file, as its name begins
    changes: str
    where: Callable[[str, str, datetime], tuple[str, str]]  # collector, kind, time -> key and name

    def plan(self, asked: Asked) -> Iterator[Wanted]:
        """Tables and changes of each collector. Changes rest on the table before them, so it is brought too."""
        hours, rhythm = asking.whole(asked, "spacing", self.spacing), self.ribs // _HOUR
        every = timedelta(hours=hours)
        if every % self.ribs:
            first = ", ".join(str(rhythm * n) for n in (1, 2, 3))
            hint = f"{self.title} writes tables every {rhythm} hours: say {first} …"
            raise UsageError(f"spacing cannot be {hours} hours", hint=hint)
        [what, *more] = asking.choices(asked, "what", _KINDS, ("ribs",))
        both = bool(more) or what == "both"
        until = min(asked.until, asked.now - known(self.name).delay)
        for collector in asked.options.get("collector") or (self.collector,):
            if not self.fits(collector):
                raise UsageError(f"{collector!r} is no collector of {self.title}", hint=self.such)
            if both or what == "ribs":
                start = asking.floor(asked.since, every) if both else asked.since
                for time in asking.ticks(start, until, every):
                    yield self._file(asked, collector, self.table, time)
            if both or what == "updates":
                for time in asking.ticks(asking.floor(asked.since, self.updates), until, self.updates):
                    yield self._file(asked, collector, self.changes, time)

    def _file(self, asked: Asked, collector: str, kind: str, time: datetime) -> Wanted:
        of = known(self.name)
        key, name = self.where(collector, kind, time)
        settled = time + of.settles <= asked.now
        return Wanted(self.name, key, asking.place(asked, of, key), name, settled=settled, absent_ok=True)

    def options(self) -> Mapping[str, str]:
        """The words of its own that a question may have."""
        return {
            "collector": f"names of collectors ({self.collector})",
            "what": f"which of {', '.join(_KINDS)} (ribs)",
            "spacing": f"hours between tables: a multiple of {self.ribs // _HOUR} ({self.spacing})",
        }
