"""Law: both engines find what Python's `re` finds, in linear time, and every unusable row is reported."""

from __future__ import annotations

import pickle
import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clampdown.reference import load_reference
from clampdown.reference.fingerprints import Fingerprints, load_fingerprints
from clampdown.reference.matching import BACKENDS, Matcher
from clampdown.reference.patterns import UnusableError, expression, translate

HEADER = "name,scope,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,mechanism\n"


def table(*rows: str) -> Fingerprints:
    return load_fingerprints([("t.csv", (HEADER + "".join(row + "\n" for row in rows)).encode())])


def both(kind: str, pattern: str, data: bytes) -> bool:
    text = expression(kind, pattern)
    found = {Matcher(["x"], [text], backend).match(data) == ("x",) for backend in BACKENDS}
    assert len(found) == 1, "the engines disagree"
    return found.pop()


@pytest.mark.skipif(len(BACKENDS) < 2, reason="hyperscan has no wheel here: only RE2 is tried")
def test_both_engines_are_tried() -> None:
    assert BACKENDS == ("hyperscan", "re2")


@pytest.mark.parametrize(
    ("kind", "pattern", "data", "found"),
    [
        ("contains", "a.b", b"xa.bx", True),
        ("contains", "a.b", b"xaxbx", False),
        ("contains", "é", "caf\u00e9".encode(), True),
        ("prefix", "http://", b"http://x", True),
        ("prefix", "http://", b" http://x", False),
        ("full", "ab", b"ab", True),
        ("full", "ab", b"ab\n", False),
        ("full", "ab", b"abc", False),
        ("regexp", "a.b", b"a\nb", False),
        ("regexp", "(?s)a.b", b"a\nb", True),
        ("regexp", "don.t", "don\u2019t".encode(), True),
        ("regexp", "don.t", b"don\xfft", False),
        ("regexp", "don.*t", b"don\xff\xc3t", True),
        ("regexp", "don.*t", b"don\nt", False),
        ("regexp", "^ab$", b"ab\n", True),
        ("regexp", "^ab$", b"ab\n\n", False),
        ("regexp", "(?i)block(ed)?", b"BLOCKED", True),
        ("regexp", r"\d{2,3}x", b"12x", True),
        ("regexp", r"[^a-c\s]z", b"az bz \tz", False),
        ("regexp", r"[^a-c\s]z", "éz".encode(), True),
        ("regexp", r"[éà]+x", "éàx".encode(), True),
        ("regexp", '{"msg":.*"id":', b'{"msg":1,"id":2}', True),
        ("regexp", r"a\x2eb\u00e9", "a.b\u00e9".encode(), True),
        ("regexp", "a|b$", b"xxb", True),
        ("regexp", r"x\0y", b"x\x00y", True),
    ],
)
def test_patterns(kind: str, pattern: str, data: bytes, found: bool) -> None:
    assert both(kind, pattern, data) is found


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?=a)b", "looking around"),
        (r"(a)\1", "reference to a group"),
        ("a*", "matches the empty text"),
        ("a++b", "possessive"),
        ("a{200}", "more than 100"),
        ("(a{9}){9}", "counted repeat"),
        ("(?m)^a", "flags"),
        ("(a", "not a regular expression"),
        ("a$b", "within the expression"),
        (r"\ba", None),
        ("(?i)é", "ignoring case"),
        ("[é-ü]", "beyond ASCII"),
        ("x" * 3000, "longer than"),
        ("", "empty"),
    ],
)
def test_what_cannot_mean_the_same_is_refused(pattern: str, reason: str | None) -> None:
    if reason is None:
        assert expression("regexp", pattern)
        return
    with pytest.raises(UnusableError, match=reason):
        expression("regexp", pattern)


