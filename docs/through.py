"""Law: the page of ways through says what `tools.toml` says; `docs/generate.py` makes it with all other pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]
_PARTS = ("lead", "all_of", "any_of", "may_miss", "beside")


def page(law: str, made: str, table: Table) -> str:
    """Tools, their ways, and the targets that say how each way fares."""
    from clampdown.reference.tools import tool_table

    parts = ["# Ways through\n", made, f"{law[:1].upper()}{law[1:]}\n\nWhat the states mean: [access](../access.md).\n"]
    for tool in tool_table():
        rows = [
            (
                f"`{way.key}`", way.label["en"], way.label["fa"],
                "; ".join(f"{name} " + listed(getattr(way, name)) for name in _PARTS if getattr(way, name)),
                way.tor_type or "", listed(way.usage), ", ".join(way.counted),
            )
            for way in tool.ways
        ]  # fmt: skip
        parts.append(f"## {tool.label['en']}\n")
        parts.append(table(("way", "label", "in Persian", "targets", "Tor's name", "users", "counts"), rows))
    return "\n".join(parts)


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
