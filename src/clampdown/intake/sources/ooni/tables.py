"""Law: tables of OONI's data pipeline are read by column name; an unknown column is passed over, a missing one is null.

What the two kinds of table share: a record is the rows of one measurement, null has many spellings, numbers may be
written as fractions, and the envelope is what the first row that says it says. The publisher's own conclusions
(`probe_analysis` and its like) become `peer` and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from clampdown.intake.containers import MOST_ROWS, NULLS, Raw, digest, reject, table
from clampdown.intake.features import Kit, Memo
from clampdown.intake.rows import Rows
from clampdown.intake.sources.ooni.envelope import Envelope, Measurement, measurement_row, open_measurement
from clampdown.intake.sources.ooni.nettest import plain
from clampdown.model import Batch, Reject

_TRUE: Final = frozenset({"1", "1.0", "true", "t"})
_FALSE: Final = frozenset({"0", "0.0", "false", "f"})
_WHOLE: Final = re.compile(r"[+-]?\d{1,18}(?:[.]0*)?")
_ITEM: Final = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|([^\[\](){},\s'\"]+)")
_BATCH_RECORDS: Final = 2000
_BATCH_BYTES: Final = 64 << 20
_REMEMBERED: Final = 100_000
_LIMIT_ITEMS: Final = 100
# What odd cells that no guard foresaw may raise.
_BROKEN: Final = (ValueError, KeyError, IndexError, OverflowError)


class Line:
    """One row by column name."""

    __slots__ = ("_cells", "_places")

    def __init__(self, places: dict[str, int], cells: Sequence[str | None]) -> None:
        self._places, self._cells = places, cells

    def has(self, name: str) -> bool:
        """Whether the table has this column at all."""
        return name in self._places

    def text(self, name: str) -> str | None:
        """The cell; None where it is null or there is none."""
        at = self._places.get(name)
        found = None if at is None else self._cells[at]
        if found is None or found in NULLS:
            return None
        return found

    def whole(self, name: str) -> int | None:
        """A whole number, however it is written."""
        found = self.text(name)
        return int(float(found)) if found is not None and _WHOLE.fullmatch(found) else None

    def number(self, name: str) -> float:
        """A number; 0 where there is none."""
        found = self.text(name)
        try:
            value = float(found) if found is not None else 0.0
        except ValueError:
            return 0.0
        return value if 0.0 <= value <= 1e12 else 0.0

    def truth(self, name: str) -> bool | None:
        """A truth, however it is written; None where the cell does not say."""
        found = (self.text(name) or "").lower()
        return True if found in _TRUE else False if found in _FALSE else None

    def items(self, name: str) -> list[str]:
        """The items of a list written as Python or JSON writes it; a bare word is a list of one."""
        found = self.text(name)
        if found is None:
            return []
        items = [a or b or c for a, b, c in _ITEM.findall(found[:20_000])]
        return [item for item in items if item not in NULLS][:_LIMIT_ITEMS]


Observe = Callable[[Measurement, Rows, list[Line]], None]


def read_tables(records: Iterable[Raw | Reject], kit: Kit, name: str, observe: Observe) -> Iterator[Batch]:
    """Batches of about 2,000 measurements or 64 MB, whichever comes first."""
    rows, size = Rows(), 0
    seen: dict[str, str] = {}
    for record in records:
        if isinstance(record, Reject):
            rows.rejects.append(record)
            continue
        size += len(record.data)
        _read(record, rows, kit.memo, name, observe, seen)
        if len(rows.measurements) >= _BATCH_RECORDS or size >= _BATCH_BYTES:
            yield rows.finish(kit.memo.classify)
            rows, size = Rows(), 0
    if rows.measurements or rows.rejects:
        yield rows.finish(kit.memo.classify)


def _read(raw: Raw, rows: Rows, memo: Memo, name: str, observe: Observe, seen: dict[str, str]) -> None:
    found = table(raw)
    places = {column: at for at, column in enumerate(found.columns)}
    lines = [Line(places, cells) for cells in found.rows]
    if not lines:
        rows.rejects.append(reject(raw, "not_a_measurement", f"no row with a cell for each of {len(places)} columns"))
        return
    m = open_measurement(_envelope(lines), {}, memo)
    m.degraded.update(found.degraded)
    m.peer = _peer(m, lines)
    rows.begin()
    try:
        observe(m, rows, lines[:MOST_ROWS])
    except _BROKEN:
        # The record stays, its steps do not.
        rows.undo()
        m.degraded.add("rows")
    if rows.cut(MOST_ROWS) or len(lines) > MOST_ROWS:
        m.degraded.add("test_keys:rows")
    content = digest(raw.data)
    uid = str(m.env.measurement_uid)
    if len(seen) >= _REMEMBERED:
        seen.clear()
    if seen.setdefault(uid, content) != content:
        m.degraded.add("rows")  # parts of one measurement that stood too far apart, or two contents under its id
    rows.close(measurement_row(m, content, None, raw.file, raw.member, raw.line, name))


def _envelope(lines: Sequence[Line]) -> Envelope:
    """What the rows say of their measurement: of each column the first cell that is not null."""

    def first(*names: str) -> str | None:
        for name in names:
            for line in lines:
                if (found := line.text(name)) is not None:
                    return found
        return None

    def network(name: str) -> int | str | None:
        for line in lines:
            if (found := line.whole(name)) is not None:
                return found
        return first(name)

    return Envelope(
        measurement_uid=first("measurement_uid"),
        report_id=first("report_id"),
        input=first("input"),
        measurement_start_time=first("measurement_start_time"),
        test_name=first("test_name"),
        test_version=first("test_version"),
        software_name=first("software_name"),
        software_version=first("software_version"),
        probe_asn=network("probe_asn"),
        probe_cc=first("probe_cc"),
        probe_ip=first("probe_ip"),
        resolver_asn=network("resolver_asn"),
        resolver_ip=first("resolver_ip"),
        annotations={"platform": first("platform"), "network_type": first("network_type")},
    )


def _peer(m: Measurement, lines: Sequence[Line]) -> str | None:
    """The publisher's conclusion in words; never evidence."""
    for column in ("probe_analysis", "top_probe_analysis"):
        for line in lines:
            if word := plain(line.text(column)):
                return m.text(f"{column}={word}")
    return None
