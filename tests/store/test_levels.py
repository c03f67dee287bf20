"""Law: levels merge as measurements do: any order, split, doubling or delay gives the same files; nothing is lost."""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import tiny_signals

from clampdown.engine import Engine
from clampdown.errors import EnvironmentFault
from clampdown.intake.containers_bytes import Limits, Meter, Opened, Peeked, Place, Tap
from clampdown.judge.rules import load_rules
from clampdown.model import CONNECTIVITY
from clampdown.pipeline import Summary, ingest, open_storage
from clampdown.reference import load_reference
from clampdown.store.settle import BROUGHT
from clampdown.store.settle_levels import settle_levels
from clampdown.store.storage import LocalStorage, MemoryStorage
from clampdown.store.store import Store

RULES, REFERENCE = load_rules(), load_reference()
START = datetime(2024, 3, 1, 22)
GIVEN: dict[str, Any] = {
    "read": tiny_signals.READ,
    "workers": 1,
    "judge": False,
    "rules": RULES,
    "reference": REFERENCE,
}


def fresh() -> Store:
    return open_storage(MemoryStorage(), "memory", create=True)


def run(store: Store, paths: Any, **given: Any) -> Summary:
    return ingest(paths, store, **(GIVEN | given))


def written(folder: Path, files: dict[str, list[str]]) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, lines in files.items():
        (folder / name).write_text("\n".join(["#levels", *lines]) + "\n")
    return [folder / name for name in files]


def files(store: Store) -> list[str]:
    """Names follow from content, so equal names are equal bytes."""
    return store.storage.list("tables")


def adds_up(got: Summary) -> bool:
    return got.records == got.measurements + got.levels + got.published + got.copies + got.rejected


times = st.integers(0, 3).map(lambda hour: (START + timedelta(hours=hour)).isoformat())
values = st.sampled_from(["", "0", "-0.0", "1", "2.5", "nan"])
level = st.builds(lambda n, t, v, q: f"{n},{t},{v},{q}", st.sampled_from(["XA", "AS64500@XA"]), times, values,
                  st.sampled_from(["", "0.5", "1"]))  # fmt: skip
record = st.builds(lambda k, t: f"!{k},{t},a title", st.sampled_from(["protest", "order"]), times | st.just(""))
rows = st.lists(level | record | st.just("bad"), min_size=1, max_size=14)


@settings(max_examples=20)
@given(lines=rows, cut=st.integers(0, 14), order=st.randoms(use_true_random=False))
def test_any_order_any_split_doubled_and_late(lines: list[str], cut: int, order: Any) -> None:
    with tempfile.TemporaryDirectory() as top:
        whole, late, shuffled = fresh(), fresh(), list(lines)
        got = run(whole, written(Path(top, "a"), {"all.csv": lines}))
        assert adds_up(got)
        assert got.records == len(lines)
        assert got.rejected == lines.count("bad")
        order.shuffle(shuffled)
        parts = {"y.csv": shuffled[cut:], "x.csv": shuffled[:cut], "z.csv": lines}
        for path in written(Path(top, "b"), {name: part for name, part in parts.items() if part}):
            assert adds_up(run(late, path))  # one after another: what was settled is met again
        one, two = whole.table("signals"), late.table("signals")
        assert one.equals(two)
        assert [p for p in files(whole) if "/signals/" in p] == [p for p in files(late) if "/signals/" in p]
        assert got.levels == one.num_rows == len({tuple(row.split(",")[:2]) for row in lines if row[0] in "XA"})
        assert got.published == whole.table("context").num_rows
        together = fresh()
        again = run(together, Path(top, "b"))
        assert adds_up(again)
        assert files(together) == files(late)
        assert (again.levels, again.published) == (got.levels, got.published)
        assert run(together, Path(top, "b")).levels == again.levels


def best(lines: list[str]) -> str:
    """The value and quality that settle of one place, as text."""
    with tempfile.TemporaryDirectory() as top:
        store = fresh()
        run(store, written(Path(top), {f"{n}.csv": [line] for n, line in enumerate(lines)}))
        (row,) = store.table("signals").to_pylist()
        return f"{row['value']} {row['quality']}"


T = START.isoformat()


@pytest.mark.parametrize(
    ("lines", "want"),
    [
        ([f"XA,{T},"], "None None"),  # missing is never zero
        ([f"XA,{T},nan"], "None None"),
        ([f"XA,{T},0", f"XA,{T},"], "0.0 None"),
        ([f"XA,{T},", f"XA,{T},7"], "7.0 None"),
        ([f"XA,{T},8", f"XA,{T},7"], "8.0 None"),
        ([f"XA,{T},-0.0", f"XA,{T},0"], "0.0 None"),
        ([f"XA,{T},7", f"XA,{T},7,0.9", f"XA,{T},7,0.4"], "7.0 0.4"),
        ([f"XA,{T},,0.1", f"XA,{T},7"], "7.0 None"),
    ],
)
def test_which_level_stays(lines: list[str], want: str) -> None:
    assert best(lines) == best(lines[::-1]) == want


