"""Law: the page says of every panel what it shows, by whom and in which unit; of an outage what its record says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from clampdown.assess import zones
from clampdown.assess.connectivity import Connectivity, Origin, Outage, Panel, Published
from clampdown.assess.document import Report
from clampdown.assess.outages import settled, weight
from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.publish.panels import Curve, Drawn
from clampdown.publish.words import codes as said
from clampdown.publish.words import outages as tell
from clampdown.publish.words import signals as sig
from clampdown.publish.words.codes import name

_EPOCH: Final = datetime(1970, 1, 1)
_ENOUGH: Final = timedelta(days=10)  # of levels, before their silence says anything
INTRO: Final = (
    "Signals of the whole network, one panel each, on one axis of time; each has its own scale, from nothing to the "
    "highest level that was seen or expected. Where several levels share a place, the lowest, the mean and the highest "
    "are drawn, so that a short fall shows."
)
ALONE: Final = (
    "Nothing was measured here in this period. This page rests on signals of connectivity alone, and says nothing of "
    "what is blocked."
)
MISSING: Final = {
    "not_detected": "Nothing was looked for yet, so no outage can be shown. This does not mean that there was none. To "
    "look for outages:",
    "stale": "Outages were looked for in other data than the store holds now, so they are not shown. This does not "
    "mean that there was none. To look again:",
}
COMMAND: Final = "clampdown detect --store DIR"
NONE: Final = (
    "No outage was found in these signals in this period. What none of them watches could not be found, and what is "
    "missing says nothing."
)
_LEGEND: Final = (
    ("low", "lowest level"),
    ("mean", "mean"),
    ("range", "from lowest to highest"),
    ("cut", "this signal fell: an outage"),
    ("open", "began or ended somewhere in here"),
    ("weak", "it fell, but there is too little evidence for an outage"),
    ("expected", "level that was expected"),
    ("gone", "no data"),
    ("partly", "some data missing"),
    ("precursor", "a lesser fall before"),
    ("restoration", "let through while the rest stayed down"),
)
_WHERE_DRAWN: Final = ("weak", "expected")  # explained only where they are drawn
UTC: Final = "UTC"
OUTAGES: Final = "The outages found"
HEAD: Final = ("Began", "Ended", "Where", "Lost at worst", "Evidence", "Called")
CLOSER: Final = "Closer"
CLOSER_INTRO: Final = (
    "The time around an outage, with the signals that fell first and the one that came back first. What was expected "
    "is drawn for signals that hardly swing from day to night; for others one level would mislead."
)
WHY: Final = "Why it is called so"
AGAINST: Final = "What speaks against it"
NOTHING_AGAINST: Final = "Nothing that was looked at."
FEATURES: Final = "Traits that set cuts apart from accidents (none is proof, and they are not multiplied)"
PUBLISHED: Final = "Published about it"
NIGHTS: Final = "Local days on which it came back"
ID: Final = "Id"
DETAILS: Final = "Why, what speaks against it, and what was published"
SOURCES: Final = "Whose signals these are"
METHOD: Final = (
    "Planes are kept apart, because they tell of different things: the routing table can be whole while no address "
    "answers. Consistent is one plane; corroborated is two planes measured by different operators; confirmed needs a "
    "statement or an order. An outage is called a shutdown only where a source outside the signals says so."
)
_UNKNOWN: Final = "not known"
_KEEPS: Final = 366  # local days that are listed


def of(report: Report) -> Connectivity | None:
    """The signals of a report, where it has any."""
    return None if isinstance(report.connectivity, msgspec.UnsetType) else report.connectivity


def labels(report: Report) -> tell.Labels:
    return {report.question.country: report.names.country}


def lead(report: Report) -> num.Sentence:
    """The answer to whether the network was cut, in a sentence for the head of the page."""
    made = of(report)
    if made is None or made.missing:
        return num.Sentence("")
    sure = _own([each for each in made.outages if each.grade in ("corroborated", "confirmed")])
    weak = _own([each for each in made.outages if each.grade == "consistent"])
    if not sure and not weak:
        return num.Sentence(_none(made))
    if not sure:
        first = min(weak, key=weight)
        often = " the largest" if weak[1:] else ""
        times = f" ({num.count(first.occurrences)} times)" if tell.recurs(first) else ""
        few = num.plural(len(weak), "possible outage")
        return num.Sentence(f"Signals of connectivity show {few},{often} {_span(first)}{times} (evidence: consistent).")
    first = min(sure, key=weight)
    text = tell.what(first, labels(report))
    others = f", and {num.plural(len(sure) - 1, 'other outage')} of grade corroborated or better" if sure[1:] else ""
    return num.Sentence(f"{text[:1].upper()}{text[1:]} {_span(first)} (evidence: {first.grade}){others}.")


def _none(made: Connectivity) -> str:
    """Silence tells something only where the signals are long enough to know what is usual."""
    spans = [(p.levels.first, timedelta(seconds=p.levels.step * len(p.levels.low))) for p in made.panels]
    ends = [(first, first + span) for first, span in spans]
    days = max((last for _, last in ends), default=_EPOCH) - min((first for first, _ in ends), default=_EPOCH)
    if days < _ENOUGH:
        return (
            f"The signals here cover {num.plural(max(1, days.days), 'day')}, too few to know what is usual: "
            "that no outage was found says nothing."
        )
    return "Signals of connectivity show no outage."


def _own(found: Sequence[Outage]) -> list[Outage]:
    """Those of the whole country, where there are any: parts of it that fell with it are no more outages."""
    return [each for each in found if each.entity_kind == "country"] or list(found)


def _span(outage: Outage) -> str:
    """from 8 January to 27 January 2026, in local days"""
    first = _date(outage.onset_before, outage.zone)
    if settled(outage):
        return f"from {num.day(first)}, and settled at another height"
    if outage.lasts or not (outage.end_after or outage.end_before):
        ends = _date(outage.last_seen, outage.zone)
        return f"from {num.day(first)}" + (f", still when the data end on {num.day(ends)}" if outage.lasts else "")
    last = _date(outage.end_before or outage.end_after or outage.last_seen, outage.zone)
    return f"on {num.day(first)}" if first == last else f"from {num.day(first)} to {num.day(last)}"


def _date(time: datetime, zone: str | None) -> str:
    return (zones.local(time, zone) or zones.utc(time)).date().isoformat()


def legend(drawn: Drawn) -> tuple[tuple[str, str], ...]:
    """What the marks mean; of the rarer ones, those that are drawn."""
    curves = [c for _, some in drawn.planes for c in some] + [c for zoom in drawn.closer for c in zoom.curves]
    there = {"expected"} if any(c.expected for c in curves) else set[str]()
    there |= {"weak"} if any(shade.weak for c in curves for shade in c.shades) else set[str]()
    return tuple((mark, text) for mark, text in _LEGEND if mark not in _WHERE_DRAWN or mark in there)


def plane(text: str) -> str:
    """The routing table (control plane)"""
    about = sig.PLANE_IS.get(text, name(text))
    return f"{about[:1].upper()}{about[1:]} ({sig.plane(text)})"


def caption(panel: Panel, country: str) -> num.Sentence:
    """What a panel shows."""
    text = sig.signal(panel.signal)
    where = "" if panel.entity_kind == "country" else f" of {entity(panel.entity, country)}"
    return num.Sentence(f"{text[:1].upper()}{text[1:]}{where}")


def entity(text: str, country: str) -> str:
    """Bago for MM/Bago, AS64500 for AS64500@MM."""
    head, _, rest = text.partition("/")
    return name(rest if rest and head == country else text.partition("@")[0])


def detail(curve: Curve) -> num.Sentence:
    """Who measures it, what the top of the axis is, how often."""
    panel, levels = curve.panel, curve.levels
    unit = sig.UNIT.get(panel.unit, name(panel.unit))
    top = f"0 to {sig.level(panel.top)}" + (f" ({unit})" if unit else "")
    every = f"every {_step(panel.step)}"
    binned = f", drawn in steps of {_step(levels.step)}" if levels.step > panel.step else ""
    absent = "; hours without a reply are drawn as none" if panel.absence == "no-reply" else ""
    return num.Sentence(f"{top} · measured by {sig.operator(panel.operator)} {every}{binned}{absent}")


def _step(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    if days and not rest:
        return "day" if days == 1 else f"{days} days"
    return "hour" if seconds == 3600 else sig.length(timedelta(seconds=seconds)).removeprefix("1 ")


def picture(curve: Curve, country: str) -> num.Sentence:
    """What those hear of a panel who do not see it."""
    found = [value for value in curve.levels.low if value is not None]
    high = [value for value in (curve.levels.high or curve.levels.low) if value is not None]
    levels = f"levels from {sig.level(min(found))} to {sig.level(max(high))}" if found else "no level at all"
    gaps = sum(curve.levels.missing)
    missing = f", {num.plural(gaps, 'level')} missing" if gaps else ""
    cuts = f", {num.plural(len(curve.shades), 'stretch', 'stretches')} marked as an outage" if curve.shades else ""
    return num.Sentence(f"{caption(curve.panel, country)}: {levels}{missing}{cuts}")


def clock(made: Connectivity) -> num.Sentence:
    """Which local time is shown, and where it changed."""
    if made.zone is None or zones.zone_of(made.zone) is None:
        return num.Sentence("Times are UTC; no local time is known here.")
    ahead = zones.offset(made.first, made.zone)
    text = f"Local time is that of {name(made.zone)}"
    if not made.shifts:
        return num.Sentence(f"{text}, {zones.said(ahead) if ahead is not None else ''} throughout.")
    moved = [
        f"on {num.day(_date(s.at, made.zone))} from {_ahead(s.before)} to {_ahead(s.after)}" for s in made.shifts[:6]
    ]
    more = f" and {num.plural(len(made.shifts) - 6, 'further time')}" if len(made.shifts) > 6 else ""
    return num.Sentence(f"{text}. Its clocks were changed {num.listed(moved)}{more}; a line in its ruler shows where.")


def _ahead(minutes: int) -> str:
    return zones.said(timedelta(minutes=minutes))


# ---- the table ---------------------------------------------------------------------------------------------------


def cells(outage: Outage, report: Report) -> tuple[num.Sentence, ...]:
    """Began, ended, where, lost at worst, evidence, called."""
    zone = outage.zone
    begun = sig.bracket(outage.onset_after, outage.onset_before, zone)
    if settled(outage):
        ended = f"settled at another height (a new normal?) by {sig.moment(outage.last_seen, zone)}"
    elif outage.lasts:
        ended = f"lasts; the data end {sig.moment(outage.last_seen, zone)}"
    elif outage.end_after is None and outage.end_before is None:
        ended = _UNKNOWN
    else:
        ended = sig.bracket(outage.end_after, outage.end_before, zone)
    often = f" ({num.count(outage.occurrences)} times)" if tell.recurs(outage) else ""
    lost = f"{sig.share(outage.depth)} on the {sig.plane(outage.plane)}"
    grade = words.GRADE.get(outage.grade, num.plain(outage.grade, 40))
    where = tell.place(outage, labels(report)) + often
    called = tell.KIND.get(outage.kind, name(outage.kind))
    return tuple(num.Sentence(text) for text in (begun, ended, where, lost, grade, called))


def told(outage: Outage, report: Report) -> tuple[num.Sentence, ...]:
    return tuple(num.Sentence(part) for part in tell.paragraphs(outage, labels(report)))


def within(outages: Sequence[Outage]) -> str:
    """The head of those that are folded."""
    kinds = {"region": "its regions", "network": "its networks"}
    which = num.listed(text for kind, text in kinds.items() if any(o.entity_kind == kind for o in outages))
    return f"{num.plural(len(outages), 'outage')} of {which or 'parts of it'} began within it"


def line(outage: Outage, report: Report) -> num.Sentence:
    """One that is folded, in a line."""
    begun, ended, where, lost, grade, called = cells(outage, report)
    planes = num.listed(sig.plane(each) for each in outage.planes)
    return num.Sentence(f"{where}: {called}, {grade}; began {begun}; {_ended(outage, ended)}; {lost} (fell: {planes})")


def _ended(outage: Outage, text: str) -> str:
    if outage.lasts:
        return text
    return f"its end is {text}" if text == _UNKNOWN else f"ended {text}"


def title(outage: Outage, report: Report) -> num.Sentence:
    text = tell.what(outage, labels(report))
    return num.Sentence(f"{text[:1].upper()}{text[1:]}, {sig.moment(outage.onset_before, outage.zone)}")


def facts(outage: Outage) -> tuple[tuple[str, num.Sentence], ...]:
    """Label and text of what stands behind a row."""
    made: list[tuple[str, Iterable[str], str]] = [
        (WHY, said.outage_reasons(outage.kind_why), ""),
        (AGAINST, said.outage_doubts(outage.contradicts), NOTHING_AGAINST),
        (FEATURES, [tell.feature(each) for each in outage.features], ""),
        (NIGHTS, [_nights(outage)], ""),
    ]
    rows = [(label, "; ".join(filter(None, texts)) or none) for label, texts, none in made]
    return tuple((label, num.Sentence(f"{text[:1].upper()}{text[1:]}")) for label, text in rows if text)


def _nights(outage: Outage) -> str:
    times = [part.onset_before or part.onset_after for part in outage.of("occurrence")]
    days = sorted({tell.night(time, outage.zone) for time in times if time is not None})
    more = f"; {num.count(len(days) - _KEEPS)} more are in report.json" if len(days) > _KEEPS else ""
    return num.days_text(days[:_KEEPS], limit=60, years=True) + more if days else ""


def published(each: Published) -> num.Sentence:
    """A record that others published: what, by whom, when."""
    when = "" if each.start is None else f", {_when(each)}"
    doubt = f" (doubtful: {name(each.doubt)})" if each.doubt else ""
    return num.Sentence(f"{tell.record(each)}{when}{doubt}")


def _when(each: Published) -> str:
    if each.start is None:
        return ""
    return num.day(each.start.date().isoformat()) if each.precision == "day" else sig.moment(each.start, None)


def source(each: Origin) -> str:
    levels = num.plural(each.levels, "level")
    return f"{each.terms.attribution}: {levels} in {num.plural(each.inputs, 'file')}. {each.terms.licence}."


def more_panels(panels: int) -> str:
    return f"{num.plural(panels, 'further signal')} of this country {'is' if panels == 1 else 'are'} not drawn here."


def more_outages(outages: int) -> str:
    return f"{num.plural(outages, 'more outage')} {'is' if outages == 1 else 'are'} in report.json."


def window(first: datetime, last: datetime) -> str:
    return num.period(first.date().isoformat(), (last - timedelta(microseconds=1)).date().isoformat())


def known(outages: Sequence[Outage]) -> bool:
    """Is any of them at least consistent?"""
    return any(each.grade != "insufficient" for each in outages)
