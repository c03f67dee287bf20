"""Law: a number says how well it is known: intervals know clusters, grades vantage points, countries networks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tried import SITE, STRONG, Row, Tables, events, findings, found, own, path

from clampdown.detect.measure import interval

few = settings(max_examples=10)
STORY = "." * 12 + "x" * 8


def country(tables: Tables, **wanted: Any) -> Row:
    (one,) = findings(tables, network=None, target=SITE, **wanted)
    return one


@few
@given(
    crew=st.integers(1, 5), tries=st.integers(1, 30), share=st.sampled_from([0.3, 0.6, 1.0]),
    story=st.sampled_from([STORY, "." * 15, "x" * 15, STORY + "." * 8]),
)  # fmt: skip
def test_no_interval_claims_more_than_there_is(crew: int, tries: int, share: float, story: str) -> None:
    for one in findings(found(path(story, crew=crew, tries=tries, share=share))):
        assert 0 <= one["k"] <= one["n"]
        assert 0 < one["n_effective"] <= one["n"] + 1e-9
        assert 0 <= one["low"] <= one["share"] + 1e-9
        assert one["share"] - 1e-9 <= one["high"] <= 1
        assert one["vantage_low"] <= one["vantage_high"]
        assert one["days"] <= one["days_all"]


def test_rows_of_one_session_do_not_narrow_it() -> None:
    few_rows = [one | {"vantage": "same"} for one in path("x", tries=24, crew=1)]
    many = few_rows * 417  # 10,008 rows
    one, other = (own(found(rows))[0] for rows in (few_rows, many))
    assert (one["n"], other["n"]) == (24, 24)
    assert other["high"] - other["low"] == pytest.approx(one["high"] - one["low"])
    assert other["n_effective"] == pytest.approx(one["n_effective"])
    assert 1 < one["n_effective"] < 1 / 0.3
    assert other["witnesses"] == 10_008


def test_more_vantage_points_narrow_it_and_more_tries_of_the_same_hardly() -> None:
    def width(crew: int, tries: int) -> float:
        one = own(found(path("x" * 10, crew=crew, tries=tries)))[0]
        return float(one["high"] - one["low"])

    assert width(8, 8) < 0.75 * width(2, 8)
    assert width(2, 80) > 0.75 * width(2, 8)


def test_the_interval_is_wilsons() -> None:
    assert interval(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert interval(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("one device", {"crew": 1}, "consistent"),
    ("two devices", {"crew": 2}, "corroborated"),
    ("two devices, a settling artefact", {"crew": 2, "settled": True}, "confirmed"),
    ("one device, a settling artefact", {"crew": 1, "settled": True}, "consistent"),
    ("a source of counts", {"vantage": None, "vantage_kind": None, "platform": None, "software": None,
                            "network_type": None, "resolver_network": None}, "consistent"),
    ("counts with a settling artefact", {"vantage": None, "vantage_kind": None, "settled": True}, "consistent"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "words", "grade"), CASES, ids=[case[0] for case in CASES])
@pytest.mark.parametrize("story", [STORY, "x" * 12])
def test_grades(name: str, words: dict[str, Any], grade: str, story: str) -> None:
    tables = found(path(story, **words))
    (one,) = own(tables)
    assert (one["state"], one["grade"]) == ("blocked", grade)
    assert [e["grade"] for e in events(tables)] == ([grade] if "." in story else [])
    if words.get("vantage", "") is None:
        assert (one["vantage_low"], one["vantage_high"]) == (-1, -1)


def test_a_settling_artefact_that_one_device_saw_settles_nothing() -> None:
    rows = path(STORY, crew=4, tries=8)
    sealed = [one | {"settled": one["state"] == "blocked" and one["platform"] == "ios"} for one in rows]
    (one,) = own(found(sealed))
    assert (one["grade"], one["settled"]) == ("corroborated", 1)


def test_one_day_is_no_more_than_consistent() -> None:
    story = path("." * 12, tries=48, crew=8) + path("x", first=12, tries=48, crew=8)
    one = own(found(story))[0]
    assert one["grade"] not in STRONG


def test_counts_of_several_networks_are_no_witnesses_of_each_other() -> None:
    """Nobody says how many vantage points there are behind them."""
    words: dict[str, Any] = dict.fromkeys(("vantage", "vantage_kind", "platform", "software", "network_type"))
    tables = found(*(path(STORY, network=n, resolver_network=None, **words) for n in (64500, 64501, 64502)))
    assert {one["grade"] for one in findings(tables)} <= {"consistent", "insufficient"}
    assert {one["grade"] for one in events(tables)} <= {"consistent"}


@pytest.mark.parametrize("hit", [1, 2, 3, 5])
def test_a_country_is_so_many_of_its_networks(hit: int) -> None:
    networks = range(64500, 64505)
    tables = found(*(path(STORY if n - 64500 < hit else "." * 20, network=n) for n in networks))
    one = country(tables)
    assert (one["networks_hit"], one["networks_data"]) == (hit, 5)
    assert one["state"] == ("conflicting" if hit == 1 else "blocked")
    assert one["grade"] == ("insufficient" if hit == 1 else "corroborated")
    assert one["contradicts"] == (f"networks_open:{5 - hit}" if hit < 5 else None)
    assert one["users_share"] is None


@pytest.mark.parametrize(("share", "state"), [(0.2, "conflicting"), (0.5, "conflicting"), (0.51, "blocked")])
def test_one_network_is_the_country_only_where_it_carries_most_users(share: float, state: str) -> None:
    users = {("XA", 64500): share, ("XA", 64501): 1 - share}
    tables = found(path(STORY), path("." * 20, network=64501), users=users)
    one = country(tables)
    assert one["state"] == state
    assert one["users_share"] == pytest.approx(share)
    assert (one["networks_hit"], one["networks_data"]) == (1, 2)


@pytest.mark.parametrize("grade", ["the only one", "alone heard"])
def test_nor_where_no_other_network_is_heard(grade: str) -> None:
    others = [path("." * 1, network=64501, tries=2)] if grade == "alone heard" else []
    one = country(found(path(STORY), *others))
    assert one["state"] != "blocked"
    assert "one_network" in (one["contradicts"] or "")


def test_networks_without_enough_data_do_not_count() -> None:
    tables = found(path(STORY), path(STORY, network=64501), path("." * 2, network=64502, tries=2))
    one = country(tables)
    assert (one["state"], one["networks_hit"], one["networks_data"]) == ("blocked", 2, 2)


def test_what_ended_has_a_row_of_its_own() -> None:
    tables = found(*(path(STORY + "." * 8, network=n) for n in (64500, 64501)))
    past, now = country(tables, state="blocked"), country(tables, state="ok")
    assert past["end_before"] is not None
    assert past["event"] == events(tables, "block")[0]["event"]
    assert now["networks_hit"] == 2
    assert now["grade"] == "corroborated"


def test_throttling_and_blocking_are_told_apart_by_the_many() -> None:
    mixed = path("." * 12, crew=4) + path("t" * 8, first=12, crew=4) + path("x" * 8, first=12, tries=2, tag="other")
    assert own(found(mixed))[0]["state"] == "throttled"
    one = country(found(mixed, path("." * 12 + "t" * 8, network=64501)))
    assert one["state"] == "throttled"
