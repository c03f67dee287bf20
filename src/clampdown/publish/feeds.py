"""Law: a feed says what the log says, under ids that stay, as text that runs nothing, with the terms of its sources.

An entry of a feed is one event: its newest sentence, and below it what was said of it before, and when. Times are
those of the log. Where times would point at somebody they are days here as well.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from xml.etree import ElementTree

import msgspec

from clampdown.detect.changes import Entry, EventChange, FindingChange, Shift, digest, encode
from clampdown.model import EVENTS, Terms
from clampdown.publish import numbers as num
from clampdown.publish.findings import DAYS_ONLY, Event, event_of
from clampdown.publish.table import attribution
from clampdown.publish.words import changes as said
from clampdown.publish.words import findings as words

_TIMES: Final = ("onset_after", "onset_before", "spread")
_ATOM: Final = "http://www.w3.org/2005/Atom"
_EPOCH: Final = "1970-01-01T00:00:00Z"  # of a feed in which nothing was said yet
# Beside controls and lone surrogates, which `plain` shows, XML 1.0 cannot hold these two.
_NO_XML: Final = re.compile("[\ufffe\uffff]")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One change as a line of `clampdown watch --format jsonl`."""

    run: int
    when: str  # when it was said
    as_of: str | None  # the newest measurement known then
    kind: str  # new | ended | revised | superseded | withdrawn, of an event; finding
    event: Event | None
    changed: dict[str, Shift]
    by: tuple[str, ...]  # superseded: the events in its place
    finding: FindingChange | None
    sentence: str


def lines(entries: Iterable[Entry], labels: words.Labels = words.NO_LABELS) -> Iterator[Line]:
    """Every change, run by run: events first."""
    for entry in entries:
        for change in entry.changes.events:
            event = event_of(_row(change), labels)
            yield Line(
                run=entry.number, when=entry.when, as_of=entry.as_of, kind=change.kind, event=event,
                changed={name: _shift(name, shift, change) for name, shift in change.columns.items()},
                by=change.by, finding=None, sentence=_sentence(change, event),
            )  # fmt: skip
        for finding in entry.changes.findings:
            yield Line(
                run=entry.number, when=entry.when, as_of=entry.as_of, kind="finding", event=None, changed={}, by=(),
                finding=finding, sentence=words.turned(finding, labels),
            )  # fmt: skip


def jsonl(made: Iterable[Line]) -> Iterator[bytes]:
    """One JSON object a line."""
    encoder = msgspec.json.Encoder()
    for line in made:
        yield encoder.encode(line) + b"\n"


def text(made: Iterable[Line], since: int, newest: int, *, verbose: bool = False) -> Iterator[str]:
    """For a person: run by run, what is new; findings are counted, and told one by one where asked."""
    run, others, any_ = 0, 0, False
    for line in made:
        any_ = True
        if line.run != run:
            yield from _rest(others)
            run, others = line.run, 0
            yield said.RUN.format(run=run, when=line.when, as_of=line.as_of or "-")
        if line.kind != "finding" or verbose:
            yield f"  {said.KIND.get(line.kind, line.kind.upper())}: {num.visible(line.sentence)}"
            yield from (f"      {each}" for each in _shifts(line))
        else:
            others += 1
    yield from _rest(others)
    if not any_:
        yield said.NOTHING.format(since=since)
    yield said.NEWEST.format(run=newest)


def _rest(count: int) -> Iterator[str]:
    if count:
        yield f"  {said.FINDINGS.format(findings=num.plural(count, 'finding'))}"


def _shifts(line: Line) -> list[str]:
    if line.kind not in ("revised", "ended"):
        return []
    return [said.shift(name, shift.before, shift.after) for name, shift in line.changed.items()]


def _row(change: EventChange) -> dict[str, Any]:
    """The event as the table held it, its times as far as they may be seen."""
    row: dict[str, Any] = {name: change.row.get(name) for name in EVENTS.names}
    for name in _TIMES:
        if row[name] is not None:
            time = datetime.fromisoformat(str(row[name])).replace(tzinfo=None)
            row[name] = datetime(time.year, time.month, time.day) if change.days_only else time
    return row | {DAYS_ONLY: change.days_only}


def _shift(name: str, shift: Shift, change: EventChange) -> Shift:
    if name not in _TIMES or not change.days_only:
        return shift
    before, after = (value if value is None else str(value)[:10] for value in (shift.before, shift.after))
    return Shift(before=before, after=after)


def _sentence(change: EventChange, event: Event) -> str:
    if change.kind == "withdrawn":
        return said.WITHDRAWN + event.sentence
    if change.kind == "superseded":
        return said.SUPERSEDED.format(by=num.listed(map(words.name, change.by))) + event.sentence
    return event.sentence


