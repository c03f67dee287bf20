"""Law: IODA's answers are read as they say: null is missing, an error is no data, an alert is no measurement."""

from __future__ import annotations

import json
import random
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import made_lists as made

from clampdown.intake.containers_bytes import Fault
from clampdown.intake.sources.ioda_csv import SOURCE as DASHBOARD
from clampdown.intake.sources.ioda_json import SOURCE as API

START = datetime(2026, 1, 8)


def at(*minutes: int) -> list[datetime]:
    return [START + timedelta(minutes=each) for each in minutes]


def test_a_series_stands_at_its_steps_and_null_is_missing() -> None:
    taken = made.take(API, made.text(made.answer([[made.serie()]])))
    assert taken.levels("bgp/slash24") == dict(zip(at(0, 5, 10, 15), [40000, None, 39000, 0], strict=True))
    row = taken.one("bgp/slash24")
    assert (row["entity"], row["entity_kind"], row["country"], row["network"]) == ("IR", "country", "IR", None)
    assert (row["plane"], row["operator"], row["source"], row["unit"]) == ("control", "bgp-collectors", "ioda", "count")
    assert (row["step"], row["scale"], row["absence"], row["service"]) == (300, "all", None, None)
    assert taken.rejects == []
    assert taken.context == []


@pytest.mark.parametrize(
    ("named", "signal", "operator", "unit", "scaled"),
    [
        ("ping-slash24", "probing/slash24", "ioda", "count", False),
        ("merit-nt", "telescope/sources", "merit", "count", False),
        ("ucsd-nt", "telescope/sources", "ucsd", "count", False),
        ("gtr", "google/search", "google", "share", True),
        ("gtr-norm", "google/search", "google", "normalised", True),
        ("mozilla", "mozilla/cities", "mozilla", "count", False),
    ],
)
def test_sources_of_data(named: str, signal: str, operator: str, unit: str, scaled: bool) -> None:
    row = made.take(API, made.text(made.answer([[made.serie(datasource=named)]]))).one(signal)
    assert (row["operator"], row["unit"], row["scale"] == row["input"]) == (operator, unit, scaled)


def test_what_was_sampled_is_another_series() -> None:
    both = [made.serie(), made.serie(step=1800, values=[39500])]
    taken = made.take(API, made.text(made.answer([both])))
    assert sorted(row["step"] for row in taken.series) == [300, 1800]
    assert len({row["series"] for row in taken.series}) == 2


@pytest.mark.parametrize(
    ("said", "entity", "country", "network"),
    [
        ({"entityType": "asn", "entityCode": "58224"}, "AS58224", None, 58224),
        ({"entityType": "geoasn", "entityCode": "58224-IR"}, "AS58224@IR", "IR", 58224),
        (
            {
                "entityType": "region",
                "entityCode": "1234",
                "entityName": " Bago ",
                "entityFqid": "geo.netacuity.AS.MM.1234",
            },
            "MM/Bago",
            "MM",
            None,
        ),
    ],
)
def test_entities(said: dict[str, str], entity: str, country: str | None, network: int | None) -> None:
    row = made.take(API, made.text(made.answer([[made.serie(**said)]]))).one("bgp/slash24")
    assert (row["entity"], row["country"], row["network"]) == (entity, country, network)


def test_nested_values_by_the_field_that_the_table_names() -> None:
    values = [[{"agg_values": {"loss_pct": 12.5, "probe_count": 900}}], None, [], [{"agg_values": {"other": 1}}]]
    taken = made.take(
        API, made.text(made.answer([[made.serie(datasource="ping-slash24-loss", step=600, values=values)]]))
    )
    assert list(taken.levels("probing/loss").values()) == [12.5, None]
    assert [reject.reason for reject in taken.rejects] == ["bad_value"] * 2
    assert "at 2026-01-08 00:20" in str(taken.rejects[0].detail)


