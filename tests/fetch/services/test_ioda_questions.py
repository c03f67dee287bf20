"""Law: IODA's limits and shapes are kept: windows, sources, pages, errors in answers."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
from services_given import asked, ingested, planned, query, walked, written

from clampdown.errors import InputError, UsageError
from clampdown.fetch.asking import floor, seconds
from clampdown.fetch.services import ioda
from clampdown.fetch.wanted import Nothing

YEAR = ("2022-01-01", "2023-01-01")


def envelope(data: Any, kind: str = "signals", error: str | None = None) -> dict[str, Any]:
    return {
        "type": kind, "metadata": {"requestTime": "2024-06-15T12:00:00+00:00"}, "requestParameters": {},
        "error": error, "perf": None, "data": data, "copyright": "This data is Copyright (c) 2021",
    }  # fmt: skip


def serie(question: dict[str, str], kind: str = "country", code: str = "IR") -> dict[str, Any]:
    start, until = int(question["from"]), int(question["until"])
    fqid = "geo.netacuity.AS.IR" if kind == "country" else f"asn.{code}"
    return {
        "entityType": kind, "entityCode": code, "entityName": "x", "entityFqid": fqid,
        "datasource": question["datasource"], "subtype": "", "from": start, "until": until, "step": 300,
        "nativeStep": 300, "values": [40000] * ((until - start) // 300),
    }  # fmt: skip


def event(number: int) -> dict[str, Any]:
    return {
        "location": "country/IR", "start": 1663700000 + number, "duration": 3600, "uncertainty": None,
        "method": "median", "datasource": "bgp", "status": 0, "fraction": None, "score": 12.5, "location_name": "Iran",
        "overlaps_window": False,
    }  # fmt: skip


def span(url: str) -> timedelta:
    return timedelta(seconds=int(query(url)["until"]) - int(query(url)["from"]))


def test_ioda_windows_are_below_100_days() -> None:
    found = planned(ioda.SERVICE, asked(*YEAR, networks=(58224,)))
    assert max(span(one.url) for one in found) < timedelta(days=100)


def test_ioda_windows_keep_native_steps() -> None:
    """README: longer windows come in coarser steps; 10 days were seen to be fine."""
    found = planned(ioda.SERVICE, asked(*YEAR, options={"what": "signals"}))
    assert max(span(one.url) for one in found) == timedelta(days=10)
    assert not any("maxPoints" in one.url for one in found)


def test_ioda_is_asked_one_source_at_a_time() -> None:
    found = planned(ioda.SERVICE, asked(options={"what": "signals"}, networks=(58224,)))
    by: dict[str, set[str]] = {}
    for one in found:
        by.setdefault(one.url.split("/raw/")[1].split("?")[0], set()).add(query(one.url)["datasource"])
    assert by == {"country/IR": set(ioda.COUNTRY_SOURCES), "asn/58224": set(ioda.NETWORK_SOURCES)}
    assert {query(one.url).get("sourceParams") for one in found if "=gtr" in one.url} == {"WEB_SEARCH"}
    chosen = planned(ioda.SERVICE, asked(options={"what": "signals", "datasource": ("bgp", "gtr-norm")}))
    assert {query(one.url)["datasource"] for one in chosen} == {"bgp", "gtr-norm"}
    with pytest.raises(UsageError, match="gtr-sarima"):
        planned(ioda.SERVICE, asked(options={"datasource": "gtr-sarima"}))


def test_ioda_needs_a_country_or_a_network() -> None:
    assert all("asn/58224" in one.url or "=58224" in one.url for one in planned(
        ioda.SERVICE, asked(country=None, networks=(58224,))
    ))  # fmt: skip
    with pytest.raises(UsageError, match="nobody"):
        planned(ioda.SERVICE, asked(country=None))


def test_ioda_signals_are_read_as_they_were_asked_for() -> None:
    since = floor(datetime(2022, 9, 1), timedelta(days=10))
    for one in planned(ioda.SERVICE, asked("2022-09-01", "2022-09-02", networks=(58224,), options={"what": "signals"})):
        kind, code = ("country", "IR") if "/country/" in one.url else ("asn", "58224")
        taken = ingested(one.name, envelope([[serie(query(one.url), kind, code)]]))
        assert taken.rejects == []
        assert len({row["series"] for row in taken.series}) == 1
        assert {row["entity"] for row in taken.series} == {"IR" if kind == "country" else "AS58224"}
        assert {each["time"] for each in taken.signals} == {since + n * timedelta(minutes=5) for n in range(2880)}


@pytest.mark.parametrize("what", ["events", "alerts"])
def test_ioda_lists_of_500_are_paged_until_one_is_not_full(what: str, tmp_path: Path) -> None:
    [first] = planned(ioda.SERVICE, asked("2022-09-01", "2022-09-20", options={"what": what}))
    assert query(first.url) | {"from": "", "until": ""} == {
        "entityType": "country", "entityCode": "IR", "from": "", "until": "", "limit": "500", "page": "0",
    } | ({"format": "codf"} if what == "events" else {})  # fmt: skip
    rows = [event(n) for n in range(1203)]

    def reply(question: dict[str, str]) -> dict[str, Any]:
        page, limit = int(question["page"]), int(question["limit"])
        return envelope(rows[page * limit :][:limit], f"outages.{what}")

    done = list(walked(first, reply, tmp_path))
    assert [query(one.url)["page"] for one, _ in done] == ["0", "1", "2"]
    assert len({one.key for one, _ in done}) == len({one.name for one, _ in done}) == 3
    if what == "events":
        taken = [row for one, path in done for row in ingested(one.name, path.read_bytes()).context]
        assert len(taken) == 1203


def test_ioda_lists_settle_after_14_days() -> None:
    """An event's end may be told by alerts up to extendWindow, 1,209,600 s, after the window."""

    def of(now: datetime) -> bool:
        return planned(ioda.SERVICE, asked("2022-08-01", "2022-08-10", now=now, options={"what": "events"}))[0].settled

    assert not of(datetime(2022, 8, 23))
    assert of(datetime(2022, 8, 24))


def test_ioda_errors_on_200_are_refused(tmp_path: Path) -> None:
    [one, *_] = planned(ioda.SERVICE, asked())
    assert one.check is not None
    one.check(written(tmp_path, "good", envelope([[]])))
    cases: list[tuple[Any, str]] = [
        (envelope(None, error="from (9) must be\n earlier\x1b[1m than until (1)"), "must be earlier"),
        (envelope(None), "no list"),
        (b"<!DOCTYPE html><title>Sign in</title>", "web page"),
        (b"", "nothing"),
        (b"[]", "object"),
        (b'{"data": [', "not JSON"),
    ]
    for answer, told in cases:
        with pytest.raises(InputError, match=told) as caught:
            one.check(written(tmp_path, "bad", answer))
        assert "\x1b" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_ioda_does_not_ask_for_the_last_two_hours() -> None:
    """The last bins are not whole, and what the store has once, a larger value does not replace."""
    found = planned(ioda.SERVICE, asked("2024-06-10", "2024-07-01"))
    assert max(int(query(one.url)["until"]) for one in found) == seconds(datetime(2024, 6, 15, 10, 34, 56))


def test_ioda_lists_without_rows_are_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text('{"type": "outages.alerts", "error": null, "data": []}')
    with pytest.raises(Nothing):
        ioda.check_list(path)
    path.write_text('{"type": "outages.alerts", "error": "no", "data": []}')
    with pytest.raises(InputError, match="with an error"):
        ioda.check_list(path)
