"""Law: an answer that a store has read keeps its file and its line when the same question is answered anew."""

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

KEY = list(kept.FILES)[4]
LATER = "#levels\nXA,2024-03-01T00:00:00,1\nXA,2024-03-01T02:00:00,5\n"


@pytest.fixture
def answered(store: Store) -> Store:
    """The store, after one of its questions was answered a second time."""
    ledger = Ledger(Path(store.name) / "raw")
    line = kept.got(ledger.root, KEY, LATER)
    ledger.add(line)
    one = Input(str(ledger.file(line.digest or "")), line.name, line.name, line.size)
    ingest([one], store, workers=1, read=kept.read, rules=kept.RULES, reference=kept.REFERENCE)
    return store


def ledger_of(store: Store) -> Ledger:
    return Ledger(Path(store.name) / "raw")


def test_its_file_counts_and_stays(answered: Store) -> None:
    sizes = sum(len(text.encode()) for text in (*kept.FILES.values(), LATER))
    assert (ledger_of(answered).held(), status(answered, ledger_of(answered)).size.raw) == (sizes, sizes)
    assert doctor(answered, ledger_of(answered)).findings == ()
    assert mend(answered, ledger_of(answered), workers=1, read=kept.read).files == len(kept.FILES) + 1
    assert ledger_of(answered).held() == sizes


def test_a_damaged_day_is_made_anew_from_all_answers(answered: Store) -> None:
    tables = answered.storage.list("tables")
    rows = answered.table("signals").num_rows
    levels = next(path for path in tables if "/signals/" in f"/{path}" and "2024-03-01" in path)
    cut(Path(answered.name) / levels)
    found = mend(answered, ledger_of(answered), workers=1, read=kept.read)
    assert found.healthy, found.findings
    assert (answered.storage.list("tables"), answered.table("signals").num_rows) == (tables, rows)


def test_a_damaged_file_costs_only_its_own_line(answered: Store) -> None:
    [old] = ledger_of(answered).earlier.values()
    cut(ledger_of(answered).file(old.digest or ""))
    mend(answered, ledger_of(answered), workers=1, read=kept.read)
    lines = {one.digest: one.kept for one in ledger_of(answered).every() if one.key == KEY}
    assert lines.pop(old.digest) is False
    assert list(lines.values()) == [True]


def test_all_answers_are_forgotten_with_their_days(answered: Store) -> None:
    done = forget(answered, "2024-03-02", ledger=ledger_of(answered), now=kept.NOW)
    assert done.files == 3
    assert not any(one.key == KEY for one in ledger_of(answered).every())
    assert doctor(answered, ledger_of(answered)).findings == ()