def test_a_bad_value_costs_itself() -> None:
    odd: list[Any] = [1, "95%", -3, True, {"a": 1}, 2]
    taken = made.take(API, made.text(made.answer([[made.serie(values=odd)]])))
    assert list(taken.levels("bgp/slash24").values()) == [1, 2]
    assert taken.said() == [("bad_value", 1)] * 4
    taken = made.take(API, made.text(made.answer([[made.serie(values=[1, 7.5])]])).replace("7.5", "NaN"))
    assert (len(taken.signals), taken.said()) == (1, [("bad_value", 1)])


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"", "empty", "nothing in it"),
        (b" \n\n", "empty", "nothing in it"),
        (made.PAGE, "unknown_format", "a web page, not data"),
        (b"[]", "no_data", "an empty list"),
        (b'"signals"', "unknown_record", "neither an object nor a list"),
        (b'{"type":"signals"}', "unknown_record", "there is no `data`"),
        (b'{"type":"signals","data":[[{"dat', "truncated", "before it is complete"),
        (b'{"type":"signals" "data":[]}', "not_json", "not JSON"),
        (made.text(made.answer([[]])).encode(), "no_data", "about country/IR holds no data"),
        (made.text(made.answer(None, error="bad range")).encode(), "source_error", "bad range"),
        (made.text(made.answer([[made.serie(values=[])]])).encode(), "no_data", "bgp of IR"),
        (made.text(made.answer([[made.serie(datasource="gtr-sarima")]])).encode(), "unknown_signal", "forecast"),
        (made.text(made.answer([[made.serie(datasource="nt")]])).encode(), "unknown_signal", "'nt'"),
        (made.text(made.answer([[made.serie(step=0)]])).encode(), "bad_value", "no step"),
        (made.text(made.answer([[made.serie(**{"from": 1404})]])).encode(), "bad_time", "1404"),
        (made.text(made.answer([[made.serie(**{"from": 1767830400000})]])).encode(), "bad_time", "1767830400000"),
        (made.text(made.answer([[made.serie(entityType="continent")]])).encode(), "no_entity", "continent"),
        (made.text(made.answer([[made.serie(entityCode="EU")]])).encode(), "no_entity", "no country"),
        (
            made.text(made.answer([[made.serie(entityType="geoasn", entityCode="1-4155")]])).encode(),
            "no_entity",
            "region",
        ),
        (made.text(made.answer([{"scores": {"overall": 1}}], "outages.summary")).encode(), "unknown_record", "times"),
        (made.text(made.answer([7])).encode(), "unknown_record", "neither a signal"),
    ],
)
def test_bad_answers_are_said(data: bytes, reason: str, detail: str) -> None:
    taken = made.take(API, data)
    assert [reject.reason for reject in taken.rejects] == [reason]
    assert detail in str(taken.rejects[0].detail)
    assert (taken.signals, taken.series, taken.context) == ([], [], [])


def test_answers_put_together_in_any_way_are_the_same_levels() -> None:
    answers = [made.answer([[made.serie(**{"from": 1767830400 + 86400 * day})]]) for day in range(4)]
    forms = [
        "\n".join(map(made.text, answers)),
        made.text(answers),
        json.dumps(answers, indent=1),
        "\n".join(json.dumps(each, indent=2) for each in reversed(answers)),
        "\ufeff" + made.text(answers),
        made.text([each["data"] for each in answers]),
    ]
    seen = [made.take(API, form) for form in forms]
    assert all(taken.rejects == [] for taken in seen)
    rows = [sorted((row["series"], row["time"], str(row["value"])) for row in taken.signals) for taken in seen]
    assert all(each == rows[0] for each in rows)
    assert len(rows[0]) == 16
    broken = made.take(API, "\n".join([made.text(answers[0]), '{"data":', made.text(answers[1])]))
    assert (len(broken.signals), broken.said()) == (8, [("truncated", 2)])


def alert(**more: Any) -> dict[str, Any]:
    entity = {"code": "IR", "name": "Iran", "type": "country", "attrs": {"fqid": "geo.netacuity.AS.IR"}}
    return {
        "datasource": "ping-slash24", "entity": entity, "time": 1767889800, "level": "critical",
        "condition": "< 0.8", "value": 3000, "historyValue": 41000, "method": "median",
    } | more  # fmt: skip


def test_alerts_rest_on_our_signals() -> None:
    rows = [alert(), alert(level="normal", time=1769000000), alert(datasource="bgp", level="warning")]
    rows.append(alert(datasource="gtr-sarima"))
    taken = made.take(API, made.text(made.answer(rows, "outages.alerts")))
    assert taken.signals == []
    first, over, bgp, google = taken.context
    assert (first["kind"], first["evidence"], first["source"], first["country"]) == ("alert", "ioda", "ioda", "IR")
    assert (first["entity"], first["start"], first["end"]) == ("IR", datetime(2026, 1, 8, 16, 30), None)
    assert first["title"] == "ping-slash24 critical: < 0.8, 3000 after 41000"
    # An alert that is over has an end and no start: nothing begins there.
    assert (over["start"], over["end"], over["day"]) == (None, datetime(2026, 1, 21, 12, 53, 20), "unknown")
    assert (bgp["evidence"], google["evidence"]) == ("bgp-collectors", "google")


