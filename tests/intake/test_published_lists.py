"""Law: a row of a published list is kept as said, with what is wrong with it, or rejected with its line."""

from __future__ import annotations

import random
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import made_lists as made

from clampdown.intake.containers_bytes import Fault
from clampdown.intake.sources.access_now import SOURCE as ACCESS_NOW
from clampdown.intake.sources.context_csv import SOURCE as CONTEXT
from clampdown.intake.sources.outage_list import SOURCE as INVESTIGATED
from clampdown.intake.stamps import BadStamp, epoch, iso, spoken

FLAT = ("start_date", "end_date", "country", "geo_scope", "area_name", "shutdown_type", "affected_network", "extent")
FLAT += ("actual_cause", "gov_ack", "an_link")
LATER = ("Start Date", "End Date", "Country", "Geo Scope", "Area Name", "Shutdown Type", "Affected Network", "Extent")
LATER += ("Actual Cause", "Gov Ack", "AN Link")
MANY = "It affected locations in more than one state, province, or region"
ROW = ["2022-09-21", "2022-10-03", "Iran (Islamic Republic of)", MANY, "Nationwide", "Shutdown", "Broadband, Mobile"]
ROW += ["Full network", "Protests", "Yes", "https://a.example/ir"]


def row(**more: str) -> list[str]:
    return [more.get(name, cell) for name, cell in zip(FLAT, ROW, strict=True)]


@pytest.mark.parametrize("columns", [FLAT, LATER])
def test_access_now(columns: tuple[str, ...]) -> None:
    data = made.table([*columns, "", ""], [[*ROW, "", ""]])
    assert ACCESS_NOW.sniff(data.encode())
    taken = made.take(ACCESS_NOW, "\ufeff" + data, "list.csv")
    [found] = taken.context
    assert taken.rejects == []
    assert (found["kind"], found["source"], found["evidence"]) == ("shutdown-list", "access-now", None)
    assert (found["country"], found["entity"], found["region"]) == ("IR", "IR", "Nationwide")
    assert (found["start"], found["end"], found["precision"]) == (datetime(2022, 9, 21), datetime(2022, 10, 3), "day")
    assert (found["cause"], found["extent"], found["access"], found["scope"]) == (
        "government",
        "full",
        "both",
        "national",
    )
    assert (found["acknowledged"], found["url"], found["doubt"]) == (True, "https://a.example/ir", None)
    assert found["locator"] == "list.csv:2"


@pytest.mark.parametrize(
    ("extent", "kind", "network", "found", "access"),
    [
        ("Full network", "Shutdown", "Mobile", "full", "mobile"),
        ("Full network, Service-based", "Shutdown", "Broadband", "full", "fixed"),
        ("Full and Service-based", "Shutdown and throttle", "Mobile and broadband", "full", "both"),
        ("Full network", "Throttle", "Mobile", "throttle", "mobile"),
        ("Service-based", "Shutdown", "Unknown", "service", None),
        ("Throttling", "Mobile Internet, Throttling", "", "throttle", "mobile"),
        ("Mobile Internet", "Mobile Internet, SMS", "", "full", "mobile"),
        ("Full network", "Broadband Internet, Mobile Internet", "", "full", "both"),
        ("", "Service-based", "", "service", None),
        ("", "Shutdown", "", None, None),
        ("something new", "Shutdown", "Mobile", "other", "mobile"),
    ],
)
def test_what_was_cut(extent: str, kind: str, network: str, found: str | None, access: str | None) -> None:
    data = made.table(FLAT, [row(extent=extent, shutdown_type=kind, affected_network=network)])
    [said] = made.take(ACCESS_NOW, data).context
    assert (said["extent"], said["access"]) == (found, access)


