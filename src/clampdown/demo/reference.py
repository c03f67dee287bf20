"""Law: the fictional world brings its own reference: its platforms, its fingerprints, its authority, and says so."""

from __future__ import annotations

from functools import cache
from typing import Final

from clampdown.demo.certs import Forge
from clampdown.demo.script import data

SEED: Final = "clampdown synthetic world 1"
_FILES: Final = ("fingerprints.csv", "synthetic.toml", "targets.toml", "terms.toml")
# The date says of which days these roots speak; the world's certificates all lie around it.
_ROOTS: Final = "roots-2026-02-01.pem"


@cache
def forge() -> Forge:
    """The world's authorities and certificates."""
    return Forge(SEED)


@cache
def _given() -> tuple[tuple[str, bytes], ...]:
    return (*((name, data(name)) for name in _FILES), (_ROOTS, forge().root_pem()))


def reference_files() -> dict[str, bytes]:
    """What `load_reference` needs in order to judge the fictional world."""
    return dict(_given())
