"""Law: a note on a collapse says what was usual by the rhythm that it was held against."""

from __future__ import annotations

from datetime import date

from clampdown.detect import load_limits
from clampdown.detect.silence import collapses

FIRST = date(2026, 2, 2).toordinal()


def test_what_is_usual_is_the_rhythm_of_the_weekday() -> None:
    """Measured on Mondays alone, and one Monday nothing: the days between say nothing of Mondays."""
    counts = {(("XA", None), FIRST + 7 * week): 0 if week == 5 else 40 + week for week in range(8)}
    (note,) = collapses(counts, FIRST, 50, load_limits())
    assert (note["first"], note["last"]) == ("2026-03-09", "2026-03-09")
    assert note["detail"] == "measurements:0 days:1 usual:42"
