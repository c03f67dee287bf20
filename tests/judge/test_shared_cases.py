"""Law: on the shared material no record is lost, every truth by construction is met, every difference explained."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MATERIAL = Path(os.environ.get("CLAMPDOWN_SHARED", ROOT.parent / "shared"))

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (MATERIAL / "cases/ooni/expected.csv").is_file(), reason="no material (CLAMPDOWN_SHARED)"),
]


@pytest.fixture(scope="module")
def conformance() -> ModuleType:
    spec = importlib.util.spec_from_file_location("conformance", ROOT / "docs/conformance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["conformance"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(conformance: ModuleType) -> list[Any]:
    return list(conformance.rows(MATERIAL))


def test_no_record_is_lost(rows: list[Any]) -> None:
    assert [row.file for row in rows if row.state == "nothing"] == []


def test_scenarios(rows: list[Any]) -> None:
    found = [row for row in rows if row.truth == "scenario"]
    assert found
    assert [(row.file, row.state, row.mechanisms) for row in found if not row.agrees] == []
    blocked = [row for row in found if row.state == "blocked"]
    assert sum(any("." in m for m in row.mechanisms) for row in blocked) >= 0.9 * len(blocked)


def test_every_difference_is_explained(rows: list[Any], conformance: ModuleType) -> None:
    peers = [row for row in rows if row.truth.startswith("peer") and not row.agrees]
    assert [row.file for row in peers if not conformance.reason(row.file)] == []


def test_the_page_is_current(rows: list[Any], conformance: ModuleType) -> None:
    assert (ROOT / "docs/conformance.md").read_text(encoding="utf-8") == conformance.page(rows)