# ---- feeds ------------------------------------------------------------------------------------------------------


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One event in a feed."""

    id: str
    title: str
    published: str
    updated: str
    text: str
    tags: tuple[str, ...]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """What both forms of a feed say."""

    id: str
    title: str
    about: str
    updated: str
    terms: tuple[str, ...]
    run: int
    items: tuple[Item, ...]


def urn(kind: str, name: str) -> str:
    """An id that follows from a name, and is the same in every feed of every run."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:clampdown:{kind}:{name}").urn


def feed(
    known: Sequence[Entry], since: int, *, country: str | None = None, terms: Sequence[Terms] = (),
    labels: words.Labels = words.NO_LABELS,
) -> Feed:  # fmt: skip
    """The events that were said or revised after a run, newest first; `known` is the whole log."""
    held: dict[str, list[tuple[Line, Event]]] = {}
    for line in lines(known, labels):
        if line.event is not None:
            held.setdefault(line.event.event, []).append((line, line.event))
    notes = attribution(terms)
    closed = any(one.redistribute == "no" for one in terms)
    told = [] if closed else [found for found in held.values() if found[-1][0].run > since]
    told.sort(key=_newest_first)
    # The root of the chain names the log; that of one country is a feed of its own.
    root = digest(encode(known[0])) if known else "empty"
    if closed:
        notes += (said.CLOSED,)
    return Feed(
        id=urn("feed", f"{root}:{country or ''}"),
        title=said.FEED.format(where=f" ({country})" if country else ""),
        about=said.ABOUT,
        updated=known[-1].when if known else _EPOCH,
        terms=notes,
        run=known[-1].number if known else 0,
        items=tuple(_item(found, labels) for found in told),
    )


def _newest_first(found: Sequence[tuple[Line, Event]]) -> tuple[int, int, str]:
    line, event = found[-1]
    return -line.run, said.ORDER.index(line.kind) if line.kind in said.ORDER else len(said.ORDER), event.event


def _item(found: Sequence[tuple[Line, Event]], labels: words.Labels) -> Item:
    last, event = found[-1]
    history = [f"{line.when} ({said.RUN_SHORT.format(run=line.run)}): {_told(line)}" for line, _ in found]
    targets = words.some([words.about(one, labels) for one in event.targets], "target")
    direction = said.DIRECTION.get(event.direction, event.direction)
    return Item(
        id=urn("event", event.event),
        title=f"{said.TITLE.get(last.kind, last.kind)}: {direction}, {words.name(event.country)}, {targets}",
        published=found[0][0].when,
        updated=last.when,
        text="\n".join([last.sentence, "", *history]),
        tags=(last.kind, event.direction, event.country, event.grade, *event.platforms),
    )


def _told(line: Line) -> str:
    return "; ".join([said.TITLE.get(line.kind, line.kind).lower(), *_shifts(line)])


def atom(made: Feed) -> bytes:
    """RFC 4287."""
    root = ElementTree.Element("feed", {"xmlns": _ATOM})
    _add(root, "id", made.id)
    _add(root, "title", made.title)
    _add(root, "subtitle", made.about)
    _add(root, "updated", made.updated)
    _add(root, "generator", "Clampdown")
    _add(ElementTree.SubElement(root, "author"), "name", "Clampdown")
    rights = "\n".join(made.terms)
    if rights:
        _add(root, "rights", rights)
    for item in made.items:
        entry = ElementTree.SubElement(root, "entry")
        _add(entry, "id", item.id)
        _add(entry, "title", item.title)
        _add(entry, "published", item.published)
        _add(entry, "updated", item.updated)
        for tag in item.tags:
            ElementTree.SubElement(entry, "category", {"term": _safe(tag)})
        _add(entry, "content", item.text, {"type": "text"})
        if rights:
            _add(entry, "rights", rights)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _add(parent: ElementTree.Element, tag: str, value: str, attributes: Mapping[str, str] | None = None) -> None:
    ElementTree.SubElement(parent, tag, dict(attributes or {})).text = _safe(value)


def _safe(text: str) -> str:
    """Nothing that XML cannot hold. Line feeds of ours stay."""
    return _NO_XML.sub("\ufffd", "\n".join(num.visible(line) for line in text.split("\n")))


def json_feed(made: Feed) -> bytes:
    """JSON Feed 1.1."""
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": made.title,
        "description": "\n".join([made.about, *made.terms]),
        "authors": [{"name": "Clampdown"}],
        "language": "en",
        "items": [
            {
                "id": item.id,
                "title": _safe(item.title),
                "content_text": _safe(item.text),
                "date_published": item.published,
                "date_modified": item.updated,
                "tags": [_safe(tag) for tag in item.tags],
            }
            for item in made.items
        ],
        "_clampdown": {"id": made.id, "run": made.run, "updated": made.updated, "terms": list(made.terms)},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
