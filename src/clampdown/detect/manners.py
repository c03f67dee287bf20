"""Law: how a kind of signal is watched is data with reasons, and travels under the digest of its file."""

from __future__ import annotations

import tomllib
from hashlib import sha256
from importlib.resources import files
from typing import Any

import msgspec

from clampdown.errors import RuleError


class Manner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one kind of signal is watched; the reasons stand in detect/manners.toml."""

    k: float
    tail: float
    tail_short: float
    floor: float
    least_drop: float
    least_level: float
    windows: tuple[float, ...]
    least_rise: float
    watch: bool
    alone: bool
    rises: bool
    quality_least: float
    quality_jump: float


class Manners(msgspec.Struct, frozen=True):
    """The manners of all signals."""

    default: dict[str, Any]
    plane: dict[str, dict[str, Any]]
    signal: dict[str, dict[str, Any]]
    reasons: dict[str, str]
    digest: str

    def of(self, signal: str, plane: str) -> Manner:
        """That of the signal, or of the part of its name before the last slash; over its plane's, over the default."""
        own = self.signal.get(signal) or self.signal.get(signal.rpartition("/")[0], {})
        return msgspec.convert({**self.default, **self.plane.get(plane, {}), **own}, Manner)


def load_manners(data: bytes | None = None) -> Manners:
    """The manners shipped with the package, or those of a file of the same shape."""
    text = data if data is not None else files("clampdown.detect").joinpath("manners.toml").read_bytes()
    try:
        table = tomllib.loads(text.decode("utf-8"))
        made = msgspec.convert({"plane": {}, "signal": {}, **table, "digest": sha256(text).hexdigest()}, Manners)
        for plane, name in ((plane, name) for plane in ("", *made.plane) for name in ("", *made.signal)):
            made.of(name, plane)
        missing = set(made.default) - set(made.reasons)
    except (ValueError, TypeError, AttributeError) as error:
        hint = "Tables default, reasons, plane.<plane> and signal.<signal>."
        raise RuleError(f"the manners of watching are not well formed: {error}", hint=hint) from error
    if missing:
        raise RuleError(f"the manners of watching give no reason for {', '.join(sorted(missing))}")
    return made
