"""Law: the page draws what the report holds, has words for every picture, and says what is missing as missing."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown import assess
from clampdown.assess import signals
from clampdown.assess.connectivity import Connectivity
from clampdown.assess.names import Names
from clampdown.assess.signals import Signals
from clampdown.model import COVERAGE, FIRED, VERDICTS
from clampdown.publish import panels
from clampdown.publish.page import page
from clampdown.publish.words import cuts as tell

sys.path.insert(0, str(Path(__file__).parent))
import cuts
from test_page import Reader

Tables = tuple[pa.Table, pa.Table, pa.Table]
LIMITS = assess.load_thresholds()
EMPTY = (VERDICTS.empty_table(), FIRED.empty_table(), COVERAGE.empty_table())


def drawn(report: assess.Report) -> Connectivity:
    made = tell.of(report)
    assert made is not None
    return made


@pytest.fixture(scope="module", name="ask")
def _ask(names: Names, inputs: assess.Inputs) -> Any:
    """A report on signals alone."""

    def ask(given: Signals, **asked: Any) -> assess.Report:
        question = assess.Question(country="XA", **asked)
        return assess.build(*EMPTY, question, LIMITS, names, inputs, None, given).report

    return ask


@pytest.fixture(scope="module", name="report")
def _report(ask: Any) -> assess.Report:
    return ask(cuts.country())


@pytest.fixture(scope="module", name="read")
def _read(report: assess.Report) -> Reader:
    return Reader(page(report))


def test_the_question_is_answered_first(read: Reader) -> None:
    said = read.said
    head = said.partition("On this page")[0].partition("Was the network cut?")[0]
    assert "Xanadia was cut off from 12 September 2026 to 19 September 2026 (evidence: corroborated)." in head
    assert tell.ALONE in said
    assert said.count("Xanadia was cut off: on the data plane (answers to probes) it began between") == 1
    assert "Local time is that of Asia/Tehran, UTC+3:30 throughout." in said
    for words in ("The routing table (control plane)", "Answers to probes (data plane)", "Replies to pings of Hills",
                  "hours without a reply are drawn as none", "0 to 92.9 (scaled within its file)",
                  "begins on the hour, local time: yes (3.06 to 1 for a shutdown)", "A list of shutdowns, keepiton",
                  "IODA, Georgia Tech: 8,640 levels in 1 file."):  # fmt: skip
        assert words in said, words


def test_the_page_keeps_its_law(read: Reader) -> None:
    ids = [a["id"] for _, a in read.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    inner = {str(a["href"])[1:] for _, a in read.tags if str(a.get("href", "")).startswith("#")}
    assert {"cut"} < inner <= set(ids)
    for tag, attributes in read.tags:
        assert tag not in ("script", "link", "img", "iframe", "style") or tag == "style"
        assert not {"src", "style"}.intersection(attributes)
        href = attributes.get("href")
        assert href is None or href.startswith(("#", "https://"))
        if tag == "svg" and "tip" not in str(attributes.get("class")):
            told = str(attributes.get("aria-labelledby") or "").split()
            assert attributes.get("aria-hidden") == "true" or (told and set(told) <= set(ids))
    fills = {str(a.get("fill")) for _, a in read.tags if str(a.get("fill")).startswith("url")}
    assert fills == {"url(#hatch-cut)"}


def test_style_comes_only_where_it_is_needed(answer: assess.Answer, report: assess.Report) -> None:
    assert b".stacked" in page(report)
    plain = page(answer.report)
    assert b".stacked" not in plain
    assert b'href="#cut"' not in plain


def test_the_page_of_a_decoded_report_is_the_same(report: assess.Report) -> None:
    assert page(report) == page(assess.decode(assess.encode(report)))


@pytest.mark.parametrize("missing", ["not_detected", "stale"])
def test_a_page_without_outages_says_why(ask: Any, missing: str) -> None:
    rows, parts, context, why = signals.nothing(missing)
    report = ask(cuts.country()._replace(outages=rows, parts=parts, context=context, missing=why))
    said = Reader(page(report)).said
    assert tell.MISSING[missing] in said
    assert tell.NONE not in said
    assert tell.lead(report) == ""
    report = ask(cuts.country()._replace(outages=rows, parts=parts, context=context))
    said = Reader(page(report)).said
    assert tell.NONE in said
    assert "Signals of connectivity show no outage." in said


def test_what_is_too_much_is_said_to_be(ask: Any) -> None:
    shapes: Any = {f"probing/{i}": (cuts.diurnal(50.0), {}) for i in range(20)}
    kinds, levels = cuts.made_levels(2, shapes)
    begun = [cuts.START + timedelta(minutes=i) for i in range(70)]
    rows = [cuts.row(f"o{i}", onset_after=None, onset_before=time) for i, time in enumerate(begun)]
    report = ask(Signals(kinds, levels, *cuts.tables(rows), cuts.TERMS))
    html = page(report).decode()
    made = drawn(report)
    assert (len(made.outages), len(made.panels)) == (70, 20)
    shown = panels.draw(made)
    assert sum(len(curves) for _, curves in shown.planes) == panels.MAX_PANELS
    assert "8 further signals of this country are not drawn here." in html
    assert "10 more outages are in report.json." in html
    assert html.count('<tr class="facts-row">') == panels.MAX_OUTAGES
    assert len(html) < 2_000_000


def test_nights_are_listed_and_shaded_one_by_one(ask: Any) -> None:
    found = cuts.nights(5, cuts.START)
    row = cuts.row(pattern="nightly", occurrences=5, occurrences_of=6, onset_after=found[0]["onset_after"],
                   onset_before=found[0]["onset_before"], end_after=found[-1]["end_after"],
                   end_before=found[-1]["end_before"], worst=found[2]["onset_before"], planes="data")  # fmt: skip
    kinds, levels = cuts.made_levels(30, {"probing/slash24": (cuts.diurnal(90.0), {})})
    report = ask(Signals(kinds, levels, *cuts.tables([row], found), cuts.TERMS))
    (((_, (curve,)),)) = panels.draw(drawn(report)).planes
    assert len(curve.shades) == 5
    assert sum(shade.sure.width for shade in curve.shades if shade.sure) < 20
    (closer,) = panels.draw(drawn(report)).closer  # the week around its worst night
    assert closer.curves[0].levels.step < drawn(report).step
    said = Reader(page(report)).said
    assert "on 5 of 6 nights:" in said
    assert "Local days on which it came back" in said
    assert re.search(r"\b2 to 6 September 2026\b", said), "18:30 UTC is 22:00 of the day before"


def test_the_head_counts_countries_where_there_are_any(ask: Any) -> None:
    kinds, levels = cuts.made_levels(30, {"probing/slash24": (cuts.diurnal(90.0), {})})
    hills = {"entity": "XA/Hills", "entity_kind": "region"}
    rows = [cuts.row("c1"), *(cuts.row(f"r{i}", **hills) for i in range(7))]

    def lead(*rows: Any) -> str:
        return str(tell.lead(ask(Signals(kinds, levels, *cuts.tables(rows), cuts.TERMS))))

    assert "other outage" not in lead(*rows)
    assert "and 1 other outage of" in lead(*rows, cuts.row("c2", onset_before=cuts.BACK + 50 * cuts.H))
    assert "and 6 other outages of" in lead(*rows[1:])
    weak = [row | {"grade": "consistent"} for row in rows]
    assert "show 1 possible outage," in lead(*weak)
    assert "show 7 possible outages," in lead(*weak[1:])


def test_one_cut_is_one_row(ask: Any) -> None:
    read = Reader(page(ask(cuts.country())))
    html = page(ask(cuts.country())).decode()
    assert html.count('<tr class="facts-row">') == 2
    assert "1 outage of its regions began within it" in read.said
    assert "Hills (Xanadia): outage, consistent; began between 12 September 2026 19:30" in read.said
    shown = panels.draw(drawn(ask(cuts.country())))
    assert {name: [o.outage for o in some] for name, some in shown.within.items()} == {"o1": ["o2"]}
    assert shown.more_outages == 0


def test_a_panel_is_shaded_by_its_own_falls_alone(report: assess.Report) -> None:
    curves = {c.panel.signal: c for _, found in panels.draw(drawn(report)).planes for c in found}
    count = {signal: len(curve.shades) for signal, curve in curves.items()}
    assert count == {"bgp/slash24": 1, "probing/slash24": 2, "telescope/sources": 1, "google/search": 1,
                     "tor/relay-users": 0, "pings/replies": 1}  # fmt: skip
    (shade,) = curves["bgp/slash24"].shades  # hours of a week
    assert shade.sure is not None
    assert shade.sure.width == pytest.approx(100 * 14.5 / (30 * 24), abs=0.1)


def test_what_is_too_little_is_only_outlined(ask: Any) -> None:
    assert 'rect class="weak"' not in page(ask(cuts.country())).decode()
    given = cuts.country()
    weak = pa.array(["insufficient"] * given.outages.num_rows)
    at = given.outages.column_names.index("grade")
    report = ask(given._replace(outages=given.outages.set_column(at, given.outages.schema.field("grade"), weak)))
    html = page(report).decode()
    assert 'rect class="weak"' in html
    assert not re.search(r'rect class="(cut|open)"|class="edge"', html)
    for made, there in ((report, True), (ask(cuts.country()), False)):
        assert ("weak" in dict(tell.legend(panels.draw(drawn(made))))) is there


@pytest.mark.parametrize(("swing", "flat"), [(0.02, True), (0.15, True), (0.3, False), (0.6, False)])
def test_what_was_expected_is_drawn_closer_and_of_flat_signals_alone(ask: Any, swing: float, flat: bool) -> None:
    shape = cuts.cut(cuts.diurnal(90.0, swing), cuts.CUT, cuts.CUT + 20 * cuts.H, 0.1)
    kinds, levels = cuts.made_levels(30, {"probing/slash24": (shape, {})})
    end = {"end_after": cuts.CUT + 19.5 * cuts.H, "end_before": cuts.CUT + 20 * cuts.H}
    report = ask(Signals(kinds, levels, *cuts.tables([cuts.row(**end)], [cuts.part(expected=90.0, **end)]), cuts.TERMS))
    shown = panels.draw(drawn(report))
    assert not any(curve.expected for _, curves in shown.planes for curve in curves)
    assert bool(shown.closer[0].curves[0].expected) is flat
    assert ("expected" in dict(tell.legend(shown))) is flat


def test_what_others_wrote_is_text(ask: Any, hostile: tuple[str, ...]) -> None:
    rows, parts, context, kinds, levels = [], [], [], [], []
    for i, bad in enumerate(hostile):
        word = "".join(bad.split()) or "x"
        rows.append(cuts.row(f"{bad}{i}", entity=bad, plane=bad, kind=bad, kind_why=bad, grade=bad, scope=bad,
                             planes=f"{bad} data", features=bad, contradicts=bad, published=f"c{i}", zone=bad,
                             signals_unmoved=bad, operators=bad, entity_kind="region",
                             onset_after=None, onset_before=cuts.START))  # fmt: skip
        series = {"series": f"s{i}", "signal": bad, "operator": bad, "entity": bad, "plane": bad, "unit": bad}
        parts.append(cuts.part("restoration", outage=f"{bad}{i}", **(series | {"onset_before": cuts.CUT})))
        parts.append(cuts.part("loss", outage=f"{bad}{i}", **series))
        context.append(cuts.record(f"c{i}", title=bad, source=bad, doubt=bad, url=f"javascript:{word}", kind=bad))
        kinds.append(cuts.series("x", cuts.START, **series))
        levels.append({"series": f"s{i}", "time": cuts.START, "value": 1.0, "quality": None, "day": "2026-09-01"})
    given = Signals(
        pa.Table.from_pylist(kinds, schema=cuts.SERIES), pa.Table.from_pylist(levels, schema=cuts.SIGNALS),
        *cuts.tables(rows, parts, context), cuts.TERMS,
    )  # fmt: skip
    report = ask(given)
    assert len(drawn(report).panels) == len(drawn(report).outages) == len(hostile)
    html = page(report).decode()
    assert not re.search(r"<(script|img)\b|\son\w+=\"|href=\"javascript", html)
    assert not re.search("[\u202e\x00\x1b]", html)
    assert html.count("\u2068") == html.count("\u2069") > 0
    assert assess.check(assess.encode(report), *EMPTY, given=given).holds


# ---- the picture -------------------------------------------------------------------------------------------------

_times = st.datetimes(datetime(2026, 8, 20), datetime(2026, 10, 10))


@settings(max_examples=40)
@given(st.lists(st.one_of(st.none(), _times), min_size=4, max_size=4), _times, st.booleans())
def test_a_shade_stays_within_its_axis(times: Any, begun: datetime, lasts: bool) -> None:
    kinds, levels = cuts.made_levels(20, {"probing/slash24": (cuts.diurnal(90.0), {"step": 21600})})
    after, _, end_after, end_before = times
    row = cuts.row(onset_after=after, onset_before=begun, end_after=end_after, end_before=end_before, lasts=lasts)
    given = Signals(kinds, levels, *cuts.tables([row], [cuts.part("restoration", onset_after=after)]), cuts.TERMS)
    made = signals.connectivity(given, signals.Asked("XA", None, None, None))
    assert made is not None
    for _, curves in panels.draw(made).planes:
        for curve in curves:
            parts = [part for shade in curve.shades for part in (shade.sure, *shade.open) if part]
            for part in (*parts, *curve.gone, *curve.partly):
                assert 0 <= part.x <= part.x + part.width <= 100.01
                assert part.width > 0
            edges = [shade.edge for shade in curve.shades if shade.edge is not None]
            assert all(0 <= place <= 100 for place in (*edges, *(mark.x for mark in curve.marks)))
            assert all(0 <= float(y) <= 100 for y in re.findall(r"V([\d.]+)", curve.low))


@pytest.mark.parametrize("hours", [3, 30, 100, 24 * 9, 24 * 60, 24 * 400, 24 * 3650])
@pytest.mark.parametrize("zone", ["Asia/Tehran", None])
def test_clocks_have_room_for_their_labels(hours: int, zone: str | None) -> None:
    first = datetime(2021, 3, 1, 5)
    axis = panels._axis(panels._Scale(first, first + timedelta(hours=hours)), zone)
    for ruler in (axis.utc, *((axis.local,) if axis.local else ())):
        places = [tick.at for tick in ruler.ticks]
        narrow = [tick.at for tick in ruler.ticks if not tick.wide]
        assert places == sorted(places)
        assert 2 <= len(places) <= panels.WIDE + 2
        assert 1 <= len(narrow) <= panels.NARROW
        assert all(b - a > 6 for a, b in pairwise(places))
    assert (axis.local is None) == (zone is None)
    if zone and hours >= 24 * 400:
        assert axis.local is not None
        assert len(axis.local.shifts) >= 2


def test_a_change_of_the_clock_is_said_and_drawn(ask: Any) -> None:
    shape: Any = {"probing/slash24": (cuts.diurnal(90.0), {"zone": "America/New_York", "step": 3600})}
    kinds, levels = cuts.made_levels(90, shape)
    report = ask(Signals(kinds, levels, *cuts.tables([]), cuts.TERMS))
    said = Reader(page(report)).said
    assert "Its clocks were changed on 1 November 2026 from UTC-4 to UTC-5; a line in its ruler shows where." in said
    assert page(report).count(b'class="moved"') == 2  # above and below


def test_missing_is_hatched_and_never_drawn_as_nothing(report: assess.Report) -> None:
    curves = {c.panel.signal: c for _, found in panels.draw(drawn(report)).planes for c in found}
    scope = curves["telescope/sources"]
    assert len(scope.gone) == 1
    assert scope.gone[0].width == pytest.approx(100 * 48 / (30 * 24), abs=0.6)
    assert scope.low.count("M") == 2  # the curve is broken there
    assert curves["pings/replies"].gone == ()
    assert [mark.kind for mark in curves["google/search"].marks] == ["precursor", "restoration"]
    names = msgspec.structs.replace(report.names, country="Xanadia")
    assert "levels missing" in str(tell.picture(scope, names.country))
