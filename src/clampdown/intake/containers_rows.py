"""Law: rows of one measurement are one record, found within a bounded window; a row without an id is a reject.

Tables (CSV, SQL text) say one thing per row and name the measurement in each. A record is the table's head as found,
then the distinct rows of one `measurement_uid` as found, sorted by their bytes, each behind a line feed: alone it says
all that its rows say. Its digest is that of these bytes. A table's rows have no order of their own, and a row that
stands there twice says nothing twice: the same rows in another order, or doubled, are the same record.
Rows of several measurements may alternate: a measurement is held open until `WINDOW_ROWS` other rows went by, or until
all that are open take more than `HELD` bytes; then the one that waited longest is closed. Rows that come later still
are another content under the same id, and counted as a conflict. The same rows once more are a copy.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from clampdown.intake.containers_bytes import Limits, Long, Place, Raw, digest, too_long
from clampdown.model import Reject

KEY: Final = "measurement_uid"
# How tables write that there is nothing. `NA` is not among them: it is Namibia.
NULLS: Final = frozenset({"", "\\N", "None", "none", "nan", "NaN", "NULL", "null", "<NA>"})
MOST_ROWS: Final = 10_000  # of one record; real ones hold less than a hundred
ROW: Final = 1 << 20  # bytes of one row; real ones hold less than ten thousand
OBSERVATIONS: Final = "observations"
SCORES: Final = "scores"
# A table that has one of these columns beside the key says what we read; one of scores says what its maker concluded.
_FACTS: Final = frozenset({
    "dns_failure", "dns_answer", "dns_answers", "tcp_failure", "tcp_success", "tls_failure", "tls_success",
    "http_failure", "http_request_url",
})  # fmt: skip
_SCORED: Final = frozenset({"dns_ok", "tcp_ok", "tls_ok"})
WINDOW_ROWS: Final = 2000
HELD: Final = 32 << 20
_ROW_COST: Final = 64  # what a row costs beside its bytes
_COLUMN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_. ]{0,63}")
_MOST_COLUMNS: Final = 500


class Table(NamedTuple):
    """A record's rows, cells as text; None where the table itself says null."""

    columns: tuple[str, ...]
    rows: list[Sequence[str | None]]
    degraded: tuple[str, ...]


def columns_of(names: Sequence[str]) -> tuple[str, ...] | None:
    """The names of a head's columns; None where these are no names, or not each its own."""
    plain = tuple(name.strip().lower() for name in names)
    if not 3 <= len(plain) <= _MOST_COLUMNS or len(set(plain)) != len(plain):
        return None
    return plain if all(_COLUMN.fullmatch(name) for name in plain) else None


def kind_of(columns: Sequence[str]) -> str | None:
    """What the rows of a table with these columns speak of; None where nothing here can read them."""
    if KEY not in columns:
        return None
    if not _SCORED.isdisjoint(columns):
        return SCORES
    return None if _FACTS.isdisjoint(columns) else OBSERVATIONS


def missing(columns: Sequence[str]) -> str:
    """Why a table cannot be read."""
    if KEY not in columns:
        return f"a table without {KEY}"
    return "a table without observations (dns_failure, tcp_failure, tls_failure, http_failure) or scores (dns_ok, ...)"


@dataclass(slots=True, eq=False)
class _Open:
    """The rows of one measurement so far; beyond the record limit their length and digest."""

    line: int
    last: int  # number of the table's row that came last
    rows: dict[bytes, None] = field(default_factory=dict[bytes, None])
    size: int = 0
    cost: int = 0
    rest: hashlib._Hash | None = None  # pyright: ignore[reportPrivateUsage]


class Groups:
    """Measurements that wait for further rows."""

    def __init__(self, place: Place, form: str, limits: Limits) -> None:
        self._place, self._form, self._limits = place, form, limits
        self._open: OrderedDict[str, _Open] = OrderedDict()  # the one whose last row is oldest comes first
        self._held = self._row = 0
        self._head = b""

    def head(self, head: bytes) -> Iterator[Raw | Reject]:
        """Another head begins: what is open belongs to the one before."""
        yield from self.close()
        self._head = head

    def add(self, uid: str | None, row: bytes, line: int) -> Iterator[Raw | Reject]:
        """One row; what it brings to an end."""
        uid = (uid or "").strip()
        if uid in NULLS:
            detail = f"a row without {KEY}"
            yield Reject(*self._place, line, digest(row), len(row), "not_a_measurement", detail)
            return
        self._row += 1
        found = self._open.get(uid)
        if found is None:
            found = self._open[uid] = _Open(line, self._row)
            found.size = len(self._head)
        found.last = self._row
        self._open.move_to_end(uid)
        self._put(found, row)
        while self._open:
            first = next(iter(self._open.values()))
            if first.last > self._row - WINDOW_ROWS and self._held <= HELD:
                return
            yield self._close(self._open.popitem(last=False)[1])

    def close(self) -> Iterator[Raw | Reject]:
        """No more rows: everything that is open ends."""
        while self._open:
            yield self._close(self._open.popitem(last=False)[1])

    def _put(self, found: _Open, row: bytes) -> None:
        if row in found.rows:
            return
        found.size += len(row) + 1
        if found.rest is None and found.size > self._limits.record:
            found.rest = hashlib.sha256(b"\n".join((self._head, *found.rows)))
            self._held -= found.cost
            found.rows, found.cost = {}, 0
        if found.rest is not None:
            found.rest.update(b"\n" + row)
            return
        found.rows[row] = None
        found.cost += len(row) + _ROW_COST
        self._held += len(row) + _ROW_COST

    def _close(self, found: _Open) -> Raw | Reject:
        if found.rest is not None:
            long = Long(found.size, found.rest.hexdigest())
            return too_long(self._place, found.line, long, self._limits.record)
        self._held -= found.cost
        return Raw(b"\n".join((self._head, *sorted(found.rows))), *self._place, found.line, self._form)
