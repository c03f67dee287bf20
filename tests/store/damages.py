"""Law: a store is damaged in every way that we could think of; each has the name that the doctor gives it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import kept

from clampdown.fetch.ledger import Ledger

DAY = "2024-03-02"


def part(folder: Path, table: str, day: str = DAY) -> Path:
    return next((folder / "tables" / table / f"day={day}").iterdir())


def raw(folder: Path, number: int = 1) -> Path:
    digest = next(got.digest for got in Ledger(folder / "raw").got.values() if got.key == list(kept.FILES)[number])
    return Ledger(folder / "raw").file(digest or "")


def newest(folder: Path) -> Path:
    return max((folder / "manifest").iterdir(), key=lambda path: int(path.stem))


def change(path: Path, **fields: Any) -> None:
    """Another value somewhere in the manifest."""
    path.write_bytes(json.dumps(json.loads(path.read_bytes()) | fields).encode())


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0x55
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def append(path: Path, text: str = "x") -> None:
    with path.open("a") as file:
        file.write(text)


def swap(folder: Path) -> None:
    """Another day's rows under this day's name."""
    shutil.copy(part(folder, "measurements", "2024-03-03"), part(folder, "measurements"))


def other_day(folder: Path) -> None:
    path = newest(folder)
    held = json.loads(path.read_bytes())
    held["days"][DAY]["tables"]["measurements"] = held["days"]["2024-03-03"]["tables"]["measurements"]
    path.write_text(json.dumps(held))


def fewer_parts(folder: Path) -> None:
    path = newest(folder)
    held = json.loads(path.read_bytes())
    del held["days"][DAY]["tables"]["matches"]
    path.write_text(json.dumps(held))


def reference(folder: Path) -> Path:
    listing = folder / "reference" / json.loads(newest(folder).read_bytes())["reference"]
    return folder / "reference" / next(iter(json.loads(listing.read_bytes())["files"].values()))


def listing(folder: Path) -> Path:
    return folder / "reference" / json.loads(newest(folder).read_bytes())["reference"]


# What is done, what the doctor calls it, and whether it is wrong (else left over). Mended to the bytes of before.
SAME: dict[str, tuple[Callable[[Path], Any], str, bool]] = {
    "measurements flipped": (lambda s: flip(part(s, "measurements")), "part_damaged", True),
    "measurements gone": (lambda s: part(s, "measurements").unlink(), "part_missing", True),
    "observations cut": (lambda s: cut(part(s, "observations")), "part_damaged", True),
    "observations empty": (lambda s: part(s, "observations").write_bytes(b""), "part_damaged", True),
    "observations longer": (lambda s: append(part(s, "observations")), "part_damaged", True),
    "matches gone": (lambda s: part(s, "matches").unlink(), "part_missing", True),
    "conflicts flipped": (lambda s: flip(part(s, "conflicts", "2024-03-01")), "part_damaged", True),
    "rejects gone": (lambda s: part(s, "rejects", "unknown").unlink(), "part_missing", True),
    "verdicts flipped": (lambda s: flip(part(s, "verdicts")), "part_damaged", True),
    "cells gone": (lambda s: part(s, "cells").unlink(), "part_missing", True),
    "signals gone": (lambda s: part(s, "signals", "2024-03-03").unlink(), "part_missing", True),
    "series flipped": (lambda s: flip(part(s, "series", "2024-03-03")), "part_damaged", True),
    "a table gone": (lambda s: shutil.rmtree(s / "tables" / "observations"), "part_missing", True),
    "all tables gone": (lambda s: shutil.rmtree(s / "tables"), "part_missing", True),
    "another day's rows": (swap, "part_damaged", True),
    "another day's part named": (other_day, "part_damaged", True),
    "a part not named": (fewer_parts, "day_other", True),
    "mark gone": (lambda s: (s / "clampdown.json").unlink(), "mark", True),
    "mark not JSON": (lambda s: (s / "clampdown.json").write_bytes(b"\0"), "mark", True),
    "manifest cut": (lambda s: cut(newest(s)), "manifest", True),
    "manifest empty": (lambda s: newest(s).write_bytes(b""), "manifest", True),
    "all manifests cut": (lambda s: [cut(path) for path in (s / "manifest").iterdir()], "manifest", True),
    "manifests gone": (lambda s: shutil.rmtree(s / "manifest"), "manifest", True),
    "reference flipped": (lambda s: flip(reference(s)), "reference", True),
    "reference gone": (lambda s: reference(s).unlink(), "reference", True),
    "list of references gone": (lambda s: listing(s).unlink(), "reference", True),
    "list of references cut": (lambda s: cut(listing(s)), "reference", True),
    "part that nobody names": (lambda s: shutil.copy(part(s, "matches"), s / "tables/x"), "part_unnamed", False),
    "landing that nobody names": (lambda s: _landing(s), "part_unnamed", False),
    "half a file": (lambda s: (s / "tables" / ".tmp-abc").write_text("x"), "temporary", False),
    "half a fetched file": (lambda s: (s / "raw" / ".tmp-abc").write_text("x"), "temporary", False),
    "entry of a killed run": (lambda s: _entry(s), "log_unnamed", False),
    "fetched file that nobody names": (lambda s: _unnamed(s), "raw_unnamed", False),
}  # fmt: skip


def _landing(folder: Path) -> None:
    path = folder / "landing" / f"day={DAY}" / "x.measurements.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


def _entry(folder: Path) -> None:
    (folder / "log").mkdir(exist_ok=True)
    (folder / "log" / "1.json").write_text("{}")


def _unnamed(folder: Path) -> None:
    path = folder / "raw" / "ab" / ("ab" + "c" * 62)
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
