"""Law: a change is claimed with a bracket, a level of false alarms and what speaks against it, or not at all."""

from __future__ import annotations

from clampdown.detect.contrast import Wanted
from clampdown.detect.events import Names
from clampdown.detect.limits import Limits, load_limits
from clampdown.detect.series import ChangePoint, Series
from clampdown.detect.tables import Given, detect_tables, detect_votes
from clampdown.detect.votes import COLUMNS, of_day

__all__ = [
    "COLUMNS", "ChangePoint", "Given", "Limits", "Names", "Series", "Wanted", "detect_tables", "detect_votes",
    "load_limits", "of_day",
]  # fmt: skip
