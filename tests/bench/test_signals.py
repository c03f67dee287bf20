"""Law: a simulated world of signals is a function of its seed, and its truth is what its levels hold."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from signals import kinds, levels, places, script
from signals.calibrate import measured
from signals.nuisances import Streams
from signals.tables import as_tables
from signals.world import SimSeries, Truth, World, world

from clampdown.model import CONNECTIVITY
from clampdown.model_signals import PLANES

ALL = tuple(kinds.BY_NAME)
CALM = ("diurnal", "weekly")


def cut_world(*arms: str, seed: int = 3, **more: Any) -> World:
    rates = dict.fromkeys(set(arms) - {"dst"}, 6.0)
    return world(seed, "report", 0.5, 2, *CALM, *arms, rates=rates, signals=ALL, **more)


def bins(one: SimSeries, start: datetime, end: datetime) -> slice:
    step = timedelta(seconds=one.step)
    return slice(-((one.start - start) // step), (end - one.start) // step)


def twin(made: World, one: SimSeries) -> np.ndarray:
    """The same series in the same world without cuts."""
    return _quiet(made.seed, made.days).of(one.entity, one.signal).values


@cache
def _quiet(seed: int, days: int) -> World:
    return world(seed, "report", days / 365, 2, *CALM, signals=ALL)


def test_same_seed_same_world_and_another_seed_another() -> None:
    first, again, other = (world(seed, "report", 0.2, 2, signals=ALL) for seed in (1, 1, 2))
    assert [t.name for t in first.truth] == [t.name for t in again.truth]
    assert first.nuisances == again.nuisances
    for a, b in zip(first.series, again.series, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
    assert any(len(a.values) != len(b.values) or not np.array_equal(a.values, b.values, equal_nan=True)
               for a, b in zip(first.series, other.series, strict=False))  # fmt: skip


def test_the_families_are_different_draws() -> None:
    one, two = (world(1, family, 0.1, 1, *CALM) for family in ("tuning", "report"))
    assert not np.array_equal(one.series[0].values, two.series[0].values)
    for kind in kinds.KINDS:
        wider = kinds.of_family(kind, "report")
        assert wider != kinds.of_family(kind, "tuning")
        assert wider.noise[1] >= kind.noise[1]


def test_an_arm_that_is_off_leaves_the_rest() -> None:
    whole = world(1, "tuning", 0.3, 2, *script.QUIET)
    less = world(1, "tuning", 0.3, 2, *(script.QUIET - {"source-failure", "spikes"}))
    assert [n for n in whole.nuisances if n.kind not in ("source-failure", "spikes")] == list(less.nuisances)
    assert len(less.nuisances) < len(whole.nuisances)
    assert not less.truth
    bgp = [np.array_equal(a.values, b.values, equal_nan=True) for a, b in zip(whole.series, less.series, strict=True)]
    assert not all(bgp)
    kept = [one for one, same in zip(whole.series, bgp, strict=True) if same]
    failing = {n.signal for n in whole.nuisances if n.kind == "source-failure"}
    assert {one.signal for one in kept} >= {one.signal for one in whole.series} - failing - {"google/search"}


def test_unknown_arms_and_too_many_countries_are_refused() -> None:
    with pytest.raises(ValueError, match="no arm"):
        world(1, "tuning", 0.1, 1, "flood")
    with pytest.raises(ValueError, match="countries"):
        world(1, "tuning", 0.1, 1000)


LOST = [
    # arm, planes that must lose about what the truth says, planes that must not move
    ("national-90-2h", ("data", "usage"), ()),
    ("national-50-6h", ("data", "usage"), ()),
    ("throttling", ("usage",), ("data", "control", "background")),
]


@pytest.mark.parametrize(("arm", "hit", "still"), LOST, ids=[case[0] for case in LOST])
def test_levels_hold_what_the_truth_says(arm: str, hit: tuple[str, ...], still: tuple[str, ...]) -> None:
    made = cut_world(arm)
    true = [one for one in made.truth if one.entity_kind == "country"]
    assert len(true) >= 2
    for one in true:
        assert one.kind == arm
        assert one.start >= made.start + timedelta(days=script.LEARNING - 1)
        for series in (s for s in made.series if s.entity == one.entity and s.step <= 1800):
            inside = bins(series, one.start + timedelta(minutes=30), one.end)
            left = np.nanmean(series.values[inside]) / np.nanmean(twin(made, series)[inside])
            if series.plane in hit:
                assert 1 - left == pytest.approx(one.loss[series.plane], abs=0.08)
            if series.plane in still:
                assert series.plane not in one.planes
                np.testing.assert_array_equal(series.values[inside], twin(made, series)[inside])


def test_outside_of_cuts_nothing_is_lost() -> None:
    made = cut_world("national-90-2h", "partial", "power")
    for series in (s for s in made.series if s.plane in ("control", "data")):
        touched = np.zeros(len(series.values), dtype=bool)
        for one in (t for t in made.truth if t.entity == series.entity):
            touched[bins(series, one.start - timedelta(hours=1), one.back + timedelta(hours=1))] = True
        np.testing.assert_allclose(series.values[~touched], twin(made, series)[~touched], rtol=0.006, atol=1.0)


def test_parts_and_their_country() -> None:
    made = cut_world("partial", "power", seed=4)
    by_name: dict[str, list[Truth]] = {}
    for one in made.truth:
        by_name.setdefault(one.name, []).append(one)
    assert by_name
    for name, struck in by_name.items():
        kinds_ = sorted(one.entity_kind for one in struck)
        assert kinds_ in (["country", "network"], ["country", "region"]), name
        country = next(one for one in struck if one.entity_kind == "country")
        part = next(one for one in struck if one.entity_kind != "country")
        weight = next(place.weight for place in made.places if place.entity == part.entity)
        assert country.loss["data"] == pytest.approx(part.loss["data"] * weight)


def test_a_long_cut_keeps_its_routes_and_lets_one_service_through() -> None:
    made = cut_world("long", seed=5)
    one = next(t for t in made.truth if t.entity_kind == "country")
    bgp, google = made.of(one.entity, "bgp/slash24"), made.of(one.entity, "google/search")
    late = bins(bgp, one.start + timedelta(hours=30), one.end)
    np.testing.assert_array_equal(bgp.values[late], twin(made, bgp)[late])
    whole = bins(google, one.start, one.end)
    share = google.values[whole] / twin(made, google)[whole]
    assert share[1 : len(share) // 4].max() < 0.3
    assert share[-len(share) // 4 :].min() > 0.7


def test_recurring_cuts_keep_to_the_local_clock() -> None:
    made = cut_world("exams", "nightly", "dst", seed=2)
    for one in (t for t in made.truth if t.entity_kind == "country"):
        zone = next(c.zone for c in places.COUNTRIES if c.code == one.country)
        ahead = places.offsets(zone, made.start.date(), made.days)[int(made.minute(one.start) // 60)]
        local = one.start + timedelta(minutes=int(ahead))
        assert local.minute in (0, 30)
        assert (4.5 <= local.hour + local.minute / 60 < 8) if one.kind == "exams" else local.hour < 2
        assert len(one.spans) >= 5


def test_a_telescope_is_missing_from_the_onset_on() -> None:
    made = cut_world("blind", seed=6)
    one = next(t for t in made.truth if t.entity_kind == "country")
    held = made.of(one.entity, "telescope/sources")
    assert np.isnan(held.values[bins(held, one.start + timedelta(hours=2), one.end)]).all()
    assert not np.isnan(held.values[bins(held, one.start - timedelta(hours=2), one.start)]).any()


def test_a_source_fails_for_all_at_once() -> None:
    made = world(2, "tuning", 0.5, 3, *CALM, "source-failure", rates={"source-failure": 8.0})
    one = next(n for n in made.nuisances if n.signal == "probing/slash24" and n.end - n.start > 60)
    for series in (s for s in made.series if s.signal == one.signal):
        begin, end = (made.start + timedelta(minutes=at) for at in (one.start, one.end))
        inside = series.values[bins(series, begin, end)]
        before = np.median(series.values[bins(series, begin - timedelta(hours=6), begin)])
        assert (inside < 0.6 * before).all()
    assert not made.truth


def test_losses_are_means_over_bins() -> None:
    clock = levels.Clock(3600, 2, np.zeros(48, dtype=int), 0, frozenset())
    where, share = levels.lost(clock, [(90.0, 210.0)], 0.0, 0.0, 0.8) or (slice(0), np.empty(0))
    assert (where.start, where.stop) == (1, 4)
    assert share == pytest.approx([0.4, 0.8, 0.4])
    daily = levels.Clock(86_400, 2, np.zeros(48, dtype=int), 0, frozenset())
    where, share = levels.lost(daily, [(600.0, 960.0)], 0.0, 0.0, 0.9) or (slice(0), np.empty(0))
    assert share == pytest.approx([0.225], abs=0.01)


def test_disturbances() -> None:
    clock = levels.Clock(3600, 3, np.zeros(72, dtype=int), 0, frozenset())
    level = np.full(72, 100.0)
    one = script.Nuisance
    levels.disturbed(clock, level, [one("shifts", 600, 600, size=np.log(0.7)), one("missing", 1200, 1320),
                                    one("bad-bins", 3000, 3000, size=-np.inf)])  # fmt: skip
    assert level[9] == 100
    assert level[10] == pytest.approx(70)
    assert np.isnan(level[20:22]).all()
    assert np.isnan(level).sum() == 2
    assert level[50] == 0
    assert level[51] == pytest.approx(70)


def test_local_time_changes_where_it_does() -> None:
    berlin = places.offsets("Europe/Berlin", date(2023, 1, 1), 365)
    assert set(berlin.tolist()) == {60, 120}
    assert np.flatnonzero(np.diff(berlin)).tolist() == [84 * 24, 301 * 24]
    assert set(places.offsets("Europe/Berlin", date(2023, 1, 1), 365, summer=False).tolist()) == {60}
    assert places.offsets("Asia/Yangon", date(2023, 1, 1), 2)[0] == 390
    tehran = places.offsets("Asia/Tehran", date(2022, 1, 1), 365)
    assert (tehran[200 * 24], tehran[-1]) == (270, 210)


def test_quiet_series_look_like_the_measured_ones() -> None:
    made = world(1, "tuning", 1 / 12, 12, *script.SHAPES, signals=("google/search",), regions=0, networks=0)
    rows = [measured(one.values, 48) for one in made.series]
    middle = {name: float(np.median([row[name] for row in rows])) for name in rows[0]}
    assert 1.0 < middle["trough to peak"] < 2.3
    assert 0.03 < middle["MAD"] < 0.09
    assert 0.8 < middle["lag 1"] < 0.96


def test_streams_are_named() -> None:
    streams = Streams(1, 2)
    assert streams.of("a", 1).random() == streams.of("a", 1).random() != streams.of("b", 1).random()


def test_tables_are_in_the_models_columns() -> None:
    made = world(1, "report", 0.06, 2, *CALM, "missing", signals=ALL, rates={"missing": 60.0})
    days, series = as_tables(made)
    held = list(days)
    assert series.schema == CONNECTIVITY["series"]
    assert set(series["plane"].to_pylist()) <= set(PLANES)
    assert [name for name, _ in held] == sorted({row["day"] for row in series.to_pylist()})
    whole = pa.concat_tables(table for _, table in held)
    assert whole.schema == CONNECTIVITY["signals"]
    assert whole.num_rows - whole["value"].null_count == sum(int((~np.isnan(one.values)).sum()) for one in made.series)
    assert 0 < whole["value"].null_count < sum(int(np.isnan(one.values).sum()) for one in made.series)
    names = {(row["entity"], row["signal"]): row["series"] for row in series.to_pylist()}
    assert len(set(names.values())) == len(made.series)
    one = made.of(made.places[0].entity, "google/search")
    rows = whole.filter(pc.equal(whole["series"], names[one.entity, one.signal])).drop_null()
    rows = whole.filter(pc.and_(pc.equal(whole["series"], names[one.entity, one.signal]), pc.is_valid(whole["value"])))
    first = int(np.flatnonzero(~np.isnan(one.values))[0])
    assert rows["value"][0].as_py() == one.values[first]
    assert rows["time"][0].as_py() == one.start + first * timedelta(seconds=one.step)
    tor = [row["series"] for row in series.to_pylist() if row["signal"] == "tor/relay-users"]
    told = whole.filter(pc.is_valid(whole["quality"]))
    assert set(told["series"].to_pylist()) == set(tor)
