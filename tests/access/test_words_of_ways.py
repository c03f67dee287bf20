"""Law: every code of an answer on ways through has words, and no words are kept for nobody."""

from __future__ import annotations

import ast
from pathlib import Path

from clampdown import assess
from clampdown.assess.ways import STAGES, STATES
from clampdown.publish.words import ways as words

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
