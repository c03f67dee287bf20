"""Law: the tests of ways through use the tests' own records from where they lie."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "intake", HERE.parent / "cli"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
