"""Law: records in = measurements + copies + rejects, in any mix, any split and any container (laws 1, 2 and 3).

Every reject keeps its place and digest; the same records in other files, in another order, settle to the same tables.
"""

from __future__ import annotations

import gzip
import hashlib
import sys
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.judge.rules import load_rules
from clampdown.pipeline import Summary, ingest, open_storage
from clampdown.reference import load_reference
from clampdown.store.storage import MemoryStorage
from clampdown.store.store import Store

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hostile"))
import given as hostile

RULES, REFERENCE = load_rules(), load_reference()
GOOD = hostile.LINES
BAD = (
    b'{"broken',
    b"not json at all",
    b'{"other": 1}',
    b"[1]",
    b'{"test_name":"x","a":' + b"[" * 300 + b"]" * 300 + b"}",
)
LINES = st.lists(st.sampled_from([*GOOD, *BAD]), min_size=1, max_size=12)


def store_of(files: list[list[bytes]], pack: bool) -> tuple[Store, Summary]:
    """A store of these files; the first line is whole, so that every line is one."""
    store = open_storage(MemoryStorage(), "memory", create=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, lines in enumerate(files):
            data = hostile.lines(*lines)
            Path(folder, f"{number}.jsonl").write_bytes(gzip.compress(data) if pack else data)
        return store, ingest(folder, store, workers=1, rules=RULES, reference=REFERENCE)


@settings(max_examples=12, deadline=None)
@given(lines=LINES, cut=st.integers(0, 12), order=st.randoms(use_true_random=False), pack=st.booleans())
def test_records_add_up_and_any_split_gives_the_same_tables(
    lines: list[bytes], cut: int, order: object, pack: bool
) -> None:
    store, got = store_of([[GOOD[0], *lines]], pack)
    every = [GOOD[0], *lines]
    bad = [line for line in every if line in BAD]
    assert got.records == len(every)
    assert got.measurements == len({line for line in every if line in GOOD})
    assert got.rejected == len(bad)
    assert got.records == got.measurements + got.copies + got.rejected
    rejects = store.table("rejects").to_pylist()
    places = [(row["line"], row["digest"]) for row in rejects]
    assert sorted(places) == sorted(
        (number, hashlib.sha256(line).hexdigest()) for number, line in enumerate(every, 1) if line in BAD
    )
    assert all(row["reason"] for row in rejects)
    mixed = list(lines)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    other, again = store_of([[GOOD[0], *mixed[:cut]], [GOOD[0], *mixed[cut:]]], not pack)
    assert (again.records, again.measurements) == (len(every) + 1, got.measurements)
    assert again.records == again.measurements + again.copies + again.rejected
    for table in ("measurements", "observations", "verdicts", "fired", "cells"):
        one, two = (held.table(table) for held in (store, other))
        if "locator" in one.column_names:  # where a copy lay is all that may differ
            one, two = one.drop_columns(["locator"]), two.drop_columns(["locator"])
        assert one.equals(two), table
