"""Law: through a store too: detect twice and nothing is written; copies, late files and other lists move nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import made
import pyarrow as pa
import pytest

import clampdown
from clampdown.model import DETECTED
from clampdown.pipeline import api, later
from clampdown.store.store import Store

HOST, ADDRESS = "site.example", "93.184.216.9"
FIRST, CUT, LAST = 4, 8, 11  # days of March 2024
WHEN = datetime(2024, 4, 1, 12)
Record = dict[str, Any]


def record(day: int, hour: int, session: int, network: int, *, cut: bool, **given: Any) -> Record:
    """A visit to one site, which the resolver denies once it is cut."""
    name = "denied.example" if cut else "given.example"
    text = json.dumps(made.record(name, day, hour, session, network))
    for old, new in ((name, HOST), (made.ADDRESS[name], ADDRESS)):
        text = text.replace(old, new)
    return json.loads(text) | given


def records(first: int = FIRST, last: int = LAST, **given: Any) -> list[Record]:
    """Two networks, three sessions a day on each; cut from one day on."""
    return [
        record(day, 3 + 6 * session + network % 2, session, network, cut=day >= CUT, **given)
        for day in range(first, last + 1)
        for network in (64500, 64501)
        for session in (1, 2, 3)
    ]


def write(path: Path, rows: Iterable[Record]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def store_of(folder: Path, *parts: Iterable[Record], name: str = "store") -> Store:
    for number, rows in enumerate(parts):
        api.ingest(write(folder / f"{name}-{number}.jsonl", rows), folder / name, workers=1)
    return api.open_store(folder / name)


def bytes_of(store: Store) -> dict[str, bytes]:
    root = Path(store.name)
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def tables(store: Store) -> dict[str, pa.Table]:
    later.detect(store, workers=1, now=WHEN)
    return {name: store.detected(name) for name in DETECTED}


def happened(found: dict[str, pa.Table]) -> list[tuple[Any, ...]]:
    names = ("direction", "networks", "onset_after", "onset_before", "grade")
    return [tuple(one[name] for name in names) for one in found["events"].to_pylist()]


def plain(found: dict[str, pa.Table]) -> str:
    """As text, with events numbered in the order of the table: their names may be an earlier run's."""
    text = json.dumps({name: rows.to_pylist() for name, rows in found.items()}, default=str, sort_keys=True)
    for number, name in enumerate(found["events"]["event"].to_pylist()):
        text = text.replace(name, f"event {number}")
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made_in = tmp_path_factory.mktemp("detected")
    store_of(made_in, records())
    return made_in


@pytest.fixture(scope="module")
def whole(folder: Path) -> dict[str, pa.Table]:
    """What is found when all is known at once."""
    return tables(api.open_store(folder / "store"))


def test_one_event_is_found_and_its_measurements_named(whole: dict[str, pa.Table]) -> None:
    (event,) = whole["events"].to_pylist()
    assert (event["direction"], event["targets"], event["networks"]) == ("block", f"web/{HOST}", "64500 64501")
    assert event["onset_after"] <= datetime(2024, 3, CUT) <= event["onset_before"]
    hits = [one for one in whole["findings"].to_pylist() if one["state"] == "blocked" and one["network"]]
    assert [(one["witnesses"], len(one["witnesses_first"].split())) for one in hits] == [(12, 12), (12, 12)]


def test_detect_twice_writes_nothing(folder: Path, whole: dict[str, pa.Table], tmp_path: Path) -> None:
    store = api.open_store(shutil.copytree(folder / "store", tmp_path / "store"))
    before, number = bytes_of(store), store.manifest().number
    summary = later.detect(store, workers=1, now=datetime(2024, 5, 1))
    assert (summary.changed, store.manifest().number) == (False, number)
    assert bytes_of(store) == before
    assert {name: store.detected(name) for name in DETECTED} == whole


def test_in_two_parts_it_ends_in_the_same_tables(whole: dict[str, pa.Table], tmp_path: Path) -> None:
    """The second half of every day comes first; detected in between, and not."""
    rows = records()
    store = store_of(tmp_path, rows[1::2])
    fresh = shutil.copytree(store.name, tmp_path / "fresh")
    assert tables(store) != whole
    rest = write(tmp_path / "rest.jsonl", rows[::2])
    for folder in (Path(store.name), fresh):
        api.ingest(rest, folder, workers=1)
    assert plain(tables(api.open_store(store.name))) == plain(whole)
    assert tables(api.open_store(fresh)) == whole


