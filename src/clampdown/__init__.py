"""Law: the public Python API: a dozen names, nothing else; importing it costs nothing until one is used."""

# ruff: noqa: TC004 - the names are loaded when they are first used
from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from clampdown.errors import Error
    from clampdown.judge.rules import load_rules
    from clampdown.pipeline.api import (
        cells,
        export,
        ingest,
        judge,
        load_reference,
        observations,
        open_store,
        report,
        show,
        verdicts,
    )
    from clampdown.pipeline.keeping import doctor, forget, status
    from clampdown.pipeline.later import access, detect, events, findings, notes, outages, rank, watch

__all__ = [
    "Error",
    "access",
    "cells",
    "detect",
    "doctor",
    "events",
    "export",
    "findings",
    "forget",
    "ingest",
    "judge",
    "load_reference",
    "load_rules",
    "notes",
    "observations",
    "open_store",
    "outages",
    "rank",
    "report",
    "show",
    "status",
    "verdicts",
    "watch",
]

_ELSEWHERE: Final = {"Error": "clampdown.errors", "load_rules": "clampdown.judge.rules"} | dict.fromkeys(
    ("access", "detect", "events", "findings", "notes", "outages", "rank", "watch"), "clampdown.pipeline.later"
)
_ELSEWHERE.update(dict.fromkeys(("doctor", "forget", "status"), "clampdown.pipeline.keeping"))


def _load(name: str) -> Any:
    return getattr(importlib.import_module(_ELSEWHERE.get(name, "clampdown.pipeline.api")), name)


class _Package(ModuleType):
    """`judge` and `detect` are functions here and also names of folders: importing the folder must not hide them."""

    @property
    def judge(self) -> Any:
        return _load("judge")

    @judge.setter
    def judge(self, _folder: ModuleType) -> None:
        """What the import system sets when the folder is imported; `from clampdown.judge import ...` needs it not."""

    @property
    def detect(self) -> Any:
        return _load("detect")

    @detect.setter
    def detect(self, _folder: ModuleType) -> None:
        """As for `judge`."""

    def __getattr__(self, name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'clampdown' has no attribute {name!r}")
        return _load(name)

    def __dir__(self) -> list[str]:
        return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Package