@pytest.mark.parametrize(
    ("reach", "area", "scope"),
    [
        ("National", "Nationwide", "national"),
        (MANY, "Punjab, Sindh", "regional"),
        (MANY, "Nationwide except for HK SAR", "national"),
        (MANY, "National Capital Territory of Delhi, Haryana", "regional"),
        (MANY, "", None),
        ("It affected more than one city in the same state, province, or region", "Bago", "regional"),
        ("It only affected one city, county, or village", "Hpakant", "local"),
        ("Level 1", "x", "local"),
        ("Level  2", "x", "regional"),
        ("Level 3", "National", "national"),
        ("Not sure", "x", None),
    ],
)
def test_how_far_it_reached(reach: str, area: str, scope: str | None) -> None:
    [said] = made.take(ACCESS_NOW, made.table(FLAT, [row(geo_scope=reach, area_name=area)])).context
    assert (said["scope"], said["entity"]) == (scope, "IR" if scope == "national" else None)


def test_odd_rows_of_access_now() -> None:
    rows = [
        row(end_date="2022-09-01"),
        row(end_date="Ongoing"),
        row(end_date="9/9/2022 upon a visit"),
        row(country="Atlantis", gov_ack="Unknown", actual_cause="Unknown"),
        row(start_date="1401-06-30"),
        row(start_date="9/21/2022"),
        row()[:-3],
    ]
    taken = made.take(ACCESS_NOW, made.table(FLAT, rows))
    assert [(each["end"], each["doubt"]) for each in taken.context[:3]] == [
        (None, "end-before-start"),
        (None, None),
        (None, "end-unread"),
    ]
    last = taken.context[3]
    assert (last["country"], last["doubt"], last["acknowledged"], last["cause"]) == (None, "country", None, None)
    assert taken.said() == [("bad_time", 6), ("bad_time", 7), ("bad_row", 8)]
    assert all(reject.digest for reject in taken.rejects)


SEEN = ("ID", "Begin time", "End time", "Country", "IODA BGP visible by human", "IODA AP visible by human ")
SEEN += (
    " IODA IBR visible by human",
    "Scope (based on granularity at which it appears)",
    "Cause",
    "Confirmation Status",
)


def outage(**more: str) -> list[str]:
    cells = {
        "ID": "A1", "Begin time": "Wednesday, March 17, 2021, 4:40:00 PM", "Country": "Myanmar/Burma",
        "End time": "Wednesday, March 17, 2021, 5:40:00 PM", SEEN[4]: "TRUE", SEEN[5]: "True ", SEEN[6]: "FALSE",
        SEEN[7]: "Region (Bago)", "Cause": "Government-Ordered", "Confirmation Status": "Confirmed",
    }  # fmt: skip
    cells |= {SEEN[{"bgp": 4, "ap": 5, "ibr": 6, "scope": 7}.get(key, 0)]: value for key, value in more.items()
              if key in ("bgp", "ap", "ibr", "scope")}  # fmt: skip
    names = {"begin": "Begin time", "end": "End time", "country": "Country", "cause": "Cause"}
    cells |= {names[key]: value for key, value in more.items() if key in names}
    return [cells[name] for name in SEEN]


def test_investigated_outages() -> None:
    data = made.table([*SEEN, *[""] * 50], [[*outage(), *[""] * 50]])
    assert INVESTIGATED.sniff(data.encode())
    [found] = made.take(INVESTIGATED, "\ufeff" + data, "list.csv").context
    assert (found["kind"], found["source"], found["precision"]) == ("outage-list", "sigcomm2023-outages", "minute")
    assert (found["start"], found["end"]) == (datetime(2021, 3, 17, 16, 40), datetime(2021, 3, 17, 17, 40))
    assert (found["country"], found["entity"], found["region"], found["scope"]) == ("MM", "MM/Bago", "Bago", "regional")
    assert (found["cause"], found["evidence"]) == ("government", "bgp-collectors ioda")
    assert found["title"] == "A1: Government-Ordered, Confirmed"


