"""Law: the benchmark of detection counts rightly, and runs from end to end on very small worlds."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sim import compare, peers, score, worlds
from sim.score import Happening
from sim.world import World, arm

from clampdown.model import DETECTED

ROOT = Path(__file__).resolve().parents[2]


def told(rows: list[tuple[Happening, timedelta, str]]) -> dict[str, pa.Table]:
    """Tables as a detector gives them: one event per happening, moved by so much."""
    events: list[dict[str, Any]] = []
    for place, (one, moved, grade) in enumerate(rows):
        for network, target in sorted(one.pairs):
            at = (one.last if one.direction == "unblock" else one.first) + moved
            events.append(
                {
                    "event": f"{place}",
                    "direction": one.direction,
                    "country": one.country,
                    "network": network,
                    "target": target,
                    "after": at - timedelta(hours=6),
                    "before": at,
                    "grade": grade,
                }
            )
    made = peers._tables(events)
    heads = made["events"].to_pylist()
    unique = list({head["event"]: head for head in heads}.values())
    made["events"] = pa.Table.from_pylist(unique, DETECTED["events"])
    return made


def world_of() -> World:
    return worlds.isolated(2000, share=0.8, days=7, rate=5, blocks=3)


def test_who_knows_the_truth_scores_full_marks() -> None:
    world = world_of()
    true = score.truths(world)
    assert [one.direction for one in true] == ["block", "unblock"] * 3
    got = score.score(world, told([(one, timedelta(), "corroborated") for one in true]))
    assert got.recall() == (6, 6)
    assert got.pieces == [1] * 6
    assert got.errors == [0.0] * 6
    assert got.held == [1] * 6
    assert got.false == dict.fromkeys(got.false, 0)
    assert got.true["corroborated"] == 6
    assert got.true["confirmed"] == 0


CASES: list[tuple[str, timedelta, str, tuple[int, int, int]]] = [
    # name, moved by, grade; (found, false at consistent, false at corroborated)
    ("a day late", timedelta(days=1), "consistent", (6, 0, 0)),
    ("insufficient does not count", timedelta(), "insufficient", (0, 0, 0)),
    ("a month early is false", timedelta(days=-90), "consistent", (0, 6, 0)),
    ("and at its grade", timedelta(days=-90), "confirmed", (0, 6, 6)),
]


@pytest.mark.parametrize(("name", "moved", "grade", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_counting(name: str, moved: timedelta, grade: str, wanted: tuple[int, int, int]) -> None:
    world = world_of()
    got = score.score(world, told([(one, moved, grade) for one in score.truths(world)]))
    assert (got.recall()[0], got.false["consistent"], got.false["corroborated"]) == wanted
    if got.errors:
        assert got.errors == pytest.approx([abs(moved / timedelta(days=1))] * 6)


def test_pieces_and_the_wrong_direction() -> None:
    world = world_of()
    first = score.truths(world)[0]
    twice = score.score(world, told([(first, timedelta(), "consistent"), (first, timedelta(hours=9), "consistent")]))
    assert twice.pieces == [2]
    wrong = Happening(first.name, first.pattern, "unblock", first.country, first.pairs, first.first, first.first)
    assert score.score(world, told([(wrong, timedelta(days=-3), "consistent")])).false["consistent"] == 1


def test_families_do_not_meet() -> None:
    assert not set(score.seeds("tuning", 1000)) & set(score.seeds("report", 1000))


def test_intervals() -> None:
    assert score.wilson(0, 0) == (0.0, 1.0)
    assert score.wilson(95, 100) == pytest.approx((0.8883, 0.9785), abs=1e-3)
    assert score.poisson(0) == pytest.approx((0, 3.689), abs=1e-3)
    assert score.poisson(10) == pytest.approx((4.795, 18.39), abs=0.02)
    middle, low, high = score.bootstrap([1.0, 2.0, 3.0] * 20)
    assert low <= middle == 2.0 <= high
    assert all(map(math.isnan, score.bootstrap([])))


def step(before: int, within: int, after: int) -> np.ndarray:
    return np.array([0.0] * before + [1.0] * within + [0.0] * after)


def test_the_peers_cusum() -> None:
    shares = step(60, 60, 60)
    bins = np.arange(len(shares))
    alarms = peers.cusum(bins, shares)
    # A threshold of 7 is passed in steps of 0.65 up and 0.35 down; the first state is silent.
    assert [(a.block, a.after) for a in alarms] == [(True, 70), (False, 139)]
    assert peers.cusum(bins[60:120], shares[60:120]) == []
    assert peers.cusum(bins * 300, shares) == []  # forgets between bins


@pytest.mark.parametrize("search", [peers.kernel, peers.pelt])
def test_the_searches_find_a_step(search: Any) -> None:
    shares = step(20, 9, 20)
    assert [(a.block, a.after) for a in search(np.arange(49), shares, penalty=1.0)] == [(True, 20), (False, 29)]
    assert search(np.arange(49), shares, penalty=100.0) == []


def test_knobs_are_set_to_the_asked_rate() -> None:
    quiet = compare.batch(1, 60, 5, arm("vantage"))
    for detector in compare.DETECTORS:
        knob = compare.calibrate(detector, quiet, 3)
        assert detector.low <= knob < detector.high
        assert (
            len(compare.alarmed(detector.run(quiet, knob))) <= 3 < len(compare.alarmed(detector.run(quiet, knob / 1.5)))
        )


def test_small(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    words = [sys.executable, str(ROOT / "bench/detection.py"), "--small", "--json", str(figures)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text())
    parts = ["series", "isolated", "alone", "forms", "one_event", "none_at_all", "forged", "speed", "quiet", "changing"]
    assert list(found) == parts
    assert all(found.values())
    recall = [one for one in found["series"] if one["name"].startswith("recall, ours")]
    assert len(recall) == 2
    seconds = [one["value"] for one in found["speed"] if one["name"] == "seconds"]
    assert len(seconds) == 3
    assert all(seconds)
