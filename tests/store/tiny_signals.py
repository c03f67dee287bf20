"""Law: a source of signals for tests, the smallest there is: a mark, then a level or a published record per line.

`#levels` then `name,time,value[,quality]`; `!kind,start,title` is a published record; anything else is a reject.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from clampdown.intake.levels import Digested, LevelRows, Opened, Signal
from clampdown.intake.sources import SignalSource
from clampdown.model import Batch
from clampdown.pipeline.observe import read_alone, read_input

MARK = b"#levels"


def signal(name: str) -> Signal:
    """`IR`, `AS64500@XA`: a country, or a network in one; `~` in front: scaled within its file."""
    entity = name.lstrip("~")
    first, _, country = entity.partition("@")
    network = int(first[2:]) if first.startswith("AS") else None
    return Signal(
        entity, "country" if network is None else "network", "control", "bgp/slash24", "bgp-collectors", "tiny", 3600,
        country=country or (first if network is None else None), network=network, normalised=name.startswith("~"),
    )  # fmt: skip


def read(opened: Opened, _kit: Any) -> Iterator[Batch]:
    reader = Digested(opened.reader)
    rows = LevelRows(opened.place)
    text = b""
    while block := reader.read(1 << 16):
        text += block
    for number, line in enumerate(text.decode().splitlines(), 1):
        if line.startswith("#") or not line:
            continue
        parts = line.split(",")
        try:
            if line.startswith("!"):
                start = datetime.fromisoformat(parts[1]) if parts[1] else None
                end = datetime.fromisoformat(parts[3]) if len(parts) > 3 else None
                rows.publish(
                    number, source="tiny", kind=parts[0][1:], start=start, title=parts[2], country="XA", end=end,
                    precision="day", networks="64500 64501",
                )  # fmt: skip
                continue
            value, quality = (float(part) if part else None for part in (parts[2], (*parts, "")[3]))
            rows.add(signal(parts[0]), datetime.fromisoformat(parts[1]), value, quality)
        except (ValueError, IndexError):
            rows.reject(number, "not_levels", "neither a level nor a record", line.encode())
        yield from rows.due()
    fault = reader.fault
    if fault is not None and not fault.told:
        fault.told = True
        rows.reject(None, fault.reason, fault.detail)
    yield from rows.finish(reader.digest())


def sniff(head: bytes) -> bool:
    return head.startswith(MARK)


SOURCE = SignalSource("tiny", sniff, read)
READ = partial(read_input, signals=(SOURCE,))
ALONE = partial(read_alone, signals=(SOURCE,))
