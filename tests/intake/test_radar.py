"""Law: what Cloudflare publishes rests on its own traffic and says so; its series, and Google's, say their scale."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import made_lists as made

from clampdown.intake.sources.google_traffic import SOURCE as GOOGLE
from clampdown.intake.sources.radar import SOURCE as RADAR
from clampdown.reference.published import CAUSES, load_published, meaning


def annotation(**more: Any) -> dict[str, Any]:
    details = [{"asn": "64500", "name": "A", "location": {"code": "HT", "name": "Haiti"}}]
    return {
        "id": "7", "dataSource": "ALL", "description": "Cables were cut", "scope": None, "locations": ["HT"],
        "startDate": "2026-01-08T16:30:00Z", "endDate": "2026-01-09T16:30:00Z", "asns": [64500],
        "eventType": "OUTAGE", "linkedUrl": "https://a.example/1", "asnsDetails": details,
        "outage": {"outageCause": "CABLE_CUT", "outageType": "NETWORK"},
    } | more  # fmt: skip


def listed(*rows: dict[str, Any], key: str = "annotations", **more: Any) -> str:
    return made.text({"success": True, "errors": [], "result": {key: list(rows)}} | more)


def test_annotations() -> None:
    whole = {"outageCause": "GOVERNMENT_DIRECTED", "outageType": "NATIONWIDE"}
    part = {"outageCause": "NEW_WORD", "outageType": "REGIONAL"}
    data = listed(
        annotation(),
        annotation(locations=["IR", "IQ"], asns=[], asnsDetails=[], outage=whole, endDate=None),
        annotation(locations=["SY"], scope="Idlib", outage=part, endDate="2026-01-01T00:00:00Z"),
        annotation(locations=["??"], asns=[], asnsDetails=[], endDate="soon"),
    )
    assert RADAR.sniff(data.encode())
    taken = made.take(RADAR, data)
    assert taken.rejects == []
    cut, first, second, bent, nowhere = taken.context
    assert (cut["kind"], cut["evidence"], cut["source"]) == ("outage-list", "cloudflare", "cloudflare-radar")
    assert (cut["start"], cut["end"]) == (datetime(2026, 1, 8, 16, 30), datetime(2026, 1, 9, 16, 30))
    assert (cut["country"], cut["entity"], cut["networks"]) == ("HT", "AS64500@HT", "64500")
    assert (cut["cause"], cut["scope"], cut["precision"], cut["acknowledged"]) == ("cable", None, "minute", None)
    assert (cut["title"], cut["url"]) == ("Cables were cut", "https://a.example/1")
    assert [(row["entity"], row["cause"], row["scope"], row["end"]) for row in (first, second)] == [
        ("IR", "government", "national", None),
        ("IQ", "government", "national", None),
    ]
    assert (bent["end"], bent["doubt"], bent["region"], bent["cause"]) == (None, "end-before-start", "Idlib", "other")
    assert (nowhere["country"], nowhere["doubt"]) == (None, "country,end-unread")


def test_anomalies() -> None:
    row: dict[str, Any] = {"uuid": "u", "status": "VERIFIED", "type": "LOCATION", "startDate": "2026-01-08T16:30:00Z"}
    place = {"locationDetails": {"code": "IR", "name": "Iran"}, "visibleInDataSources": ["HTTP", "NET"]}
    network = {"type": "AS", "asnDetails": {"asn": "58224", "name": "TIC", "locations": {"code": "IR", "name": "Iran"}}}
    data = listed(row | place, row | network | {"endDate": "2026-01-08T17:00:00Z"}, row, key="trafficAnomalies")
    assert RADAR.sniff(data.encode())
    first, second, third = made.take(RADAR, data).context
    assert (first["kind"], first["entity"], first["evidence"], first["end"]) == ("alert", "IR", "cloudflare", None)
    assert first["title"] == "traffic anomaly, verified, seen in HTTP NET"
    assert (second["entity"], second["country"], second["networks"]) == ("AS58224@IR", "IR", "58224")
    assert (third["entity"], third["doubt"]) == (None, "entity")


def series(meta: dict[str, Any] | None = None, **named: Any) -> str:
    told = {"aggInterval": "ONE_HOUR", "normalization": "MIN0_MAX", "units": [{"name": "*", "value": "requests"}]}
    stamps = [f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in made.times(3, 60)]
    result = {name: {"timestamps": stamps} | rows for name, rows in named.items()}
    return made.text({"success": True, "errors": [], "result": {"meta": told | (meta or {})} | result})


def test_a_series_and_its_scale() -> None:
    data = series(serie_0={"values": ["0.5", None, "1"]})
    assert RADAR.sniff(data.encode())
    taken = made.take(RADAR, data, "radar_IR.json")
    assert list(taken.levels("cloudflare/http").values()) == [0.5, None, 1]
    row = taken.one("cloudflare/http")
    assert (row["entity"], row["plane"], row["operator"], row["step"]) == ("IR", "usage", "cloudflare", 3600)
    assert (row["unit"], row["scale"] == row["input"]) == ("normalised", True)
    raw = made.take(RADAR, series({"normalization": "RAW_VALUES"}, main={"values": [1, 2, 3]}), "x_IR.json")
    assert (raw.one("cloudflare/http")["unit"], raw.one("cloudflare/http")["scale"]) == ("count", "all")
    bytes_ = made.take(RADAR, series({"units": []}, main={"values": [1, 2, 3]}), "netflows_IR.json")
    assert bytes_.one("cloudflare/netflows")["entity"] == "IR"
    shares = series(
        {"normalization": "PERCENTAGE"}, serie_0={"desktop": ["40", "41", "42"], "mobile": ["60", "59", "x"]}
    )
    taken = made.take(RADAR, shares, "x_IR.json")
    assert (taken.one("cloudflare/mobile")["unit"], taken.said()) == ("percent", [("bad_value", 1)])


def test_a_series_is_about_whom_its_name_says() -> None:
    data = series(us_data={"values": [1, 2, 3]}, in_data={"values": [1, 2, 3]})
    taken = made.take(RADAR, data, "x_IR.json")
    assert {row["entity"] for row in taken.series} == {"US", "IN"}
    taken = made.take(RADAR, series(serie_0={"values": [1, 2, 3]}, serie_1={"values": [1, 2, 3]}), "x_IR.json")
    assert (taken.said(), taken.signals) == ([("no_entity", 1)] * 2, [])


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        ("", "empty", "nothing"),
        (made.PAGE.decode(), "unknown_format", "a web page"),
        ('{"success":false,"errors":[{"code":1,"message":"no token"}],"result":null}', "source_error", "no token"),
        (listed(), "no_data", "holds no data"),
        (listed(annotation(startDate="1404-10-18T00:00:00Z")), "bad_time", "Iranian calendar"),
        (listed(annotation(startDate=None)), "bad_time", "record 7"),
        (listed(annotation(eventType="PIPELINE")), "unknown_record", "PIPELINE"),
        ('{"success":true,"result":{"top_0":[]}}', "unknown_record", "not an answer"),
        (series(serie_0={"values": ["1"]}), "bad_value", "3 times and 1 values"),
        (series(serie_0={"values": [None, None, ""]}), "no_data", "cloudflare/http of IR"),
        (series({"units": []}, serie_0={"values": [1, 2, 3]}), "unknown_signal", "http or netflows"),
        (series(serie_0={"values": [1, 2, 3]})[:-9], "truncated", "complete"),
    ],
)
def test_bad_answers_are_said(data: str, reason: str, detail: str) -> None:
    taken = made.take(RADAR, data, "radar_IR.json")
    assert [reject.reason for reject in taken.rejects] == [reason]
    assert detail in str(taken.rejects[0].detail)
    assert (taken.signals, taken.context) == ([], [])


def test_the_time_that_is_said_twice() -> None:
    data = made.text(
        {
            "result": {
                "meta": {"aggInterval": "15m"},
                "http_IR": {
                    "timestamps": ["2026-01-08T00:00:00Z"] * 2 + ["2026-01-08T00:15:00Z"] * 2 + ["x"],
                    "values": ["1", "2", "3", "3", "4"],
                },
            }
        }
    )
    taken = made.take(RADAR, data, "radar_http.json")
    assert taken.levels("cloudflare/http") == {datetime(2026, 1, 8, 0, 15): 3}
    assert sorted(reason for reason, _ in taken.said()) == ["bad_time", "conflict", "conflict", "duplicate"]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["good", "bent", "jalali", "two", "other"]), max_size=6), st.randoms())
def test_annotations_in_equal_rows_out(kinds: list[str], chance: Any) -> None:
    made_of: dict[str, dict[str, Any]] = {
        "good": annotation(),
        "bent": annotation(endDate="2020-01-01T00:00:00Z"),
        "jalali": annotation(startDate="1404-01-01T00:00:00Z"),
        "two": annotation(locations=["IR", "IQ"]),
        "other": annotation(eventType="EVENT"),
    }
    rows = [made_of[kind] for kind in kinds]
    taken = made.take(RADAR, listed(*rows))
    assert len(taken.context) + len(taken.rejects) == (len(kinds) + kinds.count("two") if kinds else 1)
    chance.shuffle(rows)
    other = made.take(RADAR, listed(*rows))
    assert sorted(row["record"] for row in taken.context) == sorted(row["record"] for row in other.context)


def test_meanings() -> None:
    assert meaning("radar", "POWER_OUTAGE") == "power"
    assert meaning("radar", "UNKNOWN") is meaning("radar", "") is None
    assert meaning("radar", "something new") == "other"
    assert meaning("radar_scope", "PLATFORM") is meaning("radar_scope", "new") is None
    assert meaning("access_now", "Religious Holiday / Anniversary") == "government"
    with pytest.raises(Exception, match="aliens is no meaning"):
        load_published({"x": {"word": "aliens"}})
    assert "other" in CAUSES


# Google's report.


def points(*rows: Any, guard: str = ")]}'\n\n") -> str:
    return guard + made.text([["tr.fraction", list(rows)]])


def point(minutes: int, value: Any = 1.5) -> list[Any]:
    time = made.DAY + timedelta(minutes=minutes)
    return [int((time - datetime(1970, 1, 1)).total_seconds() * 1000), [[0, value]]]


@pytest.mark.parametrize("name", ["IR_youtube.json", "traffic?region=IR&product=21", "iran YouTube.json"])
@pytest.mark.parametrize("guard", [")]}'\n\n", ")]}'", ""])
def test_google_traffic(name: str, guard: str) -> None:
    data = points(point(0), point(30, 0), point(60, None), [point(90)[0], []], point(120, 2), guard=guard)
    assert GOOGLE.sniff(data.encode())
    taken = made.take(GOOGLE, data, name)
    assert taken.rejects == []
    assert list(taken.levels("google/youtube").values()) == [1.5, 0, None, None, 2]
    row = taken.one("google/youtube")
    assert (row["entity"], row["service"], row["source"]) == ("IR", "google/youtube", "google-transparency")
    assert (row["step"], row["unit"], row["scale"] == row["input"]) == (1800, "normalised", True)


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        ("", "IR_youtube.json", "empty"),
        (made.PAGE.decode(), "IR_youtube.json", "unknown_format"),
        (points(point(0)), "youtube.json", "no_entity"),
        (points(point(0)), "IR.json", "unknown_signal"),
        (points(point(0)), "IR_youtube_gmail.json", "unknown_signal"),
        (points(), "IR_youtube.json", "no_data"),
        (points(point(0, None)), "IR_youtube.json", "no_data"),
        (")]}'\n{}", "IR_youtube.json", "unknown_record"),
        (")]}'\n[[7]]", "IR_youtube.json", "unknown_record"),
        (points(point(0))[:-3], "IR_youtube.json", "truncated"),
        (points(point(0)) + "]", "IR_youtube.json", "not_json"),
    ],
)
def test_bad_answers_of_google(data: str, name: str, reason: str) -> None:
    taken = made.take(GOOGLE, data, name)
    assert [reject.reason for reject in taken.rejects] == [reason]
    assert taken.signals == []


def test_bad_points_of_google_cost_themselves() -> None:
    data = points(point(0), [1404, [[0, 1]]], point(30, "x"), point(60, -1), point(90), point(90, 3), 7)
    taken = made.take(GOOGLE, data, "IR_search.json")
    assert taken.levels("google/search") == {made.DAY: 1.5}
    assert sorted(reason for reason, _ in taken.said()) == ["bad_time"] * 2 + ["bad_value"] * 2 + ["conflict"] * 2
