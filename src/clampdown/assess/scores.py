"""Law: a published score is read as its file gives it; which way it counts is known from its year, its file or its
reader, and is never guessed; a name that no code stands for is said.

Freedom House (country, parts A, B, C, total), RSF (year, iso3, rank, score with a decimal comma), and plain tables
(country, score). What is known of the publishers is data (scores.toml).
"""

from __future__ import annotations

import csv
import io
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from clampdown.errors import InputError, UsageError
from clampdown.reference.countries import country_named, country_of

IS_WORSE: Final = "is-worse"
IS_BETTER: Final = "is-better"
_YEAR: Final = re.compile(r"(?<!\d)(20\d\d)(?!\d)")
_COUNTRY: Final = ("iso3", "iso2", "country", "code", "name", "location", "country_code", "country name", "iso")


class Scores(NamedTuple):
    """One published order of countries in one year."""

    publisher: str  # freedom_house | rsf | given
    measure: str  # total | part_a | part_b | part_c | rank | score
    year: int | None
    higher: str  # IS_WORSE | IS_BETTER
    values: Mapping[str, float]  # code of two letters -> as published
    unknown: tuple[str, ...]


@cache
def rules() -> Mapping[str, Any]:
    return tomllib.loads(files("clampdown.assess").joinpath("scores.toml").read_text("utf-8"))


def read(
    data: bytes, name: str, *, higher: str | None = None, year: int | None = None, until: int | None = None
) -> tuple[Scores, ...]:
    """The orders that a file gives: of Freedom House the total and its parts. `year`: of a file with several; else the
    newest that is no later than `until`, the year of our own data. Errors: InputError, UsageError."""
    head, rows = _table(data, name)
    place = next((head.index(word) for word in _COUNTRY if word in head), None)
    if place is None:
        hint = "Give a CSV with a header: country,score; or a table of Freedom House or RSF."
        raise InputError("this is no table of scores: no column says the country", where=name, hint=hint)
    if "year" in head:
        rows, year = _of_year(rows, head.index("year"), year, until, name)
    elif year is None:
        found = _YEAR.search(name)
        year = int(found[1]) if found else None
    columns = _columns(head)
    if "rank" in head and "iso3" in head:
        return (_scores("rsf", "rank", year, IS_WORSE, rows, place, head.index("rank"), name, flip=True),)
    if "part_b" in columns and "total" in columns:
        way = higher or _way_of_year(head, year, name)
        order = ("total", "part_b", "part_a", "part_c")
        return tuple(
            _scores("freedom_house", m, year, way, rows, place, columns[m], name) for m in order if m in columns
        )
    at = columns.get("score", columns.get("total"))
    if at is None:
        raise InputError("this is no table of scores: no column `score`", where=name, hint="Name it in the header.")
    if higher is None:
        hint = "Say --higher is-worse or --higher is-better."
        raise UsageError(f"{name} does not say which way its scores count", hint=hint)
    return (_scores("given", "score", year, higher, rows, place, at, name),)


def _table(data: bytes, name: str) -> tuple[list[str], list[list[str]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise InputError("a table of scores is UTF-8 text", where=name, hint="Save it as CSV (UTF-8).") from fault
    first = text.partition("\n")[0]
    mark = ";" if first.count(";") > first.count(",") else "\t" if "\t" in first else ","
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark) if any(map(str.strip, row))]
    except csv.Error as fault:
        raise InputError(f"this is no CSV: {fault}", where=name, hint="Give country,score.") from fault
    if len(rows) < 2:
        raise InputError("the table of scores is empty", where=name, hint="Give country,score, one country a line.")
    return [cell.strip().lower() for cell in rows[0]], rows[1:]


def _columns(head: Sequence[str]) -> dict[str, int]:
    """measure → column, by the beginnings of names: `B_limits`, `B Limits on content`, `Total Score`."""
    made: dict[str, int] = {}
    for at, name in enumerate(head):
        word = re.split(r"[^a-z]+", name, maxsplit=1)[0]
        for measure, letter in rules()["freedom_house"]["parts"].items():
            if word == letter:
                made.setdefault(measure, at)
        if word in ("total", "score"):
            made.setdefault(word, at)
    return made


def _of_year(
    rows: list[list[str]], at: int, year: int | None, until: int | None, name: str
) -> tuple[list[list[str]], int | None]:
    """The rows of one year."""
    years = sorted({int(row[at]) for row in rows if len(row) > at and row[at].strip().isdecimal()})
    if not years:
        return rows, year
    if year is not None and year not in years:
        raise UsageError(f"{name} has no year {year}", hint=f"It has {', '.join(map(str, years))}.")
    before = [each for each in years if until is None or each <= until]
    chosen = year or (before[-1] if before else years[0])
    return [row for row in rows if len(row) > at and row[at].strip() == str(chosen)], chosen


def _way_of_year(head: Sequence[str], year: int | None, name: str) -> str:
    """Which way Freedom House counts: the header's word, else the rule by year."""
    said = " ".join(head)
    if re.search(r"0\s?best", said):
        return IS_WORSE
    if re.search(r"0\s?worst", said):
        return IS_BETTER
    if year is None:
        hint = "Say --higher is-worse (until 2018) or --higher is-better (from 2019), or put the year into its name."
        raise UsageError(f"{name} does not say of which year it is", hint=hint)
    return IS_BETTER if year >= rules()["freedom_house"]["higher_is_better_from"] else IS_WORSE


def _scores(
    publisher: str, measure: str, year: int | None, higher: str, rows: Sequence[Sequence[str]], place: int, at: int,
    name: str, *, flip: bool = False,
) -> Scores:  # fmt: skip
    """`flip`: a rank, of which 1 is best: the larger is worse."""
    values: dict[str, float] = {}
    unknown: list[str] = []
    for row in rows:
        text = row[place].strip() if len(row) > place else ""
        number = _number(row[at]) if len(row) > at else None
        code = country_of(text) or country_named(text)
        if code is None:
            if text:
                unknown.append(text)
        elif number is not None:
            if not math.isfinite(number):
                what = f"the score of {text} is {row[at].strip()}, and no number"
                raise InputError(what, where=name, hint="Leave it empty where there is none.")
            if code in values:
                what = f"{text} ({code}) stands in it more than once"
                hint = "Keep one row a country, or give a column `year`: one year is compared."
                raise InputError(what, where=name, hint=hint)
            values[code] = number
    if not values:
        raise InputError("no row has a country that is known and a number", where=name, hint="Give country,score.")
    return Scores(publisher, measure, year, IS_WORSE if flip else higher, values, tuple(sorted(set(unknown))))


def _number(text: str) -> float | None:
    """12, 12.5 or 12,5."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None
