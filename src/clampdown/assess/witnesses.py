"""Law: who looks can check: every verdict behind a report is listed once, and nobody is exposed by the list.

Vantage points are ordinals within one network and document. Where a network has too few of them the time is left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa

from clampdown.assess.names import is_synthetic
from clampdown.evidence import Witness, Witnesses, digest

WITNESSES: Final = pa.schema(
    [
        pa.field("measurement", pa.string(), nullable=False),
        pa.field("target", pa.string()),
        pa.field("network", pa.int64()),
        pa.field("state", pa.string(), nullable=False),
        pa.field("mechanism", pa.string()),
        pa.field("rule", pa.string()),
        pa.field("day", pa.string(), nullable=False),
        pa.field("time", pa.timestamp("us")),
        pa.field("vantage", pa.int32()),
        pa.field("counted", pa.bool_(), nullable=False),
        pa.field("link", pa.string()),
    ]
)
_OONI: Final = re.compile(r"(\d{14}\.\d{6}_([A-Z]{2})_[a-z0-9]{1,64}_[0-9a-f]{16})", re.ASCII)
_NEVER: Final = datetime(9999, 12, 31)
_COUNTED: Final = frozenset({"ok", "blocked", "throttled", "refused", "down", "unknown"})


def link_of(measurement: str, *, synthetic: bool) -> str | None:
    """The public address of an OONI measurement; none for synthetic ones and for ids of our own making."""
    found = _OONI.fullmatch(measurement)
    if found is None or synthetic or is_synthetic(found[2]):
        return None
    return f"https://explorer.ooni.org/m/{found[1]}"


def ordinals(keys: list[tuple[int | None, str | None, datetime | None]]) -> dict[tuple[int | None, str], int]:
    """Number the vantage points of each network by their first appearance."""
    first: dict[tuple[int | None, str], datetime] = {}
    for network, vantage, time in keys:
        if vantage is not None:
            at = time if time is not None else _NEVER
            first[network, vantage] = min(at, first.get((network, vantage), at))
    made: dict[tuple[int | None, str], int] = {}
    count: dict[int | None, int] = defaultdict(int)
    for network, vantage in sorted(first, key=lambda key: (first[key], key[1])):
        count[network] += 1
        made[network, vantage] = count[network]
    return made


@dataclass(frozen=True, slots=True)
class Listing:
    """The list of witnesses, and the way from a cell's state to its part of it."""

    table: pa.Table
    digest: str
    by_cell: dict[tuple[str, int, str], list[Witness]]

    def witnesses(self, target: str, network: int, state: str, first: int) -> Witnesses:
        """All of them counted and digested, the first few of them named, spread over the vantage points."""
        found = self.by_cell.get((target, network, state), [])
        return Witnesses(
            count=len(found), digest=digest(w.measurement for w in found), first=tuple(_spread(found)[:first])
        )


def _spread(found: list[Witness]) -> list[Witness]:
    """One of each vantage point in turn, so that a short list is not one device's word."""
    turns: dict[int | None, int] = defaultdict(int)
    keyed: list[tuple[int, int, str, Witness]] = []
    for witness in sorted(found, key=lambda w: (w.day, w.measurement)):
        keyed.append((turns[witness.vantage], witness.vantage or 0, witness.measurement, witness))
        turns[witness.vantage] += 1
    return [entry[3] for entry in sorted(keyed, key=lambda e: e[:3])]


def listing(asked: pa.Table, day_only: Collection[int], *, synthetic: bool) -> Listing:
    """List every verdict that was asked about, sorted by target, network and measurement."""
    names = ("measurement", "target", "network", "state", "mechanism", "rule", "day", "time", "vantage", "repeat")
    rows: list[tuple[Any, ...]] = list(zip(*(asked.column(name).to_pylist() for name in names), strict=True))
    numbered = ordinals([(row[2], row[8], row[7]) for row in rows])
    lines: list[tuple[Any, ...]] = []
    by_cell: dict[tuple[str, int, str], list[Witness]] = defaultdict(list)
    for measurement, target, network, state, mechanism, rule, day, time, vantage, repeat in rows:
        shown = None if network is None or network in day_only else time
        ordinal = numbered[network, vantage] if vantage is not None else None
        link = link_of(measurement, synthetic=synthetic)
        cell = (target, network, state) if target is not None and network is not None else None
        counted = cell is not None and not repeat and state in _COUNTED
        lines.append((measurement, target, network, state, mechanism, rule, day, shown, ordinal, counted, link))
        if counted and cell is not None:
            stamp = shown.isoformat(timespec="seconds") + "Z" if shown is not None else None
            by_cell[cell].append(Witness(measurement=measurement, day=day, time=stamp, vantage=ordinal, link=link))
    lines.sort(key=lambda line: tuple((value is not None, str(value)) for value in line[:4]))
    lines.sort(key=lambda line: (line[1] or "", -1 if line[2] is None else line[2], line[0]))
    columns = list(zip(*lines, strict=True)) or [()] * len(WITNESSES)
    table = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, WITNESSES, strict=True)], schema=WITNESSES
    )
    total = sha256()
    for line in lines:
        total.update(f"{line[0]}\t{line[1] or ''}\t{line[3]}\n".encode("utf-8", "surrogatepass"))
    return Listing(table, total.hexdigest(), dict(by_cell))
