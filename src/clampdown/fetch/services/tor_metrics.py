"""Law: Tor Metrics is asked for whole days that it can have; what it may still revise is asked for again.

Tables of estimated users (https://metrics.torproject.org/stats.html; source: the project's metrics-web):

    /userstats-relay-country.csv?start&end&country[&events=off]     date,country,users,lower,upper,frac
    /userstats-bridge-country.csv?start&end&country                 date,country,users,frac
    /userstats-bridge-combined.csv?start&end&country                date,country,transport,low,high,frac

`start` and `end` are days, both included; `country` is a two-letter code in lower case. Some lines of remarks (`#`)
stand before the columns. Estimates come about two days late. Where nothing fits, a sentence comes in place of a table,
with status 200 (as others who read it saw). No limit of a question is documented; nor is, how long days are revised.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from clampdown.errors import InputError
from clampdown.fetch import asking
from clampdown.fetch.client import Client
from clampdown.fetch.known import known
from clampdown.fetch.wanted import Asked, Nothing, Service, Wanted

NAME: Final = "tor-metrics"
TABLES: Final = {
    "relay": "userstats-relay-country",
    "bridge": "userstats-bridge-country",
    "transports": "userstats-bridge-combined",
}
_FIRST: Final = b"date"  # of the columns
_NONE: Final = b"no data available"  # what it says in place of a table


def plan(asked: Asked, client: Client) -> Iterator[Wanted]:
    """Each table in windows of whole days."""
    asking.wants(asked, networks=False)
    of = known(NAME)
    base, length = asking.address(asked, of), of.window or asking.DAY
    code = (asked.country or "").lower()
    for what in asking.choices(asked, "what", tuple(TABLES), tuple(TABLES)):
        path = f"{TABLES[what]}.csv"
        for window in asking.windows(asked, of, length, asking.DAY):
            start, last = f"{window.start:%Y-%m-%d}", f"{window.end - asking.DAY:%Y-%m-%d}"
            url = asking.question(path, ("start", start), ("end", last), ("country", code))
            key = asking.question(
                path, ("start", start), ("end", asking.OPEN if window.open else last), ("country", code)
            )
            name = f"{TABLES[what]}_{asked.country}_{start}_{asking.OPEN if window.open else last}.csv"
            settled = window.settled(asked.now, of.settles)
            yield Wanted(NAME, key, f"{base}/{url}", name, settled=settled, check=check, absent_ok=True)


def check(path: Path) -> None:
    """Refuse what has no columns: a sentence, a page."""
    lines = (line.strip() for line in asking.read(path).splitlines())
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    columns = [name.strip().strip(b'"') for name in first.split(b",")]
    if _NONE in first.lower():
        raise Nothing("Tor Metrics has no data of this country in this period")
    if len(columns) < 4 or columns[0] != _FIRST:
        told = asking.said(first.decode("utf-8", "replace"))
        hint = "It may have nothing of this country in this period."
        raise InputError(f"Tor Metrics answered without a table: {told}", hint=hint)


SERVICE: Final = Service(
    NAME,
    plan,
    needs=frozenset({"country"}),
    grain=asking.DAY,
    options={"what": f"which of {', '.join(TABLES)} (all)"},
)
