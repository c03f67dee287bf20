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

from clampdown.fetch.client import Client
from clampdown.fetch.dumps import Archive
from clampdown.fetch.wanted import Asked, Service, Wanted

_COLLECTOR: Final = re.compile(r"rrc\d{2}")


def _where(collector: str, kind: str, time: datetime) -> tuple[str, str]:
    name = f"{kind}.{time:%Y%m%d.%H%M}.gz"
    return f"{collector}/{time:%Y.%m}/{name}", f"{collector}.{name}"


ARCHIVE: Final = Archive(
    name="ris",
    title="RIS",
    collector="rrc00",  # hears peers from all over
    fits=lambda name: _COLLECTOR.fullmatch(name) is not None,
    such="Their names are rrc00, rrc01, …",
    ribs=timedelta(hours=8),
    updates=timedelta(minutes=5),
    spacing=8,
    table="bview",
    changes="updates",
    where=_where,
)


def plan(asked: Asked, client: Client) -> Iterator[Wanted]:
    """Tables, changes or both; the client is not needed, since names follow from the clock."""
    return ARCHIVE.plan(asked)


SERVICE: Final = Service(ARCHIVE.name, plan, options=ARCHIVE.options())
