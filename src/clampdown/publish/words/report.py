"""Law: the page says `k of n networks with enough data`, gives the doubt beside the claim, and names no culprit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from clampdown.assess.counting import Thresholds
from clampdown.assess.document import Cell, Count, Excluded, Headline, Network, Period, Question, Report, Source
from clampdown.evidence import Witness, Witnesses
from clampdown.model import Terms
from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.publish.charts import MAX_DAYS, Strip

_GROUPS: Final = {"social": "social networks", "messaging": "messengers"}
_FOUND: Final = (
    ("blocked", "blocked"), ("throttled", "slowed down"), ("partly", "partly blocked"),
    ("conflicting", "conflicting"), ("refused", "refused by the far end"), ("down", "down for everyone"),
    ("unclear", "unclear"),
)  # fmt: skip
SYNTHETIC: Final = "Synthetic data. This country does not exist; nothing on this page is about a real place or network."
SMALL: Final = "Clampdown"
KICKER: Final = "A page of evidence"
SKIP: Final = "Skip to the answer"
CONTENTS: Final = "On this page"
LAST_DAYS: Final = "Last {days} days"
GRADE_LABEL: Final = "Evidence"
NETWORK: Final = "Network"
TARGET: Final = "Target"
OTHER_GROUP: Final = "Other sites"
DOTS: Final = "one dot per network with enough data"
MATRIX_INTRO: Final = (
    "Each cell is one target on one network over the whole period. n is the number of tries that decided something; "
    "a try is one vantage point in one hour, however many measurements it sent. Vantage points are given as “at least "
    "– at most”."
)
MATRIX_N: Final = "n"
MATRIX_VP: Final = "vp"
MATRIX_SCROLL: Final = "Targets and networks; scrolls sideways"
DAYS_INTRO: Final = (
    "One strip per target, one line per network, one column per day. The taller the bar, the more serious what was "
    "seen; a pale bar is a single try. A dot marks a day on which the network was measured but this target was not; "
    "an empty place a day without any data from that network; a shaded column a day on which nobody measured "
    "anything in the country. None of these reads as reachable."
)
EVIDENCE_INTRO: Final = (
    "What stands behind each cell that is not simply reachable. Witnesses are measurements that anyone can look up "
    "where a link is given; the whole list is in witnesses.csv."
)
RULES_HEAD: Final = ("Rule", "Says", "Mechanism", "Fired", "Decided")
WITNESS_HEAD: Final = ("Day", "Vantage point", "Measurement")
HOW_HEAD: Final = "How"
TRIES_HEAD: Final = "Tries"
MEASURED_HEAD: Final = "Measurements"
RULES_TITLE: Final = "Every rule that fired"
WITNESS_TITLE: Final = "Witnesses"
DAY_TABLE: Final = "The same as a table"
DAY_HEAD: Final = ("Day", "Network", "Tries")
DAY_ONLY: Final = "Fewer than {n} vantage points on this network in the period: days are shown, times are not."
SILENT_NONE: Final = "There is data from every day of the period."
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
    asked, country = report.question, num.name(report.names.country)
    if asked.target is not None:
        return num.Sentence(f"Is {subject(report, asked)} blocked in {country}?")
    kinds = [_GROUPS.get(g) or num.plain((report.names.group(g) or g).lower()) for g in report.headline_groups]
    return num.Sentence(f"Which {num.listed(kinds)} are blocked in {country}?")


def subject(report: Report, asked: Question) -> str:
    target = asked.target or ""
    platform = next((p for p in report.names.platforms if p.id == target), None)
    return num.name(platform.label if platform else report.names.target(target))


def standfirst(report: Report) -> num.Sentence:
    """The answer in a few sentences."""
    label = {p.id: num.name(p.label) for p in report.names.platforms}
    known = [line for line in report.headlines if line.whole.n]
    made: list[str] = []
    for state, said in (("blocked", "found blocked"), ("throttled", "found slowed down")):
        hit = [(label[h.platform], h.whole) for h in known if h.whole.states[state]]
        if hit:
            made.append(f"{_counted(hit, state)} {'was' if len(hit) == 1 else 'were'} {said}.")
    late = [(label[h.platform], h.recent) for h in report.headlines if h.recent is not None and _only_lately(h)]
    if late and report.period.recent:
        since = num.day(report.period.recent, year=False)
        days = report.thresholds.recent_days
        made.append(f"In the last {days} days, since {since}, also {_counted(late, 'blocked')}.")
    if not made and known:
        made.append(f"None of {num.plural(len(known), 'service')} with enough data was found blocked.")
    if not known and report.question.target is None:
        made.append("There is too little data to say anything of any of them.")
    clear = [label[h.platform] for h in known if h.whole.states["ok"] == h.whole.n]
    if clear:
        made.append(
            f"{num.listed(clear)} {'was' if len(clear) == 1 else 'were'} reachable wherever there is enough data."
        )
    return num.Sentence(" ".join(made))


def _counted(found: Sequence[tuple[str, Count]], state: str) -> str:
    """A in 7 of 7 networks with enough data, B in 4 of 7: the denominator is always there, its words once."""
    ordered = sorted(found, key=lambda each: (-each[1].states[state], -each[1].n))
    parts = [f"{name} in {count.states[state]} of {count.n}" for name, count in ordered]
    parts[0] += " networks with enough data"
    return num.listed(parts)


def _only_lately(line: Headline) -> bool:
    return line.recent is not None and bool(line.recent.states["blocked"]) and not line.whole.states["blocked"]


def scope(report: Report) -> str:
    """What was looked at."""
    networks = sum(1 for network in report.networks if network.measurements)
    low, high = report.vantage.low, report.vantage.high
    return (
        f"{num.plural(report.measurements, 'measurement')} from {num.plural(networks, 'network')} by at least "
        f"{num.count(low)} and at most {num.plural(high, 'vantage point')}, "
        f"{num.period(report.period.first, report.period.last)}: data from {num.count(len(report.period.tested))} of "
        f"{num.plural(report.period.days, 'day')}."
    )


def answer(count: Count) -> str:
    """k of n networks with enough data."""
    if not count.n:
        return f"Too little data on {num.plural(count.tested, 'network')}"
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
    """Which parts of a platform are blocked where the whole is not."""
    roles = {t: role for p in report.names.platforms for t, role in p.roles.items()}
    seen: dict[str, int] = {}
    for part in line.parts:
        seen[part.target] = seen.get(part.target, 0) + 1
    found = [f"{num.plain(roles.get(t, t))} in {n}" for t, n in sorted(seen.items())]
    return f"Partly: {num.listed(found)}" if found else ""


def mechanisms(ids: Sequence[str], limit: int = 2) -> str:
    found = list(dict.fromkeys(words.how(each) for each in ids))
    text = num.listed(found[:limit], "or")
    return text[:1].upper() + text[1:] + (" (and others)" if len(found) > limit else "")


def cell_title(cell: Cell) -> str:
    """A cell in one line, for those who hover or listen."""
    bits = [words.STATE[cell.state]]
    if cell.reason:
        bits.append(cell.reason.replace("_", " "))
    elif cell.mechanisms and cell.state != "ok":
        bits.append(words.how(cell.mechanisms[0].mechanism))
    vp = num.bounds(cell.vantage.low, cell.vantage.high)
    return f"{': '.join(bits)}; {num.plural(cell.n, 'try', 'tries')}, {vp} vantage points"


def cell_sentence(cell: Cell) -> str:
    """What the numbers of one cell come to."""
    state = words.STATE[cell.state]
    hits = cell.tries.get(cell.state, 0)
    vp = num.bounds(cell.vantage.low, cell.vantage.high)
    total = num.plural(cell.n, "try that decided something", "tries that decided something")
    if cell.state in ("insufficient", "unknown", "conflicting"):
        seen = [f"{words.STATE[s]} {n}" for s, n in sorted(cell.tries.items(), key=lambda i: -i[1]) if s != "unknown"]
        return f"{state.capitalize()}: {total} by {vp} vantage points ({', '.join(seen) or 'none'})."
    share = cell.shares.get(cell.state, 0.0)
    text = (
        f"{state.capitalize()} in {num.count(hits)} of {total}, by {vp} vantage points; with one vote for each, "
        f"{num.percent(share)}. {num.bounds(cell.support.low, cell.support.high)} of them say so most of the time."
    )
    if cell.settled.high:
        settled = num.bounds(cell.settled.low, cell.settled.high)
        text += f" {settled} saw an artefact known to be this country's."
    return text


def grade(cell: Cell) -> str:
    """A grade and what it means."""
    if cell.grade is None or cell.grade not in words.GRADE_MEANS:
        return ""
    return f"{words.GRADE[cell.grade].capitalize()}: {words.GRADE_MEANS[cell.grade]}."


def recently(cell: Cell, days: int) -> str:
    """What the last days say, where it differs."""
    if cell.recent is None or cell.recent.state == cell.state:
        return ""
    n = num.plural(cell.recent.n, "try", "tries")
    return f"In the last {days} days alone: {words.STATE[cell.recent.state]} ({n})."


def lately(cell: Cell) -> str:
    """The state of the last days in a word, where there is enough data and it differs."""
    if cell.recent is None or cell.recent.state in (cell.state, "insufficient", "unknown"):
        return ""
    return words.SHORT[cell.recent.state]


def cell_brief(cell: Cell) -> str:
    """A cell in a line of its own: state, grade, tries."""
    bits = [words.STATE[cell.state]]
    if cell.grade in words.GRADE_MEANS:
        bits.append(words.GRADE[cell.grade])
    hits = cell.tries.get(cell.state)
    tries = num.plural(cell.n, "try", "tries")
    bits.append(tries if hits is None else f"{num.count(hits)} of {tries}")
    return ", ".join(bits)


def reason(key: str, values: Mapping[str, object]) -> str:
    return words.REASON.get(key, key.replace("_", " ")).format_map(values)


def silent_days(period: Period) -> str:
    """Days on which nobody measured anything."""
    if not period.silent:
        return SILENT_NONE
    n = num.plural(len(period.silent), "day")
    return f"Nobody measured anything in the country on {n}: {num.days_text(period.silent)}."


def quiet_network(network: Network, period: Period) -> str:
    """A network's days without data, beyond those of the whole country."""
    alone = [day for day in network.silent if day not in set(period.silent)]
    return f"{num.plural(len(alone), 'further day')} without any data" if alone else ""


