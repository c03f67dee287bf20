"""Law: what begins together is one outage; planes and operators make its grade, outside sources its kind."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detect.levels import START, Kept, context, cut, quiet, record

from clampdown.detect.outages import GivenOutages, make

DAYS = 35
AT = 28 * 24 + 13
WHEN = START + timedelta(hours=AT)
TEHRAN = ZoneInfo("Asia/Tehran")


def offset(zone: str, when: datetime) -> timedelta:
    found = when.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).utcoffset()
    assert found is not None
    return found


def world(*planes: str, left: float = 0.1, hours: int = 30, entity: str = "XA", **about: Any) -> Kept:
    """A country in which these planes fall at once, and the others stay."""
    kept = Kept()
    for number, plane in enumerate(("control", "data", "background", "usage")):
        values = quiet(DAYS, seed=number, noise=0.01)
        kept.add(cut(values, AT, AT + hours, left) if plane in planes else values, plane, entity, **about)
    return kept


@pytest.mark.parametrize(
    ("planes", "grade"),
    [
        (("data",), "consistent"), (("usage",), "consistent"), (("control", "data"), "corroborated"),
        (("data", "background", "usage"), "corroborated"),
    ],
)  # fmt: skip
def test_one_plane_is_consistent_and_two_of_different_operators_are_corroborated(
    planes: tuple[str, ...], grade: str
) -> None:
    (row,) = world(*planes).outages()["outages"]
    assert (row["grade"], row["planes"].split()) == (grade, sorted(planes))
    assert set(row["planes_unmoved"].split()) == {"control", "data", "background", "usage"} - set(planes)
    assert (row["onset_after"], row["onset_before"]) == (WHEN - timedelta(hours=1), WHEN)
    assert (row["end_after"], row["end_before"]) == (WHEN + timedelta(hours=29), WHEN + timedelta(hours=30))
    assert row["lost_hours"] == pytest.approx(27, abs=0.5)


def test_two_planes_of_one_operator_are_one_witness() -> None:
    (row,) = world("data", "background", operator="ioda").outages()["outages"]
    assert row["grade"] == "consistent"
    assert "operator_shared" in row["contradicts"].split(",")


def test_a_statement_confirms_what_two_planes_saw_and_not_what_one_saw() -> None:
    said = context(record(kind="statement", start=WHEN, precision="minute", cause="government"))
    (two,) = world("data", "usage").outages(context=said)["outages"]
    (one,) = world("data").outages(context=said)["outages"]
    assert (two["grade"], two["kind"], two["kind_why"]) == ("confirmed", "shutdown", "order")
    assert (one["grade"], one["kind"]) == ("consistent", "shutdown")


DAY = WHEN.replace(hour=0)


@pytest.mark.parametrize(
    ("fields", "kind", "why"),
    [
        ({}, "shutdown", "published_list"),
        ({"start": DAY - timedelta(days=9)}, "outage", "no_outside_source"),
        ({"country": "XB"}, "outage", "no_outside_source"),
        ({"extent": "service"}, "outage", "no_outside_source"),
        ({"extent": "throttle"}, "outage", "no_outside_source"),
        ({"scope": "local", "region": "Elsewhere"}, "outage", "no_outside_source"),
        ({"evidence": "ioda merit"}, "outage", "own_evidence_only"),
        ({"evidence": "cloudflare"}, "shutdown", "published_list"),
        ({"kind": "outage-list", "cause": "cable"}, "outage", "accident_named,no_outside_source"),
        ({"kind": "outage-list", "cause": "government"}, "shutdown", "published_list"),
        ({"kind": "outage-list", "cause": None}, "outage", "no_outside_source"),
        ({"kind": "protest", "extent": None}, "outage", "no_outside_source"),
        ({"kind": "alert", "extent": None}, "outage", "no_outside_source"),
    ],
)
def test_a_shutdown_needs_a_source_outside_the_signals(fields: dict[str, Any], kind: str, why: str) -> None:
    said = context(record(**({"start": DAY} | fields)))
    (row,) = world("data", "usage").outages(context=said)["outages"]
    assert (row["kind"], row["kind_why"]) == (kind, why)


def test_a_protest_of_the_day_is_a_feature_with_its_ratio() -> None:
    said = context(record(kind="protest", start=DAY, extent=None))
    (row,) = world("data", "usage").outages(context=said)["outages"]
    assert "protest=yes:9" in row["features"].split()
    assert row["published"] == "c1"


@pytest.mark.parametrize(("minutes", "value"), [(0, "yes:3.06"), (30, "no:0.382")])
def test_the_hour_is_that_of_local_time(minutes: int, value: str) -> None:
    """Tehran is at +3:30: what begins at half past in UTC begins on the hour there."""
    step = 600
    at = 28 * 144 + 80 + 3 - minutes // 10  # 13:50 UTC and half an hour before
    kept = Kept(step=step)
    kept.add(cut(quiet(DAYS, step), at, at + 20, 0.1))
    at_utc = START + timedelta(seconds=step * at)
    assert at_utc.minute == (50 if minutes == 0 else 20)
    zone = GivenOutages(zone=lambda _c, _r: "Asia/Tehran", offset=lambda _z, _w: timedelta(hours=3, minutes=10 + 0))
    days = kept.days()
    (row,) = make(lambda: days, kept.table(), zone)["outages"].to_pylist()
    assert dict(pair.split("=") for pair in row["features"].split())["on_the_hour"] == value


def test_steps_of_half_an_hour_tell_nothing_about_minutes() -> None:
    (row,) = world("data").outages(zone=lambda _c, _r: "Asia/Tehran", offset=offset)["outages"]
    assert "on_the_hour=unknown:" in row["features"].split()


def test_what_was_missing_is_not_said_to_have_stayed() -> None:
    kept = world("data")
    values = quiet(DAYS, seed=9)
    values[AT : AT + 30] = np.nan
    kept.add(values, "usage", signal="mozilla/cities", operator="mozilla")
    tables = kept.outages()
    roles = {part["signal"]: part["role"] for part in tables["outage_parts"]}
    assert roles == {
        "probing/slash24": "loss", "mozilla/cities": "missing", "bgp/slash24": "unmoved",
        "telescope/sources": "unmoved", "google/search": "unmoved",
    }  # fmt: skip


def test_a_service_that_comes_back_first_is_a_restoration_and_not_the_end() -> None:
    kept = Kept()
    kept.add(cut(quiet(60), AT, AT + 400, 0.04), "data")
    kept.add(cut(quiet(60, seed=2), AT + 1, AT + 200, 0.02), "usage", service="google/search")
    tables = kept.outages()
    (row,) = tables["outages"]
    assert (row["end_before"], row["restorations"]) == (START + timedelta(hours=AT + 400), 1)
    (back,) = (part for part in tables["outage_parts"] if part["role"] == "restoration")
    assert (back["signal"], back["onset_before"]) == ("google/search", START + timedelta(hours=AT + 200))


def test_nights_are_one_recurring_outage_with_each_night_listed() -> None:
    kept = Kept()
    values = quiet(60, noise=0.05)
    nights = [day * 24 + 18 for day in range(20, 50) if day != 33]
    for night in nights:
        values = cut(values, night, night + 8, 0.02)
    kept.add(values)
    tables = kept.outages(zone=lambda _c, _r: "Asia/Yangon", offset=offset)
    (row,) = tables["outages"]
    assert (row["pattern"], row["occurrences"], row["occurrences_of"]) == ("nightly", 29, 30)
    found = [part["onset_before"] for part in tables["outage_parts"] if part["role"] == "occurrence"]
    assert found == [START + timedelta(hours=night) for night in nights]
    assert row["end_before"] == START + timedelta(hours=nights[-1] + 8)
    assert "recurs_1_4_days=yes:398" in row["features"]


def test_a_source_that_breaks_everywhere_is_a_note_and_no_outage() -> None:
    kept = Kept()
    for number in range(8):
        values = quiet(DAYS, seed=number)
        kept.add(cut(values, AT, AT + 3, 0.0) if number < 6 else values, "data", f"X{'ABCDEFGH'[number]}")
    tables = kept.outages()
    assert tables["outages"] == []
    (note,) = tables["notes"]
    assert (note["kind"], note["countries"]) == ("source_failure", "XA XB XC XD XE XF")


def test_unless_another_operator_saw_the_same_countries_fall() -> None:
    kept = Kept()
    for number in range(8):
        for plane in ("data", "usage"):
            values = quiet(DAYS, seed=number)
            kept.add(cut(values, AT, AT + 3, 0.0) if number < 6 else values, plane, f"X{'ABCDEFGH'[number]}")
    assert [row["grade"] for row in kept.outages()["outages"]] == ["corroborated"] * 6


def test_a_lasting_shift_of_one_signal_is_insufficient() -> None:
    kept = Kept()
    kept.add(cut(quiet(80), AT, 80 * 24, 0.7))
    kept.add(quiet(80, seed=5), "usage")
    (row,) = kept.outages()["outages"]
    assert row["grade"] == "insufficient"
    assert "new_normal" in row["contradicts"].split(",")
    assert "no_data_since" not in row["contradicts"].split(",")  # it was watched from its new height on


def test_what_lasts_lasts_as_far_as_the_data_go() -> None:
    (row,) = world("data", "usage", hours=10_000).outages()["outages"]
    assert row["lasts"]
    assert (row["end_after"], row["end_before"]) == (None, None)
    assert row["last_seen"] == START + timedelta(hours=DAYS * 24 - 1)


def test_days_with_too_little_of_the_instrument_are_withheld() -> None:
    kept = Kept(step=86_400)
    values = quiet(60, 86_400, size=10_000, noise=0.03)
    values[40] *= 0.2
    share = [0.7] * 60
    share[40] = 0.3
    kept.add(values, "usage", signal="tor/relay-users", operator="tor", quality=share)
    tables = kept.outages()
    assert tables["outages"] == []
    (note,) = tables["notes"]
    assert (note["kind"], note["first"], note["last"]) == ("withheld", "2024-02-10", "2024-02-10")


def test_a_surge_of_users_is_a_note() -> None:
    kept = Kept(step=86_400)
    values = quiet(60, 86_400, size=10_000, noise=0.03)
    values[40:48] *= 12
    kept.add(values, "usage", signal="tor/relay-users", operator="tor")
    tables = kept.outages()
    assert tables["outages"] == []
    (note,) = tables["notes"]
    assert (note["kind"], note["first"], note["country"]) == ("surge", "2024-02-10", "XA")


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    order = random.Random(seed)
    kept = world("data", "usage", hours=6)
    wanted = kept.outages()
    places = list(range(len(kept.rows)))
    order.shuffle(places)
    days = kept.days(places)
    series = kept.table().take(order.sample(range(4), 4))
    made = make(lambda: days, series, GivenOutages())
    assert {name: table.to_pylist() for name, table in made.items()} == wanted


def test_an_outage_keeps_its_id_when_more_data_comes() -> None:
    kept = world("data", "usage", hours=10_000)
    days = kept.days()
    series = kept.table()
    first = make(lambda: days[:31], series, GivenOutages())["outages"]
    later = make(lambda: days, series, GivenOutages(previous=first))["outages"]
    assert later["outage"].to_pylist() == first["outage"].to_pylist()
    assert later["lost_hours"].to_pylist() > first["lost_hours"].to_pylist()


def test_the_digest_names_the_levels_that_it_rests_on() -> None:
    (one,) = world("data").outages()["outages"]
    (same,) = world("data").outages()["outages"]
    kept = world("data")
    kept.rows[len(kept.rows) // 4 + AT + 2]["value"] += 0.001
    (other,) = kept.outages()["outages"]
    assert one["witnesses_digest"] == same["witnesses_digest"] != other["witnesses_digest"]
    assert one["points"] == 48
