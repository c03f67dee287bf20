"""Law: bins hide no fall and fill no gap; what a report says of signals is counted again from the tables."""

from __future__ import annotations

import json
import random
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown import assess
from clampdown.assess import signals
from clampdown.assess.connectivity import Connectivity
from clampdown.assess.names import Names
from clampdown.assess.outages import folded, records
from clampdown.assess.signals import Asked, Signals, connectivity
from clampdown.model import COVERAGE, FIRED, VERDICTS

sys.path.insert(0, str(Path(__file__).parent))
import cuts
from cuts import BACK, CUT, H

Tables = tuple[pa.Table, pa.Table, pa.Table]
ASKED = Asked("XA", None, None, None)
LIMITS = assess.load_thresholds()


@pytest.fixture(scope="module", name="country")
def _country() -> Signals:
    return cuts.country()


@pytest.fixture(scope="module", name="report")
def _report(world: Tables, names: Names, inputs: assess.Inputs, country: Signals) -> assess.Report:
    return assess.build(*world, assess.Question(country="XA"), LIMITS, names, inputs, None, country).report


def drawn(report: assess.Report) -> Connectivity:
    assert not isinstance(report.connectivity, msgspec.UnsetType)
    return report.connectivity


# ---- bins --------------------------------------------------------------------------------------------------------


def line(times: list[int], values: list[float | None], step: int) -> Any:
    row = {"series": "s", "step": step}
    return signals._Line(row, np.array(times, np.int64), np.array([np.nan if v is None else v for v in values], float))


