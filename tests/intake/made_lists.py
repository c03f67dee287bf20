"""Law: what tests of lists and signals read is made here: texts of the forms that publishers use, and what came out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from clampdown.intake.containers_bytes import DEFAULT, Fault, Meter, Place, Tap
from clampdown.intake.features import Kit
from clampdown.intake.levels import Opened
from clampdown.intake.sources import (
    SignalSource,
    access_now,
    context_csv,
    google_traffic,
    ioda_csv,
    ioda_json,
    outage_list,
    radar,
)
from clampdown.model import CONNECTIVITY, Reject

SOURCES = tuple(m.SOURCE for m in (ioda_json, ioda_csv, radar, google_traffic, access_now, outage_list, context_csv))
PAGE = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body></body></html>\n"
DAY = datetime(2026, 1, 8)
DASHBOARD = (
    "Time (UTC)", "Google (Search)", "Telescope (# Unique Source IPs)", "BGP (#Visible /24s)",
    "Active Probing (#/24s Up)", "Mozilla (City Count)",
)  # fmt: skip
Row = dict[str, Any]


class Taken(NamedTuple):
    """What a source made of a text."""

    signals: list[Row]
    series: list[Row]
    context: list[Row]
    rejects: list[Reject]

    def said(self) -> list[tuple[str, int | None]]:
        return [(reject.reason, reject.line) for reject in self.rejects]

    def levels(self, signal: str) -> dict[datetime, float | None]:
        names = {row["series"] for row in self.series if row["signal"] == signal}
        return {row["time"]: row["value"] for row in self.signals if row["series"] in names}

    def one(self, signal: str) -> Row:
        """The series of a signal, without its days."""
        [found] = {
            tuple((k, v) for k, v in row.items() if k not in ("day", "rows"))
            for row in self.series
            if row["signal"] == signal
        }
        return dict(found)


def take(source: SignalSource, data: bytes | str, name: str = "x.json", fault: Fault | None = None) -> Taken:
    text = data.encode() if isinstance(data, str) else data
    tap = Tap(io.BytesIO(text), Meter(DEFAULT))
    tap.fault = fault
    batches = list(source.read(Opened(source.name, tap, Place(name, None)), Kit()))
    tables: list[list[Row]] = []
    for table in ("signals", "series", "context"):
        parts = [getattr(batch.levels, table) for batch in batches]
        assert all(part.schema == CONNECTIVITY[table] for part in parts)
        tables.append(pa.concat_tables(parts).to_pylist())
    signals, series, context = tables
    assert sum(row["rows"] for row in series) == len(signals)
    return Taken(signals, series, context, [reject for batch in batches for reject in batch.rejects])


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def times(count: int, minutes: int = 30) -> list[datetime]:
    return [DAY + at * timedelta(minutes=minutes) for at in range(count)]


def serie(**more: Any) -> Row:
    """A series of IODA."""
    return {
        "entityType": "country", "entityCode": "IR", "entityName": "Iran (Islamic Republic Of)",
        "entityFqid": "geo.netacuity.AS.IR", "datasource": "bgp", "subtype": "", "from": 1767830400,
        "until": 1767831600, "step": 300, "nativeStep": 300, "values": [40000, None, 39000, 0],
    } | more  # fmt: skip


def answer(data: Any, kind: str = "signals", **more: Any) -> Row:
    """An answer of IODA."""
    asked = {"entityType": "country", "entityCode": "IR"}
    head = {"type": kind, "metadata": {"requestTime": "2026-01-09T00:00:00+00:00"}, "requestParameters": asked}
    return head | {"error": None, "perf": None, "data": data, "copyright": "(c)"} | more


def text(value: Any) -> str:
    return json.dumps(value)
