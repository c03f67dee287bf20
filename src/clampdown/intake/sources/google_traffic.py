"""Law: Google's report of its traffic is shares of one file: they compare with no other, and their product is named.

The interface answers with a guard (`)]}'`) before nested lists: `[[name, [[milliseconds, [[n, value]]], ...]]]`. Region
and product are in the request alone, so both are taken from the file's name: a product by its number as the report
counts them (`product-21`) or by its name (`youtube`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from clampdown.intake.collected import Gathered, step_of
from clampdown.intake.containers_bytes import BLOCK, DEFAULT
from clampdown.intake.documents import BadJson, drain, items, loads, number, opened
from clampdown.intake.features import Kit
from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.naming import Entity, entity_in, words_of
from clampdown.intake.sources import SignalSource
from clampdown.intake.stamps import BadStamp, epoch
from clampdown.model import Batch
from clampdown.reference.signals import Told, signal_table

_GUARD: Final = b")]}'"
_SHAPE: Final = re.compile(rb"\s*\[\s*\[\s*(?:\"[^\"]{0,80}\"|null)\s*,\s*\[\s*(?:\[\s*\d{12,13}\s*,|\])")
_STEP: Final = 1800  # of a file with one value: the report has 48 points a day
_NO_PRODUCT: Final = (
    "the file names no product, nor does its name; rename it <anything>_IR_product-21 (or _youtube), "
    "or convert it to the plain CSV"
)


def sniff(head: bytes) -> bool:
    return head.lstrip().startswith(_GUARD) or _SHAPE.match(head) is not None


def read(opened: Opened, kit: Kit) -> Iterator[Batch]:
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    _take(opened, reader, rows)
    yield from rows.finish(reader.digest())


def _take(whole: Opened, reader: Digested, rows: LevelRows) -> None:
    text = opened(reader, rows)
    if text is None:
        return
    data = b""
    while block := text.read(BLOCK):
        data += block
        if len(data) > DEFAULT.record:
            drain(text)
            rows.reject(None, "too_long", f"longer than the limit of {DEFAULT.record} bytes")
            return
    if text.fault is not None:
        text.fault.told = True
        rows.reject(None, text.fault.reason, text.fault.detail)
        return
    try:
        value = loads(data.strip().removeprefix(_GUARD))
    except BadJson as problem:
        rows.reject(None, problem.reason, str(problem), data)
        return
    answers = items(value)
    points = items(items(answers[0])[1]) if answers and len(items(answers[0])) > 1 else None
    entity, told = entity_in(whole.place), _product(words_of(whole.place))
    if points is None:
        rows.reject(None, "unknown_record", "not an answer of Google's traffic report: no list of points in it", data)
    elif not points:
        rows.reject(None, "no_data", "an empty list of points: holds no data", data)
    elif isinstance(entity, str):
        rows.reject(None, "no_entity", entity)
    elif told is None:
        rows.reject(None, "unknown_signal", _NO_PRODUCT)
    else:
        _levels(points, entity, told, rows)


def _product(words: list[str]) -> Told | None:
    """The one product that a name speaks of."""
    table = signal_table()
    found = {table.of_product(word) for word in words if not word.isdecimal()}
    found |= {table.of_product(f"{a}-{b}") for a, b in pairwise(words) if not b.isdecimal()}
    for before, word in pairwise(words):
        if before.lower() == "product" and word.isdecimal():
            found.add(table.of_product(word))
    known = {told for told in found if told is not None}
    return known.pop() if len(known) == 1 else None


def _levels(points: list[Any], entity: Entity, told: Told, rows: LevelRows) -> None:
    gathered = Gathered()
    times: list[datetime] = []
    for at, point in enumerate(points, 1):
        parts = items(point)
        try:
            time = epoch(parts[0] if parts else None, 1000)
        except BadStamp as problem:
            rows.reject(None, "bad_time", f"point {at}: {problem}")
            continue
        said = items(parts[1]) if len(parts) > 1 else []
        value = items(said[0]) if said else []
        level = number(value[1]) if len(value) > 1 else None
        if len(value) > 1 and value[1] is not None and (level is None or level < 0):
            rows.reject(None, "bad_value", f"point {at}: {value[1]!r:.40} is no number of zero or more")
            continue
        gathered.add(time, level, None)
        times.append(time)
    if not gathered:
        rows.reject(None, "no_data", "not one point has a value: holds no data")
        return
    signal = Signal(
        entity.entity, entity.kind, told.plane, told.signal, told.operator, "google-transparency",
        step_of(times, _STEP) or _STEP, entity.country, entity.network, told.service, None, told.unit, True,
    )  # fmt: skip
    gathered.give(rows, signal, told.signal)


SOURCE: Final = SignalSource("google_traffic", sniff, read)
