"""Law: an outage is told from its own record alone: what fell, how far, between when and when, what did not fall, what
was missing, and how sure that is. Brackets stay brackets; what lasts, lasts as far as the data go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from clampdown.assess import zones
from clampdown.assess.connectivity import Feature, Outage, Part, Published
from clampdown.assess.outages import FELL, settled
from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.publish.words import codes as said
from clampdown.publish.words import signals as sig
from clampdown.publish.words.codes import name

Labels = Mapping[str, str]  # country code -> name
NO_LABELS: Final[Labels] = {}
WHOLE: Final = 0.9  # of what is expected: from this loss on one may say "cut off" (provisional)
SCOPE: Final = {
    "total": "total",
    "international": "to other countries only",
    "mobile": "mobile access only",
    "fixed": "fixed lines only",
    "whitelist": "all but chosen services",
    "region": "one region",
    "unknown": "not known",
}
KIND: Final = {"outage": "outage", "shutdown": "shutdown"}
_TIMES: Final = {"nightly": ("night", "at night"), "mornings": ("morning", "in the morning")}
_SOME: Final = 3
_MOST_BACK: Final = 4  # signals that came back, in a sentence
_MANY: Final = 1000  # from this level on a number is read as one of things, not as a height
_EVENING: Final = 18  # a cut that begins after this hour belongs to the night to the next day


def place(outage: Outage, labels: Labels = NO_LABELS) -> str:
    """Iran; Bago (Myanmar); AS64500 in Iran"""
    country = name(labels.get(outage.country, outage.country)) if outage.country else ""
    head, _, rest = outage.entity.partition("/")
    if outage.entity_kind == "country" or not country:
        return country or name(outage.entity)
    if outage.entity_kind == "network":
        return f"{name(outage.entity.partition('@')[0])} in {country}"
    part = name(rest if rest and head == outage.country else outage.entity)
    return f"{part}, {country}" if "(" in country else f"{part} ({country})"


def sentence(outage: Outage, labels: Labels = NO_LABELS) -> str:
    """One outage in plain words."""
    return " ".join(paragraphs(outage, labels))


def paragraphs(outage: Outage, labels: Labels = NO_LABELS) -> tuple[str, ...]:
    """The same in parts: what fell, and when; what else fell, came back or did not; how sure that is; lesser falls
    and returns in part, of signals that were named above."""
    doubts = said.outage_doubts(outage.contradicts)
    against = f"Against it: {'; '.join(doubts)}" if doubts else ""
    parts = (
        [_lead(outage, labels), _worst(outage), _end(outage), _lost(outage)],
        [*_planes(outage), *_restored(outage), _unmoved(outage)],
        [_graded(outage), _called(outage), _published(outage), against],
        [*_restored(outage, partly=True), *_before(outage)],
    )
    told = (" ".join(f"{_upper(each)}." for each in part if each) for part in parts)
    return tuple(part for part in told if part)


def _upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


# ---- what, and when ----------------------------------------------------------------------------------------------


def what(outage: Outage, labels: Labels = NO_LABELS) -> str:
    """Iran was cut off; a part of Iran stopped answering probes"""
    where, whole = place(outage, labels), outage.depth >= WHOLE
    access = {"mobile": "mobile access in ", "fixed": "fixed lines in "}.get(outage.scope, "")
    if len(outage.planes) < 2:
        return f"{access}{_alone(outage, where, whole=whole)}"
    verb = "were" if outage.scope == "fixed" else "was"
    if not whole:
        return f"{access}{where} lost a part of {'their' if outage.scope == 'fixed' else 'its'} connections"
    beyond = {"international": " from the rest of the world", "whitelist": ", but for chosen services"}
    return f"{access}{where} {verb} cut off{beyond.get(outage.scope, '')}"


def _alone(outage: Outage, where: str, *, whole: bool) -> str:
    """One plane alone: no more is said than that plane shows."""
    if outage.plane == "control":
        return f"{where} lost {'nearly all' if whole else 'a part'} of its routes"
    if outage.plane == "data":
        return f"{where} stopped answering {'probes' if whole else 'a part of the probes'}"
    if outage.plane == "background":
        return f"background noise from {where} fell"
    if outage.plane == "usage":
        return f"use of services from {where} fell"
    if outage.plane == "service":
        return f"a service was lost in {where}"
    return f"{where} fell on one plane"


def _lead(outage: Outage, labels: Labels) -> str:
    text, plane = what(outage, labels), f"on {sig.plane_is(outage.plane)}"
    text = f"too little to speak of an outage: {text}" if outage.grade == "insufficient" else text
    begun = sig.bracket(outage.onset_after, outage.onset_before, outage.zone)
    if recurs(outage):
        word, _ = _TIMES.get(outage.pattern or "", ("day", ""))
        nights = f"{num.count(outage.occurrences)} of {num.plural(outage.occurrences_of, word)}"
        return f"{text} again and again, on {nights}: {plane} the first cut began {begun}{_clock(outage)}"
    if outage.onset_after is None:
        return f"{text}: {plane} it was down when the data begin, {_at(outage)}"
    return f"{text}: {plane} it began {begun}"


def _at(outage: Outage) -> str:
    return sig.moment(outage.onset_before, outage.zone)


def recurs(outage: Outage) -> bool:
    return outage.pattern is not None or outage.occurrences > 1


def _clock(outage: Outage) -> str:
    """The local time at which most of them were first seen down."""
    times = [zones.local(part.onset_before, outage.zone) for part in outage.of("occurrence")]
    known = Counter(f"{time:%H:%M}" for time in times if time is not None)
    if not known:
        return ""
    time, count = min(known.items(), key=lambda each: (-each[1], each[0]))
    return f"; {num.count(count)} of {num.count(len(times))} were first seen down at {time} local time"


def night(time: datetime, zone: str | None) -> str:
    """The local day that a cut belongs to: the night to this day, or this day's morning."""
    there = zones.local(time, zone) or zones.utc(time)
    later = timedelta(days=1) if there.hour >= _EVENING else timedelta(0)
    return (there + later).date().isoformat()


