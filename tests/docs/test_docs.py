"""Law: what the docs show, runs: every `sh` and `python` block, in order, in an empty folder with an empty home.

A block that cannot run here says why on the line before it: `<!-- not run: reason -->`. Blocks of one document share
a folder, as they do for a reader. Pages in `COLD` start the program itself; the commands of the others are forked from
a process that has imported it already (`warm.py`), since they start it forty times.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
from replay.archive import Size, make
from replay.bucket import Bucket
from replay.server import Replay

from clampdown.cli import jobs
from clampdown.cli.settings import resolve
from clampdown.pipeline.fetching import SERVICES

ROOT = Path(__file__).resolve().parents[2]
COLD = ("README.md", "docs/first-answer.md")
WARM = Path(__file__).with_name("warm.py")
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


@pytest.fixture(scope="module")
def warm() -> Iterator[str]:
    """A folder for the path, with a `clampdown` that need not import anything."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        place, program = f"{folder}/s", Path(folder, "clampdown")
        program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-IS", str(WARM), place])} "$@"\n')
        program.chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CLAMPDOWN_")} | {"OPENBLAS_NUM_THREADS": "1"}
        words = [sys.executable, str(WARM), "serve", place]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=kept) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield folder
            assert server.stdin is not None
            server.stdin.close()
            try:
                assert server.wait(10) == 0
            finally:
                server.kill()


def run(block: Block, folder: Path, page: Path, mirror: str | None = None, warm: str | None = None) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CLAMPDOWN_")}
    if mirror is not None:
        environment["CLAMPDOWN_MIRROR"] = mirror
    ways = [str(Path(sys.executable).parent), environment["PATH"]]
    environment["PATH"] = os.pathsep.join(ways if warm is None or name(page) in COLD else [warm, *ways])
    environment["HOME"] = str(folder)
    words = ["sh", "-eu", "-c", block.text] if block.kind == "sh" else [sys.executable, "-W", "error", "-c", block.text]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{name(page)}:{block.line}\n{block.text}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


WITH_BLOCKS = [page for page in PAGES if any(b.why is None for b in blocks(page))]


def fetches(page: Path) -> bool:
    shown = [block.text for block in blocks(page) if block.why is None and block.kind == "sh"]
    return any(re.search(r"^clampdown fetch", text, re.MULTILINE) for text in shown)


@pytest.mark.parametrize("page", [page for page in WITH_BLOCKS if not fetches(page)], ids=name)
def test_blocks_run(page: Path, tmp_path: Path, warm: str) -> None:
    for block in blocks(page):
        if block.why is None:
            run(block, tmp_path, page, warm=warm)


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    """A server on loopback that stands for OONI's archive: half a month of a country, made up, in which Telegram stops
    working on the 15th."""
    objects: dict[str, bytes] = {}
    for first, days, day in ((date(2021, 3, 7), 8, 30), (date(2021, 3, 15), 8, 35)):
        size = Size(first, days, (3, 9, 15, 21), ("telegram",), 2, 12, 2, 1)
        objects |= make(size, country="IR", day=day, seed=day).objects
    with Replay() as server:
        bucket = Bucket(objects, "ooni")
        server.mount(bucket.prefix, bucket)
        yield server.url


@pytest.mark.parametrize("page", [page for page in WITH_BLOCKS if fetches(page)], ids=name)
def test_blocks_that_fetch_run(page: Path, tmp_path: Path, mirror: str, warm: str) -> None:
    for block in blocks(page):
        if block.why is None:
            run(block, tmp_path, page, mirror, warm)
    if page.name == "first-answer.md":
        told = "clampdown findings IR --target telegram --state blocked --store iran --format csv"
        run(Block("sh", f"{told} | grep -E '2021-03-1[345]'", None, 0), tmp_path, page)


def test_the_first_answer_takes_five_commands() -> None:
    text = (ROOT / "docs/first-answer.md").read_text(encoding="utf-8")
    part = text[text.index("## Five commands") : text.index("## What was asked")]
    assert len(re.findall(r"^clampdown ", part, re.MULTILINE)) == 5


TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if TOML.search(page.read_text(encoding="utf-8"))], ids=name)
def test_settings_and_jobs_are_read(page: Path) -> None:
    services = {service: tuple(one.options) for service, one in SERVICES.items()}
    for text in TOML.findall(page.read_text(encoding="utf-8")):
        resolve({}, {}, text.encode(), name(page))
        jobs.load(text.encode(), services=services, where=name(page))


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
