"""Law: a report reads the levels of the series that it draws and of no others, a day at a time, and never writes."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess import signals
from clampdown.assess.connectivity import Connectivity
from clampdown.assess.signals import NOT_DETECTED, STALE
from clampdown.model import CONNECTIVITY
from clampdown.reference import Reference
from clampdown.store.store import Filter, Store


def levels_at_hand(store: Store) -> bool:
    """Does any day of the store hold signals?"""
    return any(entry.tables.get("series") for entry in store.manifest().days.values())


def signals_of(
    store: Store, asked: signals.Asked, used: Reference, stated: Connectivity | None = None
) -> signals.Signals | None:
    """The signals of one country as a report needs them; None where the store has none of it. `stated`: those of a
    report that is counted again, in its own period."""
    if stated is not None:
        first, last = (each.replace(tzinfo=None) for each in (stated.first, stated.last))
        asked = asked._replace(since=first, until=last)
    series = store.table("series", Filter(asked.since, asked.until, frozenset({asked.country})))
    if not series.num_rows:
        return None
    detection = store.manifest().detected
    reason = NOT_DETECTED if detection is None else STALE if store.stale_detection() else None
    rows, parts, context, _ = signals.nothing("")
    if reason is None:
        rows = store.detected("outages", Filter(countries=frozenset({asked.country})))
        parts, context = parts_of(store.detected("outage_parts"), rows), named(store, rows)
    empty = CONNECTIVITY["signals"].empty_table()
    given = signals.Signals(series, empty, rows, parts, context, used.terms, reason)
    basis = signals.again(stated, given)[0] if stated is not None else given
    if basis is not None:
        chosen = pa.array(signals.choose(basis.series, basis.parts, asked), pa.string())
        days = store.batches("signals", Filter(asked.since, asked.until, frozenset({asked.country})))
        given = given._replace(levels=_joined(day.filter(pc.is_in(day["series"], chosen)) for day in days))
    return given


def _joined(tables: Iterable[pa.Table]) -> pa.Table:
    return pa.concat_tables([CONNECTIVITY["signals"].empty_table(), *tables])


def parts_of(parts: pa.Table, rows: pa.Table) -> pa.Table:
    return parts.filter(pc.is_in(parts["outage"], rows["outage"].combine_chunks()))


def named(store: Store, rows: pa.Table) -> pa.Table:
    """The published records that these rows name."""
    wanted = sorted({record for text in rows["published"].to_pylist() for record in (text or "").split()})
    if not wanted:
        return CONNECTIVITY["context"].empty_table()
    context = store.table("context")
    return context.filter(pc.is_in(context["record"], pa.array(wanted, pa.string())))
