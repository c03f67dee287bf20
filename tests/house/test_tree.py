"""Law: the tree keeps the house's habits: laws first, small files, no trace of the machine that wrote them."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = {".git", ".venv", "demo", "build", "dist", "bench-out", "__pycache__"}
MAX_FILE, MAX_FUNCTION = 400, 60
# In pieces, so that this file does not hold what it looks for.
MACHINE = re.compile(
    "|".join(
        (
            r"(?<![\w.])/" + r"(?:work|root|tmp)/",
            r"/opt/py" + "pi",
            "pyp" + r"i\.org",
            "python" + r"hosted\.",
            "art" + "ifactory",
            r"(?:extra-)?index-" + r"url\s*=",
        )
    )
)


def tracked() -> list[Path]:
    """Files that git knows or would take; in a copy without git, all but what the commands make."""
    asked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode == 0:
        names = [ROOT / name for name in asked.stdout.split("\0") if name]
    else:
        names = [p for p in ROOT.rglob("*") if not SKIPPED & set(p.relative_to(ROOT).parts)]
    return sorted(p for p in set(names) if p.is_file())


FILES = tracked()
PYTHON = [p for p in FILES if p.suffix == ".py"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_check() -> None:
    assert {"pyproject.toml", "src/clampdown/model.py", "bootstrap.py"} <= {name(p) for p in FILES}


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_python_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    law = ast.get_docstring(tree) or ""
    assert law.startswith("Law: "), f"{name(path)} does not open with its law"
    lines = text.count("\n")
    assert lines <= MAX_FILE, f"{name(path)} has {lines} lines: split it by verb"
    long = [
        f"{node.name} ({(node.end_lineno or 0) - node.lineno + 1} lines)"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION
    ]
    assert not long, f"{name(path)}: functions over {MAX_FUNCTION} lines: {', '.join(long)}"


def test_no_trace_of_a_machine() -> None:
    found = []
    for path in FILES:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # pictures and archives
        found += [f"{name(path)}:{text.count(chr(10), 0, m.start()) + 1}: {m[0]}" for m in MACHINE.finditer(text)]
    assert not found, "\n".join(found)


def test_the_search_finds_what_it_looks_for() -> None:
    assert MACHINE.search("see /" + "tmp/x")
    assert MACHINE.search("https://pyp" + "i.org/simple")
    assert not MACHINE.search("a/framework/tmpl")


def test_no_pandas_in_the_core() -> None:
    """Once pandas is imported every Arrow array pays for it (a second a process)."""
    core = [p for p in PYTHON if name(p).startswith("src/")]
    assert not [name(p) for p in core if re.search(r"^\s*(import|from) pandas", p.read_text(), re.MULTILINE)]


def test_no_utils() -> None:
    names = {"utils", "util", "helpers", "common", "misc"}
    assert not [name(p) for p in PYTHON if p.stem in names or names & set(p.parent.parts)]


DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
PARTS = ("## Context", "## Choice", "## Buys", "## Costs", "## What would change our mind")


@pytest.mark.parametrize("path", DECISIONS, ids=name)
def test_decision_record(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("## ")] == list(PARTS)
    assert lines[0].startswith("# ")


def test_decision_records_have_numbers_of_their_own() -> None:
    numbers = [p.name[:4] for p in DECISIONS]
    assert len(set(numbers)) == len(numbers) > 0
