"""Law: a tiny store as `fetch` leaves it: files by digest, a ledger that names them, and the days made from them.

Three uploads of OONI (the third is a copy of the second's records, as postcans are), and two answers with levels.
"""

from __future__ import annotations

import hashlib
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import tiny
import tiny_signals

from clampdown.fetch.ledger import Got, Ledger, Request
from clampdown.judge.rules import load_rules
from clampdown.pipeline import ingest, open_storage
from clampdown.pipeline.inputs import Input, key_of
from clampdown.reference import load_reference
from clampdown.store.storage import LocalStorage
from clampdown.store.store import Store

RULES, REFERENCE = load_rules(), load_reference()
NOW = datetime(2024, 4, 1, 12)
AT = "2024-03-10T00:00:00Z"
# Numbers are measurements of the tiny world: 0..3 on 1 March, 4..6 on 2 March, 7..10 on 3 and 4 March, in countries
# XA, XB and none by turns.
LATER = "#levels\nXA,2024-03-03T00:00:00,2\nAS64500@XA,2024-03-03T01:00:00,3\n"
FILES = {
    "raw/20240301/23/2024030123_XA.jsonl": "0\n1\n2 x\n3\nnot a record\n",
    "raw/20240302/23/2024030223_XA.jsonl": "2 y\n4\n5\n6\n",
    "raw/20240302/23/2024030223_XA.postcans.jsonl": "4\n5\n",
    "raw/20240304/12/2024030412_XA.jsonl": "7\n8\n9\n10\n",
    "signals/raw/country/XA?from=1709251200&until=1709337600": "#levels\nXA,2024-03-01T00:00:00,1\n",
    "signals/raw/country/XA?from=1709424000&until=1709510400": LATER,
}  # fmt: skip


def read(stream: Any, name: str, kit: Any, limits: Any) -> Any:
    """Levels and measurements, each by its source."""
    yield from (tiny_signals.READ if name.endswith(".csv") else tiny.read)(stream, name, kit, limits)


def name_of(key: str) -> str:
    found = key.rpartition("/")[2].replace("?", "-").replace("&", "-").replace("=", "-")
    return found if found.endswith(".jsonl") else f"{found}.csv"


def service_of(key: str) -> str:
    return "ooni" if key.endswith(".jsonl") else "tiny"


def got(root: Path, key: str, text: str) -> Got:
    """A fetched file, and the line that names it."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = root / digest[:2] / digest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    name = name_of(key)
    return Got(service_of(key), key, name, digest, len(text), AT, input=key_of(Input(str(path), name, name, 0)))


def requests() -> list[Request]:
    """March 2024 of XA was asked for until the fifth; uploads until the sixth."""
    common = {"since": "2024-03-01T00:00:00", "until": "2024-03-06T00:00:00", "at": AT, "country": "XA"}
    return [Request("ooni", until_received="2024-03-07T00:00:00", **common), Request("tiny", **common)]  # type: ignore[arg-type]


def make(folder: Path, *, judge: bool = True) -> Store:
    """A store in this folder, with its fetched files in `raw`."""
    store = open_storage(LocalStorage(folder), str(folder), create=True)
    ledger = Ledger(folder / "raw")
    lines = [got(ledger.root, key, text) for key, text in FILES.items()]
    ledger.add(*lines, *requests())
    inputs = [Input(str(ledger.file(one.digest or "")), one.name, one.name, one.size) for one in lines]
    ingest(inputs, store, workers=1, judge=judge, read=read, rules=RULES, reference=REFERENCE)
    return store


def files(folder: Path) -> dict[str, bytes]:
    """Everything but manifests, the lock and the ledger: by name, with its bytes."""
    kept = [p for p in folder.rglob("*") if p.is_file() and p.name not in ("lock", "ledger.jsonl")]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in kept if p.parent.name != "manifest"}
