"""Law: every method sees the same rows of the same window, and says one state of a cell or nothing.

`ours` is the product's; the others are what dashboards do: the share of failures above a half, a majority of at least
three, and the last measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from access.world import AT
from clampdown.assess.counting import Caps, Row
from clampdown.assess.reach import first_day, load_limits, reach

FAILED: Final = ("blocked", "throttled", "refused", "down")
SAID: Final = ("works", "impaired", "blocked", "refused", "down")
LIMITS: Final = load_limits()
Method = Callable[[Sequence[Row], Caps], str | None]


def window(rows: Sequence[Row]) -> list[Row]:
    """Rows of the window that decided something."""
    first = first_day(AT, LIMITS.window_days)
    return [row for row in rows if first <= row.day <= AT and row.state in ("ok", *FAILED)]


def ours(rows: Sequence[Row], limit: Caps) -> str | None:
    state = reach(rows, AT, LIMITS, limit).state
    return state if state in SAID else None


def share(rows: Sequence[Row], limit: Caps) -> str | None:
    del limit
    mine = window(rows)
    if not mine:
        return None
    return "blocked" if sum(row.state != "ok" for row in mine) > len(mine) / 2 else "works"


def majority(rows: Sequence[Row], limit: Caps) -> str | None:
    mine = window(rows)
    failed = sum(row.state != "ok" for row in mine)
    return None if len(mine) < 3 or 2 * failed == len(mine) else share(rows, limit)


def last(rows: Sequence[Row], limit: Caps) -> str | None:
    del limit
    mine = window(rows)
    if not mine:
        return None
    newest = max(mine, key=lambda row: (row.day, row.hour or 0, row.vantage or ""))
    return "works" if newest.state == "ok" else "blocked"


METHODS: Final[dict[str, Method]] = {
    "ours": ours, "failure share > 0.5": share, "majority, n >= 3": majority, "last measurement": last,
}  # fmt: skip
