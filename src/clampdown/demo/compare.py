"""Law: found stands beside scripted for every target, network and day; a wrong answer is counted, never smoothed.

A day's finding in a network is what most vantage points say, each counted once; a tie, and a day on which nobody said
anything, is silence. Silence is no error, and no success either.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from clampdown.demo.nettests import tried
from clampdown.demo.script import Script

# These say that the instrument erred or that nothing can be said: no vote.
_SILENT: Final = frozenset({"invalid", "unknown", "not_applicable"})
_COLUMNS: Final = ("measurement", "target", "day", "network", "vantage", "state", "mechanism")


@dataclass(frozen=True, slots=True)
class Row:
    """One target in one network on one day."""

    day: int
    date: str
    network: int
    target: str
    scripted: str
    scripted_mechanism: str | None
    found: str | None
    found_mechanism: str | None
    measurements: int
    vantage_points: int

    @property
    def verdict(self) -> str:
        """right | wrong | silent"""
        if self.found is None:
            return "silent"
        if self.scripted == "partly":  # some sessions of the day meet it: the day may say either
            fits = self.found == "blocked" and agrees(self.found_mechanism, self.scripted_mechanism)
            return "right" if fits or self.found == "ok" else "wrong"
        if self.found != self.scripted:
            return "wrong"
        return "right" if agrees(self.found_mechanism, self.scripted_mechanism) else "wrong"


@dataclass(frozen=True)
class Comparison:
    """Every row, and what they sum up to."""

    rows: tuple[Row, ...]

    def count(self, verdict: str) -> int:
        return sum(row.verdict == verdict for row in self.rows)

    @property
    def right(self) -> int:
        return self.count("right")

    @property
    def wrong(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.verdict == "wrong")

    @property
    def silent(self) -> int:
        return self.count("silent")

    @property
    def wrongly_blocked(self) -> tuple[Row, ...]:
        """The gravest error: interference where none was scripted."""
        calm = ("ok", "down", "refused")
        return tuple(row for row in self.rows if row.found in ("blocked", "throttled") and row.scripted in calm)

    def by_state(self) -> dict[str, dict[str, int]]:
        """Scripted state -> right, wrong, silent."""
        made: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.rows:
            made[row.scripted][row.verdict] += 1
        return {state: {v: made[state][v] for v in ("right", "wrong", "silent")} for state in sorted(made)}

    def csv(self) -> bytes:
        """All rows as a table."""
        file = io.StringIO(newline="")
        writer = csv.writer(file, lineterminator="\n")
        names = ("day", "date", "network", "target", "scripted", "scripted_mechanism", "found", "found_mechanism")
        writer.writerow((*names, "measurements", "vantage_points", "verdict"))
        for row in self.rows:
            texts = (row.target, row.scripted, row.scripted_mechanism or "", row.found or "", row.found_mechanism or "")
            numbers = (row.measurements, row.vantage_points, row.verdict)
            writer.writerow((row.day, row.date, f"AS{row.network}", *texts, *numbers))
        return file.getvalue().encode()


def agrees(found: str | None, scripted: str | None) -> bool:
    """Itself or an ancestor: what was found may say less than the truth, never something else."""
    if scripted is None:
        return True
    return found is not None and (found == scripted or scripted.startswith(found + "."))


def compare(script: Script, verdicts: pa.Table, days: Iterable[int]) -> Comparison:
    """Lay the verdicts of a store beside the script, for the days that were to be measured."""
    seen: dict[tuple[int, int, str], list[dict[str, Any]]] = defaultdict(list)
    for one in verdicts.select(list(_COLUMNS)).to_pylist():
        day = script.day(one["day"])
        if day is not None and one["network"] is not None and one["target"] is not None:
            seen[day, one["network"], one["target"]].append(one)
    targets = tried(place.target for place in script.places)
    return Comparison(
        tuple(
            _row(script, day, network.asn, target, seen.get((day, network.asn, target), []))
            for day in sorted(days)
            for network in script.networks
            for target in targets
        )
    )


def _row(script: Script, day: int, network: int, target: str, found: list[dict[str, Any]]) -> Row:
    state, mechanism = script.truth(target, network, day)
    said, how, vantages = vote(found)
    return Row(day, script.date(day).isoformat(), network, target, state, mechanism, said, how, len(found), vantages)


def vote(found: Iterable[Mapping[str, Any]]) -> tuple[str | None, str | None, int]:
    """(state, mechanism, vantage points heard): each vantage point has one vote, its own majority."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    mechanisms: dict[str, Counter[str]] = defaultdict(Counter)
    for one in found:
        if one["state"] in _SILENT:
            continue
        votes[one["vantage"] or one["measurement"]][one["state"]] += 1
        if one["mechanism"]:
            mechanisms[one["state"]][one["mechanism"]] += 1
    said = Counter(state for own in votes.values() if (state := _most(own)) is not None)
    state = _most(said)
    how = mechanisms[state] if state is not None else Counter[str]()
    best = min(how, key=lambda m: (-how[m], m)) if how else None
    return state, best, len(votes)


def _most(counts: Counter[str]) -> str | None:
    """The one that leads; None where two lead together or there is none."""
    ranked = counts.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]
