"""Law: the tests of fetching talk to servers of their own on loopback, and the network beyond is never touched."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = str(Path(__file__).resolve().parent)
if FOLDER not in sys.path:
    sys.path.append(FOLDER)
