"""Law: the benchmark of ranking counts rightly, and runs from end to end on very small worlds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ranks.score import Ranking, majority, raw, score
from ranks.world import PLAIN, UNSEEN, make

ROOT = Path(__file__).resolve().parents[2]


def test_scores_by_hand() -> None:
    world = make(PLAIN, 1)._replace(countries=3, truth=np.array([0.5, 0.2, 0.1]))
    said = Ranking(np.array([1.0, 3, 2]), np.array([1.0, 3, 1]), np.array([1.0, 3, 3]), np.array([0.9, 0.5, 0.5]))
    made = score(world, said, widest=0.5)
    assert made["error"] == 2 / 3
    assert made["covered"] == 2 / 3  # the second is said to be third, and is second
    assert made["width"] == 2 / 9
    assert made["score"] == pytest.approx((0 + 20 + 2) / 9)
    assert made["withheld"] == 1 / 3


def test_worlds_follow_from_their_seed_and_differ_by_family() -> None:
    for family in (PLAIN, *UNSEEN):
        one, same = make(family, 5), make(family, 5)
        assert (one.hit == same.hit).all()
        assert (one.truth == same.truth).all()
        assert (one.hit <= one.tried).all()
        assert 80 <= one.countries <= 190
        assert one.truth.max() > one.truth.min()
    assert len({family.name for family in UNSEEN}) == len(UNSEEN)


def test_baselines() -> None:
    world = make(PLAIN, 2)
    for way in (raw, majority):
        made = way(world, 1, 50)
        assert (made.low <= made.high).all()
        assert made.rank.sum() == 80 * 81 / 2


def test_small(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    words = [sys.executable, str(ROOT / "bench/ranking.py"), "--small", "--workers", "1", "--json", str(figures)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text())
    assert found.keys() == {"speed", "design", "world", "unseen"}
    assert 0 <= found["design"]["model"]["covered"][0] <= 1