def test_events_in_both_forms() -> None:
    start = 1767889800
    codf = {"location": "country/IR", "start": start, "duration": 3600, "method": "median", "datasource": "merit-nt"}
    codf |= {"score": 12.5, "location_name": "Iran", "overlaps_window": False, "status": 0}
    ioda = {"entityType": "region", "entityCode": "4155", "entityName": "Tehran", "from": start, "until": start + 600}
    ioda |= {"score": 1, "entityFqid": "geo.netacuity.AS.IR.4155", "alerts": [alert(), alert(datasource="bgp")]}
    rows = [codf, codf | {"overlaps_window": True}, codf | {"location": "region/4155", "location_name": "Tehran"}]
    rows += [codf | {"duration": -60}, codf | {"location": "geoasn/58224-IR"}, codf | {"datasource": "overall"}, ioda]
    taken = made.take(API, made.text(made.answer(rows, "outages.events")))
    assert taken.rejects == []
    whole, lasting, region, bent, network, overall, nested = taken.context
    assert (whole["start"], whole["end"]) == (datetime(2026, 1, 8, 16, 30), datetime(2026, 1, 8, 17, 30))
    assert (whole["entity"], whole["evidence"], whole["title"]) == ("IR", "merit", "event of merit-nt, score 12.5")
    assert lasting["end"] is None
    assert (region["entity"], region["region"], region["doubt"]) == (None, "Tehran", "entity")
    assert (bent["end"], bent["doubt"]) == (None, "end-before-start")
    assert (network["entity"], network["networks"]) == ("AS58224@IR", "58224")
    # What does not say on what it rests, rests on all that it could.
    assert overall["evidence"] == "bgp-collectors google ioda merit mozilla ucsd"
    assert (nested["entity"], nested["region"], nested["evidence"]) == ("IR/Tehran", "Tehran", "bgp-collectors ioda")


values = st.one_of(st.none(), st.integers(0, 10**6), st.floats(0, 1e6), st.just("x"), st.just(-1))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["bgp", "ping-slash24", "?"]), st.lists(values, max_size=8)), max_size=5))
def test_nothing_is_lost(parts: list[tuple[str, list[Any]]]) -> None:
    series = [made.serie(datasource=name, values=row) for name, row in parts]
    taken = made.take(API, made.text(made.answer([series])))
    known = [row for name, row in parts if name != "?" and row]
    bad = sum(value in ("x", -1) for row in known for value in row)
    assert len(taken.signals) == sum(map(len, known)) - bad
    assert len(taken.rejects) == (bad + len(parts) - len(known) if parts else 1)


# The dashboard.


def export(rows: int = 8, **columns: list[object]) -> str:
    times = [f"{each:%Y-%m-%d %H:%M:%S}" for each in made.times(rows)]
    top = [100 - (rows - 1 - at) / 100 for at in range(rows)]
    cells: dict[str, list[object]] = {
        "Google (Search)": [each - 80.03 for each in top],
        "Telescope (# Unique Source IPs)": list(top),
        "BGP (#Visible /24s)": [99.5 for _ in top],
        "Mozilla (City Count)": [10 * (at % 10) if at % 2 == 0 else "" for at in range(rows)],
    }
    cells |= columns
    return made.table(["Time (UTC)", *cells], list(zip(times, *cells.values(), strict=True)))


def test_the_export_is_read_column_by_column() -> None:
    data = export(**{"BGP (#Visible /24s)": [99, "", 99, 99, "", 99, 99, 99]})
    assert DASHBOARD.sniff(data.encode())
    taken = made.take(DASHBOARD, data, "ioda_ir_2026-01.csv")
    assert taken.rejects == []
    bgp = taken.levels("bgp/slash24")
    assert [at for at, value in enumerate(bgp.values()) if value is None] == [1, 4]
    mozilla = taken.one("mozilla/cities")
    # Between the values of a coarser column nothing is missing.
    assert (mozilla["step"], list(taken.levels("mozilla/cities").values())) == (3600, [0, 20, 40, 60])
    row = taken.one("google/search")
    assert (row["entity"], row["unit"], row["scale"], row["step"]) == ("IR", "normalised", row["input"], 1800)
    assert row["service"] == "google/search"


def test_a_gap_of_a_coarser_column_is_missing() -> None:
    data = export(12, **{"Mozilla (City Count)": [1, "", 2, "", "", "", "", "", 3, "", 4, ""]})
    levels = made.take(DASHBOARD, data, "x_IR.csv").levels("mozilla/cities")
    assert list(levels.values()) == [1, 2, None, None, 3, 4]


def test_columns_in_other_units_are_said() -> None:
    raw = export(**{"BGP (#Visible /24s)": [41000] * 8, "Telescope (# Unique Source IPs)": [9] * 8})
    taken = made.take(DASHBOARD, raw, "x_IR.csv")
    assert (taken.one("bgp/slash24")["unit"], taken.one("bgp/slash24")["scale"]) == ("count", "all")
    mixed = export(**{"BGP (#Visible /24s)": [99, 99, 41000, 99, 99, 99, 99, 99]})
    taken = made.take(DASHBOARD, mixed, "x_IR.csv")
    assert taken.said() == [("bad_value", 4)]
    assert "another unit" in str(taken.rejects[0].detail)
    assert len(taken.levels("bgp/slash24")) == 7


