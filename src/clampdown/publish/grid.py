"""Law: a table for a terminal fits it: one line a row, no colour, nothing invisible; what does not fit is left out.

Columns that matter least go first; after them the widest is cut. The sentence below a row is wrapped.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.publish.findings import SENTENCE, with_sentences
from clampdown.publish.words.findings import NO_LABELS, Labels

NARROW: Final = 72  # columns of a terminal below which the sentence says it better than cells do
_WIDEST: Final = 44
_ENOUGH: Final = 24  # of the widest column, before another is left out
_LEAST: Final = 14
_SAME: Final = 1  # a column that says the same in every row
# Head → may be left out (the smaller the sooner); 0 stays.
_HEADS: Final[dict[str, dict[str, int]]] = {
    "findings": {
        "country": 0, "network": 0, "target": 0, "state": 0, "grade": 4, "since": 7, "until": 6, "k of n": 5,
        "95 %": 1, "vp": 2, "mechanism": 3,
    },
    "events": {
        "event": 3, "direction": 0, "country": 0, "when": 0, "targets": 0, "networks": 5, "grade": 6, "lasts": 4,
        "mechanisms": 2,
    },
    "event_members": {
        "event": 2, "network": 0, "target": 0, "direction": 0, "when": 0, "share": 4, "k of n": 3, "grade": 5,
    },
    "outages": {
        "outage": 1, "country": 2, "entity": 0, "plane": 5, "when": 0, "until": 0, "depth": 0, "grade": 7, "kind": 6,
        "planes": 4, "lost h": 3,
    },
    "outage_parts": {
        "outage": 1, "role": 0, "entity": 4, "plane": 3, "signal": 0, "when": 0, "until": 5, "depth": 0, "operator": 2,
    },
    "notes": {"kind": 0, "first": 0, "last": 0, "country": 0, "network": 4, "target": 5, "test": 2, "detail": 3},
}  # fmt: skip


def text(
    name: str, rows: pa.Table, width: int, *, sentences: bool = False, labels: Labels = NO_LABELS
) -> Iterator[str]:
    """The table, line by line."""
    sentences = (sentences or width < NARROW) and name != "outage_parts"
    told = with_sentences(name, rows, labels) if sentences and SENTENCE not in rows.column_names else rows
    found = [(_cells(name, row), row.get(SENTENCE)) for row in told.to_pylist()]
    heads = dict(_HEADS[name])
    if "country" in heads and len(set(rows["country"].to_pylist())) == 1:
        heads["country"] = _SAME
    lines = [tuple(heads), *(tuple(num.plain(cell) for cell in cells) for cells, _ in found)]
    shown, widths = fitted(heads, lines, width)
    yield line(lines[0], shown, widths)
    yield "  ".join("-" * widths[i] for i in shown)
    for cells, (_, sentence) in zip(lines[1:], found, strict=True):
        yield line(cells, shown, widths)
        if sentences and sentence is not None:
            indent = "    "
            yield textwrap.fill(num.visible(sentence), max(width, 40), initial_indent=indent, subsequent_indent=indent)


def fitted(heads: Mapping[str, int], lines: Sequence[Sequence[str]], width: int) -> tuple[list[int], list[int]]:
    """(columns that are shown, the width of every column). `heads`: head -> when it may be left out, 0 for never."""
    columns = [max(map(_wide, column)) for column in zip(*lines, strict=True)]
    return _fit(list(heads.values()), [min(wide, _WIDEST) for wide in columns], width)


def _fit(order: Sequence[int], widths: list[int], width: int) -> tuple[list[int], list[int]]:
    shown = list(range(len(widths)))
    _shrink(shown, widths, width, _ENOUGH)
    while sum(widths[i] + 2 for i in shown) - 2 > width:
        optional = [i for i in shown if order[i]]
        if not optional:
            break
        shown.remove(min(optional, key=lambda i: (order[i], -i)))
    _shrink(shown, widths, width, _LEAST)
    return shown, widths


def _shrink(shown: Sequence[int], widths: list[int], width: int, least: int) -> None:
    """Cut the widest column by what is too much, but to no less than this."""
    over = sum(widths[i] + 2 for i in shown) - 2 - width
    widest = max(shown, key=lambda i: widths[i])
    if over > 0 and widths[widest] > least:
        widths[widest] = max(least, widths[widest] - over)


def line(cells: Sequence[str], shown: Sequence[int], widths: Sequence[int]) -> str:
    """One row as one line."""
    return "  ".join(_cut(cells[i], widths[i]) for i in shown).rstrip()


def _cut(cell: str, width: int) -> str:
    wide = _wide(cell)
    if wide > width:
        while cell and _wide(cell) > width - 1:
            cell = cell[1:]
        cell = f"…{cell}"
        wide = _wide(cell)
    return cell + " " * max(0, width - wide)


def _wide(cell: str) -> int:
    if cell.isascii():
        return len(cell)
    from rich.cells import cell_len

    return cell_len(cell)


def _cells(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    return _CELLS[name](row)


def days(after: datetime | None, before: datetime | None) -> str:
    """2023-11-08 .. 11-09: a bracket, in days"""
    if after is None or before is None:
        return (
            "-"
            if before is None and after is None
            else f"by {before:%Y-%m-%d}"
            if before
            else f"after {after:%Y-%m-%d}"
        )
    if after.date() == before.date():
        return f"{before:%Y-%m-%d}"
    return f"{after:%Y-%m-%d} .. " + (f"{before:%m-%d}" if after.year == before.year else f"{before:%Y-%m-%d}")


def _finding(row: Mapping[str, Any]) -> tuple[str, ...]:
    hit, data = row["networks_hit"], row["networks_data"]
    where = num.network(row["network"]) if row["network"] is not None else f"{hit or 0} of {data or 0}"
    lasting = row["state"] in ("blocked", "throttled")
    ended = row["end_after"] is not None or row["end_before"] is not None
    interval = "-" if row["low"] is None or row["high"] is None else f"{row['low']:.2f}-{row['high']:.2f}"
    high = row["vantage_high"]
    return (
        row["country"], where, row["target"], words.SHORT.get(row["state"]) or row["state"], row["grade"],
        days(row["onset_after"], row["onset_before"]),
        days(row["end_after"], row["end_before"]) if ended else "lasts" if lasting else "-",
        f"{num.count(row['k'])} of {num.count(row['n'])}", interval,
        "?" if high < 0 else num.bounds(max(0, row["vantage_low"]), high), row["mechanism"] or "-",
    )  # fmt: skip


def _first(names: str) -> str:
    every = names.split()
    return "-" if not every else every[0] + (f" +{len(every) - 1}" if every[1:] else "")


def _event(row: Mapping[str, Any]) -> tuple[str, ...]:
    lasts = "-" if row["lasts"] is None else "yes" if row["lasts"] else "no"
    return (
        row["event"], row["direction"], row["country"], days(row["onset_after"], row["onset_before"]),
        _first(row["targets"]), f"{row['networks_n']} of {row['networks_data']}", row["grade"], lasts,
        _first(row["mechanisms"]),
    )  # fmt: skip


def _member(row: Mapping[str, Any]) -> tuple[str, ...]:
    before, after = row["level_before"], row["level_after"]
    share = "-" if before is None or after is None else f"{num.percent(before)} > {num.percent(after)}"
    return (
        row["event"], num.network(row["network"]), row["target"], row["direction"], days(row["after"], row["before"]),
        share, f"{num.count(row['k'])} of {num.count(row['n'])}", row["grade"],
    )  # fmt: skip


def _note(row: Mapping[str, Any]) -> tuple[str, ...]:
    network = "-" if row["network"] is None else num.network(row["network"])
    return (
        row["kind"], row["first"], row["last"] or "lasts", row["country"] or "-", network, row["target"] or "-",
        row["test"] or "-", row["detail"] or "-",
    )  # fmt: skip


def times(after: datetime | None, before: datetime | None) -> str:
    """2026-01-08 16:00 .. 16:30: a bracket, in minutes of UTC"""
    if after is None or before is None:
        one = before or after
        return "-" if one is None else f"{'by' if before else 'after'} {one:%Y-%m-%d %H:%M}"
    return (
        f"{after:%Y-%m-%d %H:%M} .. " + f"{before:%H:%M}"
        if after.date() == before.date()
        else (f"{after:%Y-%m-%d %H:%M} .. {before:%m-%d %H:%M}")
    )


def _outage(row: Mapping[str, Any]) -> tuple[str, ...]:
    ended = times(row["end_after"], row["end_before"])
    lasts = "settled" if "new_normal" in (row["contradicts"] or "").split(",") else "lasts"
    if row["occurrences"] > 1:
        ended = f"{ended} ({row['occurrences']} of {row['occurrences_of']} days)"
    return (
        row["outage"], row["country"] or "-", row["entity"], row["plane"],
        times(row["onset_after"], row["onset_before"]), lasts if row["lasts"] else ended, num.percent(row["depth"]),
        row["grade"], row["kind"], row["planes"], f"{row['lost_hours']:.1f}",
    )  # fmt: skip


def _part(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["outage"], row["role"], row["entity"], row["plane"], row["signal"],
        times(row["onset_after"], row["onset_before"]), times(row["end_after"], row["end_before"]),
        "-" if row["depth"] is None else num.percent(row["depth"]), row["operator"],
    )  # fmt: skip


_CELLS: Final[dict[str, Callable[[Mapping[str, Any]], tuple[str, ...]]]] = {
    "findings": _finding, "events": _event, "event_members": _member, "notes": _note, "outages": _outage,
    "outage_parts": _part,
}  # fmt: skip
