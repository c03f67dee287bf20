"""Law: forged sessions put no transport on the map, and take none off without a word; no evidence is no advice."""

from __future__ import annotations

import msgspec
import pytest
from feeds import DAYS, FEED, OBFS, SNOW, advised, answer, day, entry, forged, people, seen, usual

from clampdown.publish import ways_feed_document as doc
from clampdown.publish import ways_map
from clampdown.publish.words import feed as words

STANDING = usual()


@pytest.fixture(scope="module")
def standing() -> doc.Entry:
    """What the map said three days before the last."""
    return entry(STANDING, DAYS - 4)


def test_a_transport_that_works_is_advised(standing: doc.Entry) -> None:
    made = entry(STANDING, last=standing)
    assert advised(made) == ["snowflake"]
    assert (made.no_evidence, made.reason, made.frozen_since, made.why) == (False, None, None, ())
    assert made.grade == "corroborated"
    assert made.note == words.NOTE
    assert made.valid_until == day(DAYS - 1 + FEED.valid_days)
    assert made == entry(STANDING), "with or without a last map"
    shape = msgspec.json.decode(doc.encode({"xa": made}))["xa"]["settings"][0]["bridges"]
    assert shape == {"type": "snowflake", "source": "builtin"}


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "nobody tried"),
        (usual(letter="b"), "blocked"),
        (usual(letter="d"), "down"),
        (usual(letter="u"), "undecided"),
        (people(SNOW, "o" * DAYS, 1), "one vantage point a day on one network, all of one kind"),
        (people(SNOW, "." * 60 + "o" * 10 + "." * 20, 3), "the last success is three weeks old"),
        (usual(SNOW, "o", DAYS - 1) + usual(OBFS, "b"), "see below"),
    ],
)
def test_what_does_not_qualify(rows: list[dict[str, object]], why: str) -> None:
    made = entry(rows)
    if why == "see below":
        assert advised(made) == ["snowflake"], "the blocked one is not there beside it"
        return
    assert (made.settings, made.no_evidence, made.reason) == ((), True, "none_qualifies"), why
    assert made.grade == "insufficient"
    assert made.note == words.NOTHING
    assert "no bridge is needed" in made.note


def test_order_by_the_lower_bound_and_what_is_impaired_last() -> None:
    """What is impaired is last, also where the little that works is known less well."""
    weekly = [row for network in (64500, 64501) for row in people(SNOW, "o......" * 13, 2, network, f"v{network}")]
    meek = people("tor/meek", "o" * DAYS, 20) + people("tor/meek", "b" * 60 + "t" * 30, 2, 64501)
    made = entry(weekly + usual(OBFS, many=2) + meek)
    assert advised(made) == ["obfs4", "snowflake", "meek"]
    assert [one.state for one in made.settings] == ["works", "works", "impaired"]
    assert made.settings[0].low > made.settings[2].low > made.settings[1].low


def test_tor_without_a_bridge_names_no_bridge() -> None:
    made = entry(usual("tor/direct"))
    assert [(one.bridges.type, one.bridges.source) for one in made.settings] == [("vanilla", "none")]


@pytest.mark.parametrize(
    ("change", "qualifies"),
    [
        ({}, True), ({"grade": "consistent"}, False), ({"vantage": None}, False), ({"state": "conflicting"}, False),
        ({"age_ok": 14}, True), ({"age_ok": 15}, False), ({"last_ok": None}, False), ({"state": "untested"}, False),
        ({"low": None}, False),
    ],
)  # fmt: skip
def test_each_condition(change: dict[str, object], qualifies: bool) -> None:
    """Counts alone, too low a grade, too old a success: never advised."""
    made = []
    for one in (answer(STANDING), answer(STANDING, DAYS - 4)):
        ways = tuple(
            msgspec.structs.replace(way, **change) if (way.way, way.network) == ("snowflake", None) else way
            for way in one.ways
        )
        made.append(msgspec.structs.replace(one, ways=ways))
    found = ways_map.entry(*made, {("tor", "snowflake"): "snowflake"}, frozenset(), seen(STANDING), None, FEED)
    assert found.no_evidence is not qualifies
    assert ways_map.asks(made[0], {("tor", "snowflake"): "snowflake"}) is qualifies
    found = ways_map.entry(made[0], None, {("tor", "snowflake"): "snowflake"}, frozenset(), seen(STANDING), None, FEED)
    assert found.no_evidence, "nothing was asked of the days before"


# ---- forgers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("many", [2, 9])
@pytest.mark.parametrize("span", [(85, 89), (89, 89), (66, 69)])
def test_forged_successes_put_nothing_on_the_map(many: int, span: tuple[int, int]) -> None:
    """Blocked, or never tried: somebody who adds sessions that say `ok`, on networks of his own too."""
    for world in (usual(letter="b", many=1), []):
        own = forged(SNOW, "o", *span, many, 64777)
        for rows in (world + own, world + own + forged(SNOW, "o", *span, many)):
            last = entry(world, span[0] - 1)
            for at in (span[1], min(span[1] + 8, DAYS - 1)):
                last = made = entry(rows, at, last=last)
                assert advised(made) == []
                assert made.no_evidence


