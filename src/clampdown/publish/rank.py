"""Law: a rank goes out with its frame in every form; a country without a place has an empty place and its reason, and
stands behind all that have one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from clampdown.assess.rank_document import Line, Rank, Standing
from clampdown.publish import numbers as num
from clampdown.publish.table import attribution, csv_line
from clampdown.publish.words import rank as words

FORMS: Final = ("table", "jsonl", "csv", "html")
_HEADS: Final = ("place", "country", "90 %", "other weights", "top {n}", "top {n} at least")
_GAP: Final = "  "
_NAME: Final = 26
_BY_COMPONENT: Final = ("mean", "low", "high", "reason", "tries", "hits", "targets", "networks", "months", "cuts")


def notes(rank: Rank) -> tuple[str, ...]:
    """What must be told beside any form: whose data it is."""
    return attribution(tuple(source.terms for source in rank.about.inputs.sources))


def jsonl(rank: Rank) -> Iterator[bytes]:
    """The frame first, then each country, then each comparison: `record` says which."""
    encoder = msgspec.json.Encoder(order="deterministic")
    lines: Sequence[Line] = (rank.about, *rank.countries, *rank.comparisons)
    for line in lines:
        yield encoder.encode(line) + b"\n"


def csv(rank: Rank) -> Iterator[bytes]:
    """One row a country; what is not told is empty, and `state` and `reason` say why."""
    about = rank.about
    names = [one.component for one in about.components]
    yield csv_line([
        "country", "name", "state", "reason", "rank", "rank_low", "rank_high", "ranked_of", "frame_of", "top",
        "probability_top", "probability_top_least", "band_low", "band_high",
        *(f"{name}_{field}" for name in names for field in _BY_COMPONENT), "networks_left_out", "digest",
    ])  # fmt: skip
    for one in rank.countries:
        own = {each.component: each for each in one.components}
        cells: list[Any] = []
        for name in names:
            cells += [getattr(own[name], field) if name in own else None for field in _BY_COMPONENT]
        yield csv_line([
            one.country, one.name, one.state, one.reason, one.rank, one.low, one.high, about.ranked, len(about.frame),
            about.top, one.top, one.top_least, one.band_low, one.band_high, *cells, one.networks_left_out, one.digest,
        ])  # fmt: skip


def text(rank: Rank, width: int = 120) -> Iterator[str]:
    """For a terminal: the frame, the places, those without one, the components, the comparisons."""
    about = rank.about
    units = {one.component: one.unit for one in about.components}
    yield f"{words.standfirst(about)} {words.period(about)}."
    for warning in words.WARNINGS:
        yield from _wrapped(warning, width)
    yield ""
    heads = [head.format(n=about.top) for head in _HEADS]
    shown = [one for one in about.components if one.used][: max((width - 80) // 24, 0)]
    rows = [
        [
            words.place(one), f"{one.country} {num.plain(one.name)}"[:_NAME], words.interval(one), words.band(one),
            words.chance(one.top), words.chance(one.top_least),
            *(words.value(next(e for e in one.components if e.component == c.component), units[c.component])
              for c in shown),
        ]
        for one in rank.countries if one.state in ("ranked", "withheld")
    ]  # fmt: skip
    if rows:
        yield from _grid([*heads, *(one.component for one in shown)], rows)
    yield from _others(rank.countries, width)
    yield ""
    for component in about.components:
        head = f"{component.component}: {component.label}, {words.UNITS[component.unit]}; {words.weight(component)}"
        yield from _wrapped(f"{head}; {num.plural(component.countries, 'country', 'countries')} with data", width)
    for one in rank.comparisons:
        yield ""
        yield from _wrapped(f"Beside {words.comparison(one)}: {words.agreement(one)}; {one.n} in common", width)
        if one.missing:
            yield from _wrapped(f"  not in it: {' '.join(one.missing)}", width)


def _others(countries: Sequence[Standing], width: int) -> Iterator[str]:
    """Who has no place, by why."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in countries:
        if one.state != "ranked":
            found.setdefault((one.state, words.reason(one.reason)), []).append(one.country)
    for (state, why), codes in found.items():
        yield ""
        yield from _wrapped(f"{words.state(state)} ({why}), {len(codes)}: {' '.join(codes)}", width)


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(line[i]) for line in [heads, *rows]) for i in range(len(heads))]
    yield _GAP.join(head.ljust(wide) for head, wide in zip(heads, widths, strict=True)).rstrip()
    yield _GAP.join("-" * wide for wide in widths)
    for row in rows:
        yield _GAP.join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)).rstrip()


def _wrapped(line: str, width: int) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(line, max(width, 40), subsequent_indent="  ") or [""]
