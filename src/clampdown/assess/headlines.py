"""Law: a platform is blocked in `k of n networks with enough data`, never plainly, and never for want of an answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from clampdown.assess.counting import CONFLICTING, DECIDED, INSUFFICIENT, INTERFERENCE, Thresholds
from clampdown.assess.document import Cell, Count, Headline, Part, Recent
from clampdown.assess.names import Names, Platform

_ENOUGH: Final = (*DECIDED, CONFLICTING)
PLATFORM_STATES: Final = (
    "blocked",
    "throttled",
    "partly",
    "refused",
    "down",
    CONFLICTING,
    "unclear",
    "ok",
    INSUFFICIENT,
)


def headlines_of(
    cells: Sequence[Cell], names: Names, groups: Sequence[str], asked: str | None, limits: Thresholds
) -> tuple[tuple[Headline, ...], tuple[str, ...]]:
    """One line per platform, in the order of the groups; platforms never measured are named apart."""
    by_target: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_target[cell.target].append(cell)
    lines: list[Headline] = []
    untested: list[str] = []
    done: set[str] = set()
    roles = {target for platform in names.platforms for target in platform.roles}
    sites = [_named(target, names) for target in sorted(by_target) if target not in roles]
    every = [*names.platforms, *sites]
    chosen = [(g, p) for g in groups for p in every if g == _own_group(p, groups)]
    if asked is not None:
        chosen = [("", _named(asked, names))]
    for group, platform in chosen:
        if platform.id in done:
            continue
        done.add(platform.id)
        mine = [cell for target in platform.key_targets for cell in by_target[target]]
        beside = [c for t in platform.roles if t not in platform.key_targets for c in by_target[t]]
        if mine or beside:
            lines.append(_headline(group, platform, mine, beside, limits))
        else:
            untested.append(platform.id)
    return tuple(lines), tuple(untested)


def _own_group(platform: Platform, groups: Sequence[str]) -> str | None:
    """Of the groups asked about, the one that the platform itself names first: each platform has one place."""
    return next((group for group in platform.groups if group in groups), None)


def _named(asked: str, names: Names) -> Platform:
    """The platform that was asked about; a single target is one with nothing beside itself."""
    found = next((p for p in names.platforms if p.id == asked), None)
    return found or Platform(
        id=asked, label=names.target(asked), groups=names.target_groups.get(asked, ()), any_of=(asked,), all_of=(),
        roles={asked: names.target(asked)},
    )  # fmt: skip


def _headline(
    group: str, platform: Platform, cells: Sequence[Cell], beside: Sequence[Cell], limits: Thresholds
) -> Headline:
    whole = _count(platform, [(cell, cell) for cell in cells], limits)
    lately = [(cell, cell.recent) for cell in cells if cell.recent is not None]
    backing = [c for c in cells if c.state in INTERFERENCE]
    kinds: Counter[str] = Counter()
    for cell in backing or cells:
        kinds.update({m.mechanism: m.tries for m in cell.mechanisms})
    return Headline(
        group=group,
        platform=platform.id,
        whole=whole,
        recent=_count(platform, lately, limits) if lately else None,
        parts=tuple(
            Part(target=c.target, network=c.network, state=c.state)
            for c in (
                *(c for c in backing if whole.networks[str(c.network)] == "partly"),
                *(c for c in beside if c.state in (*INTERFERENCE, CONFLICTING)),
            )
        ),
        mechanisms=tuple(name for name, _ in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))),
    )


def _count(platform: Platform, cells: Sequence[tuple[Cell, Cell | Recent]], limits: Thresholds) -> Count:
    by_network: dict[int, dict[str, str]] = defaultdict(dict)
    for cell, said in cells:
        by_network[cell.network][cell.target] = said.state
    states = {network: platform_state(platform, found) for network, found in sorted(by_network.items())}
    counts = Counter(states.values())
    backing = [(c.network, said) for c, said in cells if said.state in INTERFERENCE]
    return Count(
        n=counts.total() - counts[INSUFFICIENT],
        tested=len(states),
        states={state: counts[state] for state in PLATFORM_STATES},
        networks={str(network): state for network, state in states.items()},
        grade=_joint_grade(backing, limits),
    )


def platform_state(platform: Platform, found: Mapping[str, str]) -> str:
    """What the states of its roles on one network mean for a platform: a role never heard never reads as working."""
    known = {t: s for t, s in found.items() if s in _ENOUGH and t in platform.key_targets}
    if not known:
        return INSUFFICIENT
    hit = {t for t, s in known.items() if s in INTERFERENCE}
    needed = hit.intersection(platform.all_of)
    closed = bool(platform.any_of) and hit.issuperset(platform.any_of)
    if needed or closed:
        cause = needed or hit
        return "throttled" if all(known[t] == "throttled" for t in cause) else "blocked"
    if hit:
        return "partly"
    works = all(known.get(t) == "ok" for t in platform.all_of)
    opens = not platform.any_of or any(known.get(t) == "ok" for t in platform.any_of)
    if works and opens:
        return "ok"
    others = set(known.values()) - {"ok"}
    if CONFLICTING in others:
        return CONFLICTING
    return others.pop() if len(others) == 1 else "unclear"


def _joint_grade(backing: Sequence[tuple[int, Cell | Recent]], limits: Thresholds) -> str | None:
    """Several networks are witnesses of each other where each stands with any one vantage point left out."""
    if not backing:
        return None
    grades = {said.grade for _, said in backing}
    if "confirmed" in grades:
        return "confirmed"
    firm = {network for network, said in backing if said.stands}
    if "corroborated" in grades or len(firm) >= limits.corroborated_networks:
        settled = {network for network, said in backing if said.stands and said.settled.high}
        return "confirmed" if len(settled) >= limits.corroborated_networks else "corroborated"
    return "consistent"
