"""Law: what is forgotten is gone from every place, what stays is whole, and it can be brought back from its files."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import kept

from clampdown.errors import StoreError, UsageError
from clampdown.fetch.ledger import Forgot, Got, Ledger
from clampdown.fetch.wanted import Wanted
from clampdown.pipeline import ingest, open_storage
from clampdown.pipeline.forgetting import Forgotten, forget, recall
from clampdown.pipeline.inputs import Input
from clampdown.pipeline.status import status
from clampdown.store.storage import LocalStorage
from clampdown.store.store import Store

KEYS = list(kept.FILES)


def ledger_of(store: Store) -> Ledger:
    return Ledger(Path(store.name) / "raw")


def here(store: Store) -> set[str]:
    """The keys whose files lie on the disk."""
    ledger = ledger_of(store)
    return {got.key for got in ledger.got.values() if got.digest and ledger.file(got.digest).exists()}


def gone(store: Store, before: str, **given: Any) -> Forgotten:
    return forget(store, before, ledger=ledger_of(store), now=kept.NOW, **given)


@pytest.mark.parametrize(
    ("before", "days", "away"),
    [
        ("2024-03-01", 0, set()),
        # The second upload sent a record of the first of March again: it also holds later days, and stays.
        ("2024-03-02", 1, {KEYS[0], KEYS[4]}),
        ("2024-03-03", 2, {*KEYS[:3], KEYS[4]}),
        ("2024-03-05", 4, set(KEYS)),
    ],
)
def test_days_and_the_files_that_hold_nothing_else(before: str, days: int, away: set[str], store: Store) -> None:
    told = gone(store, before, dry_run=True)
    held = kept.files(Path(store.name))
    assert not told.done
    assert kept.files(Path(store.name)) == held
    done = gone(store, before)
    assert done.done
    assert (done.days, done.files, done.inputs, done.table_bytes) == (
        told.days,
        told.files,
        told.inputs,
        told.table_bytes,
    )
    assert all(day == "unknown" or day >= before for day in store.days())
    assert here(store) == set(KEYS) - away
    assert {got.key for got in ledger_of(store).got.values()} == set(KEYS) - away
    assert len(store.manifest().inputs) == len(KEYS) - len(away)
    assert store.storage.list("tables") == sorted(p for p in store.manifest().paths())
    assert [one.before for one in ledger_of(store).forgot] == [before]


def test_what_stays_reads_as_before_and_is_said(whole: Store, store: Store) -> None:
    done = gone(store, "2024-03-02")
    after = whole.manifest().days
    assert store.manifest().days == {day: entry for day, entry in after.items() if day != "2024-03-01"}
    assert done.undated
    assert done.inputs_both == 1
    assert done.files_kept == {"both": 1}, "the second upload, which sent a record of the first of March again"


def test_it_can_be_brought_back(whole: Store, store: Store) -> None:
    gone(store, "2024-03-03")
    ledger = ledger_of(store)
    lines = [kept.got(ledger.root, key, text) for key, text in kept.FILES.items()]
    inputs = [Input(str(ledger.file(one.digest or "")), one.name, one.name, one.size) for one in lines]
    made = ingest(inputs, store, workers=1, read=kept.read, rules=kept.RULES, reference=kept.REFERENCE)
    assert made.already_here == 2
    assert store.storage.list("tables") == whole.storage.list("tables")


def wanted(got: Got) -> Wanted:
    return Wanted(got.service, got.key, "https://service.example/", got.name)


def test_what_also_held_later_days_is_read_again_when_its_days_are_asked_for_again(whole: Store, store: Store) -> None:
    """A file of the second of March held a record of the first, which went with its day."""
    gone(store, "2024-03-02")
    ledger = ledger_of(store)
    assert [one.cut for one in store.manifest().inputs.values() if one.cut] == ["2024-03-02"]
    wants = [wanted(kept.got(ledger.root, key, text)) for key, text in kept.FILES.items()]
    recall(store, ledger, wants, datetime(2024, 3, 2))
    assert len(store.manifest().inputs) == 4, "it was not asked for"
    recall(store, ledger, wants, datetime(2024, 3, 1))
    assert len(store.manifest().inputs) == 3
    lines = [kept.got(ledger.root, key, text) for key, text in kept.FILES.items()]
    inputs = [Input(str(ledger.file(one.digest or "")), one.name, one.name, one.size) for one in lines]
    made = ingest(inputs, store, workers=1, read=kept.read, rules=kept.RULES, reference=kept.REFERENCE)
    assert made.already_here == 3
    assert store.storage.list("tables") == whole.storage.list("tables")


def test_twice_is_once(store: Store) -> None:
    gone(store, "2024-03-03")
    number, held = store.manifest().number, kept.files(Path(store.name))
    again = gone(store, "2024-03-03")
    assert (again.days, again.files, again.inputs) == ((), 0, 0)
    assert store.manifest().number == number
    assert kept.files(Path(store.name)) == held
    assert len(ledger_of(store).forgot) == 1


def test_files_alone(store: Store) -> None:
    tables = store.storage.list("tables")
    done = gone(store, "2024-03-03", raw_only=True)
    assert (done.files, done.days) == (4, ())
    assert store.storage.list("tables") == tables
    ledger = ledger_of(store)
    ledger.known = store.manifest().inputs
    assert ledger.forgot == []
    assert sum(not got.kept for got in ledger.got.values()) == 4
    assert all(ledger.here(got.service, got.key) for got in ledger.got.values()), "nothing is fetched again"
    assert gone(store, "2024-03-03", raw_only=True).files == 0
    gone(store, "2024-03-03")
    assert {got.key for got in ledger_of(store).got.values()} == {KEYS[3], KEYS[5]}


def test_files_that_were_not_read_and_bytes_that_are_shared(store: Store) -> None:
    ledger = ledger_of(store)
    late = kept.got(ledger.root, "raw/20240301/00/2024030100_XA.late.jsonl", "99\n")
    same = kept.got(ledger.root, "raw/20240309/00/2024030900_XA.same.jsonl", kept.FILES[KEYS[1]])
    ledger.add(*(msgspec.structs.replace(one, input=None) for one in (late, same)))
    files = gone(store, "2024-03-03", raw_only=True)
    assert files.files_kept == {"shared": 1, "unread": 1}
    assert ledger.file(same.digest or "").exists()
    gone(store, "2024-03-03")
    assert not ledger.file(late.digest or "").exists()
    assert ledger.file(same.digest or "").exists()


def test_without_fetched_files_and_what_has_only_landed(tmp_path: Path, store: Store) -> None:
    done = forget(store, "2024-03-02")
    assert (done.days, done.files) == (("2024-03-01",), 0)
    bare = open_storage(LocalStorage(tmp_path / "t"), "t", create=True)
    (tmp_path / "a.jsonl").write_text("0\n4\n")
    ingest(tmp_path / "a.jsonl", bare, workers=1, judge=False, read=kept.read, rules=kept.RULES)
    assert forget(bare, "2024-03-02").inputs_both == 1
    assert forget(bare, "2024-03-03").inputs == 1
    assert bare.manifest().inputs == {}


def test_status_asks_for_it_no_more(store: Store) -> None:
    gone(store, "2024-03-03")
    found = status(store, ledger_of(store))
    assert {(run.first, run.last) for ask in found.asked for run in ask.gaps} == {("2024-03-04", "2024-03-05")}
    assert found.forgotten_before == "2024-03-03"


@pytest.mark.parametrize(
    ("before", "says"), [("2024-03-01T12:00", "whole days"), ("soon", "not a time"), (None, "whole")]
)
def test_what_is_no_day(before: Any, says: str, store: Store) -> None:
    with pytest.raises(UsageError, match=says):
        gone(store, before)


def test_a_torn_ledger_and_a_store_in_use(store: Store) -> None:
    with (Path(store.name) / "raw" / "ledger.jsonl").open("a") as file:
        file.write('{"is":"got",')
    with pytest.raises(StoreError, match="doctor"):
        gone(store, "2024-03-03")
    ledger = ledger_of(store)
    ledger.rewrite([*ledger.lines(), Forgot("2020-01-01", kept.AT)])
    lock = store.storage.lock()
    with pytest.raises(StoreError, match="another command"):
        gone(store, "2024-03-03")
    lock.release()
    assert gone(store, "2024-03-03").done


@pytest.mark.parametrize(
    ("deed", "every"),
    [("forget", 5), *(pytest.param(*one, marks=pytest.mark.long) for one in (("forget", 1), ("mend", 7)))],
)
def test_killed_at_every_step(deed: str, every: int, whole: Store, tmp_path: Path) -> None:
    """Of forgetting, and of what doctor mends."""
    script = Path(__file__).parent / "killed_keeping.py"
    words = [sys.executable, str(script), whole.name, str(tmp_path), str(every), deed]
    made = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
    assert made.returncode == 0, made.stderr
    steps, kinds = made.stdout.split(maxsplit=1)
    assert int(steps) > 15
    if every == 1:
        assert set(kinds.split()) >= {"begin", "written", "synced", "named", "done", "delete"}
