"""Law: a place is told among those measured; who is below a floor, or untested, has none, in any form."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given as each
from hypothesis import settings
from hypothesis import strategies as st

from clampdown.assess import rank_document as doc
from clampdown.assess.components import lists_of
from clampdown.assess.hours import Cut, Cuts, cuts_of, lost
from clampdown.assess.placing import ranks
from clampdown.assess.rank_answer import build
from clampdown.assess.rank_cells import digests, tally, thinned
from clampdown.assess.rank_limits import load_terms, read_weights, weights_of
from clampdown.engine import Engine
from clampdown.errors import Error, InputError, RuleError, UsageError
from clampdown.publish import rank as out
from clampdown.publish.rank_page import page

sys.path.insert(0, str(Path(__file__).parent))
import countries as w
from countries import NO_PLACE, by_code


@pytest.fixture(scope="module")
def ranked() -> doc.Rank:
    made = w.terms(priors=True)
    return build(w.given(w.world(), made), w.question(), made)


# ---- from cells to tries -------------------------------------------------------------------------------------------

TALLIES: list[tuple[str, list[dict[str, Any]], tuple[int, int, int]]] = [
    ("two vantage points, an hour each", [w.row(n_ok=1), w.row(vantage="v2", n_blocked=1)], (2, 1, 0)),
    ("many rows of one hour are one try", [w.row(n_blocked=900), w.row(vantage="v2", n_ok=1)], (2, 1, 0)),
    ("two tests in one hour that agree", [w.row(n_blocked=1), w.row(n_blocked=1, test="telegram"),
                                          w.row(vantage="v2", n_ok=1)], (2, 1, 0)),
    ("mixed within an hour is no hit", [w.row(n_blocked=1), w.row(n_ok=1, test="telegram"),
                                        w.row(vantage="v2", n_ok=1)], (2, 0, 0)),
    ("throttled is a hit of its own", [w.row(n_throttled=1), w.row(vantage="v2", n_ok=1)], (2, 0, 1)),
    ("refused and down decide nothing", [w.row(n_refused=1), w.row(hour=2, n_down=1), w.row(n_ok=1, hour=3),
                                         w.row(vantage="v2", n_ok=1)], (2, 0, 0)),
    ("unknown and invalid are no try", [w.row(n_unknown=1), w.row(hour=2, n_invalid=1), w.row(hour=3, n_ok=1),
                                        w.row(vantage="v2", n_ok=1)], (2, 0, 0)),
    ("layers are not counted beside the whole", [w.row(n_blocked=1, layer="dns"), w.row(n_ok=1),
                                                 w.row(vantage="v2", n_ok=1)], (2, 0, 0)),
    ("one vantage point counts five times", [*(w.row(hour=h, n_blocked=1) for h in range(20)),
                                             w.row(vantage="v2", n_ok=1)], (6, 5, 0)),
    ("of ten tries, four hits: two of five", [
        *(w.row(hour=h, **{"n_blocked" if h < 4 else "n_ok": 1}) for h in range(10)), w.row(vantage="v2", n_ok=1),
    ], (6, 2, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "wanted"), [case[1:] for case in TALLIES], ids=[case[0] for case in TALLIES])
def test_a_unit_is_one_vantage_point_in_one_hour(rows: list[dict[str, Any]], wanted: tuple[int, int, int]) -> None:
    made = w.tallied(rows, w.terms())
    assert (made.tried.sum(), made.blocked.sum(), made.throttled.sum()) == wanted


@settings(max_examples=12, deadline=None)
@each(st.integers(1, 300), st.booleans())
def test_one_vantage_point_cannot_outweigh_the_others(forged: int, known: bool) -> None:
    """Forged rows of one vantage point: on a network that nobody else is heard from they count for nothing; on any
    other for no more than its cap a target."""
    made = w.terms()
    quiet = [row for n in range(3) for row in w.country("KE", targets=w.TARGETS[:4], hours=1) if n == 0]
    network = quiet[0]["network"] if known else 99999
    lies = [
        w.row(country="KE", network=network, vantage="liar", hour=n % 24, day=f"2026-03-{1 + n // 24:02}", n_blocked=1)
        for n in range(forged)
    ]
    before, after = w.tallied(quiet, made), w.tallied([*quiet, *lies], made)
    assert after.blocked.sum() <= (made.limits.tries_per_vantage if known else 0)
    assert after.tried.sum() - before.tried.sum() == after.blocked.sum()
    assert after.left_out.sum() == (0 if known else 1)


def test_the_order_of_rows_does_not_matter() -> None:
    made, rows = w.terms(), w.world()
    one, other = w.tallied(rows, made), w.tallied(rows[::-1], made)
    assert digests(one) == digests(other)
    assert all(np.array_equal(a, b) for a, b in zip(one[3:], other[3:], strict=True))


def test_a_network_of_two_countries_is_two() -> None:
    rows = [w.row(country=c, vantage=v, n_ok=1) for c in ("KE", "UG") for v in ("a", "b")]
    made = w.tallied(rows, w.terms())
    assert (len(made.networks), made.owner.tolist(), made.networks.tolist()) == (2, [0, 1], [64500, 64500])


@pytest.mark.parametrize("rows", [[w.row(n_unknown=1)], [w.row(n_invalid=3)], [w.row(network=None, n_ok=1)]])
def test_a_country_where_nothing_was_decided_is_not_untested(rows: list[dict[str, Any]]) -> None:
    made = w.terms()
    found = by_code(build(w.given([*w.world(), *({**row, "country": "SE"} for row in rows)], made), w.question(), made))
    assert (found["SE"].state, found["SE"].reason) == ("not_enough_data", "few_vantage_points")
    assert found["DK"].state == "untested"


def test_nothing_at_all_is_an_answer() -> None:
    made = w.terms()
    found = build(w.given([], made, frame=("SE", "DK")), w.question(), made)
    assert {one.state for one in found.countries} == {"untested"}
    assert found.about.ranked == 0
    assert page(found)
    assert list(out.text(found))


def test_thinning_takes_from_those_with_many() -> None:
    made = w.tallied([*w.country("KE", hours=1), *w.country("UG", targets=w.TARGETS[:2], hours=1)], w.terms())
    common = np.ones(len(made.targets), bool)
    keep, some = thinned(made, 20, common, 100)
    assert some.all()
    assert keep[made.country == 1].all()
    assert keep[made.country == 0].sum() == 10
    assert thinned(made, 1000, common, 5)[0].all()
    keep, some = thinned(made, 20, common, 10)
    assert some.sum() == 10
    assert set(np.unique(made.target[keep])) <= set(np.flatnonzero(some))
    assert (keep[made.country == 0].sum(), keep[made.country == 1].sum()) == (10, 2)


def test_the_common_list_is_what_several_countries_tried() -> None:
    own = w.country("KE", targets=(*w.TARGETS, "web/only-here.example"))
    made = w.terms()
    found = w.tallied([*w.world(), *own], made)
    lists = lists_of(found, w.TABLE, made)
    names = [name for name, common in zip(found.targets, lists.common, strict=True) if common]
    assert set(names) == set(w.TARGETS)
    assert {found.targets[i] for i in np.flatnonzero(lists.parts["platforms"])} == {
        "telegram/app", "telegram/web", "twitter/web", "facebook/web", "youtube/web",
    }  # fmt: skip


# ---- places --------------------------------------------------------------------------------------------------------


def test_the_order_is_that_of_what_is_blocked(ranked: doc.Rank) -> None:
    places = {one.country: one.rank for one in ranked.countries if one.state == "ranked"}
    assert sorted(places, key=lambda code: places[code] or 0.0) == ["CN", "IR", "RU", "TR", "IN", "KE", "FI", "NO"]
    for one in ranked.countries[:8]:
        assert one.rank is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low - 0.1 <= one.rank <= one.high + 0.1
        assert {prior.prior for prior in one.priors} == {"milder", "harsher"}
        assert one.band_low is not None
        assert one.band_high is not None
        assert one.band_low <= one.rank <= one.band_high


def test_who_is_below_a_floor_has_no_place_and_a_reason(ranked: doc.Rank) -> None:
    found = by_code(ranked)
    assert {code: found[code].reason for code in NO_PLACE} == NO_PLACE
    for code in NO_PLACE:
        one = found[code]
        assert (one.rank, one.low, one.high, one.top, one.top_least, one.band_low) == (None,) * 6
        assert all(part.mean is None and part.reason for part in one.components)
    assert [one.country for one in ranked.countries[-2:]] == ["DK", "SE"]
    assert set(ranked.about.without) == set(NO_PLACE)


def test_who_was_not_measured_may_be_worse(ranked: doc.Rank) -> None:
    """Five without a place: only the five worst are surely among the ten worst, whatever those are."""
    chances = [one.top_least for one in ranked.countries[:8]]
    assert chances[:5] == pytest.approx([1.0] * 5, abs=0.05)
    assert chances[5:] == pytest.approx([0.0] * 3, abs=0.05)
    assert {one.top for one in ranked.countries} == {None}  # among eight all are


@pytest.mark.parametrize(("top", "told"), [(5, (True, True)), (8, (False, True)), (12, (False, True)),
                                           (13, (False, False)), (20, (False, False))])  # fmt: skip
def test_among_no_more_than_ten_no_chance_is_told(top: int, told: tuple[bool, bool]) -> None:
    """Eight are ranked, of thirteen in the frame: where all must be among the worst, that tells nothing of anyone."""
    made = w.terms(top=top)
    found = build(w.given(w.world(), made), w.question(), made)
    assert {(one.top is not None, one.top_least is not None) for one in found.countries[:8]} == {told}
    row = next(csv.DictReader(io.StringIO(b"".join(out.csv(found)).decode())))
    assert (row["probability_top"] != "", row["probability_top_least"] != "") == told
    html = page(found).decode()
    assert ("worst of those measured</dt>" in html, "country without a place were worse</dt>" in html) == told
    line = next(line for line in out.text(found) if line.startswith("1.0"))
    assert (line.count("99%") + line.count("1%") > 0) or not told[1]


def test_a_place_that_is_too_wide_is_withheld() -> None:
    made = w.terms(widest=0.0, top=3)
    cuts = {k: {c: Cuts(6.0, (), 0) for c in ("NO", "FI", "KE", "IN", "TR", "RU", "IR", "CN")} for k in
            ("shutdown", "outage")}  # fmt: skip
    found = build(w.given(w.world(), made, cuts=cuts), w.question(), made)
    wide = [one for one in found.countries if one.state == "withheld"]
    assert wide
    assert {(one.rank, one.top, one.top_least, one.band_low, one.changes, one.priors, one.reason) for one in wide} == {
        (None, None, None, None, (), (), "too_wide")
    }
    assert all(one.top is not None for one in found.countries if one.state == "ranked")
    assert all(one.low is not None for one in wide)  # the interval is why
    lines = list(out.text(found))
    assert any(line.startswith("place withheld") for line in lines)
    html = page(found).decode()
    assert html.count('class="point" cx="') - 1 == sum(one.state == "ranked" for one in found.countries)


def test_few_countries_have_no_places() -> None:
    made = w.terms(common_countries=2)
    rows = [*w.country("KE", w.TARGETS[:4]), *w.country("UG"), *w.country("TZ")]
    found = build(w.given(rows, made), w.question(), made)
    assert {(one.state, one.reason, one.rank, one.low) for one in found.countries if one.components} == {
        ("withheld", "few_countries", None, None)
    }
    assert found.countries[0].components[0].mean is not None  # components are told all the same


def test_a_measured_country_outside_the_frame_is_said_and_not_ranked(ranked: doc.Rank) -> None:
    made = w.terms()
    given = w.given(w.world(), made, frame=("NO", "FI", "KE", "IN", "TR", "RU", "SE"))
    found = by_code(build(given, w.question(), made))
    assert found["CN"].state == "outside_frame"
    assert found["CN"].rank is None
    assert found["RU"].rank == pytest.approx(1.0, abs=0.1)


def test_a_country_without_data_changes_no_place(ranked: doc.Rank) -> None:
    made = w.terms()
    more = build(w.given(w.world(), made, also=("SE", "IS"), frame=(*ranked.about.frame, "IS")), w.question(), made)
    assert {o.country: (o.rank, o.low, o.high) for o in more.countries if o.country != "IS"} == {
        o.country: (o.rank, o.low, o.high) for o in ranked.countries
    }


def test_the_same_data_give_the_same_bytes(ranked: doc.Rank) -> None:
    made = w.terms(priors=True)
    again = build(w.given(w.world()[::-1], made), w.question(), made)
    assert doc.encode(again) == doc.encode(ranked)
    assert page(again) == page(ranked)


# ---- a tiny example by hand ----------------------------------------------------------------------------------------


def by_hand(cells: Any, countries: int, common: Any, **asked: Any) -> Any:
    """Instead of the model: two draws, alike: country n blocks n 64ths of every list, of the second the other way."""
    base = np.array([np.arange(countries)] * 2) / 64
    parts = np.stack([base, base[:, ::-1], *([base] * (len(asked["parts"]) - 2))])
    return SimpleNamespace(parts=parts, agree=1.0)


def test_a_tiny_example_by_hand() -> None:
    """Five countries, A to E; breadth 0 to 4 64ths, platforms the other way round. With the same
    weight everybody is in the middle; with all weight on one, its order is the place."""
    made = w.terms(countries=2)
    rows = [row for code in ("AA", "BB", "CC", "DD", "EE") for row in w.country(code)]
    kinds = {kind.id: kind for kind in made.components}
    made = doc.msgspec.structs.replace(made, components=(kinds["breadth"], kinds["platforms"]))
    for weights, places, band in (
        ({"breadth": 1.0, "platforms": 0.0}, (5.0, 4.0, 3.0, 2.0, 1.0), (5.0, 5.0)),
        ({"breadth": 0.0, "platforms": 1.0}, (1.0, 2.0, 3.0, 4.0, 5.0), (1.0, 1.0)),
        ({"breadth": 1.0, "platforms": 1.0}, (3.0, 3.0, 3.0, 3.0, 3.0), (1.0, 5.0)),
    ):
        given = w.given(rows, made, weights=weights, frame=("AA", "BB", "CC", "DD", "EE"))
        found = by_code(build(given, w.question(), made, fit=by_hand))
        assert tuple(found[code].rank for code in ("AA", "BB", "CC", "DD", "EE")) == places
        assert (found["AA"].band_low, found["AA"].band_high) == band
    # Twice the weight on breadth: A, with the least of it, is last; without it, first.
    changes = {c.change: c.rank for c in found["AA"].changes}
    assert changes == {
        "double:breadth": 5.0, "half:breadth": 1.0, "without:breadth": 1.0,
        "double:platforms": 1.0, "half:platforms": 5.0, "without:platforms": 5.0,
    }  # fmt: skip


# ---- hours ---------------------------------------------------------------------------------------------------------


def outage(**other: Any) -> dict[str, Any]:
    from datetime import datetime

    base = {
        "outage": "o1", "kind": "shutdown", "grade": "corroborated", "country": "KE", "entity_kind": "country",
        "network": None, "onset_before": datetime(2026, 3, 1), "end_before": datetime(2026, 3, 3), "end_after": None,
        "last_seen": datetime(2026, 3, 3), "lost_hours": 40.0, "occurrences": 1,
    }  # fmt: skip
    return base | other


def test_hours_lost_by_hand() -> None:
    """One cut of 40 hours in 12 months, a prior of a quarter of a cut in 12 months and of 12 hours worth two cuts:
    (0.25 + 1) / 24 cuts a month, of (2 x 12 + 40) / 3 hours."""
    cuts = [Cuts(12.0, (Cut("o", 40.0, 1),), 0), Cuts(12.0, (), 0), Cuts(120.0, (), 0)]
    draws = lost(cuts, prior_cuts=0.25, prior_months=12, prior_hours=12, draws=40_000, seed=1)
    wanted = [1.25 / 24 * 64 / 3, 0.25 / 24 * 12, 0.25 / 132 * 12]
    assert draws.mean(axis=0) == pytest.approx(wanted, rel=0.08)


def test_which_cuts_count() -> None:
    from datetime import datetime

    rows = [
        outage(),
        outage(outage="inside", entity_kind="network", network=64500, onset_before=datetime(2026, 3, 2)),
        outage(outage="weighed", entity_kind="network", network=64500, onset_before=datetime(2026, 2, 1),
               end_before=datetime(2026, 2, 2), lost_hours=10.0),
        outage(outage="unweighed", entity_kind="network", network=64501, onset_before=datetime(2026, 2, 1)),
        outage(outage="region", entity_kind="region", onset_before=datetime(2026, 2, 1)),
        outage(outage="accident", kind="outage"),
        outage(outage="weak", grade="insufficient"),
        outage(outage="elsewhere", country="UG"),
    ]  # fmt: skip
    found = cuts_of(rows, "shutdown", {"KE": 61, "TZ": 61}, {("KE", 64500): 0.25})
    assert set(found) == {"KE", "TZ"}
    assert (found["KE"].hours, found["KE"].n, found["KE"].narrower) == (42.5, 1, 2)
    assert (found["TZ"].hours, found["TZ"].n) == (0.0, 0)
    half = cuts_of(rows, "shutdown", {"KE": 61}, {}, since=datetime(2026, 3, 2))
    assert half["KE"].hours == pytest.approx(20.0)


def test_signals_of_everybody_do_not_crowd_out_the_blocking() -> None:
    made = w.terms()
    names = [*w.load_reference().countries][:60]
    cuts = {kind: {code: Cuts(6.0, (), 0) for code in names} for kind in ("shutdown", "outage")}
    given = w.given(w.world(), made, cuts=cuts, also=names)
    found = build(given, w.question(), made)
    used = {one.component: one.reason for one in found.about.components if one.used}
    assert "breadth" in used
    assert "shutdowns" not in used  # of those with cells, few have signals
    silent = next(one for one in found.countries if one.country == names[0])
    assert silent.state == "not_enough_data"
    assert silent.rank is None


def test_who_was_measured_and_has_no_signals_is_not_untested() -> None:
    made = w.terms()
    cuts = {kind: {"SE": Cuts(6.0, (), 0)} for kind in ("shutdown", "outage")}
    asked = doc.msgspec.structs.replace(
        made, components=tuple(kind for kind in made.components if kind.saw == "shutdown")
    )
    given = w.given(w.world(), asked, cuts=cuts, also=("SE",))
    found = by_code(build(given, w.question(components=("shutdowns",)), asked, asked=True))
    assert (found["KE"].state, found["KE"].reason) == ("not_enough_data", "no_signals")
    assert (found["DK"].state, found["DK"].reason) == ("untested", "no_data")


# ---- weights -------------------------------------------------------------------------------------------------------


def test_weights() -> None:
    made = load_terms()
    assert weights_of(made)["breadth"] == 1.0
    assert {k: v for k, v in weights_of(made, ("news",)).items() if v} == {"news": 1.0}
    assert {k: v for k, v in weights_of(made, (), {"news": 3}).items() if v} == {"news": 3}
    for chosen, given in ((("nothing",), None), ((), {"nothing": 1.0}), ((), {"news": 0.0})):
        with pytest.raises(UsageError):
            weights_of(made, chosen, given)
    assert read_weights(b"[weights]\nbreadth = 2\n", "w") == {"breadth": 2.0}
    for data in (b"breadth = -1", b"breadth = 'much'", b"\xff", b"="):
        with pytest.raises(InputError):
            read_weights(data, "w")


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0, True, "2", None, 1e7])
def test_a_weight_is_a_number_wherever_it_comes_from(weight: Any) -> None:
    made = load_terms()
    with pytest.raises(UsageError, match="breadth"):
        weights_of(made, (), {"breadth": weight})
    kinds = tuple(
        doc.msgspec.structs.replace(kind, weight=weight) if kind.id == "breadth" else kind for kind in made.components
    )
    with pytest.raises(RuleError, match="breadth"):
        weights_of(doc.msgspec.structs.replace(made, components=kinds))


def test_ranks_of_equals_share_their_place() -> None:
    assert ranks(np.array([[3.0, 1.0, 1.0, 0.0]])).tolist() == [[1.0, 2.5, 2.5, 4.0]]


def test_errors_speak_to_the_person() -> None:
    with pytest.raises(Error):
        load_terms(b"[limits]\n")


def test_engine_takes_an_empty_table() -> None:
    found = tally(Engine(), w.table([]), cap=5, floor=2)
    assert found.countries == ()
