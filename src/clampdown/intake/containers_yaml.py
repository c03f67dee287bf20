"""Law: a legacy YAML report reads as the JSON record that the same probe would have sent later, and executes nothing.

A report is a header document and one document per entry (ooniprobe up to 1.x). Tags never build objects; aliases are
followed only as far as the text could have spelled them out; words that YAML 1.1 would take for times or for `no`
(a country code) stay text.
"""

from __future__ import annotations

import base64
import binascii
import math
from datetime import UTC, datetime
from typing import Any, Final, cast

import yaml

# Keys of an entry document that belong to the envelope; all others are the test's own.
_ENVELOPE: Final = frozenset(
    {
        "annotations", "data_format_version", "id", "input", "input_hashes", "measurement_start_time", "options",
        "probe_asn", "probe_cc", "probe_city", "probe_ip", "report_id", "software_name", "software_version",
        "start_time", "test_helpers", "test_keys", "test_name", "test_runtime", "test_start_time", "test_version",
        "measurement_uid",
    }
)  # fmt: skip
_TEXTUAL: Final = frozenset({"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge"})
_EVENTS: Final = 500_000  # each takes some 500 bytes once it is built
_STRETCH: Final = 1 << 16  # characters mended at a time: one by one they take nine times their space
_TRUTH: Final = "tag:yaml.org,2002:bool"


class YamlProblem(Exception):
    """Why a document cannot be read; the detail never quotes it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _Loader(yaml.CSafeLoader):
    """Plain values only."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge keys are not followed: they can double a document at every level."""


def _plain(loader: _Loader, node: yaml.Node) -> Any:
    """A tag that asks for an object of some program gives the plain value under it."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return str(node.value)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in _TEXTUAL and not (tag == _TRUTH and first in "yYnNoO")
    ]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor(cast("str", None), _plain)  # None stands for every tag that is not known
_ERRORS: Final = (yaml.YAMLError, ValueError, TypeError, KeyError, OverflowError, RecursionError, binascii.Error)


def load_yaml(data: bytes, nesting: int, notes: set[str]) -> dict[str, Any]:
    """Header and entry as one record in the later form."""
    text = _text(data, notes) + "\n"  # its last line feed was white space around the record
    try:
        _bounds(text, nesting)
        documents = [_Tree(len(data), nesting).plain(value) for value in yaml.load_all(text, Loader=_Loader)]
    except _ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" at line {mark.line + 1} of the document"
        raise YamlProblem("not_yaml", f"{type(error).__name__}{where}") from None
    known = [cast("dict[str, Any]", value) for value in documents if isinstance(value, dict)]
    if len(known) != len(documents) or not 1 <= len(known) <= 2:
        raise YamlProblem("not_a_measurement", "not a header and an entry")
    if len(known) == 1:
        if "test_keys" not in known[0]:
            raise YamlProblem("not_a_measurement", "a header without entries")
        return known[0]
    return _joined(known[0], known[1])


def _text(data: bytes, notes: set[str]) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        notes.add("record:encoding")
        text = data.decode("utf-8", "replace")
    clean = "".join(map(_printable, (text[at : at + _STRETCH] for at in range(0, len(text), _STRETCH))))
    if clean != text and any(ord(c) < 32 and c not in "\t\r\n" for c in text):
        notes.add("record:control_characters")
        return clean
    return text


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c in "\t\r\n\x85\xa0" else "\ufffd" for c in text)


def _bounds(text: str, nesting: int) -> None:
    """Depth, told from the stream of events before anything is built by recursion."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        if count > _EVENTS:
            raise YamlProblem("too_many_values", "more values than any measurement holds")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > nesting:
                raise YamlProblem("too_deep", f"nested deeper than {nesting}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Tree:
    """Turns what YAML built into what JSON could have said, within the size that the text could have spelled out."""

    def __init__(self, size: int, nesting: int) -> None:
        self._left = 16 * size + (1 << 16)
        self._nesting = nesting

    def plain(self, value: Any, depth: int = 0) -> Any:
        self._left -= 1 + (len(value) if isinstance(value, (str, bytes)) else 0)
        if self._left < 0:
            raise YamlProblem("expansion", "aliases repeat more than the document could hold")
        if depth > self._nesting:
            raise YamlProblem("too_deep", f"nested deeper than {self._nesting}")
        if isinstance(value, dict):
            items = cast("dict[Any, Any]", value).items()
            return {self._key(key): self.plain(item, depth + 1) for key, item in items}
        if isinstance(value, (list, tuple)):
            return [self.plain(item, depth + 1) for item in cast("list[Any]", value)]
        if isinstance(value, (set, frozenset)):
            return [self.plain(item, depth + 1) for item in sorted(cast("set[Any]", value), key=str)]
        if isinstance(value, bytes):
            return _binary(value)
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return value

    def _key(self, key: Any) -> str:
        text = key if isinstance(key, str) else _binary(key) if isinstance(key, bytes) else str(key)
        self._left -= len(text)
        return text if isinstance(text, str) else str(text["data"])


def _binary(value: bytes) -> Any:
    """Text where it is text, else the form in which JSON records carry bytes."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {"format": "base64", "data": base64.b64encode(value).decode("ascii")}


def _joined(header: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    record = dict(header)
    record.update((key, value) for key, value in entry.items() if key in _ENVELOPE)
    keys = {key: value for key, value in entry.items() if key not in _ENVELOPE}
    own = entry.get("test_keys")
    record["test_keys"] = keys if not isinstance(own, dict) else {**cast("dict[str, Any]", own), **keys}
    # The probes of that time wrote `test_start_time` of the header in local time; seconds since 1970 are not skewed.
    _set_time(record, "test_start_time", header.get("start_time"), header.get("test_start_time"))
    if "measurement_start_time" not in record:
        _set_time(record, "measurement_start_time", entry.get("test_start_time"), record.get("test_start_time"))
    return record


def _set_time(record: dict[str, Any], key: str, seconds: Any, otherwise: Any) -> None:
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        try:
            record[key] = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
        except (ValueError, OverflowError, OSError):
            record[key] = None
    elif isinstance(seconds, str):
        record[key] = seconds
    else:
        record[key] = otherwise
