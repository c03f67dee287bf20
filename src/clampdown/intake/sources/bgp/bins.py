"""Law: a level is the state at the end of a bin of the collector's own clock, and there is none where it is not known.

No level: before a table, with too few full-feed peers, in a bin without a record, and after a hole in the stream until
a table comes again. While a table is being read the clock stands still, for half a table is no state.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from clampdown.intake.features import CountryTable
from clampdown.intake.sources.bgp.changes import Changes
from clampdown.intake.sources.bgp.events import FAMILIES, SECOND, Entry, Event, State, Still, Table, Update
from clampdown.intake.sources.bgp.limits import Limits
from clampdown.intake.sources.bgp.replay import Tables
from clampdown.intake.sources.bgp.visible import Visible

STEP: Final = 300  # seconds: IODA's bins, and the files of RIS


class Hole(NamedTuple):
    """A silence after which tables were not trusted, in microseconds."""

    begin: int
    end: int


class Bins:
    """Events in, levels and counted changes out."""

    def __init__(self, limits: Limits, countries: CountryTable | None) -> None:
        self.tables = Tables()
        self.visible = {f: Visible(f, self.tables.of[f], limits, countries) for f in FAMILIES}
        self.changes = Changes(countries)
        self.holes: list[Hole] = []
        self.late = 0  # changes that came after their bin was closed, and the one after it
        self.late_table = False
        self.withheld: dict[int, int] = dict.fromkeys(FAMILIES, 0)  # bins without a level for want of full-feed peers
        self.most: dict[int, int] = dict.fromkeys(FAMILIES, 0)  # full-feed peers at most
        self.cut = False  # the stream broke off within a table
        self._limits = limits
        self._open: int | None = None  # the bin that is open
        self._last = 0
        self._loading = self._skipping = False

    def take(self, event: Event) -> None:
        """One event, in the order of the stream."""
        if isinstance(event, Entry):
            if not self._skipping:
                self._loading = True
                self._last = max(self._last, event.time)
                self.tables.enter(event)
            return
        if not isinstance(event, Update | State | Table | Still) or not event.time:
            return
        if self._open is not None and event.time < (self._open - 1) * STEP * SECOND:
            self.late += 1
            if isinstance(event, Table):
                self._skipping = self.late_table = True
            return
        self._advance(event.time)
        self._loading = isinstance(event, Table)
        if isinstance(event, Update):
            self.tables.change(event)
            if not self.tables.tables:
                self.changes.take(event.time // (STEP * SECOND), event)
        elif isinstance(event, State):
            self.tables.turn(event)
        elif isinstance(event, Table):
            self._skipping = False
            self.tables.begin(event)

    def _advance(self, time: int) -> None:
        now = time // (STEP * SECOND)
        if self._open is None:
            self._open = now
        hole = bool(self._last) and time - self._last > self._limits.silence * SECOND
        if now > self._open:
            self._close(self._open)
            self._open = now
        if hole and self.tables.distrust():
            self.holes.append(Hole(self._last, time))
        self._last = max(self._last, time)

    def finish(self, broken: bool) -> None:
        """The stream is at its end; `broken`: it breaks off."""
        if broken and self._loading and self.tables.distrust():
            self.cut = True
        if self._open is not None:
            self._close(self._open)
        self.changes.close()

    def _close(self, bin_: int) -> None:
        for family, visible in self.visible.items():
            full = self.tables.full(family, self._limits.full(family))
            self.most[family] = max(self.most[family], len(full))
            if len(full) >= self._limits.peers:
                visible.level(bin_, full)
            elif self.tables.tables:
                self.withheld[family] += 1
