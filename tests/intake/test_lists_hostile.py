"""Law: whatever bytes come, a source of lists or signals ends with tables and rejects, and says something of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import made_lists as made

EXPORT = made.table(made.DASHBOARD, [["2026-01-08 00:00:00", 1, 2, 3, 4, 5], ["2026-01-08 00:30:00", 1, 2, "", 4, ""]])
EVENT = {"location": "region/7", "start": 1767889800, "duration": 60, "datasource": "bgp", "score": 1}
ANNOTATION = {
    "startDate": "2026-01-08T00:00:00Z",
    "locations": ["IR"],
    "eventType": "OUTAGE",
    "outage": {},
    "asns": [1],
}
SERIES = {"meta": {}, "serie_0": {"timestamps": ["2026-01-08T00:00:00Z"], "values": ["1"]}}
TEXTS = {
    "ioda_json": made.text(made.answer([[made.serie()], EVENT, {"level": "critical", "time": 1767889800}])),
    "ioda_csv": EXPORT,
    "radar": made.text({"success": True, "errors": [], "result": {"annotations": [ANNOTATION]} | SERIES}),
    "google_traffic": ")]}'\n" + made.text([["x", [[1767889800000, [[0, 1.5]]]]]]),
    "access_now": "start_date,end_date,country,geo_scope,extent\n2022-09-21,,Iran,National,Full network\n",
    "outage_list": "Begin time,End time,Country,IODA BGP\n3/17/2021 4:40:00 PM,,Iran,TRUE\n",
    "context_csv": "date,country,kind\n2026-01-08,IR,order\n",
}
odd = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({}))


def sound(source: made.SignalSource, data: bytes) -> None:
    for name in ("x.json", "http_IR_youtube.csv"):
        taken = made.take(source, data, name)
        assert taken.signals or taken.context or taken.rejects
        assert all(reject.reason and reject.detail for reject in taken.rejects)


@pytest.mark.parametrize("source", made.SOURCES, ids=lambda each: each.name)
@settings(max_examples=40)
@given(cut=st.integers(0, 400), length=st.integers(0, 60), new=st.binary(max_size=12))
def test_a_damaged_text(source: made.SignalSource, cut: int, length: int, new: bytes) -> None:
    text = TEXTS[source.name].encode()
    at = cut % len(text)
    sound(source, text[:at] + new + text[at + length :])
    source.sniff(text[:at] + new)


@pytest.mark.parametrize("source", made.SOURCES, ids=lambda each: each.name)
@settings(max_examples=30)
@given(st.binary(max_size=80))
def test_any_bytes(source: made.SignalSource, data: bytes) -> None:
    sound(source, data)
    source.sniff(data)


def _with(value: Any, path: list[int], new: Any) -> Any:
    """The value with one of its parts replaced."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    if isinstance(value, dict):
        key = sorted(value)[path[0] % len(value)]
        return value | {key: _with(value[key], path[1:], new)}
    at = path[0] % len(value)
    return [*value[:at], _with(value[at], path[1:], new), *value[at + 1 :]]


@settings(max_examples=80)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), odd, st.booleans())
def test_a_part_of_another_kind(path: list[int], new: Any, events: bool) -> None:
    ioda = made.answer([EVENT, {"level": "normal", "time": 1767889800, "entity": {"code": "IR", "type": "country"}}])
    sound(made.SOURCES[0], made.text(_with(ioda if events else made.answer([[made.serie()]]), path, new)).encode())
    radar = {"result": {"annotations": [ANNOTATION], "trafficAnomalies": [ANNOTATION]} if events else SERIES}
    sound(made.SOURCES[2], made.text(_with(radar, path, new)).encode())
    sound(made.SOURCES[3], made.text(_with([["x", [[1767889800000, [[0, 1.5]]]]]], path, new)).encode())
