"""Law: a way comes through as its targets do, try by try; what was not heard is never taken for what was.

A try is one vantage point's hour. The table of tools says which targets lead, which are all needed, of which one is
enough, and which need not have been heard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from clampdown.assess.counting import DECIDED, MIXED, Row
from clampdown.reference.tools import Way

FAILED: Final = ("blocked", "throttled", "refused", "down")
_HEARD: Final = (*DECIDED, MIXED)
_WORST: Final = ("blocked", "refused", "down", "throttled", MIXED)


def state_of(states: Collection[str]) -> str:
    """What one target was seen to be within one try."""
    decided = {state for state in states if state in _HEARD}
    if len(decided) == 1:
        return next(iter(decided))
    return MIXED if decided else "unknown"


def together(found: Mapping[str, str], way: Way) -> tuple[str, tuple[str, ...]]:
    """Target -> state within one try -> (state of the way, the targets that made it)."""
    if len(found) == 1 and len(way.deciding) == 1:
        return next(iter(found.values())), way.deciding
    lead = {target: found[target] for target in way.lead if found.get(target) in _HEARD}
    if lead:
        return _any(lead)
    needed = {target: found[target] for target in way.all_of if found.get(target) in _HEARD}
    bad = tuple(target for target, state in needed.items() if state != "ok")
    if bad:
        return _worst(needed[target] for target in bad), bad
    missed = set(way.all_of) - set(needed) - set(way.may_miss)
    if not way.any_of:
        return ("unknown", ()) if missed or not needed else ("ok", tuple(needed))
    heard = {target: found[target] for target in way.any_of if found.get(target) in _HEARD}
    if not heard:
        return "unknown", ()
    state, by = _any(heard)
    if state in ("ok", "throttled", MIXED):
        return (state, by) if state != "ok" or not missed else ("unknown", ())
    unheard = set(way.any_of) - set(heard) - set(way.may_miss)
    return (state, by) if not unheard else ("unknown", ())


def _any(heard: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """One that comes through is enough."""
    for state in ("ok", MIXED, "throttled"):
        by = tuple(target for target, said in heard.items() if said == state)
        if by:
            return state, by
    return _worst(heard.values()), tuple(heard)


def _worst(states: Iterable[str]) -> str:
    given = set(states)
    return next(state for state in _WORST if state in given)


def combine(rows: Iterable[Row], way: Way) -> list[Row]:
    """Rows of the way's targets -> rows of the way: one for each try, or two where it was both within the hour."""
    tries: dict[tuple[int | None, str | None, str | None, str, int | None], list[Row]] = defaultdict(list)
    for row in rows:
        if row.target in way.deciding and (row.state in DECIDED or row.state == "unknown"):
            tries[row.network, row.vantage, row.vantage_kind, row.day, row.hour].append(row)
    made: list[Row] = []
    for group in tries.values():
        states: dict[str, set[str]] = defaultdict(set)
        for row in group:
            states[str(row.target)].add(row.state)
        state, by = together({target: state_of(seen) for target, seen in states.items()}, way)
        if state == MIXED:
            seen = {row.state for row in group if row.target in by and row.state in DECIDED}
            made += [_row(group, each, by, way) for each in sorted(seen)]
        else:
            made.append(_row(group, state, by, way))
    return made


def _row(group: list[Row], state: str, by: tuple[str, ...], way: Way) -> Row:
    """The rows of one try as one; what made its state goes along."""
    if len(group) == 1 and group[0].state == state:
        return group[0]._replace(target=way.key)
    group = sorted(group, key=lambda row: tuple((value is not None, str(value)) for value in row))
    backing = [row for row in group if row.target in by and row.state == state]
    return group[0]._replace(
        target=way.key, state=state,
        mechanism=next((row.mechanism for row in backing if row.mechanism is not None), None),
        rule=next((row.rule for row in backing if row.rule is not None), None),
        settled=any(row.settled for row in backing), n=sum(row.n for row in backing) or 1,
    )  # fmt: skip