@pytest.mark.parametrize(
    ("bgp", "ap", "ibr", "evidence"),
    [
        ("TRUE", "FALSE", "FALSE ", "bgp-collectors"),
        ("FALSE", "True", "True  ", "ioda ucsd"),
        ("ture", "False", "FALSE", "bgp-collectors"),
        ("N/A", "N/A", "NA", "bgp-collectors ioda ucsd"),
        ("", "", "", "bgp-collectors ioda ucsd"),
    ],
)
def test_on_what_an_outage_rests(bgp: str, ap: str, ibr: str, evidence: str) -> None:
    [found] = made.take(INVESTIGATED, made.table(SEEN, [outage(bgp=bgp, ap=ap, ibr=ibr)])).context
    assert found["evidence"] == evidence


@pytest.mark.parametrize(
    ("scope", "entity", "region", "networks"),
    [
        ("Country", "MM", None, None),
        ("Region (Sakha (Yakutia))", "MM/Sakha (Yakutia)", "Sakha (Yakutia)", None),
        ("AS (58224)", "AS58224", None, "58224"),
        ("AS (2, 1)", None, None, "1 2"),
        ("Sea", None, "Sea", None),
        ("", None, None, None),
    ],
)
def test_of_whom_an_outage_is(scope: str, entity: str | None, region: str | None, networks: str | None) -> None:
    [found] = made.take(INVESTIGATED, made.table(SEEN, [outage(scope=scope)])).context
    assert (found["entity"], found["region"], found["networks"]) == (entity, region, networks)


def test_odd_rows_of_investigated_outages() -> None:
    rows = [
        outage(end="Tuesday, March 16, 2021, 5:40:00 PM"),
        outage(begin="Monday, March 17, 2021, 4:40:00 PM"),
        outage(end="Friday, March 17, 2021, 5:40:00 PM"),
        outage(end="N/A"),
        outage(end="later"),
        outage(begin="3/17/2021  23:40:00 AM", end="3/18/2021  1:2:00 AM"),
        outage(country="European Union"),
        outage(begin="Friday, March 17, 1400, 4:40:00 PM"),
        outage(begin=""),
    ]
    taken = made.take(INVESTIGATED, made.table(SEEN, rows))
    doubts = ["end-before-start", "weekday", "weekday", None, "end-unread", "clock", "country"]
    assert [each["doubt"] for each in taken.context] == doubts
    assert [each["end"] is None for each in taken.context] == [True, False, False, True, True, False, False]
    assert taken.context[5]["start"] == datetime(2021, 3, 17, 23, 40)
    assert taken.said() == [("bad_time", 9), ("bad_time", 10)]


OWN = ("date", "end", "country", "kind", "title", "url", "cause", "region", "acknowledged")


def test_what_the_user_collected() -> None:
    rows = [
        ["2026-01-08", "", "Iran", "order", "Order of the council", "https://a.example", "government", "", "yes"],
        ["2026-01-08T14:00+03:30", "2026-01-08 12:00", "IRN", "Protest", "", "", "", "Tehran", ""],
        ["2026-06-01", "2026-06-20", "iq", "exam", "", "", "", "AS64500", "no"],
        ["1404-10-18", "", "IR", "order", "", "", "", "", ""],
        ["2026-01-08", "", "Nowhere", "order", "", "", "", "", ""],
        ["2026-01-08", "", "IR", "feast", "", "", "", "", ""],
        ["2026-01-08", "2026-01-01", "IR", "coup", "", "", "aliens", "", ""],
    ]
    data = made.table(OWN, rows)
    assert CONTEXT.sniff(data.encode())
    taken = made.take(CONTEXT, data, "mine.csv")
    order, protest, exam, coup = taken.context
    assert (order["kind"], order["source"], order["evidence"], order["entity"]) == ("order", "given", None, "IR")
    assert (order["precision"], order["acknowledged"], order["cause"]) == ("day", True, "government")
    assert (protest["start"], protest["precision"]) == (datetime(2026, 1, 8, 10, 30), "minute")
    assert (protest["entity"], protest["region"]) == ("IR/Tehran", "Tehran")
    assert (exam["cause"], exam["entity"], exam["networks"]) == ("exam", "AS64500@IQ", "64500")
    assert (coup["cause"], coup["doubt"], coup["end"]) == ("other", "end-before-start", None)
    assert taken.said() == [("bad_time", 5), ("unknown_record", 6), ("unknown_record", 7)]


