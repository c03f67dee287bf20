"""Law: what was forgotten stays forgotten, also where nobody named the folder of its fetched files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import kept
from damages import cut

from clampdown.fetch.ledger import Ledger
from clampdown.pipeline import ingest
from clampdown.pipeline.doctor import doctor
from clampdown.pipeline.forgetting import forget
from clampdown.pipeline.inputs import Input
from clampdown.pipeline.mending import mend
from clampdown.pipeline.status import status
from clampdown.store.store import Store

KEYS = list(kept.FILES)


def ledger_of(store: Store) -> Ledger:
    return Ledger(Path(store.name) / "raw")


@pytest.fixture
def unnamed(store: Store) -> Store:
    """A store whose days were forgotten while nobody named its fetched files."""
    forget(store, "2024-03-02", now=kept.NOW)
    return store


def test_doctor_brings_nothing_of_it_back(unnamed: Store) -> None:
    days = unnamed.days()
    found = doctor(unnamed, ledger_of(unnamed))
    assert found.healthy
    assert {(one.kind, one.where) for one in found.findings} == {("forgotten", KEYS[0]), ("forgotten", KEYS[4])}
    assert all("--before 2024-03-02" in (one.hint or "") for one in found.findings)
    assert mend(unnamed, ledger_of(unnamed), workers=1, read=kept.read).healthy
    assert unnamed.days() == days
    assert ledger_of(unnamed).file(ledger_of(unnamed).got["ooni", KEYS[0]].digest or "").exists()


def test_status_knows_that_it_is_no_gap(unnamed: Store) -> None:
    found = status(unnamed, ledger_of(unnamed))
    assert {(run.first, run.last) for ask in found.asked for run in ask.gaps} == {
        ("2024-03-02", "2024-03-02"),
        ("2024-03-04", "2024-03-05"),
    }
    assert status(unnamed).forgotten_before == "2024-03-02"


def test_the_same_command_with_the_folder_removes_the_files(unnamed: Store) -> None:
    done = forget(unnamed, "2024-03-02", ledger=ledger_of(unnamed), now=kept.NOW)
    assert (done.files, done.days) == (2, ())
    assert {got.key for got in ledger_of(unnamed).got.values()} == set(KEYS) - {KEYS[0], KEYS[4]}
    assert (unnamed.manifest().gone, doctor(unnamed, ledger_of(unnamed)).findings) == ((), ())


def test_what_is_asked_for_again_is_forgotten_no_more(unnamed: Store) -> None:
    ledger = ledger_of(unnamed)
    one = kept.got(ledger.root, KEYS[0], kept.FILES[KEYS[0]])
    given = Input(str(ledger.file(one.digest or "")), one.name, one.name, one.size)
    ingest([given], unnamed, workers=1, read=kept.read, rules=kept.RULES, reference=kept.REFERENCE)
    assert "2024-03-01" in unnamed.days()
    assert {one.where for one in doctor(unnamed, ledger).findings} == {KEYS[4]}


@pytest.mark.parametrize("named", [True, False])
def test_a_file_that_also_holds_later_days_is_mended_without_its_forgotten_ones(named: bool, store: Store) -> None:
    forget(store, "2024-03-02", ledger=ledger_of(store) if named else None, now=kept.NOW)
    tables, days = store.storage.list("tables"), store.days()
    rows = next(path for path in tables if path.startswith("tables/measurements") and "2024-03-02" in path)
    cut(Path(store.name) / rows)
    mend(store, ledger_of(store), workers=1, read=kept.read)
    assert (store.days(), store.storage.list("tables")) == (days, tables)
    assert [one.cut for one in store.manifest().inputs.values() if one.cut] == ["2024-03-02"]
