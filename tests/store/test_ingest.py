"""Law: any split, any order, any number of times and of workers gives the same settled files; nothing is lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import tiny

from clampdown.errors import EnvironmentFault, InputError, StoreError, UsageError
from clampdown.judge.rules import Rules, load_rules
from clampdown.model import TABLES
from clampdown.pipeline import Summary, ingest, judge_store, open_storage
from clampdown.reference import load_reference
from clampdown.store import manifest as manifests
from clampdown.store.storage import LocalStorage, MemoryStorage
from clampdown.store.store import Filter, Store, moment
from clampdown.store.tables import read_part

FILES = {
    "a.jsonl": "0\n1\n2 x\nnot a record\n0\n",
    "b.jsonl": "1\n2 y\n3\n4\n",
    "c.jsonl": "5\n2 x\n{\n6\n9\n",
}


def written(folder: Path, files: dict[str, str] | None = None) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, text in (files or FILES).items():
        (folder / name).write_text(text)
    return [folder / name for name in files or FILES]


RULES, REFERENCE = load_rules(), load_reference()


def fresh() -> Store:
    return open_storage(MemoryStorage(), "memory", create=True)


GIVEN: dict[str, Any] = {"read": tiny.read, "judge": False, "workers": 1, "rules": RULES, "reference": REFERENCE}


def run(store: Store, paths: Any, **given: Any) -> Summary:
    return ingest(paths, store, **(GIVEN | given))


def settled(store: Store) -> list[str]:
    """Names follow from content, so equal names are equal bytes."""
    return store.storage.list("tables")


def counts(summary: Summary) -> tuple[int, ...]:
    return (
        summary.records,
        summary.measurements,
        summary.copies,
        summary.conflicts,
        summary.observations,
        summary.rejected,
    )


def whole(store: Store) -> None:
    """Everything that the newest manifest names can be read."""
    manifest = store.manifest()
    for entry in manifest.days.values():
        for table, parts in entry.tables.items():
            assert all(read_part(store.storage, p, TABLES[table]).num_rows == p.rows for p in parts)
    held = set(store.storage.list("landing")) | set(store.storage.list("tables"))
    assert manifest.paths() <= held


def test_nothing_is_lost(tmp_path: Path) -> None:
    store = fresh()
    got = run(store, written(tmp_path))
    assert got.files == 3
    assert (got.records, got.measurements, got.rejected) == (14, 8, 2)
    assert got.records == got.measurements + got.copies + got.rejected
    assert (got.copies, got.conflicts) == (4, 1)
    assert got.rejects == {"not_json": 2}
    assert store.table("measurements").num_rows == got.measurements
    assert store.table("observations").num_rows == got.observations == 3 * got.measurements
    assert store.table("rejects")["line"].to_pylist() == [4, 3]
    assert sorted(store.table("conflicts")["used"].to_pylist()) == [False, True]
    whole(store)


def test_any_order_any_split_any_workers(tmp_path: Path) -> None:
    paths = written(tmp_path / "in")
    reference = fresh()
    run(reference, paths)
    assert settled(reference)
    one_by_one = fresh()
    sums = [run(one_by_one, [path]) for path in reversed(paths)]
    assert settled(one_by_one) == settled(reference)
    assert sum(s.measurements for s in sums) == 8
    many = open_storage(LocalStorage(tmp_path / "store"), "store", create=True)
    run(many, tmp_path / "in", workers=2)
    assert settled(many) == settled(reference)
    assert all((tmp_path / "store" / p).read_bytes() == reference.storage.read(p) for p in settled(many))


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    store = fresh()
    paths = written(tmp_path)
    first = run(store, paths)
    before = dict(store.storage.files)  # type: ignore[attr-defined]
    again = run(store, [*paths, *paths])
    assert counts(again) == counts(first)
    assert (first.already_here, again.already_here) == (0, 3)
    assert dict(store.storage.files) == before  # type: ignore[attr-defined]


def test_again_takes_new_fingerprints_and_counts_nothing_twice(tmp_path: Path) -> None:
    store = fresh()
    paths = written(tmp_path)
    first = run(store, paths)
    csv = b"name,scope,location_found,pattern_type,pattern,confidence_no_fp,expected_countries\n"
    other = load_reference({"fingerprints_http.csv": csv + b"x,nat,body,contains,qqq,5,XA\n"})
    if other.match_references_digest == REFERENCE.match_references_digest:
        pytest.fail("the further fingerprint was not taken")
    again = run(store, paths, reference=other, again=True)
    assert counts(again) == counts(first)
    found = set(store.table("measurements")["references"].to_pylist())
    assert found == {other.match_references_digest}
    assert set(store.table("matches")["fingerprint"].to_pylist()) == {f"fp_{other.match_references_digest}"}


def test_a_disk_that_is_full_at_any_write(tmp_path: Path) -> None:
    paths = written(tmp_path, {"a.jsonl": "0\n1\nbad\n"})
    base, clean = fresh(), fresh()
    want = run(clean, paths)
    base.pin(REFERENCE.digest, {})  # the snapshot is not what is tested here
    n = 0
    while True:
        storage = MemoryStorage(_full(n))
        storage.files = dict(base.storage.files)  # type: ignore[attr-defined]
        store = open_storage(storage, "memory")
        try:
            run(store, paths)
            break
        except EnvironmentFault as fault:
            said = str(fault)
        assert "no space left" in said
        storage.before_write = lambda _: None
        whole(store)
        assert counts(run(store, paths)) == counts(want)
        assert settled(store) == settled(clean)
        n += 1
    assert n > 10


def _full(at: int) -> Any:
    left = [at]

    def step(_path: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return step


@pytest.mark.parametrize(
    "size", ["small", *(pytest.param(name, marks=pytest.mark.long) for name in ("signals", "full"))]
)
def test_killed_at_every_step(size: str, tmp_path: Path) -> None:
    """A child is killed with SIGKILL at each step of each write; the same command then finishes the work."""
    script = Path(__file__).parent / "killing.py"
    made = subprocess.run(
        [sys.executable, str(script), str(tmp_path), size], capture_output=True, text=True, timeout=900
    )
    assert made.returncode == 0, made.stderr
    steps, kinds = made.stdout.split(maxsplit=1)
    assert int(steps) > 25
    assert set(kinds.split()) >= {"begin", "written", "synced", "named", "done", "delete"}


def test_two_writers_and_a_folder_that_is_no_store(tmp_path: Path) -> None:
    paths = written(tmp_path / "in")
    storage = LocalStorage(tmp_path / "s")
    store = open_storage(storage, "s", create=True)
    lock = storage.lock()
    with pytest.raises(StoreError, match="another command"):
        run(store, paths)
    lock.release()
    with pytest.raises(StoreError, match="no store"):
        open_storage(LocalStorage(tmp_path / "in"), "in", create=True)
    with pytest.raises(StoreError, match="no store"):
        open_storage(LocalStorage(tmp_path / "none"), "none")
    assert not (tmp_path / "none").exists()


def test_hostile_names_stay_in_their_place(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    names = [
        "a\nb.jsonl",
        "=1+1.jsonl",
        "</script>.json".replace("/", "\u2044"),
        "..json",
        "x\u202e.jsonl",
        "day=..jsonl",
    ]
    paths = written(folder, {name: f"{n}\n" for n, name in enumerate(names)})
    raw = os.fsencode(folder) + b"/\xff\xfe.jsonl"
    Path(os.fsdecode(raw)).write_text("99\n")
    store = open_storage(LocalStorage(tmp_path / "s"), "s", create=True)
    got = run(store, folder)
    assert got.measurements == len(paths) + 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "s"]
    assert all(locator.isprintable() for locator in store.table("measurements")["locator"].to_pylist())
    # A store that lies among the files is not read as one of them.
    inside = open_storage(LocalStorage(folder / "store"), "s", create=True)
    assert run(inside, folder).measurements == len(paths) + 1
    assert run(inside, folder).files == len(paths) + 1


def test_what_cannot_be_found_or_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("")
    for path, said in (("none.jsonl", "no such file"), ("empty", "no measurement file"), ("*.json", "no such file")):
        with pytest.raises(InputError, match=said) as caught:
            run(fresh(), tmp_path / path)
        assert path in str(caught.value)
    with pytest.raises(InputError, match="no file"):
        run(fresh(), [])
    written(tmp_path)
    assert run(fresh(), f"{tmp_path}/[ab].jsonl").files == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give up being root")
def test_without_permission(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from clampdown.pipeline import find, open_storage\n"
        "from clampdown.store.storage import LocalStorage\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "for act in (lambda: find([sys.argv[1]]), lambda: open_storage(LocalStorage(sys.argv[2]), 's', create=True)):\n"
        "    try: act()\n"
        "    except Exception as fault: print(type(fault).__name__, fault.exit_code, fault)\n"
    )
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    (path,) = written(tmp_path / "in", {"secret.jsonl": "1\n"})
    path.chmod(0)
    argv = [sys.executable, "-c", code, str(path), str(tmp_path / "store")]
    made = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    lines = made.stdout.splitlines()
    assert len(lines) == 2, made.stderr
    assert lines[0].startswith("InputError 2")
    assert "secret.jsonl" in lines[0]
    assert lines[1].startswith("EnvironmentFault 2")
    assert "no permission" in lines[1]


def test_a_pipe_is_read_once_and_known_the_second_time(tmp_path: Path) -> None:
    store = open_storage(LocalStorage(tmp_path / "s"), "s", create=True)
    for here in (0, 1):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with subprocess.Popen(["sh", "-c", f"printf '1\\n2\\n' > {pipe}"]):
            got = run(store, pipe)
        assert (got.measurements, got.already_here) == (2, here)
        pipe.unlink()
    assert not list((tmp_path / "s").rglob(".tmp-*"))


def test_filters_are_half_open_and_reach_tables_without_the_columns(tmp_path: Path) -> None:
    store = fresh()
    run(store, written(tmp_path, {"a.jsonl": "".join(f"{n}\n" for n in range(12))}))

    def ids(table: str, **wanted: Any) -> list[str]:
        return sorted(set(store.table(table, Filter(**wanted))["measurement"].to_pylist()))

    since, until = datetime(2024, 3, 1, 7), datetime(2024, 3, 1, 21)
    for table in ("measurements", "observations", "matches"):
        assert ids(table, since=since, until=until) == ["m0001", "m0002"]
        assert ids(table, since=since, until=until, countries=frozenset({"XB"})) == ["m0001"]
        assert ids(table, networks=frozenset({64500})) == ["m0000", "m0003", "m0006", "m0009"]
    hop = store.table("observations", Filter(targets=frozenset({"web/hop.example"})), ["seq", "measurement"])
    assert hop.column_names == ["seq", "measurement"]
    assert set(hop["seq"].to_pylist()) == {0}
    assert ids("measurements", targets=frozenset({"web/t1.example"})) == ["m0001", "m0005", "m0009"]
    assert ids("observations", measurements=frozenset({"m0004"})) == ["m0004"]
    assert pa.concat_tables(store.batches("measurements")).num_rows == 12
    with pytest.raises(UsageError, match="no table"):
        store.table("nonsense")
    with pytest.raises(UsageError, match="no column"):
        store.table("verdicts", columns=["nonsense"])
    with pytest.raises(UsageError, match="not a time"):
        moment("yesterday")
    assert moment("2024-03-01T02:00:00+02:00") == datetime(2024, 3, 1)


def test_judging_and_what_is_stale(tmp_path: Path) -> None:
    store = fresh()
    rules, reference = RULES, REFERENCE
    got = run(store, written(tmp_path, {"a.jsonl": "0\n1\n"}))
    assert got.deferred == ("2024-03-01",)
    assert store.stale(rules.digest, reference.digest) == ["2024-03-01"]
    assert judge_store(store, workers=1) == ("2024-03-01",)
    assert judge_store(store, workers=1) == ()
    assert store.stale(rules.digest, reference.digest) == []
    assert store.table("verdicts").num_rows >= 2
    assert store.table("cells").num_rows >= 2
    assert store.stale("other rules", reference.digest) == ["2024-03-01"]
    part = store.table("cells", Filter(since=datetime(2024, 3, 1, 5)))
    assert set(part["hour"].to_pylist()) == {7}
    run(store, written(tmp_path / "more", {"b.jsonl": "2\n"}))
    assert store.stale(rules.digest, reference.digest) == ["2024-03-01"]
    assert store.table("verdicts").num_rows >= 2  # those of before, said to be stale
    other = Rules(rules.rules, "other")
    assert judge_store(store, rules=other, workers=1) == ("2024-03-01",)
    with pytest.raises(UsageError, match="holds nothing"):
        judge_store(store, ["1999-01-01"], workers=1)
    judged_at_once = fresh()
    run(judged_at_once, [tmp_path / "a.jsonl", tmp_path / "more"], judge=True, rules=other)
    assert settled(judged_at_once) == settled(store)


def test_a_day_is_judged_alike_in_any_company(tmp_path: Path) -> None:
    paths = written(tmp_path)
    together, apart = fresh(), fresh()
    run(together, paths, judge=True)
    for path in paths:
        run(apart, path, judge=True)
    assert len(together.days()) == 4
    assert settled(together) == settled(apart)
    assert together.table("verdicts").num_rows == 8


def test_the_reference_is_pinned_and_used_again(tmp_path: Path) -> None:
    given = load_reference({"networks_mine.csv": b"asn,name\n64500,Mine\n"})
    store = fresh()
    run(store, written(tmp_path, {"a.jsonl": "0\n"}), reference=given)
    assert store.manifest().reference == given.digest
    run(store, written(tmp_path, {"b.jsonl": "1\n"}), reference=None)
    assert store.manifest().reference == given.digest
    assert (store.pinned() or {})["networks_mine.csv"] == b"asn,name\n64500,Mine\n"


def test_a_reader_whose_parts_vanish_reads_the_newer_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = fresh()
    run(store, written(tmp_path, {"a.jsonl": "0\n"}))
    old = store.manifest()
    run(store, written(tmp_path, {"b.jsonl": "1\n"}))
    answers = iter([old])
    newest = manifests.newest
    monkeypatch.setattr(manifests, "newest", lambda *given: next(answers, None) or newest(*given))
    assert store.table("measurements").num_rows == 2
    part = newest(store.storage).days["2024-03-01"].tables["measurements"][0]
    store.storage.delete(part.path)
    with pytest.raises(StoreError, match="missing"):
        store.table("measurements")
