"""Law: reference data is pinned, named by digest, and says where it comes from and how it may be passed on."""

from __future__ import annotations

from clampdown.reference.load import Reference, Snapshot, load_reference
from clampdown.reference.mechanisms import Mechanisms
from clampdown.reference.targets import Group, Platform, Role, Targets

__all__ = ["Group", "Mechanisms", "Platform", "Reference", "Role", "Snapshot", "Targets", "load_reference"]
