"""Law: a sentence says what its row says: who, where, since when, how often, how sure, and what speaks against it."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clampdown.assess.counting import CONFLICTING
from clampdown.model import EVENT_MEMBERS, EVENTS, FINDINGS, NOTES, STATES
from clampdown.publish.words import codes as said
from clampdown.publish.words import findings as words

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
import told

FEW = {"vantage_low": 1, "vantage_high": 1, "k": 1, "n": 2, "days": 1}
CASES: tuple[tuple[dict[str, Any], str], ...] = (
    (
        told.finding(),
        "telegram/web has been blocked on AS12455: it began between 8 Nov 2023 21:10 (last seen working) and 9 Nov "
        "06:00 UTC (first seen blocked); it was last tried 23 Nov 2023 12:00 UTC. Interference in 41 of 44 tries, by "
        "at least 3 vantage points (at most 9): 81% to 98% with 95% confidence, as from 21 independent tries. There "
        "are data on 12 of 16 days. How: the encrypted handshake got no answer (tls.timeout). Grade: corroborated.",
    ),
    (
        told.finding(state="throttled", end_after=told.END[0], end_before=told.END[1], days=16),
        "telegram/web was slowed down on AS12455: it began between 8 Nov 2023 21:10 (last seen working) and 9 Nov "
        "06:00 UTC (first seen slowed down) and ended between 24 Nov 2023 08:00 (last seen slowed down) and 25 Nov "
        "09:30 UTC (first seen working). Interference in 41 of 44 tries, by at least 3 vantage points (at most 9): "
        "81% to 98% with 95% confidence, as from 21 independent tries. There are data on 16 of 16 days. How: the "
        "encrypted handshake got no answer (tls.timeout). Grade: corroborated.",
    ),
    (
        told.ok(days=16, n_effective=None),
        "telegram/web works on AS15808. Interference in 1 of 40 tries, by at least 3 vantage points (at most 9): under "
        "1% to 10% with 95% confidence. There are data on 16 of 16 days. Grade: corroborated.",
    ),
    (
        told.ok(days=16, onset_after=told.END[0], onset_before=told.END[1], share=None),
        "telegram/web works on AS15808 again: interference ended between 24 Nov 2023 08:00 (last seen blocked) and "
        "25 Nov 09:30 UTC (first seen working). Interference in 1 of 40 tries, by at least 3 vantage points (at most "
        "9). There are data on 16 of 16 days. Grade: corroborated.",
    ),
    (
        told.silent("signal/app", 36866),
        "Nothing can be said of signal/app on AS36866: it was not tested. This is not a sign that it works.",
    ),
    (
        told.silent("signal/app", 36866, **FEW),
        "Too little to say anything of signal/app on AS36866: 1 of 2 tries saw interference, by 1 vantage point, on "
        "1 of 16 days. What it needs: more tries and more vantage points.",
    ),
    (
        told.finding(state="insufficient", grade="insufficient", contradicts="site_down,one_device"),
        "Not counted as interference with telegram/web on AS12455: 41 of 44 tries failed so, but the site itself was "
        "down.",
    ),
)


def whole(row: dict[str, Any], schema: Any) -> dict[str, Any]:
    return {name: row.get(name) for name in schema.names}


@pytest.mark.parametrize(("row", "sentence"), CASES)
def test_sentences(row: dict[str, Any], sentence: str) -> None:
    assert words.finding(whole(row, FINDINGS), days_only=False) == sentence


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"onset_after": None}, "since before the data begin (first seen blocked 9 Nov 2023 06:00 UTC)"),
        ({"onset_after": None, "onset_before": None}, "on AS12455 since before the data begin; it was last tried"),
        ({"onset_before": datetime(2024, 1, 2)}, "8 Nov 2023 21:10 (last seen working) and 2 Jan 2024 00:00 UTC"),
        ({"vantage_low": -1, "vantage_high": -1}, "by an unknown number of vantage points"),
        ({"vantage_low": 3, "vantage_high": 3}, "tries, by 3 vantage points"),
        ({"settled": 2}, "2 vantage points saw an artefact known to be this country's."),
        ({"stands": False}, "It would not stand without one of its vantage points."),
        ({"pattern": "partial,hours:22-06"}, "It affects only a part of the tries. It keeps to the hours 22-06 UTC."),
        ({"contradicts": "silent:9"}, "Against it: nobody has tried for the last 9 days of the data."),
        ({"contradicts": "networks_open:1,x_y"}, "1 other network with data does not show it; x_y."),
        ({"high": 0.999}, "81% to over 99%"),
        ({"share": None}, "(at most 9). There are data on 12"),
        ({"state": "refused"}, "the far end refuses, which is not blocking"),
        ({"state": "down"}, "fails for everyone"),
        ({"state": CONFLICTING}, "Nothing is said of telegram/web on AS12455: what was seen does not agree."),
    ],
)
def test_what_a_row_says_its_sentence_says(other: dict[str, Any], says: str) -> None:
    assert says in words.finding(whole(told.finding(**other), FINDINGS), days_only=False)


@pytest.mark.parametrize("state", [*STATES, CONFLICTING, "insufficient"])
@pytest.mark.parametrize("share", [None, 0.2, 0.9])
def test_a_country_is_never_said_to_block(state: str, share: float | None) -> None:
    row = told.finding(network=None, networks_hit=1, networks_data=5, users_share=share, state=state)
    text = words.finding(whole(row, FINDINGS), days_only=False)
    assert "on 1 of 5 networks with data in KE" in text
    assert "blocked in" not in text
    assert ("20% of users" in text, "90% of users" in text) == (share == 0.2, share == 0.9)


@pytest.mark.parametrize("state", [*STATES, CONFLICTING, "insufficient"])
def test_days_only_says_no_time(state: str) -> None:
    row = told.finding(state=state, end_after=told.END[0], end_before=told.END[1])
    text = words.finding(whole(row, FINDINGS), days_only=True)
    for clock in ("21:10", "06:00", "08:00", "09:30", "12:00", "UTC"):
        assert clock not in text


def test_an_event_names_what_it_is_about() -> None:
    row = told.event(
        targets=" ".join(f"web/s{n}.example" for n in range(30)), networks="1 2 3 4 5", networks_n=5, networks_data=9,
        spread=datetime(2023, 11, 12, 5), supersedes="a1 a2", lasts=False, counterpart="e2",
        contradicts="fails_elsewhere:2", why="same_platform,works_elsewhere:1",
    )  # fmt: skip
    text = words.event(whole(row, EVENTS), days_only=False)
    for part in (
        "web/s0.example, web/s1.example, web/s2.example and 27 more targets", "on 5 of 9 networks with data",
        "AS1, AS2, AS3 and 2 more networks", "The last of them followed by 12 Nov 2023 05:00 UTC.",
        "It has ended (e2).",
        "2 changes are one event, because parts of one platform", "In the same days it worked in 1 other country.",
        "in the place of a1 and a2", "Against it: it newly failed in 2 other countries in the same days.",
    ):  # fmt: skip
        assert part in text, part
    assert "05:00" not in words.event(whole(row, EVENTS), days_only=True)


def test_an_unblock_is_told_the_other_way_round() -> None:
    text = words.event(whole(told.event(direction="unblock", lasts=None), EVENTS), days_only=False)
    assert text.startswith("Interference with telegram/app and telegram/web ended in KE")
    assert "(last seen blocked) and 9 Nov 06:00 UTC (first seen working)" in text
    assert "lasts" not in text
    member = words.member(whole(told.member(direction="unblock"), EVENT_MEMBERS), days_only=False)
    assert member.startswith("Interference with telegram/web on AS12455 ended between")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (told.note(), "A change of the instrument, not of policy, from 10 November 2023 on"),
        (told.note("volume", country="KE", network=7, last="2023-11-12"), "is no recovery: AS7, KE, from 10 November"),
        (
            told.note("site_down", target="web/a.example", last="2023-11-10"),
            "not blocked: web/a.example, on 10 November",
        ),
        (told.note("comet", first="unknown"), "of the kind comet"),
    ],
)
def test_notes(row: dict[str, Any], says: str) -> None:
    assert says in words.note(whole(row, NOTES))


@given(st.text(min_size=1).filter(lambda text: "," not in text and text.strip() == text))
def test_an_unknown_code_is_shown_and_turns_nothing(code: str) -> None:
    (shown,) = said.contradictions(code)
    assert shown
    row = whole(told.finding(contradicts=code, mechanism=code, target=code, pattern=code), FINDINGS)
    text = words.finding(row, days_only=False)
    assert shown in text
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\x00\x1b\n\r") & set(text)
    assert text.count("\u2068") == text.count("\u2069")
