"""Law: a known truth is a set of states, and of mechanisms of which one must be found and no other may be.

Mechanisms agree along a path: a deeper one, or an ancestor that still says more than the layer's name.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

# Of several targets in one record the first of these speaks for the record.
ORDER: Final = ("blocked", "throttled", "invalid", "refused", "down", "unknown", "ok")


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known to be so."""

    states: tuple[str, ...]
    must: tuple[str, ...] = ()
    may: tuple[str, ...] = ()

    def agrees(self, states: Collection[str], mechanisms: Collection[str]) -> bool:
        """Whether the states found for a record's targets, and their deciding mechanisms, fit."""
        state = overall(states)
        if state not in self.states:
            return False
        if state not in ("blocked", "throttled"):
            return True
        found = [m for m in mechanisms if m]
        if not self.must:
            return True
        on = any(on_path(m, one) for m in found for one in self.must)
        return on and all(any(on_path(m, one) for one in (*self.must, *self.may)) for m in found)


def overall(states: Collection[str]) -> str:
    """The state that speaks for a record."""
    return next((state for state in ORDER if state in states), "not_applicable")


def on_path(found: str, wanted: str) -> bool:
    """Itself, a child, or an ancestor deeper than the layer's name."""
    if found == wanted or found.startswith(wanted + "."):
        return True
    return "." in found and wanted.startswith(found + ".")
