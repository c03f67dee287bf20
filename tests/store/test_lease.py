"""Law: one writer at a time; who is killed keeps others out for a while and no longer; who lost the seat stops."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import buckets
from buckets import PREFIX, Fault, World

from clampdown.errors import EnvironmentFault, StoreError
from clampdown.store import lease as leases
from clampdown.store import manifest as manifests
from clampdown.store.bucket import Patience
from clampdown.store.lease import Lease
from clampdown.store.manifest import Manifest
from clampdown.store.objects import ObjectStorage

LOCK = f"{PREFIX}/lock"


@pytest.fixture
def world() -> Generator[World, None, None]:
    with buckets.served() as made:
        yield made


def said(world: World) -> dict[str, object]:
    return json.loads(world.kept[LOCK].data)


def forsake(storage: ObjectStorage) -> Lease:
    """What a killed process leaves: its lease, and nobody who renews it."""
    storage.lock()
    held = storage._lease
    assert held is not None
    held._end.set()
    held._thread.join()
    storage._lease = None
    return held


def test_nobody_writes_where_nobody_ever_did(world: World) -> None:
    assert not world.storage().busy()
    assert world.kept == {}


def test_a_second_writer_is_refused_and_told_by_whom(world: World) -> None:
    lock = world.storage().lock()
    owner = said(world)["owner"]
    assert world.storage().busy()
    with pytest.raises(StoreError, match="another command is writing") as caught:
        world.storage().lock()
    assert str(owner) in str(caught.value)
    assert str(said(world)["token"]) not in str(caught.value)
    world.storage().read("lock")  # who reads does not wait
    lock.release()
    lock.release()
    assert not world.storage().busy()
    assert said(world)["until"] is None
    world.storage().lock().release()


def test_many_at_once_and_one_gets_it(world: World) -> None:
    got: list[object] = []
    refused: list[StoreError] = []

    def ask() -> None:
        try:
            got.append(world.storage().lock())
        except StoreError as fault:
            refused.append(fault)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 5)
    got[0].release()  # type: ignore[attr-defined]


def test_a_killed_writers_lease_runs_out(world: World) -> None:
    forsake(world.storage())
    for seconds, free in ((50, False), (61, False), (63.5, True)):
        world.clock = timedelta(seconds=seconds)
        if free:
            world.storage().lock().release()
        else:
            with pytest.raises(StoreError, match="runs out"):
                world.storage().lock()
    assert not world.files("clock")  # what was written to learn the time is gone


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_is_wrong_takes_nothing_over(world: World, hours: int) -> None:
    """Ages are told by the object storage's clock alone; this machine's may be off, as the other one's."""
    world.clock = timedelta(hours=hours)
    forsake(world.storage())
    with pytest.raises(StoreError, match="another command"):
        world.storage().lock()
    world.clock += timedelta(seconds=64)
    world.storage().lock().release()


def test_it_is_renewed_while_the_work_goes_on(world: World) -> None:
    lock = world.storage(seconds=0.6).lock()
    first = world.kept[LOCK]
    time.sleep(1.2)
    assert world.kept[LOCK].modified > first.modified + timedelta(seconds=0.7)
    assert int(str(said(world)["beat"])) >= 3
    lock.release()
    beats = len(world.asked)
    time.sleep(0.4)
    assert len(world.asked) == beats


def test_who_lost_it_commits_nothing(world: World) -> None:
    """A machine that slept: another one took over, and its parts must not be cleared away."""
    sleeper, other = world.storage(), world.storage()
    one = manifests.commit(sleeper, Manifest())
    seat = sleeper.lock()
    held = sleeper._lease
    assert held is not None
    world.clock = timedelta(minutes=2)
    theirs = other.lock()
    other.write_new("landing/x", b"")
    held._good -= leases._FRESH + 0.1  # not renewed in this very second
    for act in (
        lambda: manifests.commit(sleeper, one),
        lambda: manifests.collect(sleeper, one),
        lambda: sleeper.write_new("log/1.json", b""),
        lambda: sleeper.create("tables/x"),
        held.check,
        held.renew,
    ):
        with pytest.raises(StoreError, match="taken over") as caught:
            act()
        assert "Run the same command again" in str(caught.value)
    seat.release()
    assert set(world.files("landing")) == {"landing/x"}
    assert manifests.newest(other) == one
    assert said(world)["until"] is not None  # the other's seat was not given back
    manifests.commit(other, one)
    theirs.release()


def test_who_cannot_renew_stops_before_another_could_begin(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = world.storage(patience=Patience(connect=1, silence=1, total=1, tries=0, first=0.01))
    seat = storage.lock()
    world.fault = lambda method, *_: Fault(503, "SlowDown") if method == "PUT" else None
    started = leases.now()
    monkeypatch.setattr(leases, "now", lambda: started + 40)
    storage.create("tables/x").abandon()  # nobody else may have it yet
    with pytest.raises(EnvironmentFault, match="overloaded"):
        manifests.commit(storage, Manifest())
    monkeypatch.setattr(leases, "now", lambda: started + 61)
    for act in (lambda: storage.create("tables/x"), lambda: manifests.commit(storage, Manifest())):
        with pytest.raises(StoreError, match="not be renewed in time"):
            act()
    world.fault = lambda *_: None
    seat.release()
    assert not world.files("manifest")


def test_a_renewal_whose_answer_got_lost_is_no_loss(world: World) -> None:
    storage = world.storage()
    seat = storage.lock()
    held = storage._lease
    assert held is not None
    met: list[int] = []
    world.fault = lambda method, _key, n: (
        Fault(before=False) if method == "PUT" and not met and not met.append(n) else None
    )  # type: ignore[func-returns-value]
    held.renew()
    held.renew()
    held.check()
    assert met
    seat.release()
    assert said(world)["until"] is None


def test_the_race_for_a_manifest(world: World) -> None:
    """Also without any lease: who finds the number taken has lost."""
    world.storage().write_new("clampdown.json", b"{}")
    won: list[int] = []
    lost: list[StoreError] = []

    def commit(n: int) -> None:
        storage = world.storage()
        try:
            won.append(manifests.commit(storage, Manifest(reference=str(n))).number)
        except StoreError as fault:
            lost.append(fault)

    threads = [threading.Thread(target=commit, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [1]
    assert len(lost) == 7
    assert all("meanwhile" in str(fault) for fault in lost)


def test_a_lock_that_cannot_be_read_or_is_gone(world: World) -> None:
    world.storage().write_new("lock", b"something else")
    with pytest.raises(StoreError, match="lock of the store cannot be read"):
        world.storage().lock()
    world.storage().delete("lock")
    storage = world.storage()
    seat = storage.lock()
    held = storage._lease
    assert held is not None
    storage.bucket.delete(["lock"])  # by hand
    with pytest.raises(StoreError, match="taken over"):
        held.renew()
    seat.release()
