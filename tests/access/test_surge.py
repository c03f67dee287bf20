"""Law: a week that stands out freezes for as long as its sessions are in the answer, and not longer."""

from __future__ import annotations

import pytest
from feeds import DAYS, FEED, SNOW, day, forged, people, seen, usual

from clampdown.assess.surge import Seen, load_limits, surges, why
from clampdown.errors import RuleError

WINDOW, AT = 28, DAYS - 1


def counts(*runs: tuple[int, int]) -> dict[str, Seen]:
    """(days, vantage points on each of them), in order, ending with the last day."""
    flat = [count for days, count in runs for _ in range(days)]
    return {day(AT - len(flat) + 1 + at): Seen(count, 0) for at, count in enumerate(flat) if count}


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (((90, 5),), False),
        (((83, 5), (7, 10)), False),  # twice the usual, and not more
        (((83, 5), (7, 11)), True),
        (((89, 5), (1, 41)), True),  # in one day
        (((70, 5), (7, 20), (13, 5)), True),  # over, and still in the window
        (((40, 5), (7, 20), (43, 5)), False),  # over, and out of it
        (((62, 5), (28, 11)), True),  # it goes on: the first of its weeks counts
        (((30, 5), (60, 11)), False),  # it has gone on for long: that is the usual now
        (((90, 0),), False),
        (((89, 0), (1, 1)), False),
        (((89, 0), (1, 2)), True),  # where nobody tries, two are many
        (((83, 5), (7, 0)), False),  # silence is no surge
        (((20, 5), (14, 0), (56, 5)), False),
    ],
)
def test_a_week_against_the_weeks_before(runs: tuple[tuple[int, int], ...], expected: bool) -> None:
    assert surges(counts(*runs), day(AT), WINDOW, FEED) is expected


def test_new_devices_stand_out_where_their_number_does_not() -> None:
    old = people(SNOW, "o" * 85 + ".....", 4)
    same = people(SNOW, "." * 85 + "ooooo", 4, who="w")
    others = [row for n in range(4) for row in people(SNOW, "." * 85 + "ooooo", 1, 64600 + n, who=f"w{n}")]
    assert why(seen(old + same), ["snowflake"], day(AT), WINDOW, FEED) == ()
    assert why(seen(old + others), ["snowflake"], day(AT), WINDOW, FEED) == ("surge:snowflake",)


def test_a_session_counts_each_time_and_a_device_once() -> None:
    found = seen(people(SNOW, "o" * 90, 2)).types["snowflake"]
    assert found[day(0)] == Seen(2, 1)  # two sessions of one kind of device
    assert found[day(1)] == Seen(2, 0)
    late = seen(people(SNOW, "o" + "." * 40 + "o", 1)).types["snowflake"]
    assert late[day(41)] == Seen(1, 1), "after four weeks it is new again"


def test_only_types_that_matter_and_only_with_history() -> None:
    rows = usual() + forged(SNOW, "o", 88, 89, 50)
    assert why(seen(rows), ["obfs4"], day(AT), WINDOW, FEED) == ()
    assert why(seen(rows), ["obfs4", "snowflake"], day(AT), WINDOW, FEED) == ("surge:snowflake",)
    first = DAYS - FEED.history(WINDOW)
    assert why(seen(usual(), first=first), [], day(AT), WINDOW, FEED) == ()
    assert why(seen(usual(), first=first + 1), [], day(AT), WINDOW, FEED) == ("history",)
    assert why(seen([]), [], day(AT), WINDOW, FEED) == (), "days of which nobody tried are known"
    assert why(seen([])._replace(first=None), [], day(AT), WINDOW, FEED) == ("history",)


@pytest.mark.parametrize(
    "text", [b"", b"x = 1", b"[valid_days]\nvalue = 0\nreason = 'r'\n", b"[valid_days]\nvalue = 1\nreason = ''\n"]
)
def test_thresholds_that_are_not_well_formed(text: bytes) -> None:
    with pytest.raises(RuleError):
        load_limits(text)


def test_many_forged_sessions_are_always_seen() -> None:
    """Whatever the usual: as many again and one more, in any days of a week, is a surge."""
    for each in (0, 1, 2, 5):
        rows = people(SNOW, "o" * 90, each)
        for first in (83, 86, 89):
            span = 90 - first
            many = -(-(7 * each + 2) // span)
            assert why(seen(rows + forged(SNOW, "b", first, 89, many)), ["snowflake"], day(AT), WINDOW, FEED)
