"""Law: what a source of signals gives for a text is read here as plain rows, so that tests compare values."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa

from clampdown.intake.containers_bytes import Fault, Place
from clampdown.intake.features import Kit
from clampdown.intake.levels import Opened
from clampdown.intake.sources import SignalSource
from clampdown.model import CONNECTIVITY, Reject

FILE = "given.csv"


class Blocks:
    """A reader that gives its text in blocks of some size, and at its end a fault."""

    def __init__(self, data: bytes, size: int = 1 << 20, fault: Fault | None = None) -> None:
        self._data, self._size, self._at, self._fault = data, size, 0, fault

    @property
    def fault(self) -> Fault | None:
        return self._fault if self._at >= len(self._data) else None

    def read(self, size: int) -> bytes:
        block = self._data[self._at : self._at + min(size, self._size)]
        self._at += len(block)
        return block


class Told(NamedTuple):
    """All that came of one text."""

    signals: list[dict[str, Any]]
    series: list[dict[str, Any]]
    rejects: list[Reject]

    def levels(self) -> dict[tuple[str, str], dict[datetime, float | None]]:
        """(entity, signal) -> time -> value."""
        names = {row["series"]: (row["entity"], row["signal"]) for row in self.series}
        found: dict[tuple[str, str], dict[datetime, float | None]] = {}
        for row in self.signals:
            times = found.setdefault(names[row["series"]], {})
            assert row["time"] not in times, "a time with two values"
            times[row["time"]] = row["value"]
        return found

    def why(self) -> dict[int | None, str]:
        """Line -> reason."""
        return {each.line: each.reason for each in self.rejects}

    def said(self, line: int | None) -> str:
        """What the reject of a line says."""
        [detail] = [each.detail for each in self.rejects if each.line == line]
        assert detail is not None
        return detail


def told(
    source: SignalSource, data: bytes | str, *, size: int = 1 << 20, fault: Fault | None = None, of: str | None = None
) -> Told:
    """Read a text with one source; its tables must be of the model, its reader read to the end."""
    given = data.encode() if isinstance(data, str) else data
    reader = Blocks(given, size, fault)
    batches = list(source.read(Opened(source.name, reader, Place(FILE, None), of), Kit()))
    assert not reader.read(1), "the text was not read to its end"
    levels = [batch.levels for batch in batches if batch.levels is not None]
    for each in levels:
        for name, schema in CONNECTIVITY.items():
            assert getattr(each, name).schema == schema
    signals = pa.concat_tables([each.signals for each in levels]).to_pylist()
    series = pa.concat_tables([each.series for each in levels]).to_pylist()
    counted: dict[tuple[str, str], int] = {}
    for row in signals:
        counted[row["series"], row["day"]] = counted.get((row["series"], row["day"]), 0) + 1
    assert {(row["series"], row["day"]): row["rows"] for row in series} == counted
    return Told(signals, series, [reject for batch in batches for reject in batch.rejects])
