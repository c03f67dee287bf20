"""Law: a finding is told with its bracket, its count and its doubt; a country is never said to block, networks are.

Every sentence is made from one row alone. Where times would point at a person the row is `days_only`, and days are
said. Codes that are unknown here are shown as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from clampdown.detect.changes import FindingChange
from clampdown.model import UNKNOWN_DAY
from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.publish.words import codes as said
from clampdown.publish.words import signals
from clampdown.publish.words.codes import name

Labels = Mapping[str, str]  # target -> what people call it
NO_LABELS: Final[Labels] = {}
_DOES: Final = {"blocked": "blocked", "throttled": "slowed down"}
_SOME: Final = 3  # names that a sentence lists of many


def when(time: datetime, *, days_only: bool, year: bool = True) -> str:
    """8 Nov 2023 21:10, or the day alone"""
    day = num.short_day(time.date().isoformat(), year=year)
    return day if days_only else f"{day} {time:%H:%M}"


def bracket(after: datetime | None, before: datetime | None, *, days_only: bool, first: str, last: str) -> str:
    """between 8 Nov 2023 21:10 (last seen working) and 9 Nov 06:00 UTC (first seen blocked)"""
    zone = "" if days_only else " UTC"
    if after is None and before is None:
        return ""
    if after is None or before is None:
        at, word, seen = (after, "after", first) if before is None else (before, "by", last)
        return f"{word} {when(at or datetime.min, days_only=days_only)}{zone} ({seen})"
    if days_only and after.date() == before.date():
        return f"on {when(after, days_only=True)} ({first}, then {last})"
    end = when(before, days_only=days_only, year=before.year != after.year)
    return f"between {when(after, days_only=days_only)} ({first}) and {end}{zone} ({last})"


def points(low: int, high: int) -> str:
    """at least 3 vantage points (at most 9)"""
    if high < 0:
        return "an unknown number of vantage points"
    if low == high:
        return num.plural(high, "vantage point")
    if low < 0:
        return f"at most {num.plural(high, 'vantage point')}"
    return f"at least {num.plural(low, 'vantage point')} (at most {num.count(high)})"


def about(target: str, labels: Labels) -> str:
    """Telegram (web version) [telegram/web], or the target alone where nothing names it otherwise."""
    label = labels.get(target)
    return name(target) if label is None else f"{num.name(label) if not label.isascii() else label} [{name(target)}]"


def some(names: Sequence[str], one: str, many: str | None = None) -> str:
    """a, b, c and 27 more networks"""
    rest = len(names) - _SOME
    if rest <= 1:
        return num.listed(names)
    more = num.plural(rest, f"more {one}", f"more {many or f'{one}s'}")
    return f"{', '.join(names[:_SOME])} and {more}"


def finding(row: Mapping[str, Any], *, days_only: bool, labels: Labels = NO_LABELS) -> str:
    """One finding in plain words."""
    target, state = about(row["target"], labels), row["state"]
    if state == "insufficient":
        return _insufficient(row, target)
    parts = [_lead(row, target, days_only=days_only), _tries(row), _days(row)]
    if row["mechanism"]:
        parts.append(f"How: {words.how(row['mechanism'])} ({name(row['mechanism'])})")
    parts.append(f"Grade: {words.GRADE.get(row['grade'], num.plain(row['grade']))}")
    if row["settled"] > 0:
        parts.append(f"{num.plural(row['settled'], 'vantage point')} saw an artefact known to be this country's")
    parts += said.patterns(row["pattern"])
    if not row["stands"] and state != "conflicting":
        parts.append("It would not stand without one of its vantage points")
    return _sentences(parts[0], parts[1:]) + against(row["contradicts"])


def _sentences(lead: str, parts: Sequence[str] = ()) -> str:
    """The lead may begin with an id, which keeps its letters."""
    return " ".join([f"{lead}.", *(f"{part[:1].upper()}{part[1:]}." for part in parts if part)])


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


def _lead(row: Mapping[str, Any], target: str, *, days_only: bool) -> str:
    where, state = _where(row), row["state"]
    if state in _DOES:
        return _interference(row, target, where, days_only=days_only)
    if state == "ok":
        if row["onset_after"] is None:
            return f"{target} works {where}"
        over = bracket(
            row["onset_after"], row["onset_before"], days_only=days_only, first="last seen blocked",
            last="first seen working",
        )  # fmt: skip
        return f"{target} works {where} again: interference ended {over}"
    if state == "refused":
        return f"{target} answers {where} and declines: the far end refuses, which is not blocking"
    if state == "down":
        return f"{target} fails {where}, and fails for everyone"
    if state == "conflicting":
        return f"Nothing is said of {target} {where}: what was seen does not agree"
    return f"{target} {where}: {words.STATE.get(state, num.plain(state))}"


def _interference(row: Mapping[str, Any], target: str, where: str, *, days_only: bool) -> str:
    does, zone = _DOES[row["state"]], "" if days_only else " UTC"
    ended = row["end_after"] is not None or row["end_before"] is not None
    lead = f"{target} {'was' if ended else 'has been'} {does} {where}"
    begun = bracket(
        row["onset_after"], row["onset_before"], days_only=days_only, first="last seen working",
        last=f"first seen {does}",
    )  # fmt: skip
    if row["onset_after"] is None:
        lead += " since before the data begin"
        lead += f" (first seen {does} {when(row['onset_before'], days_only=days_only)}{zone})" if begun else ""
    elif begun:
        lead += f": it began {begun}"
    if ended:
        over = bracket(
            row["end_after"], row["end_before"], days_only=days_only, first=f"last seen {does}",
            last="first seen working",
        )  # fmt: skip
        return f"{lead} and ended {over}"
    seen = row["last_seen"]
    return lead + (f"; it was last tried {when(seen, days_only=days_only)}{zone}" if seen else "")


def _tries(row: Mapping[str, Any]) -> str:
    told = f"Interference in {_of(row)}, by {points(row['vantage_low'], row['vantage_high'])}"
    if row["share"] is None or row["low"] is None or row["high"] is None:
        return told
    worth = row["n_effective"]
    as_much = f", as from {_rounded(worth)} independent {'try' if _rounded(worth) == '1' else 'tries'}" if worth else ""
    return f"{told}: {percent(row['low'])} to {percent(row['high'])} with 95% confidence{as_much}"


def _of(row: Mapping[str, Any]) -> str:
    return f"{num.count(row['k'])} of {num.count(row['n'])} tries"


def percent(value: float) -> str:
    """Whole percents; what is hardly anything is under 1%, and what is hardly all over 99%."""
    if 0 < value < 0.005:
        return "under 1%"
    return "over 99%" if 0.995 < value < 1 else num.percent(value)


def _rounded(value: float) -> str:
    return num.count(round(value)) if value >= 10 else f"{value:.1f}".removesuffix(".0")


def _days(row: Mapping[str, Any]) -> str:
    days, every = row["days"], row["days_all"]
    if every <= 0:
        return ""
    return f"There are data on {num.count(days)} of {num.plural(every, 'day')}"


def _insufficient(row: Mapping[str, Any], target: str) -> str:
    where = f"{target} {_where(row)}"
    against_ = against(row["contradicts"])
    if row["n"] == 0 and row["days"] == 0:
        return f"Nothing can be said of {where}: it was not tested. This is not a sign that it works." + against_
    tries = _of(row)
    if withheld := said.withheld(row["contradicts"]):
        return f"Not counted as interference with {where}: {tries} failed so, but {num.listed(withheld)}."
    seen = f"{tries} saw interference" if row["n"] else "no try decided anything"
    days = f", on {num.count(row['days'])} of {num.plural(row['days_all'], 'day')}" if row["days_all"] > 0 else ""
    missing = "more tries" if row["vantage_low"] > 1 else "more tries and more vantage points"
    missing = "tries that decide something" if row["n"] == 0 else missing
    return (
        f"Too little to say anything of {where}: {seen}, by {points(row['vantage_low'], row['vantage_high'])}{days}. "
        f"What it needs: {missing}." + against_
    )


def event(row: Mapping[str, Any], *, days_only: bool, labels: Labels = NO_LABELS) -> str:
    """One event in plain words."""
    block = row["direction"] == "block"
    first, last = ("last seen working", "first seen blocked") if block else ("last seen blocked", "first seen working")
    targets = some([about(t, labels) for t in row["targets"].split()], "target")
    networks = some([name(f"AS{n}") for n in row["networks"].split()], "network")
    of = f"{num.count(row['networks_n'])} of {num.plural(row['networks_data'], 'network')} with data"
    lead = f"Interference with {targets} {'began' if block else 'ended'} in {name(row['country'])}"
    begun = bracket(row["onset_after"], row["onset_before"], days_only=days_only, first=first, last=last)
    parts = [f"{lead}, on {of} ({networks}){f', {begun}' if begun else ''}"]
    if row["spread"] is not None and row["spread"] != row["onset_before"]:
        zone = "" if days_only else " UTC"
        parts.append(f"The last of them followed by {when(row['spread'], days_only=days_only)}{zone}")
    if row["mechanisms"]:
        seen = row["mechanisms"].split()
        how = list(dict.fromkeys(words.how(m) for m in seen))
        parts.append(
            f"{'How' if block else 'Until then'}: {some(how, 'kind')} ({some([name(m) for m in seen], 'mechanism')})"
        )
    parts.append(f"Grade: {words.GRADE.get(row['grade'], num.plain(row['grade']))}")
    parts += said.patterns(row["pattern"])
    if row["lasts"] is not None and block:
        parts.append(_lasts(row))
    together = said.together(row["why"], row["targets_n"])
    if together and row["members"] > 1:
        parts.append(f"These {num.count(row['members'])} changes are one event, because {together}")
    parts += said.backing(row["why"])
    if row["supersedes"]:
        parts.append(f"it stands in the place of {num.listed(name(e) for e in row['supersedes'].split())}")
    return _sentences(parts[0], parts[1:]) + against(row["contradicts"])


def _lasts(row: Mapping[str, Any]) -> str:
    other = f" ({name(row['counterpart'])})" if row["counterpart"] else ""
    if not row["lasts"]:
        return f"It has ended{other}"
    return f"It lasts at the end of the data, though not everywhere{other}" if other else "It lasts as the data end"


def member(row: Mapping[str, Any], *, days_only: bool, labels: Labels = NO_LABELS) -> str:
    """One change of one target on one network."""
    block = row["direction"] == "block"
    first, last = ("last seen working", "first seen blocked") if block else ("last seen blocked", "first seen working")
    at = bracket(row["after"], row["before"], days_only=days_only, first=first, last=last)
    before, after = row["level_before"], row["level_after"]
    levels = "" if before is None or after is None else f", from {num.percent(before)} to {num.percent(after)} of tries"
    target, network = about(row["target"], labels), num.network(row["network"])
    verb = "began" if block else "ended"
    parts = [f"Interference with {target} on {network} {verb}{f' {at}' if at else ''}{levels}"]
    parts.append(f"{_of(row)} {'while it lasted' if block else 'after that'} saw interference")
    parts += (
        [f"{'How' if block else 'Until then'}: {words.how(row['mechanism'])} ({name(row['mechanism'])})"]
        if row["mechanism"]
        else []
    )
    return _sentences(parts[0], [*parts[1:], f"Grade: {words.GRADE.get(row['grade'], num.plain(row['grade']))}"])


def note(row: Mapping[str, Any], *, labels: Labels = NO_LABELS) -> str:
    """One change that is none of policy."""
    what = said.NOTE.get(row["kind"], f"a change of the kind {num.plain(row['kind'])}, which is none of policy")
    signal = row["kind"] in said.NOTE_SIGNALS
    where = [signals.signal(row["target"]) if signal else about(row["target"], labels)] if row["target"] else []
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
    details = said.detail(row["detail"])
    what = f"{what[:1].upper()}{what[1:]}{': ' if where or tested else ''}{', '.join([*where, *tested])}, {at}"
    parts: list[str] = []
    if row["kind"] not in said.COUNTED:  # else the detail says of how many
        parts.append(num.plural(row["members"], "change") + " of one target on one network")
    countries = (row["countries"] or "").split()
    parts += [f"Seen in {some([name(c) for c in countries], 'country', 'countries')}"] if countries else []
    return _sentences(what + (f": {details}" if details else ""), parts)


def turned(change: FindingChange, labels: Labels = NO_LABELS) -> str:
    """A finding of interference that began, ended or is graded otherwise."""
    if change.network is None:
        where = f"the networks with data in {name(change.country)}, taken together"
    else:
        where = f"{num.network(change.network)} ({name(change.country)})"
    now, before = _stands(change.state, change.grade), _stands(change.state_before, change.grade_before)
    return f"{about(change.target, labels)} on {where}: now {now}; before, {before}."


def _stands(state: str | None, grade: str | None) -> str:
    if state is None or grade is None:
        return "nothing was said"
    said_ = words.STATE.get(state, num.plain(state))
    return said_ if state == "insufficient" else f"{said_} ({words.GRADE.get(grade, num.plain(grade))})"
