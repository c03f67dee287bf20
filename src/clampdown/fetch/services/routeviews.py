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

from clampdown.fetch.client import Client
from clampdown.fetch.dumps import Archive
from clampdown.fetch.wanted import Asked, Service, Wanted

_FIRST: Final = "route-views2"
_COLLECTOR: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,60}")


def _where(collector: str, kind: str, time: datetime) -> tuple[str, str]:
    folder = "bgpdata" if collector == _FIRST else f"{collector}/bgpdata"
    name = f"{kind.rpartition('/')[2]}.{time:%Y%m%d.%H%M}.bz2"
    return f"{folder}/{time:%Y.%m}/{kind}.{time:%Y%m%d.%H%M}.bz2", f"{collector}.{name}"


ARCHIVE: Final = Archive(
    name="routeviews",
    title="RouteViews",
    collector=_FIRST,
    fits=lambda name: _COLLECTOR.fullmatch(name) is not None and ".." not in name,
    such="Such as route-views.linx.",
    ribs=timedelta(hours=2),
    updates=timedelta(minutes=15),
    spacing=8,  # each table is of the whole world
    table="RIBS/rib",
    changes="UPDATES/updates",
    where=_where,
)


def plan(asked: Asked, client: Client) -> Iterator[Wanted]:
    """Tables, changes or both; the client is not needed, since names follow from the clock."""
    return ARCHIVE.plan(asked)


SERVICE: Final = Service(ARCHIVE.name, plan, options=ARCHIVE.options())
