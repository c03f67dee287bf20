"""Law: a person can read found beside scripted: per target and network the course of days, what is alike told once.

A course is the runs of days with one state and mechanism. Silent days are counted and break no run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby

from clampdown.demo.compare import Row

_WRAP = 76


def told(rows: Iterable[Row]) -> list[str]:
    """Lines: for each target, for each course that networks share, scripted and then found."""
    places: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        places[row.target, row.network].append(row)
    lines: list[str] = []
    for target, of in groupby(sorted(places), key=lambda place: place[0]):
        alike: dict[tuple[str, str], list[int]] = defaultdict(list)
        for _, network in of:
            days = sorted(places[target, network], key=lambda row: row.day)
            alike[_scripted(days), _found(days)].append(network)
        lines.append(target)
        for (scripted, found), networks in sorted(alike.items(), key=lambda item: item[1]):
            lines.append(f"  {' '.join(f'AS{n}' for n in networks)}")
            lines.extend(_folded("scripted", scripted))
            lines.extend(_folded("found", found))
    return lines


def _scripted(days: Sequence[Row]) -> str:
    return _runs([(row.day, _said(row.scripted, row.scripted_mechanism)) for row in days])


def _found(days: Sequence[Row]) -> str:
    heard = [(row.day, _said(row.found, row.found_mechanism)) for row in days if row.found is not None]
    silent = len(days) - len(heard)
    text = _runs(heard) or "nothing"
    return f"{text} ({silent} of {len(days)} days silent)" if silent else text


def _said(state: str | None, mechanism: str | None) -> str:
    return f"{state} {mechanism}" if mechanism and state != "ok" else str(state)


def _runs(days: Iterable[tuple[int, str]]) -> str:
    made: list[str] = []
    for said, run in groupby(days, key=lambda day: day[1]):
        numbers = [number for number, _ in run]
        first, last = numbers[0], numbers[-1]
        made.append(f"{f'day {first}' if first == last else f'days {first}-{last}'} {said}")
    return "; ".join(made)


def _folded(name: str, text: str) -> list[str]:
    """The parts of a course, as many on a line as fit."""
    lines = [""]
    for part in text.split("; "):
        if lines[-1] and len(lines[-1]) + len(part) > _WRAP:
            lines.append("")
        lines[-1] += f"; {part}" if lines[-1] else part
    return [f"    {name if n == 0 else '':<9} {line}" for n, line in enumerate(lines)]
