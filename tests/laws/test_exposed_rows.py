"""Law: no one is exposed (law 9), at intake: nothing planted in any string of any nettest's record reaches a row."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import plants
import records

from clampdown.intake.features import Kit
from clampdown.intake.sources.ooni import read
from clampdown.model import Batch

BASES = dict(plants.bases())
KIT = Kit()
# Local columns: they say who, and never leave the store.
LOCAL = {"vantage", "report", "repeat"}


def texts(batch: Batch) -> Iterable[str]:
    for table in (batch.measurements, batch.observations, batch.matches):
        for name in table.column_names:
            yield from (v for v in set(table[name].to_pylist()) if isinstance(v, str))
    yield from (str(reject) for reject in batch.rejects)


def found(made: Iterable[dict[str, Any]], pieces: Iterable[str]) -> list[str]:
    """Texts in which a piece stands, of all rows of these records."""
    raws = [records.raw(record, line=number) for number, record in enumerate(made, 1)]
    low = [piece.lower() for piece in pieces]
    count, leaks = 0, []
    for batch in read(raws, KIT):
        count += batch.measurements.num_rows + len(batch.rejects)
        leaks += [text for text in texts(batch) if any(piece in text.lower() for piece in low)]
    assert count == len(raws), "a record was lost"
    return leaks


@pytest.mark.parametrize("test", BASES)
def test_no_datum_in_any_string_or_key_reaches_a_row(test: str) -> None:
    name = test.split()[0]
    for kind, datum in plants.KINDS.items():
        if datum.tests is None or name in datum.tests:
            leaks = found(plants.planted(BASES[test], datum), datum.pieces)
            assert not leaks, (kind, sorted(set(leaks))[:5])


@pytest.mark.parametrize("test", BASES)
def test_nor_from_a_record_full_of_it(test: str) -> None:
    name = test.split()[0]
    for kind, datum in plants.KINDS.items():
        if datum.tests is None or name in datum.tests:
            leaks = found((plants.full(BASES[test], datum, text) for text in datum.texts), datum.pieces)
            assert not leaks, (kind, sorted(set(leaks))[:5])
