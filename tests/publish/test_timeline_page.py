"""Law: a bar is as long as its evidence, every picture has its words, and what others wrote in events stays text."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown import assess
from clampdown.assess.counting import Row
from clampdown.assess.events import Timeline
from clampdown.assess.names import Names
from clampdown.assess.timeline import Asked, absent, timeline
from clampdown.model import COVERAGE, EVENT_MEMBERS
from clampdown.publish import lanes
from clampdown.publish.page import page
from clampdown.publish.words.timeline import MISSING, NONE

sys.path.insert(0, str(Path(__file__).parent))
from happenings import DAYS, LIMITS, START, at, cover, draw, event, note, only, plain, told

Make = Callable[..., dict[str, Any]]
Tables = tuple[pa.Table, pa.Table, pa.Table]


# ---- the picture -------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-20, 60)), min_size=4, max_size=4), st.booleans(), st.booleans())
def test_a_bar_stays_within_its_axis(days: list[int | None], lasts: bool, ends: bool) -> None:
    after, before, end_after, end_before = ((START + timedelta(days=d)) if d is not None else None for d in days)
    events = [event("b", onset_after=after, onset_before=before, lasts=lasts, counterpart="u" if ends else None)]
    if ends:
        events.append(event("u", "unblock", onset_after=end_after, onset_before=end_before))
    rows = [plain(1, time=at(4), day=DAYS[3], state="blocked")]
    for bar in lanes.draw(draw(told(*events), rows), DAYS).shown:
        lane, plot = bar.lane, bar.plot
        parts = [*lane.unsure, *lane.nobody, *lane.untested, *plot.nobody, *plot.unsure]
        for part in (*parts, *([lane.sure] if lane.sure else ())):
            assert 0 <= part.x <= part.x + part.width <= 100.01
            assert part.width > 0
        assert all(0 <= x <= 100 for x, *_ in plot.changes)
        assert plot.band.count("M") == (plot.share + plot.few).count("M") == 1


@pytest.mark.parametrize(
    ("given", "sure", "unsure", "lasts", "earlier"),
    [
        ({"onset_after": at(10), "onset_before": at(13), "lasts": True}, (12.5, 30), [(9.5, 12.5)], True, False),
        ({"onset_after": at(10, 1), "onset_before": at(10, 20), "lasts": True}, (9.5, 30), [], True, False),
        ({"onset_before": None, "onset_after": None, "lasts": True}, (0, 30), [], True, True),
        (
            {"onset_after": at(10), "onset_before": at(13), "lasts": False},
            None,
            [(9.5, 12.5), (12.5, 30)],
            False,
            False,
        ),
    ],
    ids=["lasts", "within a day", "stood before", "no end seen, no try"],
)
def test_where_a_bar_lies(given: Any, sure: Any, unsure: Any, lasts: bool, earlier: bool) -> None:
    lane = lanes.draw(draw(told(event("b", **given)), []), DAYS).shown[0].lane

    def days(part: Any) -> Any:
        return part and tuple(pytest.approx(each * 0.3, abs=0.01) for each in (part.x, part.x + part.width))

    assert sure == days(lane.sure)
    assert unsure == [days(part) for part in lane.unsure]
    assert ((lane.lasts is not None), lane.earlier) == (lasts, earlier)


def test_a_grade_has_a_height_and_silence_its_own_marks(verdict: Make) -> None:
    assert sorted(lanes.HEIGHT.values()) == [lanes.HEIGHT[grade] for grade in lanes.HEIGHT]
    assert len(set(lanes.HEIGHT.values())) == 4
    rows = [verdict(1, time=at(3), state="blocked"), verdict(2, time=at(4), state="unknown")]
    bar = lanes.draw(draw(told(event("b", onset_before=at(3), lasts=True)), rows, cover(5, 6)), DAYS).shown[0]
    assert bar.plot.few.count("M") == 1  # a single vantage point
    assert bar.plot.share == ""
    assert (bar.plot.undecided.count("M"), bar.plot.untested.count("M")) == (1, 2)
    assert [(round(p.x * 0.3), round(p.width * 0.3)) for p in bar.lane.nobody] == [(0, 2), (6, 24)]
    assert lanes.draw(Timeline(missing=None, events=(bar.event,), notes=()), ()).more == 1


# ---- the page ----------------------------------------------------------------------------------------------------


def text(report: assess.Report) -> str:
    body = page(report).decode().partition("</style>")[2]
    plain_text = re.sub("[\u2068\u2069]", "", re.sub(r"<[^>]*>", " ", body))
    return re.sub(r"\s+", " ", plain_text)


def test_the_page_tells_its_events(eventful: assess.Answer) -> None:
    said = text(eventful.report)
    assert said.index("The short answer") < said.index("One bar is one happening") < said.index("Each cell is one")
    for sentence in (
        "Last seen working 30 September, first seen blocked 2 October (everywhere by 5 October); "
        "it lasts at the end of the data.",
        "Within this period interference in 0 of 105 tries before and 85 of 86 tries while it lasted.",
        "last seen blocked 15 October, first seen working again 19 October.",
        "Days without data: nobody was there 11 October.",
        "One target changed, network by network, within days.",
        "Several targets changed on the same days and on shared networks. In the same days it worked in 3 "
        "other countries.",
        "One network alone shows it; it keeps to version probe/3.1 of the probe.",
        "It affects only a part of the tries. It keeps to the hours 22-06 UTC.",
        "Blocked, and no beginning was seen; last seen blocked 7 September",
        "Changes that are not policy",
        "Instrument: web_connectivity, since 10 September, with version probe/3.1, in 3 countries.",
        "Site down: shop.example, 1 September to 30 October.",
        "Fewer measurements: AS64506, 2 October to 9 October, 9 measurements in 8 days, where 14 a day are usual.",
    ):
        assert sentence in said, sentence
    assert said.count("What speaks against it") == 4
    assert "9:00" not in said.partition("Timeline")[2].partition("Targets and networks")[0]


@pytest.mark.parametrize("missing", ["not_detected", "stale"])
def test_a_page_without_events_says_why(
    world: Tables, names: Names, inputs: assess.Inputs, missing: str, answer: assess.Answer
) -> None:
    asked = assess.Question(country="XA", target="telegram")
    said = text(assess.build(*world, asked, LIMITS, names, inputs, absent(missing)).report)
    assert MISSING[missing] in said
    assert "clampdown detect --store DIR" in said
    assert NONE not in said
    said = text(assess.build(*world, asked, LIMITS, names, inputs, told()).report)
    assert NONE in said
    assert "Nothing was looked for" not in said
    assert 'id="timeline"' not in page(answer.report).decode()
    assert "#timeline" not in page(answer.report).decode()


def test_many_events_are_folded(world: Tables, names: Names, inputs: assess.Inputs) -> None:
    events = [event(f"e{i}", onset_before=at(1 + i % 28), lasts=True, members=i) for i in range(70)]
    report = assess.build(*world, assess.Question(country="XA"), LIMITS, names, inputs, told(*events)).report
    data = page(report).decode()
    before, _, after = data.partition('<details class="folded">')
    assert before.count('class="lane ') == lanes.OPEN
    assert after.count('class="lane ') == lanes.MAX_EVENTS - lanes.OPEN
    assert "10 more events are in report.json." in data
    ids = re.findall(r' id="([^"]+)"', data)
    assert len(ids) == len(set(ids))
    assert len(data) < 2_000_000


def test_the_page_says_why_an_event_and_a_table_that_says_less_both_stand(
    eventful: assess.Answer, answer: assess.Answer
) -> None:
    why = "An event says when something changed"
    report = eventful.report
    assert any(c.target == "carrier/app" and c.state in ("insufficient", "conflicting") for c in report.cells)
    assert why in text(report)
    enough = tuple(c for c in report.cells if c.state not in ("insufficient", "conflicting"))
    assert why not in text(msgspec.structs.replace(report, cells=enough))
    assert why not in text(answer.report)


def test_what_others_wrote_in_events_is_text(
    world: Tables, names: Names, inputs: assess.Inputs, hostile: tuple[str, ...]
) -> None:
    events, members, notes = [], [], []
    for i, bad in enumerate(hostile):
        word = "".join(bad.split())
        events.append(
            event(f"{bad}{i}", grade=bad, targets=f"web/{word} telegram/web", platforms=bad, mechanisms=bad, why=bad,
                  contradicts=f"{bad},x:{bad}", pattern=bad, supersedes=bad, onset_before=at(3), lasts=True)
        )  # fmt: skip
        members.append(
            dict.fromkeys(EVENT_MEMBERS.names) | {
                "event": f"{bad}{i}", "country": "XA", "network": 64500, "target": f"web/{word}", "direction": bad,
                "statistic": 1.0, "grade": bad, "mechanism": bad, "k": 1, "n": 2, "before": at(3),
            }
        )  # fmt: skip
        notes.append(note(kind=bad, target=bad, test=bad, detail=f"version:{bad}"))
        notes.append(note(detail=bad, network=64500, last=None))
    odd = msgspec.structs.replace(names, targets={**names.targets, "telegram/web": hostile[0]})
    detected = told(*events, members=members, notes=notes)
    report = assess.build(*world, assess.Question(country="XA"), LIMITS, odd, inputs, detected).report
    assert report.timeline
    assert (len(report.timeline.events), len(report.timeline.notes)) == (len(hostile), 2 * len(hostile))
    html = page(report).decode()
    assert not re.search(r"<(script|img)\b|\son\w+=\"", html)
    assert not re.search("[\u202e\x00\x1b]", html)
    assert html.count("\u2068") == html.count("\u2069")
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in html
    assert assess.check(assess.encode(report), *world, detected=detected).holds


def test_the_page_of_a_decoded_report_is_the_same(eventful: assess.Answer) -> None:
    assert page(eventful.report) == page(assess.decode(assess.encode(eventful.report)))


def test_a_row_needs_no_target_to_be_left_out() -> None:
    empty = Row(*(None,) * 4, "2026-09-03", None, "ok", *(None,) * 7, 1)
    made = timeline(
        told(event("e", onset_before=at(3))), [empty], COVERAGE.empty_table(), Asked("XA", None, None, DAYS), {}
    )  # fmt: skip
    assert only(made).days == ()
