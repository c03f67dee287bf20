"""Law: signals and measurements of one day live beside each other, and neither changes what the other says."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import tiny
import tiny_signals

from clampdown.errors import InputError, UsageError
from clampdown.judge.rules import load_rules
from clampdown.model import Terms
from clampdown.pipeline import Summary, answers, detecting, ingest, judge_store, open_storage
from clampdown.pipeline.alone import judge_files
from clampdown.publish.table import export as hand_out
from clampdown.reference import load_reference
from clampdown.store import manifest as manifests
from clampdown.store.manifest import Manifest
from clampdown.store.storage import MemoryStorage
from clampdown.store.store import Filter, Store

RULES, REFERENCE = load_rules(), load_reference()
LEVELS = [
    "#levels",
    "XA,2024-03-01T00:00:00,10", "XA,2024-03-01T23:00:00,", "XA,2024-03-02T05:00:00,0", "XB,2024-03-01T06:00:00,7",
    "AS64500@XA,2024-03-01T06:00:00,3", "~XA,2024-03-02T06:00:00,50", "XA,2024-03-02T06:00:00,",
    "!protest,2024-03-01T00:00:00,in the streets", "!order,2023-01-05T00:00:00,lasts", "!order,,undated",
    "!shutdown-list,2024-02-01T00:00:00,over,2024-02-29T00:00:00", "nothing",
]  # fmt: skip


def read(stream: Any, name: str, kit: Any, limits: Any) -> Any:
    """Signals by the tiny source of signals, all else by the tiny source of measurements."""
    inner = tiny_signals.READ if name.endswith(".csv") else tiny.read
    yield from inner(stream, name, kit, limits)


def fresh() -> Store:
    return open_storage(MemoryStorage(), "memory", create=True)


def run(store: Store, *paths: Path, **given: Any) -> Summary:
    return ingest(paths, store, **({"read": read, "workers": 1, "rules": RULES, "reference": REFERENCE} | given))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    tmp_path = tmp_path_factory.mktemp("both")
    (tmp_path / "m.jsonl").write_text("0\n1\n2\n3\n4\n")
    (tmp_path / "s.csv").write_text("\n".join(LEVELS))
    return tmp_path / "m.jsonl", tmp_path / "s.csv"


@pytest.fixture(scope="module")
def held(both: tuple[Path, Path]) -> Store:
    """A store of both, that is only read."""
    store = fresh()
    run(store, *both, judge=False)
    return store


def tables(store: Store, *names: str) -> list[str]:
    return [p for p in store.storage.list("tables") if not names or p.split("/")[1] in names]


def test_what_was_judged_stays_judged(both: tuple[Path, Path]) -> None:
    alone, late, early, once = fresh(), fresh(), fresh(), fresh()
    run(alone, both[0])
    run(late, both[0])
    before = late.manifest()
    got = run(late, both[1])
    assert (got.levels, got.published, got.rejected, got.measurements) == (7, 4, 1, 0)
    assert got.records == got.levels + got.published + got.rejected == len(LEVELS) - 1
    assert late.stale(RULES.digest, REFERENCE.digest) == []
    after = late.manifest()
    for day, entry in before.days.items():
        assert (after.days[day].judged, after.days[day].settled) == (entry.judged, entry.settled)
    run(early, both[1])
    assert early.stale(RULES.digest, REFERENCE.digest) == []
    run(early, both[0])
    run(once, *both)
    assert tables(early) == tables(late) == tables(once)
    same = ("measurements", "observations", "matches", "verdicts", "fired", "cells", "coverage")
    assert tables(late, *same) == tables(alone, *same)
    assert after.inputs_digest() == once.manifest().inputs_digest() != before.inputs_digest()
    assert after.as_of() == before.as_of()
    assert run(once, *both).levels == 7


def test_a_store_of_signals_alone_is_usable_at_once(both: tuple[Path, Path]) -> None:
    store = fresh()
    got = run(store, both[1], judge=False)
    # The reject has no day, and with it there is a day to judge, as for every file.
    assert got.deferred == ("unknown",)
    assert judge_store(store, workers=1, rules=RULES, reference=REFERENCE) == ("unknown",)
    assert judge_store(store, workers=1, rules=RULES, reference=REFERENCE) == ()
    manifest = store.manifest()
    assert manifest.as_of() is None
    assert manifest.levels_as_of() == "2024-03-02T06:00:00Z"  # of the last level that has a value
    summary = detecting.detect(store, workers=1, now=datetime(2024, 4, 1))
    assert summary.as_of == "2024-03-02T06:00:00Z"
    assert summary.findings == {}
    assert not store.stale_detection()
    assert b"Nothing was measured here" in answers.report(store, "XA").html
    with pytest.raises(InputError, match="judged"):
        detecting.detect(fresh())


def test_the_newest_value_and_not_the_newest_bin_is_how_far_the_signals_go(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("#levels\nXA,2024-03-01T00:00:00,1\nXA,2024-03-01T05:00:00,\nXA,2024-03-09T00:00:00,\n")
    store = fresh()
    run(store, path)
    assert store.manifest().levels_as_of() == "2024-03-01T00:00:00Z"
    assert store.days() == ["2024-03-01", "2024-03-09"]
    assert [day for day, _ in store.levels(Filter(since=datetime(2024, 3, 5)))] == ["2024-03-09"]


def test_old_manifests_are_read_and_keep_their_digest(both: tuple[Path, Path]) -> None:
    store = fresh()
    run(store, both[0])
    manifest = store.manifest()
    held = json.loads(msgspec.json.encode(manifest))
    new = ("levels", "published", "levels_first", "levels_last", "levels_newest")
    for entry in (*held["days"].values(), *held["inputs"].values()):
        for name in new:
            entry.pop(name, None)
    old = msgspec.json.decode(json.dumps(held), type=Manifest)
    assert old == manifest
    made = "".join(f"{d}\t{j.settled}\t{j.rules}\t{j.reference}\n" for d, j in manifest.judged())
    assert old.inputs_digest() == hashlib.sha256(made.encode()).hexdigest()
    assert old.levels_as_of() is None
    assert manifests.Day({}, "x", "2024-03-01T00:00:00", "2024-03-01T01:00:00").levels_only() is False


def test_series_and_levels_are_read_by_place_and_time(both: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "t.csv"
    other.write_text("#levels\nXA,2024-03-01T01:00:00,9\n")
    store = fresh()
    run(store, *both, other, judge=False)
    series = store.series()
    assert series.column_names[0] == "series"
    assert not {"input", "locator", "day"} & set(series.column_names)
    rows = {(row["entity"], row["scale"] == "all"): row for row in series.to_pylist()}
    assert len(rows) == series.num_rows == 4
    xa = rows["XA", True]
    assert (xa["first"], xa["last"], xa["rows"], xa["country"]) == ("2024-03-01", "2024-03-02", 5, "XA")
    assert store.series(Filter(countries=frozenset({"XB"})))["entity"].to_pylist() == ["XB"]
    assert store.series(Filter(networks=frozenset({64500})))["entity"].to_pylist() == ["AS64500@XA"]
    files = store.series_inputs([xa["series"], "none"])
    assert files == {xa["series"]: ("s.csv", "t.csv")}
    assert store.series_inputs([xa["series"]], Filter(since=datetime(2024, 3, 2))) == {xa["series"]: ("s.csv",)}

    def levels(**wanted: Any) -> list[tuple[str, int]]:
        return [(day, rows.num_rows) for day, rows in store.levels(Filter(**wanted))]

    assert levels() == [("2024-03-01", 5), ("2024-03-02", 3)]
    assert levels(entities=frozenset({"XA"})) == [("2024-03-01", 3), ("2024-03-02", 3)]
    assert levels(countries=frozenset({"XB"})) == [("2024-03-01", 1)]
    assert levels(networks=frozenset({64500})) == [("2024-03-01", 1)]
    since, until = datetime(2024, 3, 1, 6), datetime(2024, 3, 2, 6)
    assert levels(since=since, until=until) == [("2024-03-01", 3), ("2024-03-02", 1)]
    _, first = next(iter(store.levels()))
    assert first.column_names == ["series", "time", "value", "quality"]
    keys = list(zip(first["series"].to_pylist(), first["time"].to_pylist(), strict=True))
    assert keys == sorted(keys)
    assert None in first["value"].to_pylist()


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ({}, {"in the streets", "lasts", "undated", "over"}),
        ({"countries": frozenset({"XB"})}, set()),
        ({"networks": frozenset({64501})}, {"in the streets", "lasts", "undated", "over"}),
        ({"networks": frozenset({4501, 6450})}, set()),
        ({"since": datetime(2024, 3, 1, 23)}, {"in the streets", "lasts"}),
        ({"since": datetime(2024, 3, 2)}, {"lasts"}),
        ({"since": datetime(2024, 2, 29, 12), "until": datetime(2024, 3, 1)}, {"lasts", "over"}),
        ({"since": datetime(2024, 3, 1), "until": datetime(2024, 3, 1, 1)}, {"in the streets", "lasts"}),
        ({"until": datetime(2024, 1, 1)}, {"lasts"}),
        ({"until": datetime(2023, 1, 5)}, set()),
    ],
)
def test_published_records_are_found_by_their_span(held: Store, wanted: dict[str, Any], titles: set[str]) -> None:
    assert set(held.table("context", Filter(**wanted))["title"].to_pylist()) == titles


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("name", ["signals", "series", "context"])
def test_export(held: Store, name: str, form: str) -> None:
    store = held
    table = store.table(name)
    data = b"".join(answers.export(store, name, form).chunks)
    count = {
        "csv": lambda: data.count(b"\r\n") - 1,
        "jsonl": lambda: data.count(b"\n"),
        "parquet": lambda: pq.read_table(io.BytesIO(data)).num_rows,
    }[form]()
    assert count == table.num_rows > 0
    some = answers.export(store, name, "jsonl", wanted=Filter(countries=frozenset({"XB"})))
    rows = [json.loads(line) for line in b"".join(some.chunks).splitlines()]
    assert len(rows) == {"signals": 1, "series": 1, "context": 0}[name]
    if name == "signals":
        lines = [json.loads(line) for line in data.splitlines()] if form == "jsonl" else []
        assert not lines or None in [line["value"] for line in lines]  # missing is not zero
    with pytest.raises(UsageError, match="targets"):
        answers.export(store, name, form, wanted=Filter(targets=frozenset({"web/x"})))


def test_levels_of_a_closed_source_stay_here(held: Store) -> None:
    rows = held.table("signals")
    of = pa.chunked_array([["tiny"] * (rows.num_rows - 2) + ["open"] * 2])
    terms = (Terms("tiny", "none", "no", "Tiny", ""), Terms("open", "CC0", "yes", "Open", ""))
    made = hand_out(rows, "jsonl", terms, of)
    assert len(b"".join(made.chunks).splitlines()) == 2
    assert any("left out" in note for note in made.notes)


def test_judging_a_file_of_signals_says_what_to_run(both: tuple[Path, Path]) -> None:
    (found,) = judge_files([both[1]], workers=1, read=tiny_signals.ALONE, rules=RULES, reference=REFERENCE)
    (reject,) = found.rejects
    assert reject.reason == "signals"
    assert "clampdown ingest" in (reject.detail or "")
    assert "clampdown outages" in (reject.detail or "")
    assert reject.length == both[1].stat().st_size
    assert found.measurements.num_rows == 0


def test_signals_in_an_archive_beside_records(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.bz2"
    inside = {"s.csv": "\n".join(LEVELS), "bad.json": "{no", "t.csv": "\n".join(LEVELS[:3])}
    with tarfile.open(path, "w:bz2") as archive:
        for name, text in inside.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    store = fresh()
    got = run(store, path, read=tiny_signals.READ, judge=False)
    assert (got.records, got.levels, got.published, got.copies, got.rejected) == (15, 7, 4, 2, 2)
    assert set(store.table("series")["locator"].to_pylist()) == {"a.tar.bz2!s.csv", "a.tar.bz2!t.csv"}
