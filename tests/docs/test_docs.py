"""Law: what the docs show, runs: every `sh` and `python` block, in order, in an empty folder with an empty home.

A block that cannot run here says why on the line before it: `<!-- not run: reason -->`. Blocks of one document share
a folder, as they do for a reader.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>.+?) -->\n)?```(?P<kind>sh|python)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


class Block(NamedTuple):
    kind: str
    text: str
    why: str | None
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(m["kind"], m["text"], m["why"], text.count("\n", 0, m.start()) + 1) for m in BLOCK.finditer(text)]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def run(block: Block, folder: Path, page: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CLAMPDOWN_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["HOME"] = str(folder)
    words = ["sh", "-eu", "-c", block.text] if block.kind == "sh" else [sys.executable, "-W", "error", "-c", block.text]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{name(page)}:{block.line}\n{block.text}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


WITH_BLOCKS = [page for page in PAGES if any(b.why is None for b in blocks(page))]


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=name)
def test_blocks_run(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.why is None:
            run(block, tmp_path, page)


def test_there_are_blocks_that_run() -> None:
    assert ROOT / "docs/tutorial.md" in WITH_BLOCKS


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_blocks_are_marked(page: Path) -> None:
    """A fence of code without a kind would escape the test."""
    fences = re.findall(r"^```(\w*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(fences[::2]) <= {"sh", "python", "text", "toml", "json"}
    assert set(fences[1::2]) <= {""}
    assert all(len(b.why) > 10 for b in blocks(page) if b.why is not None)


@pytest.mark.parametrize("page", sorted({*PAGES, *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")}), ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not missing


def test_generated_pages_are_current() -> None:
    words = [sys.executable, str(ROOT / "docs/generate.py"), "--check"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run `make docs`: {done.stdout}{done.stderr[-2000:]}"


def test_methods_state_the_order_and_the_comparisons_that_are_made() -> None:
    methods = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    assert "`invalid`, `throttled`, `ok`, `blocked`, `refused`, `down`, `unknown`" in methods
    assert "It is not compared with the control" in methods
    assert "can turn `ok` into `throttled`" in methods
    assert "`throttled` stands before `ok`" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
