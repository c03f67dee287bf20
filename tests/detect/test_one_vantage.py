"""Law: one vantage point, however many rows it makes up, claims nothing above `consistent` and moves nothing true."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tried import NETWORK_TYPES, PLATFORMS, SITE, STRONG, Row, Tables, at, by_day, events, own, path, row, strong

from clampdown.detect import detect_tables

TARGETS = [f"web/site{n}.example" for n in range(12)]
NETWORKS = (64500, 64501, 64502)
ROWS = st.sampled_from([1, 2, 5, 20, 100, 1000, 10_000])
few = settings(max_examples=8)


def forged(
    kind: str, rows: int, first: int, days: int, state: str, targets: tuple[str, ...] = (SITE,),
    networks: tuple[int, ...] = (64500,), *, like: int | None = None, settled: bool = False,
) -> list[Row]:  # fmt: skip
    """What one person makes up: (a) one session, (b) a session a row of one description, (c) every field varied within
    six hours. like: with the description of an honest device; else with one that nobody has."""
    made: list[Row] = []
    for number in range(rows):
        if kind == "c":
            day, hour = first, number % 6
            who: dict[str, Any] = {"platform": PLATFORMS[number % 5], "network_type": NETWORK_TYPES[number // 5 % 3],
                                   "software": f"ooniprobe/{number % 97}.0", "resolver_network": number}  # fmt: skip
        else:
            day, hour = first + number % days, number // days % 24
            who = {"platform": "plan9", "software": "ooniprobe/9.0"} if like is None else {}
            who |= {} if like is None else {"platform": PLATFORMS[like % 5], "network_type": NETWORK_TYPES[like // 5]}
        # Each target in each hour of a day before any of them again.
        target, network = targets[number // (days * 24) % len(targets)], networks[number % len(networks)]
        vantage = "forger" if kind == "a" else f"forger-{number}"
        made.append(row(day, hour, state, **(who | {"vantage": vantage, "target": target, "network": network,
                                                    "settled": settled})))  # fmt: skip
    return made


def world(days: str, targets: tuple[str, ...] = (SITE,), crew: int = 3, tries: int = 6, **more: Any) -> list[Row]:
    """These targets on one network as told, on the other networks open."""
    made = [one for t in targets for one in path(days, target=t, crew=crew, tries=tries, **more)]
    for network in NETWORKS[1:]:
        made += [one for t in targets for one in path("." * len(days), target=t, network=network, crew=crew)]
    return made


QUIET = world("." * 40)
BLOCK = world("." * 20 + "x" * 12 + "." * 18)


def both(honest: list[Row], made_up: list[Row]) -> Tables:
    return detect_tables(by_day([*honest, *made_up]))


@few
@given(
    kind=st.sampled_from("abc"), rows=ROWS, first=st.integers(0, 30), days=st.sampled_from([1, 3, 9]),
    state=st.sampled_from(["blocked", "throttled"]), like=st.sampled_from([None, 0]), settled=st.booleans(),
)  # fmt: skip
@example(kind="a", rows=10_000, first=10, days=9, state="blocked", like=None, settled=True)
@example(kind="b", rows=10_000, first=10, days=9, state="blocked", like=0, settled=True)
@example(kind="c", rows=10_000, first=10, days=1, state="blocked", like=None, settled=True)
def test_a_quiet_world_stays_quiet(
    kind: str, rows: int, first: int, days: int, state: str, like: int | None, settled: bool
) -> None:
    tables = both(QUIET, forged(kind, rows, first, days, state, like=like, settled=settled))
    assert strong(tables) == []


@pytest.mark.parametrize("kind", ["a", "b"])
@pytest.mark.parametrize("crowd", ["thin", "nobody"])
def test_in_a_thin_world_too(kind: str, crowd: str) -> None:
    """Where one honest device a day tries, or none at all."""
    honest = path("." * 40, crew=1, tries=1) if crowd == "thin" else []
    for state in ("blocked", "ok"):
        tables = both(honest, forged(kind, 2000, 10, 20, state))
        assert strong(tables) == []
        if crowd == "nobody":
            assert {one["grade"] for one in tables["findings"].to_pylist()} <= {"insufficient", "consistent"}


@pytest.mark.parametrize("session", ["one", None])
@pytest.mark.parametrize("first", [0, 15])
@pytest.mark.parametrize("honest", [True, False])
def test_nor_does_one_who_claims_to_be_on_several_networks(session: str | None, first: int, honest: bool) -> None:
    """The same session, or the same description of a device, on three networks: one hand that claims three places."""
    words: dict[str, Any] = {"resolver_network": 64500, "tag": "forger", "tries": 24, "crew": 1}
    words |= {"vantage": session} if session else {}
    made_up = [one for n in NETWORKS for one in path("x" * 12, first=first, network=n, **words)]
    assert strong(both(QUIET if honest else [], made_up)) == []


def apart(one: Row, other: Row, name: str) -> bool:
    """Does a bracket lie wholly outside another one?"""
    first, last = one[f"{name}_after"] or datetime.min, one[f"{name}_before"] or datetime.max
    return last < (other[f"{name}_after"] or datetime.min) or first > (other[f"{name}_before"] or datetime.max)


def block(tables: Tables, target: str = SITE) -> Row:
    """The one corroborated finding of an honest world."""
    (row,) = [one for one in own(tables, target=target) if one["state"] == "blocked"]
    assert row["grade"] in STRONG
    return row


HONEST = both(BLOCK, [])


def undisturbed(tables: Tables, honest: Tables = HONEST, target: str = SITE) -> None:
    """The true finding is still there, between its own brackets, and nothing is said above `consistent` but it."""
    true = block(honest, target)
    hits = [one for one in own(tables, target=target) if one["state"] == "blocked" and one["grade"] != "insufficient"]
    same = [one for one in hits if not apart(one, true, "onset") and not apart(one, true, "end")]
    assert len(same) == 1, [(one["onset_after"], one["onset_before"], one["end_after"]) for one in hits]
    assert (true["end_before"] is None) == (same[0]["end_before"] is None)
    assert same[0]["event"] in {one["event"] for one in events(tables, "block")}
    known = [one["direction"] for one in events(honest) if one["grade"] in STRONG]
    for one in events(tables):
        assert one["grade"] not in STRONG or one["direction"] in known
    assert sum(one["grade"] in STRONG for one in events(tables)) <= len(known)


@few
@given(
    kind=st.sampled_from("abc"), rows=ROWS, first=st.integers(2, 44), days=st.sampled_from([1, 3, 6]),
    state=st.sampled_from(["ok", "blocked", "throttled", "down", "unknown"]), like=st.sampled_from([None, 0]),
)  # fmt: skip
@example(kind="a", rows=10_000, first=20, days=12, state="ok", like=None)
@example(kind="b", rows=10_000, first=20, days=12, state="ok", like=None)
@example(kind="a", rows=10_000, first=14, days=6, state="blocked", like=None)
@example(kind="a", rows=10_000, first=32, days=6, state="blocked", like=None)
@example(kind="c", rows=10_000, first=25, days=1, state="ok", like=None)
@example(kind="b", rows=10_000, first=20, days=12, state="ok", like=0)
@example(kind="a", rows=100, first=18, days=3, state="ok", like=0)
@example(kind="a", rows=100, first=11, days=6, state="throttled", like=None)
def test_a_true_block_is_neither_ended_nor_moved(
    kind: str, rows: int, first: int, days: int, state: str, like: int | None
) -> None:
    undisturbed(both(BLOCK, forged(kind, rows, first, days, state, like=like)))


WHEN = [(first, days, state) for first, days in ((14, 6), (20, 6), (26, 6), (32, 6)) for state in ("ok", "blocked")]


@pytest.mark.parametrize("when", [*WHEN, (2, 45, "ok"), (2, 45, "blocked")], ids=str)
def test_nor_is_one_that_few_see_day_by_day(when: tuple[int, int, str]) -> None:
    """Two devices, each once a day: as thin as a corroborated block can be."""
    honest = world("." * 20 + "x" * 12 + "." * 18, crew=2, tries=2)
    undisturbed(both(honest, forged("a", 10_000, *when)), both(honest, []))


@pytest.mark.parametrize("state", ["ok", "blocked"])
def test_nor_is_a_lasting_one_by_what_comes_after_all_others(state: str) -> None:
    honest = world("." * 20 + "x" * 12 + " " * 10)
    true = both(honest, [])
    tables = both(honest, forged("a", 10_000, 32, 8, state))
    assert [e["direction"] for e in events(tables)] == ["block"]
    undisturbed(tables, true)


def test_nor_is_a_block_of_many_targets_called_a_crowd_of_broken_probes() -> None:
    """Whoever makes `ok` up for all of them at once does not make the honest ones the odd ones out."""
    targets = tuple(TARGETS)
    made = [one for t in targets for one in path("." * 20 + "x" * 12 + "." * 18, target=t)]
    true = both(made, [])
    tables = both(made, forged("a", 10_000, 20, 12, "ok", targets))
    assert [n for n in tables["notes"].to_pylist() if n["kind"] == "broken_probe" and n["members"] > 12] == []
    for target in targets:
        undisturbed(tables, true, target)


@few
@given(
    crew=st.integers(2, 4), tries=st.integers(2, 9), days=st.integers(2, 10), share=st.sampled_from([0.5, 0.8, 1.0]),
    networks=st.integers(1, 3), letter=st.sampled_from("xt"),
)  # fmt: skip
def test_what_is_above_consistent_stands_without_any_one(
    crew: int, tries: int, days: int, share: float, networks: int, letter: str
) -> None:
    story = "." * 15 + letter * days + "." * 10
    rows = [one for n in NETWORKS[:networks] for one in path(story, network=n, crew=crew, tries=tries, share=share)]
    known = [one for one in strong(both(rows, [])) if one.get("network")]
    names = sorted({(one["network"], one["platform"], one["network_type"]) for one in rows})
    for name in names if known else ():
        left = [one for one in rows if (one["network"], one["platform"], one["network_type"]) != name]
        tables = both(left, [])
        for finding in known:
            hits = [one for one in own(tables, finding["network"]) if one["state"] == finding["state"]]
            assert any(one["grade"] != "insufficient" for one in hits), (name, finding)


def test_a_forger_in_the_future_of_the_last_day_moves_no_onset() -> None:
    """A row's own clock bounds nothing alone: one row on the day before, one on the day after."""
    for day in (19, 20, 31, 32):
        for state in ("ok", "blocked"):
            undisturbed(both(BLOCK, forged("a", 1, day, 1, state)))
    assert block(HONEST)["onset_after"] <= at(20) <= block(HONEST)["onset_before"]


def test_a_few_made_up_devices_of_another_platform_do_not_make_a_true_block_the_instruments_doing() -> None:
    """Within a day, and too few for a burst: nine sessions a network on which all works."""
    networks, same = (64500, 64503), {"platform": "android"}
    rows = [path("." * 20 + "x" * 12, network=n, **same) for n in networks] + [path("." * 32, network=64501, **same)]
    honest = [one for each in rows for one in each]
    made_up = [
        one | {"platform": "plan9", "network": n, "resolver_network": n, "software": f"ooniprobe/{number % 9}.0"}
        for n in networks
        for number, one in enumerate(forged("c", 9, 22, 1, "ok"))
    ]
    (event,) = events(both(honest, []))
    assert [(e["event"], e["grade"]) for e in events(both(honest, made_up))] == [(event["event"], event["grade"])]
