"""Law: a lock names versions and digests and nothing of the machine that made it: no URL, no path, no host.

Resolves pyproject.toml once for every supported Python and platform (`uv pip compile --universal`) and writes
tools.txt (pip and the build backend), core.txt (what users run) and dev.txt (core and what developers and tests
need). Run by `make lock`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
HEAD = "# Law: exact versions with digests, for Python 3.11 and later; made by `make lock`, never by hand.\n"
LOCKS = {"core.txt": (), "dev.txt": ("--extra", "dev"), "tools.txt": None}


def compile_lock(uv: str, source: Path, extra: tuple[str, ...]) -> str:
    """One resolution, as text without comments."""
    words = [uv, "pip", "compile", str(source), "--universal", "--python-version", "3.11", "--generate-hashes"]
    words += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--upgrade", *extra]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
    text = subprocess.run(words, check=True, capture_output=True, text=True, env=env).stdout
    return "".join(
        line + "\n" for line in text.splitlines() if not re.match(r"\s*#|--(index|extra|find|trusted)", line)
    )


def main() -> int:
    uv = shutil.which("uv")
    if uv is None:
        print("uv is not on the path: install it (pip install uv) and run `make lock` again", file=sys.stderr)
        return 2
    (HERE / "tools.in").write_text("pip\nsetuptools\n")
    try:
        for name, extra in LOCKS.items():
            source = HERE / "tools.in" if extra is None else HERE.parent / "pyproject.toml"
            (HERE / name).write_text(HEAD + compile_lock(uv, source, extra or ()))
    finally:
        (HERE / "tools.in").unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
