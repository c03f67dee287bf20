"""Law: mending touches no day for which a file is missing, and what a person lets go is remembered until it is back."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import kept
from damages import DAY, cut, part
from test_doctor import heal

from clampdown.errors import InputError
from clampdown.pipeline import ingest
from clampdown.pipeline.forgetting import forget
from clampdown.pipeline.inputs import Input
from clampdown.pipeline.mending import mend
from clampdown.pipeline.status import status
from clampdown.store.store import Store


def test_one_day_that_can_be_mended_and_one_that_cannot(store: Store, tmp_path: Path) -> None:
    """A file brought both: the one is made anew from it, and of the other nothing is touched, nor landed twice."""
    folder = Path(store.name)
    (tmp_path / "hand.jsonl").write_text("3 z\n")
    ingest(tmp_path / "hand.jsonl", store, workers=1, read=kept.read, rules=kept.RULES, reference=kept.REFERENCE)
    (hand,) = (key for key, one in store.manifest().inputs.items() if one.name == "hand.jsonl")
    day = "2024-03-01"
    before, inputs = kept.files(folder), store.manifest().inputs
    for each in (DAY, day):
        cut(part(folder, "observations", each))
    cut(part(folder, "cells", day))
    harmed = kept.files(folder)
    made = heal(store)
    assert {one.where for one in made.findings if one.kind == "input_needed"} == {"hand.jsonl"}
    assert {one.where.split("/")[2] for one in made.findings if one.kind == "part_damaged" and one.mended} == {
        f"day={DAY}"
    }
    after = kept.files(folder)
    assert {name for name in after if after[name] != before[name]} == {
        n for n in harmed if f"day={day}/" in n and harmed[n] != before[n]
    }
    assert (store.manifest().landing, store.manifest().inputs) == ({}, inputs)
    one = Input(str(tmp_path / "hand.jsonl"), "hand.jsonl", "hand.jsonl", 4)
    assert heal(store, given={hand: one}).healthy
    assert (kept.files(folder), store.manifest().inputs) == (before, inputs)
    with pytest.raises(InputError, match="never read such a file"):
        heal(store, given={"0" * 64: one})


def test_what_is_lost_is_forgotten_with_its_days(store: Store, tmp_path: Path) -> None:
    cut(part(Path(store.name), "observations", "2024-03-01"))
    cut(part(Path(store.name), "observations", "2024-03-03"))
    mend(store, None, workers=1, read=kept.read, drop=True)
    assert {day for one in status(store).lost for day in one.days} == {"2024-03-01", "2024-03-03"}
    forget(store, "2024-03-03", now=kept.NOW)
    assert {day for one in status(store).lost for day in one.days} == {"2024-03-03"}


def test_where_nothing_tells_what_brought_it_nothing_goes_unless_all_is_here(store: Store, tmp_path: Path) -> None:
    folder = Path(store.name)
    part(folder, "measurements").unlink()
    (folder / "raw").rename(tmp_path / "raw")
    made = mend(store, None, workers=1, read=kept.read)
    assert {one.where for one in made.findings if one.kind == "input_needed"} == {
        kept.name_of(key) for key in kept.FILES
    }
    (tmp_path / "raw").rename(folder / "raw")
    assert heal(store).healthy
