"""Law: no sentence says more than its evidence, and what is empty, missing or untested never reads as fine."""

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
from clampdown.assess.names import Names, Platform
from clampdown.model import COVERAGE, FIRED
from clampdown.publish import charts
from clampdown.publish.page import page
from clampdown.publish.words import steps

Make = Callable[..., dict[str, Any]]
Build = Callable[..., pa.Table]
Tables = tuple[pa.Table, pa.Table, pa.Table]
LIMITS = assess.load_thresholds()
PLATFORM = Platform(
    id="herald", label="Herald", groups=("messaging",), any_of=(), all_of=("herald/app",),
    roles={"herald/app": "app", "herald/web": "web version"},
)  # fmt: skip


def text(report: assess.Report) -> str:
    """What the page says, without its marks."""
    body = page(report).decode().partition("</style>")[2]
    plain = re.sub("[\u2068\u2069]", "", re.sub(r"<[^>]*>", " ", body.replace("<wbr>", "")))
    return re.sub(r"\s+([,.])", r"\1", re.sub(r"\s+", " ", plain))


@pytest.fixture(name="ask")
def _ask(world: Tables, names: Names, inputs: assess.Inputs) -> Callable[..., assess.Report]:
    def ask(**asked: Any) -> assess.Report:
        return assess.build(*world, assess.Question(country="XA", **asked), LIMITS, names, inputs).report

    return ask


@pytest.fixture(name="told")
def _told(names: Names, inputs: assess.Inputs, verdict: Make, table: Build) -> Callable[..., assess.Report]:
    """A report on the states that are named: twelve tries, by three vantage points on six days, of each."""

    def told(*said: tuple[str, str], tries: int = 12, target: str | None = None) -> assess.Report:
        rows: list[dict[str, Any]] = []
        for what, state in said:
            for i in range(tries):
                now = ("blocked", "ok")[i % 2] if state == "conflicting" else state
                broken = now in ("blocked", "throttled")
                rows.append(
                    verdict(
                        len(rows), target=what, vantage=f"c{i % 3}", state=now, day=f"2026-09-0{i % 6 + 1}",
                        mechanism="tls.reset.sni" if broken else None, rule="tls.reset" if broken else "tls.proven",
                    )
                )  # fmt: skip
        own = msgspec.structs.replace(names, platforms=(*names.platforms, PLATFORM))
        asked = assess.Question(country="XA", target=target)
        tables = (table("verdicts", rows), FIRED.empty_table(), COVERAGE.empty_table())
        return assess.build(*tables, asked, LIMITS, own, inputs).report

    return told


def test_a_single_site_gets_an_answer(ask: Callable[..., assess.Report]) -> None:
    report = ask(target="web/news.example")
    assert [(line.platform, line.whole.n) for line in report.headlines] == [("web/news.example", 7)]
    said = text(report)
    assert "Is news.example blocked in Xanadia?" in said
    assert "news.example: blocked in 4 of 7 networks with enough data. Too little data on 1 further network." in said


def test_a_single_role_is_not_its_platform(ask: Callable[..., assess.Report]) -> None:
    said = text(ask(target="telegram/web"))
    assert "Is Telegram (web) blocked in Xanadia?" in said
    assert "Telegram (web): blocked in 5 of 7 networks with enough data" in said
    assert "partly" not in said.lower()


def test_a_site_never_measured_is_not_fine(ask: Callable[..., assess.Report]) -> None:
    said = text(ask(target="web/absent.example"))
    assert "There is too little data to say. This does not mean that it is reachable." in said
    assert "without any measurement here in this period: absent.example." in said
    assert "Every cell" not in said


def test_the_network_asked_about_stands_in_the_question(ask: Callable[..., assess.Report]) -> None:
    assert "are blocked in Xanadia on AS64501 (Blue Mobile)?" in text(ask(network=64501))


def test_an_empty_page_claims_nothing(ask: Callable[..., assess.Report]) -> None:
    report = ask(since=datetime(2030, 1, 1), until=datetime(2030, 1, 3))
    html, said = page(report).decode(), text(report)
    assert "simply reachable" not in said
    assert "says reachable" not in said
    assert "There is no cell, so nothing stands behind any." in said
    assert "This does not mean that they are reachable." in said
    assert '<table class="matrix">' not in html
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(re.findall(r' id="([^"]+)"', html))


def test_one_measurement_is_no_finding(told: Callable[..., assess.Report]) -> None:
    report = told(("telegram/web", "blocked"), tries=1)
    said = text(report)
    assert "Too little data on 1 network: nothing is said" in said
    assert "No cell has enough data, so none of them says anything." in said
    assert "handshake" not in said.partition("Targets and networks")[0], "no hint of how, where nothing is said"
    days = list(report.period.tested)
    drawn = charts.strip(report.cells, days, [], {n.network: n for n in report.networks})
    assert drawn.width == charts.MIN_COLUMNS
    assert [path.few for path in drawn.paths] == [True]


def test_too_little_data_is_pale_on_every_day(answer: assess.Answer) -> None:
    report = answer.report
    networks = {n.network: n for n in report.networks}
    for cell in report.cells:
        drawn = charts.strip([cell], list(report.period.tested), [], networks)
        if cell.state == "insufficient":
            assert all(path.few for path in drawn.paths)
            assert drawn.lines[0].poor


def test_a_part_beside_the_answer_is_told(told: Callable[..., assess.Report]) -> None:
    report = told(("herald/app", "ok"), ("herald/web", "blocked"))
    line = next(line for line in report.headlines if line.platform == "herald")
    assert line.whole.states["ok"] == 1
    assert [(p.target, p.state) for p in line.parts] == [("herald/web", "blocked")]
    said = text(report)
    assert "Not counted in this line: web version blocked in 1." in said
    assert "Herald was reachable" not in said
    alone = text(told(("herald/app", "ok"), ("herald/web", "blocked"), target="herald"))
    assert "Herald: reachable in 1 of 1 network with enough data. Not counted in this line: web version" in alone