@settings(max_examples=50)
@given(
    st.integers(1, 150), st.sampled_from([300, 600, 1800, 3600, 86400]), st.sampled_from([1, 2, 3, 7, 12]),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_bins_hide_no_fall_and_fill_no_gap(count: int, own: int, each: int, dice: random.Random) -> None:
    kept = [k for k in range(count) if dice.random() < 0.7]
    values = [None if dice.random() < 0.2 else round(dice.uniform(0, 100), 3) for _ in kept]
    made = signals.bins(line([k * own for k in kept], values, own), 0, count * own, each * own)
    there = [(k, v) for k, v in zip(kept, values, strict=True) if v is not None]
    assert made.points == len(there)
    assert sum(made.missing) == count - len(there)
    if there:
        assert min(v for v in made.low if v is not None) == pytest.approx(min(v for _, v in there), rel=1e-5)
        highest = made.high if made.high is not None else made.low
        assert max(v for v in highest if v is not None) == pytest.approx(max(v for _, v in there), rel=1e-5)
    for index, low in enumerate(made.low):
        inside = [v for k, v in there if k // each == index]
        assert (low is None) == (not inside)
        if inside and made.mean is not None:
            assert made.mean[index] == pytest.approx(sum(inside) / len(inside), rel=1e-5)


def test_one_bad_level_in_ten_years_is_drawn() -> None:
    values: list[float | None] = [100.0] * (3650 * 24)
    values[40_000] = 3.0
    made = signals.bins(line([3600 * k for k in range(len(values))], values, 3600), 0, 3600 * len(values), 604800)
    assert min(v for v in made.low if v is not None) == 3.0


def test_a_silent_log_is_none_of_those_expected(country: Signals) -> None:
    made = connectivity(country, ASKED)
    assert made is not None
    panels = {panel.signal: panel for panel in made.panels}
    pings = panels["pings/replies"].levels
    at = int((CUT + 24 * H - cuts.START).total_seconds()) // pings.step
    assert pings.low[at] == 0.0  # it lists replies only
    scope = panels["telescope/sources"].levels
    assert scope.low[at] is None  # it says that it has none
    assert scope.missing[at] == pings.step // 1800
    assert sum(pings.missing) == 0


def test_the_axis_and_its_panels(country: Signals) -> None:
    made = connectivity(country, ASKED)
    assert made is not None
    assert (made.first.replace(tzinfo=None), made.last.replace(tzinfo=None)) == (
        cuts.START, cuts.START + timedelta(days=30)
    )  # fmt: skip
    assert [panel.plane for panel in made.panels] == ["control", "data", "background", "usage", "usage", "data"]
    assert all(len(p.levels.low) == len(p.levels.missing) <= signals.BINS for p in made.panels)
    assert made.panels[0].top >= 11900.0  # what was expected
    assert [zoom.outage for zoom in made.zooms] == ["o3"]  # the others fill the axis
    assert {len(z.low) for z in made.zooms[0].panels} <= set(range(1, signals.ZOOM_BINS + 1))
    assert [o.outage for o in made.outages] == ["o1", "o3", "o2"]
    assert made.zone == "Asia/Tehran"
    assert [(o.terms.source, o.inputs) for o in made.sources] == [("ioda", 1)]


@pytest.mark.parametrize(
    ("asked", "outages", "panels"),
    [
        ({"since": BACK + H}, ["o3"], 6),
        ({"until": CUT - H}, [], 6),
        ({"since": CUT + H, "until": CUT + 3 * H}, ["o1", "o2"], 4),  # no day of Tor begins there, no reply
        ({"network": 64500}, None, 0),
        ({"country": "XB"}, None, 0),
    ],
)
def test_what_was_asked_is_shown(country: Signals, asked: dict[str, Any], outages: Any, panels: int) -> None:
    made = connectivity(country, ASKED._replace(**asked))
    if outages is None:
        assert made is None
        return
    assert made is not None
    assert [o.outage for o in made.outages] == outages
    assert len(made.panels) == panels


def test_many_series_are_kept_within_bounds() -> None:
    given_ = {
        f"probing/{i}": (lambda *_: 1.0, {"entity": f"AS{64500 + i}@XA", "entity_kind": "network"}) for i in range(80)
    }
    kinds, levels = cuts.made_levels(1, given_)  # type: ignore[arg-type]
    lost = cuts.part(outage="o1", series="s-probing/77")
    made = connectivity(Signals(kinds, levels, *cuts.tables([cuts.row()], [lost]), cuts.TERMS), ASKED)
    assert made is not None
    assert (len(made.panels), made.series) == (signals.MAX_SERIES, 80)
    assert made.panels[0].levels.series == "s-probing/77"  # what an outage names comes first


# ---- one cut, told once ------------------------------------------------------------------------------------------


def test_a_country_comes_before_its_regions_and_these_before_its_networks() -> None:
    rows = [
        cuts.row("n1", entity="AS64500@XA", entity_kind="network", network=64500, onset_before=CUT - 90 * H),
        cuts.row("r1", entity="XA/Hills", entity_kind="region", grade="confirmed"),
        cuts.row("c2", onset_before=CUT + 90 * H, grade="confirmed"),
        cuts.row("c1", grade="insufficient"),
        cuts.row("x1", country=None, entity="Mars", entity_kind="region"),
    ]  # fmt: skip
    assert [o.outage for o in records(*cuts.tables(rows))] == ["c1", "c2", "r1", "n1", "x1"]


_HILLS = {"entity": "XA/Hills", "entity_kind": "region"}
_NET = {"entity": "AS64500@XA", "entity_kind": "network", "network": 64500}


def _at(hours: float, **given: Any) -> dict[str, Any]:
    """Begun so long after the country did."""
    return given | {"onset_after": CUT + (hours - 0.5) * H, "onset_before": CUT + hours * H}


@pytest.mark.parametrize(
    ("part", "whole", "within"),
    [
        (_at(0, **_HILLS), {}, True),
        (_at(0, **_NET), {}, True),
        (_at(100, **_NET), {}, True),  # while it was down
        (_at(-3, **_NET), {}, True),
        (_at(-4, **_NET), {}, False),
        (_at(160.5, **_HILLS), {}, True),
        (_at(162, **_HILLS), {}, False),  # it was over by then
        (_at(0, **_HILLS), {"grade": "insufficient"}, False),
        (_at(0, **_HILLS), {"country": "XB", "entity": "XB"}, False),
        (_at(0, **_HILLS), {"country": None}, False),
        (_at(0), {}, False),  # the country itself
        (_at(200, **_HILLS), {"lasts": True, "end_after": None, "end_before": None}, True),
        (_at(900, **_HILLS), {"lasts": True, "end_after": None, "end_before": None}, False),  # nobody saw it so late
    ],
)  # fmt: skip
def test_what_began_within_a_cut_of_the_country_is_part_of_it(part: Any, whole: Any, within: bool) -> None:
    found = records(*cuts.tables([cuts.row("c", **whole), cuts.row("p", **part)]))
    assert folded(found) == ({"p": "c"} if within else {})


def test_between_two_mornings_nothing_is_part_of_them() -> None:
    nights = cuts.nights(3, cuts.START)
    row = cuts.row(pattern="nightly", occurrences=3, occurrences_of=3, onset_before=nights[0]["onset_before"],
                   end_before=nights[-1]["end_before"], planes="data")  # fmt: skip
    for hour, within in ((18.5, True), (36, False), (43, True)):
        begun = {"onset_before": cuts.START + hour * H, "onset_after": cuts.START + (hour - 0.5) * H}
        found = records(*cuts.tables([row, cuts.row("p", **_HILLS, **begun)], nights))
        assert bool(folded(found)) is within, hour


def test_what_is_a_part_of_a_cut_is_not_drawn_closer() -> None:
    kinds, levels = cuts.made_levels(90, {"probing/slash24": (cuts.diurnal(90.0), {})})
    rows = [cuts.row("c"), cuts.row("r", **_HILLS), cuts.row("n", **_at(24 * 20, **_NET), end_before=CUT + 500 * H)]
    parts = [cuts.part(outage=each["outage"]) for each in rows]
    made = connectivity(Signals(kinds, levels, *cuts.tables(rows, parts), cuts.TERMS), ASKED)
    assert made is not None
    assert [zoom.outage for zoom in made.zooms] == ["c", "n"]


def test_closer_shows_what_dates_it_and_what_came_back_first() -> None:
    times = {"onset_after": CUT, "onset_before": CUT + H, "end_before": BACK}
    others = [cuts.part("loss", f"x/{p}", plane=p, **times) for p in ("control", "background", "usage", "service")]
    back = [
        cuts.part("restoration", "x/late", onset_before=CUT + 60 * H, expected=5.0, plane="usage"),
        cuts.part("restoration", "x/early", onset_before=CUT + 50 * H, expected=5.0, plane="usage"),
        cuts.part("restoration", "x/partly", onset_before=CUT + 9 * H, expected=None, plane="usage"),
    ]
    (found,) = records(*cuts.tables([cuts.row()], [*others, cuts.part("occurrence"), *back]))
    lines: Any = dict.fromkeys(part.series for part in found.parts)
    assert signals._near(found, lines) == ("s-probing/slash24", "s-x/control", "s-x/background", "s-x/early")
    del lines["s-x/early"], lines["s-x/late"], lines["s-x/partly"]
    assert signals._near(found, lines)[-1] == "s-x/usage"


# ---- the document ------------------------------------------------------------------------------------------------


def test_a_report_without_signals_says_nothing_of_them(answer: assess.Answer) -> None:
    data = assess.encode(answer.report)
    assert b"connectivity" not in data
    assert assess.decode(data).connectivity is msgspec.UNSET


def test_a_report_with_signals_holds(report: assess.Report, world: Tables, country: Signals) -> None:
    data = assess.encode(report)
    assert assess.encode(assess.decode(data)) == data
    proof = assess.check(data, *world, given=country)
    assert proof.holds, [c for c in proof.checks if not c.holds][:5]
    assert proof.notes == ()
    assert report.terms is not None
    assert report.terms.redistribute == "non-commercial"  # the strictest of all sources


@pytest.mark.parametrize(
    ("path", "value", "number"),
    [
        (("panels", 0, "levels", "low", 30), 1.0, "signal/s-bgp/slash24/bins/low"),
        (("panels", 0, "levels", "missing", 30), 1, "signal/s-bgp/slash24/bins/missing"),
        (("panels", 1, "top"), 1.0, "signal/s-probing/slash24/top"),
        (("outages", 0, "grade"), "confirmed", "outage/o1/grade"),
        (("outages", 0, "end_before"), "2026-09-13T00:00:00Z", "outage/o1/end_before"),
        (("outages", 0, "parts", 1, "depth"), 0.9, "outage/o1/part/1/depth"),
        (("outages", 0, "published", 0, "title"), "Else", "outage/o1/published/c1/title"),
        (("outages", 0, "features", 0, "ratio"), 9.0, "outage/o1/feature/on_the_hour/ratio"),
        (("zooms", 0, "panels", 0, "low", 3), 0.0, "outage/o3/closer/s-probing/slash24/bins/low"),
        (("series",), 99, "connectivity/series"),
    ],
)
def test_a_number_that_was_changed_does_not_hold(
    report: assess.Report, world: Tables, country: Signals, path: tuple[Any, ...], value: Any, number: str
) -> None:
    document = json.loads(assess.encode(report))
    at = document["connectivity"]
    for step in path[:-1]:
        at = at[step]
    assert at[path[-1]] != value
    at[path[-1]] = value
    proof = assess.check(json.dumps(document).encode(), *world, given=country)
    assert [check.number for check in proof.checks if not check.holds] == [number]


def test_what_came_later_is_not_held_against_it(report: assess.Report, world: Tables, country: Signals) -> None:
    later = cuts.series("probing/slash24", cuts.START + timedelta(days=40), input="f" * 64)
    level = {"series": "s-probing/slash24", "time": cuts.START + timedelta(days=40), "value": 1.0, "quality": None,
             "day": "2026-10-11"}  # fmt: skip
    other = country._replace(
        series=pa.concat_tables([country.series, pa.Table.from_pylist([later], schema=country.series.schema)]),
        levels=pa.concat_tables([country.levels, pa.Table.from_pylist([level], schema=country.levels.schema)]),
    )
    proof = assess.check(assess.encode(report), *world, given=other)
    assert proof.holds, [c for c in proof.checks if not c.holds][:5]
    assert proof.notes == ("signals:",)


def test_signals_that_are_gone_are_missed(report: assess.Report, world: Tables, country: Signals) -> None:
    assert not assess.check(assess.encode(report), *world).holds
    fewer = country._replace(levels=country.levels.filter(pc.not_equal(country.levels["series"], "s-bgp/slash24")))
    assert not assess.check(assess.encode(report), *world, given=fewer).holds


def test_a_report_from_before_is_no_lie(answer: assess.Answer, world: Tables, country: Signals) -> None:
    proof = assess.check(assess.encode(answer.report), *world, given=country)
    assert proof.holds
    assert proof.notes == ("signals:",)


def test_what_was_not_looked_for_then_is_no_lie(
    world: Tables, names: Names, inputs: assess.Inputs, country: Signals
) -> None:
    rows, parts, context, missing = signals.nothing("not_detected")
    before = country._replace(outages=rows, parts=parts, context=context, missing=missing)
    report = assess.build(*world, assess.Question(country="XA"), LIMITS, names, inputs, None, before).report
    assert drawn(report).missing == "not_detected"
    assert drawn(report).outages == ()
    for given_, notes in ((before, ()), (country, ("signals:",))):
        proof = assess.check(assess.encode(report), *world, given=given_)
        assert proof.holds
        assert proof.notes == notes


def test_a_country_of_which_nothing_was_measured(names: Names, inputs: assess.Inputs, country: Signals) -> None:
    empty = (VERDICTS.empty_table(), FIRED.empty_table(), COVERAGE.empty_table())
    made = assess.build(*empty, assess.Question(country="XA"), LIMITS, names, inputs, None, country).report
    assert (made.measurements, made.period.first, made.period.last) == (0, "2026-09-01", "2026-09-30")
    assert (made.period.tested, len(made.period.silent)) == ((), 30)
    assert assess.check(assess.encode(made), *empty, given=country).holds
