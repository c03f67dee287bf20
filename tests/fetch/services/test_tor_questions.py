"""Law: Tor Metrics' shapes are kept: whole days, both ends included, two days late, remarks above the columns."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
import itertools

from services_given import asked, ingested, planned, query, written

from clampdown.errors import InputError
from clampdown.fetch.services import tor_metrics
from clampdown.fetch.wanted import Nothing

PREAMBLE = b"#\n# The Tor Project\n#\n# URL: https://metrics.torproject.org/x.csv?country=ir\n#\n"
TABLES = {
    "userstats-relay-country": b"date,country,users,lower,upper,frac\n2022-09-01,ir,54321,40000,60000,81\n",
    "userstats-bridge-country": b"date,country,users,frac\n2022-09-01,ir,300,55\n",
    "userstats-bridge-combined": b"date,country,transport,low,high,frac\n2022-09-01,ir,snowflake,100,300,55\n",
}


def test_tor_metrics_csv_has_a_preamble(tmp_path: Path) -> None:
    found = planned(tor_metrics.SERVICE, asked())
    assert [one.url.split("?")[0].rpartition("/")[2].removesuffix(".csv") for one in found] == list(TABLES)
    for one, (name, table) in zip(found, TABLES.items(), strict=True):
        assert one.check is not None
        one.check(written(tmp_path, name, PREAMBLE + table))
        taken = ingested(one.name, PREAMBLE + table)
        assert taken.rejects == []
        [row] = taken.series
        assert (row["entity"], row["operator"]) == ("IR", "tor")


def test_tor_metrics_end_is_the_last_day_and_country_is_in_lower_case() -> None:
    found = planned(tor_metrics.SERVICE, asked("2022-09-01", "2022-09-15", options={"what": "relay"}))
    assert [query(one.url) for one in found] == [{"start": "2021-10-28", "end": "2022-10-26", "country": "ir"}]
    days = [query(one.url) for one in planned(tor_metrics.SERVICE, asked("2020-01-01T05:00", "2023-03-01T05:00",
                                                                         options={"what": "bridge"}))]  # fmt: skip
    assert days[0]["start"] <= "2020-01-01"
    assert days[-1]["end"] >= "2023-03-01"
    now = asked("2024-06-01", "2024-06-10", options={"what": "relay"})
    assert query(planned(tor_metrics.SERVICE, now)[-1].url)["end"] == "2024-06-09"
    assert all(a["end"] < b["start"] for a, b in itertools.pairwise(days))


def test_tor_metrics_are_two_days_late() -> None:
    found = planned(tor_metrics.SERVICE, asked("2024-06-01", "2024-07-01"))
    assert {query(one.url)["end"] for one in found} == {"2024-06-12"}  # now is the 15th, and a day has to be over
    assert not any(one.settled for one in found)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (PREAMBLE, "no reason"),
        (b"2022-09-01,ir,54321,40000,60000,81\n", "without a table"),
        (b"<html>", "web page"),
        (b"\n", "nothing"),
    ],
)
def test_tor_metrics_without_columns_are_refused(answer: bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        tor_metrics.check(written(tmp_path, "x", answer))


def test_tor_metrics_without_data_are_a_gap(tmp_path: Path) -> None:
    with pytest.raises(Nothing):
        tor_metrics.check(written(tmp_path, "x", b"No data available for the given parameters."))
    assert all(one.absent_ok for one in planned(tor_metrics.SERVICE, asked("2024-01-01", "2024-03-01")))