def test_a_platform_measured_beside_its_point_is_not_untested(told: Callable[..., assess.Report]) -> None:
    report = told(("herald/web", "ok"))
    assert "herald" not in report.untested
    said = text(report)
    assert "The parts by which it is judged were not measured" in said
    assert "Herald was reachable" not in said


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ([("telegram/web", "blocked"), ("telegram/app", "ok")], "Telegram in 1 of 1 networks with enough data was"),
        ([("whisper/app", "conflicting")], "The data conflict on Whisper in 1 of 1 networks with enough data."),
        ([("whisper/app", "refused")], "None of 1 service with enough data was found blocked."),
    ],
)  # fmt: skip
def test_none_is_said_only_where_none_is_meant(
    told: Callable[..., assess.Report], said: list[tuple[str, str]], wanted: str
) -> None:
    found = text(told(*said))
    assert wanted in found
    assert ("None of 1 service" in found) == wanted.startswith("None")


def test_each_platform_has_the_place_it_names_first(told: Callable[..., assess.Report], names: Names) -> None:
    both = msgspec.structs.replace(PLATFORM, groups=("messaging", "social"))
    cells = told(("herald/app", "ok")).cells
    from clampdown.assess.headlines import headlines_of

    lines, _ = headlines_of(
        cells, msgspec.structs.replace(names, platforms=(both,)), ("social", "messaging"), None, LIMITS
    )
    assert [line.group for line in lines] == ["messaging"]


def test_a_cell_shows_how_it_looked_without_a_pointer(answer: assess.Answer) -> None:
    html = page(answer.report).decode()
    for brief in ("TLS reset", "DNS to block page", "not in this place", "few vp"):
        assert f'<span class="as-seen">{brief}</span>' in html


def test_the_legend_explains_what_is_drawn(answer: assess.Answer) -> None:
    html = page(answer.report).decode()
    shown = set(re.findall(r'<(?:td|path) class="s-(\w+)', html)) - {"none"}
    legend = html.partition('<ul class="legend">')[2].partition("</ul>")[0]
    assert shown
    assert set(re.findall(r"key s-(\w+)", legend)) == shown
    dots = set(re.findall(r'<circle class="s-(\w+)"', html.partition("key-line")[0]))
    assert set(re.findall(r'<circle class="s-(\w+)"', html.partition("key-line")[2].partition("</p>")[0])) == dots


def test_days_in_place_of_times_are_explained(
    told: Callable[..., assess.Report], ask: Callable[..., assess.Report]
) -> None:
    note = "This network has fewer than 3 vantage points in the period: days are shown, times are not."
    assert note not in text(told(("whisper/app", "blocked")))
    assert note in text(ask())


@pytest.mark.parametrize("days", [1, 2, 5, 10, 27, 28, 29, 45, 60, 92, 200, 366, 400])
@pytest.mark.parametrize("first", ["2026-01-01", "2026-02-14", "2025-11-30"])
def test_labels_of_days_do_not_collide(first: str, days: int) -> None:
    start = datetime.fromisoformat(first).toordinal()
    every = [datetime.fromordinal(start + i).date().isoformat() for i in range(days)]
    ticks = charts.ticks(every)
    assert ticks[0] == (0.0, first, "start")
    assert len({tick.day for tick in ticks}) == len(ticks) <= 6
    # A label takes about a sixth of the narrowest axis.
    edges = [{"start": (t.at, t.at + 0.17), "middle": (t.at - 0.085, t.at + 0.085), "end": (t.at - 0.17, t.at)}[t.place]
             for t in ticks]  # fmt: skip
    assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(edges))
    if days > 60:
        assert len(ticks) >= 3


def test_a_group_of_sites_gets_an_answer(ask: Callable[..., assess.Report]) -> None:
    report = ask(group="news")
    assert [line.platform for line in report.headlines] == ["web/news.example"]
    said = text(report)
    assert "Which news media are blocked in Xanadia?" in said
    assert "news.example in 4 of 7 networks with enough data was found blocked." in said
    assert "too little data to say anything" not in said


def test_a_sentence_does_not_name_a_hundred(told: Callable[..., assess.Report], names: Names) -> None:
    report = told(("web/news.example", "blocked"))
    cells = tuple(msgspec.structs.replace(report.cells[0], target=f"web/n{i}.example") for i in range(70))
    from clampdown.assess.headlines import headlines_of

    many = msgspec.structs.replace(names, target_groups={cell.target: ("news",) for cell in cells})
    lines, _ = headlines_of(cells, many, ("news",), None, LIMITS)
    asked = msgspec.structs.replace(report.question, group="news")
    said = text(
        msgspec.structs.replace(report, question=asked, headlines=lines, cells=cells, headline_groups=("news",))
    )
    assert "and 62 more were found blocked." in said
    assert "10 more lines are in report.json." in said


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"hostname": "a.example", "path": "/x", "scheme": "https"}, "GET https://a.example/x"),
        ({"ip": "192.0.2.1", "port": 9030, "asn": 64496, "path": "/x"}, "GET http://192.0.2.1:9030/x"),
        ({"ip": "2001:db8::1", "port": 80}, "GET http://[2001:db8::1]:80/"),
        ({"path": "/x"}, "GET /x (http) at an address that is not kept"),
    ],
)
def test_a_request_says_where_it_went(row: dict[str, Any], says: str) -> None:
    assert steps.tried({"operation": "http_exchange", **row}) == says
