"""Law: users are read from the store, of one country and the weeks that an answer rests on; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess import usage as assess
from clampdown.assess.usage import Limits, Ways, load_limits
from clampdown.assess.ways import Access, Usage
from clampdown.model import CONNECTIVITY
from clampdown.reference.tools import Tools, ways_of
from clampdown.store.store import Filter, Store


def ways_counted(tools: Tools) -> Ways:
    """The ways whose users somebody counts, and by which signals."""
    return tuple((way.tool, way.id, way.usage) for way in ways_of(tools) if way.usage)


def usage_of(store: Store, country: str, at: str, ways: Ways, limits: Limits | None = None) -> tuple[Usage, ...]:
    """What is said of the users of each way in a country at the end of the day `at` (UTC)."""
    known = limits or load_limits()
    end = datetime.fromisoformat(at) + timedelta(days=1)
    wanted = Filter(since=end - timedelta(days=known.days), until=end, countries=frozenset({country}))
    series = assess.needed(store.series(wanted), ways, known)
    if not series.num_rows:
        return ()
    return assess.usage(series, _levels(store, series, wanted), at, ways, known)


def _levels(store: Store, series: pa.Table, wanted: Filter) -> pa.Table:
    chosen = series["series"].combine_chunks()

    def days() -> Iterator[pa.Table]:
        yield CONNECTIVITY["signals"].empty_table()
        for day in store.batches("signals", wanted):
            yield day.filter(pc.is_in(day["series"], chosen))

    return pa.concat_tables(days())


def beside(answer: Access, store: Store, at: str, tools: Tools, limits: Limits | None = None) -> Access:
    """The answer with the users of its ways, and with what they and the tests say differently."""
    known = limits or load_limits()
    users = usage_of(store, answer.question.country, at, ways_counted(tools), known)
    return msgspec.structs.replace(answer, usage=users, conflicts=assess.conflicts(answer.ways, users, known))
