"""Law: small worlds for the tests of ranks: cells of countries whose blocking is stated, and nothing random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from clampdown.assess import rank_document as doc
from clampdown.assess.document import Inputs
from clampdown.assess.rank_answer import Given
from clampdown.assess.rank_cells import Tallied, tally
from clampdown.assess.rank_limits import Limits, Terms, load_terms, weights_of
from clampdown.engine import Engine
from clampdown.model import CELLS
from clampdown.reference import load_reference

TARGETS: Final = (
    *(f"web/site{n}.example" for n in range(12)),
    "telegram/app", "telegram/web", "twitter/web", "facebook/web", "youtube/web", "tor/bridges", "psiphon/app",
)  # fmt: skip
# Countries of `world` (and two that nobody measured) that have no place, and why.
NO_PLACE: Final = {
    "ER": "few_networks",
    "TM": "few_vantage_points",
    "KP": "few_targets",
    "SE": "no_data",
    "DK": "no_data",
}
QUICK: Final = {"draws": 48, "draws_of_priors": 30, "mixtures": 10, "bootstraps": 60}
TABLE: Final = load_reference().targets
INPUTS: Final = Inputs(version="0", rules="r", reference="f")


def terms(*, priors: bool = False, **limits: Any) -> Terms:
    """The table of the package, with few draws; other priors are left out where no test looks at them."""
    made = load_terms()
    if not priors:
        made = msgspec.structs.replace(made, priors=())
    changed: Limits = msgspec.structs.replace(made.limits, **{**QUICK, **limits})
    return msgspec.structs.replace(made, limits=changed)


def row(**given: Any) -> dict[str, Any]:
    """One row of cells."""
    made: dict[str, Any] = {name: 0 for name in CELLS.names if name.startswith("n_")}
    made |= {"day": "2026-03-01", "hour": 1, "country": "AA", "network": 64500, "resolver_network": None}
    return made | {"target": "web/site0.example", "test": "web_connectivity", "layer": "state", "vantage": "v1"} | given


def table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.table([pa.array([r[f.name] for r in rows], f.type) for f in CELLS], schema=CELLS)


def country(
    code: str, blocked: Sequence[str] = (), *, targets: Sequence[str] = TARGETS, networks: int = 2, vantage: int = 2,
    hours: int = 2, throttled: Sequence[str] = (),
) -> list[dict[str, Any]]:  # fmt: skip
    """A country in which these targets are blocked on every network, and all others work."""
    base = 64500 + 10 * (sum(map(ord, code)) % 1000)
    return [
        row(
            country=code, network=base + network, target=target, vantage=f"{code}{network}{v}", hour=hour,
            **{"n_blocked" if target in blocked else "n_throttled" if target in throttled else "n_ok": 1},
        )
        for network in range(networks) for target in targets for v in range(vantage) for hour in range(hours)
    ]  # fmt: skip


def world(**more: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Eight countries, each with more blocked than the one before; beside them a country with one network, one with
    a single vantage point each, and one with five targets."""
    rows: list[dict[str, Any]] = []
    for n, code in enumerate(("NO", "FI", "KE", "IN", "TR", "RU", "IR", "CN")):
        rows += country(code, TARGETS[: 2 * n])
    rows += country("ER", TARGETS, networks=1)
    rows += country("TM", TARGETS, vantage=1)
    rows += country("KP", TARGETS, targets=TARGETS[:5])
    for each in more.values():
        rows += each
    return rows


def tallied(rows: Sequence[Mapping[str, Any]], made: Terms, also: Sequence[str] = ()) -> Tallied:
    limits = made.limits
    return tally(Engine(), table(rows), cap=limits.tries_per_vantage, floor=limits.vantage_points, also=also)


def given(rows: Sequence[Mapping[str, Any]], made: Terms, **other: Any) -> Given:
    found = tallied(rows, made, tuple(other.pop("also", ())))
    base: dict[str, Any] = {
        "tallied": found, "table": TABLE, "cuts": None, "frame": (*found.countries, "SE", "DK"),
        "names": {"CN": "China", "IR": "Iran", "SE": "Sweden"}, "weights": weights_of(made), "people": False,
        "inputs": INPUTS, "days": ("2026-03-01",),
    }  # fmt: skip
    return Given(**{**base, **other})


def question(**other: Any) -> doc.Question:
    return doc.Question(**{"since": None, "until": None, "components": (), "frame": "all", **other})


def by_code(rank: doc.Rank) -> dict[str, doc.Standing]:
    return {one.country: one for one in rank.countries}
