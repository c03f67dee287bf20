"""Law: the page of ways through asks nobody for anything; where nobody tested, it draws an empty frame and no point.

An answer on ways through becomes a view of cells and shapes, the view becomes HTML, in one of the languages of words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from clampdown.assess.names import is_synthetic
from clampdown.assess.ways import STATES, Access, Counted, Tested, Way
from clampdown.errors import UsageError
from clampdown.publish import numbers as num
from clampdown.publish import page as base
from clampdown.publish.words.ways_page import COMMAND, LANGUAGES, Tongue

MAX_COLUMNS: Final = 6  # networks beside the whole country; the rest are folded
MAX_FOLDED: Final = 24
MAX_DETAILS: Final = 400
LABEL: Final = 36  # letters of a way within the picture
NOTHING_SAID: Final = frozenset({"insufficient", "untested"})
# A shape for each state, for those who see no colour; strokes within 16 x 16.
SIGNS: Final[Mapping[str, str]] = {
    "works": "M2.5 8.5l3.8 3.8L13.5 4",
    "impaired": "M1.5 9.5c2-5.5 4.5-5.5 6.5-1.5s4.5 4 6.5-1.5",
    "blocked": "M3 3l10 10M13 3L3 13",
    "conflicting": "M2 5.2h11l-3-3M14 10.8H3l3 3",
    "refused": "M8 2a6 6 0 1 0 .01 0zM4.8 8h6.4",
    "down": "M8 2.5v11M3.5 9L8 13.5 12.5 9",
    "insufficient": "M3 8h.01M8 8h.01M13 8h.01",
    "untested": "M3 3h10v10H3z",
}


class Row(NamedTuple):
    """One way of a tool, over the columns of a table; null where the document has no cell."""

    tool: str
    way: str
    cells: tuple[Way | None, ...]


class Grid(NamedTuple):
    """A table of ways and networks."""

    columns: tuple[int | None, ...]
    groups: tuple[tuple[str, tuple[Row, ...]], ...]


class Bar(NamedTuple):
    """A line of the picture, in percents of its width; null where there is nothing to draw."""

    way: Way
    at: float | None
    low: float | None
    width: float | None
    counted: Counted | None
    hollow: float | None


class View(NamedTuple):
    """What the template places; no arithmetic is left in it."""

    asked: tuple[Way, ...]  # every way of what the question is about: the country, or one network
    bars: tuple[Bar, ...]  # those that anybody tested
    untested: tuple[Way, ...]
    whose: int | None  # the network that the bars are about; null: the country
    grids: tuple[Grid, ...]  # the second one is folded
    more_networks: int
    details: tuple[tuple[str, str, tuple[Way, ...]], ...]
    more_details: int
    legend: tuple[tuple[str, int], ...]  # every state, and how many ways of the picture are in it
    tested: Mapping[int, Tested]
    sections: tuple[str, ...]
    synthetic: bool

    def lead(self, t: Tongue) -> tuple[num.Sentence, ...]:
        """The answer in a few lines: what came through, what did so in part, and how much nobody tested."""
        found = {state: [way for way in self.asked if way.state == state] for state in STATES}
        if not self.bars:
            return (num.Sentence(t.text_of("nothing")),)
        lines = [] if found["works"] else [t.say("none_works")]
        for state in ("works", "impaired", "conflicting", "blocked"):  # what rests on counts alone says so
            for key, alone in ((state, False), (f"{state}_counts", True)):
                mine = [way for way in found[state] if (way.vantage is None) is alone]
                lines += [t.say(key, names=t.names(mine))] if mine else []
        if found["untested"]:
            lines.append(t.say("untested", n=t.count(len(found["untested"])), ways=t.count(len(self.asked))))
        return tuple(lines)


def page(access: Access, language: str = "en") -> bytes:
    """The answer as one self-contained HTML file."""
    if language not in LANGUAGES:
        raise UsageError(f"no words in the language {language!r}", hint=f"say one of: {', '.join(LANGUAGES)}")
    tongue = Tongue(access, language)
    style = base.inlined("style.css", "ways.css")
    html = base.environment().get_template("ways.html").render(
        access=access, view=view(access, mirrored=tongue.direction == "rtl"), t=tongue, signs=SIGNS, command=COMMAND,
        quiet=NOTHING_SAID, label=LABEL, style=style, policy=base.policy(style),
    )  # fmt: skip
    return html.encode("utf-8", "replace")


def view(access: Access, *, mirrored: bool = False) -> View:
    tested = {each.network: each for each in access.networks}
    cells = {(way.tool, way.way, way.network): way for way in access.ways}
    order = list(dict.fromkeys((way.tool, way.way) for way in access.ways))
    whole = any(way.network is None for way in access.ways)
    networks = _networks(access, tested)
    asked = access.question.network
    whose = asked if asked in networks else None if whole or not networks else networks[0]
    main: tuple[int | None, ...] = (*((None,) if whole else ()), *networks[:MAX_COLUMNS])
    folded = tuple(networks[MAX_COLUMNS : MAX_COLUMNS + MAX_FOLDED])
    drawn = [cells[tool, way, whose] for tool, way in order if (tool, way, whose) in cells]
    details, more = _details(order, cells, (*main, *folded))
    found = Counter(way.state for way in drawn)
    return View(
        asked=tuple(drawn),
        bars=tuple(sorted((_bar(w, mirrored=mirrored) for w in drawn if w.state != "untested"), key=_place)),
        untested=tuple(way for way in drawn if way.state == "untested"),
        whose=whose,
        grids=tuple(_grid(order, cells, columns) for columns in (main, folded) if columns),
        more_networks=max(0, len(networks) - MAX_COLUMNS - MAX_FOLDED),
        details=details,
        more_details=more,
        legend=tuple((state, found[state]) for state in STATES),
        tested=tested,
        sections=tuple(s for s in ("plot", "matrix", "details", "usage", "methods", "sources") if s != "plot" or drawn),
        synthetic=is_synthetic(access.question.country) or any(s.kind == "synthetic" for s in access.inputs.snapshots),
    )


def _networks(access: Access, tested: Mapping[int, Tested]) -> list[int]:
    """The busiest first; of a question on one network, that one."""
    found = {*tested, *(way.network for way in access.ways if way.network is not None)}
    if access.question.network is not None:
        found &= {access.question.network}
    return sorted(found, key=lambda n: (-tested[n].measurements if n in tested else 0, n))


def _grid(
    order: list[tuple[str, str]], cells: Mapping[tuple[str, str, int | None], Way], columns: tuple[int | None, ...]
) -> Grid:
    groups: dict[str, list[Row]] = {}
    for tool, way in order:
        row = Row(tool, way, tuple(cells.get((tool, way, column)) for column in columns))
        groups.setdefault(tool, []).append(row)
    return Grid(columns, tuple((tool, tuple(rows)) for tool, rows in groups.items()))


def _bar(way: Way, *, mirrored: bool) -> Bar:
    """Nothing is drawn of a way of which nothing is said, whatever numbers it carries."""

    def place(share: float) -> float:
        inside = min(1.0, max(0.0, share)) * 100
        return round(100 - inside if mirrored else inside, 2)

    if way.state in NOTHING_SAID:
        return Bar(way, None, None, None, None, None)
    if way.share is None:
        most = max(way.counted, key=lambda c: (c.n or 0, c.source, c.test, c.time), default=None)
        return Bar(way, None, None, None, most, None if most is None else place(1 - most.failed_share))
    ends: list[float] = []
    if way.low is not None and way.high is not None:
        ends = sorted((place(way.low), place(way.high)))
    low, width = (ends[0], round(ends[1] - ends[0], 2)) if ends else (None, None)
    at = place(way.share)
    counts = way.vantage is None  # a source that gives only counts is drawn as such
    return Bar(way, None if counts else at, low, width, None, at if counts else None)


def _place(bar: Bar) -> tuple[int, float]:
    """Shares, the best first; then too little data, and no test at all; else in the order of the document."""
    share, state = bar.way.share, bar.way.state
    if bar.at is not None or (bar.hollow is not None and bar.counted is None):
        return (0, -(share or 0.0))
    if bar.counted is not None:
        return (1, bar.counted.failed_share)
    return (2 + STATES.index(state) if state in STATES else 99, 0.0)


def _details(
    order: list[tuple[str, str]], cells: Mapping[tuple[str, str, int | None], Way], columns: tuple[int | None, ...]
) -> tuple[tuple[tuple[str, str, tuple[Way, ...]], ...], int]:
    """Cells with something behind them, grouped by way; where there are too many, the first columns of all come."""
    ranked = [
        cells[tool, way, column]
        for column in columns
        for tool, way in order
        if (tool, way, column) in cells and _has_details(cells[tool, way, column])
    ]
    kept: dict[tuple[str, str], list[Way]] = {}
    for way in ranked[:MAX_DETAILS]:
        kept.setdefault((way.tool, way.way), []).append(way)
    made = tuple((tool, way, tuple(kept[tool, way])) for tool, way in order if (tool, way) in kept)
    return made, max(0, len(ranked) - MAX_DETAILS)


def _has_details(way: Way) -> bool:
    return way.state != "untested" or bool(way.counted or way.since)
