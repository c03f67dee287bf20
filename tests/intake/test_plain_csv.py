"""Law: a plain table gives the same levels in any order of its rows; each row is a level, a copy or a reject."""

from __future__ import annotations

import random
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import signal_texts as texts

from clampdown.intake import gathered
from clampdown.intake.sources import plain

BEGIN = datetime(2026, 1, 8)
HEAD = "time,entity,signal,value\n"


def read(text: str | bytes) -> texts.Told:
    return texts.told(plain.SOURCE, text)


def rows(*lines: str) -> texts.Told:
    return read(HEAD + "\n".join(lines) + "\n")


def test_what_the_columns_say() -> None:
    found = read(
        "value;Signal;time;entity;plane;operator;unit;step;access;quality;country;service\n"
        "7;Google/Search;2026-01-08T00:30:00Z;AS58224;usage;Google;percent;1800;Mobile;0.5;IR;google/search\n"
    )
    [row] = found.series
    for name, value in {
        "entity": "AS58224", "entity_kind": "network", "network": 58224, "country": "IR", "plane": "usage",
        "signal": "google/search", "operator": "google", "unit": "percent", "step": 1800, "access": "mobile",
        "service": "google/search", "scale": "all", "absence": None, "source": "plain", "locator": texts.FILE,
    }.items():  # fmt: skip
        assert row[name] == value, name
    [level] = found.signals
    assert (level["time"], level["value"], level["quality"]) == (datetime(2026, 1, 8, 0, 30), 7.0, 0.5)
    assert not found.rejects


@pytest.mark.parametrize(
    ("entity", "name", "kind", "country", "network"),
    [
        ("IR", "IR", "country", "IR", None),
        ("ir", "IR", "country", "IR", None),
        ("MM/Bago", "MM/Bago", "region", "MM", None),
        (" MM/ Bago  Region ", "MM/Bago Region", "region", "MM", None),
        ("AS58224", "AS58224", "network", None, 58224),
        ("as058224@ir", "AS58224@IR", "network", "IR", 58224),
        ("NA", "NA", "country", "NA", None),
    ],
)
def test_entities(entity: str, name: str, kind: str, country: str | None, network: int | None) -> None:
    [row] = rows(f"2026-01-08,{entity},x/y,1").series
    assert (row["entity"], row["entity_kind"], row["country"], row["network"]) == (name, kind, country, network)


@pytest.mark.parametrize(
    ("entity", "hint"),
    [("Iran", "write IR"), ("IRN", "write IR"), ("MMR/Bago", "write MM"), ("ZZ", "AS64500@IR"), ("", "AS64500@IR"),
     ("AS0", "not the number"), ("AS4294967296", "not the number"), ("MM/", "no region"), ("AS1@ZZ", "AS64500@IR")],
)  # fmt: skip
def test_what_is_no_entity(entity: str, hint: str) -> None:
    found = rows(f"2026-01-08,{entity},x/y,1", "2026-01-08,IR,x/y,1")
    assert found.why() == {2: "not_an_entity"}
    assert hint in found.said(2)
    assert len(found.signals) == 1


@pytest.mark.parametrize(
    ("signal", "plane"),
    [("bgp/slash24", "control"), ("probing/x", "data"), ("telescope/x", "background"), ("mozilla/cities", "usage"),
     ("myapp/logins", "service")],
)  # fmt: skip
def test_the_plane_by_the_name(signal: str, plane: str) -> None:
    [row] = rows(f"2026-01-08,IR,{signal},1").series
    assert (row["plane"], row["operator"], row["unit"]) == (plane, "unnamed", "count")


@pytest.mark.parametrize("text", ["", "NaN", "nan", "null", "NULL", "None", "NA", "-nan"])
def test_no_value_is_a_row_without_value_and_never_zero(text: str) -> None:
    found = rows(f"2026-01-08,IR,x/y,{text}", "2026-01-09,IR,x/y,0")
    assert found.levels() == {("IR", "x/y"): {BEGIN: None, datetime(2026, 1, 9): 0.0}}
    assert not found.rejects


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2026-01-08,IR,x/y,many", "not_a_level"),
        ("2026-01-08,IR,x/y,-1", "not_a_level"),
        ("2026-01-08,IR,x/y,inf", "not_a_level"),
        ("2026-01-08,IR,x/y,1e999", "not_a_level"),
        ("2026-01-08,IR,x/y,1_000", "not_a_level"),
        ("2026-01-08,IR,x/y,١٢", "not_a_level"),
        ("2026-01-08,IR,two words,1", "not_a_level"),
        ("2026-01-08,IR,,1", "not_a_level"),
        ("08/01/2026,IR,x/y,1", "not_a_time"),
        ("1447-01-01,IR,x/y,1", "not_a_time"),
        (",IR,x/y,1", "not_a_time"),
        ("2026-01-08,IR,x/y", "not_a_row"),
        ("2026-01-08,IR,x/y,1,2", "not_a_row"),
        ('2026-01-08,IR,x/y,"1', "not_a_row"),
        ("2026-01-08,IR,x/\0y,1", "damaged"),
        ("2026-01-08,IR,x/y," + "1" * 70_000, "too_long"),
    ],
)
def test_a_bad_row_costs_itself(row: str, reason: str) -> None:
    found = rows("2026-01-07,IR,x/y,5", row, "2026-01-09,IR,x/y,6")
    assert found.why() == {3: reason}
    assert list(found.levels()["IR", "x/y"].values()) == [5.0, 6.0]


