"""Law: an archive line, the postcan beside it, the API's answer and the old can of one record are one measurement."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import msgspec
import pytest
from replay import archive
from replay.archive import Archive

from clampdown.pipeline import api


@pytest.fixture(scope="module")
def made() -> Archive:
    return archive.make(archive.SMALL)


def _three(made: Archive, folder: Path) -> tuple[list[Path], str]:
    """The three forms of one record, as files."""
    can = next(key for key in made.keys("XA", ".tar.gz") if key.removesuffix(".tar.gz") + ".jsonl.gz" in made.objects)
    line = can.removesuffix(".tar.gz") + ".jsonl.gz"
    known = made.held[can][0]
    folder.mkdir()
    paths = [folder / key.rpartition("/")[2] for key in (line, can)] + [folder / f"{known.uid}.json"]
    paths[0].write_bytes(made.objects[line])
    paths[1].write_bytes(made.objects[can])
    # The API may answer in other bytes than the archive's.
    paths[2].write_bytes(json.dumps(msgspec.json.decode(made.answers[known.uid]), indent=1).encode())
    return paths, known.uid


def test_line_postcan_and_answer_are_one(made: Archive, tmp_path: Path) -> None:
    paths, uid = _three(made, tmp_path / "files")
    tables: list[list[dict[str, object]]] = []
    for number, order in enumerate(permutations(paths)):
        store = tmp_path / f"store{number}"
        for path in order:  # one after the other: settled in between
            found = api.ingest(path, store, workers=1, judge=False)
            assert found.conflicts == 0
        held = api.open_store(store)
        rows = held.table("measurements").to_pylist()
        assert [row["measurement"] for row in rows].count(uid) == 1
        assert held.table("conflicts").num_rows == 0
        tables.append(sorted(rows, key=lambda row: row["measurement"]))
    assert all(rows == tables[0] for rows in tables)  # in any order


def test_a_can_and_the_daily_lines_made_from_it_are_one(made: Archive, tmp_path: Path) -> None:
    day = "2020-10-19"
    keys = [key for key in made.objects if f"/{day}/" in key or f"/{day.replace('-', '')}/00/" in key]
    assert {key.split("/")[0] for key in keys} == {"jsonl", "canned"}
    for key in keys:
        path = tmp_path / "files" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made.objects[key])
    found = api.ingest(tmp_path / "files", tmp_path / "store", workers=1, judge=False)
    assert (found.measurements, found.conflicts) == (len(made.measurements(keys)), 0)
    assert found.records > found.measurements


def test_a_forged_post_under_a_known_id_is_a_conflict(made: Archive, tmp_path: Path) -> None:
    """The comparison can fail: another answer under the same id is told."""
    paths, uid = _three(made, tmp_path / "files")
    value = msgspec.json.decode(made.answers[uid])
    value["probe_asn"] = "AS64666"
    paths[2].write_bytes(msgspec.json.encode(value))
    found = api.ingest(paths, tmp_path / "store", workers=1, judge=False)
    assert found.conflicts == 1
    assert api.open_store(tmp_path / "store").table("conflicts").num_rows == 2
