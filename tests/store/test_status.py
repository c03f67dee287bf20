"""Law: status says what is here and what of it was asked for, each number as the tables give it, and writes nothing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import kept

from clampdown.fetch.known import all_known
from clampdown.fetch.ledger import Forgot, Got, Ledger, Request
from clampdown.pipeline import asked, ingest, open_storage
from clampdown.pipeline.status import Status, status
from clampdown.store.storage import LocalStorage
from clampdown.store.store import Store


@pytest.fixture(scope="module")
def said(whole: Store) -> Status:
    before = kept.files(Path(whole.name))
    found = status(whole, Ledger(Path(whole.name) / "raw"), now=kept.NOW)
    assert kept.files(Path(whole.name)) == before
    return found


def test_what_is_here(said: Status, whole: Store) -> None:
    held = {one.name: one for one in said.sources}
    rows = whole.table("measurements", columns=["country", "network", "day"])
    assert set(held) == {"ooni", "tiny"}
    assert (held["ooni"].measurements, held["tiny"].levels) == (rows.num_rows, 3)
    assert (held["ooni"].first, held["ooni"].last, held["ooni"].days) == ("2024-03-01", "2024-03-03", 3)
    assert said.days == 3
    assert (held["ooni"].countries, held["ooni"].networks, said.networks) == (2, 2, 2)
    countries = {one.name: one.measurements for one in said.countries}
    assert countries == {n: rows["country"].to_pylist().count(n) for n in ("XA", "XB", None)}
    assert said.rejects == {"not_json": 1}
    assert (said.inputs, said.records) == (6, 5 + 4 + 2 + 4 + 1 + 2)
    assert said.first == "2024-03-01T00:00:00Z"


def test_the_same_numbers_where_nothing_is_judged(said: Status, tmp_path: Path) -> None:
    """Judged days are counted from their coverage, others from their measurements."""
    other = status(kept.make(tmp_path / "s", judge=False), None)
    assert (other.sources, other.countries, other.networks) == (said.sources, said.countries, said.networks)
    assert [(one.why, len(one.days)) for one in other.todo] == [("judge", 4)]
    assert said.todo == ()


def test_gaps_and_what_came_along(said: Status) -> None:
    gaps = {ask.service: [(run.first, run.last) for run in ask.gaps] for ask in said.asked}
    assert gaps == {
        "ooni": [("2024-03-04", "2024-03-05")],
        "tiny": [("2024-03-02", "2024-03-02"), ("2024-03-04", "2024-03-05")],
    }
    (period,) = next(ask.periods for ask in said.asked if ask.service == "ooni")
    assert (period.until, period.until_received) == ("2024-03-06T00:00:00", "2024-03-07T00:00:00")
    assert {(edge.source, edge.country) for edge in said.edges} == {("ooni", "XB"), ("ooni", None)}


def test_size_and_references(said: Status, whole: Store) -> None:
    root = Path(whole.name)
    assert said.size.tables == sum(p.stat().st_size for p in (root / "tables").rglob("*.parquet"))
    raw = [p for p in (root / "raw").rglob("*") if p.is_file() and p.parent != root / "raw"]
    assert (said.size.raw, said.size.raw_files) == (sum(p.stat().st_size for p in raw), len(raw))
    assert said.size.landing == 0
    roots = next(one for one in said.snapshots if one.kind == "roots")
    assert roots.date is not None
    assert roots.age_days is not None
    assert roots.licence == "MPL-2.0"
    msgspec.json.encode(said)


def test_without_a_ledger_nothing_is_a_gap(whole: Store) -> None:
    found = status(whole)
    assert (found.asked, found.edges, found.size.raw_files) == ((), (), 0)


def test_what_is_to_be_done(tmp_path: Path, whole: Store) -> None:
    folder = shutil.copytree(whole.name, tmp_path / "s")
    store = open_storage(LocalStorage(folder), "s")
    (tmp_path / "more.jsonl").write_text("11\n")
    ingest(tmp_path / "more.jsonl", store, workers=1, judge=False, read=kept.read, rules=kept.RULES)
    assert [(one.why, one.days) for one in status(store).todo] == [("judge", ("2024-03-04",))]


def request(since: str, until: str, received: str | None = None, at: str = kept.AT, **other: Any) -> Request:
    return Request("ooni", f"2024-{since}T00:00:00", f"2024-{until}T00:00:00", at, until_received=received, **other)


GONE = [Forgot("2024-03-03", "2024-03-11T00:00:00Z")]
LATER = "2024-03-12T00:00:00Z"


@pytest.mark.parametrize(
    ("requests", "forgot", "periods"),
    [
        ([request("03-01", "03-03"), request("03-03", "03-05")], [], "03-01 03-05 None"),
        ([request("03-01", "03-03"), request("03-04", "03-05")], [], "03-01 03-03 None, 03-04 03-05 None"),
        # Of what was asked twice the later look counts.
        ([request("03-01", "03-05", "a"), request("03-03", "03-06", "b")], [], "03-01 03-03 a, 03-03 03-06 b"),
        ([request("03-01", "03-05", "b"), request("03-02", "03-04", "a")], [], "03-01 03-05 b"),
        # What was forgotten is asked for no more, unless it was asked for again.
        ([request("03-01", "03-05")], GONE, "03-03 03-05 None"),
        ([request("03-01", "03-02")], GONE, ""),
        ([request("03-01", "03-05", at=LATER)], GONE, "03-01 03-05 None"),
    ],
)
def test_periods(requests: list[Request], forgot: list[Forgot], periods: str) -> None:
    made = asked.asks(requests, forgot, lambda _ask, _day: True)
    found = [f"{one.since[5:10]} {one.until[5:10]} {one.until_received}" for ask in made for one in ask.periods]
    assert ", ".join(found) == periods


def test_times_are_said_in_seconds() -> None:
    one = Request("ooni", "2024-03-01T07:08:09.123456", "2024-03-02T07:08:09.654321", kept.AT)
    [ask] = asked.asks([one], [], lambda _ask, _day: True)
    assert [(p.since, p.until) for p in ask.periods] == [("2024-03-01T07:08:09", "2024-03-02T07:08:09")]


def test_questions_are_told_apart_and_days_are_whole() -> None:
    other = request("03-01", "03-03", tests=("telegram",))
    part = Request("ooni", "2024-03-01T12:00:00", "2024-03-03T12:00:00", kept.AT)
    made = asked.asks([request("03-01", "03-03"), other, part], [], lambda _ask, _day: False)
    assert [(ask.tests, [run.days for run in ask.gaps]) for ask in made] == [((), [2]), (("telegram",), [2])]
    (alone,) = asked.asks([part], [], lambda _ask, _day: False)
    assert [(run.first, run.days) for run in alone.gaps] == [("2024-03-02", 1)]


def test_a_test_that_was_asked_for_and_is_not_there(whole: Store, tmp_path: Path) -> None:
    folder = shutil.copytree(whole.name, tmp_path / "s")
    ledger = Ledger(folder / "raw")
    ledger.add(request("03-01", "03-03", tests=("telegram",)), request("03-01", "03-03", tests=("web_connectivity",)))
    found = status(open_storage(LocalStorage(folder), "s"), ledger)
    assert {ask.tests: sum(run.days for run in ask.gaps) for ask in found.asked if ask.tests} == {
        ("telegram",): 2,
        ("web_connectivity",): 0,
    }


def test_every_service_has_its_sources() -> None:
    """What a service gives stands in the store under a source that the terms know."""
    terms = {one.source for one in kept.REFERENCE.terms}
    found = {name: asked.sources_of(name) for name in all_known()}
    assert all(set(sources) <= terms for sources in found.values())
    assert (found["ooni-api"], found["radar"]) == (("ooni",), ("cloudflare-radar",))
    assert "bgp-collectors" in found["routeviews"]
    assert asked.sources_of("nobody") == ("nobody",)


def brought(key: str, at: str) -> Got:
    return Got("ooni", key, key, "ab" * 32, 3, at)


@pytest.mark.parametrize(
    ("requests", "got", "missing"),
    [
        # What was not to be had belongs to the period that it was asked for.
        ([request("03-01", "03-03", missing=2, failed=("a", "b"))], [], 2),
        ([request("03-01", "03-03", missing=2, failed=("a", "b")), request("03-03", "03-05", at=LATER)], [], 2),
        ([request("03-01", "03-03", missing=1, failed=("a",)), request("03-02", "03-05", at=LATER)], [], 1),
        # Two runs that could not have the same file lack one file.
        ([request("03-01", "03-03", missing=1, failed=("a",)),
          request("03-02", "03-05", at=LATER, missing=1, failed=("a",))], [], 1),
        # It was had, by whatever question; or all of the period was answered again without it.
        ([request("03-01", "03-03", missing=2, failed=("a", "b"))], [brought("a", LATER)], 1),
        ([request("03-01", "03-03", missing=1, failed=("a",))], [brought("a", "2024-03-01T00:00:00Z")], 1),
        ([request("03-01", "03-03", missing=1, failed=("a",)), request("03-01", "03-05", at=LATER)], [], 0),
        # The window has ended meanwhile, and came under the key of its end.
        ([request("03-01", "03-03", missing=1, failed=("q?s=1&e=open&c=IR",))], [brought("q?s=1&e=9&c=IR", LATER)], 0),
        ([request("03-01", "03-03", missing=1, failed=("q?s=1&e=open&c=IR",))], [brought("q?s=2&e=9&c=IR", LATER)], 1),
        # Files that nothing names.
        ([request("03-01", "03-03", missing=3, failed=("a",)), request("03-03", "03-05", at=LATER)], [], 3),
    ],
)  # fmt: skip
def test_what_is_missing_belongs_to_its_period(requests: list[Request], got: list[Got], missing: int) -> None:
    held = {(one.service, one.key): one for one in got}
    (ask,) = asked.asks(requests, [], lambda _ask, _day: True, held)
    assert ask.missing == missing


def test_what_is_missing_of_forgotten_days_is_missed_no_more() -> None:
    old, new = request("03-01", "03-03", missing=1, failed=("a",)), request("03-01", "03-05")
    (ask,) = asked.asks([old, new], GONE, lambda _ask, _day: True)
    assert ask.missing == 0
