"""Law: what changes for the whole world, or with the instrument, is no policy; what is not sure of it says so."""

from __future__ import annotations

from typing import Any

import pytest
from tried import SITE, Row, Tables, events, findings, found, notes, own, path

COUNTRIES = ("XA", "XB", "XC", "XD", "XE")
HOURS = {"D": "ddxd?d" * 4, "H": "......" + "x" * 18}  # a site that is down: controls say so for a part of the tries


def networks(country: str) -> tuple[int, int]:
    first = 64500 + 10 * COUNTRIES.index(country)
    return first, first + 1


def country(code: str, days: str, **words: Any) -> list[Row]:
    return [one for n in networks(code) for one in path(days, country=code, network=n, of_day=HOURS, **words)]


def world(stories: dict[str, str], **words: Any) -> list[Row]:
    return [one for code, days in stories.items() for one in country(code, days, **words)]


DOWN = dict.fromkeys(COUNTRIES, "." * 20 + "D" * 4 + "." * 10)


def test_a_site_that_is_down_everywhere_is_a_note() -> None:
    tables = found(world(DOWN))
    assert events(tables) == []
    told = notes(tables)
    assert {(one["kind"], one["country"], one["target"]) for one in told} == {("site_down", c, SITE) for c in COUNTRIES}
    assert all(len(one["countries"].split()) >= 3 for one in told)
    assert {one["state"] for one in tables["findings"].to_pylist()} <= {"ok", "insufficient", "down"}


def vantages(rows: list[Row]) -> list[tuple[Any, ...]]:
    return sorted({(one["network"], one["platform"], one["network_type"]) for one in rows})


def without(rows: list[Row], vantage: tuple[Any, ...]) -> list[Row]:
    return [one for one in rows if (one["network"], one["platform"], one["network_type"]) != vantage]


def answers(tables: Tables) -> tuple[list[str], list[str]]:
    kinds = sorted({f"{one['kind']} {one['country']}" for one in notes(tables)})
    return [f"{one['direction']} {one['country']} {one['targets']}" for one in events(tables)], kinds


@pytest.mark.parametrize("story", ["down", "blocked here alone", "release"])
def test_no_answer_hangs_on_one_vantage_point(story: str) -> None:
    if story == "down":
        rows = world(DOWN)
    elif story == "release":
        rows = release("." * 20, "x" * 10)
    else:
        rows = world(dict.fromkeys(COUNTRIES[1:], "." * 34) | {"XA": "." * 20 + "x" * 4 + "." * 10})
    told = answers(found(rows))
    assert told != ([], [])
    for vantage in vantages(rows)[::3]:
        assert answers(found(without(rows, vantage))) == told, vantage


def test_one_vantage_point_elsewhere_does_not_make_it_the_site() -> None:
    """It says in four countries that the site is down; everyone else there says that it works."""
    rows = world(dict.fromkeys(COUNTRIES[1:], "." * 34) | {"XA": "." * 20 + "x" * 14})
    liar = [one for code in COUNTRIES[1:] for one in path("d" * 14, first=20, country=code, network=networks(code)[0],
                                                          crew=1, tries=24, vantage="liar")]  # fmt: skip
    (event,) = events(found([*rows, *liar]))
    assert (event["country"], event["direction"], event["grade"]) == ("XA", "block", "corroborated")


def test_a_block_here_alone_says_that_it_works_elsewhere() -> None:
    tables = found(world(dict.fromkeys(COUNTRIES[1:], "." * 34) | {"XA": "." * 20 + "x" * 14}))
    (event,) = events(tables)
    assert event["country"] == "XA"
    assert "works_elsewhere:4" in event["why"].split(",")
    assert event["contradicts"] is None


def test_where_only_some_speak_it_is_published_with_what_speaks_against_it() -> None:
    """It fails in two other countries: too few to call the site down."""
    stories = dict.fromkeys(COUNTRIES[3:], "." * 34) | dict.fromkeys(COUNTRIES[:3], "." * 20 + "x" * 14)
    tables = found(world(stories))
    assert notes(tables) == []
    told = {one["country"]: one for one in events(tables)}
    assert set(told) == set(COUNTRIES[:3])
    assert all(one["contradicts"] == "fails_elsewhere:2" for one in told.values())


