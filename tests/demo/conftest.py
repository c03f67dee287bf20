"""Law: the small demo is made once and serves all tests of the demo."""

from __future__ import annotations

import pytest

from clampdown.demo.run import Result, run_demo
from clampdown.pipeline import open_storage
from clampdown.store.storage import LocalStorage
from clampdown.store.store import Store


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The small demo, once."""
    return run_demo(tmp_path_factory.mktemp("demo") / "out", "small", workers=1)


@pytest.fixture(scope="session")
def store(made: Result) -> Store:
    folder = str(made.folder / "store")
    return open_storage(LocalStorage(folder), folder)
