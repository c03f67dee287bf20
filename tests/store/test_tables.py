"""Law: the same rows give the same parts, however they are batched, and streams give back what was written."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.errors import StoreError
from clampdown.model import TABLES
from clampdown.store import tables
from clampdown.store.storage import MemoryStorage

SCHEMA = TABLES["coverage"]


def rows(count: int) -> pa.Table:
    """Coverage of so many hours; nothing but the number tells them apart."""
    values: dict[str, Any] = {"day": "2024-03-01", "hour": 1, "country": "XA", "network": 64496, "test": "t", "n": 0}
    return pa.Table.from_pylist([values | {"n": n} for n in range(count)], schema=SCHEMA)


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_GROUP", 8)
    monkeypatch.setattr(tables, "_PART", 24)


@pytest.mark.usefixtures("small_groups")
def test_any_batching_gives_the_same_parts() -> None:
    @given(count=st.integers(0, 80), cuts=st.lists(st.integers(0, 80), max_size=6))
    @settings(max_examples=40, deadline=None)
    def law(count: int, cuts: list[int]) -> None:
        table = rows(count)
        want = tables.write_settled(MemoryStorage(), "coverage", "2024-03-01", table)
        assert [part.rows for part in want] == [24] * (count // 24) + ([count % 24] if count % 24 else [])
        bounds = [0, *sorted(min(cut, count) for cut in cuts), count]
        batches = [b for lo, hi in pairwise(bounds) for b in table.slice(lo, hi - lo).to_batches()]
        storage = MemoryStorage()
        assert tables.write_batches(storage, "coverage", "2024-03-01", batches) == want
        stream = tables.stream(storage, "coverage", want)
        assert pa.Table.from_batches(stream.read(None), SCHEMA).equals(table)
        some = pa.Table.from_batches(
            stream.select(["n", "day"]).read(None), pa.schema([SCHEMA.field("n"), SCHEMA.field("day")])
        )
        assert some.equals(table.select(["n", "day"]))

    law()


def test_rows_with_other_columns_are_refused() -> None:
    batches = rows(3).select(["day", "n"]).to_batches()
    with pytest.raises(StoreError, match="other columns"):
        tables.write_batches(MemoryStorage(), "coverage", "2024-03-01", batches)
