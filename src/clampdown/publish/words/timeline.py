"""Law: an event is told with its bracket, its k of n, why its parts belong together, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from clampdown.assess.document import Report
from clampdown.assess.events import Change, Event, Note, Run, Stretch
from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.publish.lanes import Bar, kind_of

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
_WHY: Final = {
    "same_target": "the same target changed on several networks",
    "same_platform": "the targets are parts of one platform",
    "same_group": "the targets are of one kind",
    "same_network": "the same network changed for several targets",
    "same_mechanism": "the interference looks the same",
    "same_time": "the changes fall within the same days",
    "same_days": "the changes fall within the same days",
    "same_hours": "the changes fall within the same hours",
    "roll_out": "network after network followed",
    "counterpart": "they end what began together",
    "single": "it is one change of one target on one network",
}
_AGAINST: Final = {
    "one_network": "it was seen on one network only",
    "one_target": "it was seen for one target only",
    "one_vantage_point": "it rests on one vantage point",
    "few_vantage_points": "few vantage points saw it",
    "vantage_points_unknown": "the vantage points are unknown",
    "falls_without_one": "without one of its vantage points it would not stand",
    "elsewhere": "the target fails in other countries as well",
    "fails_elsewhere": "the target fails in other countries as well",
    "control": "controls fail as well",
    "software": "it follows a version of the probe",
    "version": "it follows a version of the probe",
    "platform": "it follows one kind of device",
    "test": "it is seen by one test only",
    "test_list": "it follows a change of the list of what is tested",
    "reference": "it follows a change of the reference data",
    "rules": "it follows a change of the rules",
    "volume": "the amount of measuring fell in the same days",
    "burst": "much of it was sent in one burst",
    "broken_probe": "a probe that fails everywhere is part of it",
    "conflicting": "the tries of the same days do not agree",
    "partial": "many tries succeed while it lasts",
}
_PATTERN: Final = {
    "partial": "It affects a part of the tries.",
    "recurring": "It comes and goes.",
}
_NOTE: Final = {
    "instrument": "Instrument",
    "site_down": "Site down",
    "volume": "Amount of measuring",
    "burst": "Burst of measurements",
    "broken_probe": "Broken probe",
}
_DETAIL: Final = {
    "software": "with version {}", "version": "with version {}", "platform": "on {}", "test": "in the test {}",
    "reference": "with the reference data {}", "rules": "with the rules {}",
}  # fmt: skip


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
        made = [self._began(event.began, kind) if event.began else f"{_KIND[kind]}, and no beginning was seen"]
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
        patterns = " ".join(self._pattern(each) for each in event.main.pattern)
        said = f"How: {text}{' (and others)' if len(found) > 2 else ''}." if text else ""
        return num.Sentence(f"{said} {patterns}".strip())

    def _pattern(self, code: str) -> str:
        kind, _, rest = code.partition(":")
        if kind == "hours" and rest:
            return f"It keeps to hours of the day ({num.plain(rest, 20)} UTC)."
        return _PATTERN.get(kind) or f"Pattern: {num.plain(code, 60)}."

    def why(self, event: Event) -> num.Sentence:
        """Why its members are one event, of the beginning and of the end."""
        codes = dict.fromkeys(code for each in (event.began, event.ended) if each for code in each.why)
        single = all(each.members < 2 for each in (event.began, event.ended) if each)
        return num.Sentence(_clauses(codes, _WHY) or (ALONE if single else "No reason is given."))

    def against(self, event: Event) -> num.Sentence:
        codes = dict.fromkeys(code for each in (event.began, event.ended) if each for code in each.contradicts)
        return num.Sentence(_clauses(codes, _AGAINST) or NOTHING_AGAINST)

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
        head = _NOTE.get(note.kind) or num.plain(note.kind, 60)
        about = [num.name(self._names.target(note.target))] if note.target is not None else []
        about += [num.network(note.network)] if note.network is not None else []
        about += [num.name(note.test)] if note.test is not None else []
        when = self._day(note.first) if note.last == note.first else f"since {self._day(note.first)}"
        if note.last is not None and note.last != note.first:
            when = self._run(Run(first=note.first, last=note.last))
        bits = [" on ".join(about) if about else "", str(when), _detail(note.detail)]
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


def _clauses(codes: Iterable[str], known: Mapping[str, str]) -> str:
    """Codes as one sentence; a code without words here stands as itself."""
    made: list[str] = []
    for code in codes:
        kind, _, rest = code.partition(":")
        said = known.get(kind) or num.name(kind.replace("_", " "))
        made.append(f"{said} ({num.name(rest)})" if rest else said)
    text = "; ".join(made)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _detail(detail: str) -> str:
    kind, _, rest = detail.partition(":")
    if kind == "share" and rest:
        try:
            return f"down to {num.percent(min(1.0, max(0.0, float(rest))))} of what is usual"
        except ValueError:
            return num.name(detail)
    if rest and kind in _DETAIL:
        return _DETAIL[kind].format(num.name(rest))
    return num.name(detail.replace("_", " ")) if detail else ""


def more(events: int) -> str:
    return f"{num.plural(events, 'more event')} are in report.json."


def folded(events: int) -> str:
    return f"{num.plural(events, 'further event')}, less well evidenced or smaller"


def more_members(lines: int) -> str:
    return f"{num.plural(lines, 'more line')} in report.json."


def more_notes(notes: int) -> str:
    return f"{num.plural(notes, 'further note')} in report.json."
