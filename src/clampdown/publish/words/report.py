"""Law: the page says `k of n networks with enough data`, gives the doubt beside the claim, and names no culprit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clampdown.assess.counting import Thresholds
from clampdown.assess.document import Count, Excluded, Headline, Network, Period, Question, Report
from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.publish.charts import MAX_DAYS, last
from clampdown.publish.words import cells as tell

_GROUPS: Final = {"social": "social networks", "messaging": "messengers"}
_FOUND: Final = (
    ("blocked", "blocked"), ("throttled", "slowed down"), ("partly", "partly blocked"),
    ("conflicting", "conflicting"), ("refused", "refused by the far end"), ("down", "down for everyone"),
    ("unclear", "unclear"),
)  # fmt: skip
_SAID: Final = (
    ("blocked", "found blocked"), ("throttled", "found slowed down"), ("partly", "found partly blocked"),
)  # fmt: skip
TOO_LITTLE: Final = (
    "There is too little data to say anything of any of them. This does not mean that they are reachable."
)
TOO_LITTLE_FOR_ONE: Final = "There is too little data to say. This does not mean that it is reachable."
MOST_NAMED: Final = 8
SYNTHETIC: Final = "Synthetic data. This country does not exist; nothing on this page is about a real place or network."
SMALL: Final = "Clampdown"
KICKER: Final = "A page of evidence"
SKIP: Final = "Skip to the answer"
CONTENTS: Final = "On this page"
LAST_DAYS: Final = "Last {days} days"
GRADE_LABEL: Final = "Evidence"
TARGET: Final = "Target"
OTHER_GROUP: Final = "Other sites"
MATRIX_INTRO: Final = (
    "Each cell is one target on one network over the whole period: its state, how that looked, the number of tries "
    "that decided something (n), and the vantage points (vp), as “at least – at most”. A try is one vantage point in "
    "one hour, however many measurements it sent."
)
NO_MATRIX: Final = (
    "Nothing that was asked about was measured here in this period. This says nothing of what is reachable."
)
MATRIX_SCROLL: Final = "Targets and networks; scrolls sideways"
DAYS_INTRO: Final = (
    "One strip per target, one line per network, one column per day. The taller the bar, the more serious what was "
    "seen. A pale bar decides nothing by itself: it is a single try, or its network has too little data for an answer. "
    "A dot marks a day on which the network was measured but this target was not; an empty place a day without any "
    "data from that network; a shaded column a day without any measurement from the country. None of these reads as "
    "reachable."
)
EVIDENCE_INTRO: Final = (
    "What stands behind each cell that is not simply reachable. Witnesses are measurements that anyone can look up "
    "where a link is given; the whole list is in witnesses.csv."
)
SILENT_NONE: Final = "There is data from the country for every day of the period."
CHECK: Final = "clampdown verify report.json --store STORE"
CHECK_TEXT: Final = (
    "Every number above stands in report.json with its denominator, both bounds of its vantage points and the digest "
    "of its witnesses. Whoever holds the same measurements can recompute all of it:"
)
NO_TERMS: Final = "No terms are known for the inputs."
METHODS: Final = (
    (
        "Each public measurement is judged on its own record, layer by layer, by rules that are data with reasons "
        "and known false positives. What is reachable by the path of an ordinary program is reachable, whatever failed."
    ),
    (
        "The tries of one vantage point count once per hour, and each vantage point has one vote per cell, divided "
        "over what it saw: ten thousand rows from one device weigh no more than one device."
    ),
    (
        "A state needs a floor of tries and vantage points, two vantage points that agree, and a majority of the "
        "votes. Otherwise the answer is “too little data” or “conflicting”, never “blocked” with a footnote."
    ),
    (
        "Vantage points have two bounds because sessions are cheap: at most the ids and sessions seen, at least the "
        "number of clearly different devices seen on one day. Grades use the lower bound."
    ),
    "Blocked is what the measurements show on the way to a service. Who ordered it, and why, does not follow from it.",
)
THRESHOLD_HEAD: Final = ("Threshold", "Value", "Reason")
FOOTER: Final = "Made by Clampdown {version}. The same measurements, rules and references give the same page."


def title(report: Report) -> num.Sentence:
    return num.Sentence(f"{question(report)} {num.period(report.period.first, report.period.last)}")


def question(report: Report) -> num.Sentence:
    """The question that people ask, as a headline."""
    asked, place = report.question, num.name(report.names.country)
    if asked.network is not None:
        owner = report.names.network(asked.network)
        place += f" on {num.network(asked.network)}" + (f" ({num.name(owner)})" if owner else "")
    if asked.target is not None:
        return num.Sentence(f"Is {subject(report, asked)} blocked in {place}?")
    kinds = [_GROUPS.get(g) or num.name((report.names.group(g) or g).lower()) for g in report.headline_groups]
    return num.Sentence(f"Which {num.listed(kinds)} are blocked in {place}?")


def subject(report: Report, asked: Question) -> str:
    target = asked.target or ""
    platform = next((p for p in report.names.platforms if p.id == target), None)
    return num.name(platform.label if platform else report.names.target(target))


def standfirst(report: Report) -> num.Sentence:
    """The answer in a few sentences."""
    known = [line for line in report.headlines if line.whole.n]
    if report.question.target is not None and known:
        return _one(report, known[0])
    label = _Labels(report)
    made: list[str] = []
    for state, said in _SAID:
        hit = [(label[h.platform], h.whole) for h in known if h.whole.states[state]]
        if hit:
            made.append(f"{_counted(hit, state)} {'was' if len(hit) == 1 else 'were'} {said}.")
    late = [(label[h.platform], h.recent) for h in report.headlines if h.recent is not None and _only_lately(h)]
    if late and report.period.recent:
        since, days = num.day(report.period.recent, year=years(report.period)), report.thresholds.recent_days
        was = "was" if len(late) == 1 else "were"
        made.append(f"In the last {days} days, since {since}, {_counted(late, 'blocked')} {was} found blocked as well.")
    unsure = [(label[h.platform], h.whole) for h in known if h.whole.states["conflicting"] and not _only_lately(h)]
    if unsure:
        made.append(f"The data conflict on {_counted(unsure, 'conflicting')}.")
    if not made and known:
        made.append(f"None of {num.plural(len(known), 'service')} with enough data was found blocked.")
    if not known:
        made.append(TOO_LITTLE if report.question.target is None else TOO_LITTLE_FOR_ONE)
    clear = [label[h.platform] for h in known if h.whole.states["ok"] == h.whole.n and not h.parts]
    if clear:
        was = "was" if len(clear) == 1 else "were"
        made.append(f"{num.listed(_some(clear))} {was} reachable wherever there is enough data.")
    return num.Sentence(" ".join(made))


def _one(report: Report, line: Headline) -> num.Sentence:
    """The answer about one platform or target."""
    made = [f"{subject(report, report.question)}: {_lower(answer(line.whole))}."]
    if line.recent is not None and _only_lately(line):
        made.append(f"In the last {report.thresholds.recent_days} days: {short_answer(line.recent)}.")
    if beside := parts(line, report):
        made.append(beside)
    if rest := line.whole.tested - line.whole.n:
        made.append(f"Too little data on {num.plural(rest, 'further network')}.")
    return num.Sentence(" ".join(made))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _counted(found: Sequence[tuple[str, Count]], state: str) -> str:
    """A in 7 of 7 networks with enough data, B in 4 of 7: the denominator is always there, its words once."""
    ordered = sorted(found, key=lambda each: (-each[1].states[state], -each[1].n))
    parts = [f"{name} in {count.states[state]} of {count.n}" for name, count in ordered]
    parts[0] += " networks with enough data"
    return num.listed(_some(parts))


def _some(parts: Sequence[str]) -> list[str]:
    """A sentence names a few; the list below it names all."""
    rest = len(parts) - MOST_NAMED
    return [*parts[:MOST_NAMED], f"{rest} more"] if rest > 1 else list(parts)


class _Labels(dict[str, str]):
    """What people call a platform, or a site that is none."""

    def __init__(self, report: Report) -> None:
        super().__init__({p.id: num.name(p.label) for p in report.names.platforms})
        self._names = report.names

    def __missing__(self, key: str) -> str:
        return num.name(self._names.target(key))


def _only_lately(line: Headline) -> bool:
    return line.recent is not None and bool(line.recent.states["blocked"]) and not line.whole.states["blocked"]


def scope(report: Report) -> str:
    """What was looked at."""
    when = num.period(report.period.first, report.period.last)
    if not report.measurements:
        return f"Not one measurement that counts, {when}."
    networks = sum(1 for network in report.networks if network.measurements)
    low, high = report.vantage.low, report.vantage.high
    points = num.plural(high, "vantage point")
    return (
        f"{num.plural(report.measurements, 'measurement')} from {num.plural(networks, 'network')} by "
        f"{points if low == high else f'at least {num.count(low)} and at most {points}'}, {when}. There is data from "
        f"the country for {num.count(len(report.period.tested))} of {num.plural(report.period.days, 'day')}."
    )


def answer(count: Count) -> str:
    """k of n networks with enough data."""
    if not count.tested:
        return "The parts by which it is judged were not measured"
    if not count.n:
        return f"Too little data on {num.plural(count.tested, 'network')}: nothing is said"
    found = [(said, count.states[state]) for state, said in _FOUND if count.states[state]]
    if not found:
        return f"Reachable in {count.states['ok']} of {num.plural(count.n, 'network')} with enough data"
    (said, k), *others = found
    text = f"{said.capitalize()} in {k} of {num.plural(count.n, 'network')} with enough data"
    return text + "".join(f"; {other} in {n}" for other, n in others)


def short_answer(count: Count) -> str:
    """The same in a few words, for the last days."""
    if not count.n:
        return "too little data"
    found = [f"{said} {count.states[state]} of {count.n}" for state, said in _FOUND if count.states[state]]
    return "; ".join(found) or f"reachable {count.states['ok']} of {count.n}"


def parts(line: Headline, report: Report) -> str:
    """Which parts of a platform are blocked where the whole is not, and those by which it is not judged."""
    platform = next((p for p in report.names.platforms if p.id == line.platform), None)
    if platform is None:
        return ""
    within: dict[str, int] = {}
    beside: dict[tuple[str, str], int] = {}
    for part in line.parts:
        if part.target in platform.key_targets:
            within[part.target] = within.get(part.target, 0) + 1
        else:
            beside[part.target, part.state] = beside.get((part.target, part.state), 0) + 1

    def role(target: str) -> str:
        return num.name(platform.roles.get(target, target))

    made: list[str] = []
    if within:
        made.append(f"Partly: {num.listed(f'{role(t)} in {n}' for t, n in sorted(within.items()))}.")
    if beside:
        found = [f"{role(t)} {words.STATE[state]} in {n}" for (t, state), n in sorted(beside.items())]
        made.append(f"Not counted in this line: {num.listed(found)}.")
    return num.Sentence(" ".join(made))


def mechanisms(line: Headline, limit: int = 2) -> str:
    """How it looked, where enough was seen to say that anything was."""
    if line.whole.n == line.whole.states["ok"]:
        return ""
    found = list(dict.fromkeys(words.how(each) for each in line.mechanisms))
    text = num.listed(found[:limit], "or")
    return text[:1].upper() + text[1:] + (" (and others)." if len(found) > limit else "." if text else "")


def silent_days(period: Period) -> str:
    """Days of which there is nothing; whether anybody measured elsewhere is not known here."""
    if not period.silent:
        return SILENT_NONE
    n = num.plural(len(period.silent), "day")
    return f"No measurement from the country is at hand for {n}: {num.days_text(period.silent, years=years(period))}."


def quiet_network(network: Network, period: Period) -> str:
    """A network's days without data, beyond those of the whole country."""
    alone = [day for day in network.silent if day not in set(period.silent)]
    return f"{num.plural(len(alone), 'further day')} without any data" if alone else ""


