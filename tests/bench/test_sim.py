"""Law: same seed, same tables; the rows hold what the script says, and accidents cluster as stated."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim import worlds
from sim.happen import chance
from sim.noise import PARTS, RHOS, beta, split, uniform
from sim.people import Benign
from sim.rows import Day
from sim.script import LASTS, Block, Script
from sim.world import World, arm

from clampdown.model import VERDICTS

CALM = Benign(breaks=0, refusing=0, unknown=0, down=0, invalid=0)


def small(seed: int = 1, **changes: Any) -> World:
    usual: dict[str, Any] = {"networks": 5, "targets": 30, "days_count": 14, "rows": 500, "devices": 40, "session": 12}
    return World(seed, **{**usual, **changes})


def rows_of(world: World) -> pa.Table:
    return pa.concat_tables(list(world.days()))


def some(world: World) -> pa.Table:
    """Days before and within what happens there."""
    days = [day for day in (1, 22, 37, 42) if day < world.days_count]
    return pa.concat_tables([world.day(day, c) for day in days for c in range(len(world.countries))])


def as_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


DESCRIPTION = ("platform", "software", "network_type", "resolver_network")
WORLDS = {
    "quiet": lambda seed: worlds.quiet(seed, scale=0.05),
    "changing": lambda seed: worlds.changing(seed, scale=0.05, days=60),
    "isolated": lambda seed: worlds.isolated(seed, share=0.8, days=3, rate=5, alone=True),
    "forms": worlds.forms,
    "national": lambda seed: worlds.national(seed, networks=4, targets=3),
    "bad_release": worlds.bad_release,
    "site_down": worlds.site_down,
    "collapse": worlds.collapse,
    **{f"forged {kind}": lambda seed, kind=kind: worlds.forged(seed, kind=kind) for kind in worlds.FORGED},
}


@pytest.mark.parametrize("name", WORLDS)
def test_same_seed_same_bytes(name: str) -> None:
    first = some(WORLDS[name](7))
    assert first.num_rows > 100
    assert as_bytes(first) == as_bytes(some(WORLDS[name](7)))
    assert as_bytes(first) != as_bytes(some(WORLDS[name](8)))


def test_a_day_depends_on_no_other() -> None:
    world = small()
    days = list(world.days())
    for place in (13, 0, 6):
        assert as_bytes(small().day(place)) == as_bytes(days[place])


@pytest.mark.parametrize("name", WORLDS)
def test_tables_are_as_the_store_has_them(name: str) -> None:
    world = WORLDS[name](3)
    for day in [world.day(day) for day in (1, 22, 37)]:
        assert day.schema == VERDICTS
        day.validate(full=True)
        assert not any(day[f.name].null_count for f in VERDICTS if not f.nullable)
        keys = list(zip(*(day[c].to_pylist() for c in ("country", "target", "network", "time")), strict=True))
        assert keys == sorted(keys)
        pairs = set(zip(day["measurement"].to_pylist(), day["target"].to_pylist(), strict=True))
        assert len(pairs) == day.num_rows
        assert set(pc.unique(day["day"]).to_pylist()) == {f"{t:%Y-%m-%d}" for t in day["time"].to_pylist()}
        assert day["hour"].to_pylist() == [t.hour for t in day["time"].to_pylist()]


def test_rows_of_one_record_agree() -> None:
    seen: dict[str, tuple[object, ...]] = {}
    for row in rows_of(small()).to_pylist():
        held = tuple(row[c] for c in ("time", "vantage", "test", "software", "resolver_network"))
        assert seen.setdefault(row["measurement"], held) == held


SHARES = st.sampled_from([0.3, 0.6, 1.0])


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(1, 50), share=SHARES, start=st.integers(24, 150), hours=st.integers(60, 150))
def test_the_script_is_what_the_rows_hold(seed: int, share: float, start: int, hours: int) -> None:
    block = Block("it", (0, 1), (8, 9), ((float(start), float(start + hours)),), share, mechanism="tls.throttle.sni")
    world = small(seed, script=Script(blocks=(block,)), benign=CALM)
    zero = datetime(2024, 1, 1)
    inside = hit = outside = 0
    for row in rows_of(world).to_pylist():
        at = (row["time"] - zero) // timedelta(hours=1)
        within = start <= at < start + hours
        mine = row["network"] in world.people[0].numbers[:2] and row["target"] in world.names[8:10]
        throttled = row["state"] == "throttled"
        assert not throttled or (within and mine)
        inside += within and mine
        hit += throttled
        outside += row["state"] == "blocked"
    seen = world.seen["it"]
    assert (seen.tries, seen.hit) == (inside, hit)
    assert inside >= 10
    assert abs(hit / inside - share) < 4 * (share * (1 - share) / inside) ** 0.5 + 1e-9
    assert outside


def test_delays_and_turns() -> None:
    spans = ((30.0, 60.0), (90.0, LASTS))
    block = Block("it", (3, 4), (9,), spans, delays=(0.0, 40.0))
    assert block.spans_of(3) == spans
    assert block.spans_of(4) == ((130.0, LASTS),)


def test_blocks_are_seen_from_three_vantage_points_and_alone_from_one() -> None:
    for alone in (False, True):
        world = worlds.isolated(5, share=0.8, days=3, rate=5, blocks=4, alone=alone)
        rows = rows_of(world)
        for block in world.script.blocks:
            first = int(block.onset // 24)
            spans = [rows.filter(_at(rows, world, block, day)) for day in range(first, first + 4)]
            described = [len({tuple(r[c] for c in DESCRIPTION) for r in day.to_pylist()}) for day in spans]
            if alone:
                assert max(described) == 1
            else:
                assert len(world.seen[block.name].vantages) >= 3
                assert max(described) >= 2


def _at(rows: pa.Table, world: World, block: Block, day: int) -> pa.Array:
    start = max(24.0 * day, block.onset)
    end = min(24.0 * day + 24, block.end)
    zero = datetime(2024, 1, 1)
    low, high = (zero + timedelta(hours=h) for h in (start, max(start, end)))
    found = pc.and_(pc.greater_equal(rows["time"], low), pc.less(rows["time"], high))
    found = pc.and_(found, pc.equal(rows["network"], int(world.people[0].numbers[block.networks[0]])))
    return pc.and_(found, pc.equal(rows["target"], world.names[block.targets[0]]))


@pytest.mark.parametrize("mean", [0.02, 0.08])
@pytest.mark.parametrize("rho", [0.1, 0.5])
def test_clusters_have_the_stated_rate_and_correlation(mean: float, rho: float) -> None:
    count = 40_000
    drawn = beta(np.full(count, mean), np.full(count, rho), uniform(1, np.arange(count)))
    assert drawn.mean() == pytest.approx(mean, rel=0.12)
    assert drawn.var() / (mean * (1 - mean)) == pytest.approx(rho, rel=0.2)


@given(st.sampled_from(list(PARTS.values())), st.floats(0.1, 0.5))
def test_the_split_adds_up(part: float, rho: float) -> None:
    day, vantage = split(np.array([rho]), part)
    assert day + vantage * (1 - day) == pytest.approx(rho)
    assert 0 <= min(day[0], vantage[0]) <= max(day[0], vantage[0]) <= RHOS[-1]


def _chances(cluster: str, network_of: int = 0) -> np.ndarray:
    """Chance of an accident by day and device, of one series."""
    world = small(4, benign=arm(cluster, icc=(0.5, 0.5), shared_day=0.0, shared_vantage=0.0))
    devices = np.flatnonzero(world.people[0].network == network_of)
    rng, found = np.random.default_rng(0), []
    for day in range(400):
        sessions = np.arange(len(devices))
        target = np.full(len(devices), 9)
        made = Day.of(world, day, 0, rng, devices, sessions, sessions, target)
        found.append(chance(world, made))
    return np.array(found)


def test_each_arm_clusters_where_it_says() -> None:
    by = {cluster: _chances(cluster) for cluster in PARTS}
    assert by["day"].std(axis=1).max() == 0  # all vantage points share the day
    within = {c: np.corrcoef(v[:, 0], v[:, 1])[0, 1] for c, v in by.items() if c != "day"}
    assert abs(within["vantage"]) < 0.2 < within["both"]


def test_people_rest_at_weekends_and_one_prober_dominates() -> None:
    world = small(2, days_count=28, rows=2000)
    days = [day.num_rows for day in world.days()]
    assert np.mean(days) == pytest.approx(2000, rel=0.1)
    week = np.array(days).reshape(4, 7).sum(axis=0)
    assert week[5:].mean() < 0.85 * week[:5].mean()
    first = rows_of(world)
    first = first.filter(pc.equal(first["network"], int(world.people[0].numbers[0])))
    assert 0.3 < Counter(first["vantage"].to_pylist()).most_common(1)[0][1] / first.num_rows < 0.5


def test_thin_places_rotation_and_breaks() -> None:
    world = worlds.quiet(1, scale=0.1, days=30)
    rows = rows_of(world)
    tried = rows.group_by(["day", "network", "target"]).aggregate([([], "count_all")])["count_all"].to_numpy()
    cells = 30 * world.networks * world.targets
    assert 0.5 < 1 - len(tried) / cells < 0.95  # not tested
    assert {1, 2, 3} <= set(tried.tolist())
    credentialed = rows.filter(pc.equal(rows["vantage_kind"], "credential"))
    resolvers = credentialed.group_by("vantage").aggregate([("resolver_network", "count_distinct")])
    assert set(resolvers["resolver_network_count_distinct"].to_pylist()) > {1}
    broken = [np.flatnonzero(world.people[0].broken(Benign(breaks=3), day)) for day in range(30)]
    assert 0 < np.mean([len(b) for b in broken]) < 0.1 * world.devices
    assert any(set(a) & set(b) for a, b in pairwise(broken))


def _blocked(rows: pa.Table, where: pa.Array) -> float:
    part = rows.filter(where)
    assert part.num_rows > 20
    return pc.mean(pc.equal(part["state"], "blocked").cast(pa.float64())).as_py()


def test_a_bad_release_breaks_its_test_for_those_who_run_it() -> None:
    world = worlds.bad_release(1)
    rows = pa.concat_tables([world.day(day, country) for day in (38, 45, 50, 80) for country in range(2)])
    runs, test = pc.match_substring(rows["software"], "/3.2.0"), pc.equal(rows["test"], "telegram")
    assert set(pc.unique(rows.filter(runs)["day"]).to_pylist()) >= {"2024-02-15", "2024-02-20"}
    assert _blocked(rows, pc.and_(runs, test)) > 0.8
    assert _blocked(rows, pc.and_(pc.invert(runs), test)) < 0.2
    assert _blocked(rows, pc.and_(runs, pc.invert(test))) < 0.2


def test_a_site_goes_down_everywhere_and_controls_say_so_for_a_part() -> None:
    world = worlds.site_down(1)
    rows = pa.concat_tables([world.day(42, country) for country in range(5)])
    states = Counter(rows.filter(pc.equal(rows["target"], world.names[9]))["state"].to_pylist())
    assert 0.4 < states["down"] / states.total() < 0.8
    assert states["blocked"] > 0.05 * states.total() > states["ok"] - 0.1 * states.total()


def test_measurements_stop() -> None:
    world = worlds.collapse(1)
    days = [world.day(day).num_rows for day in (35, 60)]
    assert days[1] < 0.15 * days[0]


@pytest.mark.parametrize("kind", worlds.FORGED)
def test_forgers(kind: str) -> None:
    honest, world = worlds.true_block(3), worlds.forged(3, kind=kind)
    honest = replace(honest, script=Script())
    (forger,) = world.script.forgers
    days = range(forger.start, forger.start + forger.days)
    before, after = (pa.concat_tables([w.day(day) for day in days]) for w in (honest, world))
    mine = set(before["vantage"].to_pylist())
    forged = after.filter(pc.invert(pc.is_in(after["vantage"], pa.array(sorted(mine)))))
    kinds = forged.group_by(list(DESCRIPTION)).aggregate([]).num_rows
    vantages = len(pc.unique(forged["vantage"]))
    assert set(forged["state"].to_pylist()) == {"blocked"}
    if kind == "d":
        assert before.num_rows == after.num_rows
        assert set(after["measurement"].to_pylist()) == set(before["measurement"].to_pylist())
        assert vantages == 1
        assert forged.num_rows > 10
        return
    assert after.num_rows - before.num_rows == forged.num_rows == 10_000
    assert vantages == (1 if kind == "a" else 10_000)
    assert (kinds > 1000) if kind == "c" else kinds <= 2  # a device may take a new release on the way
    hours = pc.subtract(pc.max(forged["time"]), pc.min(forged["time"])).as_py()
    assert (hours < timedelta(hours=6)) == (kind == "c")
