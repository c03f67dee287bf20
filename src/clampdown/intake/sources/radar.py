"""Law: Cloudflare's annotations and anomalies rest on Cloudflare's own traffic, and say so; its series say their scale.

Annotations of outages and anomalies of traffic become published records, one per location. Time series are counts
only where the answer says that its values are raw; whom they are about stands in the name of the series or of the
file, for the answer does not repeat the question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from clampdown.intake.collected import Gathered, step_of
from clampdown.intake.containers_bytes import Place
from clampdown.intake.documents import Document, Object, documents, fields, items, number, text_of
from clampdown.intake.features import Kit
from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.naming import Entity, entity_in, network, number_of, words_of
from clampdown.intake.sources import SignalSource
from clampdown.intake.stamps import BadStamp, iso
from clampdown.model import Batch
from clampdown.reference.places import country_of
from clampdown.reference.published import meaning
from clampdown.reference.signals import signal_table, slug

_SOURCE: Final = "cloudflare-radar"
_OPERATOR: Final = "cloudflare"
_KEYS: Final = re.compile(
    rb'"(?:trafficAnomalies|serie_\d+|outageCause|aggInterval|asnsDetails|locationsDetails)"\s*:'
    rb'|"annotations"\s*:\s*\[|"success"\s*:\s*(?:true|false)|"result"\s*:\s*(?:null|\{)'
)
_SURE: Final = re.compile(
    rb'"(?:trafficAnomalies|serie_\d+|outageCause|aggInterval)"\s*:|"annotations"\s*:\s*\[|"errors"\s*:'
)
_NOT: Final = re.compile(rb'"(?:test_keys|measurement_start_time|entityFqid|nativeStep)"\s*:')
_STEPS: Final = {
    "FIFTEEN_MINUTES": 900, "15M": 900, "ONE_HOUR": 3600, "1H": 3600, "ONE_DAY": 86400, "1D": 86400,
    "ONE_WEEK": 604800, "1W": 604800,
}  # fmt: skip
# What the answer calls its values -> our unit, and whether it was scaled within the answer.
_SCALES: Final = {
    "RAW_VALUES": ("count", False),
    "RAW": ("count", False),
    "PERCENTAGE": ("percent", False),
    "OVERLAPPED_PERCENTAGE": ("percent", False),
}
_VALUES: Final = "values"
_UNITS: Final = {"requests": "http", "bytes": "netflows"}


def sniff(head: bytes) -> bool:
    if head.lstrip()[:1] not in (b"{", b"[") or _NOT.search(head) is not None:
        return False
    return _KEYS.search(head) is not None and _SURE.search(head) is not None


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    for document in documents(reader, opened.place, rows):
        _document(document, opened.place, rows)
        yield from rows.due()
    yield from rows.finish(reader.digest())


def _document(document: Document, place: Place, rows: LevelRows) -> None:
    line, value = document.line, fields(document.value)
    errors = items(value.get("errors"))
    if value.get("success") is False or (errors and not value.get("result")):
        said = text_of(fields(errors[0]).get("message")) if errors else None
        rows.reject(line, "source_error", f"Cloudflare answered with an error: {said or 'not said'}", document.data)
        return
    result = fields(value.get("result", value))
    if "annotations" in result or "trafficAnomalies" in result:
        listed = [*items(result.get("annotations")), *items(result.get("trafficAnomalies"))]
        if not listed:
            rows.reject(line, "no_data", "an empty list: holds no data", document.data)
        for each in listed:
            _listed(fields(each), line, rows)
    elif "startDate" in result:  # an element of a list that was saved alone
        _listed(result, line, rows)
    elif any(_is_serie(each) for each in result.values()):
        _series(result, line, place, rows)
    else:
        rows.reject(line, "unknown_record", "not an answer of Cloudflare Radar that is read here", document.data)


def _listed(record: Object, line: int | None, rows: LevelRows) -> None:
    try:
        if "outage" in record or "eventType" in record:
            _annotation(record, line, rows)
        else:
            _anomaly(record, line, rows)
    except BadStamp as problem:
        rows.reject(line, "bad_time", f"record {record.get('id', record.get('uuid'))!s:.40}: {problem}")


def _times(record: Object) -> tuple[datetime, datetime | None, list[str]]:
    start = iso(text_of(record.get("startDate")) or "").time
    said = text_of(record.get("endDate"))
    try:
        end = iso(said).time if said else None
    except BadStamp:
        return start, None, ["end-unread"]
    return (start, None, ["end-before-start"]) if end is not None and end < start else (start, end, [])


def _annotation(record: Object, line: int | None, rows: LevelRows) -> None:
    kind = str(record.get("eventType") or "OUTAGE")
    if kind.upper() != "OUTAGE":
        rows.reject(line, "unknown_record", f"an annotation of the kind {kind[:20]}, not of an outage")
        return
    start, end, doubts = _times(record)
    outage = fields(record.get("outage"))
    reach = str(outage.get("outageType") or "")
    numbers = sorted({n for each in items(record.get("asns")) if (n := number_of(each)) is not None})
    homes = {
        number_of(each.get("asn")): country_of(str(fields(each.get("location")).get("code")))
        for each in map(fields, items(record.get("asnsDetails")))
    }
    places = list(dict.fromkeys(str(each) for each in items(record.get("locations"))))
    if not places:
        places = sorted({code for code in homes.values() if code is not None}) or [""]
    for place in places:
        code = country_of(place)
        here = [n for n in numbers if homes.get(n) in (None, code)]
        whom: str | None = None
        if code is not None and reach.upper() == "NATIONWIDE":
            whom = code
        elif code is not None and reach.upper() == "NETWORK" and len(here) == 1:
            whom = network(here[0], code).entity
        rows.publish(
            line, source=_SOURCE, kind="outage-list", country=code, entity=whom,
            region=text_of(record.get("scope")) if reach.upper() == "REGIONAL" else None,
            networks=" ".join(map(str, here)) or None, start=start, end=end, precision="minute",
            cause=meaning("radar", str(outage.get("outageCause") or "")),
            scope=meaning("radar_scope", reach), title=text_of(record.get("description")),
            url=text_of(record.get("linkedUrl"), 500), evidence=_OPERATOR,
            doubt=",".join(sorted([*doubts, *(() if code else ("country",))])) or None,
        )  # fmt: skip


def _anomaly(record: Object, line: int | None, rows: LevelRows) -> None:
    start, end, doubts = _times(record)
    operator, place = fields(record.get("asnDetails")), fields(record.get("locationDetails"))
    home = fields(operator.get("location") or operator.get("locations"))
    code = country_of(str(place.get("code") or home.get("code") or ""))
    asn = number_of(operator.get("asn"))
    whom = network(asn, code).entity if asn is not None else code
    if whom is None:
        doubts.append("entity")
    seen = " ".join(str(each)[:20] for each in items(record.get("visibleInDataSources")))
    title = f"traffic anomaly, {str(record.get('status') or 'of no status')[:20].lower()}"
    rows.publish(
        line, source=_SOURCE, kind="alert", country=code, entity=whom, networks=None if asn is None else str(asn),
        start=start, end=end, precision="minute", title=title + (f", seen in {seen}" if seen else ""),
        evidence=_OPERATOR, doubt=",".join(sorted(doubts)) or None,
    )  # fmt: skip


def _is_serie(value: object) -> bool:
    return isinstance(fields(value).get("timestamps"), list)


def _series(result: Object, line: int | None, place: Place, rows: LevelRows) -> None:
    meta = fields(result.get("meta"))
    scale = str(meta.get("normalization") or "").upper()
    unit, scaled = _SCALES.get(scale, ("normalised", True))
    series = {name: fields(each) for name, each in result.items() if _is_serie(each)}
    for name, serie in series.items():
        entity = _about(name, place, alone=len(series) == 1)
        if isinstance(entity, str):
            rows.reject(line, "no_entity", f"series {name[:40]!r}: {entity}")
            continue
        for dimension, values in serie.items():
            if dimension == "timestamps":
                continue
            signal = _signal_of(dimension, meta, place)
            if signal is None or not isinstance(values, list):
                why = "neither the answer nor the file's name says whether it is of http or netflows"
                rows.reject(line, "unknown_signal", f"series {name[:40]!r}: {why}")
                continue
            _levels(serie, dimension, signal, entity, (unit, scaled), meta, line, rows)


def _about(name: str, place: Place, *, alone: bool) -> Entity | str:
    """Whom a series is about: its name was chosen by who asked; `serie_0` and `main` are the service's own."""
    if re.fullmatch(r"serie_\d+|main", name) is None:
        found = entity_in(Place(name, None), shy=False)
        if isinstance(found, Entity):
            return found
    return entity_in(place) if alone else "the answer holds several series, and the name of this one names no entity"