@pytest.mark.parametrize(
    ("column", "cell"),
    [("plane", "sky"), ("unit", "furlongs"), ("step", "0"), ("step", "-5"), ("step", "1h"), ("access", "both"),
     ("quality", "2"), ("quality", "good"), ("country", "Iran"), ("country", "TR"), ("zone", "Asia/Nowhere"),
     ("operator", "two words")],
)  # fmt: skip
def test_a_column_that_says_what_cannot_be(column: str, cell: str) -> None:
    found = read(f"time,entity,signal,value,{column}\n2026-01-08,IR,x/y,1,{cell}\n2026-01-08,IR,x/z,1,\n")
    assert list(found.why()) == [2]
    assert list(found.levels()) == [("IR", "x/z")]


def test_units_that_are_mixed() -> None:
    found = rows("2026-01-08,IR,x/y,12%", "2026-01-09,IR,x/y,12", "2026-01-10,IR,x/y,13 %", "2026-01-08,IR,x/z,12")
    assert found.why() == {3: "mixed_units"}
    assert "percent on its first row and count here" in found.said(3)
    assert {row["signal"]: row["unit"] for row in found.series} == {"x/y": "percent", "x/z": "count"}
    head = "time,entity,signal,value,unit\n"
    found = read(head + "2026-01-08,IR,x/y,,ms\n2026-01-09,IR,x/y,1,count\n2026-01-10,IR,x/y,2,ms\n")
    assert found.why() == {3: "mixed_units"}
    found = read(head + "2026-01-08,IR,x/y,1%,count\n2026-01-09,IR,x/y,2,share\n2026-01-09,IR,x/y,0.2,share\n")
    assert found.why() == {2: "not_a_level", 3: "not_a_level"}


def test_a_normalised_series_compares_in_its_file_alone() -> None:
    found = read("time,entity,signal,value,unit\n2026-01-08,IR,x/y,-1,normalised\n")
    [row] = found.series
    assert row["scale"] == row["input"]
    assert not found.rejects


def test_copies_and_contradictions() -> None:
    found = rows(
        "2026-01-08,IR,x/y,5",
        "2026-01-08,IR,x/y,5.0",
        "2026-01-08,IR,x/y,6",
        "2026-01-09,IR,x/y,",
        "2026-01-09,IR,x/y,7",
        "2026-01-08T00:00:00Z,ir,X/Y,5",
    )
    assert found.levels() == {("IR", "x/y"): {BEGIN: 5.0, datetime(2026, 1, 9): 7.0}}
    assert found.why() == {4: "contradiction", 5: "contradiction"}
    assert "is 6 here and 5 on line 2" in found.said(4)


def test_a_series_has_one_step_and_one_country() -> None:
    found = read(
        "time,entity,signal,value,step,country\n2026-01-08,AS1,x/y,1,,IR\n2026-01-09,AS1,x/y,1,600,IR\n"
        "2026-01-10,AS1,x/y,1,900,IR\n2026-01-11,AS1,x/y,1,600,TR\n"
    )
    assert found.why() == {4: "contradiction", 5: "contradiction"}
    assert {row["step"] for row in found.series} == {600}


def stamped(seconds: list[int], signal: str = "x/y") -> list[str]:
    return [f"{(BEGIN + timedelta(seconds=s)).isoformat()},IR,{signal},1" for s in seconds]