def test_known_events() -> None:
    columns = ("country", "region_or_as", "start_utc", "end_utc", "kind", "source_title", "certainty", "note")
    rows = [
        ["SY", "", "2018-05-27T23:00Z", "2018-05-28T09:00Z", "shutdown-exam", "X et al. SIGCOMM 2023, id 7", "A", ""],
        ["IR", "IPv6 routes", "2026-01-08T11:49Z", "", "shutdown-precursor", "a blog", "C", ""],
        ["IR", "", "2026-01-08T11:49Z", "", "outage", "a blog", "B", ""],
    ]
    data = made.table(columns, rows)
    assert CONTEXT.sniff(data.encode())
    exam, before, outage = made.take(CONTEXT, data).context
    assert (exam["kind"], exam["cause"], exam["evidence"]) == ("shutdown-list", "exam", "bgp-collectors ioda ucsd")
    assert (before["kind"], before["extent"], before["evidence"]) == ("shutdown-list", "other", None)
    assert (before["entity"], before["doubt"]) == (None, "uncertain")
    assert (outage["kind"], outage["entity"]) == ("outage-list", "IR")


ORDER = ["2026-01-08", "", "IR", "order", *[""] * 5]
LISTS = [(ACCESS_NOW, FLAT, ROW, 0), (INVESTIGATED, SEEN, outage(), 1), (CONTEXT, OWN, ORDER, 0)]


@pytest.mark.parametrize(("source", "columns", "good", "first"), LISTS, ids=["access", "outages", "context"])
def test_files_that_are_none(source: made.SignalSource, columns: tuple[str, ...], good: list[str], first: int) -> None:
    for data, reason in [
        (b"", "empty"),
        (made.PAGE, "unknown_format"),
        (b"a,b\n1,2\n", "unknown_format"),
        (b'{"a": 1}', "unknown_format"),
        (made.table(columns, []).encode(), "no_data"),
    ]:
        taken = made.take(source, data)
        assert [reject.reason for reject in taken.rejects] == [reason]
        assert taken.context == []
    cut = made.table(columns, [good, good])[:-8]
    taken = made.take(source, cut, fault=Fault("truncated", "the stream ends early"))
    assert (len(taken.context), taken.said()) == (1, [("truncated", 3)])
    head, rest = made.table(columns, [good, good]).split("\n", 1)
    open_quote = "\n".join([head, '"' + "x" * 5, rest])
    taken = made.take(source, open_quote)
    assert (len(taken.context), taken.said()) == (2, [("bad_row", 2)])


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["good", "other", "bad", "short"]), min_size=1, max_size=9), st.randoms())
@pytest.mark.parametrize(("source", "columns", "good", "first"), LISTS, ids=["access", "outages", "context"])
def test_rows_in_equal_rows_out(
    source: made.SignalSource,
    columns: tuple[str, ...],
    good: list[str],
    first: int,
    kinds: list[str],
    chance: random.Random,
) -> None:
    made_of = {"good": good, "bad": [*good[:first], "1404-01-01", *good[first + 1 :]], "short": good[:3]}
    made_of["other"] = ["Iraq" if cell in ("IR", "Myanmar/Burma") or cell.startswith("Iran") else cell for cell in good]
    rows = [made_of[kind] for kind in kinds]
    taken = made.take(source, made.table(columns, rows))
    assert len(taken.context) == kinds.count("good") + kinds.count("other")
    assert len(taken.rejects) == kinds.count("bad") + kinds.count("short")
    assert {line for _, line in taken.said()} == {at for at, kind in enumerate(kinds, 2) if kind in ("bad", "short")}
    chance.shuffle(rows)
    other = made.take(source, made.table(columns, rows))
    assert sorted(each["record"] for each in taken.context) == sorted(each["record"] for each in other.context)


