"""Law: a note on a collapse says what was usual by the rhythm that it was held against."""

from __future__ import annotations

from datetime import date

from clampdown.detect import load_limits
from clampdown.detect.silence import collapses

FIRST = date(2026, 2, 2).toordinal()


def test_what_is_usual_is_the_rhythm_of_the_weekday() -> None:
    """More is measured on Mondays, and one Monday next to nothing: the days between say nothing of Mondays."""
    counts = {(("XA", None), FIRST + day): 120 + day // 7 if day % 7 == 0 else 100 for day in range(56)}
    counts[("XA", None), FIRST + 35] = 1
    (note,) = collapses(counts, FIRST, 56, load_limits())
    assert (note["first"], note["last"]) == ("2026-03-09", "2026-03-09")
    assert note["detail"] == "measurements:1 days:1 usual:122"


def test_what_comes_unevenly_may_fail_to_come() -> None:
    """Measurements of one session a week or none: a week without says nothing."""
    counts = {(("XA", 64500), FIRST + day): 60 if day % 5 == 0 else 0 for day in range(90)}
    assert collapses(counts, FIRST, 90, load_limits()) == []
