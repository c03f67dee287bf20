"""Law: a store of every format that there ever was becomes one of the present format, and reads as it did.

`format-1.tar.xz` is a store of format 1 as it was written (less its pinned references, which are large): two contents
under one id, a level, a published record, a reject. It is never made again.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from clampdown.errors import StoreError
from clampdown.pipeline import open_storage
from clampdown.store import health
from clampdown.store import manifest as manifests
from clampdown.store.manifest import FORMAT
from clampdown.store.migrate import STEPS, migrate
from clampdown.store.storage import LocalStorage

HERE = Path(__file__).parent
ROWS = {"measurements": 1, "observations": 3, "conflicts": 2, "rejects": 1, "signals": 1, "series": 1, "context": 1}


@pytest.fixture
def first(tmp_path: Path) -> LocalStorage:
    with tarfile.open(HERE / "format-1.tar.xz") as archive:
        archive.extractall(tmp_path / "s", filter="data")
    return LocalStorage(tmp_path / "s")


def test_format_1(first: LocalStorage) -> None:
    assert migrate(first) == 1
    assert manifests.format_of(first) == FORMAT
    store = open_storage(first, "s")
    assert {name: store.table(name).num_rows for name in ROWS} == ROWS
    assert store.table("verdicts").num_rows == 1
    assert health.damaged(first, store.manifest(), lambda _: None) == []
    assert migrate(first) == FORMAT, "twice is once"


def test_every_older_format_has_a_step() -> None:
    assert set(STEPS) == set(range(1, FORMAT))
    assert {path.name for path in HERE.glob("format-*.tar.xz")} == {f"format-{n}.tar.xz" for n in range(1, FORMAT + 1)}


@pytest.mark.parametrize(("format_", "says"), [(FORMAT + 1, "knows up to"), (0, "old format 0")])
def test_other_formats_are_refused(format_: int, says: str, first: LocalStorage) -> None:
    first.delete(manifests.MARK)
    first.write_new(manifests.MARK, f'{{"format": {format_}}}'.encode())
    with pytest.raises(StoreError, match=says):
        migrate(first)