NOT_TRIED: Final = "not tried"
NO_EVIDENCE: Final = "Every cell with enough data is simply reachable."
THRESHOLDS: Final = "Every threshold, and why"
SOURCES: Final = "Measurements and their terms"
BODIES: Final = "Fingerprints that the pages of these days were matched with"


def dots_note() -> str:
    return "One dot is one network with enough data; its colour is explained below. Few dots mean few networks heard."


def more(networks: int, targets: int) -> str:
    parts = []
    if networks:
        parts.append(num.plural(networks, "network") + " with less to say")
    if targets:
        parts.append(num.plural(targets, "target"))
    return f"Left out here for want of room and found in report.json: {num.listed(parts)}."


def more_evidence(cells: int) -> str:
    return f"{num.plural(cells, 'more cell')} are in report.json."


def last_days(period: Period) -> str:
    """What is said where the period is longer than a strip."""
    return f"The last {MAX_DAYS} days of the period are drawn." if period.days > MAX_DAYS else ""


def strip_label(target: str, strip: Strip) -> num.Sentence:
    """What those hear who do not see the picture."""
    found: dict[str, int] = {}
    for line in strip.lines:
        for _, state in line.states:
            found[state] = found.get(state, 0) + 1
    seen = [f"{words.STATE[state]} {n}" for state, n in sorted(found.items(), key=lambda item: -item[1])]
    return num.Sentence(
        f"{num.name(target)}: {num.plural(strip.width, 'day')} on {num.plural(strip.height, 'network')}; "
        f"days by state: {', '.join(seen) or 'none'}"
    )


