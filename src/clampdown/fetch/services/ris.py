"""Law: names in RIPE's archive of routes follow from the clock; a file that is not there is a gap, not an error.

https://www.ripe.net/analyse/internet-measurements/routing-information-service-ris/ris-data-access/mrt-files-store:

    https://data.ris.ripe.net/rrcXX/YYYY.MM/bview.YYYYMMDD.HHmm.gz       tables, every 8 hours
    https://data.ris.ripe.net/rrcXX/YYYY.MM/updates.YYYYMMDD.HHmm.gz     changes, every 5 minutes

Files are of the whole world. In the archive's first years tables and changes came at other moments (not documented):
names that do not exist are remembered as gaps.
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

NAME: Final = "ris"
COLLECTOR: Final = "rrc00"  # hears peers from all over
RIBS: Final = timedelta(hours=8)
UPDATES: Final = timedelta(minutes=5)
KINDS: Final = ("ribs", "updates", "both")
_COLLECTOR: Final = re.compile(r"rrc\d{2}")


def plan(asked: Asked, client: Client) -> Iterator[Wanted]:
    """Tables and changes of each collector. Changes rest on the table before them, so it is brought too."""
    hours = asking.whole(asked, "spacing", RIBS // timedelta(hours=1))
    every = timedelta(hours=hours)
    if every % RIBS:
        raise UsageError(f"spacing cannot be {hours} hours", hint="RIS writes tables every 8 hours: say 8, 16, 24 …")
    [what, *more] = asking.choices(asked, "what", KINDS, ("ribs",))
    both = bool(more) or what == "both"
    until = min(asked.until, asked.now - known(NAME).delay)
    for collector in asked.options.get("collector") or (COLLECTOR,):
        if not _COLLECTOR.fullmatch(collector):
            raise UsageError(f"{collector!r} is no collector of RIS", hint="Their names are rrc00, rrc01, …")
        if both or what == "ribs":
            first = asking.floor(asked.since, every) if both else asked.since
            for time in asking.ticks(first, until, every):
                yield _file(asked, collector, "bview", time)
        if both or what == "updates":
            for time in asking.ticks(asking.floor(asked.since, UPDATES), until, UPDATES):
                yield _file(asked, collector, "updates", time)


def _file(asked: Asked, collector: str, kind: str, time: datetime) -> Wanted:
    of, name = known(NAME), f"{kind}.{time:%Y%m%d.%H%M}.gz"
    key = f"{collector}/{time:%Y.%m}/{name}"
    settled = time + of.settles <= asked.now
    return Wanted(NAME, key, asking.place(asked, of, key), f"{collector}.{name}", settled=settled, absent_ok=True)


SERVICE: Final = Service(
    NAME,
    plan,
    options={
        "collector": f"names of collectors ({COLLECTOR})",
        "what": f"which of {', '.join(KINDS)} (ribs)",
        "spacing": "hours between tables: a multiple of 8 (8)",
    },
)