CHARACTERS = ["a", "b", "A", "1", "é", ".", ".", ".", r"\.", r"\n", "^", "{", "-", "]", r"\b"]
CLASSES = [r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", "[ab]", "[^a]", "[^é]", "[aé]", r"[\d-]", r"[^\s]"]
GROUPS = ["(?:a|b)", "(a)", "(?P<n>b)", "(?:.)"]
_atoms = st.sampled_from([*CHARACTERS, *CLASSES, *GROUPS])
_repeats = st.sampled_from(["", "", "", "*", "+", "?", "{1,2}", "+?", "{2}", "{2,}"])
_patterns = st.builds(
    lambda flag, parts, end: flag + "".join(a + q for a, q in parts) + end,
    st.sampled_from(["", "", "(?i)", "(?s)"]),
    st.lists(st.tuples(_atoms, _repeats), min_size=1, max_size=5),
    st.sampled_from(["", "", "$"]),
)
_texts = st.text(alphabet="ab1A é.\n-{]x_", max_size=14)


@given(_patterns, _texts)
@example("a.b", "a\nb")
@example("(?i)[^a]b", "Ab")
@example("..", "é")
@example(".+.", "é")
def test_the_engines_agree_with_python(pattern: str, text: str) -> None:
    try:
        translate(pattern)
    except UnusableError:
        return
    assert both("regexp", pattern, text.encode()) is (bool(text) and re.search(pattern, text, re.ASCII) is not None)


@given(st.text(min_size=1, max_size=8), st.binary(max_size=20), st.binary(max_size=20))
def test_a_phrase_is_found_within_any_bytes(phrase: str, before: bytes, after: bytes) -> None:
    assert both("contains", phrase, before + phrase.encode("utf-8", "surrogatepass") + after)


@pytest.mark.parametrize("backend", BACKENDS)
def test_hostile_text_takes_linear_time(backend: str) -> None:
    matcher = Matcher(["x"], [translate(r"(a+a+)+b")], backend)
    matcher.match(b"a")
    start = time.perf_counter()
    assert matcher.match(b"a" * 200_000) == ()
    assert time.perf_counter() - start < 2


def test_rows() -> None:
    prints = table(
        'one,nat,body,contains,"<h1>Blocked, by order</h1>",10,"IR, IQ",',
        "two,isp,header.Location,prefix,http://block.example/,9,IR,",
        "three,prod,body,contains,challenge,9,,server.captcha",
        "four,fp,body,contains,Blocked,9,,",
        "five,nat,dns,full,2001:DB8::0:1,10,IR,",
        "six,isp,dns,full,Block.Example.,10,IR,",
        "seven,vbw,title,regexp,^Access .enied,5,,",
        "eight,prod,cert.issuer,contains,Filter CA,5,,",
    )
    assert not prints.problems
    body = b"<h1>Blocked, by order</h1> challenge"
    assert prints.body_matcher().match(body) == ("one", "three", "four")
    assert prints.match_header("LOCATION", "http://block.example/x") == ("two",)
    assert prints.match_header("server", "http://block.example/x") == ()
    assert prints.match_dns("2001:db8::1") == ("five",)
    assert prints.match_dns("block.example") == ("six",)
    assert prints.match_title("Access Denied") == ("seven",)
    assert prints.match_cert(issuer="A Filter CA 3") == ("eight",)
    assert prints.settles("one", "IQ")
    assert not prints.settles("one", "RU")
    assert not prints.settles("one", None)
    assert not prints.settles("three", "IR")
    assert not prints.settles("nothing", "IR")
    assert [i for i in prints.rows if prints.is_blockpage(i)] == ["one", "two", "five", "six", "seven", "eight"]
    again = pickle.loads(pickle.dumps(prints))
    assert again.match_dns("2001:db8::1") == ("five",)
    assert pickle.loads(pickle.dumps(prints.body_matcher())).match(body) == ("one", "three", "four")
    assert prints.table().num_rows == 8
    assert prints.expected().num_rows == 5


@pytest.mark.parametrize(
    ("row", "reason", "used"),
    [
        ("x,nat,body,contains,,5,IR,", "empty", False),
        (",nat,body,contains,a,5,IR,", "no name", False),
        ("x,nat,elsewhere,contains,a,5,IR,", "place", False),
        ("x,nat,body,near,a,5,IR,", "none of full", False),
        ("x,nat,body,regexp,(?<=a)b,5,IR,", "looking around", False),
        ("x,new,body,contains,a,5,IR,", "never settles", True),
        ("x,nat", "cells", False),
        ("ok,nat,body,contains,b,5,IR,", "another row", False),
        ("ok,nat,dns,full,b,5,IR,", "used as ok#dns", True),
    ],
)
def test_a_row_that_cannot_be_used_is_reported(row: str, reason: str, used: bool) -> None:
    prints = table("ok,nat,body,contains,fine,5,IR,", row)
    assert "ok" in prints.rows
    (problem,) = prints.problems
    assert reason in problem.reason
    assert (problem.line, problem.used) == (3, used)
    assert len(prints.rows) == 1 + used


def test_a_file_of_another_kind_is_reported() -> None:
    for data in (b"", b"a,b\n1,2\n", b"\xff\xfe\x00"):
        (problem,) = load_fingerprints([("t.csv", data)]).problems
        assert "no column" in problem.reason or "not a table" in problem.reason


def test_the_body_digest_names_body_fingerprints_only() -> None:
    base = ["a,nat,body,contains,x,5,IR,", "b,nat,dns,full,192.0.2.1,5,IR,"]
    digest = table(*base).body_digest
    assert table(*reversed(base)).body_digest == digest
    assert table(base[0], "c,nat,dns,full,192.0.2.2,5,IR,").body_digest == digest
    assert table(base[0], "c,nat,body,contains,y,5,IR,").body_digest != digest
    assert table(base[0].replace("contains", "prefix")).body_digest != digest


def test_our_own_set() -> None:
    reference = load_reference()
    prints = reference.fingerprints
    assert not reference.problems
    for row in prints.rows.values():
        assert row.source, row.id
        assert row.notes, row.id
        assert row.mechanism is None or reference.mechanisms.valid(row.mechanism), row.id
        assert all(country in reference.countries for country in row.countries), row.id
        assert (row.scope in ("nat", "isp")) == bool(row.countries), row.id
    matcher = prints.body_matcher()
    challenge = b'<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1?ray=1"></script>'
    ordinary = b'<script src="/cdn-cgi/challenge-platform/h/b/scripts/jsd/main.js"></script>'
    assert matcher.match(challenge) == ("cd.cloudflare_challenge_body",)
    assert matcher.match(ordinary) == ()
    assert prints.settles(prints.match_dns("10.10.34.36")[0], "IR")
    assert not prints.settles(prints.match_dns("127.0.0.1")[0], "IR")


@pytest.mark.shared
def test_upstream_files_load_whole(shared: Path) -> None:
    root = shared / "reference"
    files = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.csv"))}
    reference = load_reference(files)
    own = load_reference().fingerprints.rows
    upstream = [row for i, row in reference.fingerprints.rows.items() if i not in own]
    unused = [p for p in reference.problems if not p.used and "fingerprints" in p.file]
    assert len(upstream) + len(unused) == 1729 + 226
    assert not unused
    engines = [reference.fingerprints.body_matcher(backend) for backend in BACKENDS]
    rows = [row for row in upstream if row.place == "body" and row.kind != "regexp"]
    for row in rows[::7]:
        data = b"" if row.kind != "contains" else b"<p> "
        data += row.pattern.encode() + (b"" if row.kind == "full" else b" \xff</p>")
        found = {engine.match(data) for engine in engines}
        assert len(found) == 1, row.id
        assert row.id in found.pop()
    lists = [p for p in reference.problems if "test-lists" in p.file and not p.used]
    # Two legends, and one row upstream that holds no URL.
    assert len(lists) <= 4, lists
    assert len(reference.test_list) > 30_000
    assert reference.targets.category("web/www.hrw.org") == "HUMR"