def test_rows_that_cannot_be_read_cost_themselves() -> None:
    lines = export().splitlines()
    lines[2] = lines[2].replace("2026-01-08", "1404-10-18")
    lines[4] = lines[4].replace("2026-01-08 01:30", "2026-01-08 01:00")
    lines[5] = ",".join([lines[5].split(",")[0], "many", *lines[5].split(",")[2:]])
    lines[6] = lines[6] + ",7"
    lines.append('"2026-01-09 00:00')
    taken = made.take(DASHBOARD, "\n".join(lines), "x_IR.csv")
    found = sorted(set(taken.said()), key=str)
    assert ("bad_time", 3) in found
    assert "Iranian calendar" in next(str(r.detail) for r in taken.rejects if r.reason == "bad_time")
    assert {("conflict", 4), ("conflict", 5), ("bad_value", 6), ("bad_row", 7), ("bad_row", 10)} <= set(found)
    assert len(taken.levels("google/search")) == 3


def test_what_is_said_twice_counts_once() -> None:
    data = export()
    again = data + data.splitlines()[3] + "\n"
    taken, once = (made.take(DASHBOARD, each, "x_IR.csv") for each in (again, data))
    assert taken.levels("bgp/slash24") == once.levels("bgp/slash24")
    assert set(taken.said()) == {("duplicate", 10)}


@pytest.mark.parametrize(
    ("name", "entity"),
    [
        ("ioda_ir_2026-01-01.csv", "IR"),
        ("country-IR.csv.gz", "IR"),
        ("export_country-in_2026.csv", "IN"),
        ("AS58224.csv", "AS58224"),
        ("ioda_as58224_IR.csv", "AS58224@IR"),
        ("Iran 2026.csv", "IR"),
        ("signals_IN_.csv", "IN"),
    ],
)
def test_the_name_says_whom(name: str, entity: str) -> None:
    assert made.take(DASHBOARD, export(), name).one("bgp/slash24")["entity"] == entity


@pytest.mark.parametrize(
    "name", ["export.csv", "export_in_2026.csv", "is_it.csv", "IR_IQ.csv", "AS1_AS2.csv", "XQ.csv"]
)
def test_no_name_no_entity(name: str) -> None:
    taken = made.take(DASHBOARD, export(), name)
    assert taken.said() == [("no_entity", None)]
    assert "rename it" in str(taken.rejects[0].detail)
    assert (taken.signals, taken.series) == ([], [])


@pytest.mark.parametrize(
    ("data", "reasons"),
    [
        (b"", ["empty"]),
        (made.PAGE, ["unknown_format"]),
        (b"a,b\n1,2\n", ["unknown_format"]),
        (b"Time (UTC),BGP\n", ["no_data"]),
        (b"Time (UTC),BGP\n2026-01-08,\n2026-01-09,\n", ["no_data"]),
        (b"Time (UTC),Weather\n2026-01-08,1\n", ["unknown_column"]),
    ],
)
def test_bad_exports_are_said(data: bytes, reasons: list[str]) -> None:
    taken = made.take(DASHBOARD, data, "x_IR.csv")
    assert [reject.reason for reject in taken.rejects] == reasons
    assert taken.signals == []


def test_a_cut_export_keeps_what_came() -> None:
    data = export()[:-20]
    taken = made.take(DASHBOARD, data, "x_IR.csv", Fault("truncated", "the stream ends early"))
    assert taken.said() == [("truncated", 9)]
    assert len(taken.levels("bgp/slash24")) == 7


@settings(max_examples=40)
@given(st.lists(st.one_of(st.floats(0, 100), st.just(""), st.just("?")), min_size=2, max_size=20), st.randoms())
def test_no_cell_is_lost_and_order_changes_nothing(cells: list[Any], chance: random.Random) -> None:
    rows = len(cells)
    head, *lines = export(rows, **{"BGP (#Visible /24s)": cells}).splitlines()
    taken = made.take(DASHBOARD, "\n".join([head, *lines]), "x_IR.csv")
    chance.shuffle(lines)
    other = made.take(DASHBOARD, "\n".join([head, *lines]), "x_IR.csv")
    for name in ("bgp/slash24", "google/search", "mozilla/cities"):
        assert taken.levels(name) == other.levels(name)
    numbers = [float(cell) for cell in cells if isinstance(cell, float)]
    levels = [value for value in taken.levels("bgp/slash24").values() if value is not None]
    assert sorted(levels) == pytest.approx(sorted(numbers))
    assert sum(reject.reason == "bad_value" for reject in taken.rejects) == cells.count("?")
