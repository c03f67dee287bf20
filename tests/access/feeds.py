"""Law: worlds for the tests of the feed: ninety days of tries, one letter a day, on networks of one country."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
from way_tries import LIMITS, START, given, verdicts

from clampdown.assess import surge
from clampdown.assess.access import build
from clampdown.assess.document import Inputs, Source
from clampdown.assess.ways import Access, Question
from clampdown.model import VERDICTS, Terms
from clampdown.pipeline.ways_feed import types_of
from clampdown.publish import ways_feed_document as doc
from clampdown.publish import ways_map
from clampdown.reference.tools import tool_table, ways_of

Rows = list[dict[str, Any]]
DAYS = 90
FEED = surge.load_limits()
TYPES = types_of(tool_table())
TARGETS = {way.tor_type: frozenset(way.deciding) for way in ways_of(tool_table()) if way.tor_type}
SNOW, OBFS = "tor/snowflake", "tor/obfs4"
OONI = Terms("ooni", "CC-BY-NC-SA-4.0", "non-commercial", "OONI", "https://ooni.example")


def day(number: int) -> str:
    """The day of a world, counted from 0."""
    return (START + timedelta(days=number)).date().isoformat()


def people(target: str, text: str, many: int = 3, network: int = 64500, who: str = "v", **more: Any) -> Rows:
    """As many sessions as named, each on every day that has a letter; a session is of its day alone."""
    made = verdicts(target, *(text for _ in range(many)), network=network, who=who, **more)
    for one in made:
        one |= {"vantage": f"{one['vantage']}-{one['day']}", "vantage_kind": "session"}
        one["software"] = f"probe/{one['measurement'].split('-')[2]}"
    return made


def usual(target: str = SNOW, letter: str = "o", days: int = DAYS, many: int = 3) -> Rows:
    """Two networks, on which as many people try every day."""
    return [row for network in (64500, 64501) for row in people(target, letter * days, many, network, f"v{network}")]


def forged(target: str, letter: str, first: int, last: int, many: int, network: int = 64500, **more: Any) -> Rows:
    """Sessions that somebody adds, from one day to another, both included."""
    return people(target, "." * first + letter * (last - first + 1), many, network, who="f", **more)


def inputs(*terms: Terms, measurements: int = 100) -> Inputs:
    sources = tuple(Source(files=1, measurements=measurements, terms=each) for each in terms)
    return Inputs(version="0.1.0", rules="ab12", reference="cd34", sources=sources)


def answer(rows: Rows, at: int = DAYS - 1, **other: Any) -> Access:
    """What is said as of the end of a day; days before the window say nothing."""
    plain: dict[str, Any] = {"inputs": inputs(OONI), "terms": OONI}
    rows = [row for row in rows if day(at - 27) <= row["day"] <= day(at)]
    return build(
        Question(country="XA", network=None, at=None), day(at), tool_table(), given(rows, **(plain | other)), LIMITS
    )


def seen(rows: Rows, at: int = DAYS - 1, first: int = 0) -> surge.Watch:
    own = [row for row in rows if day(at - FEED.reads(28)) < row["day"] <= day(at)]
    return surge.watch(pa.Table.from_pylist(own, schema=VERDICTS), TARGETS, day(first), FEED)


def entry(rows: Rows, at: int = DAYS - 1, last: doc.Entry | None = None, first: int = 0) -> doc.Entry:
    """The country's entry of the map, made from all rows until the end of a day."""
    then = answer(rows, at - FEED.settled_days)
    return ways_map.entry(answer(rows, at), then, TYPES, frozenset(), seen(rows, at, first), last, FEED)


def advised(made: doc.Entry) -> list[str]:
    return [one.bridges.type for one in made.settings]
