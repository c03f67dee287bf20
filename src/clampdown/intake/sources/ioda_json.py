"""Law: IODA's answers are read as they say they are: null is missing, an error is no data, an alert is no measurement.

Signals become levels at `from` + i * `step`; what was sampled to a coarser step is another series. Alerts and events
rest on the signals of their source of data, so they name its operators as their evidence and are no second witness.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from clampdown.intake.documents import Document, Object, documents, fields, items, number, text_of
from clampdown.intake.features import Kit
from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.naming import Entity, country, network, number_of
from clampdown.intake.sources import SignalSource
from clampdown.intake.stamps import BadStamp, epoch
from clampdown.model import Batch
from clampdown.reference.places import country_of
from clampdown.reference.signals import Named, signal_table

_SOURCE: Final = "ioda"
_KEYS: Final = re.compile(
    rb'"(?:entityFqid|nativeStep|historyValue|overlaps_window)"\s*:|"type"\s*:\s*"(?:signals|outages\.[a-z]+)'
    rb'|"requestParameters"\s*:.{0,4000}?"(?:error|perf|copyright)"\s*:',
    re.DOTALL,
)
_NOT: Final = re.compile(rb'"(?:test_keys|measurement_start_time|serie_0|trafficAnomalies)"\s*:')
_FQID: Final = re.compile(r"(?:^|\.)[A-Z]{2}\.([A-Z]{2})(?:\.|$)")  # geo.netacuity.AS.IR.1234
_MOST_STEP: Final = 7 * 86400
_MOST_VALUES: Final = 2_000_000


def sniff(head: bytes) -> bool:
    return head.lstrip()[:1] in (b"{", b"[") and _KEYS.search(head) is not None and _NOT.search(head) is None


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    for document in documents(reader, opened.place, rows):
        _document(document, rows)
        yield from rows.due()
    yield from rows.finish(reader.digest())


def _document(document: Document, rows: LevelRows) -> None:
    line, value = document.line, document.value
    envelope = fields(value)
    if envelope.get("error"):
        said = text_of(envelope["error"]) or text_of(fields(envelope["error"]).get("message")) or "an error"
        rows.reject(line, "source_error", f"IODA answered with an error: {said}", document.data)
        return
    alone = "data" not in envelope and any(key in envelope for key in ("values", "level", "score", "datasource"))
    if not envelope and not isinstance(value, list):
        rows.reject(line, "unknown_record", "not an answer of IODA: neither an object nor a list", document.data)
        return
    if envelope and not alone and "data" not in envelope:
        rows.reject(line, "unknown_record", "not an answer of IODA: there is no `data`", document.data)
        return
    found = list(_flat([value] if alone else envelope.get("data", value), 4))
    if not found:
        asked = fields(envelope.get("requestParameters"))
        name = "/".join(str(asked[key])[:40] for key in ("entityType", "entityCode") if asked.get(key))
        rows.reject(line, "no_data", f"the answer{' about ' + name if name else ''} holds no data", document.data)
    for each in found:
        _record(fields(each), line, rows)


def _flat(value: Any, depth: int) -> Iterator[Any]:
    if not isinstance(value, list) or depth == 0:
        yield value
        return
    for each in items(value):
        yield from _flat(each, depth - 1)


def _record(record: Object, line: int | None, rows: LevelRows) -> None:
    try:
        if "values" in record:
            _signal(record, line, rows)
        elif "level" in record and "time" in record:
            _alert(record, line, rows)
        elif ("start" in record or "from" in record) and ("duration" in record or "until" in record):
            _event(record, line, rows)
        elif "scores" in record:
            rows.reject(line, "unknown_record", "a summary of scores: it holds no times")
        else:
            rows.reject(line, "unknown_record", "neither a signal nor an alert nor an event")
    except _Refused as problem:
        rows.reject(line, problem.reason, str(problem))
    except BadStamp as problem:
        rows.reject(line, "bad_time", str(problem))


class _Refused(ValueError):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _signal(record: Object, line: int | None, rows: LevelRows) -> None:
    source = str(record.get("datasource"))[:60]
    named = signal_table().ioda.get(source)
    if named is None:
        raise _Refused("unknown_signal", f"no signal is known by IODA's name {source!r}")
    if named.forecast:
        raise _Refused("unknown_signal", f"{source} is IODA's forecast, not a measurement")
    entity = _entity(record)
    first, step = epoch(record.get("from")), number(record.get("step"))
    if step is None or step != int(step) or not 0 < step <= _MOST_STEP:
        raise _Refused("bad_value", f"{source}: {record.get('step')!r:.40} is no step in seconds")
    values = items(record.get("values"))
    if not values:
        raise _Refused("no_data", f"{source} of {entity.entity}: holds no data")
    if len(values) > _MOST_VALUES:
        raise _Refused("too_long", f"{source} of {entity.entity}: {len(values)} values in one series; split it")
    told = named.told
    signal = Signal(
        entity.entity, entity.kind, told.plane, told.signal, told.operator, _SOURCE, int(step), entity.country,
        entity.network, told.service, None, told.unit, named.normalised,
    )  # fmt: skip
    every = timedelta(seconds=int(step))
    times: list[datetime] = []
    levels: list[float | None] = []
    for at, value in enumerate(values):
        time = first + at * every
        level = None if value is None else _level(value, named)
        if value is not None and (level is None or level < 0):
            said = f"{source} of {entity.entity} at {time:%Y-%m-%d %H:%M}"
            rows.reject(line, "bad_value", f"{said}: {value!r:.60} is no number of zero or more")
            continue
        times.append(time)
        levels.append(level)
    rows.extend(signal, times, levels)


def _level(value: object, named: Named) -> float | None:
    """A number, or the field of a nested value that the table names."""
    if isinstance(value, str):
        return None
    plain = number(value)
    if plain is not None:
        return plain
    nested = [fields(fields(each).get("agg_values")) for each in (items(value) or [value])]
    found = [number(each.get(key)) for each in nested for key in named.fields if key in each][:2]
    return found[0] if len(nested) == 1 and found else None


def _entity(record: Object) -> Entity:
    """Of a signal: it is about one of ours, or it is refused."""
    found = _whom(record)
    if isinstance(found, str):
        raise _Refused("no_entity", found)
    return found


def _whom(record: Object) -> Entity | str:
    inner = fields(record.get("entity")) or record
    attrs = fields(inner.get("attrs"))
    kind = str(inner.get("entityType") or inner.get("type"))
    code = str(inner.get("entityCode") or inner.get("code"))
    name = text_of(inner.get("entityName") or inner.get("name"), 80)
    fqid = _FQID.search(str(inner.get("entityFqid") or inner.get("fqid") or attrs.get("fqid")))
    of = country_of(str(attrs.get("country_code") or (fqid[1] if fqid else "")))
    number = number_of(code.partition("-")[0])
    if kind == "country":
        found = country_of(code)
        return country(found) if found is not None else f"{code[:20]!r} is no country"
    if kind == "region":
        return Entity(f"{of}/{name}", "region", of) if of and name else f"region {code[:20]}: its country is not said"
    if kind == "asn" and number is not None:
        return network(number)
    if kind == "geoasn" and number is not None:
        place = code.partition("-")[2]
        within = country_of(place) if len(place) == 2 else None
        return network(number, within) if within else f"{code[:40]}: a network within a region is no entity here"
    return f"{kind[:20]} {code[:20]} is no country, region or network"


def _alert(record: Object, line: int | None, rows: LevelRows) -> None:
    """A threshold was crossed; `normal` says that it was crossed back: such a record has an end and no start."""
    source, level = str(record.get("datasource"))[:60], str(record.get("level"))[:20]
    time, whom = epoch(record.get("time")), _whom(record)
    value, history = number(record.get("value")), number(record.get("historyValue"))
    told = f"{source} {level}: {text_of(record.get('condition'), 40) or 'no condition'}"
    if value is not None and history is not None:
        told += f", {value:g} after {history:g}"
    over = level == "normal"
    _publish(rows, line, whom, record, None if over else time, time if over else None, told, _operators([source]))


def _event(record: Object, line: int | None, rows: LevelRows) -> None:
    """What IODA made of alerts, in either of its forms."""
    start = epoch(record["start"] if "start" in record else record["from"])
    end = None
    if record.get("duration") is not None:
        length = number(record["duration"])
        if length is None or abs(length) > 1e10:
            raise _Refused("bad_value", f"{record['duration']!r:.40} is no duration in seconds")
        end = start + timedelta(seconds=length)
    elif record.get("until") is not None:
        end = epoch(record["until"])
    if record.get("overlaps_window") is True:
        end = None  # it was not over when the answer was made
    place, _, code = str(record.get("location")).partition("/")
    inner = record if "location" not in record else {"entityType": place, "entityCode": code, **record}
    sources = [str(each.get("datasource"))[:60] for each in [record, *map(fields, items(record.get("alerts")))]]
    named = sorted({each for each in sources if each in signal_table().ioda})
    score = number(record.get("score"))
    told = f"event of {' '.join(named) or 'several sources'}" + ("" if score is None else f", score {score:g}")
    _publish(rows, line, _whom(inner), record, start, end, told, _operators(named))


def _operators(sources: list[str]) -> str:
    """Who measured what an alert rests on; where it does not say, everything that IODA makes alerts of."""
    table = signal_table().ioda
    known = [table[each] for each in sources if each in table]
    return " ".join(sorted({named.told.operator for named in known or table.values()}))


def _publish(
    rows: LevelRows, line: int | None, whom: Entity | str, record: Object,
    start: datetime | None, end: datetime | None, title: str, evidence: str,
) -> None:  # fmt: skip
    entity = whom if isinstance(whom, Entity) else None
    inner = fields(record.get("entity"))
    place = text_of(record.get("location_name") or inner.get("name") or record.get("entityName"), 80)
    doubts = ["entity"] if entity is None else []
    if start is not None and end is not None and end < start:
        end = None
        doubts.append("end-before-start")
    region = place if entity is None or entity.kind == "region" else None
    rows.publish(
        line, source=_SOURCE, kind="alert", country=entity.country if entity else None,
        entity=entity.entity if entity else None, region=region,
        networks=str(entity.network) if entity and entity.network is not None else None, start=start, end=end,
        precision="minute" if start else "unknown", title=title[:200], evidence=evidence,
        doubt=",".join(sorted(doubts)) or None,
    )  # fmt: skip


SOURCE: Final = SignalSource("ioda_json", sniff, read)
