"""Law: every threshold of detection is data with a reason, and travels under the digest of its file."""

from __future__ import annotations

import tomllib
from hashlib import sha256
from importlib.resources import files
from typing import cast

import msgspec

from clampdown.errors import RuleError


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The values of detect/thresholds.toml."""

    icc: float
    ok_levels: tuple[float, ...]
    ok_icc: tuple[float, ...]
    bad_days: tuple[float, ...]
    forgiving: tuple[float, ...]
    interference_levels: tuple[float, ...]
    interference_icc: float
    switch: float
    switch_thin: float
    thin: float
    drift: float
    bracket: float
    tries: int
    change_tries: int
    blocked_share: float
    ok_share: float
    undecided_days: float
    corroborated_days: int
    corroborated_networks: int
    vantage_points: int
    evidence: float
    evidence_full: float
    full: float
    evidence_partial: float
    partial: float
    evidence_corroborated: float
    cap_days: int
    cap_factor: int
    burst_factor: int
    burst_least: int
    broken_targets: int
    broken_share: float
    rollout_days: int
    together_days: float
    shared_networks: float
    recurring_gap: int
    contrast_countries: int
    contrast_share: float
    contrast_days: int
    version_share: float
    volume_least: int
    volume_share: float
    volume_evidence: float
    users_majority: float
    digest: str = ""
    reasons: dict[str, str] = {}


def load_limits(data: bytes | None = None) -> Limits:
    """The thresholds shipped with the package, or those of a file of the same shape."""
    text = data if data is not None else files("clampdown.detect").joinpath("thresholds.toml").read_bytes()
    try:
        table = cast("dict[str, dict[str, object]]", tomllib.loads(text.decode("utf-8")))
        values = {name: entry["value"] for name, entry in table.items()}
        reasons = {name: str(entry["reason"]) for name, entry in table.items()}
        return msgspec.convert({**values, "reasons": reasons, "digest": sha256(text).hexdigest()}, Limits)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "Each is a table with value and reason."
        raise RuleError(f"the thresholds of detection are not well formed: {error}", hint=hint) from error