def test_where_controls_do_not_fail_it_is_no_site_down() -> None:
    """Four countries at once, and not one control that fails: published, and it is said how many others."""
    tables = found(world(dict.fromkeys(COUNTRIES, "." * 20 + "x" * 14)))
    assert len(events(tables)) == 5
    assert notes(tables, "site_down") == []
    assert {one["contradicts"] for one in events(tables)} == {"fails_elsewhere:4"}


def test_countries_with_a_standing_finding_are_not_asked() -> None:
    """They have failed all along: their failures say nothing of a change here, and their silence neither."""
    standing = dict.fromkeys(COUNTRIES[1:], "x" * 34)
    tables = found(world(standing | {"XA": "." * 20 + "x" * 14}))
    (event,) = events(tables)
    assert event["contradicts"] is None
    assert "works_elsewhere" not in event["why"]
    assert notes(tables) == []


def release(before: str, after: str, codes: tuple[str, ...] = COUNTRIES, *, old_stays: bool = False) -> list[Row]:
    """From one day on, everyone (or, `old_stays`, half of them) runs a new version, under which one test fails."""
    made: list[Row] = []
    words: dict[str, Any] = {"test": "telegram", "test_version": "0.2.0", "target": "telegram/app"}
    for code in codes:
        made += country(code, before, **words)
        new = words | {"test_version": "0.3.0", "software": "ooniprobe/3.2.0"}
        made += country(code, after, first=len(before), tag="new", **new)
        if old_stays:
            made += country(code, "." * len(after), first=len(before), tag="old", **words)
        made += country(code, "." * (len(before) + len(after)))
    return made


@pytest.mark.parametrize("old_stays", [True, False])
def test_a_release_that_breaks_one_test_is_a_note(old_stays: bool) -> None:
    tables = found(release("." * 20, "x" * 10, old_stays=old_stays))
    assert events(tables) == []
    told = notes(tables)
    assert {(one["kind"], one["country"], one["target"], one["test"]) for one in told} == {
        ("instrument", code, "telegram/app", "telegram") for code in COUNTRIES
    }
    assert {one["detail"] for one in told} <= {"version:ooniprobe/3.2.0/0.3.0"}
    hits = [one for one in tables["findings"].to_pylist() if one["state"] in ("blocked", "throttled")]
    assert hits == []


def test_a_release_that_mends_it_again_is_no_unblocking() -> None:
    rows = release("." * 20, "x" * 10)
    mended: dict[str, Any] = {"test": "telegram", "test_version": "0.4.0", "software": "ooniprobe/3.3.0"}
    for code in COUNTRIES:
        rows += country(code, "." * 10, first=30, tag="mended", target="telegram/app", **mended)
    assert events(found(rows)) == []


def test_a_block_after_a_release_is_still_one() -> None:
    """Everyone has a new version; only here does it fail."""
    rows = release("." * 20, "x" * 10, ("XA",)) + release("." * 20, "." * 10, COUNTRIES[1:])
    (event,) = events(found(rows))
    assert (event["country"], event["targets"]) == ("XA", "telegram/app")


def test_one_country_alone_under_a_new_version_is_published_with_it_against() -> None:
    """On one network of one country, half run the new version and fail: too little to say that the version did it."""
    words: dict[str, Any] = {"tries": 6, "crew": 2}
    rows = path("." * 30, **words)
    rows += path("x" * 10, first=20, tag="new", software="ooniprobe/3.2.0", **words)
    tables = found(rows)
    (event,) = events(tables)
    assert (event["contradicts"] or "").startswith("follows_version:ooniprobe/3.2.0")


def test_findings_of_what_is_withheld_are_no_interference() -> None:
    tables = found(world(DOWN))
    for code in COUNTRIES:
        for one in own(tables, networks(code)[0], SITE, code):
            assert one["state"] != "blocked"
    assert [one for one in findings(tables, network=None) if one["state"] == "blocked"] == []
