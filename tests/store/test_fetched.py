"""Law: no fetched file is removed for want of a line that names it; what was read and is nowhere any more is said."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import kept
from damages import cut, flip, part, raw
from test_no_manifest import unlisted

import clampdown
from clampdown.fetch.ledger import Got, Ledger
from clampdown.pipeline.doctor import Health, doctor
from clampdown.pipeline.mending import mend
from clampdown.pipeline.status import status
from clampdown.store.manifest import Lost
from clampdown.store.storage import LocalStorage
from clampdown.store.store import Store


def look(store: Store) -> Health:
    return doctor(store, Ledger(Path(store.name) / "raw"))


def heal(store: Store, **how: Any) -> Health:
    return mend(store, Ledger(Path(store.name) / "raw"), workers=1, read=kept.read, **how)


def found(health: Health) -> dict[str, set[bool]]:
    """Kind -> is it wrong."""
    return {one.kind: {each.wrong for each in health.findings if each.kind == one.kind} for one in health.findings}


def without(store: Store, *keys: str) -> None:
    ledger = Ledger(Path(store.name) / "raw")
    ledger.rewrite([line for line in ledger.lines() if not isinstance(line, Got) or line.key not in keys])


def removed(ledger: Ledger, *keys: str) -> None:
    """The ledger says that these were read and removed."""
    gone = {(kept.service_of(key), key) for key in keys}
    ledger.rewrite([
        msgspec.structs.replace(one, kept=False) if isinstance(one, Got) and (one.service, one.key) in gone else one
        for one in ledger.lines()
    ])  # fmt: skip


def test_without_a_ledger_no_file_is_removed(store: Store) -> None:
    folder = Path(store.name)
    (folder / "raw" / "ledger.jsonl").unlink()
    before = kept.files(folder)
    for health in (look(store), heal(store), look(store)):
        assert not health.healthy
        assert found(health) == {"ledger_gone": {True}, "raw_unlisted": {False}}
        assert kept.files(folder) == before
    assert status(store, Ledger(folder / "raw")).ledger_missing
    # Days can still be made anew from what is here.
    cut(part(folder, "observations"))
    assert {one.kind for one in heal(store).findings if one.mended} == {"part_damaged"}
    assert kept.files(folder) == before


def test_nor_when_another_ledger_was_begun_since(store: Store) -> None:
    """The next fetch begins one, which names what it brought alone."""
    folder = Path(store.name)
    keys = list(kept.FILES)
    without(store, *keys[1:])
    before = kept.files(folder)
    assert heal(store).healthy
    assert found(look(store)) == {"raw_unlisted": {False}}
    assert kept.files(folder) == before
    cut(part(folder, "observations"))
    assert heal(store).healthy
    assert kept.files(folder) == before


def test_a_later_answer_takes_the_line_and_not_the_file(store: Store) -> None:
    ledger = Ledger(Path(store.name) / "raw")
    before = {name: data for name, data in kept.files(Path(store.name)).items() if name.startswith("raw")}
    key = list(kept.FILES)[-1]
    ledger.add(kept.got(ledger.root, key, "#levels\nXA,2024-03-03T00:00:00,5\n"))
    assert heal(store).healthy
    assert before.items() <= kept.files(Path(store.name)).items()


@pytest.mark.parametrize("complete", [True, False])
def test_a_file_that_nobody_ever_named(complete: bool, store: Store) -> None:
    """A whole one may be the only copy there is; half of something is garbage."""
    digest = hashlib.sha256(b"x" if complete else b"y").hexdigest()
    path = Path(store.name) / "raw" / digest[:2] / digest
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    health = heal(store)
    assert health.healthy
    assert path.exists() is complete
    assert found(health) == {"raw_unlisted" if complete else "raw_unnamed": {False}}
    (one,) = health.findings
    assert one.mended is not complete


def test_what_was_read_and_removed_and_is_in_no_store(whole: Store, tmp_path: Path) -> None:
    """A new store from the fetched files of one that kept none of them."""
    folder = tmp_path / "s"
    raw_ = folder / "raw"
    shutil.copytree(Path(whole.name) / "raw", raw_)
    ledger = Ledger(raw_)
    keys = list(kept.FILES)
    for key in keys[:2]:
        ledger.file(ledger.got[kept.service_of(key), key].digest or "").unlink()
    lines = list(ledger.lines())
    ledger.rewrite(
        [
            msgspec.structs.replace(one, kept=False) if isinstance(one, Got) and one.key in keys[:2] else one
            for one in lines
        ]
    )
    (folder / "clampdown.json").write_text('{"format": 1}')
    store = Store(LocalStorage(folder), str(folder))
    assert found(look(store)) == {"raw_gone": {True}, "not_in_store": {True}}
    health = heal(store)
    assert not health.healthy
    assert {one.where for one in health.findings if one.kind == "raw_gone" and not one.mended} == set(keys[:2])
    assert all("clampdown fetch" in (one.hint or "") for one in health.findings if one.kind == "raw_gone")
    assert found(look(store)) == {"raw_gone": {True}}
    ledger = Ledger(raw_)
    ledger.known = store.manifest().inputs
    assert [key for key in keys if ledger.here(kept.service_of(key), key) is None] == keys[:2], "a fetch brings them"


def test_what_was_said_to_be_removed_and_is_still_here_is_read(whole: Store, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    shutil.copytree(Path(whole.name) / "raw", folder / "raw")
    ledger = Ledger(folder / "raw")
    ledger.rewrite(
        [msgspec.structs.replace(one, kept=False) if isinstance(one, Got) else one for one in ledger.lines()]
    )
    (folder / "clampdown.json").write_text('{"format": 1}')
    store = Store(LocalStorage(folder), str(folder))
    health = heal(store)
    assert health.healthy, health.findings
    tables = {n: d for n, d in kept.files(Path(whole.name)).items() if n.startswith("tables")}
    assert {n: d for n, d in kept.files(folder).items() if n.startswith("tables")} == tables


def test_what_was_dropped_on_purpose_is_no_fault_of_the_ledger(store: Store) -> None:
    folder = Path(store.name)
    raw(folder, 3).unlink()
    cut(part(folder, "observations", "2024-03-03"))
    assert not heal(store, drop=True).healthy
    assert found(look(store)) == {"input_lost": {False}}
    assert [type(one) for one in store.manifest().lost.values()] == [Lost]


HIDDEN: dict[str, Callable[[Path], Path]] = {
    "fetched files": lambda s: raw(s).parent,
    "all fetched files": lambda s: s / "raw",
    "parts of a day": lambda s: part(s, "measurements").parent,
    "references": lambda s: s / "reference",
    "landing": lambda s: s / "landing",
}


@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_doctor_goes_on_after_a_folder_that_it_cannot_read(
    hidden: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(store.name)
    (folder / "landing").mkdir(exist_ok=True)
    place = HIDDEN[hidden](folder)
    flip(part(folder, "cells"))
    before = kept.files(folder)
    with monkeypatch.context() as patch:
        unlisted(patch, place)
        for health in (look(store), heal(store)):
            assert not health.healthy
            assert found(health)["unreadable"] == {True}
            assert "part_damaged" in found(health), "it goes on"
            (one,) = (one for one in health.findings if one.kind == "unreadable")
            assert one.where == str(place)
            assert "Permission denied" in one.what
            assert "who owns it" in (one.hint or "")
            assert not health.mended
    assert kept.files(folder) == before
    assert heal(store).healthy


@pytest.mark.parametrize("named", [raw, lambda s: part(s, "observations")])
def test_a_file_that_cannot_be_read_is_not_damaged(
    named: Callable[[Path], Path], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(store.name)
    path = named(folder)
    before = kept.files(folder)
    real = Path.open

    def refused(self: Path, *given: Any, **words: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *given, **words)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refused)
        for health in (look(store), heal(store)):
            assert found(health) == {"unreadable": {True}}
    assert kept.files(folder) == before
    assert look(store).findings == ()


def test_files_and_dropping_are_for_mending(store: Store) -> None:
    for words in ({"drop": True}, {"files": ["x"]}):
        with pytest.raises(clampdown.Error, match="--mend"):
            clampdown.doctor(store, **words)  # type: ignore[arg-type]
