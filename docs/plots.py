"""Law: a plot is text that needs no program, reads in light and in dark, and draws days without data as nothing.

Small multiples of one source and country: a dot for each day with data, steps for the levels between shifts, a band
for the bracket of each shift, grey ground for months in which a list at hand names an event.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from itertools import pairwise
from typing import Final

import numpy as np
from aggregates import FIRST, LENGTH, Line, day_of

LEFT, WIDTH, HEIGHT, GAP, TOP, BOTTOM = 64, LENGTH, 84, 22, 26, 26
STYLE: Final = (
    "svg{background:#fff;font:11px system-ui,sans-serif}text{fill:#333}.b{font-weight:600}"
    ".d{stroke:#5b6b7b;stroke-width:1.9;stroke-linecap:round;fill:none}.s{stroke:#0b57d0;stroke-width:2;fill:none}"
    ".c{fill:#d9480f;fill-opacity:.45}.m{fill:#000;fill-opacity:.06}.a{stroke:#999;stroke-width:.6;fill:none}"
    "@media(prefers-color-scheme:dark){svg{background:#14181d}text{fill:#d6dde4}.d{stroke:#9fb0c0}.s{stroke:#7cb0ff}"
    ".c{fill:#ff9a5c}.m{fill:#fff;fill-opacity:.09}.a{stroke:#68737d}}"
)


def picture(title: str, lines: Sequence[Line], listed: set[tuple[int, int]]) -> str:
    """All series of one source and country, one below the other."""
    height = TOP + len(lines) * (HEIGHT + GAP) + BOTTOM - GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 8} {height}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<text class="b" x="4" y="15">{escape(title)}</text>',
    ]
    for number, line in enumerate(lines):
        parts.extend(_panel(line, TOP + number * (HEIGHT + GAP), listed))
    parts.extend(_ticks(height - BOTTOM))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(line: Line, top: int, listed: set[tuple[int, int]]) -> Iterator[str]:
    values = line.values
    low, high = _range(line)

    def y(value: float) -> float:
        part = math.log(value / low) / math.log(high / low) if line.sized else (value - low) / (high - low)
        return round(top + HEIGHT * (1 - min(max(part, 0.0), 1.0)), 1)

    for year, month in sorted(listed):
        first, after = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
        begin, end = max((first - FIRST).days, 0), min((after - FIRST).days, LENGTH)
        if begin < end:
            yield f'<rect class="m" x="{LEFT + begin}" y="{top}" width="{end - begin}" height="{HEIGHT}"/>'
    yield f'<path class="a" d="M{LEFT} {top}V{top + HEIGHT}H{LEFT + WIDTH}"/>'
    for value in (low, high):
        yield f'<text x="{LEFT - 4}" y="{y(value) + 4:g}" text-anchor="end">{_label(line, value)}</text>'
    yield f'<text class="b" x="{LEFT + 6}" y="{top + 11}">{escape(line.kind)}</text>'
    for one in line.found:
        begin = one.after if one.before is None else one.before
        wide = max(one.after - begin, 2)
        yield f'<rect class="c" x="{LEFT + begin}" y="{top}" width="{wide}" height="{HEIGHT}"/>'
    dots = "".join(f"M{LEFT + int(p)} {y(float(v)):g}h0" for p, v in zip(line.days, values, strict=True))
    yield f'<path class="d" d="{dots}"/>'
    yield f'<path class="s" d="{_steps(line, y)}"/>'


def _steps(line: Line, y: object) -> str:
    """The level of each stretch between two shifts."""
    assert callable(y)
    at = line.days
    edges = [int(at[0]), *(cp.after for cp in line.found), int(at[-1]) + 1]
    made: list[str] = []
    for number, (begin, end) in enumerate(pairwise(edges)):
        if line.found:
            level = line.found[number].level_before if number < len(line.found) else line.found[-1].level_after
        else:
            level = float(np.median(line.values))
        made.append(f"M{LEFT + begin} {y(level):g}H{LEFT + end}")
    return "".join(made)


def _range(line: Line) -> tuple[float, float]:
    """From zero to what nearly all days stay below; sizes between round powers."""
    values = line.values
    if line.sized:
        steps = [m * 10**e for e in range(7) for m in (1, 2, 5)]
        return max(s for s in steps if s <= values.min()), min(s for s in steps if s >= values.max())
    top = float(np.quantile(values, 0.995))
    step = 10 ** math.floor(math.log10(max(top, 1e-4)))
    return 0.0, min(1.0, step * math.ceil(top / step))


def _label(line: Line, value: float) -> str:
    return f"{value:,.0f}" if line.sized else f"{100 * value:g} %"


def _ticks(y: int) -> Iterator[str]:
    for place in range(LENGTH):
        day = day_of(place)
        if day.day == 1 and day.month % 3 == 1:
            yield f'<path class="a" d="M{LEFT + place} {y}v4"/>'
            yield f'<text x="{LEFT + place}" y="{y + 16}" text-anchor="middle">{day:%Y-%m}</text>'
