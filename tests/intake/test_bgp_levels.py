"""Law: a level of BGP is what a plain count of the tables gives, in every bin, and nothing where it is not known."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent))
import bgp_worlds as worlds
import made_mrt as mrt

from clampdown.intake.containers_bytes import Fault
from clampdown.intake.features import Kit
from clampdown.intake.sources.bgp.limits import shipped
from clampdown.intake.sources.bgp.visible import covered
from clampdown.reference import load_reference

T = worlds.START
A, ASN = worlds.PEERS[0]
Levels = dict[tuple[str, str], dict[int, float]]
TABLE: dict[int, dict[str, mrt.Path]] = {
    0: {"198.18.0.0/16": (64510,), "203.0.113.0/24": (64511,), "100.64.0.0/19": (64520,)},
    1: {"198.18.0.0/16": (64510,), "203.0.113.0/24": (64511,), "203.0.114.0/25": (64520,)},
    2: {"198.18.0.0/16": (64511,), "198.18.1.0/24": (64510,), "203.0.114.0/25": (64520,)},
}


def expected(
    table: dict[int, dict[str, mrt.Path]], script: list[worlds.Step], countries: worlds.Countries | None
) -> tuple[bytes, Levels]:
    """The stream of these steps, and its levels by brute force."""
    data, time = worlds.dumped(table, T), T
    model = worlds.Model(
        {n: {p: worlds.origin(path, worlds.PEERS[n][1]) for p, path in own.items()} for n, own in table.items()}
    )
    levels: Levels = {}

    def close(bin_: int) -> None:
        for key, value in model.levels(worlds.SMALL, countries).items():
            levels.setdefault(key, {})[bin_ * 300] = value

    for step in script:
        if (time + step.wait) // 300 > time // 300:
            close(time // 300)
        time += step.wait
        data += worlds.written(step, time)
        model.step(step)
    close(time // 300)
    return data, levels


@settings(max_examples=80)
@given(worlds.tables(), worlds.steps(waits=200), st.booleans())
def test_levels_equal_a_plain_count(
    table: dict[int, dict[str, mrt.Path]], script: list[worlds.Step], placed: bool
) -> None:
    countries = worlds.Countries() if placed else None
    data, levels = expected(table, script, countries)
    assert worlds.got(data, kit=Kit(countries=countries)).levels == levels


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60), st.integers(0, 9)), max_size=30))
def test_units_are_counted_once(rows: list[tuple[int, int, int]]) -> None:
    ids, first, size = (np.array([row[n] for row in rows], np.int64) for n in range(3))
    own, count, units = covered(ids, first, first + size)
    brute: dict[int, set[int]] = {}
    for one, begin, more in rows:
        brute.setdefault(one, set()).update(range(begin, begin + more + 1))
    assert dict(zip(own.tolist(), units.tolist(), strict=True)) == {one: len(found) for one, found in brute.items()}
    assert sum(count.tolist()) == len(rows)


def test_a_table_alone_is_one_level_at_its_time() -> None:
    found = worlds.got(worlds.dumped(TABLE, T + 30))
    assert found.levels == {
        ("AS64510", "bgp/prefixes"): {T: 1},  # two of three name it; the third peer's /24 is one of three
        ("AS64510", "bgp/slash24"): {T: 256},
        ("AS64511", "bgp/prefixes"): {T: 1},
        ("AS64511", "bgp/slash24"): {T: 1},
        ("AS64520", "bgp/prefixes"): {T: 1},
        ("AS64520", "bgp/slash24"): {T: 1},  # a /25 is its /24 once
    }
    series = found.series[0]
    assert {row["step"] for row in found.series} == {300}
    assert {row["plane"] for row in found.series} == {"control"}
    assert series["operator"] == "bgp-collectors"
    assert series["source"] in {row.source for row in load_reference().terms}
    assert series["unit"] == "count"
    assert series["scale"] == "all"
    assert found.reasons() == ["no_countries"]  # of IPv6, which nobody told of, nothing is missed


def test_thresholds_are_those_published_and_small_tables_are_no_full_feed() -> None:
    assert (shipped().full_feed, shipped().full_feed6, shipped().visible) == (400_000, 10_000, 0.5)
    found = worlds.got(worlds.dumped(TABLE, T), shipped())
    assert not found.levels
    assert found.reasons() == ["few_peers"]
    assert "at most 0 full-feed peers (more than 400000 prefixes), 3 are needed" in (found.rejects[0].detail or "")


def test_a_default_route_is_nobodys() -> None:
    table = {n: own | {"0.0.0.0/0": (64530,)} for n, own in TABLE.items()}
    assert worlds.got(worlds.dumped(table, T)).levels[("AS64530", "bgp/slash24")] == {T: 0}


def still(wait: int, peer: int = 0) -> worlds.Step:
    return worlds.Step("tell", peer, wait, withdrawn=("198.18.2.0/23",))


def stream(*steps: worlds.Step, table: dict[int, dict[str, mrt.Path]] = TABLE) -> bytes:
    time, data = T, worlds.dumped(table, T)
    for step in steps:
        time += step.wait
        data += worlds.written(step, time)
    return data


def test_all_withdrawn_is_zero_and_not_missing() -> None:
    gone = tuple(worlds.Step("tell", n, 300 - 200 * n, withdrawn=("203.0.113.0/24",)) for n in (0, 1))
    limits = worlds.Limits(full_feed=1, full_feed6=1, peers=3, visible=0.5, shortest=8, shortest6=12, silence=300)
    levels = worlds.got(stream(*gone, still(200)), limits).levels
    assert levels[("AS64511", "bgp/slash24")] == {T: 1, T + 300: 0, T + 600: 0}
    assert levels[("AS64510", "bgp/slash24")] == {T: 256, T + 300: 256, T + 600: 256}


def test_a_hole_in_the_stream_ends_levels_until_a_table_comes() -> None:
    data = stream(still(200), still(250), still(400), still(200))
    again = worlds.dumped(TABLE, T + 1200)
    found = worlds.got(data + again)
    assert set(found.levels[("AS64510", "bgp/slash24")]) == {T, T + 300, T + 1200}
    (hole,) = [r for r in found.rejects if r.reason == "hole"]
    assert "until" not in (hole.detail or "until").partition(":")[0]
    assert "no levels from there to the next table" in (hole.detail or "")


def test_half_a_table_is_no_level() -> None:
    whole = worlds.dumped(TABLE, T)
    found = worlds.got(whole[:-20])
    assert not found.levels
    assert "truncated" in found.reasons()
    packed = worlds.got(whole, reader=worlds.Reads(whole, fault=Fault("truncated", "the gzip stream breaks off")))
    assert not packed.levels
    behind = worlds.got(stream(still(200), still(200))[:-5])  # the changes break off, not the table
    assert set(behind.levels[("AS64510", "bgp/slash24")]) == {T}


def test_while_a_table_is_read_the_clock_stands_still() -> None:
    """A collector may take minutes to write a table, and stamp every entry."""
    peers = mrt.peers(T, worlds.PEERS)
    rows = [
        mrt.entry(T + 200 * n, text, [(peer, own[text]) for peer, own in TABLE.items() if text in own])
        for n, text in enumerate(t for t in worlds.FOUR if any(t in own for own in TABLE.values()))
    ]
    found = worlds.got(peers + b"".join(rows))
    assert found.levels[("AS64510", "bgp/slash24")] == {T: 256}


def test_what_the_table_holds_already_is_not_done_again() -> None:
    before = worlds.written(worlds.Step("tell", 0, withdrawn=("203.0.113.0/24",)), T - 5)
    ended = worlds.written(worlds.Step("down", 1), T - 4)
    levels = worlds.got(stream() + before + ended + worlds.written(still(0), T + 1)).levels
    assert levels[("AS64511", "bgp/slash24")] == {T: 1}


def test_a_peer_that_comes_back_counts_when_it_has_told_all() -> None:
    address, asn = worlds.PEERS[1]
    comes = worlds.Step("tell", 1, 10, announced=tuple(TABLE[1]), path=(64510,))
    gone = [worlds.Step("down", 1, 300), worlds.Step("up", 1, 10), comes]
    silent = worlds.Limits(full_feed=2, full_feed6=1, peers=3, visible=0.5, shortest=8, shortest6=12, silence=300)
    without = worlds.got(stream(*gone, still(100)), silent)
    assert set(without.levels[("AS64510", "bgp/slash24")]) == {T}  # two peers are left until it says so
    told = stream(*gone) + mrt.told(T + 330, address, asn, mrt.end_of_rib(4))
    assert set(worlds.got(told, silent).levels[("AS64510", "bgp/slash24")]) == {T, T + 300}


def test_what_is_out_of_order_is_not_applied() -> None:
    late = worlds.written(worlds.Step("tell", 0, withdrawn=("203.0.113.0/24",)), T - 1000)
    found = worlds.got(stream(still(300), still(300)) + late * 3 + worlds.dumped({}, T - 2000))
    assert set(found.levels[("AS64511", "bgp/slash24")].values()) == {1}
    (told,) = [r.detail or "" for r in found.rejects if r.reason == "unordered"]
    assert told.startswith("4 records")
    assert "tables were among them" in told


def test_two_tables_of_one_time_are_one_state() -> None:
    """`cat` of the tables of two collectors: each has its own peers."""
    one, two = {0: TABLE[0], 1: TABLE[1]}, {2: TABLE[2]}
    assert worlds.got(_dumped(one) + _dumped(two)).levels == worlds.got(_dumped(TABLE)).levels


def _dumped(table: dict[int, dict[str, mrt.Path]]) -> bytes:
    """A table whose list names only the peers that it has."""
    places = {n: at for at, n in enumerate(sorted(table))}
    out = mrt.peers(T, [worlds.PEERS[n] for n in sorted(table)])
    for text in worlds.FOUR + worlds.SIX:
        rows = [(places[n], own[text]) for n, own in sorted(table.items()) if text in own]
        out += mrt.entry(T, text, rows) if rows else b""
    return out


def test_updates_alone_tell_changes_and_no_level() -> None:
    steps = [
        worlds.Step("tell", 0, 0, announced=("198.18.0.0/16", "203.0.113.0/24"), path=(64510,)),
        worlds.Step("tell", 1, 1, announced=("198.18.0.0/16", "2001:db8::/32"), path=(64510,)),
        worlds.Step("tell", 1, 1, announced=("198.18.1.0/24",), path=(64520, (1, 2))),
        worlds.Step("tell", 1, 400, withdrawn=("198.18.0.0/16", "203.0.112.0/23")),
    ]
    time, data = T, b""
    for step in steps:
        time += step.wait
        data += worlds.written(step, time)
    found = worlds.got(data, kit=Kit(countries=worlds.Countries()))
    assert found.levels == {
        ("AS64510", "bgp/announced"): {T: 3},
        ("XA", "bgp/announced"): {T: 2},
        ("XB", "bgp/announced"): {T: 1},
        ("AS64510", "bgp/withdrawn"): {T + 300: 1},
        ("XA", "bgp/withdrawn"): {T + 300: 1},
        ("XB", "bgp/withdrawn"): {T + 300: 1},
    }
    assert found.reasons() == ["no_table"]
    assert "cat bview.gz updates.gz" in (found.rejects[0].detail or "")
    assert worlds.got(data).reasons() == ["no_table", "no_countries"]
    assert worlds.got(worlds.written(steps[3], T)).reasons() == ["no_table"]  # withdrawn, of no network that is known


def test_ris_live_is_ripes() -> None:
    said = {"timestamp": T + 0.5, "peer": A, "peer_asn": ASN, "host": "rrc99", "type": "UPDATE", "path": [ASN, 64510]}
    said["announcements"] = [{"next_hop": A, "prefixes": ["198.18.0.0/16"]}]
    found = worlds.got(json.dumps({"type": "ris_message", "data": said}).encode() + b"\n{broken\n")
    assert found.levels == {("AS64510", "bgp/announced"): {T: 1}}
    assert found.series[0]["source"] == "ripe-ris"
    assert sorted(found.reasons()) == ["no_countries", "no_table", "not_json"]


@pytest.mark.parametrize("tail", [b"", b"\0\0", b"what is this, then?" * 3])
def test_levels_before_a_fault_are_kept(tail: bytes) -> None:
    data = stream(still(100), still(250)) + tail
    found = worlds.got(data)
    assert set(found.levels[("AS64510", "bgp/slash24")]) == {T, T + 300}
    assert len([r for r in found.rejects if r.reason in ("truncated", "damaged")]) == (1 if tail else 0)
