"""Law: a table of scenarios grows by one row for each world that is set up, and keeps the order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from clampdown.demo.certs import Forge
from clampdown.demo.expect import Expected
from clampdown.demo.stage import Scenario, Stage
from clampdown.demo.visit import NEW, OLD

OK: Final = Expected(("ok",))
DOWN: Final = Expected(("down",))
VERSIONS: Final = (NEW, OLD)
SCHEMES: Final = ("http", "https")
FAILURES: Final = {"reset": "connection_reset", "eof": "eof_error", "timeout": "generic_timeout_error"}


def blocked(*must: str, may: tuple[str, ...] = (), or_else: tuple[str, ...] = ()) -> Expected:
    return Expected(("blocked", *or_else), must, may)


class Table:
    """Scenarios as they are made."""

    def __init__(self, forge: Forge, *, wide: bool = False) -> None:
        self.forge, self.wide = forge, wide
        self.rows: list[Scenario] = []

    def one(
        self, family: str, name: str, expected: Expected, set_up: Callable[[Stage], str], *, version: str = NEW,
        note: str = "", **visit: Any,
    ) -> None:  # fmt: skip
        """Set a stage (which says what URL is visited) and keep the record."""
        full = f"{family}.{name}{'.wide' if self.wide else ''}.{version}"
        stage = Stage(self.forge, full, wide=self.wide)
        url = set_up(stage)
        self.rows.append(Scenario(full, family, (stage.visit(url, version=version, **visit),), (expected,), note=note))

    def both(self, family: str, name: str, expected: Expected, set_up: Callable[[Stage], str], **more: Any) -> None:
        for version in VERSIONS:
            self.one(family, name, expected, set_up, version=version, **more)
