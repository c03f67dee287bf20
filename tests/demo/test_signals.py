"""Law: signals are the same bytes each time, missing stays missing, and found stands honestly beside scripted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.demo import run as demo
from clampdown.demo.archive import SIZES
from clampdown.demo.cuts import Line, load_signals, signals_of
from clampdown.demo.outages import OutageComparison, compare_outages
from clampdown.demo.run import Result
from clampdown.demo.script import load_script
from clampdown.demo.signals import levels, make_signals, signal_files
from clampdown.errors import RuleError
from clampdown.intake.times import offset_of
from clampdown.reference.zones import zone_of
from clampdown.store.store import Store

SIGNALS, SCRIPT = load_signals(), load_script()
FIRST = datetime(2026, 2, 1)
LINE = Line("XA", "google/search", 50.0, 0.0, 1.0, 0.0, 1800, fine=False)
Tables = dict[str, list[dict[str, Any]]]


def files(fine: int) -> dict[str, str]:
    return signal_files(SIGNALS, SCRIPT, fine)


@pytest.mark.parametrize("size", sorted(SIZES))
def test_the_same_bytes_again(size: str, tmp_path: Path) -> None:
    fine = SIZES[size].fine
    first, second = make_signals(tmp_path / "a", fine), make_signals(tmp_path / "b", fine)
    assert [path.name for path in first] == [path.name for path in second] == sorted(files(fine))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_larger_size_is_finer_and_nothing_else() -> None:
    small, medium = files(SIZES["small"].fine), files(SIZES["medium"].fine)
    assert SIZES["medium"].fine < SIZES["small"].fine
    assert [name for name in small if small[name] != medium[name]] == ["ioda-signals-XA.json"]
    assert sum(map(len, medium.values())) < 1_000_000


def test_every_file_says_that_it_is_synthetic() -> None:
    for name, text in files(1800).items():
        assert "Synthetic" in text or "(fictional)" in text, name
    assert all("(fictional)" in record["title"] for record in SIGNALS.records)


def test_the_history_is_long_enough_and_the_period_that_of_the_script() -> None:
    begin, end = FIRST + timedelta(weeks=4), FIRST + timedelta(days=SCRIPT.days)
    assert datetime(*SCRIPT.first_day.timetuple()[:3]) == FIRST
    for cut in SIGNALS.cuts:
        assert begin <= cut.begin < (cut.end or end) <= end, cut.name
    march = next(cut for cut in SIGNALS.cuts if cut.back)
    silent = {march.begin.date() + timedelta(days=1 + n) for n in range(3)}
    assert {SCRIPT.date(day) for day in SCRIPT.silent} == silent, "who is cut off measures nothing"


def test_what_is_missing_is_not_there_and_no_zero() -> None:
    made = files(1800)
    [cut] = [cut for cut in SIGNALS.cuts if cut.missing]
    [answer] = json.loads(made["ioda-signals-XA.json"])["data"]
    bgp = next(series for series in answer if series["datasource"] == "bgp")
    first = int((cut.begin - FIRST).total_seconds()) // bgp["step"]
    bins = int((cut.length or timedelta()).total_seconds()) // bgp["step"]
    assert bgp["values"][first : first + bins] == [None] * bins
    assert bgp["values"].count(None) == bins
    traffic = json.loads(made["traffic_XA_product-19.json"].removeprefix(")]}'"))
    times = {time // 1000 for time, _ in traffic[0][1]}
    assert len(times) == SCRIPT.days * 48 - bins
    assert int((cut.begin - datetime(1970, 1, 1)).total_seconds()) not in times


def test_cuts_begin_on_the_hour_of_local_time() -> None:
    zone = zone_of("XA")
    assert zone is not None
    assert offset_of(zone, FIRST) == timedelta(hours=6, minutes=30)
    order = next(cut for cut in SIGNALS.cuts if cut.found and cut.found.kind == "shutdown")
    assert (order.begin + offset_of(zone, order.begin)).minute == 0
    assert {zone_of(country) for country in ("XB", "XC", "XD", "XE")} == {None}


@given(st.integers(0, 47), st.integers(1, 96), st.floats(0, 1))
def test_a_level_loses_what_lies_within_a_cut_and_nothing_else(first: int, half_hours: int, left: float) -> None:
    begin = FIRST + timedelta(minutes=30 * first)
    cut = replace(
        SIGNALS.cuts[0], entities=("XA",), begin=begin, length=timedelta(minutes=30 * half_hours), again=(), back={},
        left={"google/search": left}, missing=(),
    )  # fmt: skip
    hourly = levels(LINE, 3600, FIRST, FIRST + timedelta(days=4), [cut])
    whole = 50.0 * len(hourly)
    lost = whole - sum(value for value in hourly if value is not None)
    assert lost == pytest.approx(50.0 * (1 - left) * half_hours / 2, abs=0.01 * half_hours + 0.01)
    assert levels(LINE, 3600, FIRST, FIRST + timedelta(days=4), []) == [50.0] * len(hourly)


ACT = '[[act]]\nname = "a"\nbegin = 2026-03-01T00:00:00\nentities = '


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[line]]\nentity = "XA"\nsignal = "x"\nlevel = -1\nnoise = 0', "zero or more"),
        ('[[line]]\nentity = "XA"\nsignal = "x"\nlevel = true\nnoise = 0', "zero or more"),
        ('[[line]]\nentity = "XA"\nsignal = "x"\nlevel = 1', "`noise`"),
        ('[[act]]\nname = "a"\nentities = ["XA"]\nleft = { x = 0.5 }', "`begin`"),
        ('[[act]]\nname = "a"\nentities = ["XA"]\nbegin = 2026-03-01', "`begin`"),
        (ACT + '["XA"]\nleft = { x = 0.5 }', "no signal of XA"),
        (ACT + '[]\nleft = { x = "half" }', "`x`"),
        (ACT + '[]\nnote = "storm"', "no known note"),
        (ACT + '[]\nfound = { kind = "cut" }', "`grade`"),
        (ACT + '[]\n[act.found]\nkind = "cut"\ngrade = "ok"', "'cut'"),
    ],
)  # fmt: skip
def test_a_bad_script_says_what_is_bad(text: str, said: str) -> None:
    with pytest.raises(RuleError, match=said):
        signals_of(text.encode())


# ---- found beside scripted -------------------------------------------------------------------------------------------


@pytest.fixture
def tables(store: Store) -> Tables:
    return {name: store.detected(name).to_pylist() for name in ("outages", "outage_parts", "notes")}


def beside(store: Store, tables: Tables) -> OutageComparison:
    told = [pa.Table.from_pylist(rows, schema=store.detected(name).schema) for name, rows in tables.items()]
    return compare_outages(SIGNALS, *told)


def test_the_readers_take_every_file(made: Result, store: Store) -> None:
    assert not made.summary.rejects
    read = set(store.table("series")["locator"].to_pylist()) | set(store.table("context")["locator"].to_pylist())
    there = {path.name for path in (made.folder / "signals").iterdir()} - {"SYNTHETIC.txt"}
    assert {name.partition(" ")[0].partition(":")[0] for name in read} == there
    sources = set(store.table("series")["source"].to_pylist())
    assert sources == {"ioda", "google-transparency", "tor-metrics", "plain"}


def test_every_scripted_outage_is_found_with_its_dates_and_nothing_else(made: Result) -> None:
    found = made.outages
    assert found.problems == made.problems == ()
    assert {row.verdict for row in found.rows} == {"true"}
    assert all(row.holds for row in found.rows)
    assert {(row.row or {})["grade"] for row in found.rows} == {"confirmed", "corroborated", "insufficient"}
    assert {said.cut.note: said.heard for said in found.notes} == dict.fromkeys(
        ("source_failure", "surge", "withheld"), True
    )
    assert (made.folder / "outages.csv").read_bytes() == found.csv()
    assert found.csv().count(b",true\n") == len(found.rows)
    assert "outages: 9 true, 0 missed, 0 wrong, 0 false; notes: 3 of 3" in made.text()


def test_the_page_has_the_signals(made: Result) -> None:
    document = json.loads((made.folder / "report.json").read_bytes())
    assert len(document["connectivity"]["outages"]) == len(made.outages.rows)
    assert b"Was the network cut?" in (made.folder / "report.html").read_bytes()


def _without(tables: Tables) -> None:
    tables["outages"] = [row for row in tables["outages"] if row["grade"] != "confirmed" or row["entity"] != "XA"]


def _lower(tables: Tables) -> None:
    next(row for row in tables["outages"] if row["entity"] == "XA")["grade"] = "consistent"


def _later(tables: Tables) -> None:
    row = next(row for row in tables["outages"] if row["entity"] == "XA" and row["kind"] == "shutdown")
    row["onset_after"] = row["onset_before"] = row["onset_before"] + timedelta(hours=1)


def _unended(tables: Tables) -> None:
    row = next(row for row in tables["outages"] if row["entity"] == "XA" and row["kind"] == "shutdown")
    row["end_after"], row["end_before"], row["lasts"] = None, None, True


def _more(tables: Tables) -> None:
    other = dict(tables["outages"][0]) | {"outage": "o1", "entity": "XC", "grade": "consistent"}
    tables["outages"].append(other)


def _unheard(tables: Tables) -> None:
    tables["notes"] = [row for row in tables["notes"] if row["kind"] != "surge"]


def _closed(tables: Tables) -> None:
    tables["outage_parts"] = [row for row in tables["outage_parts"] if row["role"] != "restoration"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without, "missed outage: night of the order in XA"),
        (_lower, "the grade is consistent, scripted c"),
        (_later, "the bracket does not hold"),
        (_unended, "the bracket does not hold"),
        (_more, "false outage: o1 in XC"),
        (_unheard, "missed note: surge (more bridges)"),
        (_closed, "let through is"),
    ],
)
def test_what_is_not_as_scripted_is_a_problem(
    change: Callable[[Tables], None], said: str, tables: Tables, store: Store
) -> None:
    change(tables)
    found = beside(store, tables)
    assert [line for line in found.problems if said in line], found.problems
    assert len(found.problems) == 1
    assert found.text()[-1] == found.problems[0]


def test_what_claims_nothing_is_no_false_outage(tables: Tables, store: Store) -> None:
    tables["outages"].append(dict(tables["outages"][0]) | {"outage": "o1", "entity": "XC", "grade": "insufficient"})
    found = beside(store, tables)
    assert (found.problems, found.count("slight")) == ((), 1)


def test_a_demo_that_finds_something_else_fails(
    made: Result, tables: Tables, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    given: list[Result] = [made]
    monkeypatch.setattr(demo, "run_demo", lambda *_, **__: given[0])
    words = ["demo", "--out", str(tmp_path / "out")]
    assert run(group, words) == 0
    _without(tables)
    given[0] = replace(made, outages=beside(store, tables))
    assert run(group, words) == 1
    told = capfd.readouterr()
    assert "missed outage: night of the order in XA" in told.out
    assert "not as scripted" in told.err
