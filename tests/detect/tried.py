"""Law: a small world is a few strings, one letter a day; everything else of it follows, and nothing is drawn by chance.

`.` ok, `x` blocked, `t` throttled, `r` refused, `d` down, `?` unknown, a space: nobody tried. Day 0 is a Monday.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from clampdown.detect import COLUMNS, Given, detect_tables
from clampdown.model import COVERAGE, VERDICTS

START = datetime(2024, 1, 1)
STATES = {".": "ok", "x": "blocked", "t": "throttled", "r": "refused", "d": "down", "?": "unknown"}
PLATFORMS = ("android", "linux", "ios", "windows", "macos")
NETWORK_TYPES = ("wifi", "mobile", "wired_ethernet")
SITE = "web/site.example"
SCHEMA = pa.schema([VERDICTS.field(name) for name in COLUMNS])
Row = dict[str, Any]
Tables = dict[str, pa.Table]


def iso(day: int) -> str:
    return (START + timedelta(days=day)).date().isoformat()


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def device(number: int, network: int) -> Row:
    """What the devices of a network say of themselves: fifteen differ."""
    return {
        "software": "ooniprobe/3.1.0",
        "platform": PLATFORMS[number % 5],
        "network_type": NETWORK_TYPES[number // 5 % 3],
        "resolver_network": network,
    }


def row(day: int, hour: int | None, state: str, **given: Any) -> Row:
    made = {
        "target": SITE, "day": iso(day), "hour": hour, "country": "XA", "network": 64500, "test": "web_connectivity",
        "test_version": "0.5.0", "vantage": None, "vantage_kind": "session", "state": state, "mechanism": None,
        "settled": False, "repeat": False,
    }  # fmt: skip
    made |= device(0, 64500) | given
    if state in ("blocked", "throttled") and made["mechanism"] is None:
        made["mechanism"] = "tls.reset.sni" if state == "blocked" else "tls.throttle.sni"
    return made


def path(
    days: str, *, network: int = 64500, tries: int = 6, crew: int = 3, share: float = 1.0, first: int = 0,
    of_day: Mapping[str, str] | None = None, tag: str = "", **given: Any,
) -> list[Row]:  # fmt: skip
    """One series: so many tries a day, spread over the day and over the devices of a crew, a session a day each.

    share: of the tries on a day of interference that meet it. of_day: for a letter of one's own, a letter an hour.
    tag: tells the sessions of two calls on one network apart.
    """
    made: list[Row] = []
    country = given.get("country", "XA")
    for day, letter in enumerate(days, first):
        if letter == " ":
            continue
        for number in range(tries):
            who, hour = (number + day) % crew, number * 24 // tries
            said = of_day[letter][hour] if of_day and letter in of_day else letter
            if said in "xt" and (number * 0.618034 + day * 0.37) % 1 >= share:
                said = "."
            words = {"vantage": f"{country}-{network}-{tag}{who}-{day}", "network": network, **device(who, network)}
            made.append(row(day, hour, STATES[said], **(words | given)))
    return made


def by_day(rows: Iterable[Row]) -> list[pa.Table]:
    """A table for each day."""
    days: dict[str, list[Row]] = defaultdict(list)
    for one in rows:
        days[one["day"]].append(one)
    return [pa.Table.from_pylist(own, schema=SCHEMA) for _, own in sorted(days.items())]


def coverage(rows: Iterable[Row]) -> list[pa.Table]:
    """How much was measured: every row is a measurement of its own."""
    seen: dict[tuple[Any, ...], int] = defaultdict(int)
    for one in rows:
        seen[tuple(one[name] for name in COVERAGE.names[:-1])] += 1
    return [pa.Table.from_pylist([dict(zip(COVERAGE.names, (*key, n), strict=True))], schema=COVERAGE)
            for key, n in sorted(seen.items(), key=str)]  # fmt: skip


def found(*rows: Sequence[Row], covered: bool = False, **given: Any) -> Tables:
    """What detection makes of these series."""
    every = [one for each in rows for one in each]
    return detect_tables(by_day(every), coverage(every) if covered else (), Given(**given))


def events(tables: Tables, direction: str | None = None) -> list[Row]:
    rows: list[Row] = tables["events"].to_pylist()
    return [one for one in rows if direction in (None, one["direction"])]


def notes(tables: Tables, kind: str | None = None) -> list[Row]:
    rows: list[Row] = tables["notes"].to_pylist()
    return [one for one in rows if kind in (None, one["kind"])]


def findings(tables: Tables, **wanted: Any) -> list[Row]:
    """Findings whose columns have these values."""
    rows: list[Row] = tables["findings"].to_pylist()
    return [one for one in rows if all(one[name] == value for name, value in wanted.items())]


def own(tables: Tables, network: int = 64500, target: str = SITE, country: str = "XA") -> list[Row]:
    """The findings of one series, in the order of time."""
    rows = findings(tables, network=network, target=target, country=country)
    return sorted(rows, key=lambda one: (one["onset_before"] or datetime.min, one["last_seen"] or datetime.min))


def holds(one: Row, truth: datetime, name: str = "onset") -> bool:
    """Does the bracket hold the truth? What is seen in an hour is told at its end."""
    after, before = one[f"{name}_after"], one[f"{name}_before"]
    return (after is None or after <= truth) and before is not None and truth <= before


def ordinal(day: int) -> int:
    return date.fromisoformat(iso(day)).toordinal()


STRONG = ("corroborated", "confirmed")


def strong(tables: Tables) -> list[Row]:
    """What is claimed of interference above `consistent`: findings and events."""
    hit = [one for one in tables["findings"].to_pylist() if one["state"] in ("blocked", "throttled")]
    return [one for one in (*hit, *events(tables)) if one["grade"] in STRONG]