NO_EVIDENCE: Final = {
    "none": "There is no cell, so nothing stands behind any.",
    "insufficient": "No cell has enough data, so none of them says anything.",
    "ok": "Every cell that says anything says reachable.",
}
THRESHOLDS: Final = "Every threshold, and why"
SOURCES: Final = "Measurements and their terms"
BODIES: Final = "Fingerprints that the pages of these days were matched with"


DOTS_NOTE: Final = "One dot is one network with enough data. Few dots mean few networks heard."
GRADES_NOTE: Final = "What the grades of evidence mean"


def more(networks: int, targets: int) -> str:
    parts = []
    if networks:
        parts.append(num.plural(networks, "network") + " with less to say")
    if targets:
        parts.append(num.plural(targets, "target"))
    return f"Left out here for want of room and found in report.json: {num.listed(parts)}."


def more_answers(lines: int) -> str:
    return f"{num.plural(lines, 'more line')} are in report.json."


def more_evidence(cells: int) -> str:
    return f"{num.plural(cells, 'more cell')} are in report.json."


def last_days(period: Period) -> str:
    """What is said where the period is longer than a strip."""
    days = last(sorted({*period.tested, *period.silent}))
    if period.days <= MAX_DAYS or not days:
        return ""
    return f"The last {MAX_DAYS} days of the period are drawn: {num.period(days[0], days[-1])}."


