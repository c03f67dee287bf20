"""Law: the engine sees the tables handed to it, nothing else, and forgets them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from clampdown.engine import Engine, Into, Stream
from clampdown.errors import Error, StoreError, UsageError

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


def _stream(batches: int, rows: int = 1000) -> Stream:
    """Rows a = 0, 1, 2... with a text beside each."""
    schema = pa.schema([("a", pa.int64()), ("s", pa.string())])

    def read(columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        for n in range(batches):
            numbers = range(n * rows, (n + 1) * rows)
            whole = pa.record_batch([pa.array(numbers), pa.array([f"t{i}" for i in numbers])], schema=schema)
            yield whole if columns is None else whole.select(list(columns))

    return Stream(schema, read)


def test_a_stream_is_read_once_a_call_and_can_be_named_twice() -> None:
    sql = "SELECT COUNT(*) AS n FROM t AS x JOIN t AS y ON x.a = y.a"
    assert Engine().query(sql, {"t": _stream(3)})["n"].to_pylist() == [3000]
    assert Engine().query("SELECT MAX(a) AS n FROM t", {"t": _stream(3).select(["a"])})["n"].to_pylist() == [2999]


@pytest.mark.parametrize("used_later", [False, True])
def test_a_sink_takes_the_rows_in_their_order(used_later: bool) -> None:
    steps = [("u", "SELECT a FROM t ORDER BY a DESC NULLS LAST")]
    if used_later:
        steps.append(("v", "SELECT COUNT(*) AS n FROM u"))
    schema = pa.schema([("a", pa.int32())])
    into = Into(schema, lambda rows: [value for batch in rows for value in batch["a"].to_pylist()])
    made = Engine().script(steps, {"t": _stream(70)}, {"u": into} | ({"v": None} if used_later else {}))
    assert made["u"] == list(range(69_999, -1, -1))
    assert not used_later or made["v"]["n"].to_pylist() == [70_000]


@pytest.mark.parametrize(("memory", "most"), [("96MB", None), ("8MB", "96MB")])
def test_more_than_the_memory_spills_or_is_tried_again_with_more(memory: str, most: str | None, tmp_path: Path) -> None:
    engine = Engine(memory=memory, spill=str(tmp_path), most=most)
    steps = [("u", "SELECT a, s || repeat('x', 400) AS s FROM t ORDER BY s NULLS LAST, a NULLS LAST")]
    into = Into(pa.schema([("a", pa.int64()), ("s", pa.string())]), lambda rows: sum(b.num_rows for b in rows))
    assert engine.script(steps, {"t": _stream(400)}, {"u": into})["u"] == 400_000


def test_a_stream_that_breaks_off_says_its_own_fault() -> None:
    def read(_: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        yield pa.record_batch([pa.array([1])], names=["a"])
        raise StoreError("a part of the store is damaged", where="tables/x")

    with pytest.raises(StoreError, match="damaged") as said:
        Engine().query("SELECT * FROM t", {"t": Stream(pa.schema([("a", pa.int64())]), read)})
    assert said.value.where == "tables/x"


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes, and the locale C has ASCII alone")
def test_folders_beyond_ascii_in_a_locale_without_them(tmp_path: Path) -> None:
    """Python then holds the letters as something that is no text; DuckDB is given the name that the folder has."""
    (tmp_path / "ÿü").mkdir()
    code = (
        "import os, sys; from clampdown.engine import Engine\n"
        "[name] = os.listdir(sys.argv[1])\n"
        "print(Engine(spill=os.path.join(sys.argv[1], name)).query('SELECT 5 AS n', {})['n'].to_pylist())"
    )
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0"}
    words = [sys.executable, "-c", code, str(tmp_path)]
    said = subprocess.run(words, env=environment, capture_output=True, check=True)
    assert said.stdout.strip() == b"[5]"


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes")
def test_a_folder_whose_name_is_no_text() -> None:
    with pytest.raises(Error, match="not UTF-8"):
        Engine(spill=os.fsdecode(b"/nowhere/\xff")).query("SELECT 5 AS n", {})