@pytest.mark.parametrize(
    ("seconds", "step"),
    [
        ([0, 600, 1200, 1800], 600),
        ([0, 600, 1200, 2400, 7200], 600),  # some are missing
        ([1800, 0, 600, 1200], 600),
        ([0, 600, 1200, 1800, 2400, 3000, 3600, 4200, 4800, 5400, 6001], 600),  # one stands beside the grid
        ([0, 1800, 3000, 4800, 6000], 600),  # 1800 and 1200 take turns
        ([0, 86400], 86400),
        ([0], 3600),
    ],
)
def test_the_step_is_learned(seconds: list[int], step: int) -> None:
    assert {row["step"] for row in rows(*stamped(seconds)).series} == {step}


def test_a_short_series_has_the_step_of_its_signal() -> None:
    found = rows(*stamped([0, 600, 1200]), "2026-01-08,TR,x/y,1", "2026-01-08,TR,x/z,1")
    assert {(row["entity"], row["signal"]): row["step"] for row in found.series} == {
        ("IR", "x/y"): 600, ("TR", "x/y"): 600, ("TR", "x/z"): 3600,
    }  # fmt: skip


def test_zones() -> None:
    found = read(
        "time,entity,signal,value,zone\n2021-02-15 01:00,MM,x/y,1,Asia/Yangon\n2021-02-15T02:00Z,MM,x/y,2,Asia/Yangon\n"
        "2022-03-22 00:30,IR,x/y,3,Asia/Tehran\n2021-02-15 01:00,TR,x/y,4,\n"
    )
    assert found.why() == {4: "not_a_time"}
    assert found.levels() == {
        ("MM", "x/y"): {datetime(2021, 2, 14, 18, 30): 1.0, datetime(2021, 2, 15, 2): 2.0},
        ("TR", "x/y"): {datetime(2021, 2, 15, 1): 4.0},
    }
    assert {row["entity"]: row["zone"] for row in found.series} == {"MM": "Asia/Yangon", "TR": None}


def test_a_constant_series_is_read() -> None:
    assert len(rows(*stamped([600 * i for i in range(50)])).signals) == 50


LEVEL = st.tuples(
    st.integers(0, 30),
    st.sampled_from(["IR", "MM/Bago", "AS64500", "AS64500@IR"]),
    st.sampled_from(["x/y", "bgp/slash24"]),
)


@settings(max_examples=50)
@given(
    st.dictionaries(LEVEL, st.one_of(st.none(), st.integers(0, 99)), min_size=1, max_size=40),
    st.lists(st.integers(0, 39), max_size=8),
    st.randoms(use_true_random=False),
)
def test_any_order_gives_the_same_tables(
    levels: dict[tuple[int, str, str], int | None], again: list[int], order: random.Random
) -> None:
    lines = [
        f"{(BEGIN + timedelta(hours=hour)).isoformat()},{entity},{signal},{'' if value is None else value}"
        for (hour, entity, signal), value in levels.items()
    ]
    one = rows(*lines)
    mixed = lines + [lines[i % len(lines)] for i in again]
    order.shuffle(mixed)
    other = rows(*mixed)
    assert not one.rejects
    assert not other.rejects
    assert one.levels() == other.levels()
    assert {row["series"] for row in one.series} == {row["series"] for row in other.series}
    assert len(one.signals) == len(lines)
    assert sum(row["value"] == 0 for row in one.signals) == sum(value == 0 for value in levels.values())


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*"abcdefgh"]), min_size=1, max_size=30))
def test_rows_are_levels_or_copies_or_rejects(kinds: list[str]) -> None:
    made = {
        "a": "2026-01-08,IR,x/y,1", "b": "2026-01-09,IR,x/y,", "c": "2026-01-08,IR,x/y,2", "d": "2026-01-08,Iran,x/y,1",
        "e": "1/2/2026,IR,x/y,1", "f": "2026-01-08,IR,x/y,x", "g": "2026-01-08,IR,x/y", "h": "2026-01-08,IR,x/y,5%",
    }  # fmt: skip
    found = rows(*[made[kind] for kind in kinds])
    kept = {(row["time"], row["value"]) for row in found.signals}
    good = [kind for kind in kinds if kind in "abch"]
    copies = len(kinds) - len(found.signals) - len(found.rejects)
    assert len(kept) == len(found.signals)
    assert (
        0
        <= copies
        == len(good) - len(found.signals) - sum(row.reason in ("contradiction", "mixed_units") for row in found.rejects)
    )
    assert len(found.rejects) >= sum(kind in "defg" for kind in kinds)


def test_levels_are_handed_on_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = stamped([60 * i for i in range(10_000)])
    whole = rows(*lines)
    monkeypatch.setattr(plain, "WINDOW", 4_000)
    monkeypatch.setattr(gathered, "_CHUNK", 1_000)
    parts = rows(*lines)
    assert whole.levels() == parts.levels()
    assert {row["step"] for row in parts.series} == {60}
