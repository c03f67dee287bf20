"""Law: what is known of two countries is found by the commands a user types, and nothing beside it."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clampdown.cli import group, run

pytestmark = pytest.mark.shared
Row = dict[str, Any]


def clampdown(*words: str | Path) -> str:
    """The command in this process: that it starts as a program of its own is tried elsewhere."""
    said, told = io.BytesIO(), io.StringIO()
    out = io.TextIOWrapper(said, encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        code = run(group, [*map(str, words), "--quiet"])
    assert code == 0, told.getvalue()
    return said.getvalue().decode()


def told(command: str, store: Path, *words: str) -> list[Row]:
    out = clampdown(command, "--store", store, "--format", "jsonl", *words)
    return [json.loads(line) for line in out.splitlines()]


def store_of(folder: Path, *files: Path) -> Path:
    clampdown("ingest", *files, "--store", folder / "store", "--workers", "1")
    clampdown("detect", "--store", folder / "store", "--workers", "1")
    return folder / "store"


def day(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.rstrip("Z")) if text else None


def bracket(row: Row, name: str) -> tuple[datetime | None, datetime | None]:
    """`onset` or `end` of a row as printed, however it is laid out."""
    value = row.get(name)
    if isinstance(value, dict):
        first, last = value.values()
        return day(first), day(last)
    if isinstance(value, list):
        return day(value[0]), day(value[1])
    return day(row.get(f"{name}_after")), day(row.get(f"{name}_before"))


@pytest.fixture(scope="module")
def kenya(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shared / "cases/ooni_observations"
    return store_of(tmp_path_factory.mktemp("ke"), *sorted(folder.glob("2023-KE-*")))


@pytest.fixture(scope="module")
def uganda(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_of(tmp_path_factory.mktemp("ug"), shared / "cases/ooni_observations/ug-analysis.sql")


def hits(rows: list[Row], network: int) -> list[Row]:
    own = [one for one in rows if str(one["network"]) in (str(network), f"AS{network}")]
    return [one for one in own if one["state"] in ("blocked", "throttled") and one["grade"] != "insufficient"]


def test_kenya_one_network_cut_whole(kenya: Path) -> None:
    rows = hits(told("findings", kenya, "KE"), 12455)
    assert rows
    for row in rows:
        (_, onset), (_, end) = bracket(row, "onset"), bracket(row, "end")
        assert onset is not None
        assert datetime(2023, 11, 8) <= onset < datetime(2023, 11, 14)
        assert end is not None
        assert datetime(2023, 11, 24) <= end < datetime(2023, 11, 29)


def test_kenya_one_network_cut_in_part(kenya: Path) -> None:
    rows = [one for one in hits(told("findings", kenya, "KE"), 33771) if one["target"] == "telegram/web"]
    assert len(rows) == 1
    assert "partial" in (rows[0]["pattern"] or "")
    assert any((one["mechanism"] or "").startswith("tls") for one in rows)
    first = min(filter(None, (bracket(one, "onset")[1] for one in rows)))
    last = max(filter(None, (bracket(one, "end")[0] for one in rows)))
    assert datetime(2023, 11, 13) <= first <= datetime(2023, 11, 16)
    assert datetime(2023, 11, 23) <= last <= datetime(2023, 11, 26)


@pytest.mark.parametrize("network", [15808, 36866])
def test_kenya_two_networks_that_were_not_cut(kenya: Path, network: int) -> None:
    assert hits(told("findings", kenya, "KE"), network) == []


def test_kenya_one_decision(kenya: Path) -> None:
    blocks = told("events", kenya, "KE", "--direction", "block")
    assert len(blocks) == 1, [(one["onset_before"], one["networks"], one["targets"]) for one in blocks]
    assert {"12455", "33771"} <= {str(n).removeprefix("AS") for n in _listed(blocks[0]["networks"])}


def _listed(value: Any) -> list[Any]:
    return value.split() if isinstance(value, str) else list(value)


def test_uganda_one_block_and_its_end(uganda: Path) -> None:
    rows = told("events", uganda, "UG")
    rows = [one for one in rows if "20294" in {str(n).removeprefix("AS") for n in _listed(one["networks"])}]
    assert sorted(one["direction"] for one in rows) == ["block", "unblock"]
    by = {one["direction"]: bracket(one, "onset") for one in rows}
    steps = {"block": datetime(2026, 1, 18), "unblock": datetime(2026, 1, 24)}
    for direction, step in steps.items():
        after, before = by[direction]
        assert after is not None
        assert before is not None
        assert after <= step + timedelta(days=1)
        assert abs((before - step).total_seconds()) <= 86400, (direction, after, before)
