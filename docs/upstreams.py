"""Law: the page of upstreams says what `upstreams.toml` says; `docs/generate.py` makes it with all other pages."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]
_DATES = {"inside": "the file says it", "version": "of its newest version", "modified": "the server says it"}


def page(path: Path, made: str, table: Table) -> str:
    """Where `clampdown update` gets reference data from."""
    document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = [
        (f"`{u['id']}`", f"`{u['kind']}`", u["why"], "yes" if u["default"] else f"`--only {u['kind']}`",
         _DATES[u["date"]], f"`{u['terms']}`", u["address"])
        for u in document["upstream"]
    ]  # fmt: skip
    limits = [(f"`{name}`", f"{value:,}") for name, value in document["limits"].items()]
    return "\n".join((
        "# Upstreams of reference data\n", made,
        "Where reference snapshots come from: one row per file that is fetched. `clampdown update` asks, checks "
        "what comes, and a store keeps it by digest. What they are for, and how they are pinned: "
        "[references](../references.md). Terms are those of [this table](sources.md#terms); `{cc}` is a country, asked "
        "for by `--country`.\n",
        table(("upstream", "kind", "for", "brought", "its date", "terms", "address"), rows),
        "## Limits\n",
        "A new snapshot that loses a larger share of its rows, or of which more cannot be read, is refused. "
        "Provisional.\n",
        table(("limit", "value"), limits),
        "## Not fetched here\n",
        table(("what", "why", "instead"), ((e["what"], e["why"], e["instead"]) for e in document["elsewhere"])),
    ))  # fmt: skip
