"""Law: a day without data is a gap only where it was asked for, and a day is whole only where it was asked for whole.

What was asked follows from the ledger's requests: those of one question (service, country, tests ...) are laid over
each other, and of each moment the latest look counts. What was forgotten on purpose is asked for no more.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from heapq import heappop, heappush
from itertools import pairwise
from typing import Final

from clampdown.fetch.asking import follows
from clampdown.fetch.known import all_known
from clampdown.fetch.ledger import Forgot, Got, Request

# Dumps of both projects are read as levels of the route collectors; else the store holds what a service gave under the
# source whose terms its row in services.toml names.
_COLLECTORS: Final = "bgp-collectors"
_DUMPS: Final = frozenset({"ris", "routeviews"})
_DAY: Final = timedelta(days=1)
_Question = tuple[str, str, tuple[int, ...], tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...], str]


@dataclass(frozen=True, slots=True)
class Run:
    """Days in a row, both ends counted."""

    first: str
    last: str
    days: int


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of asked time, half-open; uploads after `until_received` were not looked for (null: the service has
    no time of upload)."""

    since: str
    until: str
    until_received: str | None


@dataclass(frozen=True, slots=True)
class Ask:
    """One question and how much of its time was answered."""

    service: str
    sources: tuple[str, ...]
    country: str | None
    networks: tuple[int, ...]
    tests: tuple[str, ...]
    options: dict[str, tuple[str, ...]]
    base: str | None
    periods: tuple[Period, ...]
    last: str  # when it was asked last
    missing: int  # files that could not be had when its periods were asked last, and did not come since
    gaps: tuple[Run, ...]  # whole days of it without anything

    def days(self) -> set[str]:
        """The days that it covers whole."""
        return {day for since, until in _joined(self.periods) for day in whole_days(since, until)}


@dataclass(frozen=True, slots=True)
class Edge:
    """Days that hold something of a source and country that no question covers whole: it came along."""

    source: str
    country: str | None
    runs: tuple[Run, ...]


def sources_of(service: str) -> tuple[str, ...]:
    """Under which sources the store holds what a service gave; one that nobody knows any more is its own."""
    found = all_known().get(service)
    own = service if found is None else found.terms
    return (own, _COLLECTORS) if service in _DUMPS and own != _COLLECTORS else (own,)


def asks(
    requests: Iterable[Request],
    forgot: Sequence[Forgot],
    held: Callable[[Ask, str], bool],
    got: Mapping[tuple[str, str], Got] | None = None,
) -> tuple[Ask, ...]:
    """Requests as questions, with their gaps; `held` says whether the store has anything of an ask on a day, `got` what
    was brought by service and key."""
    groups: dict[_Question, list[Request]] = defaultdict(list)
    for one in requests:
        options = tuple(sorted(one.options.items()))
        groups[one.service, one.country or "", one.networks, one.tests, options, one.base or ""].append(one)
    made: list[Ask] = []
    for _, group in sorted(groups.items(), key=lambda item: item[0]):
        periods = tuple(_periods(group, forgot))
        if not periods:
            continue
        last = max(group, key=lambda one: one.at)
        ask = Ask(
            last.service, sources_of(last.service), last.country, last.networks, last.tests,
            dict(last.options), last.base, periods, last.at, _missing(group, forgot, got or {}), (),
        )  # fmt: skip
        gaps = runs(day for day in ask.days() if not held(ask, day))
        made.append(replace(ask, gaps=gaps))
    return tuple(made)


def edges(asked: Sequence[Ask], held: Mapping[tuple[str, str | None], Collection[str]]) -> tuple[Edge, ...]:
    """What came along: of sources that were asked for, the days that no question about their country covers."""
    made: list[Edge] = []
    for (source, country), days in sorted(held.items(), key=lambda item: (item[0][0], item[0][1] or "")):
        own = [ask for ask in asked if source in ask.sources]
        if not own:
            continue
        covered = {day for ask in own if ask.country in (None, country) or ask.networks for day in ask.days()}
        left = runs(set(days) - covered)
        if left:
            made.append(Edge(source, country, left))
    return tuple(made)


