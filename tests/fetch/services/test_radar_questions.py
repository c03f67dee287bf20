"""Law: Radar's limits and shapes are kept: its token, pages by offset, included ends, errors in answers."""

from __future__ import annotations

import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
import itertools

from services_given import TOKEN, asked, ingested, planned, query, walked, written

from clampdown.errors import InputError
from clampdown.fetch.asking import stamp
from clampdown.fetch.services import radar
from clampdown.fetch.wanted import Wanted


def found(since: str = "2022-09-05", until: str = "2022-09-12", what: str = "", **more: Any) -> list[Wanted]:
    options = {"what": what} if what else {}
    return planned(radar.SERVICE, asked(since, until, token=TOKEN, options=options, **more))


def answer(**result: Any) -> dict[str, Any]:
    return {"success": True, "errors": [], "messages": [], "result": result}


def annotation(number: int) -> dict[str, Any]:
    return {
        "id": str(number), "dataSource": "ALL", "description": "x", "scope": None, "startDate": "2022-09-06T00:00:00Z",
        "endDate": None, "locations": ["IR"], "asns": [], "eventType": "OUTAGE", "linkedUrl": None, "asnsDetails": [],
        "locationsDetails": [{"name": "Iran", "code": "IR"}], "origins": [],
        "outage": {"outageCause": "GOVERNMENT_DIRECTED", "outageType": "NATIONWIDE"},
    }  # fmt: skip


def anomaly(number: int) -> dict[str, Any]:
    return {
        "uuid": str(number), "type": "LOCATION", "status": "VERIFIED", "startDate": "2022-09-06T00:00:00Z",
        "endDate": None, "locationDetails": {"code": "IR", "name": "Iran"}, "visibleInDataSources": ["HTTP"],
    }  # fmt: skip


@pytest.mark.parametrize(("what", "make", "field"), [
    ("outages", annotation, "annotations"), ("anomalies", anomaly, "trafficAnomalies"),
])  # fmt: skip
def test_radar_pages_by_offset(what: str, make: Any, field: str, tmp_path: Path) -> None:
    [first] = found(what=what)
    rows = [make(n) for n in range(250)]

    def reply(question: dict[str, str]) -> dict[str, Any]:
        offset, limit = int(question["offset"]), int(question["limit"])
        return answer(**{field: rows[offset:][:limit]})

    done = list(walked(first, reply, tmp_path))
    assert [query(one.url)["offset"] for one, _ in done] == ["0", "100", "200"]
    assert len({one.key for one, _ in done}) == 3
    assert all(one.token is TOKEN for one, _ in done)
    for one, path in done:
        taken = ingested(one.name, path.read_bytes())
        assert taken.rejects == []
        assert {row["entity"] for row in taken.context} == {"IR"}


def test_radar_ends_of_dates_are_included() -> None:
    assert query(found()[0].url)["dateStart"] == "2022-09-01T00:00:00Z"  # windows of 28 days, whoever asks
    spans = sorted(
        {(query(one.url)["dateStart"], query(one.url)["dateEnd"]) for one in found("2022-08-01", "2022-12-01")}
    )
    first, last = stamp_day("2022-09-01", -56), stamp_day("2022-09-01", 111)
    assert (spans[0][0], spans[-1][1]) == (f"{first}T00:00:00Z", f"{last}T23:59:59Z")
    assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))


def test_radar_series_come_by_the_hour_for_less_than_a_month() -> None:
    for one in found("2022-01-01", "2023-01-01", "http"):
        words = query(one.url)
        assert words["aggInterval"] == "1h"
        assert words["dateEnd"][:10] <= stamp_day(words["dateStart"][:10], 28)


def stamp_day(day: str, more: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=more)).isoformat()


@pytest.mark.parametrize("what", ["http", "netflows"])
@pytest.mark.parametrize("shown", ["IR", "AS58224"])
def test_radar_series_are_read_as_they_were_asked_for(what: str, shown: str) -> None:
    one = next(one for one in found(what=what, networks=(58224,)) if query(one.url)["name"] == shown)
    words = query(one.url)
    assert words.get("location", words.get("asn")) == shown.removeprefix("AS")
    meta = {"aggInterval": "ONE_HOUR", "normalization": "MIN0_MAX", "units": [{"name": "*", "value": "requests"}]}
    if what == "netflows":
        meta["units"] = [{"name": "*", "value": "bytes"}]
    points = {"timestamps": ["2022-09-05T00:00:00Z", "2022-09-05T01:00:00Z"], "values": ["0.5", "1"]}
    for name in (shown, "serie_0"):  # the name that was asked for, or the service's own
        taken = ingested(one.name, answer(meta=meta, **{name: points}))
        assert taken.rejects == []
        [row] = taken.series
        assert (row["entity"], row["signal"], row["unit"]) == (shown, f"cloudflare/{what}", "normalised")


def test_radar_token_is_in_no_address_key_name_or_print() -> None:
    assert radar.SERVICE.needs == {"token"}
    for one in found(networks=(58224,)):
        assert one.token is TOKEN
        assert TOKEN.reveal() not in f"{one.url} {one.key} {one.name} {one!r}"


def test_radar_success_false_is_refused(tmp_path: Path) -> None:
    [one, *_] = found()
    assert one.check is not None
    one.check(written(tmp_path, "good", answer(annotations=[])))
    echo = f"Invalid token {TOKEN.reveal()} given"
    cases: list[tuple[Any, str]] = [
        ({"success": False, "errors": [{"code": 10000, "message": "Authentication error"}], "result": None}, "Authent"),
        ({"success": False, "errors": [{"code": 1, "message": echo}], "result": None}, "Invalid token … given"),
        ({"success": False, "errors": []}, "no reason given"),
        ({"success": True, "result": None}, "no result"),
        (b"<html>", "web page"),
    ]
    for bad, told in cases:
        with pytest.raises(InputError, match=told) as caught:
            one.check(written(tmp_path, "bad", bad))
        assert TOKEN.reveal() not in str(caught.value)


def test_radar_names_of_files_are_plain() -> None:
    assert {one.name.partition(".")[2] for one in found()} == {"json"}
    assert stamp(datetime(2022, 9, 1)) in found()[0].name
