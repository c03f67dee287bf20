"""Law: settling in any order, any split and any number of times gives the same tables and the same sums."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clampdown.engine import Engine
from clampdown.model import TABLES
from clampdown.store.settle import BROUGHT, SETTLED, Settled, settle

sys.path.insert(0, str(Path(__file__).parent))
from tiny import batch, measurement

DAY: dict[str, Any] = {"day": "2024-03-01"}


def group(rows: list[dict[str, Any]], brought: str) -> dict[str, pa.Table]:
    made = batch(rows)
    m = made.measurements.append_column(BROUGHT, pa.array([brought] * len(rows), pa.string()))
    return {"measurements": m, "observations": made.observations, "matches": made.matches}


def united(*groups: dict[str, pa.Table], stock: dict[str, pa.Table] | None = None, references: str = "r1") -> Settled:
    return settle(Engine(), groups, stock or {}, references=references)


def test_smaller_digest_stays_and_the_other_is_named() -> None:
    a, b = measurement(1, **DAY), measurement(1, content="other", file="b.jsonl", **DAY)
    small, large = sorted((a, b), key=lambda row: row["digest"])
    out = united(group([large], "i1"), group([small], "i2"))
    assert out.tables["measurements"]["digest"].to_pylist() == [small["digest"]]
    assert set(out.tables["observations"]["digest"].to_pylist()) == {small["digest"]}
    assert out.tables["observations"].num_rows == 3
    named = [(r["digest"], r["used"]) for r in out.tables["conflicts"].to_pylist()]
    assert named == [(small["digest"], True), (large["digest"], False)]
    assert {k: (g.measurements, g.conflicts) for k, g in out.gains.items()} == {"i1": (1, 0), "i2": (0, 1)}
    late = united(group([large], "i3"), stock=out.tables)
    assert not late.gains  # the same conflict is not found twice
    assert late.tables["conflicts"].equals(out.tables["conflicts"])


def test_a_third_content_does_not_forget_the_second() -> None:
    rows = sorted((measurement(1, content=c, **DAY) for c in "abc"), key=lambda row: row["digest"])
    stock: dict[str, pa.Table] = {}
    for row in reversed(rows):
        stock = united(group([row], "i"), stock=stock).tables
    assert [r["used"] for r in stock["conflicts"].to_pylist()] == [True, False, False]
    assert stock["measurements"]["digest"].to_pylist() == [rows[0]["digest"]]


def test_the_same_in_other_bytes_is_a_copy() -> None:
    rows = sorted((measurement(1, written=w, **DAY) for w in "abc"), key=lambda row: row["digest"])
    out = united(group(rows[1:2], "i1"), group(rows[::2], "i2"))
    assert out.tables["measurements"]["digest"].to_pylist() == [rows[0]["digest"]]
    assert out.tables["conflicts"].num_rows == 0
    assert {k: (g.measurements, g.conflicts) for k, g in out.gains.items()} == {"i1": (1, 0)}
    other = measurement(1, content="other", **DAY)
    late = united(group([other], "i3"), stock=out.tables)
    assert late.gains["i3"].conflicts == 1
    assert late.tables["conflicts"].num_rows == 2
    again = united(group([rows[1]], "i4"), stock=late.tables)
    assert not again.gains  # whichever of the two is used, the other is known by its content
    assert again.tables["conflicts"].equals(late.tables["conflicts"])


CHANGED: list[tuple[str, dict[str, Any], int]] = [
    ("another answer", {"control": "failed"}, 2),
    ("another network", {"network": 64511}, 2),
    ("the collector's id of the probe", {"vantage": "c1", "vantage_kind": "credential"}, 0),
    ("what a reader says of the writing", {"degraded": "record:encoding", "locator": "z.tar.gz!a.post"}, 0),
]


@pytest.mark.parametrize(("change", "named"), [case[1:] for case in CHANGED], ids=[case[0] for case in CHANGED])
def test_what_makes_another_content(change: dict[str, Any], named: int) -> None:
    a, b = measurement(1, **DAY), measurement(1, written="w", **DAY) | change
    assert united(group([a], "i1"), group([b], "i2")).tables["conflicts"].num_rows == named


def test_one_fact_more_or_elsewhere_is_another_content() -> None:
    a, b = measurement(1, **DAY), measurement(1, written="w", **DAY)
    for seq, change in ((2, {"outcome": "failed"}), (1, {"seq": 7}), (0, {"ip": "192.0.2.1"})):
        other = group([b], "i2")
        rows = other["observations"].to_pylist()
        rows[seq] |= change
        other["observations"] = pa.Table.from_pylist(rows, other["observations"].schema)
        assert united(group([a], "i1"), other).tables["conflicts"].num_rows == 2, change
        other["observations"] = pa.Table.from_pylist(rows[:-1], other["observations"].schema)
        assert united(group([a], "i1"), other).tables["conflicts"].num_rows == 2


def test_an_id_made_of_the_content_never_conflicts() -> None:
    a, b = (measurement(1, content=c, **DAY, measurement="x" + "0" * 32) for c in "ab")
    assert united(group([a], "i1"), group([b], "i2")).tables["conflicts"].num_rows == 0


def test_conflicts_of_a_store_from_before_contents_had_names() -> None:
    rows = sorted((measurement(1, content=c, **DAY) for c in "abc"), key=lambda row: row["digest"])
    stock = united(group(rows[:2], "i1")).tables
    named = stock["conflicts"].set_column(5, "content", pa.nulls(2, pa.string()))
    out = united(group([rows[2]], "i2"), stock=stock | {"conflicts": named})
    assert out.tables["conflicts"]["digest"].to_pylist() == [row["digest"] for row in rows]
    assert out.gains["i2"].conflicts == 1


def test_a_copy_in_the_same_file_counts_once() -> None:
    row = measurement(1, **DAY)
    out = united(group([row, row | {"locator": "a.jsonl:2"}], "i1"))
    assert [out.tables[t].num_rows for t in SETTLED] == [1, 3, 1, 0, 0]
    assert out.gains["i1"].measurements == 1
    assert out.gains["i1"].observations == 3


def test_matches_follow_the_references_asked_for() -> None:
    old, new = measurement(1, **DAY), measurement(1, **DAY, references="r2")
    stock = united(group([old], "i1")).tables
    again = united(group([new], "i1"), stock=stock, references="r2")
    assert again.tables["matches"]["fingerprint"].to_pylist() == ["fp_r2"]
    assert again.tables["measurements"]["references"].to_pylist() == ["r2"]
    assert not again.gains
    kept = united(group([new], "i1"), stock=stock, references="r1")
    assert kept.tables["matches"]["fingerprint"].to_pylist() == ["fp_r1"]


def test_resubmissions_are_kept_and_counted_once() -> None:
    a, b = measurement(1, **DAY), measurement(2, **DAY, repeat="rep1")
    out = united(group([a, b], "i1"))
    assert out.tables["measurements"].num_rows == 2
    assert out.gains["i1"].resubmissions == 1
    late = united(group([measurement(3, **DAY, repeat="rep1")], "i2"), stock=out.tables)
    assert late.gains["i2"].resubmissions == 1


def test_sorted_by_country_target_network_time_nulls_first() -> None:
    rows = [measurement(n, **DAY) for n in range(12)]
    out = united(group(rows[::-1], "i1"))
    keys = [
        (r["country"] or "", r["target"], r["network"] or 0, r["time"]) for r in out.tables["measurements"].to_pylist()
    ]
    assert keys == sorted(keys)
    assert out.tables["measurements"]["country"][0].as_py() is None
    assert (out.first, out.last) == ("2024-03-01T00:00:00", "2024-03-04T05:00:00")


def test_nothing_gives_empty_tables_in_the_model_s_columns() -> None:
    out = united()
    assert all(out.tables[t].num_rows == 0 and out.tables[t].schema.equals(TABLES[t]) for t in SETTLED)
    assert out.first is None


records = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["", "x", "y"]), st.sampled_from(["", "1", "2"])), max_size=14
)


@given(records=records, cuts=st.lists(st.integers(0, 14), max_size=4), order=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_split_any_order_any_moment(records: list[tuple[int, str, str]], cuts: list[int], order: Any) -> None:
    rows = [measurement(n, content=c, written=w, line=i, **DAY) for i, (n, c, w) in enumerate(records)]
    whole = united(group(rows, "i1"))
    mixed = list(rows)
    order.shuffle(mixed)
    stock: dict[str, pa.Table] = {}
    gained = [0, 0, 0]
    bounds = [0, *sorted(cuts), len(mixed)]
    for n, (low, high) in enumerate(pairwise(bounds)):
        step = united(group(mixed[low:high], f"j{n}"), stock=stock)
        stock = step.tables
        for g in step.gains.values():
            gained = [a + b for a, b in zip(gained, (g.measurements, g.conflicts, g.resubmissions), strict=True)]
    for name in SETTLED:
        assert stock.get(name, whole.tables[name].slice(0, 0)).equals(whole.tables[name]), name
    total = whole.gains.get("i1")
    assert gained == ([total.measurements, total.conflicts, total.resubmissions] if total else [0, 0, 0])
    assert whole.tables["measurements"].num_rows == len({n for n, _, _ in records})


@pytest.mark.parametrize("table", ["measurements", "observations"])
def test_settling_twice_changes_nothing(table: str) -> None:
    out = united(group([measurement(n, **DAY) for n in range(5)], "i1"))
    assert united(stock=out.tables).tables[table].equals(out.tables[table])
