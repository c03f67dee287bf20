"""Law: what collectors of BGP heard is read as it lies in their archives; nothing is opened, fetched or guessed.

One stream is one state: a table (bview, rib) and the updates after it belong together only where they come as one
stream, as `cat bview.gz updates.gz > one.gz` makes it. Members of a tar are read each alone. See decision 26.
"""

from __future__ import annotations

from typing import Final

from clampdown.intake.sources import SignalSource
from clampdown.intake.sources.bgp.read import read, sniff

SOURCE: Final = SignalSource("bgp", sniff, read)
