"""Law: a timeline draws what `detect` said beside what the verdicts say, day by day, and mixes neither with silence.

From the detected tables of a store, the rows that count and the coverage to a frozen timeline. Which events belong to
a period is decided in days; a try counts as it does everywhere else: one vantage point, one target, one hour.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from math import sqrt
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from clampdown.assess.counting import DECIDED, INTERFERENCE, MIXED, Bounds, Caps, Row, bounds, tally
from clampdown.assess.events import Change, Event, EventDay, Member, Note, Run, Stretch, Timeline
from clampdown.model import EVENT_MEMBERS, EVENTS, GRADES, NOTES

NOT_DETECTED: Final = "not_detected"
STALE: Final = "stale"
_Z: Final = 1.959963984540054  # of a 95 % interval
_PLACES: Final = 6


class Detected(NamedTuple):
    """What `detect` left in a store, or why there is nothing of it to show."""

    events: pa.Table
    members: pa.Table
    notes: pa.Table
    missing: str | None = None


def absent(reason: str) -> Detected:
    """Nothing was detected yet, or what was is stale."""
    return Detected(EVENTS.empty_table(), EVENT_MEMBERS.empty_table(), NOTES.empty_table(), reason)


def against(stated: Timeline | None, detected: Detected | None) -> Detected | None:
    """What a stated timeline is held against. One that says nothing of events was true when it was written, if what it
    says could have been: a store where nothing was ever detected has nothing stale."""
    if stated is None:
        return None
    now = detected or absent(NOT_DETECTED)
    if stated.missing == NOT_DETECTED or (stated.missing == STALE and now.missing != NOT_DETECTED):
        return absent(stated.missing)
    return now


class Asked(NamedTuple):
    """The part of a question that chooses events, and the days of its period."""

    country: str
    targets: frozenset[str] | None  # None: all
    network: int | None
    days: tuple[str, ...]  # every day of the period, in order

    def wants(self, target: str | None, network: int | None) -> bool:
        """Is this target on this network asked about? What names neither is about all of them."""
        mine = self.targets is None or target is None or target in self.targets
        return mine and (self.network is None or network is None or network == self.network)

    def meets(self, first: str | None, last: str | None) -> bool:
        """Does a span with open ends touch the period?"""
        return not (first is not None and first > self.days[-1]) and not (last is not None and last < self.days[0])


def timeline(detected: Detected, rows: Iterable[Row], coverage: pa.Table, asked: Asked, limit: Caps) -> Timeline:
    """The events that fall in the period, the best evidenced and the largest first, and the notes beside them."""
    if detected.missing is not None:
        return Timeline(missing=detected.missing, events=(), notes=())
    cells: dict[tuple[str, int], list[Row]] = defaultdict(list)
    heard: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        if row.target is not None and row.network is not None:
            cells[row.target, row.network].append(row)
            heard[row.network].add(row.day)
    for network, day in zip(coverage.column("network").to_pylist(), coverage.column("day").to_pylist(), strict=True):
        if network is not None:
            heard[network].add(day)
    world = _World(cells, heard, limit, asked)
    members = _members(detected.members, asked)
    made = [
        _event(began, ended, members, world)
        for began, ended in _pairs(_changes(detected.events, asked.country))
        if _asked(began, ended, asked)
    ]
    return Timeline(missing=None, events=tuple(sorted(made, key=_rank)), notes=_notes(detected.notes, asked))


def _rank(event: Event) -> tuple[object, ...]:
    main = event.main
    grade = GRADES.index(main.grade) if main.grade in GRADES else -1
    return (-grade, -main.members, main.before or main.after or "", event.id)


# ---- the rows of the store -------------------------------------------------------------------------------------


def _changes(events: pa.Table, country: str) -> dict[str, Change]:
    mine = events.filter(pc.equal(events.column("country"), country))
    made: dict[str, Change] = {}
    for row in sorted(mine.to_pylist(), key=lambda row: (row["event"], row["direction"], str(row["onset_before"]))):
        made.setdefault(row["event"], _change(row))
    return made


def _change(row: Mapping[str, Any]) -> Change:
    return Change(
        event=row["event"], direction=row["direction"], grade=row["grade"], after=_day(row["onset_after"]),
        before=_day(row["onset_before"]), spread=_day(row["spread"]), lasts=row["lasts"],
        counterpart=row["counterpart"], targets=_words(row["targets"]), platforms=_words(row["platforms"]),
        networks=tuple(int(n) for n in _words(row["networks"]) if n.isascii() and n.isdecimal()),
        networks_data=row["networks_data"], mechanisms=_words(row["mechanisms"]), members=row["members"],
        pattern=_codes(row["pattern"]), why=_codes(row["why"]), contradicts=_codes(row["contradicts"]),
        supersedes=_words(row["supersedes"]),
    )  # fmt: skip


def _words(text: str | None) -> tuple[str, ...]:
    """A list of the tables: separated by spaces."""
    return tuple((text or "").split())


def _codes(text: str | None) -> tuple[str, ...]:
    """Codes, separated by commas or spaces; the value of a code, behind its colon, may hold spaces itself."""
    parts = [part.strip() for part in (text or "").split(",")]
    return tuple(code for part in parts for code in ([part] if ":" in part else part.split()) if code)


def _day(time: datetime | None) -> str | None:
    return None if time is None else time.date().isoformat()


def _pairs(changes: Mapping[str, Change]) -> list[tuple[Change | None, Change | None]]:
    """A beginning with the end that names it or is named by it; an end that belongs to none stands alone."""
    blocks = {name: each for name, each in changes.items() if each.direction == "block"}
    ends = {name: each for name, each in changes.items() if each.direction == "unblock"}
    named = {each.counterpart: name for name, each in sorted(ends.items(), reverse=True) if each.counterpart}
    made: list[tuple[Change | None, Change | None]] = []
    taken: set[str] = set()
    for name, block in blocks.items():
        # What lasts has no end: what names it so is the end of a part of it, and stands alone.
        end = None if block.lasts else ends.get(block.counterpart or "") or ends.get(named.get(name, ""))
        made.append((block, end))
        taken.update({end.event} if end else ())
    return [*made, *((None, end) for name, end in ends.items() if name not in taken)]


def _asked(began: Change | None, ended: Change | None, asked: Asked) -> bool:
    """Does any part of the bar lie in what was asked about? Its ends are taken at their widest."""
    first = (began.after or began.before) if began else None
    last = (ended.before or ended.after) if ended else None
    changes = [each for each in (began, ended) if each]
    wanted = any(
        asked.wants(t, n) for each in changes for t in each.targets or (None,) for n in each.networks or (None,)
    )
    return wanted and asked.meets(first, last)


def _members(members: pa.Table, asked: Asked) -> dict[str, list[Member]]:
    made: dict[str, list[Member]] = defaultdict(list)
    for row in members.filter(pc.equal(members.column("country"), asked.country)).to_pylist():
        if asked.wants(row["target"], row["network"]):
            made[row["event"]].append(
                Member(
                    network=row["network"], target=row["target"], direction=row["direction"],
                    after=_day(row["after"]), before=_day(row["before"]), level_before=row["level_before"],
                    level_after=row["level_after"], grade=row["grade"], mechanism=row["mechanism"], k=row["k"],
                    n=row["n"],
                )
            )  # fmt: skip
    return made


def _notes(notes: pa.Table, asked: Asked) -> tuple[Note, ...]:
    """Notes that touch the country, or every country, in the period."""
    made: list[Note] = []
    for row in notes.to_pylist():
        among = _words(row["countries"])
        here = row["country"] == asked.country or (row["country"] is None and (not among or asked.country in among))
        if here and asked.wants(row["target"], row["network"]) and asked.meets(row["first"], row["last"]):
            made.append(
                Note(
                    kind=row["kind"], network=row["network"], target=row["target"], test=row["test"],
                    first=row["first"], last=row["last"], members=row["members"], detail=row["detail"],
                    countries=among,
                )
            )  # fmt: skip
    return tuple(sorted(made, key=lambda note: (note.first, note.kind, repr(note))))


# ---- the days --------------------------------------------------------------------------------------------------


class _World:
    """The rows that count, each cell tallied once however many events it belongs to."""

    def __init__(
        self, cells: Mapping[tuple[str, int], list[Row]], heard: Mapping[int, set[str]], limit: Caps, asked: Asked
    ) -> None:
        self.heard, self.limit, self.asked = heard, limit, asked
        self._cells = cells
        self._tries: dict[tuple[str, int], Mapping[str, Counter[str]]] = {}

    def tries(self, cell: tuple[str, int]) -> Mapping[str, Counter[str]]:
        if cell not in self._tries:
            self._tries[cell] = tally(self._cells.get(cell, ())).days
        return self._tries[cell]

    def decided(self, cells: Collection[tuple[str, int]]) -> dict[tuple[str, int], list[Row]]:
        """Rows that decided something, by day and network."""
        made: dict[tuple[str, int], list[Row]] = defaultdict(list)
        for cell in cells:
            for row in self._cells.get(cell, ()):
                if row.state in DECIDED:
                    made[row.day, cell[1]].append(row)
        return made


def _event(began: Change | None, ended: Change | None, members: Mapping[str, Sequence[Member]], world: _World) -> Event:
    changes = [each for each in (began, ended) if each]
    asked = world.asked
    networks = sorted({n for each in changes for n in each.networks if asked.wants(None, n)})
    targets = {t for each in changes for t in each.targets if asked.wants(t, None)}
    cells = [(t, n) for t in sorted(targets) for n in networks]
    days = _days(cells, networks, world)
    tried = {day.day for day in days}
    heard = {day for n in networks for day in world.heard.get(n, ())}
    found = [member for each in changes for member in members.get(each.event, ())]
    spans = _spans(began, ended)
    return Event(
        id=changes[0].event, began=began, ended=ended,
        members=tuple(sorted(found, key=lambda m: (m.direction, m.before or "", m.network, m.target, repr(m)))),
        before=_stretch(days, spans[0]), during=_stretch(days, spans[1]), after=_stretch(days, spans[2]),
        days=days,
        untested=_runs(day for day in asked.days if day in heard and day not in tried),
        nobody=_runs(day for day in asked.days if day not in heard and day not in tried),
    )  # fmt: skip


def _days(cells: Sequence[tuple[str, int]], networks: Sequence[int], world: _World) -> tuple[EventDay, ...]:
    """Every day of the period with a try on these cells."""
    tried: dict[str, Counter[str]] = defaultdict(Counter)
    for cell in cells:
        for day, tries in world.tries(cell).items():
            tried[day].update(tries)
    decided = world.decided(cells)
    made: list[EventDay] = []
    for day in world.asked.days:
        tries = tried.get(day)
        if not tries:
            continue
        k, n = sum(tries[s] for s in INTERFERENCE), sum(tries[s] for s in (*DECIDED, MIXED))
        each = [bounds(decided[day, network], world.limit) for network in networks if (day, network) in decided]
        vantage = Bounds(low=sum(b.low for b in each), high=sum(b.high for b in each))
        low, high = wilson(k, n, vantage.low) if n else (None, None)
        made.append(EventDay(day=day, k=k, n=n, undecided=tries["unknown"], low=low, high=high, vantage=vantage))
    return tuple(made)


def wilson(k: int, n: int, effective: int) -> tuple[float, float]:
    """The 95 % score interval of k / n, as wide as `effective` independent tries make it (one at least)."""
    share, m = k / n, max(1, min(effective, n))
    scale = 1 + _Z * _Z / m
    centre = (share + _Z * _Z / (2 * m)) / scale
    half = _Z / scale * sqrt(share * (1 - share) / m + _Z * _Z / (4 * m * m))
    # At a share of 0 or 1 the bound is the share itself; rounding must not leave it beside.
    return min(share, round(max(0.0, centre - half), _PLACES)), max(share, round(min(1.0, centre + half), _PLACES))


Span = tuple[str | None, str | None]


def _spans(began: Change | None, ended: Change | None) -> tuple[Span | None, Span, Span | None]:
    """Days before, within and after, both ends included; days that lie within a bracket belong to none of them."""
    first = (began.before or began.after) if began else None
    last = (ended.after or ended.before) if ended else None
    before = (None, min(began.after, _previous(first))) if began and began.after and first else None
    after = (max(ended.before, _previous(last, -1)), None) if ended and ended.before and last else None
    return before, (first, last), after


def _previous(day: str, back: int = 1) -> str:
    return date.fromordinal(date.fromisoformat(day).toordinal() - back).isoformat()


def _stretch(days: Sequence[EventDay], span: Span | None) -> Stretch:
    if span is None:
        return Stretch(k=0, n=0, days=0)
    first, last = span
    found = [d for d in days if d.n and (first is None or d.day >= first) and (last is None or d.day <= last)]
    return Stretch(k=sum(d.k for d in found), n=sum(d.n for d in found), days=len(found))


def _runs(days: Iterable[str]) -> tuple[Run, ...]:
    """Consecutive days as runs; the days come in order."""
    made: list[Run] = []
    for day in days:
        if made and _previous(day) == made[-1].last:
            made[-1] = Run(first=made[-1].first, last=day)
        else:
            made.append(Run(first=day, last=day))
    return tuple(made)
