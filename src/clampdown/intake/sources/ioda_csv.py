"""Law: the export of IODA's dashboard is read column by column, each at its own step; an empty cell is never a zero.

The export names nobody: whom it is about is taken from the file's name. Its columns are percents of their maximum in
the export, so that they compare with no other file's. A column of a coarser step stands between empty cells: those
are no missing values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from clampdown.intake.collected import Gathered, step_of
from clampdown.intake.documents import number
from clampdown.intake.features import Kit
from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.listed import Row, head_of, listing, words
from clampdown.intake.naming import Entity, entity_in
from clampdown.intake.sources import SignalSource
from clampdown.intake.stamps import BadStamp, iso
from clampdown.model import Batch
from clampdown.reference.signals import Told, signal_table

_TIME: Final = ("time utc",)
_DEFAULT_STEP: Final = 1800  # of a table with one row
_FULL: Final = 100.0
_NEAR: Final = 1e-6  # of the maximum: what printing and reading lose


def sniff(head: bytes) -> bool:
    found = head_of(head)
    return found is not None and _fits(found[1])


def _fits(columns: tuple[str, ...]) -> bool:
    return len(columns) > 1 and words(columns[0]) in _TIME


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    table = listing(reader, rows, _fits)
    if table is not None:
        cells = _Cells(table.columns[1:])
        for row in table.rows:
            cells.take(row, table.columns[0], rows)
        entity = entity_in(opened.place)
        if isinstance(entity, str):
            rows.reject(None, "no_entity", entity)
        elif cells.times:
            cells.give(entity, rows)
    yield from rows.finish(reader.digest())


class _Cells:
    """The cells of the table by column: a number, nothing, or a text that is no number."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self.times: list[datetime] = []
        self._lines: list[int] = []
        self._texts: dict[str, list[str]] = {name: [] for name in columns}

    def take(self, row: Row, clock: str, rows: LevelRows) -> None:
        try:
            time = iso(row.cells[clock]).time
        except BadStamp as problem:
            rows.reject(row.line, "bad_time", str(problem), row.data)
            return
        self.times.append(time)
        self._lines.append(row.line)
        for name in self.columns:
            self._texts[name].append(row.cells[name])

    def give(self, entity: Entity, rows: LevelRows) -> None:
        table = signal_table()
        base = step_of(self.times, _DEFAULT_STEP) or _DEFAULT_STEP
        numbers = {name: self._numbers(name, rows) for name in self.columns}
        tops = [max((value for _, _, value in said if value is not None), default=0.0) for said in numbers.values()]
        # In a normalised export some column reaches its maximum of 100; where none does, more than 100 is a count.
        scaled = any(abs(top - _FULL) <= _NEAR for top in tops) or max(tops, default=0.0) <= _FULL
        for name in self.columns:
            told = table.of_column(name)
            if told is None:
                rows.reject(None, "unknown_column", f"no signal is known by the name of the column {name[:80]!r}")
            else:
                _give(name, told, numbers[name], entity, base, rows, scaled=scaled)

    def _numbers(self, name: str, rows: LevelRows) -> list[tuple[datetime, int, float | None]]:
        said: list[tuple[datetime, int, float | None]] = []
        for time, line, text in zip(self.times, self._lines, self._texts[name], strict=True):
            value = number(text) if text else None
            if text and (value is None or value < 0):
                rows.reject(line, "bad_value", f"{name[:80]}: {text[:40]!r} is no number of zero or more")
                continue
            said.append((time, line, value))
        return said


def _give(
    name: str,
    told: Told,
    said: list[tuple[datetime, int, float | None]],
    entity: Entity,
    base: int,
    rows: LevelRows,
    *,
    scaled: bool,
) -> None:
    stands = [time for time, _, value in said if value is not None]
    if not stands:
        rows.reject(None, "no_data", f"the column {name[:80]!r} is empty: holds no data")
        return
    step = max(step_of(stands, base) or base, base)
    phases = Counter(_phase(time, step) for time in stands)
    phase = min(phases, key=lambda each: (-phases[each], each))
    gathered = Gathered()
    for time, line, value in said:
        if value is not None and scaled and value > _FULL + _NEAR:
            rows.reject(line, "bad_value", f"{name[:80]}: {value:g} is more than 100 % of the maximum: another unit")
        elif value is not None or _phase(time, step) == phase:
            gathered.add(time, value, line)
    signal = Signal(
        entity.entity, entity.kind, told.plane, told.signal, told.operator, "ioda", step, entity.country,
        entity.network, told.service, None, "normalised" if scaled else told.unit,
        scaled or told.unit == "normalised",
    )  # fmt: skip
    gathered.give(rows, signal, name[:80])


def _phase(time: datetime, step: int) -> int:
    return int((time - datetime(1970, 1, 1)).total_seconds()) % step


SOURCE: Final = SignalSource("ioda_csv", sniff, read)
