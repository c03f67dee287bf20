"""Law: windows hold all of the asked period, never overlap, never exceed the limit, and have the same keys later."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent))
import itertools
import re
from collections import Counter
from dataclasses import replace

from services_given import NOW, TOKEN, asked, planned, query

from clampdown.errors import UsageError
from clampdown.fetch import asking
from clampdown.fetch.known import all_known, known
from clampdown.fetch.wanted import Asked, Service, Wanted
from clampdown.pipeline.fetching import SERVICES

TIMES = st.datetimes(datetime(2012, 1, 1), datetime(2024, 12, 31))
QUESTIONS = ("ioda", "tor-metrics", "radar", "google", "ooni-api")


@given(TIMES, TIMES, st.sampled_from(QUESTIONS), st.sampled_from([1, 1800, 3600, 86400]))
def test_windows_hold_what_was_asked(one: datetime, other: datetime, name: str, grain: int) -> None:
    of, unit = known(name), timedelta(seconds=grain)
    length = of.window
    assert length is not None
    question = Asked(min(one, other), max(one, other), NOW)
    found = list(asking.windows(question, of, length, unit))
    start, newest = asking.floor(question.since, unit), asking.floor(NOW - of.delay, unit)
    end = min(asking.ceil(question.until, unit), newest)
    if start >= end:
        assert found == []
        return
    assert found[0].start <= start < found[0].start + length
    assert end <= found[-1].end < end + length
    assert found[-1].end <= newest
    assert all(a.end == b.start for a, b in itertools.pairwise(found))
    assert all(w.start == asking.floor(w.start, length) for w in found)
    assert all(w.end == w.start + length for w in found if w.start + length <= newest)
    assert all(timedelta(0) < w.end - w.start <= length for w in found)
    assert not any(w.open for w in found[:-1])
    cut = found[-1].start + length > newest
    assert found[-1].open == (cut and newest < asking.ceil(question.until, unit))


@given(TIMES, TIMES)
def test_pieces_are_exactly_what_was_asked(one: datetime, other: datetime) -> None:
    of, length = known("ooni-api"), timedelta(days=180)
    question = Asked(min(one, other), max(one, other), NOW)
    found = list(asking.pieces(question, of, length))
    start, end = asking.floor(question.since, asking.SECOND), asking.ceil(question.until, asking.SECOND)
    end = min(end, asking.floor(NOW - of.delay, asking.SECOND))
    assert (not found) == (start >= end)
    if found:
        assert (found[0].start, found[-1].end) == (start, end)
    assert all(a.end == b.start for a, b in itertools.pairwise(found))
    assert all(timedelta(0) < w.end - w.start <= length for w in found)


@given(TIMES, TIMES, TIMES, TIMES, st.sampled_from(QUESTIONS))
def test_windows_do_not_depend_on_the_question(a: datetime, b: datetime, c: datetime, d: datetime, name: str) -> None:
    """Two questions that meet ask for the same windows where they meet: nothing is asked for twice."""
    of = known(name)
    length = of.window or asking.DAY
    over = asking.floor(NOW - of.delay, length)  # windows after it are not over
    one, other = (
        {w for w in asking.windows(Asked(*sorted(ends), NOW), of, length) if w.start < over}
        for ends in ((a, b), (c, d))
    )
    assert not any(w != v and w.start < v.end and v.start < w.end for w in one for v in other)


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name != "ooni-api"])
def test_a_question_that_moves_with_the_clock_asks_for_the_same_windows(name: str) -> None:
    """A job says "7 days" and runs every day."""
    keys: set[str] = set()
    for days in range(60):
        now = NOW + timedelta(days=days, minutes=7 * days)
        since = now - timedelta(days=7)
        keys |= {one.key for one in _all(SERVICES[name], asked(since.isoformat(), now.isoformat(), now=now))}
    ends = Counter(re.sub(r"\d{6,}|\d{4}-[-\dT:Z]+", "*", key) for key in keys if asking.OPEN not in key)
    starts = Counter(re.sub(r"(end|until|dateEnd)=[^&]*", "", key) for key in keys)
    assert all(count <= 2 for count in starts.values()), "a window has the key of its end, and one while it is open"
    assert all(count <= 60 // 10 + 2 for count in ends.values())


@given(TIMES, st.timedeltas(timedelta(minutes=1), timedelta(days=30)))
def test_ticks_are_those_of_the_period(since: datetime, span: timedelta) -> None:
    every = timedelta(hours=8)
    found = list(asking.ticks(since, since + span, every))
    assert all(time.hour % 8 == time.minute == time.second == 0 for time in found)
    assert all(since <= time < since + span for time in found)
    assert len(found) == len([n for n in range(200) if since <= asking.floor(since, every) + n * every < since + span])


def _all(service: Service, question: Asked) -> list[Wanted]:
    return planned(service, replace(question, token=TOKEN, options={}))


ANSWERERS = [name for name in SERVICES if name not in ("ooni", "ooni-api")]


@pytest.mark.parametrize("name", ANSWERERS)
def test_keys_are_unique_and_hold_no_secret(name: str) -> None:
    for question in (asked("2022-09-01", "2022-12-01"), asked("2024-06-01", "2024-07-01")):
        found = _all(SERVICES[name], question)
        assert found
        assert len({one.key for one in found}) == len({one.url for one in found}) == len(found)
        assert len({one.name for one in found}) == len(found)
        for one in found:
            assert one.service == name
            assert "/" not in one.name
            assert all(TOKEN.reveal() not in text for text in (one.key, one.url, one.name, repr(one)))


@pytest.mark.parametrize("name", ANSWERERS)
def test_what_is_old_is_settled_and_what_is_new_is_asked_for_again(name: str) -> None:
    assert all(one.settled for one in _all(SERVICES[name], asked("2022-09-01", "2022-09-20")))
    assert not any(one.settled for one in _all(SERVICES[name], asked("2024-06-15", "2024-06-20")))
    new = _all(SERVICES[name], asked("2024-06-01", "2024-07-01"))
    assert not all(one.settled for one in new)


@pytest.mark.parametrize("name", [name for name in ANSWERERS if name in QUESTIONS])
def test_a_window_that_the_present_cuts_off_keeps_its_key(name: str) -> None:
    """So the next run asks for the same thing, and the ledger does not fill with every minute's question."""
    first = _all(SERVICES[name], asked("2024-06-01", "2024-07-01"))
    later = _all(SERVICES[name], asked("2024-06-01", "2024-07-01", now=NOW + timedelta(hours=1)))
    assert [one.key for one in first] == [one.key for one in later]
    assert any("open" in one.key for one in first)
    assert [one.url for one in first] != [one.url for one in later] or name == "tor-metrics"  # it has days


