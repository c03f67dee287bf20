"""Law: the table of upstreams fits the loader of reference data and the table of terms; dates are read as published."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clampdown.errors import FetchError, RuleError
from clampdown.fetch.client import Answer
from clampdown.fetch.references import bring, places
from clampdown.fetch.upstreams import Upstream, load_upstreams, upstreams
from clampdown.reference.checking import difference, rows_of, why_not
from clampdown.reference.load import day_in, kind_of, load_reference

ROWS = upstreams().rows
NOW = datetime(2024, 2, 1, tzinfo=UTC)


def one(row: Upstream) -> Upstream:
    return row.of("ke") if row.per_country else row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_fits_the_loader_and_the_terms(row: Upstream) -> None:
    named = one(row).called(date(2024, 1, 10))
    assert kind_of(named) == row.kind
    assert day_in(named) == date(2024, 1, 10)
    assert upstreams().of_name(named) == one(row)
    assert upstreams().of_id(one(row).id) == one(row)
    assert row.terms in {terms.source for terms in load_reference().terms}
    for address in (row.address, row.versions, row.versioned, row.md5):
        assert not address or address.startswith("https://")
    assert row.why.endswith(".")
    assert load_reference({named: b""}).snapshots[-1].terms.source == row.terms, "what the loader would say of it"


def test_what_people_give_by_hand_belongs_to_no_upstream() -> None:
    for name in ("users.csv", "fingerprints_http.csv", "ke.csv", "test-lists/ke.csv", "networks.csv",
                 "fingerprints_http-2024-13-45.csv", "delegated-ripencc-extended-latest"):  # fmt: skip
        assert upstreams().of_name(name) is None, name


@given(st.sampled_from(ROWS), st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.from_regex("[a-z]{2}", fullmatch=True))
def test_a_name_says_its_upstream(row: Upstream, day: date, cc: str) -> None:
    made = row.of(cc) if row.per_country else row
    assert upstreams().of_name(made.called(day)) == made


BROKEN = {
    "no date in its name": ('name = "x-{date}.csv"', 'name = "x.csv"'),
    "an unknown date": ('date = "modified"', 'date = "guessed"'),
    "a version without a place": ('date = "modified"', 'date = "version"'),
    "a share of everything": ("shrink = 0.2", "shrink = 1.0"),
    "no size": ("most = 10", "most = 0"),
    "twice": ('id = "a"\n', 'id = "b"\n'),
}
TABLE = """
[limits]
shrink = 0.2
unreadable = 0.1
most = 10
[[upstream]]
id = "a"
kind = "networks"
address = "https://x.example/x.csv"
name = "x-{date}.csv"
date = "modified"
terms = "given"
default = true
why = "w."
[[upstream]]
id = "b"
kind = "networks"
address = "https://x.example/y.csv"
name = "y-{date}.csv"
date = "modified"
terms = "given"
default = true
why = "w."
"""


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_table_is_said(case: str) -> None:
    assert len(load_upstreams(TABLE.encode()).rows) == 2
    old, new = BROKEN[case]
    assert old in TABLE
    with pytest.raises(RuleError):
        load_upstreams(TABLE.replace(old, new, 1).encode())


class Canned:
    """A getter that answers from a table."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers

    def get(self, url: str, **_: Any) -> Answer:
        return self.answers[url]


# Heads as the registries write them: RIPE's serial is in seconds, AFRINIC's and ARIN's a day, APNIC's has comments.
HEADS: dict[str, tuple[bytes, date | None]] = {
    "ripencc": (b"2|ripencc|1790632799|260793|19700101|20260928|+0200\n", date(2026, 9, 28)),
    "arin": (b"2.3|arin|1706702400027|190017|19700101|20240131|-0500\n", date(2024, 1, 31)),
    "apnic": (b"#\n# NOTICE\n2.3|apnic|20240201|139866|19830613|20240131|+1000\n", date(2024, 1, 31)),
    "no end": (b"2|afrinic|20240131|1||00000000|00000\n", date(2024, 1, 31)),
    "no head": (b"ripencc|XA|asn|64496|1|20200101|allocated|x\n", None),
}