def test_conflicts_are_counted_for_who_came_later(tmp_path: Path) -> None:
    store = fresh()
    first, second, third, same = written(
        tmp_path, {"a.csv": [f"XA,{T},5", f"XA,{T},"], "b.csv": [f"XA,{T},3"], "c.csv": [f"XA,{T},5,1"],
                   "d.csv": [f"XB,{T},1", f"XB,{T},2", f"XB,{T},2"]}
    )  # fmt: skip
    counts = [(s.levels, s.copies, s.conflicts) for s in (run(store, p) for p in (first, second, third, same))]
    assert counts == [(1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 2, 1)]
    assert store.table("signals")["value"].to_pylist() == [5.0, 2.0]


def test_a_level_that_is_missing_and_then_known_is_no_conflict(tmp_path: Path) -> None:
    store = fresh()
    none, known = written(tmp_path, {"a.csv": [f"XA,{T},"], "b.csv": [f"XA,{T},4"]})
    assert run(store, none).levels == 1
    got = run(store, known)
    assert (got.levels, got.copies, got.conflicts) == (0, 1, 0)
    assert store.table("signals")["value"].to_pylist() == [4.0]


def test_workers_and_folders_on_disk_give_the_same_bytes(tmp_path: Path) -> None:
    inside = {f"{n}.csv": [f"AS{64500 + n}@XA,{(START + timedelta(hours=h)).isoformat()},{h}" for h in range(60)]
              for n in range(6)}  # fmt: skip
    written(tmp_path / "in", inside)
    one, two = fresh(), open_storage(LocalStorage(tmp_path / "s"), "s", create=True)
    run(one, tmp_path / "in")
    run(two, tmp_path / "in", workers=2)
    assert files(one) == files(two)
    assert len(one.days()) == 4
    assert all((tmp_path / "s" / p).read_bytes() == one.storage.read(p) for p in files(two))
    tables = {name: one.table(name) for name in CONNECTIVITY}
    assert tables["signals"].num_rows == 360
    keys = tables["series"].select(["day", "country", "entity"]).to_pylist()
    assert keys == sorted(keys, key=lambda row: tuple(row.values()))
    for day in one.days():
        mine = [row for row in tables["signals"].to_pylist() if row["day"] == day]
        assert mine == sorted(mine, key=lambda row: (row["series"], row["time"]))


def sinks(made: dict[str, list[Any]]) -> dict[str, Any]:
    return {name: (lambda found, name=name: made.__setitem__(name, list(found))) for name in CONNECTIVITY}


@settings(max_examples=15)
@given(groups=st.lists(rows, min_size=1, max_size=3), old=rows)
def test_the_engine_and_the_small_way_say_the_same(groups: list[list[str]], old: list[str]) -> None:
    """A large day is sorted by the engine, a small one in memory: the tables and the counts are equal."""

    def landed(number: int, lines: list[str]) -> dict[str, pa.Table]:
        data = "\n".join(["#levels", *lines]).encode()
        stream = Peeked(Tap(io.BytesIO(data), Meter(Limits())))
        found = list(tiny_signals.read(Opened("tiny", stream, Place(f"{number}.csv", None)), None))
        whole = [batch.levels for batch in found if batch.levels is not None]
        made = {name: pa.concat_tables([getattr(each, name) for each in whole]) for name in CONNECTIVITY}
        for name in ("signals", "context"):
            by = pa.repeat(pa.scalar(f"i{number}"), made[name].num_rows)
            made[name] = made[name].append_column(BROUGHT, by)
        return made

    stock = {name: table.select(CONNECTIVITY[name].names) for name, table in landed(0, old).items()}
    given = [landed(n, lines) for n, lines in enumerate(groups, 1)]
    small: dict[str, list[Any]] = {}
    large: dict[str, list[Any]] = {}
    one = settle_levels(Engine(), given, stock, day="2024-03-01", into=sinks(small))
    two = settle_levels(Engine(), given, stock, day="2024-03-01", into=sinks(large), small=-1)
    assert (one.gains, one.span) == (two.gains, two.span)
    for name, schema in CONNECTIVITY.items():
        assert pa.Table.from_batches(small[name], schema).equals(pa.Table.from_batches(large[name], schema)), name


def test_broken_off_at_any_write_the_same_command_finishes(tmp_path: Path) -> None:
    lines = [f"XA,{T},1", f"XA,{T},2", "XB,2024-03-04T00:00:00,", "!order,2024-03-04T00:00:00,a title", "bad"]
    paths = written(tmp_path, {"a.csv": lines})
    base, clean = fresh(), fresh()
    want = run(clean, paths)
    base.pin(REFERENCE.digest, {})  # the snapshot is not what is tested here
    for n in range(1000):
        storage, left = MemoryStorage(), [n]

        def step(_path: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        storage.before_write = step
        storage.files = dict(base.storage.files)  # type: ignore[attr-defined]
        store = open_storage(storage, "memory")
        try:
            run(store, paths)
        except EnvironmentFault:
            storage.before_write = lambda _: None
            got = run(store, paths)
            assert replace(got, already_here=0, days=()) == replace(want, already_here=0, days=())
            assert files(store) == files(clean)
        else:
            assert n > 8
            return
    pytest.fail("it never finished")
