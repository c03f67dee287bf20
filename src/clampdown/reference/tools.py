"""Law: which targets say how a way through fares, and how they are put together, is data; a way never has no target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from clampdown.errors import RuleError
from clampdown.reference import toml

_WHERE: Final = "tools.toml"
KINDS: Final = ("circumvention", "vpn", "messaging", "dns")
LANGUAGES: Final = ("en", "fa")
VARIANTS: Final = ("rendezvous", "provider", "proto", "engine")


@dataclass(frozen=True, slots=True)
class Way:
    """One way of a tool, and how the states of its targets make a state of the way (see the head of tools.toml)."""

    tool: str
    id: str
    label: Mapping[str, str]
    lead: tuple[str, ...]
    all_of: tuple[str, ...]
    any_of: tuple[str, ...]
    may_miss: tuple[str, ...]
    beside: tuple[str, ...]
    config: tuple[str, ...]
    variants: tuple[str, ...]
    tor_type: str | None
    usage: tuple[str, ...]
    counted: tuple[str, ...]

    @property
    def key(self) -> str:
        """`tor/snowflake`: the name of the way beside that of its tool."""
        return f"{self.tool}/{self.id}"

    @property
    def deciding(self) -> tuple[str, ...]:
        """Targets that can decide."""
        return tuple(dict.fromkeys((*self.lead, *self.all_of, *self.any_of)))

    @property
    def targets(self) -> tuple[str, ...]:
        """All targets that are named with the way."""
        return tuple(dict.fromkeys((*self.deciding, *self.beside)))

    def counts(self, signal: str) -> bool:
        """Does this signal count its users?"""
        return any(signal == each or (each.endswith("/") and signal.startswith(each)) for each in self.usage)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as people name it."""

    id: str
    kind: str
    label: Mapping[str, str]
    ways: tuple[Way, ...]


Tools = Sequence[Tool]


def ways_of(tools: Tools) -> tuple[Way, ...]:
    """Every way, in the order of the table."""
    return tuple(way for tool in tools for way in tool.ways)


def labels_of(tools: Tools) -> dict[str, dict[str, str]]:
    """Language -> `tool` or `tool/way` -> label."""
    made: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    for language, labels in made.items():
        for tool in tools:
            labels[tool.id] = tool.label[language]
            labels |= {way.key: way.label[language] for way in tool.ways}
    return made


@cache
def tool_table() -> tuple[Tool, ...]:
    """The package's own table; it never changes within a process."""
    data = (resources.files("clampdown.reference") / "data" / _WHERE).read_bytes()
    return load_tools(toml.read(data, _WHERE))


def load_tools(document: toml.Table) -> tuple[Tool, ...]:
    """The table of a document; what contradicts itself is an error with its place."""
    made: list[Tool] = []
    for table in toml.tables(document, "tool", _WHERE):
        name = toml.text(table, "id", _WHERE)
        where = f"{_WHERE}: {name}"
        kind = toml.text(table, "kind", where)
        if kind not in KINDS:
            raise RuleError(f"{kind!r} is no kind of tool", where=where, hint=f"One of: {', '.join(KINDS)}")
        ways = tuple(_way(each, name, where) for each in toml.tables(table, "way", where))
        if not ways:
            raise RuleError("a tool needs a way", where=where)
        made.append(Tool(name, kind, _label(table, where), ways))
    keys = [tool.id for tool in made] + [way.key for way in ways_of(made)]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise RuleError(f"{min(twice)!r} is there twice", where=_WHERE)
    return tuple(made)


def _label(table: toml.Table, where: str) -> dict[str, str]:
    label = toml.table(table, "label", where)
    return {language: toml.text(label, language, where) for language in LANGUAGES}


def _way(table: toml.Table, tool: str, where: str) -> Way:
    name = toml.text(table, "id", where)
    where = f"{where}/{name}"

    def texts(key: str) -> tuple[str, ...]:
        return toml.texts(table, key, where)

    way = Way(
        tool=tool, id=name, label=_label(table, where), lead=texts("lead"), all_of=texts("all_of"),
        any_of=texts("any_of"), may_miss=texts("may_miss"), beside=texts("beside"), config=texts("config"),
        variants=texts("variants"), tor_type=toml.text(table, "tor_type", where, default="") or None,
        usage=texts("usage"), counted=texts("counted"),
    )  # fmt: skip
    if not way.deciding:
        raise RuleError("no target can decide it", where=where)
    for key, known in (("may_miss", way.deciding), ("config", way.deciding), ("variants", VARIANTS)):
        for each in texts(key):
            if each not in known:
                raise RuleError(f"`{key}` names {each!r}, which is not there", where=where)
    if set(way.beside).intersection(way.deciding):
        raise RuleError("a target beside the way cannot decide it", where=where)
    return way
