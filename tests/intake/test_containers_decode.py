"""Law: a record that can be read is read, what was mended is named, and nothing is guessed."""

from __future__ import annotations

import base64
import gzip
import io
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.intake.containers import Decoded, Raw, canonical_id, decode_noting, digest, records
from clampdown.model import Reject


def one(data: bytes, form: str = "json") -> Decoded | Reject:
    return decode_noting(Raw(data, "a", None, 1, form))


def mended(data: bytes) -> tuple[Any, tuple[str, ...]]:
    found = one(b'{"test_name":"x","v":' + data + b"}")
    assert isinstance(found, Decoded), found
    return found.value["v"], found.degraded


@pytest.mark.parametrize(("text", "value", "notes"), [
    (b'"plain"', "plain", ()),
    (b'"\xff\xfeabc"', "\ufffd\ufffdabc", ("encoding",)),
    (b'"a\\ud800b"', "a\ufffdb", ("surrogates",)),
    (b'"\\udc00\\ud800"', "\ufffd\ufffd", ("surrogates",)),
    (b'"\\ud83d\\ude00 \\\\ud800 \\ud83d"', "\U0001f600 \\ud800 \ufffd", ("surrogates",)),
    (b'"a\x00b\x01"', "a\0b\x01", ("control_characters",)),
    (b'"a\nb"', "a\nb", ("control_characters",)),
    (b"NaN", None, ("not_finite",)),
    (b"[Infinity, -Infinity, 1e999]", [None, None, None], ("not_finite",)),
    (b"123456789012345678901234567890", 123456789012345678901234567890, ()),
    (b"1" * 5_000, None, ("long_integer",)),
    (b'"\xff\\ud800\n"', "\ufffd\ufffd\n", ("control_characters", "encoding", "surrogates")),
])  # fmt: skip
def test_mended(text: bytes, value: Any, notes: tuple[str, ...]) -> None:
    assert mended(text) == (value, tuple(f"record:{note}" for note in notes))


def test_what_follows_the_record() -> None:
    for rest in (b",", b"\0\0\0", b" ,\r"):
        found = one(b'{"test_name":"x"}' + rest)
        assert isinstance(found, Decoded)
        assert found.degraded == ("record:trailing",)


def test_a_reject_never_quotes_the_record() -> None:
    for data in (
        b'{"test_name": "secret-',
        b'{"secret-": nope}',
        b'secret-{"a":1}',
        b'{"a":1} secret-',
        b'{"secret-":1}',
    ):
        found = one(data)
        assert isinstance(found, Reject)
        assert found.digest == digest(data)
        assert "secret" not in str(found.detail)
    found = one(b"---\ntest_name: x\n---\na: [secret-\n", "yaml")
    assert isinstance(found, Reject)
    assert "secret" not in str(found.detail)


def test_a_submission_is_unwrapped() -> None:
    found = one(b'{"format":"json","content":{"test_name":"x","input":null}}')
    assert isinstance(found, Decoded)
    assert found.value == {"test_name": "x", "input": None}


def test_identity_of_a_record_without_an_id() -> None:
    row = {"test_name": "x", "input": "é", "b": [1, 2.5, None], "a": {"z": 1, "y": 2}}
    shuffled = dict(reversed(row.items()))
    assert canonical_id(row) == canonical_id(shuffled)
    assert canonical_id(row) == canonical_id({**row, "measurement_uid": "u", "is_verified": "t", "probe_id": "p"})
    assert canonical_id(row) != canonical_id({**row, "input": "e"})
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical_id(row) == "x" + digest(text.encode())[:32]


REPORT = b"""###########
# Probe report
---
data_format_version: 0.1.0
options: [-f, list.txt]
probe_asn: AS64500
probe_cc: NO
probe_city: !!binary |
  %s
start_time: 1400000000.0
software_name: ooniprobe
test_name: http_requests
test_start_time: '2014-05-13 20:53:20'
...
---
input: http://birds.example/
test_start_time: 1400000060.0
test_runtime: 1.5
when: 2014-05-13
control: !!python/unicode 'text'
shape: !!python/object:thing.Shape {sides: 3}
headers: !!set {b, a}
...
---
input: http://fish.example/
body: |
  one
   ---
  two
...
""" % base64.b64encode(b"Reykjav\xedk")


def test_a_legacy_report() -> None:
    found = list(records(io.BytesIO(REPORT), "r.yaml"))
    assert [(f.line, f.form) for f in found if isinstance(f, Raw)] == [(15, "yaml"), (24, "yaml")]
    first, second = (decode_noting(f) for f in found if isinstance(f, Raw))
    assert isinstance(first, Decoded)
    assert isinstance(second, Decoded)
    assert first.value["probe_cc"] == "NO"
    assert first.value["probe_city"] == {"format": "base64", "data": base64.b64encode(b"Reykjav\xedk").decode()}
    assert first.value["test_start_time"] == "2014-05-13 16:53:20"
    assert first.value["measurement_start_time"] == "2014-05-13 16:54:20"
    assert first.value["test_runtime"] == 1.5
    assert first.value["test_keys"] == {
        "when": "2014-05-13", "control": "text", "shape": {"sides": 3}, "headers": ["a", "b"],
    }  # fmt: skip
    assert second.value["input"] == "http://fish.example/"
    assert second.value["test_keys"] == {"body": "one\n ---\ntwo\n"}
    assert second.value["measurement_start_time"] == "2014-05-13 16:53:20"


def test_a_cut_report() -> None:
    packed = gzip.compress(REPORT, 0)
    found = list(records(io.BytesIO(packed[: len(packed) - 60]), "r.yaml"))
    assert [f.reason if isinstance(f, Reject) else "ok" for f in found] == ["ok", "truncated"]
    assert found[1].line == 24


def test_aliases_cannot_burst() -> None:
    bomb = b"---\ntest_name: x\n---\na0: &a0 [z, z, z, z, z, z, z, z, z, z]\n"
    for level in range(1, 9):
        bomb += b"a%d: &a%d [%s]\n" % (level, level, b",".join([b"*a%d" % (level - 1)] * 10))
    merges = b"---\ntest_name: x\n---\na0: &a0 {k: 1}\n"
    for level in range(1, 40):
        merges += b"a%d: &a%d {<<: [*a%d, *a%d]}\n" % (level, level, level - 1, level - 1)
    start = time.perf_counter()
    (found,) = (decode_noting(r) for r in records(io.BytesIO(bomb), "b") if isinstance(r, Raw))
    assert isinstance(found, Reject)
    assert found.reason == "expansion"
    (found,) = (decode_noting(r) for r in records(io.BytesIO(merges), "b") if isinstance(r, Raw))
    assert isinstance(found, Reject)
    assert found.reason == "expansion"
    assert time.perf_counter() - start < 5


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]",:\\ud8c01\n\0', max_size=60).map(str.encode))
def test_law_a_value_can_always_be_stored(data: bytes) -> None:
    """Whatever was mended, every string that comes out is whole text and every number is finite."""
    for form, text in (("json", b'{"test_name":"' + data + b'"}'), ("yaml", b"---\ntest_name: x\n---\na: " + data)):
        found = one(text, form)
        if isinstance(found, Decoded):
            json.dumps(found.value, ensure_ascii=False, allow_nan=False).encode("utf-8")
