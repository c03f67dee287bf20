"""Law: the rules of others do on hand-made series what is published of them; scores count as their rules say."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from signals import peers
from signals.score import Found, found_in, score
from signals.world import Place, Truth, World

HALF, DAY = 1800, 48
START = datetime(2023, 1, 2)


def flat(days: int, level: float = 100.0) -> np.ndarray:
    return np.full(days * DAY, level)


def fallen(days: int, first: int, last: int, left: float) -> np.ndarray:
    values = flat(days)
    values[first:last] *= left
    return values


@pytest.mark.parametrize(
    ("values", "strictness", "wanted"),
    [
        ([1, 3, 3, 1], 2.0, [(1, 3)]),
        ([1, 3, np.nan, 3, 1], 2.0, [(1, 4)]),  # missing leaves it as it is
        ([1, np.nan, 1, 3], 2.0, [(3, 4)]),
        ([np.nan, 3, np.nan], 2.0, [(1, 3)]),
        ([3, 1, 3], 2.0, [(0, 1), (2, 3)]),
        ([1, 1], 2.0, []),
    ],
)
def test_events_are_runs(values: list[float], strictness: float, wanted: list[tuple[int, int]]) -> None:
    assert peers.events(np.array(values, dtype=float), strictness) == wanted


def test_joined() -> None:
    assert peers.joined([(0, 2), (3, 5), (9, 10)], 2) == [(0, 5), (9, 10)]


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(1, 100)), min_size=1, max_size=80), st.integers(1, 30))
def test_the_running_median_is_the_median_of_the_bins_before(values: list[float], window: int) -> None:
    found = peers.medians(np.array(values), window)
    for place, got in enumerate(found):
        past = [v for v in values[max(0, place - window) : place] if v == v]
        if len(past) >= min(peers.LEAST, window):
            assert got == pytest.approx(np.median(past))
        else:
            assert np.isnan(got)


def ioda(signal: str, index: int = 0) -> peers.Rule:
    return peers.rules_for(signal)[index]


def test_iodas_factors_fire_where_they_should() -> None:
    """A shallow dip of routes warns and is never critical; a deep fall of the addresses is both."""
    dip, deep = fallen(12, 400, 440, 0.87), fallen(12, 400, 440, 0.07)
    for signal, values, wanted in (("bgp/slash24", dip, (1, 0)), ("probing/slash24", deep, (1, 1))):
        rule = ioda(signal)
        assert tuple(len(rule(values, HALF, START, own)) for own in rule.own) == wanted
        assert rule(values, HALF, START, rule.own[0])[0][0] == 400


def test_a_short_memory_closes_early_and_inpainting_keeps_it_open() -> None:
    """What 24 hours learn: 87 % is taken for normal after half a day, 50 % is painted over for seven days."""
    bgp, plain = ioda("bgp/slash24"), ioda("bgp/slash24", 1)
    shallow, deep = fallen(20, 480, 720, 0.87), fallen(20, 480, 720, 0.5)
    assert bgp(shallow, HALF, START, bgp.own[0]) == [(480, 505)]
    assert plain(deep, HALF, START, bgp.own[0]) == [(480, 505)]
    assert bgp(deep, HALF, START, bgp.own[0]) == [(480, 720)]
    long = fallen(40, 480, 1800, 0.5)
    first, end = bgp(long, HALF, START, bgp.own[0])[0]
    assert first == 480
    assert 480 + 7 * DAY < end < 480 + 8 * DAY + 2


def rhythm(days: int, seed: int = 1) -> np.ndarray:
    at = np.arange(days * DAY)
    noise = np.random.default_rng(seed).normal(0, 0.03, len(at))
    return 100 * np.exp(noise - 0.9 * (1 + np.cos(2 * np.pi * at / DAY)))


@pytest.mark.parametrize("rule", [peers.WEEKLY, peers.NEAREST], ids=lambda r: r.name)
def test_rules_with_a_rhythm_see_what_a_flat_median_cannot(rule: peers.Rule) -> None:
    """Half of the traffic is lost at noon: still above the night."""
    quiet, cut = rhythm(42), rhythm(42)
    first = 40 * DAY + 24
    cut[first : first + 8] *= 0.5
    for one, sees in ((rule, True), (peers.FLAT[1], False)):
        strictness = float(np.nanmax(one.score(quiet, HALF)))
        found = one(cut, HALF, START, strictness)
        assert bool(found) == sees
        if sees:
            assert first <= found[0][0] <= first + 1


def test_the_classical_detector_of_tor() -> None:
    rng = np.random.default_rng(2)
    table = rng.poisson(5000 * np.exp(rng.normal(0, 0.02, (60, 100)))).astype(float)
    mine = table[0].copy()
    mine[50:55] *= 0.1
    at = peers.danezis(table)
    assert peers.events(at(table[0], 86_400), 1.0) == []
    assert peers.events(at(mine, 86_400), 1.0) == [(50, 55)]
    # A surge poisons it: a week later the return to normal is called censorship.
    surge = table[0].copy()
    surge[50:57] *= 10
    assert (57, 64) in peers.events(at(surge, 86_400), 1.0)
    assert np.isnan(peers.danezis(table[:7])(mine, 86_400)).all()  # too few countries


# What counts as found, and what as false.


def small(*truth: Truth) -> World:
    places = (Place("XA", "country", "XA", 0, 0), Place("XA/West", "region", "XA", 0, 0, 0.3))
    return World(1, "report", START, 365, places, (), truth, ())


def at(hours: float) -> datetime:
    return START + timedelta(days=50, hours=hours)


def truth(start: float = 0, end: float = 2, back: float = 3, kind: str = "national-90-2h", **more: object) -> Truth:
    spans = more.pop("spans", ((at(start), at(end)),))
    return Truth(f"{kind} {start}", kind, "XA", "country", "XA", at(start), at(end), at(back), spans, {"data": 0.9})  # type: ignore[arg-type]


def found(begin: float, end: float | None = None, grade: str = "corroborated", entity: str = "XA") -> Found:
    stop = None if end is None else at(end)
    last = None if stop is None else stop - timedelta(minutes=30)
    return Found(entity, at(begin), at(begin) - timedelta(minutes=30), last, stop, grade, ("data",))


CASES = [
    # what was found; found at consistent, at corroborated, events of it, false at consistent
    ("as it was", [found(0.2, 2.5)], (1, 1, 1, 0)),
    ("at a lower grade", [found(0.2, 2.5, "consistent")], (1, 0, 1, 0)),
    ("in two pieces", [found(0.2, 1), found(1.5, 2.5)], (1, 1, 2, 0)),
    ("an hour early is still it", [found(-0.9, 2.5)], (1, 1, 1, 0)),
    ("one that began earlier was about something else", [found(-5, 2.5)], (0, 0, 0, 1)),
    ("only the return", [found(2.5, 3)], (0, 0, 0, 0)),
    ("long after", [found(6, 8)], (0, 0, 0, 1)),
    ("insufficient is nothing", [found(0.2, 2.5, "insufficient")], (0, 0, 0, 0)),
    ("of another entity", [found(0.2, 2.5, entity="XA/West")], (0, 0, 0, 0)),
    ("nothing", [], (0, 0, 0, 0)),
]


@pytest.mark.parametrize(("events", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_hits(events: list[Found], wanted: tuple[int, int, int, int]) -> None:
    got = score(small(truth()), events)
    kind = "national-90-2h"
    pieces = got.pieces.get(kind, [0])[0]
    false = got.false.get(("country", "consistent"), 0)
    assert (got.recall(kind)[0], got.recall(kind, "corroborated")[0], pieces, false) == wanted
    assert got.recall(kind)[1] == 1
    assert got.years == {"country": 1.0, "region": 1.0}
    if any(one.entity == "XA/West" for one in events):
        assert got.false["region", "consistent"] == 1


def test_errors_of_edges() -> None:
    got = score(small(truth()), [found(0.2, 2.4)])
    assert got.delays["national-90-2h"] == [pytest.approx(0.2)]
    assert got.onsets["national-90-2h"] == [0.0]  # the bracket holds it
    assert got.ends["national-90-2h"] == [0.0]  # between the end and when all was back
    late = score(small(truth()), [found(1.0, 5.5)])
    assert late.onsets["national-90-2h"] == [pytest.approx(0.5)]
    assert late.ends["national-90-2h"] == [pytest.approx(2.0)]
    early = score(small(truth()), [found(0.2, 1.5)])
    assert early.ends["national-90-2h"] == [pytest.approx(0.5)]


def test_a_recurring_cut_is_one() -> None:
    nights = tuple((at(24 * n), at(24 * n + 5)) for n in range(6))
    true = truth(0, 125, 126, "nightly", spans=nights)
    got = score(small(true), [found(24 * n + 0.3, 24 * n + 5.2) for n in range(5)])
    assert got.recall("nightly", "corroborated") == (1, 1)
    assert got.pieces["nightly"] == [5]
    assert got.nights["nightly"] == [pytest.approx(5 / 6)]
    assert got.ends == {}
    one = Found("XA", at(0.3), at(0), at(125), at(125.2), "consistent", spans=nights[:3])
    got = score(small(true), [one])
    assert (got.pieces["nightly"], got.nights["nightly"]) == ([1], [0.5])


def test_scores_add_up_and_rows_are_read() -> None:
    one, two = (score(small(truth()), [found(0.2, 2.5), found(90, 92)]) for _ in range(2))
    one.add(two)
    assert one.recall("national-90-2h") == (2, 2)
    assert one.false["country", "corroborated"] == 2
    assert one.causes["country", "corroborated", "noise"] == 2
    assert one.years["country"] == 2.0
    row = {"outage": "o1", "entity": "XA", "onset_after": None, "onset_before": at(0), "end_after": None,
           "end_before": None, "grade": "consistent", "planes": "data usage", "signals": "a b"}  # fmt: skip
    part = {"outage": "o1", "role": "occurrence", "onset_before": at(0), "end_after": at(3), "end_before": at(4)}
    (read,) = found_in([row], [part, part | {"role": "loss"}])
    assert (read.planes, read.spans) == (("data", "usage"), ((at(0), at(4)),))
