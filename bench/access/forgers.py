"""Law: what a forger changed is told by leaving its rows out: a cell that was wrong anyway is not held against it.

One device writes from one to 300 rows that say the opposite, as one session or as a new session for each row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from access.methods import LIMITS, METHODS, SAID
from access.score import FAMILY, Mean, mean, wrong
from access.world import AT, Caps, Plan, Row, world
from clampdown.assess.reach import reach

MANNERS = ("one session", "many sessions")
CHANGES = {
    "made_wrong": "made wrong, per 100 forged cells",
    "corroborated": "of these at `corroborated` or better",
    "silenced": "no longer said, per 100",
}


def forgers(plan: Plan, worlds: int, begin: int = FAMILY) -> dict[str, dict[str, dict[str, Mean]]]:
    """Manner of forging -> method -> change -> its mean over worlds."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for seed in range(begin, begin + worlds):
        made = world(seed, plan)
        told: dict[tuple[str, str], list[tuple[bool, bool, bool]]] = defaultdict(list)
        for cell, rows in made.rows.items():
            honest = [row for row in rows if not _forged(row)]
            if len(honest) == len(rows):
                continue
            sessions = {row.vantage for row in rows if _forged(row)}
            manner = MANNERS[len(sessions) > 1]
            for name in METHODS:
                (said, firm), (before, _) = (_said(name, each, made.caps) for each in (rows, honest))
                worse = wrong(said, made.truth[cell]) and not wrong(before, made.truth[cell])
                told[manner, name].append((worse, worse and firm, before is not None and said is None))
        for (manner, name), changes in told.items():
            for place, change in enumerate(CHANGES):
                if change == "corroborated" and name != "ours":
                    continue
                found[manner, name, change].append(100 * sum(each[place] for each in changes) / len(changes))
    made_of: dict[str, dict[str, dict[str, Mean]]] = {}
    for (manner, name, change), values in sorted(found.items()):
        made_of.setdefault(manner, {}).setdefault(name, {})[change] = mean(values)
    return made_of


def _forged(row: Row) -> bool:
    return (row.vantage or "").startswith("forger")


def _said(name: str, rows: Sequence[Row], limit: Caps) -> tuple[str | None, bool]:
    """What a method says, and whether it does so at `corroborated` or better; the others have no grades."""
    if name != "ours":
        return METHODS[name](rows, limit), False
    found = reach(rows, AT, LIMITS, limit)
    return (found.state, found.grade in ("corroborated", "confirmed")) if found.state in SAID else (None, False)
