"""Law: whatever is damaged is found by name; what can be made anew is the same bytes as before, the rest is said."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import buckets
import kept
from damages import SAME, cut, flip, newest, part, raw

from clampdown.errors import StoreError
from clampdown.fetch.ledger import Ledger
from clampdown.pipeline import ingest, open_storage
from clampdown.pipeline.doctor import Health, doctor
from clampdown.pipeline.forgetting import forget
from clampdown.pipeline.inputs import Input
from clampdown.pipeline.mending import mend
from clampdown.pipeline.status import status
from clampdown.store.storage import LocalStorage
from clampdown.store.store import Store


def at(folder: Path) -> Store:
    return Store(LocalStorage(folder), str(folder))


def look(store: Store) -> Health:
    return doctor(store, Ledger(Path(store.name) / "raw"))


def heal(store: Store, **how: Any) -> Health:
    ledger = Ledger(Path(store.name) / "raw")
    return mend(store, ledger, workers=1, read=kept.read, **how)


def raw_files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if len(path.name) == 64)


def kinds(found: Health) -> set[str]:
    return {one.kind for one in found.findings}


def test_a_whole_store_is_healthy_and_mending_changes_nothing(store: Store) -> None:
    folder = Path(store.name)
    before, number = kept.files(folder), store.manifest().number
    found = look(store)
    assert (found.healthy, found.findings, found.files) == (True, (), len(kept.FILES))
    assert found.parts == sum(1 for p in (folder / "tables").rglob("*.parquet"))
    assert heal(store).healthy
    assert kept.files(folder) == before
    assert store.manifest().number == number


@pytest.mark.parametrize("kind", SAME)
def test_what_is_damaged_is_found(kind: str, store: Store) -> None:
    folder = Path(store.name)
    damage, called, wrong = SAME[kind]
    damage(folder)
    damaged = kept.files(folder)
    found = look(store)
    assert kept.files(folder) == damaged, "a look writes nothing"
    assert called in kinds(found)
    assert found.healthy is not wrong
    assert all(one.hint for one in found.findings if one.wrong), "each says what to do"


# Several at once, and (in the long tests) each alone.
TOGETHER = (
    (
        "measurements flipped", "cells gone", "reference flipped", "part that nobody names", "half a file",
        "half a fetched file", "entry of a killed run", "fetched file that nobody names", "landing that nobody names",
    ),
    ("observations cut", "signals gone", "mark gone", "list of references gone", "verdicts flipped"),
    ("manifest cut",),
)  # fmt: skip


@pytest.mark.parametrize(
    "chosen", [*TOGETHER, *(pytest.param((kind,), marks=pytest.mark.long) for kind in SAME)], ids=lambda one: one[0]
)
def test_what_can_be_mended_is_the_same_bytes_as_before(chosen: tuple[str, ...], store: Store) -> None:
    folder = Path(store.name)
    before, inputs = kept.files(folder), store.manifest().inputs
    for kind in chosen:
        SAME[kind][0](folder)
    made = heal(store)
    assert made.healthy, made.findings
    assert kinds(made) >= {SAME[kind][1] for kind in chosen}
    assert all(one.mended for one in made.findings)
    assert kept.files(folder) == before
    assert store.manifest().inputs == inputs, "what was counted stays counted"
    assert look(store).findings == ()


def test_what_was_fetched_and_is_damaged_is_fetched_again_only_where_the_store_lacks_it(store: Store) -> None:
    folder, keys = Path(store.name), list(kept.FILES)
    before = kept.files(folder)
    for number, damage in enumerate((Path.unlink, cut, flip)):
        damage(raw(folder, number))
    found = look(store)
    assert {one.where: one.kind for one in found.findings} == {
        keys[0]: "raw_missing", keys[1]: "raw_damaged", keys[2]: "raw_damaged",
    }  # fmt: skip
    assert not found.healthy
    assert heal(store).healthy
    ledger = Ledger(folder / "raw")
    assert [got.kept for got in ledger.got.values()].count(False) == 3
    ledger.known = store.manifest().inputs
    assert all(ledger.here(got.service, got.key) for got in ledger.got.values())
    assert {name for name in kept.files(folder) if name.startswith("tables")} == {
        n for n in before if n.startswith("tables")
    }
    # And where the store lacks it too, it is named, and the next fetch brings it.
    part(folder, "measurements").unlink()
    damaged, needed = kept.files(folder), {kept.name_of(key) for key in keys[:3]}
    for found in (look(store), heal(store)):
        assert not found.healthy
        assert {one.where for one in found.findings if one.kind == "input_needed"} == needed
        assert kept.files(folder) == damaged
    made = heal(store, drop=True)
    assert not made.healthy
    lost = {one.where: one.hint for one in made.findings if one.kind == "input_lost"}
    assert set(lost) == needed
    assert all("clampdown fetch" in (hint or "") for hint in lost.values())
    ledger = Ledger(folder / "raw")
    ledger.known = store.manifest().inputs
    assert [key for key in keys if ledger.here(kept.service_of(key), key) is None] == keys[:3]
    assert {one.where: one.wrong for one in look(store).findings} == dict.fromkeys(needed, False), "it is remembered"


def test_without_fetched_files_what_is_lost_is_named_and_can_be_ingested(store: Store, tmp_path: Path) -> None:
    folder = Path(store.name)
    before = {name: data for name, data in kept.files(folder).items() if name.startswith("tables")}
    shutil.move(folder / "raw", tmp_path / "raw")
    cut(part(folder, "observations", "2024-03-03"))
    damaged, number = kept.files(folder), store.manifest().number
    for made in (doctor(store), mend(store, None, workers=1, read=kept.read), doctor(store)):
        assert not made.healthy
        assert {one.kind for one in made.findings} == {"part_damaged", "input_needed"}
        (needed,) = (one for one in made.findings if one.kind == "input_needed")
        assert needed.where == "2024030412_XA.jsonl", "the day's other tables tell which file it was"
        assert all("makes it anew" not in (one.hint or "") for one in made.findings), "no promise that does not hold"
        assert "--mend FILE" in (needed.hint or "")
        assert "2024-03-03" in needed.what
        assert (kept.files(folder), store.manifest().number) == (damaged, number), "what is whole stays"
    ledger = Ledger(tmp_path / "raw")
    (got,) = (got for got in ledger.got.values() if got.name == needed.where)
    one = Input(str(ledger.file(got.digest or "")), got.name, got.name, got.size)
    return_of = tables_without(damaged, "2024-03-03")
    # With the file it is mended; or it is let go, is remembered, and comes back as any file does.
    other = at(shutil.copytree(folder, tmp_path / "other"))
    healed = mend(other, None, workers=1, read=kept.read, given={got.input or "": one})
    assert (healed.healthy, healed.mended) == (True, 1)
    assert tables(Path(other.name)) == before
    made = mend(store, None, workers=1, read=kept.read, drop=True)
    assert not made.healthy
    assert [(one.kind, one.where) for one in made.findings if one.wrong and not one.mended] == [
        ("part_damaged", part_of(damaged, before)), ("input_lost", needed.where),
    ]  # fmt: skip
    assert tables(folder) == return_of
    for _ in range(2):
        later = doctor(store)
        assert [(one.kind, one.where, one.wrong) for one in later.findings] == [("input_lost", needed.where, False)]
        assert "2024-03-03" in later.findings[0].what
        assert [(one.name, one.days) for one in status(store).lost] == [(needed.where, ("2024-03-03",))]
        assert mend(store, None, workers=1, read=kept.read, drop=True).healthy
    ingest([one], store, workers=1, read=kept.read, rules=kept.RULES, reference=kept.REFERENCE)
    assert tables(folder) == before
    assert (doctor(store).findings, status(store).lost) == ((), ())


def tables(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in kept.files(folder).items() if name.startswith("tables")}


def tables_without(files: dict[str, bytes], day: str) -> dict[str, bytes]:
    """Those of measurements of the day are gone; signals of it stay."""
    own = {"series", "signals", "context"}
    return {
        name: data for name, data in files.items()
        if name.startswith("tables") and (f"day={day}" not in name or name.split("/")[1] in own)
    }  # fmt: skip


def part_of(damaged: dict[str, bytes], whole: dict[str, bytes]) -> str:
    (name,) = (name for name, data in whole.items() if damaged[name] != data)
    return name


def test_a_store_from_its_fetched_files_alone(whole: Store, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    open_storage(LocalStorage(folder), "new", create=True)
    shutil.copytree(Path(whole.name) / "raw", folder / "raw")
    assert kinds(look(at(folder))) == {"not_in_store"}
    assert heal(at(folder)).healthy
    assert kept.files(folder) == kept.files(Path(whole.name))


def test_a_torn_ledger_is_written_anew(store: Store) -> None:
    path = Path(store.name) / "raw" / "ledger.jsonl"
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:-1], lines[-1][:-9], lines[0][:30]]))
    found = look(store)
    assert kinds(found) == {"ledger_torn"}
    assert not found.healthy
    assert heal(store).healthy
    assert Ledger(path.parent).torn == 0
    assert len(Ledger(path.parent).got) == len(kept.FILES)


def test_files_that_a_torn_line_may_have_named_stay(store: Store) -> None:
    path = Path(store.name) / "raw" / "ledger.jsonl"
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0][:-9], *lines[1:]]) + b"\n")
    made = heal(store)
    assert {one.kind for one in made.findings if not one.mended} == {"raw_unlisted"}
    assert made.healthy
    assert raw_files(path.parent) == len(kept.FILES)


def test_what_has_landed_is_settled(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from clampdown.pipeline import river

    (tmp_path / "more.jsonl").write_text("11\n12\n")

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(river._Run, "settle", stop)
        with pytest.raises(KeyboardInterrupt):
            ingest(tmp_path / "more.jsonl", store, workers=1, read=kept.read, rules=kept.RULES)
    found = look(store)
    assert {(one.kind, one.wrong) for one in found.findings} == {("landing", False)}
    assert found.healthy
    cut(next((Path(store.name) / "landing").rglob("*.observations.parquet")))
    for made in (look(store), heal(store)):
        assert [one.where for one in made.findings if one.kind == "input_needed"] == ["more.jsonl"]
        assert store.manifest().landing != {}
    made = heal(store, drop=True)
    assert [one.where for one in made.findings if one.kind == "input_lost"] == ["more.jsonl"]
    assert store.manifest().landing == {}
    assert kinds(look(store)) == {"input_lost"}
    ingest(tmp_path / "more.jsonl", store, workers=1, read=kept.read, rules=kept.RULES)
    assert look(store).findings == ()


def test_what_is_to_be_run_again_is_said_and_not_wrong(tmp_path: Path) -> None:
    store = kept.make(tmp_path / "s", judge=False)
    found = look(store)
    assert found.healthy
    assert [(one.kind, one.wrong, one.hint) for one in found.findings] == [
        ("stale", False, f"clampdown judge --store {store.name}")
    ]


def test_another_command_at_work(store: Store) -> None:
    (Path(store.name) / "tables" / ".tmp-abc").write_text("x")
    lock = store.storage.lock()
    found = look(store)
    assert found.healthy
    assert kinds(found) == {"busy"}, "what is half written belongs to that command"
    with pytest.raises(StoreError, match="another command"):
        heal(store)
    lock.release()
    assert kinds(look(store)) == {"temporary"}


def test_something_that_is_no_store_s_is_left_alone(store: Store) -> None:
    (Path(store.name) / "holiday.jpg").write_text("x")
    made = heal(store)
    assert made.healthy
    assert kinds(made) == {"strange"}
    assert (Path(store.name) / "holiday.jpg").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [("clampdown.json", '{"format": 2}'), ("manifest", '{"format": 1, "surprise": 1}'), ("manifest", '{"format": 2}')],
)
def test_a_newer_store_is_refused_and_left_alone(name: str, text: str, store: Store) -> None:
    folder = Path(store.name)
    (newest(folder) if name == "manifest" else folder / name).write_text(text)
    before = kept.files(folder)
    for act in (look, heal):
        with pytest.raises(StoreError, match=r"format 2|does not know"):
            act(store)
    assert kept.files(folder) == before


def test_a_folder_that_is_no_store(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(StoreError, match="no store"):
            doctor(at(folder))
    assert not (tmp_path / "none").exists()


def test_no_manifest_and_not_all_of_it_fetched(store: Store) -> None:
    """Going back would give up what a person ingested: nothing is changed, and it says what to do."""
    folder = Path(store.name)
    ledger = Ledger(folder / "raw")
    ledger.rewrite(line for line in ledger.lines() if getattr(line, "key", "") != next(iter(kept.FILES)))
    for path in (folder / "manifest").iterdir():
        path.write_text("{")
    before = kept.files(folder)
    made = heal(store)
    assert not made.healthy
    assert {one.kind for one in made.findings if one.wrong} == {"manifest"}
    assert any("copy of the store" in (one.hint or "") for one in made.findings)
    assert kept.files(folder) == before


def test_a_snapshot_that_nobody_has_any_more(tmp_path: Path, store: Store) -> None:
    from clampdown.reference import load_reference

    given = load_reference({"networks_mine.csv": b"asn,name\n64500,Mine\n"})
    (tmp_path / "more.jsonl").write_text("11\n")
    ingest(tmp_path / "more.jsonl", store, workers=1, judge=False, read=kept.read, reference=given)
    folder = Path(store.name)
    (file,) = (p for p in (folder / "reference").iterdir() if p.read_bytes() == b"asn,name\n64500,Mine\n")
    flip(file)
    cut(part(folder, "observations"))
    before = kept.files(folder)
    made = heal(store)
    assert not made.healthy
    assert {one.kind for one in made.findings if not one.mended and one.wrong} >= {"reference", "part_damaged"}
    assert kept.files(folder) == before, "without it nothing can be made anew, so nothing is dropped"
    ledger = Ledger(folder / "raw")
    made = mend(store, ledger, reference=given, workers=1, read=kept.read)
    assert file.read_bytes() == b"asn,name\n64500,Mine\n"
    assert made.healthy
    msgspec.json.encode(made)


def test_a_store_in_a_bucket(store: Store) -> None:
    """Looked at, mended and forgotten like one in a folder; the fetched files lie on this machine."""
    folder = Path(store.name)
    with buckets.served() as world:
        storage = world.storage()
        for name, data in kept.files(folder).items():
            if not name.startswith("raw"):
                storage.write_new(name, data)
        storage.write_new(f"manifest/{newest(folder).name}", newest(folder).read_bytes())
        held, ledger = Store(storage, "s"), Ledger(folder / "raw")
        assert doctor(held, ledger).findings == ()
        assert status(held, ledger, now=kept.NOW).sources == status(store, ledger, now=kept.NOW).sources
        gone = part(folder, "observations").relative_to(folder).as_posix()
        storage.delete(gone)
        assert kinds(doctor(held, ledger)) == {"part_missing"}
        assert mend(held, ledger, workers=1, read=kept.read).healthy
        assert storage.read(gone) == (folder / gone).read_bytes()
        assert forget(held, "2024-03-03", ledger=ledger, now=kept.NOW).files == 4
        assert doctor(held, Ledger(folder / "raw")).healthy