def test_no_source_takes_the_file_of_another() -> None:
    export = made.table(made.DASHBOARD, [["2026-01-08 00:00:00", 1, 2, 3, 4, 5]])
    heads = {
        "ioda_json": made.text(made.answer([[made.serie()]])),
        "ioda_csv": export,
        "radar": '{"success":true,"errors":[],"result":{"annotations":[]}}',
        "google_traffic": ")]}'\n\n[[]]",
        "access_now": made.table(FLAT, [ROW]),
        "outage_list": made.table(SEEN, [outage()]),
        "context_csv": made.table(OWN, [["2026-01-08", "", "IR", "order"] + [""] * 5]),
    }
    for name, head in heads.items():
        assert [source.name for source in made.SOURCES if source.sniff(head.encode())] == [name]


@pytest.mark.parametrize(
    "head",
    [
        "time,entity,signal,value\n2026-01-08T00:00Z,IR,bgp/slash24,1\n",
        "time,entity,country,signal,kind,value\n2026-01-08T00:00Z,IR,IR,a/b,order,1\n",
        "# Tor\n# a\n# b\n# c\n# d\ndate,country,users,lower,upper,frac\n2026-01-08,ir,1,1,1,90\n",
        "date,country,users,frac\n2026-01-08,ir,1,90\n",
        "ip_hash,local_time,probe_asn,iso3\n1,2021-02-01 00:00:00,1,MMR\n",
        "measurement_uid,hostname,port,country,kind,date\n1,a,443,IR,order,2026-01-08\n",
        '{"annotations":{},"input":"https://a.example/","measurement_start_time":"2026-01-08 00:00:00","test_keys":{}}',
        '{"type":"UPDATE","peer":"192.0.2.1","announcements":[]}',
        '{"type":"ris_message","data":{"timestamp":1,"peer":"192.0.2.1","type":"UPDATE"}}',
        "<html></html>",
        "",
    ],
)
def test_other_files_are_left_to_others(head: str) -> None:
    assert [source.name for source in made.SOURCES if source.sniff(head.encode())] == []


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-08T16:30Z", datetime(2026, 1, 8, 16, 30)),
        ("2026-01-08 16:30:07.5", datetime(2026, 1, 8, 16, 30, 7, 500000)),
        ("2026-01-08T20:00+0330", datetime(2026, 1, 8, 16, 30)),
        ("2026-01-08T10:00-06:30", datetime(2026, 1, 8, 16, 30)),
    ],
)
def test_stamps(text: str, time: datetime) -> None:
    assert iso(text) == (time, "minute", ())
    assert [iso(each).precision for each in ("2026-01-08", "2026-01-08T16Z")] == ["day", "hour"]


@pytest.mark.parametrize(
    "text", ["", "1404-10-18", "2101-01-01", "2026-02-30", "08.01.2026", "2026-01-08T25:00Z", "now"]
)
def test_what_is_no_stamp(text: str) -> None:
    with pytest.raises(BadStamp):
        iso(text)
    with pytest.raises(BadStamp):
        spoken(text)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)))
def test_a_stamp_as_printed_is_read(time: datetime) -> None:
    time = time.replace(microsecond=0)
    assert iso(time.isoformat() + "Z").time == time
    printed = f"{time:%A, %B} {time.day}, {time:%Y}, {time.hour % 12 or 12}:{time:%M:%S %p}"
    assert spoken(printed) == (time, "minute", ())
    assert "weekday" in spoken(printed.replace(f"{time:%A}", f"{time + timedelta(days=1):%A}")).doubts
    assert epoch(int((time - datetime(1970, 1, 1)).total_seconds())) == time
