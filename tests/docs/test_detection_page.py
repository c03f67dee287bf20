"""Law: the page on detection says what detection does now: its figures on a forger follow from the thresholds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/detection.md").read_text(encoding="utf-8")
SCRIPT = ROOT / "docs/detection.py"
PLOTS = sorted((ROOT / "docs/img").glob("series-*.svg"))
FIRST_COLUMN = """
import forger
for label, networks, days, cells in forger.table((forger.USUAL[0],)):
    print(f"| {label} | {networks} | {days} | {cells[0]} |")
"""


def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "docs")])} | more
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)


def test_what_a_forger_could_do_follows_from_the_thresholds() -> None:
    """The first column, which is quick; all of them in the long test."""
    done = run("-c", FIRST_COLUMN)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    assert len(rows) > 8
    # The run of silence is that of all columns; here it may be another one.
    missing = [row for row in rows if row.rpartition("|")[0] not in PAGE and "silenced" not in row]
    assert not missing, "run `python docs/detection.py` with the material"


def test_the_material_may_be_absent(tmp_path: Path) -> None:
    for words in ((), ("--check",)):
        done = run(str(SCRIPT), *words, CLAMPDOWN_SHARED=str(tmp_path))
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert "CLAMPDOWN_SHARED" in done.stderr


@pytest.mark.long
@pytest.mark.shared
def test_the_page_is_current() -> None:
    done = run(str(SCRIPT), "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_plots_are_those_of_the_page() -> None:
    shown = set(re.findall(r"\(img/(series-[\w-]+\.svg)\)", PAGE))
    assert shown == {path.name for path in PLOTS}
    assert len(shown) >= 8


@pytest.mark.parametrize("path", PLOTS, ids=lambda path: path.name)
def test_plots_need_no_program_and_read_in_the_dark(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert "prefers-color-scheme:dark" in text
    assert not re.search(r"<script|on\w+=|href|url\(|@import", text)


def test_iran_is_found_in_the_counts_of_ooni() -> None:
    part = PAGE.split("## Iran, September 2022")[1].split("\n## ")[0]
    rows = re.findall(r"^\| OONI \| [\w ]+ \| (2022-09-\d\d) to (2022-09-\d\d) \|", part, re.MULTILINE)
    assert any(before <= "2022-09-16" <= after for before, after in rows)