def _worst(outage: Outage) -> str:
    here = outage.of(*FELL)
    fell = [part for part in here if part.plane == outage.plane and part.depth is not None]
    main = min(fell, key=lambda part: (abs((part.depth or 0) - outage.depth), part.signal), default=None)
    lost = f"At the worst moment, {sig.moment(outage.worst, outage.zone)}, {sig.share(outage.depth)}"
    if main is None or main.expected is None or main.level is None:
        signal = f" of {sig.signal(main.signal)}" if main else ""
        return f"{lost} of what is expected{signal} was lost"
    found, expected, signal = sig.level(main.level), sig.level(main.expected), sig.signal(main.signal)
    if main.expected >= _MANY:
        return f"{lost} was lost: {found} {signal} where {expected} are expected"
    return f"{lost} was lost: {signal} at a level of {found} where {expected} is expected"


def _end(outage: Outage) -> str:
    zone, begun = outage.zone, outage.onset_before
    if outage.lasts or (outage.end_after is None and outage.end_before is None):
        since = sig.length(outage.last_seen - begun)
        ends = sig.moment(outage.last_seen, zone)
        if recurs(outage):
            return f"It still came back when the data end, {ends}" if outage.lasts else f"The data end {ends}"
        if settled(outage):
            high = "its level had settled at another height (a new normal?)"
            return f"It had not come back by {ends}: {high}, and was watched from there on"
        if outage.lasts:
            return f"It was still down when the data end, {ends}, {since} after it was first seen down"
        return f"Its end is not known; the data end {ends}"
    ended = sig.bracket(outage.end_after, outage.end_before, zone)
    if recurs(outage):
        return f"The last of them ended {ended}"
    return f"It ended {ended}{_for(', after', outage)}"


def _for(lead: str, each: Outage | Part) -> str:
    """, after 18 days 13 hours at least and 18 days 16 hours at most"""
    least = each.end_after - each.onset_before if each.end_after and each.onset_before else None
    most = each.end_before - each.onset_after if each.end_before and each.onset_after else None
    parts = [f"{sig.length(least)} at least"] if least is not None and least > timedelta(0) else []
    parts += [f"{sig.length(most, up=True)} at most"] if most is not None and most > timedelta(0) else []
    return f"{lead} {num.listed(parts)}" if parts else ""


def _lost(outage: Outage) -> str:
    text = f"As much was lost as in {sig.hours(outage.lost_hours)} without any connection" if outage.lost_hours else ""
    if outage.unknown_hours <= 0:
        return text
    gap = f"{sig.hours(outage.unknown_hours)} within it have no data and count neither as lost nor as there"
    return f"{text}; {gap}" if text else gap


# ---- the other planes --------------------------------------------------------------------------------------------


def _planes(outage: Outage) -> Iterable[str]:
    """The deepest fall of every other plane."""
    for plane in outage.planes:
        if plane == outage.plane:
            continue
        fell = [part for part in outage.of(*FELL) if part.plane == plane]
        if not fell:
            yield f"It also fell on {sig.plane_is(plane)}"
            continue
        deepest = max(fell, key=lambda part: (part.depth or 0.0, part.signal))
        others = len({part.series for part in fell}) - 1
        more = f" (and {num.plural(others, 'other signal')})" if others else ""
        lost = f" lost {sig.share(deepest.depth)} at worst" if deepest.depth is not None else " fell"
        when = "" if recurs(outage) else _when(deepest, outage.zone)
        yield f"On the {sig.plane(plane)}, {sig.signal(deepest.signal)}{more}{lost}{when}"


def _when(part: Part, zone: str | None) -> str:
    begun = f", from {sig.moment(part.onset_before, zone)}" if part.onset_before else ""
    if part.end_after is None and part.end_before is None:
        ends = "and settled at another height" if part.normal_again else "with no end in the data"
        return f"{begun}, {ends}" if begun else ""
    return begun + _for(", for", part)


_NOTICED: Final = ("service", "usage", "data", "background", "control")


