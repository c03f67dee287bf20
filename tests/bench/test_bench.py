"""Law: the benchmark runs from end to end on a small archive, loses nothing and prints each stage beside the floor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_small(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    words = [sys.executable, str(ROOT / "bench/run.py"), "--small", "--json", str(figures)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "of floor" in done.stdout
    assert "rejects" not in done.stdout
    assert "instead of" not in done.stdout
    found = json.loads(figures.read_text())
    assert found.keys() == {"web", "web05", "mix"}
    for stages in found.values():
        assert stages.keys() == {"floor", "parts", "observe", "river"}
        assert len({stage["measurements"] for stage in stages.values()}) == 1
        assert all(stage["mb_per_second"] > 0 and stage["peak"] > 0 for stage in stages.values())
        assert stages["observe"]["observations"] == stages["river"]["observations"] > stages["floor"]["measurements"]
