"""Law: what collectors of BGP heard is read as it lies in their archives; nothing is opened, fetched or guessed."""

from __future__ import annotations

from typing import Final

from clampdown.intake.sources import SignalSource
from clampdown.intake.sources.bgp.read import read, sniff

SOURCE: Final = SignalSource("bgp", sniff, read)
