"""Law: a run writes once what it found, carries it through every other command, and repeats nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from jsonschema import Draft202012Validator

import clampdown
from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.errors import InputError, StoreError
from clampdown.model import DETECTED
from clampdown.store.store import Filter, Store

sys.path.insert(0, str(Path(__file__).parent))
import made
import told

ROOT = Path(__file__).resolve().parents[2]
Detect = Callable[..., Any]


def bytes_of(store: Store) -> dict[str, bytes]:
    root = Path(store.name)
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_nothing_detected_yet_is_said_with_the_command(days: Store) -> None:
    for call in (lambda: days.detected("findings"), days.detection, lambda: clampdown.watch(days)):
        with pytest.raises(InputError, match=r"nothing was detected yet.*clampdown detect --store"):
            call()
    assert days.log() == []
    assert days.stale_detection() is False


def test_the_same_tables_write_nothing(days: Store, detected: Detect) -> None:
    first = detected(told.kenya())
    assert (first.run, first.changed, first.changes["new"]) == (1, True, 3)
    before = bytes_of(days)
    again = detected(told.kenya(), day=2)
    assert (again.run, again.changed, again.changes) == (1, False, {})
    assert bytes_of(days) == before


def test_the_order_of_rows_changes_nothing(days: Store, detected: Detect) -> None:
    detected(told.kenya())
    before = bytes_of(days)
    detected({name: rows.take(pa.array(range(rows.num_rows)[::-1], pa.int64())) for name, rows in told.kenya().items()})
    assert bytes_of(days) == before
    held = days.detected("findings")
    assert held.schema.equals(DETECTED["findings"])
    assert held["country"].to_pylist() == ["KE"] * held.num_rows
    keys = list(zip(held["target"].to_pylist(), [n or 0 for n in held["network"].to_pylist()], strict=True))
    assert keys == sorted(keys)


def test_parts_live_by_content_and_outlive_other_commands(days: Store, detected: Detect, tmp_path: Path) -> None:
    detected(told.kenya())
    paths = {p for p in days.manifest().paths() if p.count("/") == 2 and not p.startswith("landing")}
    names = {name for name in DETECTED if any(p.startswith(f"tables/{name}/") for p in paths)}
    assert names == {name for name, rows in told.kenya().items() if rows.num_rows}
    assert len({Path(p).stem for p in paths}) == len(paths)
    more = tmp_path / "more.jsonl"
    more.write_text(json.dumps(made.record("given.example", 3, 9, 7)) + "\n")
    kept = days.manifest().detected
    clampdown.ingest(more, days, workers=1)
    assert days.manifest().detected == kept
    assert days.detected("findings").num_rows == told.kenya()["findings"].num_rows
    assert days.stale_detection() is True
    summary = detected(told.kenya(), day=3)
    assert (summary.changed, summary.run) == (False, 1)
    assert days.stale_detection() is False
    assert kept is not None
    assert days.detection().inputs != kept.inputs


def test_filters_are_pushed_down(days: Store, detected: Detect) -> None:
    detected(told.kenya())
    some = days.detected("findings", Filter(networks=frozenset({12455}), targets=frozenset({"telegram/web"})))
    assert some.num_rows == 1
    assert days.detected("events", Filter(countries=frozenset({"UG"}))).num_rows == 0
    assert days.detected("findings", columns=["state"]).column_names == ["state"]
    with pytest.raises(clampdown.Error, match="no table 'cells'"):
        days.detected("cells")


def test_nothing_but_ok_is_no_news(days: Store, detected: Detect) -> None:
    summary = detected(told.tables([told.ok()]))
    assert (summary.run, summary.changed, summary.findings) == (0, False, {"ok": 1})
    assert days.log() == []
    assert days.detected("findings").num_rows == 1


def test_the_log_says_what_became_of_events(days: Store, detected: Detect) -> None:
    detected(told.kenya())
    detected(told.kenya(grade="confirmed"), day=2)
    detected(told.kenya(ended=True, grade="confirmed"), day=3)
    heir = told.event("e9", supersedes="e3")
    detected(told.tables([told.ok()], [heir]), day=4)
    log = days.log()
    assert [entry.number for entry in log] == [1, 2, 3, 4]
    assert [[(c.kind, c.event) for c in entry.changes.events] for entry in log] == [
        [("new", "e1"), ("new", "e3"), ("new", "e4")],
        [("revised", "e1")],
        [("new", "e2"), ("ended", "e1")],
        [("new", "e9"), ("superseded", "e3"), ("withdrawn", "e1"), ("withdrawn", "e2"), ("withdrawn", "e4")],
    ]
    (revised,) = log[1].changes.events
    assert {n: (s.before, s.after) for n, s in revised.columns.items()} == {"grade": ("corroborated", "confirmed")}
    assert log[3].changes.events[1].by == ("e9",)
    assert log[0].when == "2024-04-01T12:30:00Z"
    assert log[0].as_of == "2024-03-02T11:00:00Z"
    assert [entry.number for entry in days.log(since=2)] == [3, 4]
    assert {(f.network, f.target, f.state_before, f.state) for f in log[1].changes.findings} == {
        (12455, "telegram/web", "blocked", "blocked")
    }
    assert all(f.state is None or f.state_before is not None for f in log[3].changes.findings)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda log: (log / "2.json").unlink(), "missing"),
        (lambda log: (log / "3.json").unlink(), "missing"),
        (lambda log: (log / "1.json").write_bytes((log / "1.json").read_bytes().replace(b"KE", b"UG")), "broken"),
        (lambda log: (log / "3.json").write_bytes((log / "3.json").read_bytes().replace(b"KE", b"UG")), "broken"),
        (lambda log: (log / "2.json").write_bytes((log / "3.json").read_bytes()), "broken"),
        (lambda log: (log / "2.json").write_bytes(b"{"), "cannot be read"),
        (lambda log: (log / "2.json").write_bytes(b"\xff\xfe"), "cannot be read"),
    ],
)
def test_a_log_that_was_changed_is_said_to_be(
    harm: Callable[[Path], Any], says: str, days: Store, detected: Detect, capsys: pytest.CaptureFixture[str]
) -> None:
    detected(told.kenya())
    detected(told.kenya(grade="confirmed"))
    detected(told.kenya(ended=True))
    harm(Path(days.name) / "log")
    with pytest.raises(StoreError, match=says):
        days.log()
    assert run(group, ["watch", "--store", days.name]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said
    assert days.detected("findings").num_rows


def test_a_killed_run_leaves_an_entry_that_does_not_exist(days: Store, detected: Detect) -> None:
    detected(told.kenya())
    (Path(days.name) / "log/2.json").write_bytes(b"half of something")
    assert [entry.number for entry in days.log()] == [1]
    detected(told.kenya(ended=True))
    assert [entry.number for entry in days.log()] == [1, 2]


def test_unjudged_days_are_left_out_and_said(days: Store, detected: Detect, tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text(json.dumps(made.record("given.example", 5, 9, 7)) + "\n")
    clampdown.ingest(more, days, workers=1, judge=False)
    summary = detected(told.kenya())
    assert (summary.days, summary.unjudged, summary.stale) == (2, ("2024-03-05",), ())
    assert summary.as_of == "2024-03-02T11:00:00Z"


def test_a_store_without_verdicts_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clampdown.ingest(made.write(tmp_path), tmp_path / "s", workers=1, judge=False)
    assert run(group, ["detect", "--store", str(tmp_path / "s")]) == 2
    assert "clampdown judge --store" in capsys.readouterr().err


def test_the_command_sums_up(days: Store, detected: Detect, capsys: pytest.CaptureFixture[str]) -> None:
    detected(told.kenya())
    assert run(group, ["detect", "--store", days.name, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    schema = json.loads((ROOT / "docs/schema/detect.json").read_text())
    Draft202012Validator(schema).validate(summary)
    assert (summary["findings"]["blocked"], summary["changed"]) == (7, False)
    assert run(group, ["detect", "--store", days.name]) == 0
    out = capsys.readouterr().out
    assert "nothing new" in out
    assert "events        3: block 3" in out


def test_other_thresholds_are_recorded_and_are_no_news(days: Store, detected: Detect) -> None:
    detected(told.kenya())
    number = days.manifest().number
    assert detected(told.kenya(), digest="u" * 64).changed is False
    assert days.detection().thresholds == "u" * 64
    assert days.manifest().number == number + 1


def test_tables_of_another_shape_are_refused_and_nothing_is_written(days: Store, detected: Detect) -> None:
    before = bytes_of(days)
    shaped = told.kenya()
    with pytest.raises(StoreError, match="columns"):
        detected(shaped | {"notes": shaped["notes"].drop_columns(["detail"])})
    with pytest.raises(StoreError, match="detect made"):
        detected({"findings": shaped["findings"]})
    assert days.manifest().detected is None
    assert {n for n in bytes_of(days) if n.startswith("log")} == {n for n in before if n.startswith("log")} == set()


def test_before_any_run_every_reader_names_the_command(days: Store, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("findings", "events", "notes", "watch"):
        assert run(group, [verb, "--store", days.name]) == 2
        assert "clampdown detect --store" in capsys.readouterr().err
