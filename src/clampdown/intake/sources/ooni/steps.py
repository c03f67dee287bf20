"""Law: whose step it is and whether it lies on the ordinary path is decided in one place for every template.

`classic` follows CONTRACTS: where any step of the record carries the tag, the tag decides; else every step is on the
path but lookups that no ordinary program makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from clampdown.intake.sources.ooni.envelope import Measurement

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,15}(?:[/.][A-Za-z0-9]{1,4}){0,2}")
# (name, address, port, hop) -> the target that a step belongs to
Place = Callable[[str | None, str | None, int | None, int | None], str | None]


def web_place(m: Measurement) -> Place:
    """The input's target for its own name, and for steps without a name on no later hop; else the other host's."""

    def place(name: str | None, ip: str | None, port: int | None, depth: int | None) -> str | None:
        if name is None:
            name = m.hops.get(depth) if depth else None
            if name is None:
                return m.target if not depth else m.memo.target(ip, None)
        if name == m.host:
            return m.target
        return m.memo.target(name, port if port not in (80, 443) else None)

    return place


def fixed(target: str | None) -> Place:
    """Every step belongs to one target."""
    return lambda name, ip, port, depth: target


def find_tags(m: Measurement, keys: object, deep: int = 0) -> None:
    """Say on `m` whether any step, at any place, carries the tag `classic`."""
    if isinstance(keys, dict):
        tags = keys.get("tags")
        if isinstance(tags, list) and "classic" in tags:
            m.tagged = True
        else:
            for value in keys.values():
                if isinstance(value, dict | list) and not m.tagged and deep < 8:
                    find_tags(m, value, deep + 1)
    elif isinstance(keys, list):
        for value in keys:
            if m.tagged:
                return
            find_tags(m, value, deep + 1)


def on_path(m: Measurement, tagged: bool) -> bool:
    return tagged if m.tagged else True


def beside(m: Measurement, port: int | None, depth: int | None, fetch: bool | None) -> bool:
    """A check beside the path: not meant to fetch the page, or a port that the input does not lead to."""
    if fetch is not None:
        return not fetch
    return not depth and m.port is not None and port is not None and port != m.port


def word(text: str | None) -> str | None:
    """A short word of a protocol (`h2`, `TLSv1.3`, `http/1.1`); anything else is not one."""
    return text if text and _WORD.fullmatch(text) else None
