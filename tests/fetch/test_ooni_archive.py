"""Law: of OONI's archive, all that may answer is listed, each object once, and nothing of other countries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from replay.archive import SMALL, Archive, make
from replay.bucket import Bucket
from replay.server import Replay

from clampdown.errors import Error, UsageError
from clampdown.fetch.client import Client
from clampdown.fetch.faults import place
from clampdown.fetch.ledger import Forgot, Ledger, Request
from clampdown.fetch.services import ooni
from clampdown.fetch.wanted import Asked
from clampdown.pipeline import fetching

NOW = datetime(2026, 3, 1)
ARCHIVE = make(SMALL)
ASKED = Asked(since=ARCHIVE.since, until=ARCHIVE.until, now=NOW, country=ARCHIVE.country)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Replay, Bucket]]:
    with Replay() as server:
        bucket = Bucket(ARCHIVE.objects, "ooni", most=7)
        server.mount(bucket.prefix, bucket)
        yield server, bucket


def keys(asked: Asked) -> list[str]:
    with Client() as client:
        return [one.key for one in ooni.plan(asked, client)]


def wanted(archive: Archive, *layouts: str) -> set[str]:
    """What a person who knows the archive would bring."""
    own = [key for key in archive.objects if archive.country in key.split("/") or key.startswith("canned/")]
    found: set[str] = set()
    for key in own:
        if key.startswith("raw/") and "hourly" in layouts:
            line = key.replace(".tar.gz", ".jsonl.gz")
            found.add(line if line in archive.objects else key)
        elif key.startswith("jsonl/") and "daily" in layouts:
            found.add(key)
        elif key.startswith("canned/") and "cans" in layouts:
            name = key.rpartition("/")[2]
            if f"-{archive.country}-" in name or name.endswith(".tar.lz4"):
                found.add(key)
    return found


@pytest.mark.parametrize(
    "layouts", [("hourly", "daily"), ("hourly",), ("daily",), ("cans",), ("hourly", "daily", "cans")]
)
def test_the_layouts_of_the_archive(served: tuple[Replay, Bucket], layouts: tuple[str, ...], tmp_path: Path) -> None:
    ARCHIVE.write(tmp_path)
    for base in (f"{served[0].url}/ooni", str(tmp_path)):
        listed = keys(replace(ASKED, base=base, options={"layout": layouts}))
        assert len(listed) == len(set(listed))
        assert set(listed) == wanted(ARCHIVE, *layouts)


def test_postcans_on_request(served: tuple[Replay, Bucket]) -> None:
    base = f"{served[0].url}/ooni"
    listed = keys(replace(ASKED, base=base, options={"postcans": ("yes",)}))
    tars = {key for key in ARCHIVE.objects if key.endswith(".tar.gz") and ARCHIVE.country in key.split("/")}
    assert tars <= set(listed)
    assert tars - set(keys(replace(ASKED, base=base)))  # lines stand for most of them otherwise


def test_one_test_only(served: tuple[Replay, Bucket]) -> None:
    listed = keys(replace(ASKED, base=f"{served[0].url}/ooni", tests=("web_connectivity",)))
    assert listed
    assert all("webconnectivity" in key for key in listed)


def test_uploads_are_looked_for_after_the_period(served: tuple[Replay, Bucket]) -> None:
    base = f"{served[0].url}/ooni"
    late = [key for key in wanted(ARCHIVE, "hourly") if key[4:12] >= f"{ARCHIVE.until:%Y%m%d}"]
    assert late  # the archive has some
    assert set(late) <= set(keys(replace(ASKED, base=base)))
    assert not set(late) & set(keys(replace(ASKED, base=base, options={"late": ("0",)})))


@pytest.mark.parametrize(
    ("since", "until", "late", "first", "last"),
    [
        ("2021-03-01", "2021-03-02", "0", "2021-02-28T23:00", "2021-03-02T00:00"),
        ("2021-03-01", "2021-03-02", "7", "2021-02-28T23:00", "2021-03-09T00:00"),
        ("2021-03-01T10:30", "2021-03-01T12:01", "0", "2021-03-01T09:00", "2021-03-01T13:00"),
        ("2026-02-27", "2026-03-01", "7", "2026-02-26T23:00", "2026-03-01T00:00"),  # not beyond now
    ],
)
def test_which_uploads(since: str, until: str, late: str, first: str, last: str) -> None:
    asked = Asked(datetime.fromisoformat(since), datetime.fromisoformat(until), NOW, options={"late": (late,)})
    assert ooni.received(asked) == (datetime.fromisoformat(first), datetime.fromisoformat(last))


@pytest.mark.parametrize("options", [{"layout": ("weekly",)}, {"late": ("31",)}, {"late": ("-1",)}, {"late": ("x",)}])
def test_options_that_mean_nothing(options: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(UsageError):
        keys(replace(ASKED, base="/nowhere", options=options))


def test_a_mirror_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Error, match="no such folder"):
        keys(replace(ASKED, base=str(tmp_path / "none")))


def request(at: str) -> Request:
    """The question, answered whole at this time."""
    return Request("ooni", ASKED.since.isoformat(), ASKED.until.isoformat(), at, country=ASKED.country,
                   until_received=ooni.received(ASKED)[1].isoformat())  # fmt: skip


def test_what_was_listed_long_ago_is_not_listed_again(
    served: tuple[Replay, Bucket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, bucket = served
    monkeypatch.setattr(ooni, "BASE", f"{server.url}/ooni")
    asked = ASKED
    ledger = Ledger(tmp_path)
    with Client() as client:
        first = fetching.plan(ooni.SERVICE, asked, client, ledger)
        fetching.bring(first, client, ledger)
        ledger.add(request("2026-03-01T00:00:00Z"))
        before = bucket.pages
        again = fetching.plan(ooni.SERVICE, asked, client, ledger)
        assert (again.files, again.here) == (first.files, first.files)
        pages = bucket.pages - before
        assert pages <= 3  # of the daily layout's names of tests, and no hour
        fresh = fetching.plan(ooni.SERVICE, asked, client, ledger, fresh=True)
        assert fresh.files == first.files
        assert bucket.pages - before > 10 * max(1, pages)
        # A longer period lists what is new only; a file that was lost makes it list all.
        longer = fetching.plan(ooni.SERVICE, replace(asked, until=asked.until + timedelta(days=1)), client, ledger)
        assert longer.files == first.files
        shared = Counter(got.digest for got in ledger.got.values())  # the archive has copies under other names
        ledger.file(next(digest for digest, count in shared.items() if count == 1) or "").unlink()
        lost = fetching.plan(ooni.SERVICE, asked, client, ledger)
        assert lost.here == lost.files - 1


def test_what_was_forgotten_is_listed_again(
    served: tuple[Replay, Bucket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, bucket = served
    monkeypatch.setattr(ooni, "BASE", f"{server.url}/ooni")
    asked = ASKED
    middle = asked.since + timedelta(days=2)
    ledger = Ledger(tmp_path)
    with Client() as client:
        first = fetching.plan(ooni.SERVICE, asked, client, ledger)
        fetching.bring(first, client, ledger)
        ledger.add(request("2026-03-01T00:00:00Z"))
        old = [got for got in ledger.got.values() if ooni_day(got.key) < middle]
        kept = [line for line in ledger.lines() if line not in old]
        ledger.rewrite([*kept, Forgot(middle.date().isoformat(), "2026-03-02T00:00:00Z")])
        assert old
        again = fetching.plan(ooni.SERVICE, asked, client, ledger)
        assert (again.files, again.here) == (first.files, first.files - len(old))
        # What still stands need not be listed, and once it was brought again nor need the rest.
        before = bucket.pages
        later = fetching.plan(ooni.SERVICE, replace(asked, since=middle), client, ledger)
        assert (later.here, bucket.pages - before <= 3) == (later.files, True)
        fetching.bring(again, client, ledger)
        ledger.add(request("2026-03-03T00:00:00Z"))
        before = bucket.pages
        assert fetching.plan(ooni.SERVICE, asked, client, ledger).here == first.files
        assert bucket.pages - before <= 3


def ooni_day(key: str) -> datetime:
    found = next(part for part in key.split("/") if len(part) == 8 and part.isdecimal())
    return datetime.strptime(found, "%Y%m%d")


def test_a_mirror_that_grows_is_looked_at_again(tmp_path: Path) -> None:
    mirror, aside = tmp_path / "mirror", tmp_path / "aside"
    ARCHIVE.write(mirror)
    day = next(path for path in sorted((mirror / "raw").iterdir()) if path.is_dir())
    day.rename(aside)
    asked = replace(ASKED, base=str(mirror))
    ledger = Ledger(tmp_path / "raw")
    with Client() as client:
        first = fetching.plan(ooni.SERVICE, asked, client, ledger)
        ledger.add(Request("ooni", asked.since.isoformat(), asked.until.isoformat(), "2026-03-01T00:00:00Z",
                           country=asked.country, base=place(str(mirror)),
                           until_received=ooni.received(asked)[1].isoformat()))  # fmt: skip
        aside.rename(day)
        assert fetching.plan(ooni.SERVICE, asked, client, ledger).files > first.files
