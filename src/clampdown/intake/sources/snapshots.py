"""Law: a log of checks that says not of which place it is gives no levels, and is told so in plain words.

`ts,check,status,value,message`: what a monitor saw each time it ran. It names no country; its stamps have no step; and
what it calls users of Tor are shares (`frac`). The whole file is one reject that says what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clampdown.intake.features import Kit
from clampdown.intake.levels import Digested, LevelRows, Opened
from clampdown.intake.sources import SignalSource
from clampdown.intake.tabular import Bad, Table, close, head_of
from clampdown.model import Batch

_NEEDED: Final = frozenset({"check", "status", "value"})
_STAMPS: Final = frozenset({"ts", "time", "timestamp"})
_WHY: Final = (
    "a log of checks by a monitor: {place}its stamps have no step, and each check has a unit of its own "
    "(its tor-*-users are shares in percent, not users). To read one check, write it as a plain table: "
    "time,entity,signal,value,unit,step"
)


def sniff(head: bytes) -> bool:
    """A head with a stamp, a check, a status and a value."""
    found = head_of(head)
    return found is not None and set(found.columns) >= _NEEDED and not _STAMPS.isdisjoint(found.columns)


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    """One reject for the whole file."""
    del kit  # nothing of the reference data is needed
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    table = Table(reader)
    for _ in table.rows():
        pass
    if table.head is not None and table.problem is None:
        named = not {"entity", "country"}.isdisjoint(table.head.columns)
        place = "" if named else "it says not of which country or network it is, "
        table.problem = Bad("unknown_format", _WHY.format(place=place))
    close(table, rows, opened.place)
    yield from rows.finish(reader.digest())


SOURCE: Final = SignalSource("snapshots", sniff, read)
