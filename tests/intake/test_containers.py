"""Law: every byte of a file ends in a record or in a reject that says where and why, whatever it is wrapped in."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from clampdown.intake import containers_expand
from clampdown.intake.containers import Limits, Raw, decode, records
from clampdown.model import Reject

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": lz4.frame.compress,
    "bzip2": bz2.compress,
}
ROWS = [
    {"test_name": "web_connectivity", "input": f"https://{n}.example/", "n": n, "pad": "é}{" * n} for n in range(40)
]


DEFAULT = Limits()


def lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def tar(*members: tuple[str, bytes] | tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


def read(data: bytes, limits: Limits = DEFAULT, name: str = "a") -> list[Raw | Reject]:
    return list(records(io.BytesIO(data), name, limits))


def whole(data: bytes, limits: Limits = DEFAULT) -> list[Any]:
    """All values; a reject among them fails the test."""
    values: list[Any] = []
    for found in read(data, limits):
        assert isinstance(found, Raw), found
        value = decode(found, limits)
        assert isinstance(value, dict), value
        values.append(value)
    return values


def reasons(data: bytes, limits: Limits = DEFAULT) -> list[str]:
    """What becomes of each record: `ok`, or the reason of its reject, found while cutting or while decoding."""
    ends = [found if isinstance(found, Reject) else decode(found, limits) for found in read(data, limits)]
    return [end.reason if isinstance(end, Reject) else "ok" for end in ends]


SHAPES: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "lines": lines,
    "lines without the last line feed": lambda rows: lines(rows)[:-1],
    "lines with CRLF and blanks": lambda rows: lines(rows).replace(b"\n", b"\r\n \r\n"),
    "byte order mark": lambda rows: b"\xef\xbb\xbf" + lines(rows),
    "array": lambda rows: json.dumps(rows).encode(),
    "pretty array": lambda rows: json.dumps(rows, indent=2).encode(),
    "array, a line each": lambda rows: b"[\n" + b",\n".join(lines(rows).split(b"\n")[:-1]) + b"\n]\n",
    "pretty values": lambda rows: "\n".join(json.dumps(row, indent=1) for row in rows).encode(),
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_in_every_packer(shape: str, packer: str) -> None:
    assert whole(PACKERS[packer](SHAPES[shape](ROWS))) == ROWS


@pytest.mark.parametrize("outer", PACKERS)
@pytest.mark.parametrize("inner", PACKERS)
def test_archives_of_packed_members(outer: str, inner: str) -> None:
    data = PACKERS[outer](
        tar(("d/one.json", PACKERS[inner](lines(ROWS[:3]))), ("two", PACKERS[inner](lines(ROWS[3:]))))
    )
    assert whole(data) == ROWS
    assert [(f.member, f.line) for f in read(data)][:4] == [("d/one.json", n) for n in (1, 2, 3)] + [("two", 1)]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["short", "n" * 90 + "/" + "m" * 90, "n" * 99 + "/é" + "m" * 40])
def test_long_names(form: int, name: str) -> None:
    assert {f.member for f in read(tar((name, lines(ROWS[:2])), form=form))} == {name}


def test_a_tar_in_a_tar_and_no_deeper() -> None:
    inner = tar(("x.json", lines(ROWS[:1])))
    assert [f.member for f in read(tar(("in.tar", gzip.compress(inner))))] == ["in.tar/x.json"]
    (found,) = read(tar(("b.tar", tar(("in.tar", inner)))))
    assert isinstance(found, Reject)
    assert (found.reason, found.member, found.length) == (
        "unknown_format",
        "b.tar/in.tar",
        len(inner.rstrip(b"\0")),
    ) or (found.reason == "unknown_format" and found.digest)


def test_links_and_names_that_lead_out() -> None:
    link, device = tarfile.TarInfo("up"), tarfile.TarInfo("dev")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    device.type = tarfile.CHRTYPE
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    found = read(tar(link, device, folder, ("../../e\x1b/./p", lines(ROWS[:1])), ("/abs", lines(ROWS[:1]))))
    assert [(f.reason if isinstance(f, Reject) else "ok", f.member) for f in found] == [
        ("tar_link", "up"),
        ("tar_special", "dev"),
        ("ok", "e\ufffd/p"),
        ("ok", "abs"),
    ]


def test_archives_behind_one_another() -> None:
    data = tar(("one", lines(ROWS[:9])))
    assert whole(data + tar(("two", lines(ROWS[9:])))) == ROWS
    assert reasons(data + b"\0" * 100) == ["ok"] * 9 + ["truncated"]
    assert reasons(data + b"x" * 512) == ["ok"] * 9 + ["damaged"]


def test_too_many_members_stops() -> None:
    data = tar(*((f"m{n}", lines(ROWS[:1])) for n in range(5)))
    assert reasons(data, Limits(members=3)) == ["ok", "ok", "ok", "too_many_members"]


@pytest.mark.parametrize("packer", [name for name in PACKERS if name != "plain"])
@pytest.mark.parametrize("archive", [False, True])
def test_cut_anywhere(packer: str, archive: bool) -> None:
    """Whole records in front of the cut come out, then one reject; no cut goes unnoticed."""
    text = lines(ROWS)
    data = PACKERS[packer](tar(("m.jsonl", text)) if archive else text)
    full = [f.data for f in read(data) if isinstance(f, Raw)]
    most = 0
    for cut in [*range(1, 24), *range(24, len(data) - 24, 37), *range(len(data) - 24, len(data))]:
        found = read(data[:cut])
        if cut < 4:
            assert all(isinstance(f, Reject) or isinstance(decode(f), Reject) for f in found)
            continue
        *got, last = found
        assert isinstance(last, Reject), cut
        assert last.reason == "truncated"
        assert [f.data for f in got if isinstance(f, Raw)] == full[: len(got)]
        most = max(most, len(got))
    assert most == len(full)


def test_cut_tar() -> None:
    data = tar(("one", lines(ROWS)), ("two", lines(ROWS)))
    for cut in range(513, len(data) - 10240, 101):
        found = read(data[:cut])
        assert [f.reason for f in found if isinstance(f, Reject)] == ["truncated"], cut


def test_a_cut_record_is_named_with_its_digest() -> None:
    text = lines(ROWS)
    stream = zstandard.ZstdCompressor().compressobj()
    packed = stream.compress(text[:-5]) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    last = read(packed)[-1]
    rest = text[:-5].rsplit(b"\n", 1)[1]
    assert isinstance(last, Reject)
    assert (last.line, last.length, last.digest) == (len(ROWS), len(rest), hashlib.sha256(rest).hexdigest())


def test_several_frames_and_padding() -> None:
    for packer in ("gzip", "zstd", "lz4", "bzip2"):
        pack = PACKERS[packer]
        data = pack(lines(ROWS[:9])) + pack(b"") + pack(lines(ROWS[9:]))
        assert whole(data) == ROWS, packer
        assert whole(data + b"\0" * 700) == ROWS, packer
        assert reasons(data + b"what is this") == ["ok"] * len(ROWS) + ["damaged"], packer
    skippable = b"\x52\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"
    assert whole(skippable + PACKERS["zstd"](lines(ROWS))) == ROWS


def test_damage_is_a_reject() -> None:
    data = bytearray(gzip.compress(lines(ROWS)))
    data[-6] ^= 1
    assert reasons(bytes(data))[-1] == "damaged"
    framed = bytearray(tar(("one", lines(ROWS[:2])), ("two", lines(ROWS[:2])), form=tarfile.USTAR_FORMAT))
    second = framed.index(b"two\0")
    framed[second] ^= 1
    assert reasons(bytes(framed)) == ["ok", "ok", "damaged"]


def test_the_standard_library_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers_expand, "igzip_lib", None)
    assert whole(gzip.compress(lines(ROWS[:9])) + gzip.compress(lines(ROWS[9:]))) == ROWS
    cut = read(gzip.compress(lines(ROWS * 50))[:-4])
    assert isinstance(cut[-1], Reject)
    assert (len(cut) - 1, cut[-1].reason) == (len(ROWS) * 50, "truncated")


@pytest.mark.parametrize(("data", "reason"), [
    (b"", "empty"),
    (b" \n\n", "empty"),
    (b"\0" * 10_240, "empty"),
    (gzip.compress(b"", mtime=0), "empty"),
    (tar(("e", b"")), "empty"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "unknown_format"),
    (b"\xfd7zXZ\x00", "unknown_format"),
    (b"BZh91AY&SY", "truncated"),
    (b"BZh9 and no bzip2", "damaged"),
    (bz2.compress(b""), "empty"),
    (b"PK\x03\x04" + b"x" * 50, "unknown_format"),
    ('{"test_name": 1}'.encode("utf-16"), "unknown_format"),
    (gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(lines(ROWS))))), mtime=0), "unknown_format"),
    (b"<html>502</html>", "unknown_format"),
    (b'{"test_name": "x"', "truncated"),
    (b'{"test_name": "x', "truncated"),
    (b'{"test_name": ', "truncated"),
    (b'{\n "test_name": "x",\n', "truncated"),
    (b'{"test_name": "x",}', "not_json"),
    (b'{"test_name": "x"} {"test_name": "y"} z', "not_json"),
    (b"[1, 2, 3]", "not_json"),
    (b"[]", "empty"),
    (b"# only a comment", "empty"),
    (b"[[1], 2]", "not_a_measurement not_a_measurement"),
    (b'{"filename": "2016-01-01.tar.lz4", "size": 10}', "not_a_measurement"),
    (b'"text"', "not_a_measurement"),
    (b"key: value\n", "not_a_measurement"),
    (b"---\ntest_name: http_requests\n...\n", "not_a_measurement"),
    (b"---\na: [1\n---\nb: 2\n", "not_yaml"),
    (b"---\ntest_name: x\n---\nb: " + b"[" * 300 + b"]" * 300, "too_deep"),
    (b"---\ntest_name: x\n---\nb: &b [*b]\n", "too_deep"),
])  # fmt: skip
def test_what_is_no_measurement_is_one_reject(data: bytes, reason: str) -> None:
    assert reasons(data) == reason.split()


@pytest.mark.parametrize("end", [b"\\", b'\\"', b"\\\\", b"\\\\\\", b'"', b'x"', b""])
def test_blocks_may_end_anywhere(end: bytes) -> None:
    """Strings, escapes and marks that a block cuts in two read as if it had not."""
    row = {"test_name": "x", "body": end.decode() * 3 + "}{][,\n---\n" + end.decode()}
    for shape in SHAPES.values():
        data = shape([row, row, row])
        for size in (1, 2, 3, 5, 7, 64):

            class Drip(io.BytesIO):
                def read(self, _size: int | None = -1, step: int = size) -> bytes:
                    return super().read(step)

            found = list(records(Drip(data), "a"))
            assert [decode(f) for f in found if isinstance(f, Raw)] == [row] * 3


def test_line_numbers() -> None:
    data = b'\n\n{"test_name": 1}\n\nnot a record\n{"test_name": 2}'
    assert [(f.line, f.data[:4]) for f in read(data) if isinstance(f, Raw)] == [
        (3, b'{"te'),
        (5, b"not "),
        (6, b'{"te'),
    ]
    pretty = b'{\n"test_name": 1}\n\n{"test_name":\n 2} junk {"test_name": 3}'
    assert [f.line for f in read(pretty)] == [1, 4, 5, 5]
    assert reasons(pretty) == ["ok", "ok", "not_json", "ok"]
    assert [f.line for f in read(b'[{"test_name": 1},\n{"test_name": 2}]')] == [None, None]


def test_an_array_that_is_not_closed() -> None:
    assert reasons(b'[{"test_name": 1},\n{"test_name": 2}') == ["ok", "ok", "truncated"]
    assert reasons(b'[{"test_name": 1},\n{"test_na') == ["ok", "truncated"]


def test_a_broken_first_line_costs_itself_only() -> None:
    assert reasons(b'{"test_name": "cut\n' + lines(ROWS[:3])) == ["truncated", "ok", "ok", "ok"]
    assert reasons(b'lost half"}\n' + lines(ROWS[:3])) == ["not_json", "ok", "ok", "ok"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TEXT = st.characters(exclude_categories=["Cs"])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.text(TEXT), JSON, max_size=4), min_size=1, max_size=6),
    shape=st.sampled_from(sorted(SHAPES)),
    packer=st.sampled_from(sorted(PACKERS)),
    escape=st.booleans(),
)
def test_law_records_in_are_records_out(rows: list[dict[str, Any]], shape: str, packer: str, escape: bool) -> None:
    full = [{**row, "test_name": "x"} for row in rows]
    data = SHAPES[shape](full)
    if not escape:
        data = json.dumps(full, ensure_ascii=False).encode("utf-8", "replace")
        full = json.loads(data)
    assert whole(PACKERS[packer](data)) == full


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=300) | st.text('{}[]",:\\ \n-a1é', max_size=80).map(str.encode))
def test_law_any_bytes_give_records_or_rejects(data: bytes) -> None:
    for text in (data, gzip.compress(data), tar(("m", data)), gzip.compress(lines(ROWS[:2])) + data):
        found = read(text)
        assert found
        for one in found:
            end = decode(one) if isinstance(one, Raw) else one
            assert isinstance(end, dict) or (end.reason and end.file == "a")
    seen = b"".join(f.data for f in read(data) if isinstance(f, Raw) and f.form == "json")
    assert len(seen) <= len(data)


@pytest.mark.shared
def test_nothing_of_the_material_is_lost(shared: Path) -> None:
    count = 0
    for path in sorted((shared / "cases" / "ooni").glob("*/*")):
        if path.suffix not in (".json", ".yaml"):
            continue
        with path.open("rb") as stream:
            found = list(records(stream, path.name))
        assert len(found) == 1, path.name
        assert isinstance(found[0], Raw), path.name
        value = decode(found[0])
        assert isinstance(value, dict), path.name
        assert value.get("test_name") or "software_name" in value, path.name
        count += 1
    assert count >= 84
