"""Law: the same measurements in any order, split or time give the same tables, byte for byte, moved only with them."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tried import SITE, START, Row, Tables, by_day, coverage, events, iso, path

from clampdown.detect import Given, Series, detect_tables, load_limits
from clampdown.detect.detectors import levels

few = settings(max_examples=8)
LETTERS = st.sampled_from([".", "x", "t", "r", "d", "?", " "])
STORY = st.lists(st.tuples(LETTERS, st.integers(1, 9)), min_size=1, max_size=4).map(
    lambda parts: "".join(letter * length for letter, length in parts)
)
PATH = st.tuples(
    STORY, st.sampled_from([64500, 64501]), st.sampled_from([SITE, "telegram/web"]), st.integers(1, 6),
    st.integers(1, 3), st.sampled_from([0.4, 1.0]), st.sampled_from(["XA", "XB"]),
)  # fmt: skip
WORLD = st.lists(PATH, min_size=1, max_size=3)
BLOCK = [("." * 9 + "x" * 8 + "." * 9, 64500, SITE, 6, 3, 1.0, "XA")]


def rows_of(world: list[tuple[Any, ...]], first: int = 0) -> list[Row]:
    made: list[Row] = []
    for number, (story, network, target, tries, crew, share, country) in enumerate(world):
        made += path(story, network=network, target=target, tries=tries, crew=crew, share=share, country=country,
                     first=first, tag=f"{number}-")  # fmt: skip
    return made


def digest(tables: Tables) -> str:
    whole = hashlib.sha256()
    for name in sorted(tables):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, tables[name].schema) as stream:
            stream.write_table(tables[name].combine_chunks())
        whole.update(sink.getvalue())
    return whole.hexdigest()


def detected(rows: list[Row], **words: Any) -> Tables:
    return detect_tables(by_day(rows), coverage(rows), Given(**words))


@few
@given(world=WORLD, seed=st.integers(0, 99))
@example(world=BLOCK, seed=1)
def test_no_order_shows(world: list[Any], seed: int) -> None:
    rows = rows_of(world)
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)
    days, measured = by_day(mixed), coverage(mixed)
    random.Random(seed).shuffle(days)
    random.Random(seed).shuffle(measured)
    assert digest(detect_tables(days, measured)) == digest(detected(rows))


@few
@given(world=WORLD, part=st.integers(1, 3))
@example(world=BLOCK, part=1)
def test_what_was_sent_twice_counts_once(world: list[Any], part: int) -> None:
    rows = rows_of(world)
    again = [one | {"repeat": True} for one in rows[::part]]
    assert digest(detect_tables(by_day([*rows, *again]))) == digest(detect_tables(by_day(rows)))


@few
@given(world=WORLD, cut=st.integers(1, 20))
@example(world=BLOCK, cut=12)
def test_late_data_end_in_the_same_tables(world: list[Any], cut: int) -> None:
    """A part is known, and detected, before the rest comes in: the same as all at once, for ids too where none split.

    With what an earlier run said at hand, ids may be that run's; nothing else may differ.
    """
    rows = rows_of(world)
    early = detected(rows[: len(rows) * cut // 21])
    late, at_once = detected(rows, previous=early), detected(rows)
    assert digest(detected(rows, previous=at_once)) == digest(at_once)
    renamed = dict(zip(late["events"]["event"].to_pylist(), at_once["events"]["event"].to_pylist(), strict=True))

    def plain(tables: Tables, names: dict[str, str]) -> dict[str, list[Row]]:
        made: dict[str, list[Row]] = {}
        for name, table in tables.items():
            made[name] = [
                {
                    column: names.get(value, value) if column in ("event", "event_end", "counterpart") else value
                    for column, value in one.items()
                    if column != "supersedes"
                }
                for one in table.to_pylist()
            ]
        for own in made.values():
            own.sort(key=str)
        return made

    assert plain(late, renamed) == plain(at_once, {})


@few
@given(world=WORLD, before=st.integers(0, 20), after=st.integers(0, 20))
@example(world=BLOCK, before=5, after=20)
def test_empty_stretches_change_nothing_but_how_long_nobody_looked(world: list[Any], before: int, after: int) -> None:
    """Before and after, only another country is measured."""
    length = 40
    rows = rows_of(world, 20)
    frame = path("." * length, country="XZ", first=20, network=65000)
    wide = path("." * (length + before + after), country="XZ", first=20 - before, network=65000)

    def told(tables: Tables) -> dict[str, list[Row]]:
        free = {"days_all", "contradicts"}
        return {
            name: [{k: v for k, v in one.items() if k not in free} for one in table.to_pylist()
                   if one["country"] != "XZ"]
            for name, table in tables.items()
        }  # fmt: skip

    near, far = detect_tables(by_day([*rows, *frame])), detect_tables(by_day([*rows, *wide]))
    assert told(far) == told(near)
    for name in ("findings", "events"):
        for one, other in zip(*([r for r in t[name].to_pylist() if r["country"] != "XZ"] for t in (near, far)),
                              strict=True):  # fmt: skip
            codes = [{c for c in (r["contradicts"] or "").split(",") if not c.startswith("silent:")}
                     for r in (one, other)]  # fmt: skip
            assert codes[0] == codes[1]


@few
@given(world=WORLD, days=st.integers(1, 400))
@example(world=BLOCK, days=59)
def test_time_moves_everything_and_nothing_else(world: list[Any], days: int) -> None:
    rows = rows_of(world)
    later = [one | {"day": iso(days + (date.fromisoformat(one["day"]) - START.date()).days)} for one in rows]
    here, there = detected(rows), detected(later)
    by = timedelta(days=days)
    names = dict(zip(there["events"]["event"].to_pylist(), here["events"]["event"].to_pylist(), strict=True))
    assert len(names) == here["events"].num_rows

    def back(name: str, value: Any) -> Any:
        if isinstance(value, type(START)):
            return value - by
        if name in ("first", "last") and value:
            return (START.fromisoformat(value) - by).date().isoformat()
        return names.get(value, value) if name in ("event", "event_end", "counterpart") else value

    for table in here:
        moved = [{name: back(name, value) for name, value in one.items()} for one in there[table].to_pylist()]
        assert sorted(moved, key=str) == sorted(here[table].to_pylist(), key=str)


COUNTS = st.lists(
    st.one_of(st.just((0, 0)), st.integers(1, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))),
    min_size=1, max_size=60,
)  # fmt: skip


@settings(max_examples=150)
@given(counts=COUNTS)
@example(counts=[(0, 5)] * 20 + [(5, 5)] * 9 + [(0, 0)] * 3 + [(0, 5)] * 20)
@example(counts=[(0, 9)] * 20 + [(9, 9)] * 5)
@example(counts=[(0, 20)] * 20 + [(6, 20)] * 9 + [(0, 20)] * 20)
def test_seen_from_the_other_end_changes_lie_at_the_same_places(counts: list[tuple[int, int]]) -> None:
    family = levels.family_of(load_limits())
    k, n = (np.array(part, float) for part in zip(*counts, strict=True))
    forward = levels.detect(Series(0, k, n), family=family)
    backward = levels.detect(Series(0, k[::-1].copy(), n[::-1].copy()), family=family)
    last = len(counts) - 1
    mirrored = [(last - (p.after), last - (p.before or 0), p.level_after, p.level_before) for p in reversed(backward)]
    found = [(p.before, p.after, p.level_before, p.level_after) for p in forward]
    assert [(a, b) for a, b, *_ in found] == [(a, b) for a, b, *_ in mirrored]
    for one, other in zip(found, mirrored, strict=True):
        assert np.allclose(one[2:], other[2:])
    for p, q in zip(forward, reversed(backward), strict=True):
        assert abs(p.statistic - q.statistic) < 1e-3


def test_there_is_something_to_find_in_these_worlds() -> None:
    assert [one["direction"] for one in events(detected(rows_of(BLOCK)))] == ["block", "unblock"]
    series = Series(0, np.array([0.0] * 20 + [5.0] * 9), np.array([5.0] * 29))
    assert [(p.before, p.after) for p in levels.detect(series, family=levels.family_of(load_limits()))] == [(19, 20)]


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import test_same
world = [("." * 9 + "x" * 8 + "." * 9, n, t, 6, 3, 1.0, c) for n in (64500, 64501, 64502)
         for t in ("web/a.example", "telegram/web", "web/b.example") for c in ("XA", "XB")]
print(test_same.digest(test_same.detected(test_same.rows_of(world))))
"""


def test_no_hash_seed_shows() -> None:
    here = str(Path(__file__).parent)
    told = set()
    for seed in ("0", "1", "4242"):
        words = [sys.executable, "-c", SCRIPT, here]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
        told.add(done.stdout)
    assert len(told) == 1


def test_days_are_what_they_say() -> None:
    assert iso(0) == "2024-01-01"
    assert START.weekday() == 0
