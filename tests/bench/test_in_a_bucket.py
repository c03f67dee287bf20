"""Law: the benchmark of stores in buckets runs from end to end on a few records."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
def test_small(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    words = [sys.executable, str(ROOT / "bench/in_a_bucket.py"), "--small", "--json", str(figures)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text())
    assert found["seconds"]["ingest"].keys() == {"folder", "moto", "20 ms"}
    assert found["requests"]["ingest"] > 20
    assert found["objects"] > 20
