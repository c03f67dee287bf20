"""Law: the tests of detection use the benchmark's worlds and the command line's records from where they lie."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parents[1] / "bench", HERE.parent / "cli"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
