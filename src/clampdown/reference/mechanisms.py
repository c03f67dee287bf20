"""Law: a mechanism is a dotted path in a pinned tree; any prefix of a path is a mechanism, nothing else is.

Ids are append-only. A rule says the deepest node that its evidence supports and no deeper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clampdown.errors import RuleError
from clampdown.model import LAYERS


@dataclass(frozen=True, slots=True)
class Mechanisms:
    """The tree, as `id -> plain label`."""

    labels: Mapping[str, str]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.labels)

    def valid(self, mechanism: str) -> bool:
        return mechanism in self.labels

    def label(self, mechanism: str) -> str:
        return self.labels[mechanism]

    def parent(self, mechanism: str) -> str | None:
        """The node above, or None at the top."""
        head, dot, _ = mechanism.rpartition(".")
        return head if dot else None

    def children(self, mechanism: str) -> tuple[str, ...]:
        return tuple(i for i in self.labels if self.parent(i) == mechanism)

    def layer(self, mechanism: str) -> str | None:
        """The network layer it acts on; None for what the far end does."""
        head = mechanism.partition(".")[0]
        return head if head in LAYERS else None

    def is_ancestor(self, above: str, below: str) -> bool:
        """True where `above` is a proper prefix of `below`."""
        return below.startswith(above + ".")

    def deepest(self, mechanisms: Iterable[str]) -> tuple[str, ...]:
        """Those of which no other one given is a child; sorted, each once."""
        given = sorted(set(mechanisms))
        return tuple(m for m in given if not any(self.is_ancestor(m, other) for other in given))


def load_mechanisms(table: Mapping[str, object]) -> Mechanisms:
    """Check that every parent is there too, so that any prefix is a valid id."""
    labels = table.get("labels")
    if not isinstance(labels, dict):
        raise RuleError("the table of mechanisms has no [labels]", where="mechanisms.toml")
    tree: dict[str, str] = {}
    for key, label in labels.items():  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(key, str) or not isinstance(label, str):
            raise RuleError(f"mechanism {key!r} needs a text as label", where="mechanisms.toml")
        tree[key] = label
    for key in tree:
        head, dot, _ = key.rpartition(".")
        if dot and head not in tree:
            raise RuleError(f"mechanism {key!r} has no parent {head!r}", where="mechanisms.toml")
    return Mechanisms(tree)
