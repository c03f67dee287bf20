"""Law: an event keeps its name while it stays what it is; where it splits or merges it says which names it replaces."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tried import Row, Tables, events, found, path

few = settings(max_examples=6)
NETWORKS = range(64500, 64505)


def cut(days: int, *, networks: Any = NETWORKS, open_days: int = 12, then: int = 0, **words: Any) -> list[list[Row]]:
    return [path("." * open_days + "x" * days + "." * then, network=n, tries=4, crew=2, **words) for n in networks]


def names(tables: Tables, direction: str = "block") -> list[str]:
    return [one["event"] for one in events(tables, direction)]


@few
@given(days=st.integers(6, 9), more=st.integers(1, 9), networks=st.integers(1, 3), added=st.integers(0, 2))
def test_more_data_keep_the_name(days: int, more: int, networks: int, added: int) -> None:
    """More days, and networks that were not heard before."""
    early = found(*cut(days, networks=NETWORKS[:networks]))
    (name,) = names(early)
    late = found(*cut(days + more, networks=NETWORKS[: networks + added]), previous=early)
    assert names(late) == [name]
    assert events(late)[0]["supersedes"] is None
    ended = found(*cut(days + more, networks=NETWORKS[: networks + added], then=8), previous=late)
    assert names(ended) == [name]
    (end,) = events(ended, "unblock")
    assert end["event"] != name
    assert events(ended, "block")[0]["counterpart"] == end["event"]


def test_earlier_days_that_come_late_keep_the_name() -> None:
    early = found(*cut(9, open_days=6))
    late = found(*(path("." * 12 + "x" * 9, network=n, tries=4, crew=2, first=-6) for n in NETWORKS), previous=early)
    assert names(late) == names(early)


def test_an_earlier_network_that_comes_late_keeps_the_name() -> None:
    """The first member, after which the event was not named, turns up afterwards."""
    early = found(*cut(9, networks=NETWORKS[1:]))
    first = path("." * 10 + "x" * 11, network=NETWORKS[0], tries=4, crew=2)
    late = found(first, *cut(9, networks=NETWORKS[1:]), previous=early)
    assert names(late) == names(early)
    assert names(found(first, *cut(9, networks=NETWORKS[1:]))) != names(early)


def test_without_an_earlier_run_the_name_follows_from_the_data() -> None:
    assert names(found(*cut(9))) == names(found(*cut(9)))
    assert len({*names(found(*cut(9))), *names(found(*cut(9, target="web/other.example")))}) == 2
    assert len({*names(found(*cut(9))), *names(found(*cut(9, country="XB")))}) == 2


def far_apart(middle: bool) -> list[list[Row]]:
    """Two networks cut twelve days apart; a third one in the middle, six days from either, makes them one happening."""
    days = {64500: 12, 64502: 24} | ({64501: 18} if middle else {})
    return [path("." * d + "x" * (34 - d), network=n, tries=4, crew=2) for n, d in days.items()]


def test_events_that_merge_say_what_they_replace() -> None:
    early = found(*far_apart(middle=False))
    assert len(names(early)) == 2
    late = found(*far_apart(middle=True), previous=early)
    (event,) = events(late)
    assert event["event"] in names(early)
    assert event["supersedes"].split() == [name for name in names(early) if name != event["event"]]


def test_events_that_split_say_what_they_replace() -> None:
    early = found(*far_apart(middle=True))
    (old,) = names(early)
    late = found(*far_apart(middle=False), previous=early)
    told = events(late)
    assert len(told) == 2
    assert old in names(late)
    (other,) = (one for one in told if one["event"] != old)
    assert other["supersedes"] == old
    (kept,) = (one for one in told if one["event"] == old)
    assert kept["supersedes"] is None


def test_a_second_block_of_the_same_place_has_a_name_of_its_own() -> None:
    story = "." * 12 + "x" * 8
    early = found(path(story))
    late = found(path(story + "." * 14 + "x" * 8), previous=early)
    first, second = names(late)
    assert [first] == names(early)
    assert second != first
    assert all(one["supersedes"] is None for one in events(late))


def test_what_is_no_longer_found_is_gone() -> None:
    early = found(*cut(9))
    assert names(found(*cut(0, then=9), previous=early)) == []