def test_copies_of_true_records_change_nothing(folder: Path, whole: dict[str, pa.Table], tmp_path: Path) -> None:
    """Once as they are; once with what they say turned round under the ids of true ones, all in one session."""
    path = shutil.copytree(folder / "store", tmp_path / "store")
    api.ingest(write(tmp_path / "same.jsonl", records()[:24]), path, workers=1)
    assert tables(api.open_store(path)) == whole
    forged = []
    for true in records(CUT, LAST)[::2]:
        day, hour = int(true["measurement_start_time"][8:10]), int(true["measurement_start_time"][11:13])
        lie = record(day, hour, 9, int(true["probe_asn"][2:]), cut=False)
        forged.append(lie | {"measurement_uid": true["measurement_uid"]})
    api.ingest(write(tmp_path / "forged.jsonl", forged), path, workers=1)
    found = tables(api.open_store(path))
    assert [one[:2] for one in happened(found)] == [one[:2] for one in happened(whole)]
    (old,), (new,) = happened(whole), happened(found)
    assert new[2] <= old[3]
    assert old[2] <= new[3]
    assert found["events"]["lasts"].to_pylist() == [True]


def test_another_list_of_tests_is_the_instruments_doing(tmp_path: Path) -> None:
    """From the day on which it fails, another address of the site is tried."""
    rows = [*records(FIRST, CUT - 1), *records(CUT, LAST, input=f"https://{HOST}/some/other/page")]
    found = tables(store_of(tmp_path, rows))
    assert found["events"].num_rows == 0
    notes = [(one["kind"], one["detail"], one["target"]) for one in found["notes"].to_pylist()]
    assert notes == [("instrument", "test_list", f"web/{HOST}")]


def reference(folder: Path, *patterns: str) -> Path:
    """A folder of block page fingerprints."""
    folder.mkdir()
    lines = ["name,scope,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,source,exp_url,notes"]
    lines += [f"made.{n},nat,body,contains,{text},10,XA,,," for n, text in enumerate(patterns)]
    (folder / "fingerprints_http.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("snapshot", ["changes", "stays"])
def test_another_snapshot_of_references_is_the_instruments_doing(tmp_path: Path, snapshot: str) -> None:
    """The pages were the same all along: only the fingerprints with which they are matched are new. Where these stay
    and the page changes, it is a block."""
    page = "<title>Hello</title>" + "y" * 40 + " by order of the ministry " + "y" * 40

    def shown(first: int, last: int, *, page_too: bool) -> list[Record]:
        rows = []
        for day in range(first, last + 1):
            for network in (64500, 64501):
                for session in (1, 2, 3):
                    one = record(day, 3 + 6 * session + network % 2, session, network, cut=False)
                    if page_too:
                        one["test_keys"]["requests"][0]["response"]["body"] = page
                    rows.append(one)
        return rows

    changes = snapshot == "changes"
    old = reference(tmp_path / "old", "something else entirely")
    new = reference(tmp_path / "new", "something else entirely", "by order of the ministry")
    path = tmp_path / "store"
    parts = ((FIRST, CUT - 1, old if changes else new, changes), (CUT, LAST, new, True))
    for first, last, folder, page_too in parts:
        rows = shown(first, last, page_too=page_too)
        api.ingest(
            write(tmp_path / f"{first}.jsonl", rows), path, workers=1, reference=clampdown.load_reference(folder)
        )
    found = tables(clampdown.open_store(path))
    states = {one["state"] for one in found["findings"].to_pylist()}
    if changes:
        assert found["events"].num_rows == 0, found["events"].to_pylist()
        assert [(one["kind"], one["detail"]) for one in found["notes"].to_pylist()] == [("instrument", "reference")]
        assert "blocked" not in states
    else:
        assert [one["direction"] for one in found["events"].to_pylist()] == ["block"]
        assert "blocked" in states
