"""Law: a page on many years says which days it draws, counts what lies outside them, and dates carry their year."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from clampdown import assess
from clampdown.assess.counting import Bounds
from clampdown.assess.document import Day
from clampdown.assess.names import Names, is_synthetic
from clampdown.model import COVERAGE, FIRED
from clampdown.publish import charts
from clampdown.publish.page import page
from clampdown.publish.words import cells as tell

Make = Callable[..., dict[str, Any]]
Build = Callable[..., pa.Table]
LIMITS = assess.load_thresholds()


def text(report: assess.Report) -> str:
    body = page(report).decode().partition("</style>")[2]
    plain = re.sub("[\u2068\u2069]", "", re.sub(r"<[^>]*>", " ", body.replace("<wbr>", "")))
    return re.sub(r"\s+([,.])", r"\1", re.sub(r"\s+", " ", plain))


@pytest.fixture(name="long")
def _long(names: Names, inputs: assess.Inputs, verdict: Make, table: Build) -> assess.Report:
    """Seven years: one network heard in the first of them, another in the last days."""
    rows = [
        verdict(i, time=datetime(2019 + 7 * late, 3, 1 + i % 9, i % 24), vantage=f"c{i % 3}", network=64500 + late)
        for i in range(40)
        for late in [i % 2]
    ]
    tables = (table("verdicts", rows), FIRED.empty_table(), COVERAGE.empty_table())
    return assess.build(*tables, assess.Question(country="XA"), LIMITS, names, inputs).report


def test_what_lies_outside_the_days_drawn_is_counted(long: assess.Report) -> None:
    said = text(long)
    early = next(cell for cell in long.cells if cell.network == 64500)
    tries = sum(sum(day.tries.values()) for day in early.days)
    assert f"AS64500 no tries in the days drawn; {tries} tries outside them" in said
    assert "The last 400 days of the period are drawn: 3 February 2025 to 9 March 2026." in said


def test_dates_of_many_years_carry_the_year(long: assess.Report) -> None:
    said = text(long)
    assert re.search(r"AS64501 reachable: [^;]*March 2026", said)
    days = "January|February|March|April|May|June|July|August|September|October|November|December"
    listed = said.partition("The same in words")[2].partition("Fingerprints that")[0]
    assert not re.findall(rf"\d (?:{days})(?! \d{{4}})\b", listed)


def test_labels_with_years_have_room() -> None:
    days = [f"{y}-{m:02}-{d:02}" for y in (2021, 2022) for m in range(1, 13) for d in range(1, 29)]
    for start in range(0, 200, 7):
        places = [tick.at for tick in charts.ticks(days[start : start + 400], years=True)]
        assert all(b - a > 0.26 for a, b in pairwise(sorted(places)))


def test_a_grade_tells_what_holds_it_down(long: assess.Report) -> None:
    cell = msgspec.structs.replace(
        long.cells[0], state="blocked", grade="consistent", stands=False, support=Bounds(low=4, high=18),
        days=tuple(Day(day=f"2026-03-0{i}", tries={"blocked": 9}) for i in (1, 2, 3)),
    )  # fmt: skip
    said = tell.grade(cell)
    assert "without one of its vantage points" in said
    assert "carries it" not in said
    assert "one day" not in said
    one = msgspec.structs.replace(cell, stands=True, days=cell.days[:1])
    assert "seen on one day only" in tell.grade(one)


def test_the_page_accounts_for_what_the_sources_hold_beyond_it(long: assess.Report) -> None:
    said = text(long)
    assert long.measurements == 40
    assert "Of these 5,000 measurements 40 count above." in said
    assert "4,960" in said


def test_a_synthetic_world_without_its_reference_says_so(long: assess.Report) -> None:
    own = msgspec.structs.replace(
        long.inputs, snapshots=(assess.Snapshot(kind="targets", name="t", date="", digest="c3", licence="CC0-1.0"),)
    )
    missing = "The reference data of the synthetic world are missing"
    assert missing in text(msgspec.structs.replace(long, inputs=own))
    assert missing not in text(long)


def test_kosovo_is_a_place() -> None:
    assert not is_synthetic("XK")
    assert is_synthetic("XA")
