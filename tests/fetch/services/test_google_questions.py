"""Law: Google's report is asked as its web page asks, and read under the product and country that were asked for."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
from services_given import asked, ingested, planned, query, written

from clampdown.errors import InputError, UsageError
from clampdown.fetch.asking import seconds
from clampdown.fetch.services import google
from clampdown.reference.signals import signal_table


def test_google_is_asked_in_milliseconds_with_48_points_a_day() -> None:
    [one] = planned(google.SERVICE, asked("2022-09-01", "2022-09-11", options={"product": "youtube"}))
    start, end = (seconds(datetime(2022, *day)) * 1000 for day in ((3, 29), (9, 25)))  # 180 days, whoever asks
    assert query(one.url) == {
        "start": str(start), "end": str(end), "width": "8640", "product": "21", "region": "IR",
    }  # fmt: skip


def test_google_answers_are_read_by_the_name_of_the_file(tmp_path: Path) -> None:
    """The answer says neither whom nor what it is about."""
    for product, signal in signal_table().products.items():
        [one] = planned(google.SERVICE, asked("2022-09-01", "2022-09-02", options={"product": str(product)}))
        start = int(query(one.url)["start"])
        points = ",".join(f"[{start + n * 1_800_000},[[1,{10 + n}.5]]]" for n in range(48))
        data = f')]}}\'\n\n[["traffic.fraction",[{points}]]]'.encode()
        assert one.check is not None
        one.check(written(tmp_path, "x", data))
        taken = ingested(one.name, data)
        assert taken.rejects == []
        [row] = taken.series
        assert (row["entity"], row["signal"]) == ("IR", signal)
        assert len(taken.signals) == 48


@pytest.mark.parametrize("country", ["IR", "IN", "IT", "TO", "IS", "US", "GB"])
def test_google_countries_whose_codes_are_words_are_read(country: str) -> None:
    [one, *_] = planned(google.SERVICE, asked(country=country))
    taken = ingested(one.name, b')]}\'\n[["x",[[1661990400000,[[1,2.5]]]]]]')
    assert [row["entity"] for row in taken.series] == [country]


def test_google_products_are_named_or_numbered() -> None:
    found = planned(google.SERVICE, asked(options={"product": ("21", "youtube", "web-search")}))
    assert {query(one.url)["product"] for one in found} == {"19", "21"}
    with pytest.raises(UsageError, match="It may be: all, "):
        planned(google.SERVICE, asked(options={"product": "fax"}))


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b"", b')]}\'\n{"error": 1}'])
def test_google_errors_are_refused(answer: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        google.check(written(tmp_path, "x", answer))
