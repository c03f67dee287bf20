"""Law: the benchmark of ways through scripts its truth, counts what is wrong rightly, and runs on small worlds."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from access.methods import METHODS
from access.score import mean, score
from access.world import AT, Plan, Truth, World, world

ROOT = Path(__file__).resolve().parents[2]
TINY = Plan("tiny", networks=3, ways=2)


def test_a_world_follows_from_its_seed_alone() -> None:
    assert world(7, TINY) == world(7, TINY)
    assert world(7, TINY) != world(8, TINY)


def test_what_is_so_is_what_is_tried() -> None:
    """Where nothing disturbs, tries of the last days show the truth."""
    calm = replace(TINY, networks=6, busy=3.0, silent=0, broken=0, captive=0, forged=0, down=0, changed=0)
    made = world(3, calm)
    assert {truth.now for truth in made.truth.values()} >= {"works", "blocked"}
    for cell, truth in made.truth.items():
        states = [row.state for row in made.rows[cell] if row.state != "unknown"]
        assert truth.changed is None
        assert len(states) > 50
        through = states.count("ok") / len(states)
        assert {"works": through > 0.8, "blocked": through < 0.2, "impaired": 0.2 < through < 0.8}[truth.now]


def test_a_forger_says_the_opposite_as_one_device() -> None:
    made = world(5, replace(TINY, forged=1.0, devices=0.1, busy=0.0, heavy=0.0))
    for cell, rows in made.rows.items():
        assert {row.state for row in rows} == {"ok" if made.truth[cell].now in ("blocked", "down") else "blocked"}
        assert METHODS["ours"](rows, made.caps) is None, "one device decides nothing"
        assert METHODS["last measurement"](rows, made.caps) is not None


def test_nothing_tried_is_nothing_said() -> None:
    assert all(method([], {}) is None for method in METHODS.values())


def test_the_count_of_what_is_wrong() -> None:
    cells = [(0, way) for way in range(6)]
    truth = dict(zip(cells, (
        Truth("works", None, None), Truth("blocked", None, None), Truth("blocked", "works", 9),
        Truth("impaired", None, None), Truth("down", "works", 60), Truth("works", None, None),
    ), strict=True))  # fmt: skip
    said = dict(zip(cells, ("works", "blocked", "works", "blocked", "works", None), strict=True))
    row = next(row for rows in world(1, TINY).rows.values() for row in rows)
    rows = {cell: [row._replace(day=AT, state="ok")] for cell in cells}
    found = score(said, World(rows, truth, {}), {cells[0], cells[2]})
    assert found == {
        "wrong_works": 40, "wrong_blocked": 20, "said": pytest.approx(5 / 6), "said_tried": pytest.approx(5 / 6),
        "agreement": 0.4, "agreement_plain": pytest.approx(2 / 3), "stale": 1, "forged": None, "same_cells": 0.5,
        "wrong_same": 50,
    }  # fmt: skip


def test_a_mean_has_its_error() -> None:
    assert (mean([1, 2, 3]).value, round(mean([1, 2, 3]).error, 3)) == (2, 0.577)


def test_the_benchmark_runs(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    words = [sys.executable, str(ROOT / "bench/access.py"), "--small", "--json", str(figures)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "wrong `works` per 100 said" in done.stdout
    found = json.loads(figures.read_text("utf-8"))
    assert len(found) == 7
    assert all(set(each) == set(METHODS) for each in found.values())
