"""Law: one measurement has one id, one day and one hour, whoever reads it (CONTRACTS, identity and time)."""

from __future__ import annotations

import random
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clampdown.intake.containers import Raw
from clampdown.intake.features import Kit
from clampdown.intake.identity import measurement_id, received_of, repeat_of, time_of, when
from clampdown.intake.sources.ooni import read

sys.path.insert(0, str(Path(__file__).parent))
from records import UID, batch, measured, raw, web

OLD = "01" + "20191107" + "0123456789abcdef0123456789abcd"
AT = datetime(2024, 3, 1, 10, 11, 12)


@pytest.mark.parametrize(
    ("uid", "member", "file", "expected"),
    [
        (UID, None, "x.jsonl", UID),
        (UID, f"a/{OLD}.json", "x.tar", UID),
        (None, f"a/{UID}.post", "x.tar.gz", UID),
        (None, None, f"{UID}.json", UID),
        ("", None, f"{OLD}.json", OLD),
        (None, None, "records.jsonl", None),
        (None, "a/b.json", "2024030110_XA_webconnectivity.n1.0.tar.gz", None),
        (None, None, "0" * 60 + ".json", None),
    ],
)
def test_the_id_is_the_uid_then_the_members_name_then_the_files(
    uid: str | None, member: str | None, file: str, expected: str | None
) -> None:
    assert measurement_id(uid, member, file) == expected


def test_a_hostile_uid_is_replaced_by_its_digest() -> None:
    made = measurement_id("../../etc\n=cmd()", None, "x.jsonl")
    assert made is not None
    assert made.isalnum()


def test_without_any_id_the_canonical_value_names_the_record() -> None:
    record = web()
    del record["measurement_uid"]
    shuffled = dict(random.Random(1).sample(list(record.items()), len(record)))
    added = record | {"is_verified": "t", "probe_id": "a" * 64}
    made = batch(record, shuffled, added)
    ids = made.measurements.column("measurement").to_pylist()
    assert len(set(ids)) == 1
    assert ids[0].startswith("x")
    assert len(ids[0]) == 33
    assert measured(record | {"probe_cc": "XB"})["measurement"] != ids[0]


@pytest.mark.parametrize(
    ("measurement", "file", "expected"),
    [
        (UID, "2019010203_XA_webconnectivity.n1.0.jsonl.gz", datetime(2024, 3, 1, 10, 11, 12, 131415)),
        (OLD, "x", datetime(2019, 11, 7, 23, 59, 59)),
        ("xabc", "2024030110_XA_webconnectivity.n1.0.jsonl.gz", datetime(2024, 3, 1, 10, 59, 59)),
        ("xabc", "20191107_XA_webconnectivity.l.0.jsonl.gz", datetime(2019, 11, 7, 23, 59, 59)),
        ("xabc", "canned/2019-11-07/web_connectivity.0.tar.lz4", datetime(2019, 11, 7, 23, 59, 59)),
        ("xabc", "records.jsonl", None),
        ("20249901101112.131415_XA_webconnectivity_0123456789abcdef", "x", None),
    ],
)
def test_received_comes_from_the_id_or_the_path(measurement: str, file: str, expected: datetime | None) -> None:
    assert received_of(measurement, file) == expected


@pytest.mark.parametrize(
    ("time", "received", "day", "hour", "clock"),
    [
        (AT, AT, "2024-03-01", 10, False),
        (AT - timedelta(days=30), AT, "2024-01-31", 10, False),
        (AT - timedelta(days=30, seconds=1), AT, "2024-03-01", None, True),
        (AT + timedelta(hours=1), AT, "2024-03-01", 11, False),
        (AT + timedelta(hours=1, seconds=1), AT, "2024-03-01", None, True),
        (None, AT, "2024-03-01", None, True),
        (AT, None, "2024-03-01", 10, False),
        (datetime(1970, 1, 1), None, "unknown", None, True),
        (datetime(2170, 1, 1), None, "unknown", None, True),
        (None, None, "unknown", None, True),
    ],
)
def test_the_day(time: Any, received: Any, day: str, hour: int | None, clock: bool) -> None:
    found = when(time, received)
    assert (found.day, found.hour, found.clock_error) == (day, hour, clock)


def test_without_a_received_time_the_session_bounds_the_clock() -> None:
    assert not when(AT, None, "20240301T101100Z_webconnectivity_XA_64500_n1_x").clock_error
    assert when(AT, None, "20220301T101100Z_webconnectivity_XA_64500_n1_x").day == "unknown"


def test_a_wrong_clock_is_named_and_never_reaches_the_hour() -> None:
    row = measured(web() | {"measurement_start_time": "2031-01-01 00:00:00"})
    assert (row["day"], row["hour"], row["instrument"]) == ("2024-03-01", None, "clock")
    assert row["time"] == datetime(2031, 1, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-01 10:11:12", AT),
        ("2024-03-01T10:11:12Z", AT),
        ("2024-03-01T12:11:12+02:00", AT),
        ("2024-03-01 10:11:12.5", AT + timedelta(milliseconds=500)),
        (1709287872, AT),
        (AT, AT),
        ("yesterday", None),
        (None, None),
        (True, None),
        (1e300, None),
        ([], None),
    ],
)
def test_times(text: Any, expected: datetime | None) -> None:
    assert time_of(text) == expected


def test_a_resubmission_shares_its_key_and_not_its_id() -> None:
    first, again = web(), web() | {"measurement_uid": UID.replace("131415", "999999"), "test_runtime": 9}
    one, two = batch(first, again).measurements.to_pylist()
    assert one["repeat"] == two["repeat"] is not None
    assert one["measurement"] != two["measurement"]
    assert measured(web() | {"input": "https://other.example/"})["repeat"] != one["repeat"]
    assert repeat_of("", "x", "y") is None


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_every_occurrence_is_a_row_and_order_changes_nothing_but_order(order: list[int]) -> None:
    records = [web() | {"test_runtime": i} for i in range(6)]
    raws = [raw(records[i], line=i) for i in order]
    there = sorted(map(str, _rows(raws)))
    back = sorted(map(str, _rows(raws[::-1])))
    assert there == back
    assert len(there) == len(order)


def _rows(raws: list[Raw]) -> list[dict[str, Any]]:
    return [row for made in read(raws, Kit()) for row in made.measurements.to_pylist()]


@pytest.mark.parametrize(
    ("given", "test", "degraded"),
    [
        ("not a url", "web_connectivity", "input"),
        ("http://", "web_connectivity", "input"),
        ("https://birds.example/", "web_connectivity", ""),
        ("birds.example", "web_connectivity", ""),
        (None, "web_connectivity", ""),
        ("dot://dns.example:853/", "dnscheck", ""),
        ("dot://1.1.1.1:853/", "dnscheck", ""),
        ("nothing to ask", "dnscheck", "input"),
        ("stun://stun.example:3478", "stunreachability", ""),
        ("tlshandshake://8.8.8.8:443", "tlsping", ""),
        ("quichandshake://[2001:db8::1]:443", "quicping", ""),
        ("udp://8.8.8.8:53", "dnsping", ""),
        ("birds.example:443", "sni_blocking", ""),
        ("9.9.9.9:443", "tcpping", ""),
        ("not a host at all", "tlsping", "input"),
        ("obfs4 bridge 1", "tor", ""),
    ],
)
def test_an_input_that_cannot_be_read_is_named(given: str | None, test: str, degraded: str) -> None:
    record = web()
    record |= {"input": given, "test_name": test}
    if test != "web_connectivity":
        record["test_keys"] = {}
    assert measured(record)["degraded"] == degraded
