"""Law: the page of ranks draws a place only where there is one: an interval without a point where it is withheld, and
nothing for a country without enough data, which is listed below the picture.

A document becomes a view of rows and shapes, the view becomes HTML; one file, no script, no request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from clampdown.assess.names import is_synthetic
from clampdown.assess.rank_document import Comparison, Component, Rank, Standing
from clampdown.publish import numbers as num
from clampdown.publish import page as base
from clampdown.publish.words import rank as words

SIZE: Final = 300  # of the picture of two orders
_EDGE: Final = 12
_TICKS: Final = 5


class Bar(NamedTuple):
    """One country of the picture, in percents of its width; the worst is on the left."""

    one: Standing
    at: float | None  # null: the place is withheld
    low: float
    width: float
    band: tuple[float, float] | None  # begin, width


class Dot(NamedTuple):
    """A country in both orders."""

    country: str
    x: float
    y: float


class Beside(NamedTuple):
    """One comparison, with its picture where it has a correlation."""

    one: Comparison
    dots: tuple[Dot, ...]


class View(NamedTuple):
    """What the template places; no arithmetic is left in it."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, int], ...]  # percent, place
    placed: tuple[Standing, ...]  # ranked and withheld
    others: tuple[tuple[str, str, tuple[Standing, ...]], ...]  # state, reason, countries
    columns: tuple[Component, ...]  # with data in any country
    absent: tuple[Component, ...]
    beside: tuple[Beside, ...]
    labels: dict[str, str]
    units: dict[str, str]
    sections: tuple[tuple[str, str], ...]
    synthetic: bool


def page(rank: Rank) -> bytes:
    """The document as one self-contained HTML file."""
    style = base.inlined("style.css", "rank.css")
    html = base.environment().get_template("rank.html").render(
        rank=rank, about=rank.about, view=view(rank), words=words, num=num, size=SIZE, edge=_EDGE, style=style,
        policy=base.policy(style),
    )  # fmt: skip
    return html.encode("utf-8", "replace")


def view(rank: Rank) -> View:
    about = rank.about
    placed = tuple(one for one in rank.countries if one.state in ("ranked", "withheld"))
    drawn = tuple(one for one in placed if one.low is not None)
    sections = [("places", "Places"), ("components", "Components"), ("without", "Without a place")]
    sections += [("beside", "Beside published scores")] if rank.comparisons else []
    sections += [("details", "Country by country"), ("made", "How it was made"), ("sources", "Sources")]
    shown = {"places": bool(drawn), "details": bool(placed)}
    return View(
        bars=tuple(_bar(one, about.ranked) for one in drawn),
        ticks=_ticks(about.ranked) if drawn else (),
        placed=placed,
        others=_others(rank.countries),
        columns=tuple(one for one in about.components if one.countries),
        absent=tuple(one for one in about.components if not one.countries),
        beside=tuple(Beside(one, _dots(one)) for one in rank.comparisons),
        labels={one.component: one.label for one in about.components},
        units={one.component: one.unit for one in about.components},
        sections=tuple(each for each in sections if shown.get(each[0], True)),
        synthetic=any(is_synthetic(code) for code in about.frame),
    )


def _at(place: float, of: int) -> float:
    return round(100 * (place - 1) / max(of - 1, 1), 2)


def _bar(one: Standing, of: int) -> Bar:
    low, high = _at(one.low or 1, of), _at(one.high or 1, of)
    band = None
    if one.band_low is not None and one.band_high is not None:
        begin, end = _at(one.band_low, of), _at(one.band_high, of)
        band = (begin, round(end - begin, 2))
    at = _at(one.rank, of) if one.state == "ranked" and one.rank is not None else None
    return Bar(one, at, low, round(high - low, 2), band)


def _ticks(of: int) -> tuple[tuple[float, int], ...]:
    """The first place, the last one, and round ones between."""
    if of < 2:
        return ((0.0, 1),)
    step = next((s for s in (1, 2, 5, 10, 20, 25, 50, 100) if (of - 1) / s <= _TICKS), of)
    found = [place for place in range(step, of, step) if place > 1 and of - place > step / 2 and place - 1 > step / 2]
    return tuple((_at(place, of), place) for place in (1, *found, of))


def _others(countries: Sequence[Standing]) -> tuple[tuple[str, str, tuple[Standing, ...]], ...]:
    """Who has no place, by state and reason, in the order of the document."""
    found: dict[tuple[str, str], list[Standing]] = {}
    for one in countries:
        if one.state != "ranked":
            found.setdefault((one.state, one.reason or ""), []).append(one)
    return tuple((state, why, tuple(ones)) for (state, why), ones in found.items())


def _dots(one: Comparison) -> tuple[Dot, ...]:
    """The worst of both orders stand at the upper right."""
    if one.reason is not None:
        return ()
    span = SIZE - 2 * _EDGE

    def place(rank: float) -> float:
        return span * (rank - 1) / max(one.n - 1, 1)

    return tuple(
        Dot(p.country, round(SIZE - _EDGE - place(p.theirs), 1), round(_EDGE + place(p.ours), 1)) for p in one.pairs
    )
