"""Law: the silence of a log of replies is zero in the log's own hours alone; who was asked is never passed on."""

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

from clampdown.intake.sources import pings

HEAD = "ip_hash,iso,name_0,name_1,name_2,isp_name,owner_name,time_local_str,time_local_hr,rtt\n"
BAGO = ("MM/Bago", "pings/replies")
HASH = "5ecret4ash"


def reply(time: str, rtt: str = "120", country: str = "MMR", region: str = "Bago", hour: str | None = None) -> str:
    hour = str(int(time[11:13])) if hour is None else hour
    return f'{HASH},{country},Somewhere,{region},Pegu,A Company,"A Company, Ltd",{time},{hour},{rtt}'


def rows(*lines: str, head: str = HEAD) -> texts.Told:
    found = texts.told(pings.SOURCE, head + "\n".join(lines) + "\n")
    assert HASH not in repr(found)
    assert all(each.digest is None for each in found.rejects)
    return found


def test_an_hour_of_the_local_clock_is_a_bin() -> None:
    found = rows(reply("2021-02-15 01:59:59.000"), reply("2021-02-15 04:00:00.000"), reply("2021-02-15 04:30:00.000"))
    assert found.levels() == {
        BAGO: {
            datetime(2021, 2, 14, 18, 30): 1.0,
            datetime(2021, 2, 14, 19, 30): 0.0,
            datetime(2021, 2, 14, 20, 30): 0.0,
            datetime(2021, 2, 14, 21, 30): 2.0,
        }
    }
    [row] = found.series
    for name, value in {
        "entity": "MM/Bago", "entity_kind": "region", "country": "MM", "plane": "data", "operator": "ping-log",
        "signal": "pings/replies", "unit": "count", "step": 3600, "absence": "no-reply", "zone": "Asia/Yangon",
        "scale": row["input"], "network": None,
    }.items():  # fmt: skip
        assert row[name] == value, name
    assert not found.rejects


def test_each_region_has_the_span_of_the_log() -> None:
    found = rows(reply("2021-02-15 01:00:00"), reply("2021-02-15 03:00:00", region="Yangon"))
    assert [list(times.values()) for times in found.levels().values()] == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (reply("2021-02-30 01:00:00"), "not_a_time"),
        (reply("2021-02-15 25:00:00", hour="1"), "not_a_time"),
        (reply("15/02/2021 01:00:00", hour="1"), "not_a_time"),
        (reply("2021-02-15", hour="0"), "not_a_time"),
        (reply("2021-02-15 01:00:00", hour="2"), "contradiction"),
        (reply("2021-02-15 01:00:00", hour=""), "contradiction"),
        (reply("2021-02-15 01:00:00", rtt="fast"), "not_a_level"),
        (reply("2021-02-15 01:00:00", rtt=""), "not_a_level"),
        (reply("2021-02-15 01:00:00", rtt="-1"), "not_a_level"),
        (reply("2021-02-15 01:00:00", rtt="nan"), "not_a_level"),
        (reply("2021-02-15 01:00:00", country="QQQ"), "unknown_country"),
        (reply("2021-02-15 01:00:00", country="Myanmar"), "unknown_country"),
        (reply("2021-02-15 01:00:00", region=""), "not_an_entity"),
        (reply("2021-02-15 01:00:00") + ",more", "not_a_row"),
    ],
)
def test_a_bad_row_costs_itself(line: str, reason: str) -> None:
    found = rows(reply("2021-02-15 01:00:00"), line, reply("2021-02-15 02:00:00"))
    assert found.why() == {3: reason}
    assert list(found.levels()[BAGO].values()) == [1.0, 1.0]


def test_a_place_whose_clock_is_not_known() -> None:
    found = rows(reply("2021-02-15 01:00:00", country="RUS", region="Nowhere"))
    assert found.why() == {2: "unknown_zone"}
    assert "several time zones" in found.said(2)
    assert not found.signals
    found = rows(reply("2021-02-15 01:00:00", country="RU", region="Samara"))
    assert list(found.levels()["RU/Samara", "pings/replies"]) == [datetime(2021, 2, 14, 21)]


@pytest.mark.parametrize(
    ("country", "before", "doubled", "after", "hours"),
    [
        ("DEU", "2024-10-27 01:30:00", "2024-10-27 02:30:00", "2024-10-27 03:30:00", [23, 2]),
        ("IRN", "2022-09-21 22:30:00", "2022-09-21 23:30:00", "2022-09-22 00:30:00", [17, 20]),
    ],
)
def test_an_hour_that_clocks_doubled_has_no_level(
    country: str, before: str, doubled: str, after: str, hours: list[int]
) -> None:
    found = rows(*(reply(time, country=country, region="Somewhere") for time in (before, doubled, after)))
    assert found.why() == {3: "not_a_time"}
    [times] = found.levels().values()
    assert [time.hour for time in times] == hours
    assert list(times.values()) == [1.0, 1.0]


def test_one_stamp_that_is_years_off_makes_no_years_of_zeros() -> None:
    found = rows(reply("1999-02-15 01:00:00"), reply("2021-02-15 01:00:00"))
    assert not found.signals
    assert found.why() == {1: "not_a_time"}
    assert "22 years apart" in found.said(1)


def test_other_names_of_columns() -> None:
    found = rows("MM;Bago;2021-02-15T01:10;9.5", head="cc;region;local_time;rtt_ms\n")
    assert found.levels() == {BAGO: {datetime(2021, 2, 14, 18, 30): 1.0}}
    found = rows("2021-02-15T01:10\tMM\t9.5", head="local_time\tcountry\tlatency\n")
    assert list(found.levels()) == [("MM", "pings/replies")]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 72 * 60), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_levels_and_replies_add_up(minutes: list[int], order: random.Random) -> None:
    begin = datetime(2021, 2, 15)
    lines = [reply((begin + timedelta(minutes=m)).isoformat(sep=" ")) for m in minutes]
    one = rows(*lines)
    order.shuffle(lines)
    levels = one.levels()
    assert levels == rows(*lines).levels()
    times = levels[BAGO]
    assert sum(value or 0 for value in times.values()) == len(minutes)
    assert len(times) == max(minutes) // 60 - min(minutes) // 60 + 1
    assert next(iter(times)) == begin + timedelta(hours=min(minutes) // 60) - timedelta(hours=6, minutes=30)
