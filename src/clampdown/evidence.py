"""Law: every number ships its witnesses, and a number that cannot be recomputed from them does not hold.

A claim is a flat map of number ids to values; a proof is that map laid beside the same map recomputed from the rows.
The digest of a witness list is the sha256 of its measurement ids, sorted, each followed by a line feed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

import msgspec

from clampdown.errors import CheckFailed

Value = str | int | float | bool | None
# Shares are ratios of integers, computed in one fixed order: only their last printed digit may differ.
TOLERANCE = 1e-9


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement that stands behind a number. `time` is null where it would point at a person."""

    measurement: str
    day: str
    time: str | None
    vantage: int | None  # ordinal within one network and document
    link: str | None  # public address, where the source has one


class Witnesses(msgspec.Struct, frozen=True, kw_only=True):
    """How many stand behind a number, the digest of the whole list, and the first few of them."""

    count: int
    digest: str
    first: tuple[Witness, ...]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One number: what the document states and what the rows give."""

    number: str
    stated: Value
    found: Value
    holds: bool


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one document. A document without numbers proves nothing, so it does not hold."""

    holds: bool
    numbers: int
    failed: int
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()


def digest(measurements: Iterable[str]) -> str:
    """Digest of a witness list; order and repetition do not matter."""
    total = sha256()
    for measurement in sorted(set(measurements)):
        total.update(measurement.encode("utf-8", "surrogatepass") + b"\n")
    return total.hexdigest()


def same(stated: Value, found: Value) -> bool:
    """Equal in kind and value; only floats have a tolerance, and nothing equals a missing number."""
    if isinstance(stated, bool) or isinstance(found, bool):
        return stated is found
    if isinstance(stated, float | int) and isinstance(found, float | int):
        return abs(stated - found) <= TOLERANCE
    return type(stated) is type(found) and stated == found


def verify(
    stated: Mapping[str, Value], recount: Callable[[], Mapping[str, Value]], notes: tuple[str, ...] = ()
) -> Proof:
    """Recompute every number of a document and say which hold.

    A number stated that the rows do not give fails, and so does one that the rows give and the document hides.
    """
    found = recount()
    checks = tuple(
        Check(
            number=number,
            stated=stated.get(number),
            found=found.get(number),
            holds=number in stated and number in found and same(stated[number], found[number]),
        )
        for number in sorted({*stated, *found})
    )
    failed = sum(not check.holds for check in checks)
    return Proof(holds=bool(stated) and not failed, numbers=len(checks), failed=failed, checks=checks, notes=notes)


def also(proof: Proof, number: str, stated: Value, found: Value) -> Proof:
    """A proof with one more number."""
    one = Check(number=number, stated=stated, found=found, holds=same(stated, found))
    return Proof(
        holds=proof.holds and one.holds, numbers=proof.numbers + 1, failed=proof.failed + (not one.holds),
        checks=(*proof.checks, one), notes=proof.notes,
    )  # fmt: skip


def require(proof: Proof) -> None:
    """Raise where a proof does not hold, naming the first numbers that differ."""
    if proof.holds:
        return
    if not proof.numbers:
        raise CheckFailed("the document states no number", hint="Give the report.json that `report` wrote.")
    wrong = [check for check in proof.checks if not check.holds]
    shown = "; ".join(f"{c.number}: stated {c.stated!r}, found {c.found!r}" for c in wrong[:3])
    raise CheckFailed(
        f"{proof.failed} of {proof.numbers} numbers do not hold ({shown})",
        hint="The store or the document changed since it was written.",
    )
