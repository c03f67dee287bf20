"""Law: whoever has the lock, the rules and the raw files has the same tables; a lock that fails changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
import made
import served as play
from served import Served, fingerprints

from clampdown.errors import InputError
from clampdown.fetch.client import Client
from clampdown.fetch.manners import Manners
from clampdown.pipeline import open_storage
from clampdown.pipeline.api import ingest
from clampdown.pipeline.references import given_of, snapshots
from clampdown.pipeline.updating import Updated, bring_locked, lock_of, update
from clampdown.reference.locks import Lock, Pinned, read, write
from clampdown.store.storage import LocalStorage, MemoryStorage
from clampdown.store.store import Store

NOW, LATER = datetime(2024, 2, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Served]:
    with play.serving() as served:
        served.all()
        yield served


def fresh(folder: Path | None = None) -> Store:
    storage = MemoryStorage() if folder is None else LocalStorage(folder)
    return open_storage(storage, "store", create=True)


def updated(server: Served, store: Store | None = None, **words: Any) -> Store:
    held = store or fresh()
    with Client(Manners(tries=1)) as client:
        assert not update(held, client=client, now=NOW, table=server.table(), **words).refused
    return held


def locked(server: Served, store: Store, lock: Lock, **words: Any) -> Updated:
    with Client(Manners(tries=1)) as client:
        return bring_locked(store, lock, client=client, now=LATER, table=server.table(), **words)


def moved_on(server: Served) -> None:
    """Everything that the lock names stands at no address any more."""
    for path in [path for path in server.files if path.startswith(f"/{play.RAW}")]:
        del server.files[path]
    server.fingerprints(fingerprints(60), "z9", "2025-05-05")


def test_two_people_with_one_lock_have_the_same_tables(server: Served, tmp_path: Path) -> None:
    mine = updated(server, fresh(tmp_path / "mine"))
    text = write(lock_of(mine, server.table()))
    for which in ("http", "dns"):  # upstream goes on; the versions that the lock names stay at their addresses
        server.fingerprints(fingerprints(60), f"z{which}", "2025-05-05", which=which)
    theirs = fresh(tmp_path / "theirs")
    made_of = locked(server, theirs, read(text, "lock"))
    assert [step.state for step in made_of.steps] == ["new"] * 3
    raw = made.write(tmp_path)
    for store in (mine, theirs):
        ingest(raw, store, workers=1)
    assert mine.storage.list("tables") == theirs.storage.list("tables") != []
    assert all(mine.storage.read(path) == theirs.storage.read(path) for path in mine.storage.list("tables"))
    assert mine.manifest().judged() == theirs.manifest().judged() != []
    assert write(lock_of(theirs, server.table())) == text, "a lock is handed on as it came"


def test_a_lock_holds_no_clock_and_no_place_of_this_machine(server: Served, tmp_path: Path) -> None:
    for name, data in given_of(updated(server)).items():
        at = tmp_path / name.rpartition("/")[2].replace("-2024-01-10", "")
        at.write_bytes(data)
    by_folder = fresh()
    update(by_folder, base=str(tmp_path), now=NOW)
    text = write(lock_of(by_folder)).decode()
    assert str(tmp_path) not in text
    assert "T00:00" not in text
    assert "etag" not in text
    assert text.count("https://raw.githubusercontent.com/") == 3


def test_what_is_here_is_not_asked_for(server: Served) -> None:
    store = updated(server)
    lock = lock_of(store, server.table())
    server.fingerprints(fingerprints(31), "a9", "2024-01-20")
    updated(server, store)
    server.asked.clear()
    done = locked(server, store, lock)
    assert not server.asked
    assert done.adopted
    assert {s.name for s in done.snapshots if s.name in given_of(store)} == {one.name for one in lock.snapshots}
    assert store.manifest().reference == lock.reference
    assert not locked(server, store, lock).adopted, "once more changes nothing"


def test_a_copy_elsewhere_serves_where_the_address_does_not(server: Served, tmp_path: Path) -> None:
    mine = updated(server, fresh(tmp_path / "mine"))
    lock = lock_of(mine, server.table())
    moved_on(server)
    for path in list(server.files):
        if path.startswith(f"/{play.RAW}"):
            server.files[path.replace("z9", "a1")] = server.files[path]  # other bytes at the address of the lock
    theirs = fresh()
    with pytest.raises(InputError, match="serves other bytes now") as fault:
        locked(server, theirs, lock)
    assert "--from" in (fault.value.hint or "")
    assert (theirs.manifest().reference, given_of(theirs)) == (None, {})
    done = locked(server, theirs, lock, base=str(tmp_path / "mine" / "reference"))
    assert done.after == lock.reference == theirs.manifest().reference


def test_the_readers_own_files_are_in_the_lock_and_have_to_be_handed_over(server: Served) -> None:
    own = {"users.csv": b"country,asn,share\nXA,64500,0.5\n"}
    lock = lock_of(updated(server, extra=own), server.table())
    row = next(one for one in lock.snapshots if one.name == "users.csv")
    assert (row.upstream, row.address, row.date) == ("", "", "")
    with pytest.raises(InputError, match=r"users\.csv \(no address is known for it\)"):
        locked(server, fresh(), lock)
    theirs = fresh()
    locked(server, theirs, lock, extra={"users-of-mine.csv": own["users.csv"]})
    assert given_of(theirs)["users.csv"] == own["users.csv"]


def test_other_tables_of_the_package_are_said(server: Served) -> None:
    lock = lock_of(updated(server), server.table())
    with pytest.raises(InputError, match=r"made with Clampdown 9\.9 and certifi 2019") as fault:
        locked(server, fresh(), replace(lock, own="0" * 64, clampdown="9.9", roots="2019.1.1"))
    assert "same versions" in (fault.value.hint or "")


def test_a_lock_that_was_touched(server: Served) -> None:
    lock = lock_of(updated(server), server.table())
    with pytest.raises(InputError, match="contradicts itself"):
        locked(server, fresh(), replace(lock, reference="0" * 64))
    first = lock.snapshots[0]
    other = (replace(first, sha256="0" * 64), *lock.snapshots[1:])
    with pytest.raises(InputError, match="serves other bytes now"):
        locked(server, fresh(), replace(lock, snapshots=other))


def test_a_damaged_copy_in_the_store_is_not_used_but_mended(server: Served) -> None:
    store = updated(server)
    lock = lock_of(store, server.table())
    theirs = fresh()
    theirs.storage.write_new(f"reference/{lock.snapshots[0].sha256}", b"damaged")
    assert locked(server, theirs, lock).after == lock.reference
    assert given_of(theirs) == given_of(store)


BROKEN = {
    "not TOML": b"\xff",
    "another format": b"format = 2\n",
    "no reference": b"format = 1\n",
    "no digest": b'format = 1\nreference = ""\nclampdown = ""\nroots = ""\nown = ""\n[[snapshot]]\nname = "a"\n'
    b'upstream = ""\naddress = ""\nsha256 = "zz"\nsize = 1\ndate = ""\nlicence = ""\n',
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_lock_is_said(case: str) -> None:
    with pytest.raises(InputError) as fault:
        read(BROKEN[case], "refs.lock")
    assert fault.value.where == "refs.lock"


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
pinned = st.builds(
    Pinned, texts, texts, texts, st.from_regex(r"[0-9a-f]{64}", fullmatch=True), st.integers(0, 2**40), texts, texts
)
locks = st.builds(
    Lock, texts, texts, texts, texts, st.lists(pinned, max_size=4, unique_by=lambda one: one.name).map(tuple)
)


@settings(max_examples=40)
@given(locks)
def test_a_lock_is_read_as_it_was_written(lock: Lock) -> None:
    again = read(write(lock), "lock")
    assert set(again.snapshots) == set(lock.snapshots)
    assert replace(again, snapshots=()) == replace(lock, snapshots=())
    assert write(again) == write(lock), "sorted, so the order of the snapshots is nothing"


def test_a_store_without_a_set_lists_the_packages_own() -> None:
    rows = snapshots(fresh())
    assert {row.name.partition("/")[0] for row in rows} == {"clampdown", "certifi"}
    assert all(row.adopted is None and row.licence for row in rows)