def test_an_open_window_is_never_settled() -> None:
    start, end = NOW - timedelta(days=2), NOW - timedelta(days=1)
    assert asking.Window(start, end, open=False).settled(NOW, timedelta(days=1))
    assert not asking.Window(start, end, open=True).settled(NOW, timedelta(days=1))


@pytest.mark.parametrize("name", ANSWERERS)
def test_nothing_is_asked_for_that_cannot_be_there(name: str) -> None:
    assert _all(SERVICES[name], asked("2024-06-15T12:30", "2024-07-01")) == []


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name != "ooni-api"])
def test_a_mirror_of_a_service_that_answers_is_no_folder(name: str, tmp_path: Path) -> None:
    at = replace(asked(), base="http://127.0.0.1:8080/x/", token=TOKEN)
    assert all(one.url.startswith("http://127.0.0.1:8080/x/") for one in planned(SERVICES[name], at))
    with pytest.raises(UsageError, match="folder"):
        planned(SERVICES[name], replace(at, base=str(tmp_path)))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_an_option_that_means_nothing_is_said(name: str) -> None:
    odd = {"ooni": ("layout", "x"), "google": ("product", "x"), "ooni-api": ("most", "x")}.get(name, ("what", "x"))
    with pytest.raises(UsageError, match="x"):
        planned(SERVICES[name], asked(options={odd[0]: odd[1]}, token=TOKEN))


def test_every_service_has_a_row_and_every_row_a_service() -> None:
    assert set(all_known()) == set(SERVICES)


def test_times_of_a_question_are_those_of_its_windows() -> None:
    found = planned(SERVICES["ioda"], asked("2022-09-01", "2022-09-05", options={"what": "signals"}))
    spans = {(int(query(one.url)["from"]), int(query(one.url)["until"])) for one in found}
    days = timedelta(days=10)
    start = asking.floor(datetime(2022, 9, 1), days)
    assert spans == {
        (asking.seconds(at), asking.seconds(at + days)) for at in (start, start + days) if at < datetime(2022, 9, 5)
    }
