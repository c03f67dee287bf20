"""Law: names in RouteViews' archive follow from the clock; a file that is not there is a gap, not an error.

https://www.routeviews.org/routeviews/index.php/archive/, and as https://github.com/bgpkit/bgpkit-broker reads it:

    https://archive.routeviews.org/<collector>/bgpdata/YYYY.MM/RIBS/rib.YYYYMMDD.HHmm.bz2             every 2 hours
    https://archive.routeviews.org/<collector>/bgpdata/YYYY.MM/UPDATES/updates.YYYYMMDD.HHmm.bz2      every 15 minutes

The collector route-views2 has no folder: its files lie in /bgpdata. Files are of the whole world. Names that do not
exist are remembered as gaps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from clampdown.errors import UsageError
from clampdown.fetch import asking
from clampdown.fetch.client import Client
from clampdown.fetch.known import known
from clampdown.fetch.wanted import Asked, Service, Wanted

NAME: Final = "routeviews"
COLLECTOR: Final = "route-views2"
RIBS: Final = timedelta(hours=2)
UPDATES: Final = timedelta(minutes=15)
SPACING: Final = 8  # hours: each table is of the whole world
KINDS: Final = ("ribs", "updates", "both")
_COLLECTOR: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,60}")


def plan(asked: Asked, client: Client) -> Iterator[Wanted]:
    """Tables and changes of each collector. Changes rest on the table before them, so it is brought too."""
    hours = asking.whole(asked, "spacing", SPACING)
    every = timedelta(hours=hours)
    if every % RIBS:
        raise UsageError(f"spacing cannot be {hours} hours", hint="RouteViews writes tables every 2 hours: 2, 4, 6 …")
    [what, *more] = asking.choices(asked, "what", KINDS, ("ribs",))
    both = bool(more) or what == "both"
    until = min(asked.until, asked.now - known(NAME).delay)
    for collector in asked.options.get("collector") or (COLLECTOR,):
        if not _COLLECTOR.fullmatch(collector) or ".." in collector:
            raise UsageError(f"{collector!r} is no collector of RouteViews", hint="Such as route-views.linx.")
        if both or what == "ribs":
            first = asking.floor(asked.since, every) if both else asked.since
            for time in asking.ticks(first, until, every):
                yield _file(asked, collector, "RIBS/rib", time)
        if both or what == "updates":
            for time in asking.ticks(asking.floor(asked.since, UPDATES), until, UPDATES):
                yield _file(asked, collector, "UPDATES/updates", time)


def _file(asked: Asked, collector: str, kind: str, time: datetime) -> Wanted:
    of = known(NAME)
    folder = "bgpdata" if collector == COLLECTOR else f"{collector}/bgpdata"
    key = f"{folder}/{time:%Y.%m}/{kind}.{time:%Y%m%d.%H%M}.bz2"
    name = f"{collector}.{kind.rpartition('/')[2]}.{time:%Y%m%d.%H%M}.bz2"
    settled = time + of.settles <= asked.now
    return Wanted(NAME, key, asking.place(asked, of, key), name, settled=settled, absent_ok=True)


SERVICE: Final = Service(
    NAME,
    plan,
    options={
        "collector": f"names of collectors ({COLLECTOR})",
        "what": f"which of {', '.join(KINDS)} (ribs)",
        "spacing": f"hours between tables: a multiple of 2 ({SPACING})",
    },
)
