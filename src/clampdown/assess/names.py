"""Law: what a report needs to know of the reference travels inside the report, so that it reads the same later."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from clampdown import reference as ref
from clampdown.evidence import Value

# ISO 3166 leaves these codes to users: no country stands behind them, and nothing made under them is public. XK is not
# one of them here: everybody uses it for Kosovo.
_USER_ASSIGNED: Final = re.compile(r"AA|Q[M-Z]|X[A-JL-Z]|ZZ")


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """A service as people name it, and the targets by which it is judged."""

    id: str
    label: str
    groups: tuple[str, ...]
    any_of: tuple[str, ...]  # targets of which one must work
    all_of: tuple[str, ...]  # targets which must all work
    roles: dict[str, str]  # target -> label of the role

    @property
    def key_targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.all_of, *self.any_of)))


class Group(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    label: str


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Labels and groupings of what one report speaks about."""

    country: str
    synthetic: bool
    groups: tuple[Group, ...]
    platforms: tuple[Platform, ...]
    targets: dict[str, str]
    target_groups: dict[str, tuple[str, ...]]
    networks: dict[str, str]  # "64500" -> name; networks without a name are not in it

    def target(self, target: str) -> str:
        return self.targets.get(target, target.removeprefix("web/"))

    def group(self, group: str) -> str | None:
        return next((each.label for each in self.groups if each.id == group), None)

    def network(self, network: int) -> str | None:
        return self.networks.get(str(network))


def is_synthetic(country: str) -> bool:
    """True for codes that ISO 3166 leaves to users, as the demo's `XA`."""
    return _USER_ASSIGNED.fullmatch(country) is not None


def names_of(country: str, given: ref.Reference, seen: Iterable[str], networks: Iterable[int]) -> Names:
    """Take from the reference what a report on these targets and networks needs."""
    targets = given.targets
    platforms = tuple(_platform(p) for p in targets.platforms.values())
    wanted = sorted({*seen, *(t for p in platforms for t in p.key_targets)})
    return Names(
        country=given.country_name(country),
        synthetic=given.synthetic or is_synthetic(country),
        groups=tuple(Group(id=name, label=targets.label_of_group(name)) for name in targets.groups()),
        platforms=platforms,
        targets={target: targets.display(target) for target in wanted},
        target_groups={target: tuple(targets.groups_of(target)) for target in wanted},
        networks={str(n): name for n in sorted(set(networks)) if (name := given.networks.name(n))},
    )


def again(
    stated: Names, country: str, given: ref.Reference, targets: Iterable[str], networks: Iterable[int]
) -> dict[str, tuple[Value, Value]]:
    """Part → what a report's names say and what a reference gives, for all that the report speaks about."""
    numbers = {int(n) for n in stated.networks if n.isascii() and n.isdecimal() and len(n) <= 10}
    found = names_of(country, given, {*stated.targets, *targets}, {*numbers, *networks})
    return {part: (_value(getattr(stated, part)), _value(getattr(found, part))) for part in Names.__struct_fields__}


def _value(part: object) -> Value:
    """A part as one value: texts and flags as they are, everything else as JSON."""
    return part if isinstance(part, str | bool) else msgspec.json.encode(part, order="sorted").decode()


def _platform(platform: ref.Platform) -> Platform:
    def full(roles: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"{platform.id}/{role}" for role in roles)

    # A platform whose table names no key role is judged by all of its roles together.
    any_of = platform.any_of if platform.any_of or platform.all_of else tuple(platform.roles)
    return Platform(
        id=platform.id,
        label=platform.label,
        groups=tuple(platform.groups),
        any_of=full(any_of),
        all_of=full(platform.all_of),
        roles={f"{platform.id}/{name}": role.label for name, role in platform.roles.items()},
    )
