"""Law: the engine sees the tables handed to it, nothing else, and forgets them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from clampdown.engine import Engine
from clampdown.errors import Error, UsageError

T = pa.table({"a": pa.array([3, 1, None], pa.int64()), "b": pa.array(["x", "y", None], pa.string())})


def test_rows_in_the_order_asked_for() -> None:
    out = Engine().query("SELECT a, b FROM t ORDER BY a NULLS LAST", {"t": T})
    assert out.to_pylist() == [{"a": 1, "b": "y"}, {"a": 3, "b": "x"}, {"a": None, "b": None}]
    assert out.schema.field("b").type == pa.string()


def test_schema_is_exact() -> None:
    schema = pa.schema([pa.field("b", pa.string()), pa.field("n", pa.int32(), nullable=False)])
    out = Engine().query(
        "SELECT CAST(COUNT(*) AS BIGINT) AS n, b FROM t GROUP BY b ORDER BY b NULLS FIRST", {"t": T}, schema
    )
    assert out.schema == schema
    with pytest.raises(Error, match="other columns"):
        Engine().query("SELECT a FROM t", {"t": T}, schema)


def test_script_names_its_steps() -> None:
    steps = [("u", "SELECT a + 1 AS a FROM t WHERE a IS NOT NULL"), ("v", "SELECT a FROM u ORDER BY a DESC NULLS LAST")]
    assert Engine().script(steps, {"t": T})["v"]["a"].to_pylist() == [4, 2]
    assert set(Engine().script(steps, {"t": T}, want=("u", "v"))) == {"u", "v"}
    with pytest.raises(UsageError):
        Engine().script(steps, {"t": T}, want=("w",))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{path}')",
        "SELECT * FROM '{path}'",
        "COPY (SELECT 1) TO '{path}2'",
        "ATTACH '{path}' AS d",
        "SET enable_external_access = true",
        "SELECT * FROM T_GLOBAL",
    ],
)
def test_nothing_outside_is_reached(sql: str, tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_text("a\n1\n")
    T_GLOBAL = T  # noqa: N806, F841 - must not be picked up from the caller's frame
    with pytest.raises(Error):
        Engine().query(sql.format(path=path), {"t": T})
    assert [p.name for p in tmp_path.iterdir()] == ["secret.csv"]


def test_names_are_checked_and_the_engine_travels() -> None:
    with pytest.raises(UsageError):
        Engine().query("SELECT 1", {'t"; DROP': T})
    assert pickle.loads(pickle.dumps(Engine(threads=2))) == Engine(threads=2)


def test_too_little_memory_is_said() -> None:
    big = pa.table({"a": pa.array(range(2_000_000), pa.int64())})
    with pytest.raises(Error, match="memory"):
        Engine(memory="10MB").query("SELECT a, COUNT(*) AS n FROM t GROUP BY a", {"t": big})
