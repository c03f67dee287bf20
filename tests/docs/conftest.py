"""Law: pages that fetch are run against the server on loopback that the tests of fetching have."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = str(Path(__file__).resolve().parent.parent / "fetch")
if FOLDER not in sys.path:
    sys.path.append(FOLDER)
