"""Law: a transport is advised on evidence that stood some days, it is taken off the map only after that was said, and
no evidence is an empty list that says so.

The map has the shape of Tor's circumvention settings. It is a function of the answers of two days, of what the last map
said, and of how many vantage points tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, cast

from clampdown.assess import surge
from clampdown.assess.ways import Access, Way
from clampdown.model import GRADES
from clampdown.publish import ways_feed_document as doc
from clampdown.publish.words import feed as words

# (tool, way) -> the transport's name in Tor's circumvention settings.
Types = Mapping[tuple[str, str], str]
BARE: Final = "vanilla"
_FIRM: Final = GRADES[GRADES.index("corroborated") :]
_ORDER: Final = ("works", "impaired")  # what is impaired comes last: slow, or not on every network, but through


def entry(
    now: Access,
    then: Access | None,
    types: Types,
    closed: frozenset[tuple[str, str]],
    seen: surge.Watch,
    last: doc.Entry | None,
    limits: surge.Limits,
) -> doc.Entry:
    """One country of the map. `then` is the answer some days earlier, where any transport qualifies `now`; `closed`
    are ways that may not be passed on."""
    open_types = {way: name for way, name in types.items() if way not in closed}
    before = {} if then is None else _settings(then, open_types, seen, limits)
    made = _settled(_settings(now, open_types, seen, limits), before)
    if last is not None and last.as_of > now.as_of:
        last = None  # of a later day: it cannot be what was known before
    if last is not None and last.reason == "expired" and last.as_of == now.as_of:
        return last  # said for this day already
    standing = _standing(last, now, open_types)
    gone = {one.bridges.type for one in standing} - {one.bridges.type for one in made}
    touched = {one.bridges.type for one in (*(last.settings if last else ()), *made)}
    reasons = surge.why(seen, touched, now.as_of, _window(now), limits)
    if gone and not _waited(last, now.as_of, limits):
        reasons = (*reasons, "contested")
    if reasons and (touched or ("history" in reasons and asks(now, open_types))):
        # Without enough days before, no network is steady, so what works qualifies no more than what does not.
        return _freeze(standing, last, now.as_of, reasons, limits)
    return _entry(made, now.as_of, _until(made, now, limits), "none_qualifies")


def asks(now: Access, types: Types) -> bool:
    """Does any transport qualify, so that the days before have to be asked?"""
    return any((w.tool, w.way) in types and w.network is None and _qualifies(w, _fresh(now)) for w in now.ways)


def _fresh(answer: Access) -> int:
    return int(answer.limits["fresh_days"])


def _window(answer: Access) -> int:
    return (date.fromisoformat(answer.last) - date.fromisoformat(answer.first)).days + 1


def _settings(answer: Access, types: Types, seen: surge.Watch, limits: surge.Limits) -> dict[str, doc.Setting]:
    """Transports that qualify as of the end of an answer's day: the better way of each type."""
    made: dict[str, doc.Setting] = {}
    for way in answer.ways:
        name = types.get((way.tool, way.way))
        if name is None or way.network is not None or not _qualifies(way, _fresh(answer)):
            continue
        if not _carried(way, name, answer, seen, limits):
            continue
        one = _setting(name, way)
        if name not in made or _rank(one) < _rank(made[name]):
            made[name] = one
    return made


def _qualifies(way: Way, fresh: float) -> bool:
    return (
        way.state in _ORDER
        and way.grade in _FIRM
        and way.vantage is not None
        and way.last_ok is not None
        and way.age_ok is not None
        and 0 <= way.age_ok <= fresh
        and None not in (way.share, way.low, way.high)
    )


def _carried(way: Way, name: str, answer: Access, seen: surge.Watch, limits: surge.Limits) -> bool:
    """Do networks on which as many try as usual bear it out? Without this, one network on which nobody but a forger
    tries would speak for a country whose other networks have too few vantage points to be heard."""
    grades = [
        one.grade
        for one in answer.ways
        if one.network is not None
        and (one.tool, one.way) == (way.tool, way.way)
        and one.state in _ORDER
        and one.grade != GRADES[0]
        and surge.steady(seen, name, one.network, answer.as_of, _window(answer), limits)
    ]
    return len(grades) > 1 or any(grade in _FIRM for grade in grades)


def _setting(name: str, way: Way) -> doc.Setting:
    source = "none" if name == BARE else "builtin"
    return doc.Setting(
        bridges=doc.Bridges(type=cast("doc.Way", name), source=source), state=cast("doc.Mapped", way.state),
        grade=cast("doc.Firm", way.grade), share=cast("float", way.share), low=cast("float", way.low),
        high=cast("float", way.high), last_ok=cast("str", way.last_ok)[:10],
    )  # fmt: skip


def _rank(one: doc.Setting) -> tuple[int, float, float, str]:
    return _ORDER.index(one.state), -one.low, -one.share, one.bridges.type


def _settled(now: Mapping[str, doc.Setting], then: Mapping[str, doc.Setting]) -> tuple[doc.Setting, ...]:
    """What qualifies on both days, as it is now, in order."""
    return tuple(sorted((one for name, one in now.items() if name in then), key=_rank))


def _standing(last: doc.Entry | None, now: Access, types: Types) -> tuple[doc.Setting, ...]:
    """What the last map advised and is still valid. What is untested by now, or closed, goes: sessions that somebody
    adds cannot do that."""
    if last is None or now.as_of > last.valid_until:
        return ()
    fresh = _fresh(now)
    told = {types[key] for way in now.ways if way.network is None and way.state != "untested"
            if (key := (way.tool, way.way)) in types}  # fmt: skip
    return tuple(one for one in last.settings if one.bridges.type in told and now.as_of <= later(one.last_ok, fresh))


def _waited(last: doc.Entry | None, at: str, limits: surge.Limits) -> bool:
    """Was it said for long enough that the map is frozen?"""
    return last is not None and last.frozen_since is not None and later(last.frozen_since, limits.settled_days) <= at


def _freeze(
    standing: tuple[doc.Setting, ...], last: doc.Entry | None, at: str, reasons: tuple[str, ...], limits: surge.Limits
) -> doc.Entry:
    since = (last.frozen_since if last is not None else None) or at
    if standing and last is not None:
        return _entry(standing, last.as_of, last.valid_until, None, since, reasons)
    expired = last is not None and bool(last.settings)
    return _entry((), at, later(at, limits.valid_days), "expired" if expired else "frozen", since, reasons)


def _until(made: tuple[doc.Setting, ...], now: Access, limits: surge.Limits) -> str:
    """The first day on which something of it ceases to hold: at the latest when the oldest success is too old."""
    fresh = _fresh(now)
    return min([later(now.as_of, limits.valid_days), *(later(one.last_ok, fresh) for one in made)])


def _entry(
    settings: tuple[doc.Setting, ...], as_of: str, until: str, nothing: str | None, since: str | None = None,
    reasons: tuple[str, ...] = (),
) -> doc.Entry:  # fmt: skip
    grades = [one.grade for one in settings]
    return doc.Entry(
        settings=settings, no_evidence=not settings,
        reason=None if settings else cast("doc.Nothing", nothing), valid_until=until,
        grade=cast("doc.Grade", min(grades, key=GRADES.index)) if grades else "insufficient",
        note=words.NOTE if settings else words.NOTHING, as_of=as_of, frozen_since=since, why=reasons,
    )  # fmt: skip


def later(day: str, days: int) -> str:
    """A day, some days on."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


__all__ = ["BARE", "Types", "asks", "entry", "later"]
