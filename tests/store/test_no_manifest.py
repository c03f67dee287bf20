"""Law: what cannot be seen is not taken for nothing: without a readable manifest nothing is deleted, and all refuse."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import buckets
import kept
from damages import newest

import clampdown
from clampdown.errors import EnvironmentFault, Error, StoreError
from clampdown.fetch.ledger import Ledger
from clampdown.pipeline import ingest, open_storage
from clampdown.pipeline.detecting import detect
from clampdown.pipeline.doctor import doctor
from clampdown.pipeline.forgetting import forget
from clampdown.pipeline.mending import mend
from clampdown.pipeline.references import adopt, remembered
from clampdown.pipeline.river import judge_store, writing
from clampdown.pipeline.status import status
from clampdown.store import manifest as manifests
from clampdown.store.manifest import Manifest
from clampdown.store.storage import LocalStorage, MemoryStorage, Storage
from clampdown.store.store import Store


def unlisted(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """These folders cannot be listed, whoever asks (tests may run as root, whom no mode stops)."""
    scandir, listdir = os.scandir, os.listdir

    def refusing(real: Callable[..., Any]) -> Callable[..., Any]:
        def act(path: Any = ".") -> Any:
            if not isinstance(path, int) and Path(os.fsdecode(path)).absolute() in folders:
                raise PermissionError(13, "Permission denied", os.fsdecode(path))
            return real(path)

        return act

    monkeypatch.setattr(os, "scandir", refusing(scandir))
    monkeypatch.setattr(os, "listdir", refusing(listdir))


def more(store: Store, tmp_path: Path) -> Any:
    (tmp_path / "more.jsonl").write_text("11\n")
    return ingest(tmp_path / "more.jsonl", store, workers=1, read=kept.read, rules=kept.RULES)


COMMANDS: dict[str, Callable[[Store, Path], Any]] = {
    "ingest": more,
    "judge": lambda store, _: judge_store(store, rules=kept.RULES, workers=1),
    "detect": lambda store, _: detect(store, workers=1),
    "forget": lambda store, _: forget(store, "2024-03-03", now=kept.NOW),
    "forget, with its ledger": lambda store, _: forget(store, "2024-03-03", ledger=Ledger(Path(store.name) / "raw")),
    "update": lambda store, _: adopt(store, None, None, remembered(store)),
    "status": lambda store, _: status(store),
    "export": lambda store, _: store.table("verdicts"),
    "report": lambda store, _: clampdown.report(store, "XA"),
    "log": lambda store, _: store.log(),
}
ABSENT: dict[str, Callable[[Path], Any]] = {
    "folder gone": lambda s: shutil.rmtree(s / "manifest"),
    "files gone": lambda s: [path.unlink() for path in (s / "manifest").iterdir()],
    "folder and mark gone": lambda s: (shutil.rmtree(s / "manifest"), (s / "clampdown.json").unlink()),
    "number of another": lambda s: newest(s).rename(s / "manifest" / "99.json"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("absent", ABSENT)
def test_without_its_manifest_every_command_refuses_and_deletes_nothing(
    absent: str, command: str, store: Store, tmp_path: Path
) -> None:
    folder = Path(store.name)
    ABSENT[absent](folder)
    before = kept.files(folder)

    def act() -> None:
        COMMANDS[command](open_storage(store.storage, store.name, create=command == "ingest"), tmp_path)

    with pytest.raises(StoreError) as caught:
        act()
    assert f"clampdown doctor --store {folder} --mend" in str(caught.value)
    assert str(folder) in str(caught.value)
    assert kept.files(folder) == before


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("place", ["manifest", "tables/measurements/day=2024-03-02"])
def test_a_folder_that_cannot_be_listed_is_not_empty(
    place: str, command: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(store.name)
    before = kept.files(folder)
    said = ""
    with monkeypatch.context() as patch:
        unlisted(patch, folder / place)
        try:
            COMMANDS[command](store, tmp_path)
        except Error as fault:
            said = str(fault)
    if place == "manifest":
        assert said.startswith(f"{folder / place}: no permission")
    assert {name: data for name, data in kept.files(folder).items() if name in before} == before


def test_what_is_missing_is_empty_and_what_is_refused_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = LocalStorage(tmp_path / "s")
    assert storage.list("tables") == []
    storage.write_new("tables/x/a.parquet", b"x")
    assert storage.list("tables") == ["tables/x/a.parquet"]
    assert storage.list("tables/y") == []
    storage.write_new("landing", b"a file")
    with pytest.raises(EnvironmentFault):
        storage.list("landing")
    unlisted(monkeypatch, tmp_path / "s/tables/x")
    with pytest.raises(EnvironmentFault, match=r"tables/x: no permission.*owns"):
        storage.list("tables")


@pytest.mark.parametrize("code", [403, 404, 500, 200])
def test_a_bucket_that_does_not_answer_is_not_empty(code: int, tmp_path: Path) -> None:
    """Refused, not found, out of order, or a page that someone on the way put there."""
    page = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><p>Welcome</p></body></html>"
    for body in (page, b"") if code == 200 else (b"",):
        with buckets.served() as world:
            storage = world.storage()
            manifests.found(storage)
            one = manifests.commit(storage, Manifest())
            storage.write_new("tables/x/a.parquet", b"x")
            world.listing = (code, body)
            for prefix in ("manifest",) if code == 200 else ("manifest", "tables"):
                with pytest.raises(EnvironmentFault):
                    storage.list(prefix)
            with pytest.raises(EnvironmentFault), writing(Store(storage, "s")):
                pass
            world.listing = None
            assert storage.list("tables") == ["tables/x/a.parquet"]
            assert manifests.newest(storage) == one


def left_by_a_killed_ingest(storage: Storage) -> None:
    """Before its first commit: what has landed, and pinned references."""
    storage.write_new("landing/day=2024-03-01/x.measurements.parquet", b"x")
    storage.write_new(f"reference/{'a' * 64}", b"x")


@pytest.mark.parametrize("made", [False, True])
def test_a_killed_ingest_before_its_first_commit_goes_on(made: bool, tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "s")
    if made:
        manifests.found(storage)
    left_by_a_killed_ingest(storage)
    store = open_storage(storage, "s", create=True)
    assert more(store, tmp_path).measurements == 1
    assert storage.list("landing") == []


@pytest.mark.parametrize("left", ["tables/x/a.parquet", "log/1.json"])
def test_nothing_is_collected_for_a_store_that_was_never_committed(left: str) -> None:
    storage = MemoryStorage()
    storage.write_new(left, b"x")
    with pytest.raises(StoreError, match="no manifest"):
        manifests.collect(storage, Manifest())
    with pytest.raises(StoreError, match="no manifest"), writing(Store(storage, "s")):
        pass
    assert storage.list(left.partition("/")[0]) == [left]


def test_a_log_is_not_given_up_for_an_older_manifest(store: Store) -> None:
    """Fetched files would bring the tables back; what was said, they would not."""
    folder = Path(store.name)
    storage = store.storage
    storage.write_new("log/1.json", b"{}")
    shutil.rmtree(folder / "manifest")
    before = kept.files(folder)
    made = mend(store, Ledger(folder / "raw"), workers=1, read=kept.read)
    assert not made.healthy
    assert {one.kind for one in made.findings if one.wrong} == {"manifest"}
    assert kept.files(folder) == before


def test_the_doctor_says_of_which_number_a_manifest_is(store: Store) -> None:
    folder = Path(store.name)
    newest(folder).rename(folder / "manifest" / "99.json")
    assert [one.kind for one in doctor(store, Ledger(folder / "raw")).findings] == ["manifest"]
    before = kept.files(folder)
    assert mend(store, Ledger(folder / "raw"), workers=1, read=kept.read).healthy
    assert kept.files(folder) == before
