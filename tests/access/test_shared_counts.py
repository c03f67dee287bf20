"""Law: published counts alone show one way of a tool mostly open beside another that fails, and claim no more."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import clampdown
from clampdown.assess.ways import Access
from clampdown.cli import group
from clampdown.cli.frame import run
from clampdown.publish.words.ways_page import load

pytestmark = pytest.mark.shared
DAY = "2026-02-22"
MARKS = re.compile("[\u2066-\u2069]")


@pytest.fixture(scope="module")
def store(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    place = str(tmp_path_factory.mktemp("monitor") / "store")
    file = str(shared / "cases/signals/iran_monitor_timeseries.csv")
    assert run(group, ["ingest", file, "--of", "IR", "--store", place, "--quiet", "--workers", "1"]) == 0
    return place


@pytest.fixture(scope="module")
def answer(store: str) -> Access:
    return clampdown.access(store, "IR", at=DAY)


def said(store: str, capsysbinary: pytest.CaptureFixture[bytes], *asked: str) -> str:
    assert run(group, ["access", "IR", "--at", DAY, "--store", store, *asked]) == 0
    return capsysbinary.readouterr()[0].decode()


def told(text: str) -> str:
    return MARKS.sub("", re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", text)))


def test_the_document(answer: Access) -> None:
    ways = {f"{way.tool}/{way.way}": way for way in answer.ways}
    assert len(ways) == len(answer.ways), "no network: only the country"
    assert answer.networks == ()
    direct, snowflake = ways["tor/direct"], ways["tor/snowflake"]
    assert (direct.state, snowflake.state) == ("impaired", "blocked")
    assert direct.share == pytest.approx(0.8, abs=0.03)
    assert snowflake.share == pytest.approx(0.04, abs=0.02)
    assert direct.n > 1000
    assert snowflake.n > 100
    for way in answer.ways:
        assert way.grade in ("insufficient", "consistent")
        assert (way.low, way.high, way.last_ok, way.witnesses) == (None, None, None, {})
        if way.state not in ("untested", "insufficient"):
            assert (way.reason, way.grade, way.vantage) == ("counts_only", "consistent", None)
    assert {key for key, way in ways.items() if way.state == "works"} == set()
    only = ways["psiphon/tunnel"]
    assert (only.state, only.reason, only.n, only.share) == ("insufficient", "only_a_share", 0, None)
    assert ways["tor/obfs4"].state == "untested"


def test_the_lines(store: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in said(store, capsysbinary, "--format", "jsonl").splitlines()
    ]
    found = {(each["tool"], each["way"]): each for each in lines if each["kind"] == "way"}
    assert "(80%)" in found["tor", "direct"]["sentence"]
    assert "(4%)" in found["tor", "snowflake"]["sentence"]
    assert "without its number" in found["psiphon", "tunnel"]["sentence"]


def test_the_table(store: str, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    shown = said(store, capsysbinary, "--format", "table").splitlines()
    rows = {row.split("country")[0].strip(): row for row in shown}
    direct, snowflake = rows["without a bridge"].split(), rows["Snowflake"].split()
    assert direct[4:9] == ["impaired", "consistent", "1,071", "of", "1,345"]
    assert snowflake[2:7] == ["blocked", "consistent", "5", "of", "137"]
    assert len([row for row in shown if "too little data: only a share" in row]) == 1
    assert not any({"works", "corroborated", "confirmed"} & set(row.split()) for row in shown)


@pytest.mark.parametrize(("language", "digits"), [("en", ("80%", "4%")), ("fa", ("۸۰٪", "۴٪"))])
def test_the_page(
    store: str, capsysbinary: pytest.CaptureFixture[bytes], language: str, digits: tuple[str, str]
) -> None:
    text = said(store, capsysbinary, "--format", "html", "--language", language)
    words = load(language)
    (impaired,) = re.findall(r'<td class="w-impaired".*?</td>', text, re.DOTALL)
    assert digits[0] in told(impaired)
    blocked = re.findall(r'<td class="w-blocked".*?</td>', text, re.DOTALL)
    assert any(digits[1] in told(cell) for cell in blocked)
    for cell in [impaired, *blocked]:
        assert words["text"]["counts_alone"] in told(cell)
        assert words["grade"]["consistent"] in told(cell)
        assert words["grade"]["corroborated"] not in told(cell)
    (few,) = re.findall(r'<td class="w-insufficient".*?</td>', text, re.DOTALL)
    assert words["reason"]["only_a_share"] in told(few)
    assert 'class="w-works"' not in text
    assert told(words["sentence"]["none_works"]) in told(text)
