"""Law: a table read from a file is typed at the door; what is missing or of a wrong type is said with its place."""

from __future__ import annotations

import tomllib
from typing import cast

from clampdown.errors import RuleError

Table = dict[str, object]


def read(data: bytes, name: str) -> Table:
    """Parse a TOML document given as bytes."""
    try:
        return cast("Table", tomllib.loads(data.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RuleError(f"the file is not well formed TOML: {error}", where=name) from None


def text(table: Table, key: str, where: str, *, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise RuleError(f"`{key}` must be a text", where=where)
    return value


def flag(table: Table, key: str, where: str, *, default: bool = False) -> bool:
    value = table.get(key, default)
    if not isinstance(value, bool):
        raise RuleError(f"`{key}` must be true or false", where=where)
    return value


def texts(table: Table, key: str, where: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise RuleError(f"`{key}` must be a list of texts", where=where)
    items = cast("list[object]", value)
    if not all(isinstance(item, str) for item in items):
        raise RuleError(f"`{key}` must be a list of texts", where=where)
    return tuple(cast("list[str]", items))


def numbers(table: Table, key: str, where: str) -> tuple[int, ...]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise RuleError(f"`{key}` must be a list of numbers", where=where)
    items = cast("list[object]", value)
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        raise RuleError(f"`{key}` must be a list of numbers", where=where)
    return tuple(cast("list[int]", items))


def table(parent: Table, key: str, where: str) -> Table:
    value = parent.get(key, {})
    if not isinstance(value, dict):
        raise RuleError(f"`{key}` must be a table", where=where)
    return cast("Table", value)


def tables(parent: Table, key: str, where: str) -> tuple[Table, ...]:
    value = parent.get(key, [])
    if not isinstance(value, list):
        raise RuleError(f"`{key}` must be a list of tables", where=where)
    items = cast("list[object]", value)
    if not all(isinstance(item, dict) for item in items):
        raise RuleError(f"`{key}` must be a list of tables", where=where)
    return tuple(cast("list[Table]", items))
