"""Law: a store in a bucket is the store in a folder: same names, same bytes, whole after any fault at any request."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Generator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import buckets
import tiny
import tiny_signals
from buckets import BUCKET, Fault, World

from clampdown.errors import EnvironmentFault, StoreError
from clampdown.judge.rules import load_rules
from clampdown.model import TABLES
from clampdown.pipeline import ingest, open_storage
from clampdown.reference import load_reference
from clampdown.store.bucket import Patience
from clampdown.store.objects import ObjectStorage
from clampdown.store.storage import LocalStorage, Storage
from clampdown.store.store import Store
from clampdown.store.tables import read_part

RULES, REFERENCE = load_rules(), load_reference()
FILES = {"a.jsonl": "0\n1\n2 x\nnot a record\n", "b.jsonl": "1\n2 y\n3\n9\n", "s.csv": ""}
LEVELS = "#levels\nXA,2024-03-01T00:00:00,1\n!order,2024-03-01T00:00:00,a title\n"
AT_ONCE = Patience(connect=2, silence=5, total=1, tries=0, first=0.001)  # a process that is cut off asks once


def read(stream: Any, name: str, kit: Any, limits: Any) -> Any:
    """Signals and measurements, each by its source."""
    yield from (tiny_signals.READ if name.endswith(".csv") else tiny.read)(stream, name, kit, limits)


@pytest.fixture
def world() -> Generator[World, None, None]:
    with buckets.served() as made:
        yield made


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    for name, text in (FILES | {"s.csv": LEVELS}).items():
        (folder / name).write_text(text)
    return folder


def work(storage: Storage, paths: Path, workers: int = 1, *, judge: bool = False) -> Store:
    store = open_storage(storage, "s", create=True)
    ingest(paths, store, workers=workers, judge=judge, read=read, rules=RULES, reference=REFERENCE)
    return store


def whole(storage: Storage) -> None:
    store = open_storage(storage, "s")
    manifest = store.manifest()
    for entry in manifest.days.values():
        for table, parts in entry.tables.items():
            for part in parts:
                assert read_part(storage, part, TABLES[table]).num_rows == part.rows
    assert manifest.paths() <= {*storage.list("landing"), *storage.list("tables")}


@pytest.fixture(scope="module")
def folder(given: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The parts of the same material in a folder."""
    root = tmp_path_factory.mktemp("folder")
    work(LocalStorage(root), given)
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*.parquet")}


@pytest.mark.parametrize(("workers", "judge"), [(1, True), (2, False)])
def test_the_same_parts_as_in_a_folder(workers: int, judge: bool, given: Path, tmp_path: Path) -> None:
    """In another server than ours; by one process, which judges one day too, and by several."""
    paths = given / "b.jsonl" if judge else given
    local = work(LocalStorage(tmp_path), paths, workers, judge=judge).storage
    with buckets.moto() as access:
        there = work(ObjectStorage(f"s3://{BUCKET}/deep/in", access), paths, workers, judge=judge).storage
        for top in ("tables", "reference", "landing", "manifest"):
            assert there.list(top) == local.list(top)
            assert all(there.read(name) == local.read(name) for name in local.list(top))
        assert there.list("tables")
        assert there.strange() == []
        whole(there)


def killed(world: World, paths: Path, want: dict[str, bytes], cuts: Iterable[int], *, done: bool) -> int:
    """From a request on the process is cut off, as if it were killed (it may be done, its answer is lost); then the
    same command finishes the work. How often it was cut."""
    made = 0
    for n in cuts:
        world.kept.clear()
        last = len(world.asked) + n
        world.fault = lambda _m, _k, number, last=last: _cut(number - last, done)
        try:
            work(world.storage(patience=AT_ONCE), paths)
            break
        except (EnvironmentFault, StoreError):
            made += 1
        world.fault = lambda *_: None
        world.clock += timedelta(minutes=2)  # the lease runs out
        if "clampdown.json" in world.files():
            whole(world.storage())
        work(world.storage(), paths)
        assert {k: v for k, v in world.files().items() if k.endswith(".parquet")} == want, n
        whole(world.storage())
    return made


@pytest.mark.parametrize("done", [False, True], ids=["not done", "answer lost"])
def test_killed_at_some_requests(done: bool, given: Path, folder: dict[str, bytes], world: World) -> None:
    assert killed(world, given, folder, range(1 + 14 * done, 10_000, 29), done=done) >= 3


@pytest.mark.long
@pytest.mark.parametrize("done", [False, True], ids=["not done", "answer lost"])
def test_killed_at_every_request(done: bool, given: Path, folder: dict[str, bytes], world: World) -> None:
    assert killed(world, given, folder, itertools.count(), done=done) > 80


def _cut(beyond: int, done: bool) -> Fault | None:
    return None if beyond < 0 else Fault(before=not (done and beyond == 0))


def test_an_object_storage_that_fails_now_and_then(given: Path, folder: dict[str, bytes], world: World) -> None:
    kinds = (Fault(500, "InternalError"), Fault(503, "SlowDown"), Fault(), Fault(before=False), Fault(wait=0.02))
    world.fault = lambda _m, _k, n: kinds[n // 3 % len(kinds)] if n % 3 == 0 else None
    work(world.storage(), given)
    assert {k: v for k, v in world.files().items() if k.endswith(".parquet")} == folder


def test_what_is_here_is_not_written_again(given: Path, world: World) -> None:
    work(world.storage(), given)
    before = world.files("tables") | world.files("manifest") | world.files("reference")
    world.asked.clear()
    store = work(world.storage(), given)
    assert (world.files("tables") | world.files("manifest") | world.files("reference")).items() >= before.items()
    assert not [key for method, key in world.asked if method == "PUT" and "/tables/" in key]
    assert store.storage.list("landing") == []


def test_two_commands_at_once(given: Path, world: World) -> None:
    store = work(world.storage(), given)
    seat = world.storage().lock()
    with pytest.raises(StoreError, match="another command is writing"):
        work(world.storage(), given)
    assert store.table("measurements").num_rows == 5  # who reads does not wait
    seat.release()
    work(world.storage(), given)


def test_credentials_that_may_only_read(given: Path, world: World) -> None:
    work(world.storage(), given)
    world.fault = lambda method, *_: Fault(403, "AccessDenied") if method not in ("GET", "HEAD") else None
    store = open_storage(world.storage(), "s", create=True)
    assert store.table("measurements").num_rows == 5
    with pytest.raises(EnvironmentFault, match="access denied"):
        work(world.storage(), given)


def test_damage_and_silence_while_reading_are_told_apart(given: Path, world: World) -> None:
    store = work(world.storage(patience=AT_ONCE), given)
    world.fault = lambda _m, key, _n: Fault(503, "SlowDown") if key.endswith(".parquet") else None
    with pytest.raises(EnvironmentFault, match="overloaded"):
        store.table("measurements")
    world.fault = lambda *_: None
    (name,) = {key for key in world.kept if "/tables/rejects/" in key}
    world.kept[name].data = world.kept[name].data[:-20]
    with pytest.raises(StoreError, match="damaged"):
        store.table("rejects")
    del world.kept[name]
    with pytest.raises(StoreError, match="missing"):
        store.table("rejects")


def test_no_store_is_made_among_other_things(given: Path, world: World) -> None:
    world.storage().write_new("holiday/1.jpg", b"")
    with pytest.raises(StoreError, match="no store"):
        work(world.storage(), given)
    assert set(world.files()) == {"holiday/1.jpg"}
    with pytest.raises(StoreError, match="no store"):
        open_storage(world.storage("empty"), "s")