def day_runs(states: Sequence[tuple[str, str]]) -> str:
    """Days by state, as text."""
    by_state: dict[str, list[str]] = {}
    for day, state in states:
        by_state.setdefault(state, []).append(day)
    parts = [f"{words.STATE[state]}: {num.days_text(days, limit=40)}" for state, days in by_state.items()]
    return "; ".join(parts) if parts else "no tries"


def witness_head(state: str, found: Witnesses) -> str:
    shown = len(found.first)
    some = "" if shown == found.count else f", {shown} of them here"
    return f"{num.plural(found.count, 'measurement')}: {words.STATE.get(state, state)}{some}. Digest of the list:"


def when(witness: Witness) -> str:
    return witness.time.replace("T", " ") if witness.time else witness.day


def vp(witness: Witness) -> str:
    return f"VP {witness.vantage}" if witness.vantage is not None else "VP unknown"


def untested() -> str:
    return "Asked about and never measured here in this period:"


def poor(key: str, found: Sequence[tuple[str, int]], limits: Thresholds) -> str:
    cells = sum(n for _, n in found)
    values = {name: getattr(limits, name) for name in ("measurements", "vantage_points")}
    return f"{num.plural(cells, 'cell')} of the matrix say nothing: {reason(key, values)}."


def which(found: Sequence[tuple[str, int]]) -> str:
    return f"Which: {num.plural(len(found), 'target')} (number of networks)"


def excluded(row: Excluded) -> str:
    tail = ", found by rule" if row.rule else "."
    return f"{num.plural(row.measurements, 'verdict')} left out: {words.EXCLUDED[row.reason]}{tail}"


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
        ("As of", report.as_of),
        (f"witnesses.csv, {num.plural(report.witnesses, 'row')}", report.witnesses_digest),
    )


def source(each: Source) -> str:
    files = f" in {num.plural(each.files, 'file')}" if each.files is not None else ""
    return f"{each.terms.attribution}: {num.plural(each.measurements, 'measurement')}{files}. {each.terms.licence}."


def terms(strictest: Terms) -> str:
    meaning = {
        "yes": "may be passed on",
        "share-alike": "may be passed on under the same terms",
        "non-commercial": "may be passed on for non-commercial use",
        "no": "must not be passed on",
    }
    said = meaning.get(strictest.redistribute, "is under terms that are not known here")
    return f"What is taken from this page {said} ({strictest.licence}), with the attribution above."


def snapshots(report: Report) -> str:
    return f"{num.plural(len(report.inputs.snapshots), 'file')} of reference data"
