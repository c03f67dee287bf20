"""Law: a stamp means one moment or is refused: no year, order of day and month, calendar or zone is guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from clampdown.intake.times import NotATime, local, moment, offset_of, utc_of, whole_hour
from clampdown.reference.zones import zone_of, zones_of

ONSET = datetime(2026, 1, 8, 16, 30)
DAY = datetime(2026, 1, 8)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-08 16:30:00", "2026-01-08T16:30:00Z", "2026-01-08T16:30", "2026-01-08 16:30:00.000",
        "2026/01/08 16:30", "2026-01-08T20:00:00+03:30", "2026-01-08T20:00+0330", "2026-01-08 11:30:00-05",
        "2026-01-08 16:30:00 UTC", "1767889800", "1767889800000", "1767889800.0", "20260108T163000Z", "20260108163000",
        " 2026-1-8 16:30 ",
        "Thu, 08 Jan 2026 16:30:00 GMT", "January 8, 2026 16:30", "8 January 2026, 16:30", "2026-01-08T16:30:00,000Z",
        "۲۰۲۶-۰۱-۰۸ ۱۶:۳۰", "1404-10-18 16:30", "۱۴۰۴/۱۰/۱۸ ۱۶:۳۰:۰۰", "18 Dey 1404 16:30",
    ],
)  # fmt: skip
def test_a_moment(text: str) -> None:
    assert utc_of(text) == ONSET


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-08", "20260108", "2026/1/8", "2026.01.08", "8 Jan 2026", "Thursday 8 January 2026", "8th January 2026",
        "1404/10/18", "1404-10-18", "14041018", "۱۴۰۴/۱۰/۱۸", "١٤٠٤/١٠/١٨", "18 Dey 1404", "18 دی ۱۴۰۴", "18 دي 1404",
    ],
)  # fmt: skip
def test_a_day_alone(text: str) -> None:
    assert moment(text) == (DAY, "day", False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("08/01/2026", "order of day and month"),
        ("13/01/2026 10:00", "order of day and month"),
        ("8.1.26", "order of day and month"),
        ("18/10/1404", "order of day and month"),
        ("2569-01-08", "Buddhist"),
        ("1989-12-31", "outside 1990 to 2099"),
        ("2100-01-01", "outside 1990 to 2099"),
        ("1447-07-18", "lunar"),
        ("1300-01-01", "lies before 1990"),
        ("1367-01-01", "lies before 1990"),
        ("1404-12-30", "Persian calendar"),
        ("18 January 1404", "no Persian month"),
        ("18 Dey 2026", "no year of that calendar"),
        ("Wed, 08 Jan 2026", "was a Thursday"),
        ("8 Blah 2026", "not the name of a month"),
        ("Xyzday 8 January 2026", "not the name of a weekday"),
        ("2026-02-30", "not a day"),
        ("2026-01-08 24:00", "no such hour"),
        ("2026-01-08 16:60:00", "no such hour"),
        ("2026-01-08 16:30:00+25:00", "offset"),
        ("2026-01-08 16:30 IRST", "can be read"),
        ("2026-01-08 4:30 PM", "can be read"),
        ("2026-W02-4", "can be read"),
        ("2026", "can be read"),
        ("1404", "can be read"),
        ("", "can be read"),
        ("nan", "can be read"),
        ("-1767889800", "can be read"),
        ("123456789", "outside 1990 to 2099"),
        ("9" * 5000, "too long"),
    ],
)
def test_refused(text: str, why: str) -> None:
    with pytest.raises(NotATime, match=why):
        moment(text)


@given(st.dates(datetime(1990, 3, 21).date(), datetime(2032, 3, 18).date()))
def test_a_persian_day_is_its_gregorian_one(day: object) -> None:
    persian = JalaliDate(day)
    for text in (persian.isoformat(), persian.strftime("%d %B %Y"), persian.strftime("%Y/%m/%d", locale="fa")):
        if 1369 <= persian.year <= 1410:
            assert utc_of(text).date() == day


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)),
    st.sampled_from("T "),
    st.sampled_from([None, 0, 210, 270, 390, -300]),
)
def test_what_isoformat_writes_is_read_back(time: datetime, sign: str, minutes: int | None) -> None:
    text = time.isoformat(sep=sign)
    if minutes is not None:
        hours, rest = divmod(abs(minutes), 60)
        text += f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
    assert utc_of(text) == time - timedelta(minutes=minutes or 0)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = utc_of(text)
    except NotATime:
        return
    assert 1989 <= found.year <= 2100
    assert found.tzinfo is None


@pytest.mark.parametrize(
    ("key", "text", "utc"),
    [
        ("Asia/Tehran", "2022-09-21 12:00", "2022-09-21 07:30"),  # the last day of summer time
        ("Asia/Tehran", "2022-09-22 12:00", "2022-09-22 08:30"),
        ("Asia/Tehran", "2023-07-01 12:00", "2023-07-01 08:30"),  # and it never came back
        ("Asia/Yangon", "2021-02-15 01:00", "2021-02-14 18:30"),
        ("Asia/Yangon", "2021-02-15T01:00:00Z", "2021-02-15 01:00"),  # its own offset is stronger
        ("Asia/Tehran", "2022-03-22", "2022-03-21 20:30"),  # midnight was jumped over: the day begins with the jump
        ("Asia/Tehran", "1401/04/10 12:00", "2022-07-01 07:30"),
    ],
)
def test_local_times(key: str, text: str, utc: str) -> None:
    assert utc_of(text, key) == datetime.fromisoformat(utc)


def test_a_local_time_that_is_not_there_or_there_twice() -> None:
    with pytest.raises(NotATime, match="does not exist"):
        moment("2022-03-22 00:30", "Asia/Tehran")
    with pytest.raises(NotATime, match="does not exist"):
        moment("2011-12-30", "Pacific/Apia")  # a whole day was left out
    first = moment("2022-09-21 23:30:00", "Asia/Tehran")
    assert first == (datetime(2022, 9, 21, 19), "second", True)
    assert not moment("2022-09-21 22:30:00", "Asia/Tehran").twice
    with pytest.raises(NotATime, match="time zone"):
        moment("2022-09-21 22:30", "Asia/Nowhere")


def test_offsets_by_place_and_date() -> None:
    assert offset_of("Asia/Tehran", datetime(2022, 9, 21, 19, 29)) == timedelta(hours=4, minutes=30)
    assert offset_of("Asia/Tehran", datetime(2022, 9, 21, 19, 30)) == timedelta(hours=3, minutes=30)
    assert offset_of("Asia/Yangon", datetime(2021, 2, 14)) == timedelta(hours=6, minutes=30)
    assert local("Asia/Yangon", datetime(2021, 2, 14, 18, 30)) == datetime(2021, 2, 15, 1)


@given(
    st.sampled_from(["Asia/Tehran", "Asia/Yangon", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.datetimes(datetime(1995, 1, 1), datetime(2035, 1, 1)),
)
def test_local_agrees_with_the_standard_library_and_back(key: str, utc: datetime) -> None:
    there = utc.replace(tzinfo=UTC).astimezone(ZoneInfo(key)).replace(tzinfo=None)
    assert local(key, utc) == there
    back = moment(there.isoformat(sep=" "), key)
    assert back.utc == utc or (back.twice and back.utc < utc)


def test_hours_that_clocks_cut_or_double() -> None:
    assert whole_hour("Asia/Yangon", datetime(2021, 2, 15, 1)) == datetime(2021, 2, 14, 18, 30)
    assert whole_hour("Europe/Berlin", datetime(2024, 3, 31, 2)) is None  # not there
    assert whole_hour("Europe/Berlin", datetime(2024, 10, 27, 2)) is None  # twice
    assert whole_hour("Australia/Lord_Howe", datetime(2024, 10, 6, 2)) is None  # half of it
    assert whole_hour("Europe/Berlin", datetime(2024, 3, 31, 3)) == datetime(2024, 3, 31, 1)


@pytest.mark.parametrize(
    ("country", "region", "key"),
    [
        ("IR", None, "Asia/Tehran"),
        ("MM", "Bago", "Asia/Yangon"),
        ("DE", None, "Europe/Berlin"),  # two zones that tell the same time
        ("RU", None, None),
        ("RU", "Udmurtia", "Europe/Samara"),
        ("RU", "Nowhere", None),
        ("KZ", "almaty", "Asia/Almaty"),
        ("US", "Chicago", "America/Chicago"),
        ("US", None, None),
        ("ZZ", None, None),
    ],
)
def test_the_zone_of_a_place(country: str, region: str | None, key: str | None) -> None:
    assert zone_of(country, region) == key


def test_zones_of_a_country() -> None:
    assert zones_of("IR") == ("Asia/Tehran",)
    assert len(zones_of("RU")) > 20
    assert zones_of("ZZ") == ()
