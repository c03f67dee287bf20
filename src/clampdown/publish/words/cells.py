"""Law: a cell says its state with the count, the vantage points and the doubt; what says nothing says why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clampdown.assess.counting import Thresholds
from clampdown.assess.document import Cell
from clampdown.evidence import Witness, Witnesses
from clampdown.publish import numbers as num
from clampdown.publish import words
from clampdown.publish.charts import Line as StripLine
from clampdown.publish.charts import Strip

_SILENT: Final = ("insufficient", "unknown", "conflicting")
RULES_HEAD: Final = ("Rule", "Says", "Fired", "Decided")
RULES_TITLE: Final = "Every rule that fired, in how many measurements, and in how many of them it decided"
MECHANISM_HEAD: Final = "Mechanism"
HOW_HEAD: Final = "How"
TRIES_HEAD: Final = "Tries"
ONE_DAY: Final = "the data fits this state, but it was seen on one day only"
FEW_DAYS: Final = "the data fits this state, but it was seen on too few days"
NARROW: Final = (
    "the data fits this state, but narrowly: without one of its vantage points, or with one more that says otherwise "
    "or nothing, it would fall below the limit"
)
DAY_TABLE: Final = "The same in words"
DAY_ONLY: Final = "This network has fewer than {n} vantage points in the period: days are shown, times are not."
NOT_TRIED: Final = "not tried"
N: Final = "n"
VP: Final = "vp"


def brief(cell: Cell) -> str:
    """Below the state, in two or three words: how it looked, or why nothing is said."""
    if cell.reason:
        return words.REASON_BRIEF.get(cell.reason, cell.reason.replace("_", " "))
    if cell.state == "ok" or not cell.mechanisms:
        return ""
    return words.how_brief(cell.mechanisms[0].mechanism)


def title(cell: Cell, limits: Thresholds) -> str:
    """A cell in one line, for those who hover or listen."""
    bits = [words.STATE[cell.state]]
    if cell.reason:
        bits.append(reason(cell.reason, limits))
    elif cell.mechanisms and cell.state != "ok":
        bits.append(words.how(cell.mechanisms[0].mechanism))
    vp = num.bounds(cell.vantage.low, cell.vantage.high)
    return f"{': '.join(bits)}; {num.plural(cell.n, 'try', 'tries')}, {vp} vantage points"


def sentence(cell: Cell, limits: Thresholds) -> str:
    """What the numbers of one cell come to."""
    state = words.STATE[cell.state]
    hits = cell.tries.get(cell.state, 0)
    vp = _points(cell.vantage.low, cell.vantage.high)
    total = num.plural(cell.n, "try that decided something", "tries that decided something")
    if cell.state in _SILENT:
        seen = [f"{words.STATE[s]} {n}" for s, n in sorted(cell.tries.items(), key=lambda i: -i[1]) if s != "unknown"]
        why = f"; {reason(cell.reason, limits)}" if cell.reason else ""
        return f"{state.capitalize()}: {total}, by {vp} ({', '.join(seen) or 'none'}){why}."
    share = cell.shares.get(cell.state, 0.0)
    text = (
        f"{state.capitalize()} in {num.count(hits)} of {total}, by {vp}; with one vote for each vantage point, "
        f"{num.percent(share)}. {_points(cell.support.low, cell.support.high).capitalize()} said so most of the time."
    )
    if cell.settled.high:
        settled = _points(cell.settled.low, cell.settled.high)
        text += f" {settled.capitalize()} saw an artefact known to be this country's."
    return text


def _points(low: int, high: int) -> str:
    if low == high:
        return num.plural(high, "vantage point")
    return f"at least {num.count(low)} and at most {num.plural(high, 'vantage point')}"


def grade(cell: Cell) -> str:
    """A grade and what it means; of the lowest, what keeps this cell from a higher one."""
    if cell.grade is None or cell.grade not in words.GRADE_MEANS:
        return ""
    if cell.grade == "consistent":
        days = sum(1 for day in cell.days if day.tries.get(cell.state))
        why = ONE_DAY if days < 2 else FEW_DAYS if cell.stands else NARROW
        return f"{words.GRADE[cell.grade].capitalize()}: {why}."
    return f"{words.GRADE[cell.grade].capitalize()}: {words.GRADE_MEANS[cell.grade]}."


def recently(cell: Cell, days: int) -> str:
    """What the last days say, where it differs."""
    if cell.recent is None or cell.recent.state == cell.state:
        return ""
    n = num.plural(cell.recent.n, "try", "tries")
    vp = _points(cell.recent.vantage.low, cell.recent.vantage.high)
    return f"In the last {days} days alone: {words.STATE[cell.recent.state]} ({n}, {vp})."


def lately(cell: Cell) -> str:
    """The state of the last days in a word, where there is enough data and it differs."""
    if cell.recent is None or cell.recent.state in (cell.state, "insufficient", "unknown"):
        return ""
    return words.SHORT[cell.recent.state]


def line(cell: Cell) -> str:
    """A cell in a line of its own: state, grade, tries."""
    bits = [words.STATE[cell.state]]
    if cell.grade in words.GRADE_MEANS:
        bits.append(words.GRADE[cell.grade])
    hits = cell.tries.get(cell.state)
    tries = num.plural(cell.n, "try", "tries")
    bits.append(tries if hits is None else f"{num.count(hits)} of {tries}")
    return ", ".join(bits)


def reason(key: str, limits: Thresholds) -> str:
    """Why nothing is said, with the floor that was missed."""
    values: Mapping[str, object] = {
        name: getattr(limits, name) for name in ("measurements", "vantage_points", "agreeing_vantage_points")
    }
    return words.REASON.get(key, key.replace("_", " ")).format_map(values)


def strip_label(target: str, strip: Strip) -> num.Sentence:
    """What those hear who do not see the picture."""
    found: dict[str, int] = {}
    for each in strip.lines:
        for _, state in each.states:
            found[state] = found.get(state, 0) + 1
    seen = [f"{words.STATE[state]} {n}" for state, n in sorted(found.items(), key=lambda item: -item[1])]
    return num.Sentence(
        f"{num.name(target)}: {num.plural(strip.days, 'day')} on {num.plural(strip.height, 'network')}; "
        f"days by state: {', '.join(seen) or 'none'}"
    )


def day_runs(line: StripLine, *, years: bool) -> str:
    """Days by state, as text; where there is too little data for an answer, this is said first."""
    by_state: dict[str, list[str]] = {}
    for day, state in line.states:
        by_state.setdefault(state, []).append(day)
    parts = [f"{words.STATE[state]}: {num.days_text(days, limit=40, years=years)}" for state, days in by_state.items()]
    text = "; ".join(parts) if parts else "no tries in the days drawn" if line.outside else "no tries"
    if line.outside:
        text += f"; {num.plural(line.outside, 'try', 'tries')} outside {'the days drawn' if parts else 'them'}"
    return f"too little data for an answer; single tries say {text}" if line.poor and parts else text


def witness_head(state: str, found: Witnesses) -> str:
    shown = len(found.first)
    some = "" if shown == found.count else f", {shown} of them here"
    return f"{num.plural(found.count, 'measurement')}: {words.STATE.get(state, state)}{some}. Digest of the list:"


def when(witness: Witness) -> str:
    return witness.time.replace("T", " ") if witness.time else witness.day


def vp(witness: Witness) -> str:
    return f"VP {witness.vantage}" if witness.vantage is not None else "VP unknown"
