"""Law: the benchmark of fetching runs from end to end on a few objects, and every object arrives."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


@pytest.mark.parametrize("server", ["replay", "nginx"])
def test_small(server: str, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed: the benchmark of fetching cannot compare")
    if server == "nginx" and not NGINX:
        pytest.skip("nginx is not installed: the benchmark of fetching is tried with the replay server only")
    figures = tmp_path / "figures.json"
    words = [sys.executable, str(ROOT / "bench/fetch.py"), "--small", "--server", server, "--json", str(figures)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "of curl (" in done.stdout
    found = json.loads(figures.read_text())
    assert found["arms"].keys() == {"small", "large"} | ({"line"} if server == "nginx" else set())
    assert all(arm["share"] > 0 for arm in found["arms"].values())
    assert found["memory"].keys() == {"20", "200"}
    assert all(one["peak"] > 0 for one in found["memory"].values())