def _signal_of(dimension: str, meta: Object, place: Place) -> str | None:
    if dimension != _VALUES:
        return f"cloudflare/{slug(dimension)}" if slug(dimension) else None
    named = {word.lower() for word in words_of(place)} & {"http", "netflows"}
    units = {str(fields(each).get("value")).lower() for each in items(meta.get("units"))}
    named |= {_UNITS[unit] for unit in units & _UNITS.keys()}
    return f"cloudflare/{named.pop()}" if len(named) == 1 else None


def _levels(
    serie: Object, dimension: str, name: str, entity: Entity, scale: tuple[str, bool], meta: Object,
    line: int | None, rows: LevelRows,
) -> None:  # fmt: skip
    stamps, values = items(serie["timestamps"]), items(serie[dimension])
    told = signal_table().of(name)
    if len(stamps) != len(values) or told is None:
        rows.reject(line, "bad_value", f"{name}: {len(stamps)} times and {len(values)} values")
        return
    gathered, times = Gathered(), list[datetime]()
    for at, (stamp, value) in enumerate(zip(stamps, values, strict=True), 1):
        try:
            time = iso(text_of(stamp) or "").time
        except BadStamp as problem:
            rows.reject(line, "bad_time", f"{name}, value {at}: {problem}")
            continue
        level = number(value)
        if value not in (None, "") and (level is None or (level < 0 and scale[0] != "normalised")):
            rows.reject(line, "bad_value", f"{name}, value {at}: {value!r:.40} is no number of zero or more")
            continue
        gathered.add(time, level, line)
        times.append(time)
    if not gathered:
        rows.reject(line, "no_data", f"{name} of {entity.entity}: holds no data")
        return
    step = _STEPS.get(str(meta.get("aggInterval") or "").upper()) or step_of(times, 3600) or 3600
    signal = Signal(
        entity.entity, entity.kind, told.plane, name, told.operator, _SOURCE, step, entity.country, entity.network,
        told.service, None, scale[0], scale[1],
    )  # fmt: skip
    gathered.give(rows, signal, name)


SOURCE: Final = SignalSource("radar", sniff, read)