@pytest.mark.parametrize(("many", "letter"), [(1, "b"), (3, "b"), (20, "b"), (3, "d"), (8, "u"), (8, "t")])
def test_forged_failures_take_nothing_off_at_once(many: int, letter: str, standing: doc.Entry) -> None:
    """Each day somebody adds failures; the map stays as it was, or says that it is frozen, and since when."""
    rows = STANDING + forged(SNOW, letter, 87, 89, many) + forged(SNOW, letter, 87, 89, many, 64501)
    last = standing
    for at in (87, 88, 89):
        made = entry(rows, at, last=last)
        assert advised(made) == ["snowflake"]
        if made.frozen_since is not None:
            assert made.why
            assert (made.valid_until, made.as_of) == (last.valid_until, last.as_of), "it keeps its own"
        last = made


def test_the_surge_of_a_forger_is_said(standing: doc.Entry) -> None:
    made = entry(STANDING + forged(SNOW, "b", 88, 89, 30), last=standing)
    assert made.frozen_since == day(89)
    assert "surge:snowflake" in made.why
    again = entry(STANDING + forged(SNOW, "b", 88, 89, 30), last=made)
    assert again == made, "the same day again changes nothing"


def test_a_frozen_map_expires_and_says_so() -> None:
    rows = usual(days=110, many=2) + forged(SNOW, "b", 89, 91, 20)
    last = entry(rows, 88)
    said: list[tuple[str | None, bool]] = []
    for at in (89, 102, 103, 104):
        last = entry(rows, at, last=last)
        said.append((last.reason, last.no_evidence))
        assert last == entry(rows, at, last=last), "the same day again changes nothing"
    assert said[:3] == [(None, False), (None, False), ("expired", True)], "valid until its last day"
    assert all(nothing for _, nothing in said[2:])


# ---- what is real ------------------------------------------------------------------------------------------------


def test_a_real_block_is_followed_after_it_was_said() -> None:
    """Nobody is added: the same people fail from a day on. It is said the first day, and done three days later."""
    rows = usual(letter="o" * 80 + "b" * 10, days=1, many=2)
    last: doc.Entry | None = entry(rows, 79)
    story: list[tuple[list[str], tuple[str, ...]]] = []
    for at in range(81, 90):
        last = entry(rows, at, last=last)
        story.append((advised(last), last.why))
    begun = next(n for n, (_, why) in enumerate(story) if why)
    assert story[begun] == (["snowflake"], ("contested",))
    assert [said for said, _ in story[begun + 3 :]] == [[]] * (len(story) - begun - 3)
    assert begun + 3 < len(story)


def test_a_real_opening_is_followed_when_it_has_stood_some_days() -> None:
    rows = usual(letter="b" * 80 + "o" * 10, days=1, many=2)
    known = (None, "works", "corroborated")
    works = [any((w.network, w.state, w.grade) == known for w in answer(rows, at).ways) for at in range(80, 90)]
    told = [bool(advised(entry(rows, at))) for at in range(80, 90)]
    assert told == [False] * 3 + works[:-3]
    assert any(told)


def test_what_is_untested_now_goes_at_once(standing: doc.Entry) -> None:
    made = ways_map.entry(
        answer([], DAYS - 1), answer([], DAYS - 4), {("tor", "snowflake"): "snowflake"}, frozenset(), seen(STANDING),
        standing, FEED,
    )  # fmt: skip
    assert made.no_evidence


def test_a_source_that_may_not_be_passed_on_is_not_advised(standing: doc.Entry) -> None:
    now, then = answer(STANDING), answer(STANDING, DAYS - 4)
    key = ("tor", "snowflake")
    made = ways_map.entry(now, then, {key: "snowflake"}, frozenset({key}), seen(STANDING), standing, FEED)
    assert made.no_evidence


def test_too_little_history_is_said(standing: doc.Entry) -> None:
    assert entry(STANDING, first=40).why == ("history",)
    assert entry(STANDING, first=40).reason == "frozen"
    kept = entry(STANDING, first=40, last=standing)
    assert (advised(kept), kept.why) == (["snowflake"], ("history",))


@pytest.mark.parametrize(("days", "letter", "said"), [(30, "o", "frozen"), (60, "o", "frozen"), (61, "o", "frozen"),
                                                      (62, "o", None), (30, "b", "none_qualifies")])  # fmt: skip
def test_a_store_of_less_than_nine_weeks_is_frozen_as_history(days: int, letter: str, said: str | None) -> None:
    """As such a store is: there is no row before its first day, so no network has a usual."""
    begun = DAYS - days
    made = entry(usual(letter="." * begun + letter * days, days=1), first=begun)
    assert made.reason == said
    assert made.why == (("history",) if said == "frozen" else ())
    assert made.frozen_since == (day(DAYS - 1) if said == "frozen" else None)


def test_a_map_of_a_later_day_is_none_that_was_known(standing: doc.Entry) -> None:
    assert entry(usual(letter="b", days=DAYS), DAYS - 10, last=standing).no_evidence