def years(period: Period) -> bool:
    """Whether a date needs its year."""
    return period.first[:4] != period.last[:4]


def untested() -> str:
    return "Asked about, and without any measurement here in this period:"


def poor(key: str, found: Sequence[tuple[str, int]], limits: Thresholds) -> str:
    cells = sum(n for _, n in found)
    one = "1 cell of the matrix says" if cells == 1 else f"{num.count(cells)} cells of the matrix say"
    return f"{one} nothing: {tell.reason(key, limits)}."


def which(found: Sequence[tuple[str, int]]) -> str:
    return f"Which: {num.plural(len(found), 'target')} (number of networks)"


def excluded(rows: Sequence[Excluded]) -> str:
    """All verdicts left out for one reason; where a rule found it, a list of rules follows."""
    total = sum(row.measurements for row in rows)
    tail = ", by rule:" if rows[0].rule else "."
    return f"{num.plural(total, 'verdict')} left out: {words.EXCLUDED[rows[0].reason]}{tail}"


def thresholds(limits: Thresholds) -> list[tuple[str, str, str]]:
    """Name, value and reason, in the order of the file."""
    made: list[tuple[str, str, str]] = []
    for name in limits.__struct_fields__:
        if name in limits.reasons:
            value = getattr(limits, name)
            shown = num.percent(value) if isinstance(value, float) else str(value)
            made.append((name.replace("_", " "), shown, limits.reasons[name]))
    return made


def facts(report: Report) -> tuple[tuple[str, str], ...]:
    return (
        ("Rules", report.inputs.rules),
        ("References", report.inputs.reference),
        ("As of (newest measurement)", report.as_of),
        (f"witnesses.csv, {num.plural(report.witnesses, 'row')}", report.witnesses_digest),
    )
