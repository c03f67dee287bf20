"""Law: a store as `fetch` leaves it is made once for all tests that keep it, and copied for those that change it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from clampdown.store.storage import LocalStorage
from clampdown.store.store import Store

sys.path.insert(0, str(Path(__file__).parent))
import kept


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """For reading only."""
    return kept.make(tmp_path_factory.mktemp("kept") / "s")


@pytest.fixture
def store(whole: Store, tmp_path: Path) -> Store:
    """One to change."""
    folder = shutil.copytree(whole.name, tmp_path / "s")
    return Store(LocalStorage(folder), str(folder))