@pytest.mark.parametrize("case", HEADS)
def test_the_day_of_a_registrys_statistics_is_the_last_it_speaks_of(case: str) -> None:
    row = replace(next(row for row in ROWS if row.id == "delegated-ripencc"), md5="")
    body, day = HEADS[case]
    answer = Answer(200, {"last-modified": "Fri, 05 Jan 2024 23:59:59 GMT"}, body, row.address)
    brought = bring(row, Canned({row.address: answer}), None, None, most=1 << 20, now=NOW)
    assert brought is not None
    assert brought.day == (day or date(2024, 1, 5)), "else what the server says of the file"
    assert not brought.seen.fetched


def test_where_nobody_says_a_date_it_is_the_day_of_bringing_and_that_is_kept() -> None:
    row = next(row for row in ROWS if row.id == "networks-ipv4")
    brought = bring(row, Canned({row.address: Answer(200, {}, b"x", row.address)}), None, None, most=9, now=NOW)
    assert brought is not None
    assert (brought.day, brought.seen.fetched) == (NOW.date(), True)
    assert parsedate_to_datetime("Fri, 05 Jan 2024 23:59:59 GMT").date() == date(2024, 1, 5)


@pytest.mark.parametrize("listing", [b"[]", b"{}", b"not JSON", b'[{"sha": "../../x", "commit": {}}]', b'[{"sha": 5}]'])
def test_a_list_of_versions_that_names_none_costs_the_version_only(listing: bytes) -> None:
    row = ROWS[0]
    answers = {row.versions: Answer(200, {}, listing, ""), row.address: Answer(200, {}, b"x", row.address)}
    brought = bring(row, Canned(answers), None, None, most=9, now=NOW)
    assert brought is not None
    assert (brought.seen.public, brought.note) == (row.address, "the list of its versions names none")


def test_an_md5_that_is_none_is_said() -> None:
    row = next(row for row in ROWS if row.md5)
    answers = {row.address: Answer(200, {}, b"x", ""), row.md5: Answer(200, {}, b"<html>", "")}
    with pytest.raises(FetchError, match="no MD5"):
        bring(row, Canned(answers), None, None, most=9, now=NOW)


def test_where_a_mirror_may_have_it() -> None:
    assert places("https://a.example/x/y.csv") == ("a.example/x/y.csv", "y.csv")
    assert places("https://a.example/x/y.csv", "0" * 64)[0] == "0" * 64
    assert places("", "../../etc/passwd") == ()


# ---- what a file holds -----------------------------------------------------------------------------------------


@given(st.binary(max_size=400), st.sampled_from(("fingerprints", "test-list", "networks", "delegated", "users")))
def test_any_bytes_are_counted_or_refused_and_never_an_error(data: bytes, kind: str) -> None:
    rows = rows_of(kind, "x.csv", data)
    assert rows.used >= 0
    assert why_not(kind, rows, data, None, shrink=0.2, unreadable=0.1) is None or rows.used >= 0
    assert difference(kind, data, data) == (0, 0)


@given(st.lists(st.integers(0, 30), max_size=30), st.lists(st.integers(0, 30), max_size=30))
def test_a_difference_leads_from_one_to_the_other(old: list[int], new: list[int]) -> None:
    texts = ["".join(f"64{n:03},N{n}\n" for n in rows).encode() for rows in (old, new)]
    added, removed = difference("networks", texts[0], texts[1])
    assert len(old) + added - removed == len(new)
    assert (added, removed) == difference("networks", texts[1], texts[0])[::-1]


@pytest.mark.shared
def test_real_snapshots_would_be_taken(shared: Path) -> None:
    limits = upstreams().limits
    files = [*shared.glob("reference/fingerprints/*.csv"), *shared.glob("reference/test-lists/*.csv")]
    for path in files:
        kind, data = kind_of(path.name), path.read_bytes()
        if kind == "unused":
            continue
        rows = rows_of(kind, path.name, data)
        why = why_not(kind, rows, data, rows, shrink=limits.shrink, unreadable=limits.unreadable)
        assert why is None, (path.name, why)
    assert len(files) > 100
