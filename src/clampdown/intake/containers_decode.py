"""Law: a record that can be read is read; what had to be mended is named; what would have to be guessed is a reject.

Tolerated, each with a name in `degraded`: bytes that are not UTF-8 and lone surrogates (both become U+FFFD), control
characters inside strings, NaN and infinities (become null), integers of thousands of digits (become null), zeros or
commas behind the record. Never completed: a record that ends early.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

import msgspec

from clampdown.intake.containers_bytes import DEFAULT, Limits, Raw, digest, reject
from clampdown.intake.containers_text import cannot_be_deep, too_deep
from clampdown.intake.containers_yaml import YamlProblem, load_yaml
from clampdown.model import Reject

# A measurement carries at least one of these; an index, a list of files or an answer of an API carries none.
_MARKS: Final = frozenset(
    {"test_name", "test_keys", "report_id", "probe_asn", "probe_cc", "measurement_start_time", "software_name"}
)
# What the collector adds to a record, and so no part of its identity.
_COLLECTORS: Final = frozenset({"measurement_uid", "is_verified", "probe_id"})
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_DIGITS: Final = 4000  # Python refuses to read integers of more than 4,300 digits


class Decoded(NamedTuple):
    """A record's value, and what had to be mended to read it."""

    value: dict[str, Any]
    degraded: tuple[str, ...]


def decode(raw: Raw, limits: Limits = DEFAULT) -> dict[str, Any] | Reject:
    """The record's value, or why there is none."""
    found = decode_noting(raw, limits)
    return found if isinstance(found, Reject) else found.value


def decode_noting(raw: Raw, limits: Limits = DEFAULT) -> Decoded | Reject:
    """The record's value and what had to be mended, or why there is none."""
    notes: set[str] = set()
    value: Any
    if raw.form == "yaml":
        try:
            value = load_yaml(raw.data, limits.nesting, notes)
        except YamlProblem as problem:
            return reject(raw, problem.reason, problem.detail)
    else:
        try:
            value = _json(raw.data, limits.nesting, notes)
        except _Unreadable as problem:
            return reject(raw, problem.reason, problem.detail)
    value = _unwrap(value)
    if not isinstance(value, dict) or _MARKS.isdisjoint(cast("dict[str, Any]", value)):
        kind = "an object without the keys of a measurement" if isinstance(value, dict) else "not an object"
        return reject(raw, "not_a_measurement", kind)
    return Decoded(cast("dict[str, Any]", value), tuple(sorted(notes)))


def canonical_id(value: object) -> str:
    """Identity of a record that names none: `x` and 32 hex digits over its canonical JSON (CONTRACTS)."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        value = {key: item for key, item in items if key not in _COLLECTORS}
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "x" + digest(text.encode("utf-8", "surrogatepass"))[:32]


class _Unreadable(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def _unwrap(value: Any) -> Any:
    """The measurement inside the envelope in which a probe submits it (`format`, `content`)."""
    if isinstance(value, dict) and "test_name" not in value and isinstance(value.get("content"), dict):
        return value["content"]
    return value


def _json(data: bytes, nesting: int, notes: set[str]) -> Any:
    try:
        value = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        if too_deep(data, nesting):
            raise _too_deep(nesting) from None
    else:
        if not cannot_be_deep(data, nesting) and _deep(value, nesting):
            raise _too_deep(nesting)
        return value
    text = _mended(data, notes)
    for strict in (True, False):
        found: set[str] = set() if strict else {"record:control_characters"}
        try:
            value, end = _decoder(found, strict=strict).raw_decode(text)
        except json.JSONDecodeError as error:
            if strict and error.msg.startswith("Invalid control character"):
                continue
            early = error.pos >= len(text) or error.msg.startswith("Unterminated string")
            where = f"{error.msg} at character {error.pos + 1}"
            raise _Unreadable("truncated" if early else "not_json", where) from None
        except (ValueError, RecursionError) as error:
            raise _Unreadable("not_json", type(error).__name__) from None
        rest = text[end:]
        if rest.strip("\0, \t\r\n"):
            raise _Unreadable("not_json", f"more text behind the value, from character {end + 1} on")
        notes |= found | ({"record:trailing"} if rest else set())
        return value
    raise _Unreadable("not_json", "control characters outside of strings")


def _too_deep(nesting: int) -> _Unreadable:
    return _Unreadable("too_deep", f"nested deeper than the limit of {nesting}")


def _deep(value: Any, nesting: int) -> bool:
    """The same question of a decoded value, one level after another."""
    level: list[Any] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(nesting):
        inner = (item for whole in level for item in (whole.values() if type(whole) is dict else whole))
        level = [item for item in inner if type(item) is dict or type(item) is list]
        if not level:
            return False
    return True


def _mended(data: bytes, notes: set[str]) -> str:
    """Text that every later reader can take: whole characters only."""
    if b"\\u" in data:
        mended = _ESCAPE.sub(_whole_escape, data)
        if mended != data:
            notes.add("record:surrogates")
            data = mended
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        notes.add("record:encoding")
        text = data.decode("utf-8", "replace")
    return text.lstrip("\ufeff\0 \t\r\n")


def _whole_escape(found: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if found[1] else found[0]


def _decoder(found: set[str], *, strict: bool) -> json.JSONDecoder:
    return json.JSONDecoder(
        strict=strict, parse_constant=_null(found), parse_float=_float(found), parse_int=_int(found)
    )


def _null(found: set[str]) -> Callable[[str], None]:
    def constant(_text: str) -> None:
        found.add("record:not_finite")

    return constant


def _float(found: set[str]) -> Callable[[str], float | None]:
    def number(text: str) -> float | None:
        value = float(text)
        if math.isfinite(value):
            return value
        found.add("record:not_finite")
        return None

    return number


def _int(found: set[str]) -> Callable[[str], int | None]:
    def number(text: str) -> int | None:
        if len(text) <= _DIGITS:
            return int(text)
        found.add("record:long_integer")
        return None

    return number
