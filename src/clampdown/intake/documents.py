"""Law: whatever way JSON documents were put together, each is read once, with its line; what is none says what it is.

One document, one per line, or an array of them. The text is taken to its end whatever it holds, so that its digest
is that of all of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, cast

from clampdown.intake.containers_bytes import BLOCK, DEFAULT, WHITE, Peeked, Place, Raw, Reader
from clampdown.intake.containers_text import WINDOW, crowded, read_lines, read_values, shape_of, too_deep
from clampdown.intake.levels import LevelRows
from clampdown.model import Reject

_MARK: Final = b"\xef\xbb\xbf"
Object = dict[str, Any]


class Document(NamedTuple):
    """One JSON value, and where it stood; elements of an array share its line, so theirs is null."""

    line: int | None
    value: Any
    data: bytes


def opened(reader: Reader, rows: LevelRows) -> Peeked | None:
    """The text without its mark; None, with a reject, where it holds nothing or is a page of a web site."""
    text = Peeked(reader)
    if text.peek(3).startswith(_MARK):
        text.drop(3)
    head = text.peek(WINDOW)
    bare = head.strip(WHITE + b"\0")
    if not bare and text.ended:
        fault = text.fault
        if fault is None:
            rows.reject(None, "empty", "there is nothing in it")
        else:
            fault.told = True
            rows.reject(None, fault.reason, fault.detail)
        return None
    if bare.startswith(b"<"):
        drain(text)
        rows.reject(None, "unknown_format", "a web page, not data; the server may have answered with an error")
        return None
    return text


def drain(text: Reader) -> None:
    """Take the rest, so that the digest is that of the whole."""
    while text.read(BLOCK):
        pass


def documents(reader: Reader, place: Place, rows: LevelRows) -> Iterator[Document]:
    """Each document; what could not be read is among the rejects of `rows`."""
    text = opened(reader, rows)
    if text is None:
        return
    read = read_lines if shape_of(text.peek(WINDOW)) == "lines" else read_values
    found: Raw | Reject | None = None
    for found in read(text, place, DEFAULT):
        if isinstance(found, Reject):
            rows.rejected(found)
            continue
        try:
            yield Document(found.line, loads(found.data), found.data)
        except BadJson as problem:
            rows.reject(found.line, problem.reason, str(problem), found.data)
    if found is None:
        rows.reject(None, "no_data", "an empty list: holds no data")


class BadJson(ValueError):
    """Why a text is no JSON that can be read."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def loads(data: bytes) -> Any:
    """The value of a text. NaN and infinities come as such: whoever reads numbers refuses them."""
    if too_deep(data, DEFAULT.nesting):
        raise BadJson("too_deep", f"nested deeper than the limit of {DEFAULT.nesting}")
    if crowded(data):
        raise BadJson("too_long", "more values than one document may hold; split it")
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except json.JSONDecodeError as error:
        if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated"):
            raise BadJson("truncated", "the document ends before it is complete") from None
        raise BadJson("not_json", f"not JSON: {error.msg.lower()}") from None
    except (ValueError, RecursionError):
        raise BadJson("not_json", "not JSON that can be read") from None


def number(value: object) -> float | None:
    """A number as JSON or the digits of one, as long as it is finite; None where it is none."""
    if isinstance(value, str):
        try:
            value = float(value) if value.strip().lower().lstrip("+-")[:1] in _DIGITS else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


_DIGITS: Final = frozenset("0123456789.")


def items(value: object) -> list[Any]:
    """The list that a value is; an empty one where it is none."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def fields(value: object) -> Object:
    """The object that a value is; an empty one where it is none."""
    return cast("Object", value) if isinstance(value, dict) else {}


def text_of(value: object, most: int = 200) -> str | None:
    """A text in one line, at most so long; None where it is none or empty."""
    if not isinstance(value, str):
        return None
    plain = " ".join(value.replace("\0", " ").split())
    plain = plain.encode("utf-8", "replace").decode("utf-8")
    return plain[:most] or None
