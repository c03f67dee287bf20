"""Law: a store with findings is made the way a user makes one; only the detector itself is stood in for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from clampdown.detect import load_limits
from clampdown.pipeline import api, detecting
from clampdown.store.store import Store

sys.path.insert(0, str(Path(__file__).parent))
import made

Detect = Callable[..., Any]


def stand_in(monkeypatch: pytest.MonkeyPatch, tables: dict[str, pa.Table], digest: str = "t" * 64) -> None:
    """Let the detector find these tables."""
    monkeypatch.setattr(detecting, "make", lambda *_, **__: tables)
    limits = load_limits()
    monkeypatch.setattr(detecting, "load_limits", lambda: msgspec.structs.replace(limits, digest=digest))


@pytest.fixture(scope="session")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("days")
    api.ingest(made.write(folder), folder / "store", workers=1)
    return folder / "store"


@pytest.fixture
def days(two_days: Path, tmp_path: Path) -> Store:
    """A store of its own with two judged days and nothing detected."""
    return api.open_store(shutil.copytree(two_days, tmp_path / "days"))


@pytest.fixture
def detected(days: Store, monkeypatch: pytest.MonkeyPatch) -> Detect:
    """Runs `detect` with a stand-in for the detector, at a given time."""

    def run(tables: dict[str, pa.Table], day: int = 1, digest: str = "t" * 64) -> Any:
        stand_in(monkeypatch, tables, digest)
        return detecting.detect(days, now=datetime(2024, 4, day, 12, 30))

    return run
