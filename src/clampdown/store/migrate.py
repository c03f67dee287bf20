"""Law: a store of an older format becomes one of the present format, step by step; a newer one is refused.

Each format that there ever was has its step here as long as stores of it may exist. Format 1 is the first one, so
there is none yet; a store of format 1 lies among the tests, so that the first step will have one to begin with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from clampdown.store import manifest as manifests
from clampdown.store.manifest import FORMAT
from clampdown.store.storage import Storage

STEPS: Final[Mapping[int, Callable[[Storage], None]]] = {}  # format -> what makes it the next one


def migrate(storage: Storage) -> int:
    """Bring the store to the present format; the one that it had."""
    was = found = manifests.format_of(storage)
    while found < FORMAT and found in STEPS:
        STEPS[found](storage)
        found = manifests.format_of(storage)
    manifests.check_format(storage)
    return was
