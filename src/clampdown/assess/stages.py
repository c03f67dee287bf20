"""Law: where a try came to its end is read from its steps, deepest first; how far is no probability of anything.

A tunnel's own row says its stage and how far it came. Without one, the failed step of the path says it: a name, a
connection or a handshake is connecting, an answer that does not come is the transfer.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from clampdown.assess.ways import STAGES, Stage, Variant
from clampdown.reference.tools import Way

COLUMNS: Final = (
    "measurement", "target", "operation", "outcome", "failure", "stage", "progress", "bytes", "detail",
    "network_proto", "engine", "origin", "side",
)  # fmt: skip
_CONNECT: Final = ("dns_lookup", "tcp_connect", "tls_handshake", "quic_handshake")
_RENDEZVOUS: Final = re.compile(r"(?:^|, )rendezvous (\S+)$")
_PROVIDER: Final = re.compile(r"(?!summary$|unknown$)[a-z]{2,20}")  # one word: the steps' own words are none
_ENCRYPTED: Final = ("doh", "dot", "doq")
_FAILURES: Final = 5  # normalised failures named in a cell

Fact = Mapping[str, Any]
End = tuple[str, float | None, int | None, list[str]]  # stage, how far, bytes received, failures
Facts = Mapping[str, Sequence[Fact]]  # measurement -> its steps


@dataclass(frozen=True, slots=True)
class Tried:
    """One measurement of a way: what came of it, and who made it when."""

    measurement: str
    network: int
    vantage: str | None
    day: str
    hour: int | None
    state: str  # ok, one of FAILED, mixed or unknown
    bad: tuple[str, ...]  # targets that failed

    @property
    def key(self) -> tuple[object, ...]:
        """Its try: what has no vantage point is a try of its own."""
        return (self.network, self.vantage or self.measurement, self.day, self.hour)


def facts_of(observations: Iterable[pa.Table]) -> dict[str, list[Fact]]:
    """The probe's own steps by measurement; checks beside the path say nothing of it."""
    made: dict[str, list[Fact]] = defaultdict(list)
    for table in observations:
        for row in table.select(list(COLUMNS)).to_pylist():
            if row["origin"] == "probe" and not row["side"]:
                made[row["measurement"]].append(row)
    return made


def ended(tried: Tried, way: Way, facts: Facts) -> End | None:
    """Where a try that failed ended; None where it did not fail, or nothing says so."""
    steps = [f for f in facts.get(tried.measurement, ()) if f["target"] in way.deciding]
    failed = [f for f in steps if f["outcome"] == "failed"]
    tunnel = [f for f in failed if f["operation"] == "tunnel_bootstrap"]
    if tried.state in ("ok", "mixed") or (tried.state == "unknown" and not tunnel):
        return None
    received = max((f["bytes"] for f in steps if f["operation"] == "transfer" and f["bytes"]), default=None)
    if tried.state == "throttled":
        return "slow", None, received, [f["failure"] for f in failed if f["failure"]]
    bad = [f for f in failed if f["target"] in tried.bad] or failed
    why = [f["failure"] for f in bad if f["failure"]]
    if any(target in way.config for target in tried.bad):
        return "config", None, None, why
    tunnel = [f for f in tunnel if f["target"] in tried.bad] or tunnel
    if tunnel:
        said = Counter(_stage_of_tunnel(f) for f in tunnel)
        stage = min(said, key=lambda each: (-said[each], STAGES.index(each)))
        mine = [f for f in tunnel if _stage_of_tunnel(f) == stage]
        far = max((f["progress"] for f in mine if f["progress"] is not None), default=None)
        causes = [f["failure"] for f in mine if f["failure"]] or why
        return stage, far, received if stage == "transfer" else None, causes
    return _of_steps(bad, received, why)


def _stage_of_tunnel(fact: Fact) -> str:
    stage = fact["stage"]
    if stage in STAGES:
        return str(stage)
    return "unknown" if fact["progress"] is None else "bootstrap"


def _of_steps(failed: Sequence[Fact], received: int | None, why: list[str]) -> End:
    kinds = {f["operation"] for f in failed}
    if kinds.intersection(_CONNECT):
        return "connect", None, None, why
    if "http_exchange" in kinds or "transfer" in kinds:
        return "transfer", None, received, why
    return "unknown", None, None, why


def stages(tries: Iterable[Tried], ends: Mapping[str, End]) -> tuple[Stage, ...]:
    """Where failing tries ended, in the order of the way. `ends`: measurement -> where it ended."""
    found: dict[str, dict[tuple[object, ...], list[tuple[float | None, int | None]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    causes: dict[str, Counter[str]] = defaultdict(Counter)
    for tried in tries:
        if tried.measurement in ends:
            stage, far, received, why = ends[tried.measurement]
            found[stage][tried.key].append((far, received))
            causes[stage].update(set(why))
    made: list[Stage] = []
    for stage in sorted(found, key=STAGES.index):
        every = [end for group in found[stage].values() for end in group]
        fars, sizes = [f for f, _ in every if f is not None], [b for _, b in every if b is not None]
        common = sorted(causes[stage].items(), key=lambda item: (-item[1], item[0]))[:_FAILURES]
        made.append(
            Stage(
                stage=stage, n=len(found[stage]), progress_low=min(fars, default=None),
                progress_high=max(fars, default=None), bytes_low=min(sizes, default=None),
                bytes_high=max(sizes, default=None), failures=tuple(name for name, _ in common),
            )
        )  # fmt: skip
    return tuple(made)


def variants(tries: Iterable[Tried], way: Way, facts: Facts, ends: Mapping[str, End]) -> tuple[Variant, ...]:
    """Tries told apart by what the table of tools names: rendezvous, provider, proto, engine."""
    seen: dict[str, dict[tuple[object, ...], tuple[str, bool]]] = defaultdict(dict)
    if not way.variants:
        return ()
    for tried in tries:
        good = tried.state == "ok"
        if not good and tried.measurement not in ends:
            continue
        for name in _names(way.variants, [f for f in facts.get(tried.measurement, ()) if f["target"] in way.deciding]):
            before = seen[name].get(tried.key)
            seen[name][tried.key] = (tried.day, good or (before is not None and before[1]))
    made: list[Variant] = []
    for name, each in sorted(seen.items()):
        days = {good: max((day for day, came in each.values() if came is good), default=None) for good in (True, False)}
        count = sum(1 for _, came in each.values() if came)
        made.append(Variant(name=name, n=len(each), ok=count, last_ok=days[True], last_failed=days[False]))
    return tuple(made)


def _names(wanted: Collection[str], steps: Sequence[Fact]) -> set[str]:
    made: set[str] = set()
    for fact in steps:
        if "engine" in wanted and fact["engine"] in _ENCRYPTED:
            made.add(f"engine:{fact['engine']}")
        if fact["operation"] != "tunnel_bootstrap":
            continue
        via = _RENDEZVOUS.search(fact["detail"] or "")
        if "rendezvous" in wanted and via is not None:
            made.add(f"rendezvous:{via[1]}")
        if "provider" in wanted and _PROVIDER.fullmatch(fact["detail"] or ""):
            made.add(f"provider:{fact['detail']}")
        if "proto" in wanted and fact["network_proto"]:
            made.add(f"proto:{fact['network_proto']}")
    return made