def _restored(outage: Outage, *, partly: bool = False) -> Iterable[str]:
    """What was let through, each signal once: services that came back whole are what people notice, and come first.
    What came back in part, and what is more than is told, is told by itself."""
    found: dict[str, list[Part]] = {}
    for part in outage.of("restoration"):
        found.setdefault(part.series, []).append(part)
    place = {plane: number for number, plane in enumerate(_NOTICED)}
    shown = sorted(found.values(), key=lambda p: (bool(p[0].depth), place.get(p[0].plane, len(place))))
    shown = shown[:_MOST_BACK]
    for first, *again in shown:
        over = came_back(first)
        when = f" {sig.bracket(*over, outage.zone)}" if any(over) else ""
        more = f", and fell and came back {num.plural(len(again), 'more time')}" if again else ""
        whole = first.expected is not None or not first.depth
        if whole is partly:
            continue
        left = "before the outage was over" if whole else f"and {sig.share(first.depth or 0)} stayed lost"
        part = "" if whole else " in part"
        yield f"{sig.signal(first.signal)} ({_who(first)}) came back{part}{when}, {left}{more}"
    rest = max(outage.restorations, sum(map(len, found.values()))) - sum(map(len, shown))
    if partly and rest:
        yield f"{num.plural(rest, 'more partial restoration' if found else 'partial restoration')} came before the end"


def came_back(part: Part) -> tuple[datetime | None, datetime | None]:
    """The bracket in which a signal was let through."""
    if part.onset_before is not None or part.onset_after is not None:
        return part.onset_after, part.onset_before
    return part.end_after, part.end_before


def _who(part: Part) -> str:
    return f"{sig.plane(part.plane)}, measured by {sig.operator(part.operator)}"


def _before(outage: Outage) -> Iterable[str]:
    found = outage.of("precursor")
    if found:
        first = found[0]
        when = f" {sig.bracket(first.onset_after, first.onset_before, outage.zone)}"
        much = f" by {sig.share(first.depth)}" if first.depth is not None else ""
        yield f"A lesser fall came before it: {sig.signal(first.signal)} fell{much}{when}"
    if rest := max(outage.precursors, len(found)) - min(len(found), 1):
        yield f"{num.plural(rest, 'more lesser fall' if found else 'lesser fall')} came before it"


def _unmoved(outage: Outage) -> str:
    made: list[str] = []
    signals = _listed([sig.signal(each) for each in outage.signals_unmoved], "signal")
    if outage.planes_unmoved:
        planes = num.listed(sig.plane_is(each) for each in outage.planes_unmoved)
        made.append(f"no fall was seen on {planes}" + (f": {signals}" if signals else ""))
    elif signals:
        made.append(f"no fall was seen in {signals}")
    if outage.planes_missing:
        made.append(f"there are no data of {num.listed(sig.plane_is(each) for each in outage.planes_missing)}")
    return "; ".join(made)


def _listed(names: Sequence[str], one: str) -> str:
    rest = len(names) - _SOME
    if rest <= 1:
        return num.listed(names)
    return f"{', '.join(names[:_SOME])} and {num.plural(rest, f'more {one}')}"


# ---- how sure ----------------------------------------------------------------------------------------------------


def _graded(outage: Outage) -> str:
    grade = words.GRADE.get(outage.grade, num.plain(outage.grade, 40))
    order = sorted(outage.planes, key=lambda each: (list(sig.PLANE).index(each) if each in sig.PLANE else 9, each))
    planes = num.listed(sig.plane(each) for each in order) or sig.plane(outage.plane)
    by = f", measured by {num.listed(sig.operator(each) for each in outage.operators)}" if outage.operators else ""
    return f"Grade: {grade} ({num.plural(max(1, len(outage.planes)), 'plane')}: {planes}{by})"


def _called(outage: Outage) -> str:
    why = num.listed(said.outage_reasons(outage.kind_why))
    kind = {"shutdown": "Called a shutdown", "outage": "Called an outage and not a shutdown"}.get(outage.kind)
    kind = kind or f"Called {name(outage.kind)}"
    return f"{kind}, because {why}" if why else kind


def _published(outage: Outage) -> str:
    if not outage.published_n:
        return ""
    named = [record(each) for each in outage.published]
    which = f" ({_listed(named, 'record')})" if named else ""
    records = num.plural(outage.published_n, "published record")
    return f"{records} {'speaks' if outage.published_n == 1 else 'speak'} of it or of its days{which}"


def record(each: Published) -> str:
    """A published record by its title and its source."""
    title = num.name(num.plain(each.title, 120)) if each.title else name(each.kind)
    return f"{title}, {name(each.source)}"


def feature(each: Feature) -> str:
    """it begins on the hour, local time: yes (3.06 times as likely of a shutdown)"""
    value = said.FEATURE_VALUE.get(each.value, name(each.value))
    ratio = f" ({each.ratio:.3g} to 1 for a shutdown)" if each.ratio is not None else ""
    return f"{said.FEATURE.get(each.name, name(each.name))}: {value}{ratio}"
