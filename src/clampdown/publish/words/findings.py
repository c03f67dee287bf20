"""Law: a finding is told with its bracket, its count and its doubt; a country is never said to block, networks are.

Every sentence is made from one row alone. Where times would point at a person the row is `days_only`, and days are
said. Codes that are unknown here are shown as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from clampdown.detect.changes import FindingChange
from clampdown.model import UNKNOWN_DAY
from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.publish.words import changes as said

_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]*", re.ASCII)
_DOES: Final = {"blocked": "blocked", "throttled": "slowed down"}
_SOME: Final = 3  # names that a sentence lists of many


def name(text: str) -> str:
    """A name from outside; what could turn the text around it is set apart."""
    return text if _SAFE.fullmatch(text) and len(text) <= 200 else num.name(text)


def when(time: datetime, *, days_only: bool, year: bool = True) -> str:
    """8 Nov 2023 21:10, or the day alone"""
    day = num.short_day(time.date().isoformat(), year=year)
    return day if days_only else f"{day} {time:%H:%M}"


def bracket(after: datetime | None, before: datetime | None, *, days_only: bool, first: str, last: str) -> str:
    """between 8 Nov 2023 21:10 and 9 Nov 06:00 UTC (last seen working, first seen blocked)"""
    zone = "" if days_only else " UTC"
    if after is None and before is None:
        return ""
    if after is None or before is None:
        at, seen = (after, first) if before is None else (before, last)
        return f"{when(at or datetime.min, days_only=days_only)}{zone} ({seen})"
    if days_only and after.date() == before.date():
        return f"{when(after, days_only=True)} ({first}, {last})"
    end = when(before, days_only=days_only, year=before.year != after.year)
    return f"between {when(after, days_only=days_only)} and {end}{zone} ({first}, {last})"


def ratio(value: float) -> str:
    """0.81; what is not all never reads as 1.00, and what is not nothing never as 0.00."""
    if value in (0.0, 1.0):
        return f"{value:.2f}"
    return "below 0.01" if value < 0.01 else "above 0.99" if value > 0.99 else f"{value:.2f}"


def points(low: int, high: int) -> str:
    """from 3 to 9 vantage points"""
    if high < 0:
        return "from an unknown number of vantage points"
    if low == high:
        return f"from {num.plural(high, 'vantage point')}"
    if low < 0:
        return f"from at most {num.plural(high, 'vantage point')}"
    return f"from {num.count(low)} to {num.plural(high, 'vantage point')}"


def some(names: Sequence[str], one: str, many: str | None = None) -> str:
    """a, b, c and 27 more networks"""
    rest = len(names) - _SOME
    if rest <= 1:
        return num.listed(names)
    more = num.plural(rest, f"more {one}", f"more {many or f'{one}s'}")
    return f"{', '.join(names[:_SOME])} and {more}"


def finding(row: Mapping[str, Any], *, days_only: bool) -> str:
    """One finding in plain words."""
    state = row["state"]
    if state == "insufficient":
        return _insufficient(row)
    parts = [_lead(row, days_only=days_only), _tries(row)]
    if row["share"] is not None and row["low"] is not None and row["high"] is not None:
        worth = "" if row["n_effective"] is None else f" (worth {row['n_effective']:.3g} independent tries)"
        parts.append(f"95 % interval {ratio(row['low'])} to {ratio(row['high'])}{worth}")
    parts.append(_days(row))
    if row["mechanism"]:
        parts.append(name(row["mechanism"]))
    parts.append(words.GRADE.get(row["grade"], num.plain(row["grade"])))
    extra = [f"{num.plural(row['settled'], 'vantage point')} saw an artefact known to be this country's"]
    extra = extra if row["settled"] > 0 else []
    extra += said.patterns(row["pattern"])
    if not row["stands"]:
        extra.append("it does not stand with any one vantage point left out")
    return _joined(parts) + _sentences(extra) + against(row["contradicts"])


def _joined(parts: Sequence[str]) -> str:
    return "; ".join(part for part in parts if part) + "."


def _sentences(parts: Sequence[str]) -> str:
    return "".join(f" {part[:1].upper()}{part[1:]}." for part in parts)


def against(codes: str | None) -> str:
    """What speaks against it, as a sentence of its own."""
    found = said.contradictions(codes)
    return f" Against it: {'; '.join(found)}." if found else ""


def _where(row: Mapping[str, Any]) -> str:
    if row["network"] is not None:
        return f"on {num.network(row['network'])}"
    hit, data = row["networks_hit"], row["networks_data"]
    if data is None:
        return f"in what was measured in {name(row['country'])}"
    share = row["users_share"]
    users = "" if share is None else f" (with {num.percent(share)} of users)"
    networks = num.plural(data, "network")
    return f"on {num.count(hit or 0)} of {networks} with data in {name(row['country'])}{users}"


def _lead(row: Mapping[str, Any], *, days_only: bool) -> str:
    target, where, state = name(row["target"]), _where(row), row["state"]
    if state in _DOES:
        return _interference(row, target, where, days_only=days_only)
    if state == "ok":
        since = bracket(
            row["onset_after"], row["onset_before"], days_only=days_only,
            first="last seen otherwise", last="first seen working again",
        )  # fmt: skip
        return f"{target} works {where}" + (f" since {since}" if since and row["onset_after"] else "")
    if state == "refused":
        return f"{target} answers {where} and declines: the far end refuses, which is not blocking"
    if state == "down":
        return f"{target} fails {where}, and fails for everyone"
    if state == "conflicting":
        return f"what was seen of {target} {where} does not agree, so nothing is said"
    return f"{target} {where}: {words.STATE.get(state, num.plain(state))}"


def _interference(row: Mapping[str, Any], target: str, where: str, *, days_only: bool) -> str:
    does = _DOES[row["state"]]
    ended = row["end_after"] is not None or row["end_before"] is not None
    lead = f"{target} {'was' if ended else 'has been'} {does} {where}"
    begun = bracket(
        row["onset_after"], row["onset_before"], days_only=days_only, first="last seen working",
        last=f"first seen {does}",
    )  # fmt: skip
    word = "from" if ended else "since"
    if row["onset_after"] is None:
        lead += f" {word} before the data begin" + (f", {begun}" if begun else "")
    elif begun:
        lead += f" {word} {begun}"
    if not ended:
        seen = row["last_seen"]
        return lead + (f", last tried {when(seen, days_only=days_only)}" if seen else "")
    over = bracket(
        row["end_after"], row["end_before"], days_only=days_only, first=f"last seen {does}", last="first seen working"
    )
    return f"{lead} until {over}"


def _tries(row: Mapping[str, Any]) -> str:
    tail = " saw interference" if row["state"] not in _DOES else ""
    tries = num.plural(row["n"], "try", "tries")
    return f"{num.count(row['k'])} of {tries}{tail} {points(row['vantage_low'], row['vantage_high'])}"


def _days(row: Mapping[str, Any]) -> str:
    days, every = row["days"], row["days_all"]
    if every <= 0:
        return ""
    silent = every - days
    tail = "" if silent <= 0 else f", nothing on {num.plural(silent, 'day')}"
    return f"data on {num.count(days)} of {num.plural(every, 'day')}{tail}"


def _insufficient(row: Mapping[str, Any]) -> str:
    where = f"{name(row['target'])} {_where(row)}"
    if row["n"] == 0 and row["days"] == 0:
        return f"Nothing can be said of {where}: it was not tested. This is not a sign that it works." + against(
            row["contradicts"]
        )
    tries = num.plural(row["n"], "try that decided something", "tries that decided something")
    days = f" on {num.count(row['days'])} of {num.plural(row['days_all'], 'day')}" if row["days_all"] > 0 else ""
    missing = "more tries" if row["vantage_low"] > 1 else "more tries and more vantage points"
    missing = "tries that decide something" if row["n"] == 0 else missing
    return (
        f"Too little to say anything of {where}: {tries} ({num.count(row['k'])} saw interference), "
        f"{points(row['vantage_low'], row['vantage_high'])}{days}; missing: {missing}." + against(row["contradicts"])
    )


def event(row: Mapping[str, Any], *, days_only: bool) -> str:
    """One event in plain words."""
    block = row["direction"] == "block"
    first, last = ("last seen working", "first seen blocked") if block else ("last seen blocked", "first seen working")
    targets = some([name(t) for t in row["targets"].split()], "target")
    networks = some([name(f"AS{n}") for n in row["networks"].split()], "network")
    head = "Interference with" if block else "End of interference with"
    of = f"{num.count(row['networks_n'])} of {num.plural(row['networks_data'], 'network')} with data"
    lead = f"{head} {targets} in {name(row['country'])}, on {of} ({networks})"
    begun = bracket(row["onset_after"], row["onset_before"], days_only=days_only, first=first, last=last)
    parts = [lead + (f", begun {begun}" if block and begun else f", {begun}" if begun else "")]
    if row["spread"] is not None and row["spread"] != row["onset_before"]:
        parts.append(f"the last of them followed by {when(row['spread'], days_only=days_only)}")
    parts.append(num.plural(row["members"], "change", "changes") + " of one target on one network")
    if row["mechanisms"]:
        parts.append(some([name(m) for m in row["mechanisms"].split()], "mechanism"))
    parts.append(words.GRADE.get(row["grade"], num.plain(row["grade"])))
    extra = said.patterns(row["pattern"])
    if row["lasts"] is not None and block:
        ended = f"it has ended ({name(row['counterpart'])})" if row["counterpart"] else "it has ended"
        extra.append("it lasts at the end of the data" if row["lasts"] else ended)
    together = said.reasons(row["why"])
    if together and row["members"] > 1:
        extra.append(f"one event, because {num.listed(together)}")
    if row["supersedes"]:
        extra.append(f"it stands in the place of {num.listed(name(e) for e in row['supersedes'].split())}")
    return _joined(parts) + _sentences(extra) + against(row["contradicts"])


def member(row: Mapping[str, Any], *, days_only: bool) -> str:
    """One change of one target on one network."""
    block = row["direction"] == "block"
    first, last = ("last seen working", "first seen blocked") if block else ("last seen blocked", "first seen working")
    at = bracket(row["after"], row["before"], days_only=days_only, first=first, last=last)
    before, after = row["level_before"], row["level_after"]
    levels = "" if before is None or after is None else f", from {num.percent(before)} to {num.percent(after)} of tries"
    target, network = name(row["target"]), num.network(row["network"])
    what = f"interference with {target} on {network} {'began' if block else 'ended'}{f' {at}' if at else ''}{levels}"
    parts = [what[:1].upper() + what[1:], f"{num.count(row['k'])} of {num.plural(row['n'], 'try', 'tries')}"]
    parts += [name(row["mechanism"])] if row["mechanism"] else []
    return _joined([*parts, words.GRADE.get(row["grade"], num.plain(row["grade"]))])


def note(row: Mapping[str, Any]) -> str:
    """One change that is none of policy."""
    what = said.NOTE.get(row["kind"], f"a change of the kind {num.plain(row['kind'])}, which is none of policy")
    where = [name(row["target"])] if row["target"] else []
    where += [num.network(row["network"])] if row["network"] is not None else []
    where += [name(row["country"])] if row["country"] else []
    tested = [f"test {name(row['test'])}"] if row["test"] else []
    first, last = row["first"], row["last"]
    if first == UNKNOWN_DAY:
        at = "on an unknown day"
    elif last == first:
        at = f"on {num.day(first)}"
    else:
        at = f"from {num.day(first)} on" if last is None else f"from {num.day(first)} to {num.day(last)}"
    parts = [f"{what[:1].upper()}{what[1:]}{': ' if where or tested else ''}{', '.join([*where, *tested])}, {at}"]
    parts += [said.detail(one) for one in (row["detail"] or "").split(",") if one]
    parts.append(f"{num.plural(row['members'], said.MEMBERS.get(row['kind'], 'change'))} concerned")
    countries = (row["countries"] or "").split()
    parts += [f"seen in {some([name(c) for c in countries], 'country', 'countries')}"] if countries else []
    return _joined(parts)


def turned(change: FindingChange) -> str:
    """A finding of interference that began, ended or is graded otherwise."""
    if change.network is None:
        where = f"the networks with data in {name(change.country)}, taken together"
    else:
        where = f"{num.network(change.network)} ({name(change.country)})"
    now, before = _stands(change.state, change.grade), _stands(change.state_before, change.grade_before)
    return f"{name(change.target)} on {where}: now {now}; before, {before}."


def _stands(state: str | None, grade: str | None) -> str:
    if state is None or grade is None:
        return "nothing was said"
    said_ = words.STATE.get(state, num.plain(state))
    return said_ if state == "insufficient" else f"{said_} ({words.GRADE.get(grade, num.plain(grade))})"
