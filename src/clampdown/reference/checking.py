"""Law: a snapshot is taken for what it holds and not for what it is called; what is no such table says why.

Pure functions of bytes: how many rows the loader would use, how many it would not, what changed between two editions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from clampdown.reference.delegated import load_delegations
from clampdown.reference.fingerprints import Problem, load_fingerprints
from clampdown.reference.lists import load_networks, load_test_lists, load_users

_PAGE: Final = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--", b"{")
_FEW: Final = 20  # rows of an old edition below which a share of them says nothing


@dataclass(frozen=True, slots=True)
class Rows:
    """What the loader finds in one file."""

    used: int
    left_out: int
    first: str = ""  # the first row that was left out, in words


def rows_of(kind: str, name: str, data: bytes) -> Rows:
    """Read one file as the loader would."""
    file = [(name, data)]
    problems: tuple[Problem, ...] = ()
    if kind == "fingerprints":
        found = load_fingerprints(file)
        used, problems = len(found.rows), found.problems
    elif kind == "test-list":
        listed, _, problems = load_test_lists(file, {})
        used = len(listed)
    elif kind == "networks":
        networks, problems = load_networks(file)
        used = len(networks.v4) + len(networks.v6) or len(networks.names)
    elif kind in ("delegated", "countries"):
        stats = file if kind == "delegated" else []
        held, problems = load_delegations(stats, [] if stats else file)
        used = len(held.networks) + len(held.v4) + len(held.v6) + len(held.said)
    elif kind == "users":
        shares, problems = load_users(file)
        used = len(shares)
    else:
        used = sum(1 for line in data.splitlines() if line.strip())
    out = [problem for problem in problems if not problem.used]
    return Rows(used, len(out), str(out[0]) if out else "")


def why_not(kind: str, rows: Rows, data: bytes, was: Rows | None, *, shrink: float, unreadable: float) -> str | None:
    """Why a new edition is not taken; None where it may be."""
    if not data.strip():
        return "the file is empty"
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower().startswith(_PAGE):
        return f"a page came where a table of {kind} should be"
    if not rows.used:
        return f"not one row of {kind} can be read" + (f" ({rows.first})" if rows.first else "")
    if rows.left_out > unreadable * (rows.used + rows.left_out):
        return f"{rows.left_out:,} of {rows.used + rows.left_out:,} rows cannot be read, such as {rows.first}"
    if was is not None and was.used >= _FEW and rows.used < (1 - shrink) * was.used:
        return f"it has {rows.used:,} rows where it had {was.used:,}: more than {shrink:.0%} are gone"
    return None


def difference(kind: str, old: bytes, new: bytes) -> tuple[int, int]:
    """(rows added, rows removed) from one edition to the next."""
    before, after = _lines(kind, old), _lines(kind, new)
    return (after - before).total(), (before - after).total()


def _lines(kind: str, data: bytes) -> Counter[bytes]:
    lines = [line for line in data.splitlines() if line.strip()]
    if kind == "delegated":
        # The head is of the day, and some registries give the holders new ids every day.
        lines = [b"|".join(line.split(b"|")[:7]) for line in lines if line.count(b"|") >= 6 and line[:1].isalpha()]
    return Counter(lines)
