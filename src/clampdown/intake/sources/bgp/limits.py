"""Law: the thresholds of tables are data with reasons; tests with small tables bring their own."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values of thresholds.toml."""

    full_feed: int
    full_feed6: int
    peers: int
    visible: float
    shortest: int
    shortest6: int
    silence: int

    def full(self, family: int) -> int:
        """A peer's table is whole if it holds more prefixes than this."""
        return self.full_feed if family == 4 else self.full_feed6

    def short(self, family: int) -> int:
        return self.shortest if family == 4 else self.shortest6


@cache
def shipped() -> Limits:
    """The thresholds of the package."""
    text = files("clampdown.intake.sources.bgp").joinpath("thresholds.toml").read_bytes()
    document: dict[str, dict[str, Any]] = tomllib.loads(text.decode())
    return msgspec.convert({name: row["value"] for name, row in document.items()}, Limits)
