"""Law: OONI's API is asked within its limits, to its last page, and never for more than a small question."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent))
import itertools

from services_given import Replies, asked, ingested, planned, query, written

from clampdown.errors import InputError, UsageError
from clampdown.fetch.manners import agent
from clampdown.fetch.services import ooni_api

START = datetime(2021, 3, 1)


def uid(number: int) -> str:
    return f"{START + timedelta(seconds=number):%Y%m%d%H%M%S}.000000_IR_telegram_{number:016x}"


class Api:
    """As the service's source does it: since excluded, until included, at most 180 days, a token for the next page."""

    def __init__(self, times: list[datetime], *, by_offset: bool = False, host: str = "https://api.ooni.org") -> None:
        self.rows = sorted((time, uid(n)) for n, time in enumerate(times))
        self.by_offset, self.host = by_offset, host

    def __call__(self, path: str, words: dict[str, str]) -> Any:
        assert path == "/api/v1/measurements"
        since, until = (datetime.fromisoformat(words[name]) for name in ("since", "until"))
        assert (until - since).days <= 180, "Time range must not exceed 6 months"
        limit, offset = int(words["limit"]), int(words.get("offset", "0"))
        rows = [row for row in self.rows if since < row[0] <= until]
        if "cont" in words:
            time, last = words["cont"].split("-")
            rows = [row for row in rows if (f"{row[0]:%Y%m%d%H%M%S}", row[1]) > (time, last)]
        page = rows[offset:][:limit]
        following = None
        if len(page) == limit:
            more = {"offset": str(offset + limit)} if self.by_offset else {
                "cont": f"{page[-1][0]:%Y%m%d%H%M%S}-{page[-1][1]}"
            }  # fmt: skip
            following = f"{self.host}/api/v1/measurements?{urlencode(words | more)}"
        meta = {"count": -1, "pages": -1, "current_page": -1, "limit": limit, "offset": offset, "query_time": 0.1}
        results = [{"measurement_uid": one, "measurement_start_time": f"{time}Z"} for time, one in page]
        return {"metadata": meta | {"next_url": following}, "results": results}


def times(count: int, every: int = 60) -> list[datetime]:
    return [START + timedelta(seconds=n * every) for n in range(count)]


def uids(found: list[Any]) -> list[str]:
    return [query(one.url)["measurement_uid"] for one in found]


@pytest.mark.parametrize("by_offset", [False, True])
def test_ooni_api_pages_by_next_url(by_offset: bool) -> None:
    client = Replies(Api(times(250), by_offset=by_offset))
    found = planned(ooni_api.SERVICE, asked("2021-03-01", "2021-03-02"), client)
    assert uids(found) == [uid(n) for n in range(250)]
    assert len(client.urls) == 3
    assert all(url.startswith("https://api.ooni.io/") for url in client.urls)  # next_url may name another host


def test_ooni_api_windows_are_at_most_180_days() -> None:
    client = Replies(Api(times(5)))
    planned(ooni_api.SERVICE, asked("2019-01-01", "2023-01-01"), client)
    spans = [(datetime.fromisoformat(w["since"]), datetime.fromisoformat(w["until"])) for w in client.queries()]
    assert max(until - since for since, until in spans) <= timedelta(days=180)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))


@settings(max_examples=40)
@given(st.lists(st.integers(-5, 400 * 86400), max_size=60), st.integers(0, 400 * 86400), st.integers(1, 400 * 86400))
def test_ooni_api_since_is_exclusive_and_until_is_inclusive(at: list[int], since: int, span: int) -> None:
    """We mean the opposite: what is asked for is half-open, [since, until)."""
    first, last = START + timedelta(seconds=since), START + timedelta(seconds=since + span)
    api = Api([START + timedelta(seconds=n) for n in at])
    found = planned(ooni_api.SERVICE, asked(first.isoformat(), last.isoformat()), Replies(api))
    assert sorted(uids(found)) == sorted(one for time, one in api.rows if first <= time < last)


def test_ooni_api_more_than_a_small_question_is_refused_before_anything_is_brought() -> None:
    with pytest.raises(UsageError, match=r"more than 1,000 .*clampdown fetch ooni IR"):
        planned(ooni_api.SERVICE, asked("2021-03-01", "2021-03-02"), Replies(Api(times(1001))))
    assert len(planned(ooni_api.SERVICE, asked("2021-03-01", "2021-03-02"), Replies(Api(times(1000))))) == 1000
    question = asked("2021-03-01", "2021-03-02", options={"most": "20"})
    client = Replies(Api(times(1000)))
    with pytest.raises(UsageError, match="more than 20 "):
        planned(ooni_api.SERVICE, question, client)
    assert len(client.urls) == 1


@pytest.mark.parametrize("token", ["1-2", "{}-2"])
def test_ooni_api_pages_that_never_end_do_end(token: str) -> None:
    def reply(_path: str, words: dict[str, str]) -> Any:
        following = f"https://api.ooni.org/x?cont={token.format(len(words.get('cont', '')) + 1)}"
        return {"metadata": {"next_url": following}, "results": [{"measurement_uid": uid(1)}]}

    client = Replies(reply)
    assert len(planned(ooni_api.SERVICE, asked("2021-03-01", "2021-03-02"), client)) == 1
    assert len(client.urls) == 2


