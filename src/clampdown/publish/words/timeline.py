"""Law: an event is told with its bracket, its k of n, why its parts belong together, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clampdown.assess.document import Report
from clampdown.assess.events import Change, Event, Note, Run, Stretch
from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.publish.lanes import Bar, kind_of
from clampdown.publish.words import codes, signals

INTRO: Final = (
    "One bar is one happening: a beginning and the end that belongs to it, over all targets and networks that changed "
    "together. The thicker the bar, the better it is evidenced. Brackets are given in days: last seen as before, "
    "first seen as after."
)
MISSING: Final = {
    "not_detected": "Nothing was looked for yet, so no event can be shown. This does not mean that nothing happened. "
    "To look for events:",
    "stale": "Events were looked for in other verdicts than the store holds now, so they are not shown. This does not "
    "mean that nothing happened. To look again:",
}
BOTH: Final = (
    "An event says when something changed. The short answer and the table of networks say what held over the whole "
    "period, where at least {points} vantage points were heard: so they may say “too little data” or “conflicting” "
    "where an event stands."
)
COMMAND: Final = "clampdown detect --store DIR"
NONE: Final = (
    "No beginning or end of a block was found in this period for what was asked about. What was blocked throughout has "
    "no beginning here, and what nobody measured could not be found."
)
DETAILS: Final = "Day by day, and why"
WHY: Final = "Why these belong together"
AGAINST: Final = "What speaks against it"
NOTHING_AGAINST: Final = "Nothing that was looked at."
ID: Final = "Id"
ALONE: Final = "It is one change of one target on one network."
NO_REASON: Final = "No reason is given."
MEMBERS_HEAD: Final = ("Network", "Change", "Targets", "First seen changed", "k of n")
MEMBERS_MOST: Final = 24
NOTES: Final = "Changes that are not policy"
NOTES_INTRO: Final = (
    "Changes in the same period that follow the instrument, the site itself or the amount of measuring. They are no "
    "events and say nothing of blocking."
)
NOTES_MOST: Final = 20
LEGEND: Final = (
    ("sure", "between first and last seen blocked"),
    ("unsure", "began or ended somewhere in here"),
    ("untested", "networks measured, these targets not"),
    ("nobody", "no measurement from these networks"),
)
PLOT_LEGEND: Final = (
    ("share", "share of tries that saw interference"),
    ("few", "the same, with one vantage point only"),
    ("band", "95% interval"),
    ("change", "first seen changed (dashed: an end)"),
    ("bracket", "the bracket of the whole"),
    ("undecided", "tried, nothing decided"),
    *LEGEND[2:],
)
TOP, MIDDLE, BOTTOM = "100%", "50%", "0%"
_WHO: Final = 3
_KIND: Final = {"blocked": "Blocked", "throttled": "Slowed down"}
_SEEN: Final = {"blocked": "blocked", "throttled": "slowed down"}


class Telling:
    """The words of one report's events."""

    def __init__(self, report: Report, *, years: bool) -> None:
        self._names, self._years = report.names, years
        self._first, self._last = report.period.first, report.period.last
        self._platform = {role: p.label for p in report.names.platforms for role in p.roles}

    def who(self, event: Event) -> num.Sentence:
        """What it is about: platforms by their name, sites by theirs."""
        targets = dict.fromkeys(t for each in (event.began, event.ended) if each for t in each.targets)
        labels = list(dict.fromkeys(self._platform.get(t) or self._names.target(t) for t in targets))
        rest = len(labels) - _WHO
        shown = [num.name(label) for label in (labels[:_WHO] if rest > 1 else labels)]
        return num.Sentence(num.listed([*shown, f"{num.count(rest)} more"] if rest > 1 else shown) or "No target named")

    def scope(self, event: Event) -> str:
        """How well evidenced, on how many networks, on how many targets."""
        main = event.main
        hit, data = len(main.networks), main.networks_data
        networks = num.plural(hit, "network") if data < hit else f"{num.count(hit)} of {num.plural(data, 'network')}"
        grade = words.GRADE.get(main.grade, num.plain(main.grade, 40))
        return f"{grade} · {networks} · {num.plural(len(main.targets), 'target')}"

    def span(self, event: Event) -> str:
        """When, in a few words."""
        began, ended = event.began, event.ended
        since = self._day(began.before or began.after) if began else None
        until = self._day(ended.after or ended.before) if ended else None
        if since and until:
            return f"{since} to {until}"
        if since:
            return f"since {since}" if began and began.lasts else f"from {since}"
        return f"until {until}" if until else "at an unknown time"

    def sentence(self, event: Event) -> str:
        """Brackets, and k of n."""
        kind = kind_of(event)
        part = event.ended.counterpart if event.ended else None
        alone = f"A part of what began with {num.name(part)}" if part else f"{_KIND[kind]}, and no beginning was seen"
        made = [self._began(event.began, kind) if event.began else alone]
        if event.ended:
            made.append(self._ended(event.ended, kind))
        elif event.began:
            made.append("it lasts at the end of the data" if event.began.lasts else "no end was seen")
        return f"{'; '.join(made)}. {self.counts(event)}"

    def _began(self, change: Change, kind: str) -> str:
        if change.after is None:
            return (
                f"First seen {_SEEN[kind]} {self._day(change.before) or 'on an unknown day'}, never seen working before"
            )
        if change.before is None:
            return f"Last seen working {self._day(change.after)}"
        if change.after == change.before:
            return f"Seen working and then {_SEEN[kind]} on {self._day(change.before)}"
        text = f"Last seen working {self._day(change.after)}, first seen {_SEEN[kind]} {self._day(change.before)}"
        late = change.spread and change.spread > change.before
        return text + (f" (everywhere by {self._day(change.spread)})" if late else "")

    def _ended(self, change: Change, kind: str) -> str:
        after = f"last seen {_SEEN[kind]} {self._day(change.after)}" if change.after else "its last day is unknown"
        if change.before is None:
            return f"{after}, not seen working since"
        return f"{after}, first seen working again {self._day(change.before)}"

    def counts(self, event: Event) -> str:
        """Tries within the period, before, while it lasted and after."""
        parts = ((event.before, "before"), (event.during, "while it lasted"), (event.after, "after"))
        told = [f"{_of(stretch)} {when}" for stretch, when in parts if stretch.n]
        if not told:
            return "No try of this period decided anything about it."
        return f"Within this period interference in {num.listed(told)}."

    def how(self, event: Event) -> num.Sentence:
        found = list(dict.fromkeys(words.how(each) for each in event.main.mechanisms))
        text = num.listed(found[:2], "or")
        said = [f"How: {text}{' (and others)' if len(found) > 2 else ''}"] if text else []
        said += codes.patterns(event.main.pattern)
        return num.Sentence(" ".join(f"{_upper(part)}." for part in said))

    def why(self, event: Event) -> num.Sentence:
        """Why its members are one event, of the beginning and of the end."""
        found = dict.fromkeys(code for each in (event.began, event.ended) if each for code in each.why)
        single = all(each.members < 2 for each in (event.began, event.ended) if each)
        why = codes.together(found, len(event.main.targets))
        made = [_upper(why) if why and not single else ALONE if single else NO_REASON, *codes.backing(found)]
        return num.Sentence(" ".join(f"{_upper(part).removesuffix('.')}." for part in made))

    def against(self, event: Event) -> num.Sentence:
        found = dict.fromkeys(code for each in (event.began, event.ended) if each for code in each.contradicts)
        text = "; ".join(codes.contradictions(found))
        return num.Sentence(f"{_upper(text)}." if text else NOTHING_AGAINST)

    def silence(self, event: Event) -> str:
        """Days of the period of which there is nothing, and of which two kinds."""
        made = [self._days("not tested", event.untested), self._days("nobody was there", event.nobody)]
        return f"Days without data: {'; '.join(filter(None, made))}." if any(made) else "There is data for every day."

    def _days(self, label: str, runs: Iterable[Run]) -> str:
        text = [self._run(run) for run in runs]
        shown = [*text[:6], f"{len(text) - 6} further stretches"] if len(text) > 7 else text
        return f"{label} {num.listed(shown)}" if text else ""

    def _run(self, run: Run) -> str:
        if run.first == run.last:
            return str(self._day(run.first))
        return f"{self._day(run.first)} to {self._day(run.last)}"

    def picture(self, bar: Bar) -> num.Sentence:
        """What those hear of the bar who do not see it."""
        return num.Sentence(f"{self.who(bar.event)}: {self.span(bar.event)}, {self.scope(bar.event)}")

    def plot_title(self, event: Event) -> num.Sentence:
        return num.Sentence(f"{self.who(event)}: share of tries that saw interference, per day")

    def plot_said(self, event: Event) -> str:
        shown = [day for day in event.days if day.n]
        tried = num.plural(len(shown), "day") + " with tries that decided something"
        return f"{tried}. {self.sentence(event)} {self.silence(event)}"

    def members(self, event: Event) -> tuple[tuple[tuple[str, ...], ...], int]:
        """Per network and direction: targets, first seen changed, k of n; and how many lines are left out."""
        grouped: dict[tuple[str, int], list[int]] = {}
        for index, member in enumerate(event.members):
            grouped.setdefault((member.direction, member.network), []).append(index)
        rows: list[tuple[str, ...]] = []
        for (direction, network), found in grouped.items():
            mine = [event.members[index] for index in found]
            days = sorted({each.before for each in mine if each.before})
            when = "" if not days else self._run(Run(first=days[0], last=days[-1]))
            k, n = sum(each.k for each in mine), sum(each.n for each in mine)
            what = "ends" if direction == "unblock" else "begins"
            count = len({each.target for each in mine})
            rows.append((num.network(network), what, num.count(count), when, f"{num.count(k)} of {num.count(n)}"))
        return tuple(rows[:MEMBERS_MOST]), max(0, len(rows) - MEMBERS_MOST)

    def note(self, note: Note) -> num.Sentence:
        """One change that is none of policy."""
        head = codes.NOTE_BRIEF.get(note.kind) or num.plain(note.kind, 60)
        signal = note.kind in codes.NOTE_SIGNALS
        told = signals.signal if signal else lambda target: num.name(self._names.target(target))
        about = [told(note.target)] if note.target is not None else []
        about += [num.network(note.network)] if note.network is not None else []
        about += [num.name(note.test)] if note.test is not None else []
        when = self._day(note.first) if note.last == note.first else f"since {self._day(note.first)}"
        if note.last is not None and note.last != note.first:
            when = self._run(Run(first=note.first, last=note.last))
        bits = [" on ".join(about) if about else "", str(when), codes.detail(note.detail)]
        if len(note.countries) > 1:
            bits.append(f"in {len(note.countries)} countries")
        return num.Sentence(f"{head}: {', '.join(filter(None, bits))}.")

    def _day(self, day: str | None) -> str | None:
        """A day with its year where the page needs it, and always where it lies outside the period."""
        if day is None:
            return None
        return num.day(day, year=self._years or not self._first[:4] <= day[:4] <= self._last[:4])


def _of(stretch: Stretch) -> str:
    return f"{num.count(stretch.k)} of {num.plural(stretch.n, 'try', 'tries')}"


def _upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def both(report: Report) -> str:
    """Why an event and a table that says less can both stand; nothing where no such table stands beside it."""
    about = {t for e in (report.timeline.events if report.timeline else ()) for t in e.main.targets}
    less = any(cell.target in about and cell.state in ("insufficient", "conflicting") for cell in report.cells)
    return BOTH.format(points=report.thresholds.vantage_points) if less else ""


def more(events: int) -> str:
    return f"{num.plural(events, 'more event')} are in report.json."


def folded(events: int) -> str:
    return f"{num.plural(events, 'further event')}, less well evidenced or smaller"


def more_members(lines: int) -> str:
    return f"{num.plural(lines, 'more line')} in report.json."


def more_notes(notes: int) -> str:
    return f"{num.plural(notes, 'further note')} in report.json."
