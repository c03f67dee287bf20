"""Law: a number looks the same wherever it stands, and text from outside stays text.

Formatting only. `plain` makes visible what would hide or turn other text: control characters and the marks that
override the direction of writing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

# Controls (a tab and a line feed become spaces), bidirectional marks, line separators, lone surrogates; not the joiners
# U+200C and U+200D, without which Persian is misspelt.
_HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_ISOLATES: Final = re.compile("([\u2068\u2069])")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def plain(text: str, limit: int = 300) -> str:
    """Text from outside, safe to set beside ours: nothing invisible, nothing endless."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return _HIDDEN.sub(lambda found: " " if found[0] in "\t\n\r" else f"\\u{ord(found[0]):04x}", cut)


class Sentence(str):
    """Words of ours in which every name from outside went through `name`: nothing in it needs to be made visible."""

    __slots__ = ()


def name(text: str) -> str:
    """A name from outside within a sentence of ours: whatever its direction, it turns nothing around it."""
    return f"\u2068{plain(text)}\u2069"


def visible(sentence: str) -> str:
    """A sentence of ours on its way out: the isolates around names stay, and nothing else that is invisible."""
    return "".join(part if part in ("\u2068", "\u2069") else plain(part, 50_000) for part in _ISOLATES.split(sentence))


def count(value: int) -> str:
    """12,345"""
    return f"{value:,}"


def bounds(low: int, high: int) -> str:
    """3–9, or 3 where both bounds agree."""
    return count(low) if low == high else f"{count(low)}–{count(high)}"


def percent(part: float) -> str:
    """Whole percents; what is not all never reads as 100 %, and what is not nothing never as 0 %."""
    if part in (0.0, 1.0):
        return f"{part:.0%}"
    return f"{min(99, max(1, round(part * 100)))}%"


def network(asn: int) -> str:
    return f"AS{asn}"


def day(text: str, *, year: bool = True) -> str:
    """12 October 2026; what is no date comes back as it is."""
    try:
        when = date.fromisoformat(text)
    except ValueError:
        return plain(text)
    return f"{when.day} {_MONTHS[when.month - 1]}" + (f" {when.year}" if year else "")


def short_day(text: str, *, year: bool = False) -> str:
    """12 Oct"""
    try:
        when = date.fromisoformat(text)
    except ValueError:
        return plain(text)
    return f"{when.day} {_MONTHS[when.month - 1][:3]}" + (f" {when.year}" if year else "")


def period(first: str, last: str) -> str:
    """1 September to 30 October 2026"""
    if first == last:
        return day(first)
    return f"{day(first, year=first[:4] != last[:4])} to {day(last)}"


def runs(days: Sequence[str]) -> list[tuple[str, str]]:
    """Consecutive ISO days as (first, last)."""
    made: list[tuple[str, str]] = []
    for each in sorted(days):
        if made and date.fromisoformat(each).toordinal() - date.fromisoformat(made[-1][1]).toordinal() == 1:
            made[-1] = (made[-1][0], each)
        else:
            made.append((each, each))
    return made


def days_text(days: Sequence[str], limit: int = 6, *, years: bool = False) -> str:
    """11 October, 14 to 16 October, 30 October to 2 November and 3 more; with years where asked or several."""
    found = runs(days)
    year = years or len({each[:4] for each in days}) > 1
    parts = [_run(a, b, year=year) for a, b in found[:limit]]
    rest = sum(date.fromisoformat(b).toordinal() - date.fromisoformat(a).toordinal() + 1 for a, b in found[limit:])
    return listed([*parts, f"{rest} more"] if rest else parts)


def _run(first: str, last: str, *, year: bool) -> str:
    if first == last:
        return day(first, year=year)
    if first[:7] == last[:7]:
        return f"{date.fromisoformat(first).day} to {day(last, year=year)}"
    return f"{day(first, year=year and first[:4] != last[:4])} to {day(last, year=year)}"


def listed(parts: Iterable[str], last: str = "and") -> str:
    """a, b and c"""
    every = list(parts)
    if len(every) < 2:
        return "".join(every)
    return f"{', '.join(every[:-1])} {last} {every[-1]}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """1 network, 2 networks"""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"
