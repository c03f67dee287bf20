"""Law: reference data is pinned, named by digest, and says where it comes from and how it may be passed on."""

from __future__ import annotations

from clampdown.reference.fingerprints import Fingerprint, Fingerprints, Problem
from clampdown.reference.lists import Listed, Networks
from clampdown.reference.load import Reference, Snapshot, load_reference
from clampdown.reference.matching import Matcher
from clampdown.reference.mechanisms import Mechanisms
from clampdown.reference.roots import Roots, RootSnapshot
from clampdown.reference.targets import Group, Platform, Role, Targets

__all__ = [
    "Fingerprint",
    "Fingerprints",
    "Group",
    "Listed",
    "Matcher",
    "Mechanisms",
    "Networks",
    "Platform",
    "Problem",
    "Reference",
    "Role",
    "RootSnapshot",
    "Roots",
    "Snapshot",
    "Targets",
    "load_reference",
]
