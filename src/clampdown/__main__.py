"""Law: `python -m clampdown` is the program `clampdown`."""

from __future__ import annotations

from clampdown.cli import main

if __name__ == "__main__":
    main()