def test_ooni_api_words_of_the_question() -> None:
    client = Replies(Api([]))
    options = {"domain": "a.example", "category": "NEWS", "anomaly": "true"}
    question = asked("2021-03-01", "2021-03-02", networks=(58224, 44244), tests=("telegram",), options=options)
    planned(ooni_api.SERVICE, question, client)
    [words] = client.queries()
    given_ = {
        name: words[name] for name in ("probe_cc", "probe_asn", "test_name", "domain", "category_code", "anomaly")
    }
    assert given_ == {
        "probe_cc": "IR", "probe_asn": "AS58224,AS44244", "test_name": "telegram", "domain": "a.example",
        "category_code": "NEWS", "anomaly": "true",
    }  # fmt: skip
    for bad in ({"anomaly": "maybe"}, {"most": "0"}, {"uid": "../x"}):
        with pytest.raises(UsageError):
            planned(ooni_api.SERVICE, asked(options=bad), client)
    with pytest.raises(UsageError, match="nobody"):
        planned(ooni_api.SERVICE, asked(country=None), client)


def test_ooni_api_errors_are_refused(tmp_path: Path) -> None:
    for bad in ({"error": "Time range"}, {"detail": [{"msg": "no"}]}, b"<html>", b"[]"):
        with pytest.raises(InputError):
            planned(ooni_api.SERVICE, asked(), Replies(lambda _path, _query, bad=bad: bad))  # type: ignore[misc]
    for bad, told in (({}, "no such"), ({"detail": "Measurement not found"}, "Measurement not found")):
        with pytest.raises(InputError, match=told):
            ooni_api.check(written(tmp_path, "x", bad))


def test_ooni_api_one_measurement_by_its_uid(tmp_path: Path) -> None:
    client = Replies()
    [one] = planned(ooni_api.SERVICE, asked(country=None, options={"uid": uid(7)}), client)
    assert client.urls == []
    assert one.url == f"https://api.ooni.io/api/v1/raw_measurement?measurement_uid={uid(7)}"
    record = {
        "test_name": "telegram", "test_version": "0.3.1", "probe_cc": "IR", "probe_asn": "AS58224", "input": None,
        "measurement_start_time": "2021-03-01 00:00:07", "test_start_time": "2021-03-01 00:00:00",
        "report_id": "20210301T000000Z_telegram_IR_58224_n1_0123456789abcdef", "software_name": "ooniprobe",
        "software_version": "3.0.0", "test_keys": {"telegram_http_blocking": False, "telegram_tcp_blocking": False},
    }  # fmt: skip
    assert one.check is not None
    one.check(written(tmp_path, "x", record))
    taken = ingested(one.name, record)  # carries no id of its own: the name of the file does
    assert [row["measurement"] for row in taken.measurements] == [uid(7)]
    assert taken.rejects == []


def test_ooni_api_agent_never_begins_with_okhttp() -> None:
    """The service answers such a one with a made-up row (https://github.com/ooni/probe/issues/1034)."""
    assert not agent().lower().startswith("okhttp")


# ---- counts ----------------------------------------------------------------------------------------------------


class Counts:
    """Rows by day or hour; periods are rounded to the grain, and hours are allowed for at most 7 days."""

    def __call__(self, path: str, words: dict[str, str]) -> Any:
        assert path == "/api/v1/aggregation"
        since, until = (datetime.fromisoformat(words[name]) for name in ("since", "until"))
        grain = {"hour": timedelta(hours=1), "day": timedelta(days=1)}[words["time_grain"]]
        assert grain > timedelta(hours=1) or until - since <= timedelta(days=7)
        steps = (until - since) // grain
        if "measurement_start_day" not in (words.get("axis_x"), words.get("axis_y")):
            return {"v": 0, "dimension_count": 0, "result": {"measurement_count": steps}}
        rows = [{"measurement_start_day": f"{since + n * grain}", "measurement_count": 1} for n in range(steps)]
        return {"v": 0, "dimension_count": 1, "result": rows}


def counted(client: Replies, since: str, until: str, **options: str) -> dict[str, Any]:
    question = asked(since, until, options={"aggregation": "yes", **options})
    return json.loads(ooni_api.aggregation(question, client))  # type: ignore[arg-type]


@pytest.mark.parametrize(("grain", "most"), [("hour", 7), ("day", 180)])
def test_ooni_api_counts_of_windows_are_put_after_each_other(grain: str, most: int) -> None:
    client = Replies(Counts())
    made = counted(client, "2021-01-01", "2021-12-31", axis_x="measurement_start_day", time_grain=grain)
    days = [row["measurement_start_day"] for row in made["result"]]
    assert days == sorted(set(days))
    assert len(days) == 364 * (24 if grain == "hour" else 1)
    spans = [(datetime.fromisoformat(w["until"]) - datetime.fromisoformat(w["since"])).days for w in client.queries()]
    assert max(spans) <= most


def test_ooni_api_counts_without_a_column_of_time_are_never_summed() -> None:
    client = Replies(Counts())
    made = counted(client, "2019-01-01", "2021-01-01")
    assert len(client.urls) == 1
    assert made["result"] == [{"measurement_count": 731}]
    counted(client, "2019-01-01", "2021-01-01", time_grain="hour")  # which is allowed for 7 days only
    assert client.queries()[-1]["time_grain"] == "day"


def test_ooni_api_counts_are_of_whole_days() -> None:
    client = Replies(Counts())
    made = counted(client, "2021-01-01T10:00", "2021-01-02T10:00")
    assert (made["since"], made["until"]) == ("2021-01-01", "2021-01-03")


def test_ooni_api_counts_are_not_ingested() -> None:
    with pytest.raises(UsageError, match="handed out"):
        planned(ooni_api.SERVICE, asked(options={"aggregation": "yes"}))
    for bad in ({"axis_x": "probe_ip"}, {"time_grain": "year"}, {"axis_x": "domain", "axis_y": "domain"}):
        with pytest.raises(UsageError):
            counted(Replies(Counts()), "2021-01-01", "2021-01-02", **bad)
    with pytest.raises(InputError, match="Choose"):
        counted(Replies(lambda _path, _query: {"v": 0, "error": "Choose time_grain"}), "2021-01-01", "2021-01-02")