def runs(days: Iterable[str]) -> tuple[Run, ...]:
    """Days as stretches without a hole."""
    made: list[list[date]] = []
    for day in sorted(date.fromisoformat(one) for one in days):
        if made and day - made[-1][-1] == _DAY:
            made[-1].append(day)
        else:
            made.append([day])
    return tuple(Run(run[0].isoformat(), run[-1].isoformat(), len(run)) for run in made)


def whole_days(since: datetime, until: datetime) -> Iterator[str]:
    """The days that lie in a half-open period from their first to their last moment."""
    day = since.replace(hour=0, minute=0, second=0, microsecond=0)
    if day < since:
        day += _DAY
    while day + _DAY <= until:
        yield day.date().isoformat()
        day += _DAY


def begins(one: Request, forgot: Iterable[Forgot]) -> datetime:
    """From when on it still counts: what was forgotten after it was asked is asked for no more."""
    later = [datetime.fromisoformat(each.before) for each in forgot if each.at >= one.at]
    return max([datetime.fromisoformat(one.since), *later])


def _missing(group: Sequence[Request], forgot: Sequence[Forgot], got: Mapping[tuple[str, str], Got]) -> int:
    """Files that the latest question about some stretch of time could not have, and that did not come since."""
    looks = {f"{one.at} {number:09}": one for number, one in enumerate(group)}
    spans = [(begins(one, forgot), datetime.fromisoformat(one.until), look) for look, one in looks.items()]
    latest = [looks[look] for look in {look for *_, look in _latest([span for span in spans if span[0] < span[1]])}]
    names = {key for one in latest for key in one.failed if not _came(one, key, got)}
    return len(names) + sum(max(0, one.missing - len(one.failed)) for one in latest)


def _came(asked: Request, key: str, got: Mapping[tuple[str, str], Got]) -> bool:
    found = got.get((asked.service, key))
    if found is not None and found.at >= asked.at:
        return True
    return any(name == asked.service and follows(other, key) for name, other in got)


def _periods(group: Sequence[Request], forgot: Sequence[Forgot]) -> Iterator[Period]:
    """Elementary stretches between all ends, each with the latest look at it; equal neighbours are one."""
    spans: list[tuple[datetime, datetime, str]] = []
    for one in group:
        since, until = begins(one, forgot), datetime.fromisoformat(one.until)
        if since < until:
            spans.append((since, until, one.until_received or ""))
    held: list[tuple[datetime, datetime, str]] = []
    for since, until, look in _latest(spans):
        if held and held[-1][1] == since and held[-1][2] == look:
            held[-1] = (held[-1][0], until, look)
        else:
            held.append((since, until, look))
    for since, until, look in held:
        yield Period(since.isoformat(timespec="seconds"), until.isoformat(timespec="seconds"), look or None)


def _latest(spans: Sequence[tuple[datetime, datetime, str]]) -> Iterator[tuple[datetime, datetime, str]]:
    """Between any two ends, the latest look of the spans that hold it."""
    rank = {look: number for number, look in enumerate(sorted({span[2] for span in spans}))}
    waiting = deque(sorted(spans))
    open_: list[tuple[int, datetime, str]] = []
    for since, until in pairwise(sorted({end for first, last, _ in spans for end in (first, last)})):
        while waiting and waiting[0][0] <= since:
            _, last, look = waiting.popleft()
            heappush(open_, (-rank[look], last, look))
        while open_ and open_[0][1] <= since:
            heappop(open_)
        if open_:
            yield since, until, open_[0][2]


def _joined(periods: Sequence[Period]) -> Iterator[tuple[datetime, datetime]]:
    """Periods without the moments of their looks, neighbours as one."""
    since: datetime | None = None
    end = datetime.min
    for one in periods:
        first, last = datetime.fromisoformat(one.since), datetime.fromisoformat(one.until)
        if since is None or first != end:
            if since is not None:
                yield since, end
            since = first
        end = last
    if since is not None:
        yield since, end
