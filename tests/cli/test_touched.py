"""Law: whatever leaf of a report is changed, verify says so; what it lets pass it names, and nothing else passes."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.errors import Error
from clampdown.pipeline.answers import verify
from clampdown.store.storage import LocalStorage
from clampdown.store.store import Store

sys.path.insert(0, str(Path(__file__).parent))
import made

# A report may come from another version, or be counted with other thresholds while they give every number: it is said.
SAID: Final = re.compile(r"inputs\.version|thresholds\..*")
# The question is what was asked: another one that gives the same answer is no fault.
ASKED: Final = re.compile(r"question\..*")


def leaves(at: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every leaf, and every list that could be emptied."""
    if isinstance(at, dict):
        for key, value in at.items():
            yield from leaves(value, (*way, key))
        return
    yield way
    if isinstance(at, list):
        for index, value in enumerate(at):
            yield from leaves(value, (*way, index))


def kind(way: tuple[str | int, ...]) -> str:
    """The path of a leaf with places in lists, and keys that name a target, as stars."""
    return ".".join("*" if isinstance(step, int) or "/" in step else step for step in way)


def other(value: Any) -> Any:
    """A value of the same kind that is another one."""
    if value is None:
        return "none.such"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}0" if isinstance(value, str) else []


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any], bytes]:
    folder = tmp_path_factory.mktemp("touched")
    store, page = str(folder / "store"), str(folder / "report.html")
    assert run(group, ["ingest", str(made.write(folder)), "--store", store, "-q"]) == 0
    assert run(group, ["report", "XA", "--store", store, "-q", "-o", page]) == 0
    return store, json.loads((folder / "report.json").read_text()), (folder / "witnesses.csv").read_bytes()


def test_every_leaf(held: tuple[str, dict[str, Any], bytes]) -> None:
    folder, report, listed = held
    store = Store(LocalStorage(Path(folder)))
    passed: set[str] = set()
    tried: set[str] = set()
    for way in leaves(report):
        name = kind(way)
        if name in tried or ASKED.fullmatch(name):
            continue
        changed = copy.deepcopy(report)
        at: Any = changed
        for step in way[:-1]:
            at = at[step]
        before = at[way[-1]]
        at[way[-1]] = other(before)
        if before == at[way[-1]]:
            continue
        tried.add(name)
        try:
            proof = verify(store, json.dumps(changed).encode(), listed)
        except Error:
            continue
        if proof.holds and not (SAID.fullmatch(name) and proof.notes):
            passed.add(name)
    assert {"terms.attribution", "inputs.snapshots.*.licence", "cells.*.rules.*.verdict", "names.synthetic"} <= tried
    assert passed == set()


def test_more_measurements_excuse_nothing_else(held: tuple[str, dict[str, Any], bytes], tmp_path: Path) -> None:
    _, report, listed = held
    folder = str(tmp_path / "store")
    more = made.records()
    for number, record in enumerate(more):
        record["measurement_uid"] = record["measurement_uid"][:-3] + "111"
        record["report_id"] += "x" if number % 2 else "y"
    (tmp_path / "more.jsonl").write_text("".join(json.dumps(record) + "\n" for record in more))
    for path in (made.write(tmp_path), tmp_path / "more.jsonl"):
        assert run(group, ["ingest", str(path), "--store", folder, "-q"]) == 0
    store = Store(LocalStorage(Path(folder)))
    proof = verify(store, json.dumps(report).encode(), listed)
    assert proof.holds, [check for check in proof.checks if not check.holds]
    assert proof.notes == ("later:24",)
    for field, value in (("snapshots", []), ("bodies", []), ("sources", [])):
        changed = copy.deepcopy(report)
        changed["inputs"][field] = value
        proof = verify(store, json.dumps(changed).encode(), listed)
        assert not proof.holds, field
