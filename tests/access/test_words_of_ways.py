"""Law: every code of an answer on ways through has words, and no words are kept for nobody."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from clampdown import assess
from clampdown.assess.ways import STAGES, STATES, Since
from clampdown.publish.words import ways as words
from clampdown.publish.words.ways_page import LANGUAGES, load

FOLDER = Path(assess.__file__).parent
SOURCES = [FOLDER / name for name in ("reach.py", "access.py", "counted.py", "counting.py", "usage.py")]


def literals() -> set[str]:
    return {
        node.value
        for path in SOURCES
        if path.is_file()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def reasons() -> set[str]:
    """What is written as a reason: `reason = "code"` alone or beside others, `reason="code"` of a call, and what is
    returned by the functions that only give reasons, or as the second of (state, reason, ...)."""
    found: set[str] = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    found |= _assigned(target, node.value)
            elif isinstance(node, ast.keyword) and node.arg == "reason":
                found |= _texts(node.value)
            elif isinstance(node, ast.FunctionDef) and node.name in ("_reason", "unsaid"):
                found |= {text for each in _returned(node) for text in _texts(each)}
            elif isinstance(node, ast.FunctionDef) and node.name.endswith("_state"):
                pairs = [each for each in _returned(node) if isinstance(each, ast.Tuple)]
                found |= {text for pair in pairs for text in _texts(pair.elts[1])}
    return found


def _assigned(target: ast.expr, value: ast.expr) -> set[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=True)
        return {text for one, given in pairs for text in _assigned(one, given)}
    return _texts(value) if isinstance(target, ast.Name) and target.id == "reason" else set()


def _texts(node: ast.expr) -> set[str]:
    """The texts that an expression may be, and not those that it compares."""
    if isinstance(node, ast.IfExp):
        return _texts(node.body) | _texts(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def _returned(function: ast.FunctionDef) -> list[ast.expr]:
    return [each.value for each in ast.walk(function) if isinstance(each, ast.Return) and each.value is not None]


def test_every_reason_has_words_in_all_forms() -> None:
    found = reasons()
    assert {"withheld", "nearly_dark", "only_a_share", "few_measurements", "networks_differ", "stale"} <= found
    assert found <= set(words.REASON), "written, and without words in publish/words/ways.py"
    for language in LANGUAGES:
        assert found <= set(load(language)["reason"]), f"written, and without words in ways.{language}.toml"


def test_states_and_stages() -> None:
    assert set(words.STATE) == set(words.STATE_MEANS) == set(STATES)
    assert set(words.STAGE) == set(STAGES)


def test_reasons_are_written_somewhere() -> None:
    assert set(words.REASON) <= literals()


def test_prose_says_no_more_than_it_may() -> None:
    texts = [words.WARNING, *words.REMARKS, *words.STATE_MEANS.values(), *words.REASON.values()]
    for text in texts:
        assert "banned" not in text
        assert "because of" not in text
    assert "works" not in words.STATE_MEANS["untested"]


@pytest.mark.parametrize(
    ("state", "after", "before", "says"),
    [
        ("ok", None, None, "x reachable as far back as the data go (corroborated)"),
        ("blocked", None, None, "x blocked since before the data begin (corroborated)"),
        ("ok", None, "2024-03-02T10:00:00Z", "x reachable since 2024-03-02 10:00 (corroborated)"),
        ("blocked", None, "2024-03-02T10:00:00Z", "x blocked since before the data begin (corroborated)"),
        ("blocked", "2024-03-01T10:00:00Z", None, "x blocked since some time after 2024-03-01 10:00 (corroborated)"),
    ],
)
def test_since_when_is_never_since_nothing(state: str, after: str | None, before: str | None, says: str) -> None:
    found = Since(state=state, target="x", after=after, before=before, grade="corroborated", event=None)
    assert words.since([found]) == [says]
