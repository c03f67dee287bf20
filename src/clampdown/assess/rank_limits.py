"""Law: what a rank is made with is data: thresholds, components with weights, other priors; each with its reason."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Final, cast

import msgspec

from clampdown.errors import InputError, RuleError, UsageError

SAW: Final = ("blocked", "throttled", "shutdown", "outage")
OF_CELLS: Final = frozenset({"blocked", "throttled"})

Few = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
Weight = Annotated[float, msgspec.Meta(ge=0, le=1e6)]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The values of rank.toml; a document carries them."""

    vantage_points: Few
    tries_per_vantage: Few
    networks: Few
    targets: Few
    tries: Few
    part_targets: Few
    part_tries: Few
    common_countries: Few
    common_share: Share
    countries: Few
    coverage: Share
    top: Few
    widest: Share
    draws: Few
    draws_of_priors: Few
    thinned: Few
    thinned_targets: Few
    draws_thinned: Few
    mixtures: Few
    concentration: Positive
    months: Positive
    cut_prior_cuts: Positive
    cut_prior_months: Positive
    cut_prior_hours: Positive
    compare_countries: Few
    bootstraps: Few
    reasons: dict[str, str] = {}


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One component, as the table says it."""

    id: str
    label: str
    saw: str  # SAW
    weight: Weight
    reason: str
    groups: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()  # groups whose platforms' key roles these are

    @property
    def whole(self) -> bool:
        """The whole common list?"""
        return not (self.groups or self.categories or self.platforms)


class OtherPrior(msgspec.Struct, frozen=True, kw_only=True):
    """Another belief from before the data."""

    id: str
    label: str
    centre: float
    country: Positive
    reason: str


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a rank is made with."""

    limits: Limits
    components: tuple[Kind, ...]
    priors: tuple[OtherPrior, ...]
    outside: tuple[str, ...]  # codes without a settled population


def load_terms(data: bytes | None = None) -> Terms:
    """The table shipped with the package, or one of the same shape."""
    text = data if data is not None else files("clampdown.assess").joinpath("rank.toml").read_bytes()
    try:
        table = cast("dict[str, dict[str, dict[str, object]]]", tomllib.loads(text.decode("utf-8")))
        values = {name: entry["value"] for name, entry in table["limits"].items()}
        reasons = {name: str(entry["reason"]) for name, entry in table["limits"].items()}
        made = Terms(
            limits=msgspec.convert({**values, "reasons": reasons}, Limits),
            components=tuple(msgspec.convert({"id": n, **row}, Kind) for n, row in table["component"].items()),
            priors=tuple(msgspec.convert({"id": n, **row}, OtherPrior) for n, row in table["prior"].items()),
            outside=msgspec.convert(table["frame"]["outside"], tuple[str, ...]),
        )
        for kind in made.components:
            if kind.saw not in SAW:
                raise ValueError(f"{kind.id}: `saw` is none of {', '.join(SAW)}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RuleError(f"the table of ranks is not well formed: {error}", where="rank.toml") from error
    return made


def weights_of(
    terms: Terms, chosen: tuple[str, ...] = (), given: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Component → weight: those of the table, or those given; of the chosen ones alone. A component that is chosen by
    name and has no weight gets one."""
    known = {kind.id: kind.weight for kind in terms.components}
    for name, weight in known.items():
        if (fault := _no_weight(weight)) is not None:
            raise RuleError(f"the weight of {name} is no weight: {fault}", where="rank.toml")
    for name in (*chosen, *(given or {})):
        if name not in known:
            raise UsageError(f"there is no component {name!r}", hint=f"Components: {', '.join(known)}.")
    for name, weight in (given or {}).items():
        if (fault := _no_weight(weight)) is not None:
            raise UsageError(f"the weight of {name} is no weight: {fault}", hint="Give a number of 0 or more.")
    made = dict(given) if given is not None else known
    if chosen:
        made = {name: made.get(name, 0.0) or (0.0 if given else known[name] or 1.0) for name in chosen}
    made = {name: made.get(name, 0.0) for name in known}
    if not any(made.values()):
        raise UsageError("no component has a weight", hint="Give at least one a weight above 0.")
    return made


def _no_weight(given: object) -> str | None:
    """What is wrong with it: a caller's table has gone through no reader."""
    try:
        msgspec.convert(given, Weight, strict=True)
    except (msgspec.ValidationError, TypeError) as fault:
        return str(fault)
    return None


def read_weights(data: bytes, where: str) -> dict[str, float]:
    """`component = weight` lines of TOML, at the top or under [weights]."""
    try:
        table = cast("dict[str, object]", tomllib.loads(data.decode("utf-8")))
        return msgspec.convert(table.get("weights", table), dict[str, Weight], strict=True)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as fault:
        hint = "Write one line a component, such as: breadth = 2.0"
        raise InputError(f"this is no table of weights: {fault}", where=where, hint=hint) from fault
