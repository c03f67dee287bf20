"""Law: what the detector writes and what has prose are the same codes: none goes out raw, none is kept for nobody."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from clampdown.publish.words import codes

SOURCE = sorted((Path(codes.__file__).parents[2] / "detect").rglob("*.py"))
SIGNALS = {"surge", "short_history", "withheld", "source_failure"}
KINDS = {"instrument", "site_down", "volume", "burst", "broken_probe", *SIGNALS}
OUTAGES = {*codes.OUTAGE_WHY, *codes.OUTAGE_AGAINST, *codes.OUTAGE_PATTERN, *codes.FEATURE}
KNOWN = {*codes.AGAINST, *codes.PATTERN, *codes.WHY, *codes.BACKING, *codes.NOTE, *codes.DETAIL, *OUTAGES}


def literals() -> tuple[set[str], set[str]]:
    """(every text in the detector's source, heads of texts that end in a value: `silent:` of f"silent:{n}")"""
    plain: set[str] = set()
    heads: set[str] = set()
    for path in SOURCE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                plain.add(node.value)
            if isinstance(node, ast.JoinedStr):
                heads.update(re.findall(r"(?<![a-z_])([a-z_]+):(?=\0)", _template(node)))
    return plain, heads


def _template(node: ast.JoinedStr) -> str:
    return "".join(str(v.value) if isinstance(v, ast.Constant) else "\0" for v in node.values)


def test_the_source_is_read() -> None:
    plain, heads = literals()
    assert len(SOURCE) > 12
    assert {"one_vantage_ok", "same_platform"} <= plain
    assert {"silent", "works_elsewhere", "usual"} <= heads


def test_every_code_with_a_value_has_prose() -> None:
    _, heads = literals()
    assert heads - {"version", "platform", "yes"} <= KNOWN, "written, and without words in publish/words/codes.py"


def test_no_prose_is_kept_for_nobody() -> None:
    plain, heads = literals()
    written = plain | heads | {"follows_version", "follows_platform"}
    assert any("follows_" in text for text in plain)
    assert written >= KNOWN


def test_what_is_put_on_a_list_of_codes_has_prose() -> None:
    """Texts that look like codes (two words joined) and stand in a list, a set or an append."""
    found: set[str] = set()
    for path in SOURCE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.elts if isinstance(node, ast.List | ast.Set) else []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
                parts = [
                    each
                    for arg in node.args
                    for each in ((arg.body, arg.orelse) if isinstance(arg, ast.IfExp) else (arg,))
                ]
            found.update(p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str))
    columns = {
        "vantage_high",
        "detect_tables",
        "detect_votes",
        "load_limits",
        "clocks_of",
        "of_day",
        "load_manners",
        "planes_of",
        "region_of",
    }
    assert {code for code in found if re.fullmatch(r"[a-z]+(_[a-z]+)+", code)} - columns <= KNOWN


def test_notes_of_every_kind_have_both_forms() -> None:
    assert set(codes.NOTE) == set(codes.NOTE_BRIEF) == KINDS
    assert set(codes.NOTE_SIGNALS) == SIGNALS


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("silent:1", "nobody has tried for the last 1 day of the data"),
        ("networks_open:12", "12 other networks with data do not show it"),
        ("networks_open:1", "1 other network with data does not show it"),
        ("follows_version:ooniprobe-android/3.9.0", "it keeps to version ooniprobe-android/3.9.0 of the probe"),
        ("follows_platform:\u202eios", "it keeps to probes on \u2068\\u202eios\u2069"),
        ("silent", "nobody has tried for the last of the data"),
        ("comet:3", "comet:3"),
    ],
)
def test_values_are_told(code: str, says: str) -> None:
    if code == "silent":
        assert codes.contradictions(code) == ["nobody has tried for the last of the data"]
    assert codes.contradictions(code) == [says]


@pytest.mark.parametrize(
    ("why", "targets", "says"),
    [
        ("same_platform", 1, "one target changed, network by network, within days"),
        ("same_platform,works_elsewhere:3", 2, "parts of one platform changed within days of each other"),
        (
            "same_days,same_platform,shared_networks",
            3,
            "several targets changed on the same days and on shared networks",
        ),
        ("works_elsewhere:3", 1, ""),
        ("", 1, ""),
        ("comet", 2, "comet"),
    ],
)
def test_why_they_belong_together(why: str, targets: int, says: str) -> None:
    assert codes.together(why, targets) == says


@pytest.mark.parametrize(
    ("detail", "says"),
    [
        ("measurements:0 days:1 usual:52", "0 measurements in 1 day, where 52 a day are usual"),
        ("devices:40 usual:3", "40 devices, where 3 a day are usual"),
        ("version:probe a/3.1", "with version \u2068probe a/3.1\u2069"),
        ("test_list", "with another list of what is tested"),
        ("targets:1", "with 1 target down"),
        ("signal:tor/relay-users factor:9.6", "9.6 times what is expected"),
        ("signal:tor/relay-users days:1", "in 1 day"),
        ("signal:probing/slash24 operator:ioda entities:31", "measured by ioda in 31 places at once"),
        ("", ""),
    ],
)
def test_details_of_notes(detail: str, says: str) -> None:
    assert codes.detail(detail) == says
