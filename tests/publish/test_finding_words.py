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
from clampdown.publish.words import changes as said
from clampdown.publish.words import findings as words

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
import told

FEW = {"vantage_low": 1, "vantage_high": 1, "k": 1, "n": 2, "days": 1}
CASES: tuple[tuple[dict[str, Any], str], ...] = (
    (
        told.finding(),
        "telegram/web has been blocked on AS12455 since between 8 Nov 2023 21:10 and 9 Nov 06:00 UTC (last seen "
        "working, first seen blocked), last tried 23 Nov 2023 12:00; 41 of 44 tries from 3 to 9 vantage points; 95 % "
        "interval 0.81 to 0.98 (worth 21.4 independent tries); data on 12 of 16 days, nothing on 4 days; tls.timeout; "
        "corroborated.",
    ),
    (
        told.finding(state="throttled", end_after=told.END[0], end_before=told.END[1], days=16),
        "telegram/web was slowed down on AS12455 from between 8 Nov 2023 21:10 and 9 Nov 06:00 UTC (last seen "
        "working, first seen slowed down) until between 24 Nov 2023 08:00 and 25 Nov 09:30 UTC (last seen slowed "
        "down, first seen working); 41 of 44 tries from 3 to 9 vantage points; 95 % interval 0.81 to 0.98 (worth 21.4 "
        "independent tries); data on 16 of 16 days; tls.timeout; corroborated.",
    ),
    (
        told.ok(days=16, n_effective=None),
        "telegram/web works on AS15808; 1 of 40 tries saw interference from 3 to 9 vantage points; 95 % interval below "
        "0.01 to 0.10; data on 16 of 16 days; corroborated.",
    ),
    (
        told.silent("signal/app", 36866),
        "Nothing can be said of signal/app on AS36866: it was not tested. This is not a sign that it works.",
    ),
    (
        told.silent("signal/app", 36866, **FEW),
        "Too little to say anything of signal/app on AS36866: 2 tries that decided something (1 saw interference), "
        "from 1 vantage point on 1 of 16 days; missing: more tries and more vantage points.",
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
        ({"onset_after": None}, "since before the data begin, 9 Nov 2023 06:00 UTC (first seen blocked)"),
        ({"onset_after": None, "onset_before": None}, "on AS12455 since before the data begin, last tried"),
        ({"onset_before": datetime(2024, 1, 2)}, "8 Nov 2023 21:10 and 2 Jan 2024 00:00 UTC"),
        ({"vantage_low": -1, "vantage_high": -1}, "from an unknown number of vantage points"),
        ({"vantage_low": 3, "vantage_high": 3}, "tries from 3 vantage points"),
        ({"settled": 2}, "2 vantage points saw an artefact known to be this country's."),
        ({"stands": False}, "It does not stand with any one vantage point left out."),
        ({"pattern": "partial,hours:22-06"}, "It affects only a part of the tries. It holds in the hours 22-06 UTC."),
        ({"contradicts": "volume"}, "Against it: the number of measurements collapsed in the same days."),
        ({"contradicts": "site_down:UG,x_y"}, "in the same hours (UG); x_y."),
        ({"high": 0.999}, "0.81 to above 0.99"),
        ({"share": None}, "from 3 to 9 vantage points; data on 12"),
        ({"state": "refused"}, "the far end refuses, which is not blocking"),
        ({"state": "down"}, "fails for everyone"),
        ({"state": CONFLICTING}, "does not agree, so nothing is said"),
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
        contradicts="contrast_missing",
    )  # fmt: skip
    text = words.event(whole(row, EVENTS), days_only=False)
    for part in (
        "web/s0.example, web/s1.example, web/s2.example and 27 more targets", "on 5 of 9 networks with data",
        "AS1, AS2, AS3 and 2 more networks", "the last of them followed by 12 Nov 2023 05:00", "It has ended (e2).",
        "one platform and their brackets overlap", "in the place of a1 and a2", "Against it: too few other countries",
    ):  # fmt: skip
        assert part in text, part
    assert "05:00" not in words.event(whole(row, EVENTS), days_only=True)


def test_an_unblock_is_told_the_other_way_round() -> None:
    text = words.event(whole(told.event(direction="unblock", lasts=None), EVENTS), days_only=False)
    assert text.startswith("End of interference with telegram/app and telegram/web in KE")
    assert "(last seen blocked, first seen working)" in text
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
